"""The Huffman tree of a vocabulary.

In: counts. Out: the parent of each leaf and inner node.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit


@jit
def build_tree(
    counts: NDArray[np.int64], parents: NDArray[np.int32], left: NDArray[np.bool_]
) -> int:
    """Join the two rarest nodes until one is left (Huffman 1952), as word2vec.c does.

    counts  : int64 (n_words,), falling
    parents : int32 (2 * n_words - 1,), written: nodes from n_words on are the inner ones, in the
              order in which they are made; the last is the root, its own parent
    left    : bool (2 * n_words - 1,), written: whether the node is the rarer of its parent's two
    Returns the length of the longest way from the root to a leaf. Both leaves, from the rarest on,
    and inner nodes, in the order in which they are made, stand by rising count, so the rarest node
    is always one of two.
    """
    n_words = len(counts)
    root = 2 * n_words - 2
    totals = np.empty(n_words - 1, np.int64)
    leaf = n_words - 1
    inner = n_words
    for made in range(n_words, root + 1):
        totals[made - n_words] = 0
        for turn in range(2):
            if leaf >= 0 and (inner == made or counts[leaf] < totals[inner - n_words]):
                node, total = leaf, counts[leaf]
                leaf -= 1
            else:
                node, total = inner, totals[inner - n_words]
                inner += 1
            totals[made - n_words] += total
            parents[node] = made
            left[node] = turn == 0
    parents[root] = root
    left[root] = False
    depths = np.zeros(root + 1, np.int32)
    for node in range(root - 1, -1, -1):
        depths[node] = depths[parents[node]] + 1
    return int(depths.max())
