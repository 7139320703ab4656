"""FastText's .bin: the whole model, little-endian, in the format of Facebook's program."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO, NoReturn

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import DamagedError, FormatError
from embedtool.formats.fasttext_header import MAGIC, SHORTEST, SIZES, START, VERSION, packed
from embedtool.formats.fasttext_parts import (
    ENTRY,
    QUANTIZED,
    SHAPE,
    WORD,
    Parts,
    parse,
    parse_header,
)
from embedtool.formats.options import ReadOptions
from embedtool.formats.word_checks import warn_duplicates
from embedtool.io.atomic import atomic_write
from embedtool.io.blocks import row_slices
from embedtool.io.progress import Report, silent
from embedtool.messages import counted
from embedtool.model.subwords import END_OF_SENTENCE, Subwords, ngram_hash, ngrams
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read an unsupervised model that is not quantized.

    A word's vector is the mean of its row and the rows of its n-grams. Labels have no vectors.
    Empty words, and all except the first of words that are equal as strings, are left out with a
    warning.

    Raises
    ------
    FormatError
        If the file is not valid; it names the byte.
    """

    def fault(kind: str, location: Mapping[str, int], detail: str) -> NoReturn:
        raise DamagedError(f"{path}, byte {location['byte']:,}: {detail}")

    parts = parse(path, fault, options.allow_nonfinite)
    words = [
        options.text(word, f"{path}, byte {start:,}")
        for word, start in zip(parts.words, parts.starts, strict=True)
    ]
    firsts: dict[str, int] = {}
    for i, word in enumerate(words):
        firsts.setdefault(word, i)
    warn_duplicates(path, len(words) - len(firsts))
    if firsts.pop("", None) is not None:
        log.warning("%s: a word is empty and is left out", path)
    if parts.n_labels:
        verbs = "has no vector and is" if parts.n_labels == 1 else "have no vectors and are"
        log.warning("%s: %s %s left out", path, counted(parts.n_labels, "label"), verbs)
    vectors = vectors_from_parts(parts, words)
    if len(firsts) == len(words):
        return vectors
    if not firsts:
        raise FormatError(f"{path}: holds no words")
    return vectors.select(np.fromiter(firsts.values(), np.int64, len(firsts)))


def describe(path: Path) -> dict[str, Any]:
    """Return the training metadata in the header, as a model's description."""
    parts = parse_header(path)
    return {"options": parts.options, "vocabulary": {"tokens_seen": parts.n_tokens}}


def vectors_from_parts(parts: Parts, words: Sequence[str]) -> VectorTable:
    """Return the vectors of the words that have a row.

    Parameters
    ----------
    parts : Parts
        The content of the file; n-grams are those of the bytes of its words.
    words : sequence of str
        Its words as strings.
    """
    rows, header = parts.word_rows, parts.options
    subwords = Subwords(
        max(header["min_n"], SHORTEST), header["max_n"], header["bucket"],
        rows, parts.buckets, parts.ngram_rows,
    )  # fmt: skip
    is_tree = header["loss"] == "hierarchical-softmax"
    return VectorTable(
        words[: len(rows)],
        _word_vectors(parts.words[: len(rows)], subwords),
        np.array(parts.counts[: len(rows)], np.int64),
        parts.outputs,
        subwords,
        output_rows="inner-nodes" if is_tree else "words",
    )


def _word_vectors(words: Sequence[bytes], subwords: Subwords) -> NDArray[np.float32]:
    """Return the mean of each word's row and the rows of its n-grams, float32 (n_words, dim)."""
    matrix = np.empty(subwords.word_rows.shape, dtype=np.float32)
    for i, (total, n_ngrams) in enumerate(ngram_sums(words, subwords)):
        matrix[i] = (total + subwords.word_rows[i]) / (1 + n_ngrams)
    return matrix


def ngram_sums(
    words: Iterable[str | bytes], subwords: Subwords
) -> Iterator[tuple[NDArray[np.float64], int]]:
    """Yield for each word the sum of the rows of its n-grams, float64 (dim,), and their number."""
    row_of_bucket = np.full(subwords.bucket, -1, dtype=np.int64)
    row_of_bucket[subwords.buckets] = np.arange(len(subwords.buckets))
    known: dict[bytes, int] = {}

    def row_of(ngram: bytes) -> int:
        if ngram not in known:
            known[ngram] = int(row_of_bucket[ngram_hash(ngram) % subwords.bucket])
        return known[ngram]

    for word in words:
        grams = []
        if subwords.bucket and word not in (END_OF_SENTENCE, END_OF_SENTENCE.encode()):
            grams = ngrams(word, subwords.min_n, subwords.max_n)
        rows = [row for row in map(row_of, grams) if row >= 0]
        yield subwords.ngram_rows[rows].sum(axis=0, dtype=np.float64), len(grams)


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write a model that Facebook's program loads. Only vectors with subwords can be written.

    Parameters
    ----------
    vectors, path
        As for `formats.write`.
    training_options : mapping
        The known options of the training, and `tokens_seen`.

    Raises
    ------
    FormatError
        If an option does not fit the header, or the vectors have no subwords.
    """
    subwords = vectors.subwords
    if subwords is None:
        raise FormatError(
            f"{path}: fasttext-bin needs subwords, which only a FastText model has; "
            "word2vec-binary needs none"
        )
    counts = vectors.counts
    if counts is None:
        counts = np.ones(vectors.n_words, dtype=np.int64)
    n_tokens = training_options.get("tokens_seen", int(counts.sum()))
    bucket = subwords.bucket if subwords.max_n or len(subwords.buckets) else 0
    header = packed(path, vectors, subwords, bucket, training_options)
    if "epochs" not in training_options:
        log.warning(
            "%s: the options of the training are not known; the header has fastText's defaults",
            path,
        )
    with atomic_write(path) as file:
        file.write(START.pack(MAGIC, VERSION) + header)
        file.write(SIZES.pack(vectors.n_words, vectors.n_words, 0, n_tokens, -1))
        for word, count in zip(vectors.words, counts.tolist(), strict=True):
            file.write(word.encode() + b"\0" + ENTRY.pack(count, WORD))
        _write_inputs(file, vectors, subwords, bucket)
        contexts = vectors.output_matrix
        if contexts is None:
            contexts = np.zeros(vectors.rows.shape, dtype=np.float32)
        file.write(QUANTIZED.pack(False) + SHAPE.pack(*contexts.shape))
        file.write(contexts.astype("<f4").tobytes())


def _write_inputs(file: BinaryIO, vectors: VectorTable, subwords: Subwords, bucket: int) -> None:
    """Write the rows of the words, then a row for each bucket, zeros if it was never trained.

    An offset is added to all of them, so that their means have it.
    """
    dim = vectors.vector_size
    file.write(QUANTIZED.pack(False) + SHAPE.pack(vectors.n_words + bucket, dim))
    word_rows = subwords.word_rows.astype("<f4")
    if subwords.offset is not None:
        word_rows += subwords.offset
    row = vectors.string_table.find(END_OF_SENTENCE)
    if row >= 0:
        word_rows[row] = vectors.rows[row]
    file.write(word_rows.tobytes())
    write_buckets(file, subwords, bucket)


def write_buckets(file: BinaryIO, subwords: Subwords, bucket: int) -> None:
    """Write the rows of the buckets, zeros if one was never trained."""
    dim = subwords.ngram_rows.shape[1]
    for rows in row_slices(bucket, 4 * dim):
        block = np.zeros((rows.stop - rows.start, dim), dtype="<f4")
        first, last = np.searchsorted(subwords.buckets, (rows.start, rows.stop))
        block[subwords.buckets[first:last] - rows.start] = subwords.ngram_rows[first:last]
        if subwords.offset is not None:
            block += subwords.offset
        file.write(block.tobytes())
