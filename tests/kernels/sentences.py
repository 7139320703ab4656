"""Sentences of word ids, and their co-occurrences by the reference."""

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

import numpy as np

from embedtool.corpus.cells import Blocks
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.kernels import reference

Sentences = Sequence[Sequence[int]]


WINDOWS = [1, 2, 3, 5, 10, 22, 23, 30]


def random_sentences(n_tokens: int, n_words: int, seed: int = 1) -> list[list[int]]:
    """Sentences of many lengths, their words spread as in text: few frequent, many rare."""
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.3, n_tokens) - 1, n_words - 1).tolist()
    ends = np.cumsum(rng.geometric(1 / 12, n_tokens))
    return [ids[a:b] for a, b in pairwise([0, *ends.tolist()]) if ids[a:b]]


def arrays(sentences: Sentences) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    return ids, np.cumsum([len(sentence) for sentence in sentences], dtype=np.int64)


def encoded(sentences: Sentences, n_words: int) -> EncodedCorpus:
    filled = [sentence for sentence in sentences if len(sentence)]
    ids, ends = arrays(filled)
    counts = np.bincount(ids, minlength=n_words).astype(np.int64)
    words = [str(i) for i in range(n_words)]
    return EncodedCorpus(Vocabulary(words, counts, n_words, len(ids)), ids, ends, "")


def reference_sums(
    sentences: Sentences, weights: Sequence[int | Fraction], symmetric: bool
) -> Counter[tuple[int, int]]:
    """The weight of each pair, the plain way."""
    entries = reference.list_pairs(sentences, len(weights) - 1, symmetric)
    return reference.sum_entries(entries, weights)  # type: ignore[arg-type]


def key_of(blocks: Blocks, row: int, column: int) -> int:
    """A key by its definition: the cell, then the bits of row and column in turn."""
    row_block, column_block = np.searchsorted(blocks.starts, (row, column), side="right") - 1
    key = int(row_block) * blocks.n_blocks + int(column_block)
    row, column = row - blocks.starts[row_block], column - blocks.starts[column_block]
    for bit in reversed(range(blocks.bits)):
        key = key << 2 | (int(row) >> bit & 1) << 1 | int(column) >> bit & 1
    return key
