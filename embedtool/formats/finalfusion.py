"""The .fifu of finalfusion: chunks of words, of rows scaled to length 1, and of their norms.

Subwords are read if the n-grams of the file are hashed like fastText's.
"""

import logging
import mmap
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.array_builder import ArrayBuilder, watched
from embedtool.formats.fasttext_bin import check_not_pruned, write_buckets
from embedtool.formats.fasttext_header import SHORTEST
from embedtool.formats.fasttext_means import ngram_sums
from embedtool.formats.named_arrays import check_finite, from_arrays
from embedtool.formats.options import ReadOptions
from embedtool.io.atomic import atomic_write
from embedtool.io.blocks import row_slices
from embedtool.io.encodings import UTF8
from embedtool.io.progress import Report, silent
from embedtool.messages import counted
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

FIFU = b"FiFu"
VERSION = 0
SIMPLE, NDARRAY, HASHED, NORMS, FASTTEXT = 1, 2, 3, 6, 7
"""Numbers of the chunks that are read; 5 is text about the model."""
METADATA = 5
UNREAD = {4: "quantized vectors", 8: "a list of n-grams", 9: "floret's vocabulary"}
VOCABULARIES = {
    SIMPLE: struct.Struct("<Q"),
    HASHED: struct.Struct("<Q3I"),
    FASTTEXT: struct.Struct("<Q3I"),
}
"""Fields before the words: their number; then minn, maxn and the buckets (an exponent of 2 if
HASHED, a number if FASTTEXT)."""
KNOWN = {SIMPLE, NDARRAY, HASHED, METADATA, NORMS, FASTTEXT, *UNREAD}
START = struct.Struct("<4s2I")
"""FIFU, version, number of chunks; their numbers follow."""
HEAD = struct.Struct("<IQ")
"""Before each chunk: its number and its length."""
MATRIX = struct.Struct("<Q2I")
"""Rows, columns, type of number."""
LENGTHS = struct.Struct("<QI")
"""Number of rows, type of number."""
LENGTH = struct.Struct("<I")
FLOAT32 = 10
LONGEST = np.finfo(np.float32).max
"""Written for a norm that exceeds float32."""


@dataclass
class _Chunk:
    """A part of the file, and the offset up to which it is read."""

    path: Path
    data: NDArray[np.uint8]
    offset: int
    end: int

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """Return the next values."""
        return layout.unpack(self.bytes(layout.size))

    def bytes(self, n: int) -> bytes:
        """Return the next n bytes."""
        return self.array(n).tobytes()

    def array(self, n: int) -> NDArray[np.uint8]:
        """Return the next n bytes, mapped; raise FormatError if fewer follow."""
        if n > self.end - self.offset:
            raise FormatError(
                f"{self.path}, byte {self.offset:,}: the file is cut short or damaged: {n:,} bytes "
                f"are expected, {self.end - self.offset:,} follow"
            )
        self.offset += n
        return self.data[self.offset - n : self.offset]

    def numbers(self, kind: int, n: int) -> NDArray[np.float32]:
        """Return the n numbers to the end, after the padding."""
        if kind != FLOAT32:
            raise FormatError(
                f"{self.path}, byte {self.offset:,}: numbers of the unknown type {kind}"
            )
        self.array(_padding(self.offset))
        values = self.array(4 * n)
        if self.offset != self.end:
            numbers = counted(n, "number")
            raise FormatError(f"{self.path}, byte {self.offset:,}: more follows than {numbers}")
        return values.view("<f4")


def _padding(offset: int) -> int:
    """Return the number of bytes before numbers: 1 to 4."""
    return 4 - offset % 4


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a file of words, with or without n-grams in buckets, whose rows are not quantized.

    A row times its norm is a word's vector.

    Raises
    ------
    FormatError
        If the file is not valid; it names the byte.
    """
    chunks = _chunks(path)
    kinds = VOCABULARIES.keys() & chunks.keys()
    if len(kinds) != 1 or NDARRAY not in chunks:
        raise FormatError(f"{path}: no words of a known kind and no table, but chunks {[*chunks]}")
    kind = kinds.pop()
    chunk = chunks[kind]
    n_words, *ngram_options = chunk.take(VOCABULARIES[kind])
    words = _words(chunk, n_words, options)
    if chunk.offset != chunk.end:
        raise FormatError(
            f"{path}, byte {chunk.offset:,}: more follows than {counted(n_words, 'word')}"
        )
    n_rows, dim, numbers = chunks[NDARRAY].take(MATRIX)
    if not dim:
        raise FormatError(f"{path}: vectors of 0 dimensions")
    rows = chunks[NDARRAY].numbers(numbers, n_rows * dim).reshape(n_rows, dim)
    if n_rows - n_words != _n_buckets(kind, ngram_options):
        detail = f"{counted(n_rows, 'row does', 'rows do')} not fit {counted(n_words, 'word')}"
        raise FormatError(f"{path}: {detail} and their n-grams")
    matrix = rows[:n_words]
    if NORMS in chunks:
        n_lengths, numbers = chunks[NORMS].take(LENGTHS)
        if n_lengths != n_words:
            detail = f"{counted(n_words, 'word')}, but {counted(n_lengths, 'length')} of rows"
            raise FormatError(f"{path}: {detail}")
        matrix = _scaled(matrix, chunks[NORMS].numbers(numbers, n_lengths), options)
    vectors = from_arrays(path, words, {"vectors": matrix}, options)
    if kind == HASHED:
        log.warning(
            "%s: its n-grams are not found by fastText's hash and are left out: words outside the "
            "vocabulary get no vector", path,
        )  # fmt: skip
    if kind == FASTTEXT:
        return _with_subwords(path, vectors, rows[n_words:], ngram_options, options)
    return vectors


def _chunks(path: Path) -> dict[int, _Chunk]:
    """Return the chunks by their numbers, each at the first byte after its head.

    Some programs write more chunks than they count in the file's header.
    """
    with path.open("rb") as file:
        data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
    whole = _Chunk(path, data, 0, len(data))
    magic, version, n_chunks = whole.take(START)
    if magic != FIFU:
        raise FormatError(f"{path}: not a finalfusion file, which begins with {FIFU.decode()}")
    if version != VERSION:
        raise FormatError(
            f"{path}: has version {version} of finalfusion's format, embedtool reads {VERSION}"
        )
    names = np.frombuffer(whole.bytes(4 * n_chunks), "<u4").tolist()
    for name in names:
        _check_is_read(path, name)
    chunks: dict[int, _Chunk] = {}
    while len(chunks) < n_chunks or whole.offset != len(data):
        offset = whole.offset
        name, n_bytes = whole.take(HEAD)
        expected = names[len(chunks)] if len(chunks) < n_chunks else None
        if expected is None and name not in KNOWN:
            raise FormatError(f"{path}, byte {offset:,}: more follows than {n_chunks:,} chunks")
        _check_is_read(path, name)
        if name in chunks or name != (expected or name):
            raise FormatError(f"{path}, byte {offset:,}: chunk {name} where {expected} should be")
        start = whole.offset
        whole.array(n_bytes)
        chunks[name] = _Chunk(path, data, start, whole.offset)
    return chunks


def _check_is_read(path: Path, name: int) -> None:
    if name in UNREAD:
        raise FormatError(f"{path}: has {UNREAD[name]}, which cannot be read")


def _words(chunk: _Chunk, n_words: int, options: ReadOptions) -> list[str]:
    if n_words * LENGTH.size > chunk.end - chunk.offset:
        detail = counted(n_words, "word does", "words do")
        raise FormatError(f"{chunk.path}, byte {chunk.offset:,}: {detail} not fit there")
    words = []
    for _ in range(n_words):
        offset = chunk.offset
        raw = chunk.bytes(chunk.take(LENGTH)[0])
        words.append(options.text(raw, f"{chunk.path}, byte {offset:,}", UTF8))
    return words


def _n_buckets(kind: int, ngram_options: Sequence[int]) -> int:
    """Return the number of rows of n-grams; the exponent of HASHED may be invalid."""
    if kind == SIMPLE:
        return 0
    return ngram_options[2] if kind == FASTTEXT else 1 << min(ngram_options[2], 63)


def _scaled(
    rows: NDArray[np.float32], lengths: NDArray[np.float32], options: ReadOptions
) -> NDArray[np.float32]:
    with ArrayBuilder(options) as table, np.errstate(over="ignore", invalid="ignore"):
        for block in row_slices(len(rows), rows[:1].nbytes):
            table.append(rows[block] * lengths[block, None])
        return table.array(rows.shape[1])


def _with_subwords(
    path: Path,
    vectors: VectorTable,
    rows: NDArray[np.float32],
    ngram_options: Sequence[int],
    options: ReadOptions,
) -> VectorTable:
    """Return the vectors with the rows of n-grams and the words' own rows."""
    min_n, max_n, bucket = ngram_options
    buckets = []
    with ArrayBuilder(options) as table:
        for block in row_slices(bucket, rows[:1].nbytes):
            trained = np.flatnonzero(rows[block].any(axis=1))
            table.append(rows[block][trained])
            buckets.append(block.start + trained)
        ngram_rows = table.array(vectors.vector_size)
    trained_buckets = np.concatenate([np.empty(0, np.int64), *buckets])
    if not options.allow_nonfinite:
        check_finite(path, [f"bucket {bucket:,}" for bucket in trained_buckets], ngram_rows)
    subwords = Subwords(
        max(min_n, SHORTEST), max_n, bucket, vectors.rows, trained_buckets, ngram_rows
    )
    with ArrayBuilder(options) as table:
        sums = ngram_sums(vectors.words, subwords)
        for row, (total, n_ngrams) in zip(vectors.rows, sums, strict=True):
            table.append((row * np.float64(1 + n_ngrams) - total)[None])
        own = table.array(vectors.vector_size)
    return VectorTable(vectors.words, vectors.rows, subwords=replace(subwords, word_rows=own))


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write words, rows of length 1 and norms; with n-grams, also the rows of their buckets."""
    check_not_pruned(vectors, path)
    kind, subwords, before_words = SIMPLE, vectors.subwords, struct.pack("<Q", vectors.n_words)
    bucket = 0
    if subwords is not None and subwords.bucket and subwords.min_n <= subwords.max_n:
        kind, bucket = FASTTEXT, subwords.bucket
        before_words += struct.pack("<3I", subwords.min_n, subwords.max_n, bucket)
    names = (kind, NDARRAY, NORMS)
    n_rows, dim = vectors.n_words + bucket, vectors.vector_size
    lengths = np.minimum(vectors.norms, LONGEST).astype("<f4")
    with atomic_write(path) as file:
        file.write(START.pack(FIFU, VERSION, len(names)) + struct.pack("<3I", *names))
        n_bytes = len(before_words) + LENGTH.size * vectors.n_words + len(vectors.string_table.text)
        file.write(HEAD.pack(kind, n_bytes) + before_words)
        encoded = (word.encode() for word in vectors.words)
        file.writelines(LENGTH.pack(len(word)) + word for word in encoded)
        offset = START.size + 4 * len(names) + HEAD.size + n_bytes
        offset = _begin(file, offset, NDARRAY, MATRIX.pack(n_rows, dim, FLOAT32), n_rows * dim)
        for rows in watched(row_slices(vectors.n_words, 4 * dim), vectors.n_words, report):
            divisors = np.where(lengths[rows] == 0, np.float32(1), lengths[rows])
            file.write((vectors.rows[rows] / divisors[:, None]).astype("<f4").tobytes())
        if subwords is not None and bucket:
            write_buckets(file, subwords, bucket)
        head = LENGTHS.pack(len(lengths), FLOAT32)
        _begin(file, offset, NORMS, head, len(lengths))
        file.write(lengths.tobytes())


def _begin(file: BinaryIO, offset: int, name: int, head: bytes, n_numbers: int) -> int:
    """Write the head of a chunk of numbers at `offset`; return the end of the chunk."""
    padding = _padding(offset + HEAD.size + len(head))
    n_bytes = len(head) + padding + 4 * n_numbers
    file.write(HEAD.pack(name, n_bytes) + head + bytes(padding))
    return offset + HEAD.size + n_bytes
