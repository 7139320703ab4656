"""Tables made of word counts: for subsampling, for negatives, and the Huffman tree."""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.sgd.arrays import NegativeTable, Tree
from embedtool.kernels.sgd.huffman import build_tree

NO_NEGATIVES = NegativeTable(np.empty(0), np.empty(0, np.int32))
NO_TREE = Tree(np.empty(0, np.int32), np.empty(0, np.bool_)), 0


def keep_probabilities(counts: NDArray[np.int64], sample: float) -> NDArray[np.float32]:
    """Return the probability that subsampling keeps a token of each word.

    As in word2vec.c it is sqrt(t / f) + t / f, with the word's fraction f of all tokens; Mikolov et
    al. 2013b, eq. 5, have sqrt(t / f).
    """
    if not sample:
        return np.ones(len(counts), np.float32)
    ratio = sample / (np.maximum(counts, 1) / counts.sum())
    keep_prob: NDArray[np.float32] = np.minimum(1, np.sqrt(ratio) + ratio).astype(np.float32)
    return keep_prob


def negative_cdf(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """Return the cumulative distribution of negatives: counts to a power, normalized.

    (Mikolov et al. 2013b, section 2.2.) A word of count 0, which a model to start from may contain,
    has no finite power with a negative exponent and is not drawn.
    """
    drawn = counts > 0 if exponent < 0 else np.ones(len(counts), np.bool_)
    powers = np.zeros(len(counts))
    powers[drawn] = (counts[drawn] / counts.max()) ** exponent
    cdf = np.cumsum(powers / powers.sum())
    cdf[-1] = 1
    return cdf


def build_negative_table(cdf: NDArray[np.float64]) -> NegativeTable:
    """Return the table by which negatives are drawn from this cumulative distribution."""
    starts = np.arange(len(cdf)) / len(cdf)
    return NegativeTable(cdf, np.searchsorted(cdf, starts, side="right").astype(np.int32))


def huffman_tree(counts: NDArray[np.int64]) -> tuple[Tree, int]:
    """Return the Huffman tree of words with these counts, and its depth."""
    tree = Tree(np.empty(2 * len(counts) - 1, np.int32), np.empty(2 * len(counts) - 1, np.bool_))
    return tree, build_tree(counts, *tree)
