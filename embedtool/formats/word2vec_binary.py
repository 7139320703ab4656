"""The binary of word2vec: a header line of text, then word, space, numbers, line end or none."""

import mmap
import re
from collections.abc import Iterator, Mapping
from io import BufferedReader
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import DamagedError, FormatError
from embedtool.formats.array_builder import vectors_from_rows, watched
from embedtool.formats.layout import header_of, is_row, is_text
from embedtool.formats.options import ReadOptions
from embedtool.formats.source import HEAD_BYTES, Source
from embedtool.io.atomic import atomic_write
from embedtool.io.blocks import row_slices
from embedtool.io.progress import Report, silent
from embedtool.io.safetensors_io import release_pages
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

LONGEST_WORD = 2**20
"""Maximum bytes of a word before its space."""
LONGEST_HEADER = 64
"""Maximum bytes of the first line."""
PIECE_BYTES = 2**20
"""Bytes that are read at once."""
REPORT_ROWS = 2**12
"""Rows after which progress is reported."""
RELEASE_ROWS = 2**12
"""Rows after which the memory of the mapped file is released."""
FIRST_LINES, FIRST_BYTES = 10, 2**20
"""Maximum lines and bytes that determine whether text follows the header."""
LINE_END = ord("\n")
NO_LINE_END = re.compile(rb"[^\n]")


def read(source: Source, options: ReadOptions) -> VectorTable:
    """Read a file, with or without a line end after each row.

    Raises
    ------
    FormatError
        If the file is not valid; the message has the byte and the word.
    """
    with source.opened() as file:
        first = file.readline(LONGEST_HEADER)
        header = header_of(first.removesuffix(b"\n")) if first.endswith(b"\n") else None
        if header is None:
            raise FormatError(
                f"{source}, byte 0: no header line of two numbers, rows and dimensions"
            )
        n_rows, vector_size = header
        head = source.head
        if holds_text(head, len(first), *header, is_cut=len(head) >= HEAD_BYTES):
            raise FormatError(
                f"{source}: is text, not binary; use format='word2vec'", parameters=("format",)
            )
        size = source.size
        if n_rows < 1 or (size and n_rows * (4 * vector_size + 2) > size - len(first)):
            raise DamagedError(
                f"{source}: the header says {counted(n_rows, 'row')} of "
                f"{counted(vector_size, 'number')}, which cannot be in "
                f"{counted(size or len(head), 'byte')}"
            )
        rows = _rows(source, _Buffer(file, len(first)), n_rows, vector_size, options)
        return vectors_from_rows(source.name, rows, vector_size, options)


def holds_text(
    data: mmap.mmap | bytes, offset: int, n_rows: int, vector_size: int, *, is_cut: bool = False
) -> bool:
    """Return whether rows of text, not of binary numbers, follow the header of a file.

    Binary numbers may look like a line of text, and invalid text is still text. If some lines look
    like rows of text and not all are valid, or their number is not what the header says, the file
    is binary if `n_rows` binary rows end with the file.

    Parameters
    ----------
    data : mmap or bytes
        The file, or its beginning.
    offset : int
        The byte after the header.
    n_rows, vector_size : int
        The numbers in the header.
    is_cut : bool
        Whether `data` is only the beginning of the file.
    """
    is_whole = not is_cut and offset + FIRST_BYTES >= len(data)
    head = data[offset : offset + FIRST_BYTES]
    lines = head.rstrip().split(b"\n") if is_whole else head.split(b"\n")[:-1] or [head]
    first = lines[:FIRST_LINES]
    n_like, n_filled = sum(map(is_text, first)), sum(map(bool, map(bytes.strip, first)))
    if not n_like:
        return False
    are_sound = all(is_row(line, vector_size) for line in first)
    if are_sound and (len(lines) == n_rows or not is_whole):
        return True
    end = end_of_rows(data, offset, n_rows, 4 * vector_size, any_words=False, is_cut=is_cut)
    return 2 * n_like > n_filled and not end


def end_of_rows(
    data: mmap.mmap | bytes,
    offset: int,
    n_rows: int,
    row_bytes: int,
    *,
    any_words: bool = True,
    is_cut: bool = False,
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
    is_cut : bool
        Whether `data` is only the beginning of a file: then the end of the last whole row.
    """
    for row in range(n_rows):
        start = after_line_end(data, offset)
        offset = next_row(data, offset, row_bytes)
        if is_cut and offset > len(data):
            return start
        if not 0 < offset <= len(data):
            return 0
        if not any_words and b"\n" in data[start : offset - row_bytes]:
            return 0
        if row % RELEASE_ROWS == 0:
            release_pages(np.frombuffer(data, np.uint8))
    return 0 if NO_LINE_END.search(data, offset) else offset


def next_row(data: mmap.mmap | bytes, offset: int, row_bytes: int) -> int:
    """Return the end of the row that begins at a byte, or 0 if there is none."""
    start = after_line_end(data, offset)
    space = data.find(b" ", start, start + LONGEST_WORD)
    return space + 1 + row_bytes if space >= 0 else 0


def after_line_end(data: mmap.mmap | bytes, offset: int) -> int:
    """Return the offset, or the next one if there is a line end."""
    return offset + (data[offset : offset + 1] == b"\n")


class _Buffer:
    """The part of a file that is being read.

    Parameters
    ----------
    file : BufferedReader
        The file.
    offset : int
        The byte at which it is.

    Attributes
    ----------
    data : bytes
        The part.
    start : int
        The byte of `data` that is read next.
    """

    def __init__(self, file: BufferedReader, offset: int) -> None:
        self._file = file
        self._before = offset
        self.data = b""
        self.start = 0

    @property
    def offset(self) -> int:
        """The byte of the file that is read next."""
        return self._before + self.start

    def has(self, n_bytes: int) -> bool:
        """Return whether so many bytes follow, and have them in `data`."""
        missing = self.start + n_bytes - len(self.data)
        if missing > 0:
            more = self._file.read(max(missing, PIECE_BYTES))
            self._before += self.start
            self.data, self.start = self.data[self.start :] + more, 0
        return self.start + n_bytes <= len(self.data)

    def find_space(self) -> int:
        """Return where in `data` the next space is, or -1."""
        while (space := self.data.find(b" ", self.start, self.start + LONGEST_WORD)) < 0:
            n_bytes = len(self.data) - self.start
            if n_bytes >= LONGEST_WORD or not self.has(n_bytes + 1):
                break
        return space


def _rows(
    source: Source, buffer: _Buffer, n_rows: int, vector_size: int, options: ReadOptions
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield each word and its numbers, to the end of the file."""
    reported, row_bytes = source.report_to(options.report), 4 * vector_size
    for row in range(n_rows):
        if buffer.has(1) and buffer.data[buffer.start] == LINE_END:
            buffer.start += 1
        where = f"{source}, byte {buffer.offset:,}"
        space = buffer.find_space() - buffer.start
        if space < 0 or not buffer.has(space + 1 + row_bytes):
            raise DamagedError(f"{where}: row {row + 1:,} is cut short")
        first = buffer.start + space + 1
        word = options.decoded(buffer.data[buffer.start : first - 1], where)
        if "\n" in word:
            raise DamagedError(f"{where}: the word is missing")
        values = np.frombuffer(buffer.data, "<f4", vector_size, first)
        if not (options.allow_nonfinite or np.isfinite(values).all()):
            raise DamagedError(
                f"{source}, byte {buffer.offset + space + 1:,}: the vector of {word!r} holds a "
                "number that is not finite"
            )
        buffer.start = first + row_bytes
        yield word, values
        if row % REPORT_ROWS == 0:
            reported(buffer.offset)
    while buffer.has(1):
        if NO_LINE_END.search(buffer.data, buffer.start):
            raise DamagedError(
                f"{source}, byte {buffer.offset:,}: more follows than {counted(n_rows, 'row')}"
            )
        buffer.start = len(buffer.data)


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
