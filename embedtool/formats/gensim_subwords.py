"""The n-grams of a FastText model that gensim saved."""

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.array_builder import ArrayBuilder
from embedtool.formats.fasttext_header import LONGEST, SHORTEST
from embedtool.formats.gensim_saved import Saved
from embedtool.formats.options import ReadOptions
from embedtool.io.blocks import row_slices, slices
from embedtool.model.subwords import Subwords

log = logging.getLogger(__name__)

BLOCK_WORDS = 2**12
"""Words whose n-grams are hashed at a time."""
MAX_BUCKET = 2**31 - 1


def subwords_of(table: Saved, n_words: int) -> Subwords | None:
    """Return the rows of words and n-grams, or None if they are of an older layout.

    Before version 3.8 n-grams had another hash, by which words beyond ASCII get other rows; such
    models are read for the vectors of their words.

    Raises
    ------
    FormatError
        If the parts do not agree.
    """
    own, ngrams = table.array("vectors_vocab"), table.array("vectors_ngrams")
    if not table.get("compatible_hash") or own is None:
        log.warning(
            "%s: its n-grams are of a version of gensim before 3.8, with another hash, and are "
            "left out; new words get no vectors", table.path,
        )  # fmt: skip
        return None
    min_n, max_n, bucket = (_length(table, name) for name in ("min_n", "max_n", "bucket"))
    if own.ndim != 2 or len(own) != n_words or own.dtype.kind != "f":
        raise FormatError(
            f"{table.path}: is damaged: there is not one row of 'vectors_vocab' a word"
        )
    if max_n > LONGEST or bucket > MAX_BUCKET:
        raise FormatError(f"{table.path}: is damaged: n-grams of {max_n:,} characters")
    dim = own.shape[1]
    if not bucket or max_n < min_n:
        empty = np.empty((0, dim), np.float32)
        rows = plain_rows(own, table.options)
        return Subwords(max(min_n, SHORTEST), max_n, 0, rows, np.empty(0, np.int64), empty)
    if ngrams is None or ngrams.ndim != 2 or ngrams.shape[1] != dim or ngrams.dtype.kind != "f":
        raise FormatError(f"{table.path}: is damaged: 'vectors_ngrams' has no rows of {dim:,}")
    buckets, ngrams = _buckets(table, ngrams, bucket)
    return Subwords(
        max(min_n, SHORTEST), max_n, bucket, plain_rows(own, table.options), buckets, ngrams
    )


def _length(table: Saved, name: str) -> int:
    value = table.get(name)
    if type(value) is not int or value < 0:
        raise FormatError(f"{table.path}: is damaged: {name} is {str(value)[:40]}")
    return value


def _buckets(
    table: Saved, rows: NDArray[Any], bucket: int
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the buckets whose rows are not all zeros, and those rows.

    gensim 4 has a row for each bucket; 3.8 may have rows for some only, in a dict.
    """
    numbers = np.arange(bucket)
    index = table.get("hash2index")
    if isinstance(index, dict) and len(index) == len(rows) != bucket:
        pairs = np.array([pair for pair in index.items() if set(map(type, pair)) == {int}])
        if pairs.shape != (len(rows), 2) or set(pairs[:, 1].tolist()) != set(range(len(rows))):
            raise FormatError(f"{table.path}: is damaged: 'hash2index' does not number the rows")
        pairs = pairs[np.argsort(pairs[:, 0])]
        numbers, rows = pairs[:, 0], rows[pairs[:, 1]]
        if not 0 <= numbers[0] <= numbers[-1] < bucket:
            raise FormatError(f"{table.path}: is damaged: 'hash2index' is not in the buckets")
    elif len(rows) != bucket:
        raise FormatError(
            f"{table.path}: is damaged: {len(rows):,} rows of n-grams for {bucket:,} buckets"
        )
    rows = plain_rows(rows, table.options)
    used = np.empty(len(rows), np.bool_)
    for block in row_slices(len(rows), rows[:1].nbytes):
        used[block] = rows[block].any(axis=1)
        if not (table.options.allow_nonfinite or np.isfinite(rows[block]).all()):
            raise FormatError(f"{table.path}: a row of n-grams holds a number that is not finite")
    return (numbers, rows) if used.all() else (numbers[used], rows[used])


def word_vectors(words: Sequence[str], subwords: Subwords) -> NDArray[np.float32]:
    """Return the mean of each word's row and those of its n-grams, float32 (n_words, dim).

    gensim leaves them out of its files and computes them when it loads one.
    """
    from scipy.sparse import csr_array

    from embedtool.kernels.text.ngrams import hash_ngrams

    vectors = np.array(subwords.word_rows)
    if not subwords.bucket:
        return vectors
    row_of = np.full(subwords.bucket, -1, np.int32)
    row_of[subwords.buckets] = np.arange(len(subwords.buckets), dtype=np.int32)
    for block in slices(len(words), BLOCK_WORDS):
        marked = [b"<%b>" % word.encode("utf-8", "surrogatepass") for word in words[block]]
        ends = np.cumsum([len(word) for word in marked])
        text = np.frombuffer(b"".join(marked), np.uint8)
        counts = _ngram_counts(text, ends, subwords)
        hashed = np.empty(counts.sum(), np.int32)
        hash_ngrams(text, ends, subwords.min_n, subwords.max_n, subwords.bucket, hashed)
        rows = row_of[hashed]
        starts = np.concatenate(([0], np.cumsum(counts)))
        kept = rows >= 0
        indptr = np.concatenate(([0], np.cumsum(kept)))[starts]
        ones = np.ones(indptr[-1], np.float32)
        shape = (len(ends), len(subwords.buckets))
        vectors[block] += csr_array((ones, rows[kept], indptr), shape) @ subwords.ngram_rows
        vectors[block] /= (counts + 1)[:, None].astype(np.float32)
    return vectors


def _ngram_counts(
    text: NDArray[np.uint8], ends: NDArray[np.int64], subwords: Subwords
) -> NDArray[np.int64]:
    """Return the number of n-grams of each word, int64 (n_words,); a mark alone is none."""
    begins = np.concatenate(([0], np.cumsum((text & 0xC0) != 0x80)))
    lengths = np.diff(begins[np.concatenate(([0], ends))])
    counts = np.zeros(len(ends), np.int64)
    for n in range(subwords.min_n, subwords.max_n + 1):
        counts += np.maximum(lengths - n + 1 - 2 * (n == 1), 0)
    return counts


def plain_rows(matrix: NDArray[Any], options: ReadOptions) -> NDArray[np.float32]:
    """Return a matrix as float32 in rows, itself if it is that already."""
    if matrix.dtype == np.float32 and matrix.flags.c_contiguous and matrix.flags.aligned:
        return matrix
    with ArrayBuilder(options) as builder:
        for block in row_slices(len(matrix), matrix[:1].nbytes):
            builder.append(matrix[block])
        return builder.array(matrix.shape[1])
