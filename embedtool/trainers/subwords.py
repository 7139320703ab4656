"""The rows of the input table of which a word is the mean: its own and those of its n-grams."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.kernels.text.ngrams import hash_ngrams
from embedtool.messages import brief
from embedtool.model.subwords import END_OF_SENTENCE

HASH_BLOCK_WORDS = 2**16
"""Words whose n-grams are hashed at a time."""
MEAN_BLOCK_WORDS = 2**10
"""Words whose rows, some dozens each, are gathered at a time."""


@dataclass(frozen=True, eq=False)
class SubwordIndex:
    """The rows of which each word is the mean; row i is word i's own.

    Attributes
    ----------
    indptr
        int64 (n_words + 1,); word i has the rows indices[indptr[i] : indptr[i + 1]].
    indices
        int32 (indptr[-1],).
    buckets
        int64, ascending: the bucket of each row beyond those of the words.
    """

    __repr__ = brief

    indptr: NDArray[np.int64]
    indices: NDArray[np.int32]
    buckets: NDArray[np.int64]

    @property
    def n_words(self) -> int:
        return len(self.indptr) - 1

    @property
    def n_rows(self) -> int:
        """The number of rows of the input table."""
        return self.n_words + len(self.buckets)

    def means(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the vector of each word, float32 (n_words, vector_size): the mean of its rows."""
        means = np.empty((self.n_words, inputs.shape[1]), np.float32)
        for first in range(0, self.n_words, MEAN_BLOCK_WORDS):
            starts = self.indptr[first : first + MEAN_BLOCK_WORDS + 1]
            parts = inputs[self.indices[starts[0] : starts[-1]]]
            sums = np.add.reduceat(parts, starts[:-1] - starts[0], axis=0)
            means[first : first + len(sums)] = sums / np.diff(starts)[:, None].astype(np.float32)
        return means


def build_subword_index(
    words: Sequence[str],
    config: Word2VecConfig,
    known_buckets: NDArray[np.int64] | None = None,
) -> SubwordIndex:
    """Return the rows of each word; each bucket to which some n-gram hashes has a row.

    So has each of `known_buckets`, int64: those of a model to start from, whose rows are kept for
    new words even if no word of the vocabulary has the n-gram.
    """
    n_words = len(words)
    if not isinstance(config, FastTextConfig) or not config.max_n:
        return SubwordIndex(
            np.arange(n_words + 1), np.arange(n_words, dtype=np.int32), np.empty(0, np.int64)
        )
    counts = np.empty(n_words, np.int64)
    parts = []
    for first in range(0, n_words, HASH_BLOCK_WORDS):
        last = min(first + HASH_BLOCK_WORDS, n_words)
        counts[first:last] = _count_ngrams(words[first:last], config)
        parts.append(_hash(words[first:last], int(counts[first:last].sum()), config))
    starts = np.concatenate(([0], np.cumsum(counts + 1)))
    buckets = np.concatenate(parts)
    used = np.zeros(config.bucket, np.bool_)
    used[buckets] = True
    if known_buckets is not None:
        used[known_buckets] = True
    numbers = n_words + np.cumsum(used, dtype=np.int32) - 1
    rows = np.empty(starts[-1], np.int32)
    own = np.zeros(len(rows), np.bool_)
    own[starts[:-1]] = True
    rows[own] = np.arange(n_words, dtype=np.int32)
    rows[~own] = numbers[buckets]
    return SubwordIndex(starts, rows, np.flatnonzero(used))


def _count_ngrams(words: Sequence[str], config: FastTextConfig) -> NDArray[np.int64]:
    """Return the number of n-grams of each word, as `model.subwords.ngrams` defines them.

    As in fastText, the end of a sentence has none.
    """
    lengths = np.array([len(word) + 2 for word in words])
    counts = np.zeros(len(words), np.int64)
    for n in range(config.min_n, config.max_n + 1):
        counts += np.maximum(0, lengths - n + 1) - (2 if n == 1 else 0)
    counts[[i for i, word in enumerate(words) if word == END_OF_SENTENCE]] = 0
    return counts


def _hash(words: Sequence[str], n_ngrams: int, config: FastTextConfig) -> NDArray[np.int32]:
    marked = [
        b"" if word == END_OF_SENTENCE else f"<{word}>".encode("utf-8", "surrogatepass")
        for word in words
    ]
    text = np.frombuffer(b"".join(marked), np.uint8)
    buckets = np.empty(n_ngrams, np.int32)
    ends = np.cumsum([len(word) for word in marked])
    hash_ngrams(text, ends, config.min_n, config.max_n, config.bucket, buckets)
    return buckets
