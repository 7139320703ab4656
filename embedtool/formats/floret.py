"""The table of floret: rows from which any word gets its vector. It contains no words."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.array_builder import ArrayBuilder
from embedtool.formats.layout import numbers_of
from embedtool.formats.named_arrays import from_arrays
from embedtool.formats.options import ReadOptions
from embedtool.formats.source import Source
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

HEADER = re.compile(rb"(\d{1,9}) (\d{1,9}) (\d{1,4}) (\d{1,4}) ([1-4]) (\d{1,10}) (\S+) (\S+)")
"""Rows, dimensions, minn, maxn, hashes, seed, and the marks before and after a word."""
BLOCK_WORDS = 256
"""Words whose vectors are computed at a time."""


class _Head(NamedTuple):
    """The first line."""

    n_rows: int
    vector_size: int
    min_n: int
    max_n: int
    n_hashes: int
    seed: int
    before: str
    after: str


def read(source: Source, options: ReadOptions) -> VectorTable:
    """Read the words of the file `options.words`, with the means of their rows and n-grams' rows.

    Raises
    ------
    FormatError
        If there is no such file, or a line is not valid.
    """
    with source.opened() as stored:
        file = options.as_utf8(source.name, stored)
        head = _head(source, file)
        if options.words is None:
            raise FormatError(
                f"{source}: gives any word a vector and has no vocabulary; name a file with one "
                "word a line with words",
                parameters=("words",),
            )
        words = _word_list(options.words, options)
        with ArrayBuilder(options) as table:
            for row in _rows(source.name, file, head):
                table.append(row)
            rows = table.array(head.vector_size)
    with ArrayBuilder(options) as table:
        for first in range(0, len(words), BLOCK_WORDS):
            table.append(_means(words[first : first + BLOCK_WORDS], rows, head))
        matrix = table.array(head.vector_size)
    return from_arrays(source.name, words, {"vectors": matrix}, options)


def _head(source: Source, file: BinaryIO) -> _Head:
    match = HEADER.fullmatch(file.readline().rstrip(b"\r\n"))
    if match is None:
        raise FormatError(f"{source}, line 1: not the head of a floret table")
    *numbers, before, after = match.groups()
    n_rows, dim, min_n, max_n, n_hashes, seed = map(int, numbers)
    marks = before.decode("utf-8", "replace"), after.decode("utf-8", "replace")
    head = _Head(n_rows, dim, min_n, max_n, n_hashes, seed, *marks)
    n_bytes = head.n_rows * (2 * head.vector_size + 1)
    size = n_bytes if source.size is None else source.size
    if min(head.n_rows, head.vector_size) < 1 or n_bytes > size:
        raise FormatError(
            f"{source}, line 1: the header says {counted(head.n_rows, 'row')} of "
            f"{head.vector_size:,} numbers, which cannot be in {counted(size, 'byte')}"
        )
    return head


def _rows(name: str, file: BinaryIO, head: _Head) -> Iterator[NDArray[np.float32]]:
    """Yield the rows, float32 (1, vector_size) each; a line is its number and the row."""
    number = -1
    for number, line in enumerate(file):
        index, _, text = line.rstrip(b" \r\n").partition(b" ")
        values = numbers_of(text)
        if index != b"%d" % number or values is None or len(values) != head.vector_size:
            raise FormatError(
                f"{name}, line {number + 2:,}: expected {number} and "
                f"{counted(head.vector_size, 'number')} between single spaces, found {line[:40]!r}"
            )
        yield values[None]
    if number + 1 != head.n_rows:
        raise FormatError(
            f"{name}: the header says {counted(head.n_rows, 'row')}, but there are {number + 1:,}"
        )


def _word_list(path: Path, options: ReadOptions) -> list[str]:
    """Return the words of a file, each once."""
    words: dict[str, None] = {}
    try:
        with options.opened(path) as file:
            for line in file:
                words[line.rstrip(b"\r\n").decode("utf-8", options.encoding_errors)] = None
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FormatError(f"{path}: the word is not UTF-8: {line[:40]!r}") from None
    words.pop("", None)
    return list(words)


def _means(words: Sequence[str], rows: NDArray[np.float32], head: _Head) -> NDArray[np.float32]:
    """Return the mean of the rows of each word and its n-grams, float32 (n_words, vector_size)."""
    units = [_units(word, head) for word in words]
    keys = [unit.encode("utf-8", "surrogatepass") for each in units for unit in each]
    numbers = murmur3(keys, head.seed)[:, : head.n_hashes] % np.uint32(head.n_rows)
    ends = np.cumsum([len(each) for each in units])
    starts = np.concatenate([[0], ends[:-1]])
    sums = np.add.reduceat(rows[numbers].sum(axis=1, dtype=np.float64), starts)
    means: NDArray[np.float32] = sums / (np.diff(ends, prepend=0) * head.n_hashes)[:, None]
    return means


def _units(word: str, head: _Head) -> list[str]:
    """Return the word with its marks, and its n-grams of minn to maxn characters.

    A mark alone is not an n-gram.
    """
    marked = head.before + word + head.after
    n_chars = len(marked)
    ngrams = [
        marked[start : start + n]
        for n in range(max(head.min_n, 1), min(head.max_n, n_chars) + 1)
        for start in range(n_chars - n + 1)
        if n > 1 or 0 < start < n_chars - 1
    ]
    return [marked, *ngrams]


def murmur3(keys: Sequence[bytes], seed: int) -> NDArray[np.uint32]:
    """Return MurmurHash3 (x64, 128 bits; Appleby 2011) of keys, uint32 (n_keys, 4), lowest first.

    Keys with the same number of whole blocks of 16 bytes are hashed together; the rest of a key,
    even if empty, is mixed in like a block padded with zeros.
    """
    hashes = np.empty((len(keys), 2), np.uint64)
    lengths = np.fromiter(map(len, keys), np.int64, len(keys))
    for n_blocks in np.unique(lengths // 16).tolist():
        chosen = np.flatnonzero(lengths // 16 == n_blocks)
        padded = b"".join(keys[i].ljust(16 * (n_blocks + 1), b"\0") for i in chosen.tolist())
        parts = np.frombuffer(padded, "<u8").reshape(len(chosen), n_blocks + 1, 2)
        first = np.full(len(chosen), seed, np.uint64)
        second = first.copy()
        for block in range(n_blocks):
            first = _rotate_left(first ^ _mix_k1(parts[:, block, 0]), 27) + second
            first = first * np.uint64(5) + np.uint64(0x52DCE729)
            second = _rotate_left(second ^ _mix_k2(parts[:, block, 1]), 31) + first
            second = second * np.uint64(5) + np.uint64(0x38495AB5)
        n_bytes = lengths[chosen].astype(np.uint64)
        first = first ^ _mix_k1(parts[:, -1, 0]) ^ n_bytes
        second = second ^ _mix_k2(parts[:, -1, 1]) ^ n_bytes
        first = first + second
        second = second + first
        first, second = _fmix64(first), _fmix64(second)
        first = first + second
        hashes[chosen, 0], hashes[chosen, 1] = first, second + first
    return hashes.astype("<u8").view(np.uint32)


def _mix_k1(part: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return _rotate_left(part * np.uint64(0x87C37B91114253D5), 31) * np.uint64(0x4CF5AD432745937F)


def _mix_k2(part: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return _rotate_left(part * np.uint64(0x4CF5AD432745937F), 33) * np.uint64(0x87C37B91114253D5)


def _rotate_left(part: NDArray[np.uint64], n_bits: int) -> NDArray[np.uint64]:
    return (part << np.uint64(n_bits)) | (part >> np.uint64(64 - n_bits))


def _fmix64(part: NDArray[np.uint64]) -> NDArray[np.uint64]:
    part = (part ^ (part >> np.uint64(33))) * np.uint64(0xFF51AFD7ED558CCD)
    part = (part ^ (part >> np.uint64(33))) * np.uint64(0xC4CEB9FE1A85EC53)
    return part ^ (part >> np.uint64(33))
