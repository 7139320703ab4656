"""Tables made of word counts: for subsampling, for negatives, and the Huffman tree."""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.sgd.arrays import NegativeTable, Tree
from embedtool.kernels.sgd.huffman import build_tree

NO_NEGATIVES = NegativeTable(np.empty(0, np.float32), np.empty(0, np.int32))
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
    """Return the alias table of a cumulative distribution.

    Each bin holds 1 / n_words of the probability. One word after another that has more fills up,
    from its surplus, the bins of the words that have less (their deficit), until it has less too;
    then its own bin is filled up by the next. So the sums of surpluses and deficits tell who fills
    what.
    """
    bins = len(cdf) * np.diff(cdf, prepend=0)
    accept, alias = np.minimum(bins, 1), np.arange(len(cdf), dtype=np.int32)
    donors, receivers = np.flatnonzero(bins > 1), np.flatnonzero(bins < 1)
    if len(donors) and len(receivers):
        surplus, deficit = np.cumsum(bins[donors] - 1), np.cumsum(1 - bins[receivers])
        donor = np.searchsorted(surplus, np.concatenate(([0], deficit[:-1])))
        alias[receivers] = donors[np.minimum(donor, len(donors) - 1)]
        last_receiver = np.searchsorted(deficit, surplus, side="right")
        accept[donors] = 1 + surplus - np.append(deficit, surplus[-1])[last_receiver]
        alias[donors[:-1]] = donors[1:]
    return NegativeTable(accept.astype(np.float32), alias)


def huffman_tree(counts: NDArray[np.int64]) -> tuple[Tree, int]:
    """Return the Huffman tree of words with these counts, and its depth."""
    tree = Tree(np.empty(2 * len(counts) - 1, np.int32), np.empty(2 * len(counts) - 1, np.bool_))
    return tree, build_tree(counts, *tree)
