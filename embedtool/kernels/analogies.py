"""The word that answers each analogy question best, sought block by block.

In: the products of the questions' words with a block of candidates. Out: the best candidate so far.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit_no_nan


@jit_no_nan
def best_candidate(
    products: NDArray[np.float32],
    slots: NDArray[np.int64],
    weights: NDArray[np.float32],
    offsets: NDArray[np.float32],
    factors: NDArray[np.float32],
    excluded: NDArray[np.int64],
    first: int,
    places: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> None:
    """Look through one block for candidates that answer better than those found before.

    Candidate x has for a question the score

        f[r, x] (o + w0 p[s0, x] + w1 p[s1, x] + w2 p[s2, x])

    with the question's slots s, weights w, offset o, and r its last slot. So a question costs three
    products a candidate however long the vectors are: the words of all questions are few.

    products : float32 (n_terms, n_columns), finite
    slots    : int64 (n_questions, 3), rows of `products`
    weights  : float32 (n_questions, 3)
    offsets  : float32 (n_questions,)
    factors  : float32 (n_terms, n_columns), finite, or (0, n_columns) where all are 1
    excluded : int64 (n_questions, any), candidates that may not answer, by their places; others: -1
    first    : the place of the block's first column
    places   : int64 (n_questions,), changed: the place of the best candidate, of equals the first
    scores   : float32 (n_questions,), changed: its score
    """
    n_columns = products.shape[1]
    sums = np.empty(n_columns, np.float32)
    for question in range(len(slots)):
        slot = slots[question]
        rows = products[slot[0]], products[slot[1]], products[slot[2]]
        weight, offset = weights[question], offsets[question]
        for x in range(n_columns):
            sums[x] = (
                offset + weight[0] * rows[0][x] + weight[1] * rows[1][x] + weight[2] * rows[2][x]
            )
        if len(factors):
            factor = factors[slot[2]]
            for x in range(n_columns):
                sums[x] *= factor[x]
        for place in excluded[question]:
            if 0 <= place - first < n_columns:
                sums[place - first] = -np.inf
        highest = np.float32(-np.inf)
        for x in range(n_columns):
            highest = max(highest, sums[x])
        if highest > scores[question]:
            scores[question] = highest
            x = 0
            while sums[x] != highest:
                x += 1
            places[question] = first + x
