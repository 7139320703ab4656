"""Text with a row a line, word and numbers between single spaces: what four formats share.

In: a path, and whether there is a header line. Out: WordVectors; or, the other way round, the file.

A line is cut at the ASCII space only: other white space lives inside words. The last numbers of a
line are the vector, so that a word may hold spaces.
"""

import logging
import re
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import BinaryIO, TypeVar

import numpy as np
from numpy.typing import NDArray

from embedtool.config import n_cores
from embedtool.errors import FormatError
from embedtool.files import replaced
from embedtool.formats.reading import Reading
from embedtool.formats.tables import Table, blocks_of
from embedtool.tensors import let_go
from embedtool.vectors import WordVectors

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")

HEADER = re.compile(rb"(\d{1,18}) (\d{1,9}) ?\r?")
NUMBER_BYTES = b"-+0123456789.eEnaifNIFtyTY "
"""What numbers, and `nan` and `infinity`, are made of."""
PIECE_BYTES = 2**22
"""Bytes of lines that a thread reads at a time."""
SMALL = 2**24
"""Bytes of a file, and SMALL_TABLE numbers, that are read or written sooner than the kernels for
them are loaded."""
SMALL_TABLE = 2**20
LINE_END = ord("\n")
BLOCK_ROWS = 2**8
"""Rows that are gathered before they go to a table."""
SURROGATES = "\ud800-\udfff"
"""Halves of characters, which have no UTF-8."""
UNKNOWN = "<unk>"


def header_of(line: bytes) -> tuple[int, int] | None:
    """The two numbers of a header line, rows and dimensions, or None where it is none."""
    match = HEADER.fullmatch(line)
    return (int(match[1]), int(match[2])) if match and int(match[2]) else None


def fields_of(line: bytes, vector_size: int) -> tuple[bytes, bytes] | None:
    """The word and the numbers of a line, or None where there are too few spaces."""
    line = line.rstrip(b" \r")
    places = line.rsplit(b" ", vector_size)
    if len(places) != vector_size + 1:
        return None
    return places[0], line[len(places[0]) + 1 :]


def numbers_of(text: bytes) -> NDArray[np.float32] | None:
    """Numbers between spaces as float32, or None where something else stands there."""
    if not text or text.translate(None, NUMBER_BYTES):
        return None
    try:
        wide = np.fromstring(text.decode("ascii"), dtype=np.float64, sep=" ")
    except (ValueError, DeprecationWarning):
        return None
    with np.errstate(over="ignore"):
        return wide.astype(np.float32)


def is_text(line: bytes) -> bool:
    """Whether a row, faulty as it may be, is one of text: half of what follows the word is numbers.

    Bytes of binary numbers that are cut at their spaces do not look so.
    """
    fields = line.rstrip(b" \r").split(b" ")[1:]
    return 0 < len(fields) <= 2 * sum(map(_is_number, fields))


def _is_number(field: bytes) -> bool:
    try:
        float(field)
    except ValueError:
        return False
    return True


def read_rows(path: Path, reading: Reading, *, with_header: bool | None) -> WordVectors:
    """Read a file of rows.

    with_header : whether the first line gives the number of rows and dimensions; None: where it
                  looks so and the second line confirms it
    Of a word that stands there twice the first is kept. Raises FormatError naming line and word.
    """
    size = path.stat().st_size
    with path.open("rb") as file, warnings.catch_warnings(), Table(reading) as table:
        warnings.simplefilter("error", DeprecationWarning)
        n_rows, vector_size, first_line = _start(path, file, with_header, size)
        words: dict[str, None] = {}
        n_read, last = 0, ""
        source = _Source(path, vector_size, reading, fast=size > SMALL)
        for block_words, block in source.blocks(file, first_line):
            n_read += len(block_words)
            last = block_words[-1]
            fresh = [i for i, word in enumerate(block_words) if not _seen(words, word)]
            table.append(block if len(fresh) == len(block) else block[fresh])
        matrix = table.array(vector_size)
    last_is_extra = n_rows is not None and n_read == n_rows + 1 and last == UNKNOWN
    if n_rows is not None and n_read != n_rows and not last_is_extra:
        raise FormatError(f"{path}: the header says {n_rows:,} rows, but there are {n_read:,}")
    warn_of_twins(path, n_read - len(words))
    return WordVectors(list(words), matrix)


def of_rows(
    path: Path,
    rows: Iterable[tuple[str, NDArray[np.float32]]],
    vector_size: int,
    reading: Reading,
) -> WordVectors:
    """Make WordVectors of words and their vectors, one by one; of twins the first is kept."""
    words: dict[str, None] = {}
    n_read = 0
    block: list[NDArray[np.float32]] = []
    with Table(reading) as table:
        for word, values in rows:
            n_read += 1
            if word not in words:
                words[word] = None
                block.append(values)
            if len(block) == BLOCK_ROWS:
                table.append(np.stack(block))
                block.clear()
        if block:
            table.append(np.stack(block))
        matrix = table.array(vector_size)
    warn_of_twins(path, n_read - len(words))
    return WordVectors(list(words), matrix)


def warn_of_twins(path: Path, n_twins: int) -> None:
    """Say how many words stood there twice."""
    if n_twins:
        log.warning("%s: %s words stand there twice; the first is kept", path, f"{n_twins:,}")


def _seen(words: dict[str, None], word: str) -> bool:
    if word in words:
        return True
    words[word] = None
    return False


def _start(
    path: Path, file: BinaryIO, with_header: bool | None, size: int
) -> tuple[int | None, int, int]:
    """Rows, dimensions and the number of the first line of rows; leaves the file there."""
    first = file.readline().removesuffix(b"\n")
    header = header_of(first)
    if header is not None and with_header is not False:
        n_rows, vector_size = header
        second = file.readline().removesuffix(b"\n")
        fields = fields_of(second, vector_size)
        values = numbers_of(fields[1]) if fields else None
        confirmed = values is not None and len(values) == vector_size
        if confirmed or with_header:
            if n_rows < 1 or n_rows * (2 * vector_size + 1) > size:
                raise FormatError(
                    f"{path}, line 1: the header says {n_rows:,} rows of {vector_size:,} numbers, "
                    f"which cannot be in {size:,} bytes"
                )
            file.seek(len(first) + 1)
            return n_rows, vector_size, 2
    elif with_header:
        raise FormatError(
            f"{path}, line 1: not the number of rows and of dimensions; if the file has no such "
            "line, use --format glove"
        )
    file.seek(0)
    vector_size = len(first.rstrip(b" \r").split(b" ")) - 1
    if vector_size < 1:
        raise FormatError(f"{path}, line 1: not a word and numbers between spaces")
    return None, vector_size, 1


@dataclass(frozen=True)
class _Source:
    """A file of rows, and how it is read."""

    path: Path
    vector_size: int
    reading: Reading
    fast: bool

    def blocks(
        self, file: BinaryIO, first_line: int
    ) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
        """Words and rows from the place of the file to its end, a block of lines at a time."""
        number = first_line
        for piece, places, block in ahead(self._parse, _pieces(file)):
            words = self._words(number, piece, places, block)
            number += len(words)
            yield words, block
        if number == first_line:
            raise FormatError(f"{self.path}: holds no vectors")

    def _parse(self, piece: bytes) -> tuple[bytes, NDArray[np.int64], NDArray[np.float32]]:
        """Whole lines, where their words are, as `parse_lines` has it, and the rows."""
        text = np.frombuffer(piece, np.uint8)
        ends = np.flatnonzero(text == LINE_END)
        places = np.full((len(ends), 3), -1)
        places[:, 2] = ends
        places[1:, 0], places[:1, 0] = ends[:-1] + 1, 0
        n_rows = min(len(ends), len(piece) // (2 * self.vector_size) + 1)  # more are faulty
        block = np.empty((n_rows, self.vector_size), np.float32)
        if self.fast and n_rows == len(ends):
            from embedtool.kernels.decimals import parse_lines

            parse_lines(text, block, places)
        return piece, places, block

    def _words(
        self,
        first_line: int,
        piece: bytes,
        places: NDArray[np.int64],
        block: NDArray[np.float32],
    ) -> list[str]:
        """The words of a piece; reads the lines that have not been, one by one."""
        words = []
        for row, (start, end, stop) in enumerate(places.tolist()):
            if end >= 0:
                try:
                    words.append(piece[start:end].decode("utf-8", self.reading.encoding_errors))
                except UnicodeDecodeError:
                    end = -1
            if end < 0 or not words[-1]:
                word, values = self._row(first_line + row, piece[start:stop])
                words.append(word)
                block[row] = values
        return words

    def _row(self, number: int, line: bytes) -> tuple[str, NDArray[np.float32]]:
        where = f"{self.path}, line {number:,}"
        fields = fields_of(line, self.vector_size)
        values = numbers_of(fields[1]) if fields else None
        if fields is None or values is None or len(values) != self.vector_size:
            if b"\0" in line:
                raise FormatError(f"{where}: is not text; try --format word2vec-binary")
            raise FormatError(
                f"{where}: expected a word and {self.vector_size:,} numbers between single "
                f"spaces, found {line[:40]!r}"
            )
        word = self.reading.decoded(fields[0], where)
        if not (self.reading.allow_nonfinite or np.isfinite(values).all()):
            raise FormatError(f"{where}: the vector of {word!r} holds a number that is not finite")
        return word, values


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    """Pieces of whole lines, from the place of the file to its end."""
    while piece := file.read(PIECE_BYTES) + file.readline():
        yield piece if piece.endswith(b"\n") else piece + b"\n"


def ahead(function: Callable[[T], R], items: Iterable[T]) -> Iterator[R]:
    """What a function makes of each item, in their order, threads working on the next few."""
    with ThreadPoolExecutor(n_cores()) as pool:
        pending: deque[Future[R]] = deque()
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > n_cores():
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def write_rows(vectors: WordVectors, path: Path, *, with_header: bool, forbidden: str) -> None:
    """Write a row a line, numbers with nine digits, which is all that float32 has.

    forbidden : characters that a word may not hold; raises FormatError naming the word that does
    """
    check_words(vectors, path, forbidden)
    with replaced(path) as file:
        if with_header:
            file.write(b"%d %d\n" % (vectors.n_words, vectors.vector_size))
        words = iter(vectors.words)
        for lines in number_lines(vectors.matrix, " "):
            file.writelines(
                word.encode() + b" " + line for line, word in zip(lines, words, strict=False)
            )


def number_lines(matrix: NDArray[np.float32], separator: str) -> Iterator[list[bytes]]:
    """The numbers of each row with nine digits, a block of lines at a time, each with its end."""
    row_format = separator.join(["%.9g"] * matrix.shape[1]) + "\n"

    def lines(rows: slice) -> list[bytes]:
        block = np.ascontiguousarray(matrix[rows])
        if matrix.size <= SMALL_TABLE or not np.isfinite(block).all():
            return [(row_format % tuple(row)).encode() for row in block.tolist()]
        from embedtool.kernels.decimals import MOST_BYTES, format_rows

        text, ends = np.empty(MOST_BYTES * block.size, np.uint8), np.empty(len(block), np.int64)
        format_rows(block, ord(separator), text, ends)
        let_go(matrix)
        written = text[: ends[-1]].tobytes()
        return [written[start:end] for start, end in pairwise([0, *ends.tolist()])]

    return ahead(lines, blocks_of(len(matrix), matrix[:1].nbytes))


def check_words(vectors: WordVectors, path: Path, forbidden: str) -> None:
    """Raise FormatError naming the first word that a format cannot hold."""
    pattern = re.compile(f"[{SURROGATES}{re.escape(forbidden)}]")
    for word in vectors.words:
        if not word or pattern.search(word):
            raise FormatError(
                f"{path}: the format cannot hold the word {word!r}; leave it out, or choose "
                "another format, such as safetensors"
            )
