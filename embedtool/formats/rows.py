"""Text with a row a line, word and numbers between single spaces: what four formats share.

In: a path, and whether there is a header line. Out: WordVectors; or, the other way round, the file.

A line is cut at the ASCII space only: other white space lives inside words. The last numbers of a
line are the vector, so that a word may hold spaces.
"""

import logging
import re
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.files import replaced
from embedtool.vectors import WordVectors

log = logging.getLogger(__name__)

HEADER = re.compile(rb"(\d{1,18}) (\d{1,9}) ?\r?")
NUMBER_BYTES = b"-+0123456789.eEnaifNIFtyTY "
"""What numbers, and `nan` and `infinity`, are made of."""
BLOCK_ROWS = 4096
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


def read_rows(path: Path, *, with_header: bool | None) -> WordVectors:
    """Read a file of rows.

    with_header : whether the first line gives the number of rows and dimensions; None: where it
                  looks so and the second line confirms it
    Of a word that stands there twice the first is kept. Raises FormatError naming line and word.
    """
    size = path.stat().st_size
    with path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        n_rows, vector_size, first_line = _start(path, file, with_header, size)
        words: dict[str, None] = {}
        n_read, last = 0, ""
        blocks: list[NDArray[np.float32]] = []
        block_rows = min(BLOCK_ROWS, size // (2 * vector_size + 1) + 1)
        for block_words, block in _blocks(path, file, (block_rows, vector_size), first_line):
            n_read += len(block_words)
            last = block_words[-1]
            fresh = [i for i, word in enumerate(block_words) if not _seen(words, word)]
            blocks.append(block if len(fresh) == len(block) else block[fresh])
    last_is_extra = n_rows is not None and n_read == n_rows + 1 and last == UNKNOWN
    if n_rows is not None and n_read != n_rows and not last_is_extra:
        raise FormatError(f"{path}: the header says {n_rows:,} rows, but there are {n_read:,}")
    if n_read > len(words):
        log.warning("%s: %s words stand there twice; the first is kept", path, n_read - len(words))
    return WordVectors(list(words), np.concatenate(blocks))


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
        confirmed = fields is not None and numbers_of(fields[1]) is not None
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


def _blocks(
    path: Path, file: BinaryIO, shape: tuple[int, int], first_line: int
) -> Iterator[tuple[list[str], NDArray[np.float32]]]:
    words: list[str] = []
    block = np.empty(shape, dtype=np.float32)
    number = first_line - 1
    for number, line in enumerate(file, first_line):
        word, block[len(words)] = _row(path, number, line.removesuffix(b"\n"), shape[1])
        words.append(word)
        if len(words) == len(block):
            yield words, block.copy()
            words = []
    if words:
        yield words, block[: len(words)].copy()
    elif number < first_line:
        raise FormatError(f"{path}: holds no vectors")


def _row(path: Path, number: int, line: bytes, vector_size: int) -> tuple[str, NDArray[np.float32]]:
    where = f"{path}, line {number:,}"
    fields = fields_of(line, vector_size)
    values = numbers_of(fields[1]) if fields else None
    if fields is None or values is None or len(values) != vector_size:
        if b"\0" in line:
            raise FormatError(f"{where}: is not text; try --format word2vec-binary")
        raise FormatError(
            f"{where}: expected a word and {vector_size:,} numbers between single spaces, found "
            f"{line[:40]!r}"
        )
    try:
        word = fields[0].decode()
    except UnicodeDecodeError:
        raise FormatError(f"{where}: the word is not UTF-8: {fields[0]!r}") from None
    if not word:
        raise FormatError(f"{where}: the word is missing")
    if not np.isfinite(values).all():
        raise FormatError(f"{where}: the vector of {word!r} holds a number that is not finite")
    return word, values


def write_rows(vectors: WordVectors, path: Path, *, with_header: bool, forbidden: str) -> None:
    """Write a row a line, numbers with nine digits, which is all that float32 has.

    forbidden : characters that a word may not hold; raises FormatError naming the word that does
    """
    check_words(vectors, path, forbidden)
    row_format = " %.9g" * vectors.vector_size + "\n"
    with replaced(path) as file:
        if with_header:
            file.write(b"%d %d\n" % (vectors.n_words, vectors.vector_size))
        for word, row in zip(vectors.words, vectors.matrix, strict=True):
            file.write(word.encode() + (row_format % tuple(row.tolist())).encode())


def check_words(vectors: WordVectors, path: Path, forbidden: str) -> None:
    """Raise FormatError naming the first word that a format cannot hold."""
    pattern = re.compile(f"[{SURROGATES}{re.escape(forbidden)}]")
    for word in vectors.words:
        if not word or pattern.search(word):
            raise FormatError(
                f"{path}: the format cannot hold the word {word!r}; leave it out, or choose "
                "another format, such as safetensors"
            )
