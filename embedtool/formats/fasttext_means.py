"""The vectors of FastText's words: means of rows that may be larger than memory.

The rows of n-grams are needed in no order. Where they are on disk, as many of their columns as fit
in memory are taken at a time, so that neither memory nor the disk is searched for each n-gram.
"""

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.formats.array_builder import ArrayBuilder
from embedtool.formats.fasttext_stream import Floats
from embedtool.formats.options import ReadOptions
from embedtool.io.blocks import row_slices, slices
from embedtool.io.progress import Progress
from embedtool.io.safetensors_io import release_pages
from embedtool.model.subwords import END_OF_SENTENCE, Subwords, ngram_hash, ngrams

BLOCK_WORDS = 2**13
"""Words whose n-grams are hashed, and whose means are computed, at a time."""
SLICE_BYTES = 96 * 2**20
"""Size of the columns of the rows of n-grams that are held in memory at a time."""
KERNEL_WORDS = 2**9
"""Number of words from which the compiled kernels are faster, with the time to load them."""
NO_NGRAMS = END_OF_SENTENCE.encode()


class Members(NamedTuple):
    """The rows of n-grams of each word.

    Attributes
    ----------
    ends : ndarray of int64, shape (n_words + 1,)
        Word i has rows[ends[i] : ends[i + 1]].
    rows : ndarray of int32
        Rows of n-grams; -1 for a bucket that has none.
    divisors : ndarray of int64, shape (n_words,)
        The number of rows by which the sum of each word is divided, with its own.
    """

    ends: NDArray[np.int64]
    rows: NDArray[np.int32]
    divisors: NDArray[np.int64]


def word_means(words: Iterable[bytes], subwords: Subwords, options: ReadOptions) -> Floats:
    """Return the mean of each word's row and the rows of its n-grams, float32 (n_words, dim).

    Parameters
    ----------
    words : iterable of bytes
        The words whose rows are `subwords.word_rows`.
    subwords : Subwords
        The rows.
    options : ReadOptions
        Where temporary data go.
    """
    n_words, dim = subwords.word_rows.shape
    if not (subwords.bucket and subwords.max_n):
        return subwords.word_rows
    if n_words < KERNEL_WORDS:
        return _plain_means(words, subwords)
    members = _members(words, n_words, subwords, options)
    n_rows = len(subwords.ngram_rows)
    width = dim
    if options.scratch is not None:
        width = min(dim, max(1, SLICE_BYTES // (4 * max(1, n_rows))))
    parts = []
    for columns in slices(dim, width):
        parts.append(_means_of_columns(members, subwords, columns, options))
        options.report(Progress("adding n-grams", columns.stop, dim, "dimensions"))
    return parts[0] if len(parts) == 1 else _side_by_side(parts, options)


def ngram_sums(
    words: Iterable[str | bytes], subwords: Subwords
) -> Iterator[tuple[NDArray[np.float64], int]]:
    """Yield for each word the sum of the rows of its n-grams, float64 (dim,), and their number.

    N-grams without a row count, unless they were pruned away.
    """
    known: dict[bytes, int] = {}

    def row_of(ngram: bytes) -> int:
        if ngram not in known:
            bucket = ngram_hash(ngram) % subwords.bucket
            row = int(np.searchsorted(subwords.buckets, bucket))
            is_there = row < len(subwords.buckets) and subwords.buckets[row] == bucket
            known[ngram] = row if is_there else -1
        return known[ngram]

    for word in words:
        grams = []
        if subwords.bucket and word not in (END_OF_SENTENCE, NO_NGRAMS):
            grams = ngrams(word, subwords.min_n, subwords.max_n)
        rows = [row for row in map(row_of, grams) if row >= 0]
        total = subwords.ngram_rows[rows].sum(axis=0, dtype=np.float64)
        yield total, len(rows if subwords.pruned else grams)


def _plain_means(words: Iterable[bytes], subwords: Subwords) -> Floats:
    matrix = np.empty(subwords.word_rows.shape, dtype=np.float32)
    sums = ngram_sums(words, subwords)
    for i, (own, (total, n_ngrams)) in enumerate(zip(subwords.word_rows, sums, strict=False)):
        matrix[i] = (total + own) / (1 + n_ngrams)
    return matrix


def _members(
    words: Iterable[bytes], n_words: int, subwords: Subwords, options: ReadOptions
) -> Members:
    """Return the rows of the n-grams of each word, in temporary data."""
    from embedtool.kernels.text.ngrams import hash_ngrams

    counts, divisors = np.empty(n_words, np.int64), np.empty(n_words, np.int64)
    row_of = _row_lookup(subwords)
    queue = iter(words)
    with ArrayBuilder(options, np.int32) as table:
        for block in slices(n_words, BLOCK_WORDS):
            chosen = islice(queue, block.stop - block.start)
            marked = [b"" if word == NO_NGRAMS else b"<%b>" % word for word in chosen]
            text = np.frombuffer(b"".join(marked), np.uint8)
            ends = np.cumsum([len(word) for word in marked])
            n_ngrams = _count_ngrams(text, ends, subwords.min_n, subwords.max_n)
            buckets = np.empty(n_ngrams.sum(), np.int32)
            hash_ngrams(text, ends, subwords.min_n, subwords.max_n, subwords.bucket, buckets)
            rows = row_of[buckets] if len(row_of) else _search(subwords.buckets, buckets)
            counts[block] = n_ngrams
            if subwords.pruned:
                n_known = np.concatenate(([0], np.cumsum(rows >= 0)))
                bounds = np.concatenate(([0], np.cumsum(n_ngrams)))
                n_ngrams = np.diff(n_known[bounds])
            divisors[block] = 1 + n_ngrams
            table.append(rows)
        found = table.array()
    return Members(np.concatenate(([0], np.cumsum(counts))), found, divisors)


def _row_lookup(subwords: Subwords) -> NDArray[np.int32]:
    """Return the row of each bucket, -1 for none; empty if there are far more buckets than rows."""
    if subwords.bucket > 2**4 * max(2**16, len(subwords.buckets)):
        return np.empty(0, np.int32)
    rows = np.full(subwords.bucket, -1, np.int32)
    rows[subwords.buckets] = np.arange(len(subwords.buckets), dtype=np.int32)
    return rows


def _search(buckets: NDArray[np.int64], wanted: NDArray[np.int32]) -> NDArray[np.int32]:
    """Return the position of each wanted bucket among sorted ones, -1 for none."""
    rows = np.searchsorted(buckets, wanted)
    if not len(buckets):
        return np.full(len(wanted), -1, np.int32)
    rows[rows == len(buckets)] = 0
    return np.where(buckets[rows] == wanted, rows, -1).astype(np.int32)


def _count_ngrams(
    text: NDArray[np.uint8], ends: NDArray[np.int64], min_n: int, max_n: int
) -> NDArray[np.int64]:
    """Return the number of n-grams of each marked word, as `model.subwords.ngrams` defines them."""
    starts = np.concatenate(([0], np.cumsum((text & 0xC0) != 0x80)))
    lengths = np.diff(starts[np.concatenate(([0], ends))])
    counts = np.zeros(len(ends), np.int64)
    longest = int(lengths.max(initial=0))
    for n in range(min_n, min(max_n, longest) + 1):
        counts += np.maximum(0, lengths - n + 1)
        if n == 1:
            counts -= np.where(lengths, 2, 0)
    return counts


def _means_of_columns(
    members: Members, subwords: Subwords, columns: slice, options: ReadOptions
) -> Floats:
    """Return some columns of the means, float32 (n_words, columns)."""
    from embedtool.kernels.text.row_means import mean_rows

    width = columns.stop - columns.start
    rows, table = subwords.word_rows, subwords.ngram_rows
    if width < table.shape[1]:
        table = np.empty((len(table), width), np.float32)
        for block in row_slices(len(table), subwords.ngram_rows[:1].nbytes):
            table[block] = subwords.ngram_rows[block, columns]
            release_pages(subwords.ngram_rows)
    table = np.ascontiguousarray(table)
    with ArrayBuilder(options) as means:
        for block in slices(len(rows), BLOCK_WORDS):
            own = np.ascontiguousarray(rows[block, columns])
            ends = members.ends[block.start : block.stop + 1]
            some = np.ascontiguousarray(members.rows[ends[0] : ends[-1]])
            result = np.empty_like(own)
            mean_rows(ends - ends[0], some, members.divisors[block], own, table, result)
            means.append(result)
            release_pages(rows)
            release_pages(members.rows)
        return means.array(width)


def _side_by_side(parts: list[Floats], options: ReadOptions) -> Floats:
    """Return a matrix of which the columns are in several."""
    row_bytes = sum(part[:1].nbytes for part in parts)
    with ArrayBuilder(options) as table:
        for block in row_slices(len(parts[0]), row_bytes):
            table.append(np.concatenate([part[block] for part in parts], axis=1))
            for part in parts:
                release_pages(part)
        return table.array(sum(part.shape[1] for part in parts))
