"""The Huffman tree of a vocabulary, for hierarchical softmax."""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit


@jit
def build_tree(
    counts: NDArray[np.int64], parents: NDArray[np.int32], bit: NDArray[np.bool_]
) -> int:
    """Join the two rarest nodes until one is left (Huffman 1952), as word2vec.c does.

    Leaves, from the rarest on, and inner nodes, in the order in which they are made, are both
    sorted by count, so the rarest node is always one of two.

    Parameters
    ----------
    counts
        int64 (n_words,), descending.
    parents
        int32 (2 * n_words - 1,), written. Nodes from n_words on are the inner ones, in the order in
        which they are made; the last is the root, its own parent.
    bit
        bool (2 * n_words - 1,), written: whether the node is the rarer child of its parent.

    Returns
    -------
        The depth of the tree: the length of the longest Huffman code.
    """
    n_words = len(counts)
    root = 2 * n_words - 2
    totals = np.empty(n_words - 1, np.int64)
    leaf = n_words - 1
    inner = n_words
    for made in range(n_words, root + 1):
        totals[made - n_words] = 0
        for child in range(2):
            if leaf >= 0 and (inner == made or counts[leaf] < totals[inner - n_words]):
                node, total = leaf, counts[leaf]
                leaf -= 1
            else:
                node, total = inner, totals[inner - n_words]
                inner += 1
            totals[made - n_words] += total
            parents[node] = made
            bit[node] = child == 0
    parents[root] = root
    bit[root] = False
    depths, deepest = np.zeros(root + 1, np.int32), 0
    for node in range(root - 1, -1, -1):
        depths[node] = depths[parents[node]] + 1
        deepest = max(deepest, depths[node])
    return deepest
