"""The best answer to each analogy question, searched for in blocks of candidates."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit_no_nan


class AnalogyQueries(NamedTuple):
    """Analogy questions as weighted sums of products.

    Attributes
    ----------
    slots
        int64 (n_questions, 3), rows of the products.
    weights
        float32 (n_questions, 3).
    offsets
        float32 (n_questions,).
    excluded
        int64 (n_questions, any), positions of candidates that may not answer; -1 is none.
    """

    slots: NDArray[np.int64]
    weights: NDArray[np.float32]
    offsets: NDArray[np.float32]
    excluded: NDArray[np.int64]


@jit_no_nan
def best_candidate(
    products: NDArray[np.float32],
    factors: NDArray[np.float32],
    first: int,
    queries: AnalogyQueries,
    positions: NDArray[np.int64],
    scores: NDArray[np.float32],
) -> None:
    """Search a block for candidates that answer better than those found before.

    Candidate x has for a question the score

        f[r, x] (o + w0 p[s0, x] + w1 p[s1, x] + w2 p[s2, x])

    with the question's slots s, weights w, offset o, and r its last slot. So a question costs three
    products per candidate however long the vectors are: the words of all questions are few.

    Parameters
    ----------
    products
        float32 (n_terms, n_columns), finite, p.
    factors
        float32 (n_terms, n_columns), finite, f; or (0, n_columns) where all are 1.
    first
        The position of the block's first column among all candidates.
    queries
        The questions.
    positions
        int64 (n_questions,), updated: the best candidate so far, of equals the first.
    scores
        float32 (n_questions,), updated: its score.
    """
    n_columns = products.shape[1]
    sums = np.empty(n_columns, np.float32)
    for question in range(len(queries.slots)):
        slot = queries.slots[question]
        rows = products[slot[0]], products[slot[1]], products[slot[2]]
        weight, offset = queries.weights[question], queries.offsets[question]
        for x in range(n_columns):
            sums[x] = (
                offset + weight[0] * rows[0][x] + weight[1] * rows[1][x] + weight[2] * rows[2][x]
            )
        if len(factors):
            factor = factors[slot[2]]
            for x in range(n_columns):
                sums[x] *= factor[x]
        for position in queries.excluded[question]:
            if 0 <= position - first < n_columns:
                sums[position - first] = -np.inf
        highest = np.float32(-np.inf)
        for x in range(n_columns):
            highest = max(highest, sums[x])
        if highest > scores[question]:
            scores[question] = highest
            x = 0
            while sums[x] != highest:
                x += 1
            positions[question] = first + x
