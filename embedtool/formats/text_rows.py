"""Text with one row a line, a word and its numbers between single spaces.

This is word2vec's text and fastText's .vec, which begin with a header line of the numbers of rows
and dimensions, and Stanford's GloVe text, which has none. `layout` defines what a row is.
"""

import logging
import re
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import DamagedError, FormatError
from embedtool.formats.array_builder import ArrayBuilder, watched
from embedtool.formats.layout import (
    BLANKS,
    SAMPLE_BYTES,
    SAMPLE_LINES,
    Layout,
    layout_of,
    row_of,
)
from embedtool.formats.options import ReadOptions
from embedtool.formats.source import Source
from embedtool.formats.word_checks import WordFilter, check_first_word
from embedtool.io.atomic import atomic_write
from embedtool.io.blocks import row_slices
from embedtool.io.encodings import UTF8
from embedtool.io.machine import n_cores
from embedtool.io.progress import Report, silent
from embedtool.io.safetensors_io import release_pages
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

PIECE_BYTES = 2**22
"""Bytes of lines that a thread parses at a time."""
SMALL = 2**24
"""Files up to this size in bytes, and matrices up to SMALL_TABLE numbers, are read or written
faster than the compiled kernels for them are loaded."""
SMALL_TABLE = 2**20
LINE_END = ord("\n")
BLANK_LINES = BLANKS + b"\n"
LONGEST_SHOWN = 40
"""Maximum bytes of a line that an error quotes."""
FRACTION = re.compile(r"[-+]?(?:\d*\.\d+(?:e[-+]?\d+)?|\d+\.?e[-+]?\d+)", re.IGNORECASE)
"""Pattern of a number of a vector, unlike the whole numbers that name the nodes of a graph."""
UNKNOWN = "<unk>"
"""Characters that a word must not contain if fields are separated by white space."""


def read(source: Source, options: ReadOptions, *, header: bool) -> VectorTable:
    """Read a file of rows; empty words, and all but the first of equal words, are left out.

    Parameters
    ----------
    header : bool
        Whether the first line must give the number of rows and dimensions; otherwise it may. A
        program that writes GloVe's text with a header counts the words without `<unk>`, the last
        row.

    Raises
    ------
    DamagedError
        If the file is not valid; it names the line and the word.
    """
    with (
        source.opened() as stored,
        warnings.catch_warnings(),
        ArrayBuilder(options) as table,
    ):
        warnings.simplefilter("error", DeprecationWarning)
        file = options.as_utf8(source.name, stored)
        head = file.read(SAMPLE_BYTES) + file.readline()
        lines = head.split(b"\n", SAMPLE_LINES)[:SAMPLE_LINES]
        layout = layout_of(lines, needs_header=header)
        _check_layout(source.name, layout, needs_header=header)
        is_large = len(head) >= SAMPLE_BYTES if source.size is None else source.size > SMALL
        rows = _Rows(source.name, layout, options, fast=is_large)
        words = WordFilter(options)
        if layout.header is not None:
            head = head[len(lines[0]) + 1 :]
        pieces = _pieces(head, file)
        for block_words, block in rows.blocks(_reported(pieces, source, options)):
            fresh = [i for i, word in enumerate(block_words) if words.takes(word)]
            table.append(block if len(fresh) == len(block) else block[fresh])
            if words.is_full:
                break
        matrix = table.array(layout.vector_size)
    rows.warn(words.is_full)
    words.warn(source.name)
    if layout.vector_size == 1:
        log.warning(
            "%s: the vectors have one dimension; a file of words and counts looks so too", source
        )
    if all(map(FRACTION.fullmatch, words.taken)):
        log.warning(
            "%s: all words are numbers, the first %r; a file of vectors without words looks so too",
            source, next(iter(words.taken)),
        )  # fmt: skip
    return VectorTable(list(words.taken), matrix)


def _check_layout(name: str, layout: Layout, *, needs_header: bool) -> None:
    """Raise DamagedError if the first line does not fit the others, or no line is a row.

    Parameters
    ----------
    name : str
        The file, in messages.
    layout : Layout
        The layout of its first lines.
    needs_header : bool
        Whether there must be a header line.
    """
    where = f"{name}, line 1"
    if layout.header is None:
        if needs_header:
            raise DamagedError(
                f"{where}: not the number of rows and of dimensions; if the file has no such "
                "line, use format='glove'",
                parameters=("format",),
            )
        if not layout.vector_size:
            raise DamagedError(f"{where}: not a word and numbers between spaces")
        if layout.is_doubtful:
            log.warning(
                "%s: whole numbers only, unlike the other lines; it is read as a row, not as a "
                "header, which has two numbers", where,
            )  # fmt: skip
        return
    vector_size = layout.header[1]
    if vector_size != layout.vector_size:
        raise DamagedError(
            f"{where}: the header says {counted(vector_size, 'number')} a row, but most rows have "
            f"{layout.vector_size:,}"
        )


@dataclass
class _Rows:
    """A file of rows while it is read.

    Attributes
    ----------
    n_read, last : int, str
        The number of rows read so far, and the word of the last.
    n_doubts, first_doubt : int, str
        The number of lines whose word may hold a number of their vector, and the first of them.
    """

    name: str
    layout: Layout
    options: ReadOptions
    fast: bool
    n_read: int = 0
    last: str = ""
    n_doubts: int = 0
    first_doubt: str = ""

    def blocks(self, pieces: Iterable[bytes]) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """Yield the words and rows of pieces of whole lines."""
        first_line = 1 + (self.layout.header is not None)
        for piece, spans, block in read_ahead(self._parse, pieces):
            words = self._words(first_line + self.n_read, piece, spans, block)
            self.n_read += len(words)
            self.last = words[-1]
            yield words, block
        if not self.n_read:
            raise DamagedError(f"{self.name}: holds no vectors")

    def warn(self, is_part: bool) -> None:
        """Warn about a header that counts wrong, and words that may hold a number of their vector.

        Parameters
        ----------
        is_part : bool
            Whether only the first rows were read.
        """
        header, n_read = self.layout.header, self.n_read
        has_unknown = header is not None and n_read == header[0] + 1 and self.last == UNKNOWN
        if header is not None and header[0] != n_read and not (is_part or has_unknown):
            log.warning(
                "%s: the header says %s, but there are %s, which are read; a file that was cut "
                "short looks so too", self.name, counted(header[0], "row"), f"{n_read:,}",
            )  # fmt: skip
        if self.n_doubts:
            log.warning(
                "%s: %s a number between spaces, the first in %s; a row with a number too many "
                "looks so too", self.name, counted(self.n_doubts, "word holds", "words hold"),
                self.first_doubt,
            )  # fmt: skip

    def _parse(self, piece: bytes) -> tuple[bytes, NDArray[np.int64], NDArray[np.float32]]:
        """Parse whole lines; return them, where their words are, and the rows."""
        vector_size = self.layout.vector_size
        text = np.frombuffer(piece, np.uint8)
        ends = np.flatnonzero(text == LINE_END)
        spans = np.full((len(ends), 3), -1)
        spans[:, 2] = ends
        spans[1:, 0], spans[:1, 0] = ends[:-1] + 1, 0
        n_rows = min(len(ends), len(piece) // (2 * vector_size) + 1)  # more are faulty
        block = np.empty((n_rows, vector_size), np.float32)
        if self.fast and n_rows == len(ends):
            from embedtool.kernels.text.float_text import parse_lines

            parse_lines(text, block, spans)
        return piece, spans, block

    def _words(
        self,
        first_line: int,
        piece: bytes,
        spans: NDArray[np.int64],
        block: NDArray[np.float32],
    ) -> list[str]:
        """Return the words of a piece; lines that the kernel could not parse are parsed here."""
        words, is_mixed = [], self.layout.is_mixed
        for row, (start, end, stop) in enumerate(spans.tolist()):
            if end >= 0:
                try:
                    words.append(piece[start:end].decode("utf-8", self.options.encoding_errors))
                except UnicodeDecodeError:
                    end = -1
            if end < 0:
                word, values = self._row(first_line + row, piece[start:stop])
                words.append(word)
                block[row] = values
            elif is_mixed or " " in words[-1] or "\t" in words[-1] or "\r" in words[-1]:
                line = piece[start:stop]
                self._check_word(first_line + row, line, line[: end - start], line[end - start :])
        return words

    def _row(self, number: int, line: bytes) -> tuple[str, NDArray[np.float32]]:
        where = f"{self.name}, line {number:,}"
        row = row_of(line, self.layout.vector_size)
        if row is None:
            raise self._no_row(number, line)
        raw, numbers, values = row
        self._check_word(number, line, raw, numbers)
        word = self.options.text(raw, where, UTF8)
        if not (self.options.allow_nonfinite or np.isfinite(values).all()):
            raise DamagedError(f"{where}: the vector of {word!r} holds a number that is not finite")
        return word, values

    def _check_word(self, number: int, line: bytes, word: bytes, numbers: bytes) -> None:
        """Raise DamagedError if a word holds a number of its vector; count it if it may."""
        doubt = self.layout.doubt(word, numbers)
        if doubt == "certain":
            raise self._no_row(number, line)
        if doubt == "possible":
            self.n_doubts += 1
            self.first_doubt = self.first_doubt or f"line {number:,}, {shown_line(word)}"

    def _no_row(self, number: int, line: bytes) -> FormatError:
        where = f"{self.name}, line {number:,}"
        if b"\0" in line:
            return FormatError(
                f"{where}: is not text; try format='word2vec-binary'", parameters=("format",)
            )
        return DamagedError(
            f"{where}: expected a word and {counted(self.layout.vector_size, 'number')} between "
            f"single spaces, found {shown_line(line)}"
        )


def shown_line(line: bytes) -> str:
    """Return the beginning of a line, as an error quotes it."""
    return repr(line[:LONGEST_SHOWN])


def _pieces(head: bytes, file: BinaryIO) -> Iterator[bytes]:
    """Yield pieces of whole lines, first those of `head`, then those to the end of the file.

    Blank lines at the end of the file belong to no piece.
    """
    piece, blank = head, b""
    while piece:
        piece = blank + piece
        end = len(piece.rstrip(BLANK_LINES))
        if end:
            end = piece.find(b"\n", end) + 1 or len(piece)
            yield piece[:end] if piece[end - 1] == LINE_END else piece + b"\n"
        blank = piece[end:]
        piece = file.read(PIECE_BYTES) + file.readline()


def _reported(pieces: Iterable[bytes], source: Source, options: ReadOptions) -> Iterator[bytes]:
    """Yield pieces of a file, and report the progress after each."""
    done, report = 0, source.report_to(options.report)
    for piece in pieces:
        yield piece
        done += len(piece)
        report(done)


def read_ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """Yield the result of a function for each item, in order; threads work on the next few."""
    with ThreadPoolExecutor(n_cores()) as pool:
        pending: deque[Future[R]] = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > n_cores():
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def write(
    vectors: VectorTable,
    path: Path,
    training_options: Mapping[str, Any],
    report: Report = silent,
    *,
    header: bool,
) -> None:
    """Write one row per line, with nine digits, the full precision of float32.

    Raises
    ------
    FormatError
        If a word holds a space or a line end; it names the word.
    """
    if not header:
        check_first_word(vectors, path)
    with atomic_write(path) as file:
        if header:
            file.write(b"%d %d\n" % (vectors.n_words, vectors.vector_size))
        words = iter(vectors.words)
        for lines in number_lines(vectors.rows, " ", report):
            file.writelines(
                word.encode() + b" " + line for line, word in zip(lines, words, strict=False)
            )


def number_lines(
    matrix: NDArray[np.float32], separator: str, report: Report
) -> Iterator[list[bytes]]:
    """Yield blocks of lines, each with the numbers of a row with nine digits and a line end."""
    row_format = separator.join(["%.9g"] * matrix.shape[1]) + "\n"

    def lines(rows: slice) -> list[bytes]:
        block = np.ascontiguousarray(matrix[rows])
        if matrix.size <= SMALL_TABLE or not np.isfinite(block).all():
            return [(row_format % tuple(row)).encode() for row in block.tolist()]
        from embedtool.kernels.text.float_text import MAX_NUMBER_BYTES, format_rows

        text, ends = (
            np.empty(MAX_NUMBER_BYTES * block.size, np.uint8),
            np.empty(len(block), np.int64),
        )
        format_rows(block, ord(separator), text, ends)
        release_pages(matrix)
        written = text[: ends[-1]].tobytes()
        return [written[start:end] for start, end in pairwise([0, *ends.tolist()])]

    blocks = row_slices(len(matrix), matrix[:1].nbytes)
    return read_ahead(lines, watched(blocks, len(matrix), report))
