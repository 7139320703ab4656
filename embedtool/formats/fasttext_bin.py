"""FastText's .bin: the whole model, little-endian, as Facebook's program writes and reads it.

In: a path. Out: WordVectors with subwords; and the other way round.
"""

import mmap
import struct
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.files import replaced
from embedtool.formats.reading import Reading
from embedtool.formats.rows import check_words
from embedtool.vectors import Subwords, WordVectors, ngram_hash, ngrams

MAGIC = 793712314
VERSION = 12
CBOW, SKIPGRAM, SUPERVISED = 1, 2, 3
HIERARCHICAL_SOFTMAX, NEGATIVE_SAMPLING = 1, 2
ARGUMENTS = struct.Struct("<12id")
"""dim, ws, epoch, minCount, neg, wordNgrams, loss, model, bucket, minn, maxn, lrUpdateRate, t."""
SIZES = struct.Struct("<3i2q")
"""Entries, words, labels; tokens, size of the pruning index (-1: not pruned)."""
SHAPE = struct.Struct("<?2q")
"""Whether the matrix is quantised; rows, columns."""
ENTRY = struct.Struct("<qb")
"""After a word and its NUL: count, and 0 for a word or 1 for a label."""
END_OF_SENTENCE = "</s>"
"""fastText gives this word no n-grams."""
SHORTEST = 1
"""Characters of the shortest n-gram: with a minn of 0 too fastText has none without any."""
LR_UPDATE_RATE = 100
BLOCK_ROWS = 2**14


@dataclass
class _Cursor:
    """A place in a file, which moves on with what is taken; too little is a FormatError."""

    path: Path
    data: mmap.mmap
    reading: Reading
    place: int = 0

    def take(self, layout: struct.Struct) -> tuple[Any, ...]:
        """The next values of a layout."""
        self.need(layout.size)
        values = layout.unpack_from(self.data, self.place)
        self.place += layout.size
        return values

    def need(self, n_bytes: int) -> None:
        """Raise FormatError unless so many bytes follow."""
        if n_bytes < 0 or n_bytes > len(self.data) - self.place:
            raise FormatError(
                f"{self.path}, byte {self.place:,}: the file is cut short or damaged: "
                f"{n_bytes:,} bytes are expected, {len(self.data) - self.place:,} follow"
            )

    def word(self) -> str:
        """The next word, ended by NUL."""
        end = self.data.find(b"\0", self.place)
        if end < 0:
            raise FormatError(f"{self.path}, byte {self.place:,}: a word without end")
        word = self.reading.decoded(
            self.data[self.place : end], f"{self.path}, byte {self.place:,}"
        )
        self.place = end + 1
        return word

    def begin(self, n_rows: int, n_columns: int, name: str) -> None:
        """Take the head of the next matrix; raise FormatError unless it and its rows are there."""
        is_quantised, rows, columns = self.take(SHAPE)
        if is_quantised:
            raise FormatError(f"{self.path}: the model is quantised, which cannot be read")
        if (rows, columns) != (n_rows, n_columns):
            raise FormatError(
                f"{self.path}, byte {self.place:,}: the {name} matrix is {rows:,} x {columns:,}, "
                f"expected is {n_rows:,} x {n_columns:,}"
            )
        self.need(4 * rows * columns)

    def rows(self, n_rows: int, n_columns: int) -> NDArray[np.float32]:
        """The next rows of a matrix, float32 (n_rows, n_columns), as a copy."""
        start, n_values = self.place, n_rows * n_columns
        values = np.frombuffer(self.data, "<f4", n_values, start).astype(np.float32)
        self.place += 4 * n_values
        if not (self.reading.allow_nonfinite or np.isfinite(values).all()):
            first = start + 4 * int(np.argmin(np.isfinite(values)))
            raise FormatError(f"{self.path}, byte {first:,}: a number that is not finite")
        return values.reshape(n_rows, n_columns)


def read(path: Path, reading: Reading) -> WordVectors:
    """Read an unsupervised model that is not quantised.

    A word's vector is the mean of its row and the rows of its n-grams. Raises FormatError naming
    the byte where the file is not what it should be.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        cursor = _Cursor(path, data, reading)
        magic, version = cursor.take(struct.Struct("<2i"))
        if (magic, version) != (MAGIC, VERSION):
            raise FormatError(
                f"{path}: not a fastText model of version {VERSION} (magic {magic}, version "
                f"{version})"
            )
        dim, *_, model, bucket, min_n, max_n, _, _ = cursor.take(ARGUMENTS)
        n_entries, n_words, n_labels, _, n_pruned = cursor.take(SIZES)
        if model == SUPERVISED or n_labels or n_pruned >= 0 or n_entries != n_words:
            raise FormatError(f"{path}: a supervised or pruned model, which holds no word vectors")
        if min(dim, n_words) < 1 or min(bucket, min_n, max_n) < 0:
            raise FormatError(f"{path}: damaged: {n_words:,} words of {dim:,} dimensions")
        cursor.need(n_words * (1 + ENTRY.size))
        words, counts = [], np.empty(n_words, dtype=np.int64)
        for i in range(n_words):
            words.append(cursor.word())
            counts[i], _ = cursor.take(ENTRY)
        cursor.begin(n_words + bucket, dim, "input")
        word_rows = cursor.rows(n_words, dim)
        buckets, ngram_rows = _trained(cursor, bucket, dim)
        cursor.begin(n_words, dim, "output")
        outputs = cursor.rows(n_words, dim)
        if cursor.place != len(data):
            raise FormatError(f"{path}, byte {cursor.place:,}: more follows than the model")
    if len(set(words)) < n_words:
        raise FormatError(f"{path}: a word stands there twice")
    subwords = Subwords(max(min_n, SHORTEST), max_n, bucket, word_rows, buckets, ngram_rows)
    return WordVectors(words, _word_vectors(words, subwords), counts, outputs, subwords)


def _trained(
    cursor: _Cursor, bucket: int, dim: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The buckets whose rows are not all zeros, and those rows."""
    rows = np.empty((bucket, dim), dtype=np.float32)  # what is never written takes no memory
    buckets = np.empty(bucket, dtype=np.int64)
    n_rows = 0
    for start in range(0, bucket, BLOCK_ROWS):
        block = cursor.rows(min(BLOCK_ROWS, bucket - start), dim)
        trained = np.flatnonzero(block.any(axis=1))
        end = n_rows + len(trained)
        rows[n_rows:end], buckets[n_rows:end] = block[trained], start + trained
        n_rows = end
    return buckets[:n_rows].copy(), rows if n_rows == bucket else rows[:n_rows].copy()


def _word_vectors(words: list[str], subwords: Subwords) -> NDArray[np.float32]:
    """The mean of each word's row and the rows of its n-grams, float32 (n_words, dim)."""
    matrix = np.empty(subwords.word_rows.shape, dtype=np.float32)
    for i, (total, n_ngrams) in enumerate(ngram_sums(words, subwords)):
        matrix[i] = (total + subwords.word_rows[i]) / (1 + n_ngrams)
    return matrix


def ngram_sums(
    words: Iterable[str], subwords: Subwords
) -> Iterator[tuple[NDArray[np.float64], int]]:
    """For each word the sum of the rows of its n-grams, float64 (dim,), and their number."""
    places = np.full(subwords.bucket, -1, dtype=np.int64)
    places[subwords.buckets] = np.arange(len(subwords.buckets))
    known: dict[bytes, int] = {}

    def place_of(ngram: bytes) -> int:
        if ngram not in known:
            known[ngram] = int(places[ngram_hash(ngram) % subwords.bucket])
        return known[ngram]

    for word in words:
        grams = []
        if subwords.bucket and word != END_OF_SENTENCE:
            grams = ngrams(word, subwords.min_n, subwords.max_n)
        rows = [place for place in map(place_of, grams) if place >= 0]
        yield subwords.ngram_rows[rows].sum(axis=0, dtype=np.float64), len(grams)


def write(vectors: WordVectors, path: Path, options: Mapping[str, Any]) -> None:
    """Write a model that Facebook's program loads. Only vectors with subwords can be written.

    options : window, epochs, min_count, negative, loss, mode and sample, as far as they are known
    Raises FormatError where one does not fit the header, too.
    """
    subwords = vectors.subwords
    if subwords is None:
        raise FormatError(
            f"{path}: fasttext-bin needs subwords, which only a FastText model has; "
            "word2vec-binary does without"
        )
    check_words(vectors, path, "\0")
    counts = vectors.counts
    if counts is None:
        counts = np.ones(vectors.n_words, dtype=np.int64)
    bucket = subwords.bucket if subwords.max_n else 0
    arguments = _arguments(path, vectors.vector_size, subwords, bucket, options)
    with replaced(path) as file:
        file.write(struct.pack("<2i", MAGIC, VERSION))
        file.write(arguments)
        file.write(SIZES.pack(vectors.n_words, vectors.n_words, 0, int(counts.sum()), -1))
        for word, count in zip(vectors.words, counts.tolist(), strict=True):
            file.write(word.encode() + b"\0" + ENTRY.pack(count, 0))
        _write_inputs(file, vectors, subwords, bucket)
        contexts = vectors.contexts
        if contexts is None:
            contexts = np.zeros(vectors.matrix.shape, dtype=np.float32)
        file.write(SHAPE.pack(False, *contexts.shape))
        file.write(contexts.astype("<f4").tobytes())


def _arguments(
    path: Path, dim: int, subwords: Subwords, bucket: int, options: Mapping[str, Any]
) -> bytes:
    """The options in the order and the types of the header."""
    hierarchical = options.get("loss") == "hierarchical-softmax"
    try:
        return ARGUMENTS.pack(
            dim,
            options.get("window", 5),
            options.get("epochs", 5),
            options.get("min_count", 1),
            options.get("negative", 5),
            1,
            HIERARCHICAL_SOFTMAX if hierarchical else NEGATIVE_SAMPLING,
            CBOW if options.get("mode") == "cbow" else SKIPGRAM,
            bucket,
            subwords.min_n,
            subwords.max_n,
            LR_UPDATE_RATE,
            options.get("sample", 1e-4),
        )
    except struct.error as error:
        raise FormatError(
            f"{path}: an option of the model does not fit the header: {error}"
        ) from None


def _write_inputs(file: BinaryIO, vectors: WordVectors, subwords: Subwords, bucket: int) -> None:
    """The rows of the words, then a row for each bucket, zeros where it was never trained.

    An offset is added to all of them: so their means have it.
    """
    dim = vectors.vector_size
    file.write(SHAPE.pack(False, vectors.n_words + bucket, dim))
    word_rows = subwords.word_rows.astype("<f4")
    if subwords.offset is not None:
        word_rows += subwords.offset
    alone = vectors.block.find(END_OF_SENTENCE)
    if alone >= 0:
        word_rows[alone] = vectors.matrix[alone]
    file.write(word_rows.tobytes())
    write_buckets(file, subwords, bucket)


def write_buckets(file: BinaryIO, subwords: Subwords, bucket: int) -> None:
    """The rows of the buckets, zeros for one that was never trained."""
    dim = subwords.ngram_rows.shape[1]
    for start in range(0, bucket, BLOCK_ROWS):
        stop = min(start + BLOCK_ROWS, bucket)
        block = np.zeros((stop - start, dim), dtype="<f4")
        first, last = np.searchsorted(subwords.buckets, (start, stop))
        block[subwords.buckets[first:last] - start] = subwords.ngram_rows[first:last]
        if subwords.offset is not None:
            block += subwords.offset
        file.write(block.tobytes())
