"""The binary of word2vec: a header line of text, then word, space, numbers, line end or none."""

import mmap
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import DamagedError, FormatError
from embedtool.formats.array_builder import vectors_from_rows, watched
from embedtool.formats.layout import header_of, is_row, is_text
from embedtool.formats.options import ReadOptions
from embedtool.io.atomic import atomic_write
from embedtool.io.blocks import row_slices
from embedtool.io.progress import Progress, Report, silent
from embedtool.io.safetensors_io import release_pages
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

LONGEST_WORD = 2**20
"""Maximum bytes of a word before its space."""
RELEASE_ROWS = 2**12
"""Rows after which the memory of the mapped file is released."""
FIRST_LINES, FIRST_BYTES = 10, 2**20
"""Maximum lines and bytes that determine whether text follows the header."""
NO_LINE_END = re.compile(rb"[^\n]")


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a file, with or without a line end after each row.

    Raises
    ------
    FormatError
        If the file is not valid; the message has the byte and the word.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        end_of_header = data.find(b"\n", 0, 64)
        header = header_of(data[: max(end_of_header, 0)])
        if header is None:
            raise FormatError(f"{path}, byte 0: no header line of two numbers, rows and dimensions")
        n_rows, vector_size = header
        row_bytes = 4 * vector_size
        offset = end_of_header + 1
        if holds_text(data, offset, n_rows, vector_size):
            raise FormatError(
                f"{path}: is text, not binary; use format='word2vec'", parameters=("format",)
            )
        if n_rows < 1 or n_rows * (row_bytes + 2) > len(data) - offset:
            raise DamagedError(
                f"{path}: the header says {counted(n_rows, 'row')} of "
                f"{counted(vector_size, 'number')}, which cannot be in {counted(len(data), 'byte')}"
            )
        rows = _rows(path, data, offset, n_rows, row_bytes, options)
        return vectors_from_rows(path, islice(rows, options.limit), vector_size, options)


def holds_text(data: mmap.mmap, offset: int, n_rows: int, vector_size: int) -> bool:
    """Return whether rows of text, not of binary numbers, follow the header of a file.

    Binary numbers may look like a line of text, and invalid text is still text. If some lines look
    like rows of text and not all are valid, or their number is not what the header says, the file
    is binary if `n_rows` binary rows end with the file.

    Parameters
    ----------
    offset : int
        The byte after the header.
    n_rows, vector_size : int
        The numbers in the header.
    """
    is_whole = offset + FIRST_BYTES >= len(data)
    head = data[offset : offset + FIRST_BYTES]
    lines = head.rstrip().split(b"\n") if is_whole else head.split(b"\n")[:-1] or [head]
    first = lines[:FIRST_LINES]
    n_like, n_filled = sum(map(is_text, first)), sum(map(bool, map(bytes.strip, first)))
    if not n_like:
        return False
    are_sound = all(is_row(line, vector_size) for line in first)
    if are_sound and (len(lines) == n_rows or not is_whole):
        return True
    end = end_of_rows(data, offset, n_rows, 4 * vector_size, any_words=False)
    return 2 * n_like > n_filled and not end


def end_of_rows(
    data: mmap.mmap, offset: int, n_rows: int, row_bytes: int, *, any_words: bool = True
) -> int:
    """Return the end of `n_rows` rows if the file ends there; otherwise 0.

    Parameters
    ----------
    offset : int
        The byte at which they begin.
    row_bytes : int
        Bytes of the numbers of a row.
    any_words : bool
        If False, no word may hold a line end.
    """
    for row in range(n_rows):
        start = after_line_end(data, offset)
        offset = next_row(data, offset, row_bytes)
        if not 0 < offset <= len(data):
            return 0
        if not any_words and b"\n" in data[start : offset - row_bytes]:
            return 0
        if row % RELEASE_ROWS == 0:
            release_pages(np.frombuffer(data, np.uint8))
    return 0 if NO_LINE_END.search(data, offset) else offset


def next_row(data: mmap.mmap, offset: int, row_bytes: int) -> int:
    """Return the end of the row that begins at a byte, or 0 if there is none."""
    start = after_line_end(data, offset)
    space = data.find(b" ", start, start + LONGEST_WORD)
    return space + 1 + row_bytes if space >= 0 else 0


def after_line_end(data: mmap.mmap, offset: int) -> int:
    """Return the offset, or the next one if there is a line end."""
    return offset + (data[offset : offset + 1] == b"\n")


def _rows(
    path: Path, data: mmap.mmap, offset: int, n_rows: int, row_bytes: int, options: ReadOptions
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield each word and its numbers, from a byte to the end of the file."""
    for row in range(n_rows):
        offset = after_line_end(data, offset)
        space = data.find(b" ", offset, offset + LONGEST_WORD)
        if space < 0 or space + 1 + row_bytes > len(data):
            raise DamagedError(f"{path}, byte {offset:,}: row {row + 1:,} is cut short")
        where = f"{path}, byte {offset:,}"
        word = options.decoded(data[offset:space], where)
        if "\n" in word:
            raise DamagedError(f"{where}: the word is missing")
        values = np.frombuffer(data[space + 1 : space + 1 + row_bytes], dtype="<f4")
        if not (options.allow_nonfinite or np.isfinite(values).all()):
            raise DamagedError(
                f"{path}, byte {space + 1:,}: the vector of {word!r} holds a number that is "
                "not finite"
            )
        yield word, values
        offset = space + 1 + row_bytes
        if row % RELEASE_ROWS == 0:
            release_pages(np.frombuffer(data, np.uint8))
            options.report(Progress("reading", offset, len(data), "bytes"))
    if data[offset:].strip(b"\n"):
        raise DamagedError(f"{path}, byte {offset:,}: more follows than {counted(n_rows, 'row')}")


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write a file with a line end after each row, like word2vec.c."""
    with atomic_write(path) as file:
        file.write(b"%d %d\n" % (vectors.n_words, vectors.vector_size))
        words = iter(vectors.words)
        blocks = row_slices(vectors.n_words, vectors.rows[:1].nbytes)
        for rows in watched(blocks, vectors.n_words, report):
            for row, word in zip(vectors.rows[rows].astype("<f4"), words, strict=False):
                file.write(word.encode() + b" " + row.tobytes() + b"\n")
            release_pages(vectors.rows)
