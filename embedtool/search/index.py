"""Exact nearest neighbours by blocked matrix products.

In: a matrix and the lengths of its rows, queries, and which rows may answer. Out: for each query
the ids and scores of its best rows, best first.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK_SCORES = 1 << 24
"""Scores held at once: 64 MB of float32, whatever the number of queries and words."""

BLOCK_CANDIDATES = 1 << 14
"""Words scored at once: a row of scores then stays in a core's cache while it is searched."""

GROUP_SIZE = 64
"""Scores of which only the largest is looked at when the bar for the best n is set."""

EPSILON = 1e-6
"""What keeps 3CosMul from dividing by zero (Levy & Goldberg 2014 give 0.001 for similarities of
sparse vectors; word vectors are customarily given a millionth)."""

SMALLEST_FACTOR = 1e-30
"""Stands for a factor of zero, which has no logarithm."""

SHORTEST = np.finfo(np.float32).tiny
"""Of lengths below, one over it may be beyond float32."""

LARGEST_LOG = 700.0
"""The exponential of more does not fit into a float."""


class Block(NamedTuple):
    """Some rows of a matrix.

    rows    : float32 (n_rows, vector_size)
    inverse : float32 (n_rows,), what a product with a row is to be multiplied by; None for 1
    """

    rows: NDArray[np.float32]
    inverse: NDArray[np.float32] | None

    def products(
        self, queries: NDArray[np.float32], out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """The products of queries with the rows at length 1, float32 (n_queries, n_rows)."""
        with np.errstate(over="ignore", invalid="ignore"):  # of rows that answer no query
            found: NDArray[np.float32] = np.matmul(queries, self.rows.T, out=out)
            if self.inverse is not None:
                found *= self.inverse
        return found


Scorer = Callable[[slice, Block, NDArray[np.float32]], None]
"""Writes the scores of some of the queries with a block into its last argument."""


class Nearest(NamedTuple):
    """The best rows of each query, best first; k is n or the number of candidates if that is less.

    ids    : int64 (n_queries, k), -1 where a query has fewer than k rows left to it
    scores : float64 (n_queries, k), falling; -inf where the id is -1
    """

    ids: NDArray[np.int64]
    scores: NDArray[np.float64]


def nearest(
    matrix: NDArray[np.float32],
    norms: NDArray[np.float32] | None,
    queries: NDArray[np.float32],
    n: int,
    *,
    candidates: NDArray[np.int64] | None = None,
    excluded: NDArray[np.int64] | None = None,
) -> Nearest:
    """The n rows of `matrix` nearest to each query.

    matrix     : float32 (n_words, vector_size)
    norms      : float32 (n_words,), the lengths of its rows; None where all are 1 or 0
    queries    : float32 (n_queries, vector_size); scores are cosines where they have length 1
    n          : at least 1
    candidates : int64 (n_candidates,), ascending and distinct: the rows that may answer; None: all
    excluded   : int64 (n_queries, any), rows that may not answer a query; -1 stands for none

    Of equal scores the smaller id comes first. A row whose length is not finite does not answer.
    """

    def score(rows: slice, block: Block, scores: NDArray[np.float32]) -> None:
        block.products(queries[rows], out=scores)

    return blocked_top_k(score, len(queries), matrix, norms, n, candidates, excluded)


def nearest_by_product(
    matrix: NDArray[np.float32],
    norms: NDArray[np.float32] | None,
    terms: NDArray[np.float32],
    slots: NDArray[np.int64],
    weights: NDArray[np.float64],
    n: int,
    *,
    candidates: NDArray[np.int64] | None = None,
    excluded: NDArray[np.int64] | None = None,
) -> Nearest:
    """The n rows x of `matrix` with the largest product over a query's terms t of f(x, t)^w_t.

    f(x, t) = (cos(x, t) + 1) / 2, to which EPSILON is added where w_t < 0. With the weights 1, -1,
    1 this is 3CosMul (Levy & Goldberg 2014, eq. 4, cosines moved to [0, 1] by their footnote 7).
    Products are taken as sums of logarithms, so that none overflows.

    terms   : float32 (n_terms, vector_size), rows of length 1 or 0
    slots   : int64 (n_queries, n_slots), rows of `terms`
    weights : float64 (n_queries, n_slots); 0 where a slot is not used
    The rest is as for `nearest`.
    """
    signed = 2 * slots + (weights < 0)
    weights32 = weights.astype(np.float32)

    def score(rows: slice, block: Block, scores: NDArray[np.float32]) -> None:
        used, places = np.unique(signed[rows], return_inverse=True)
        logs = block.products(terms[used // 2])
        logs += 1
        logs *= 0.5
        logs += (EPSILON * (used % 2)).astype(np.float32)[:, None]
        np.log(np.maximum(logs, SMALLEST_FACTOR, out=logs), out=logs)
        for i, (row, weight) in enumerate(
            zip(places.reshape(-1, slots.shape[1]), weights32[rows], strict=True)
        ):
            np.dot(weight, logs[row], out=scores[i])

    found = blocked_top_k(
        score, len(slots), matrix, norms, n, candidates, excluded, 1 + slots.shape[1]
    )
    return Nearest(found.ids, np.exp(np.minimum(found.scores, LARGEST_LOG)))


def blocked_top_k(
    score: Scorer,
    n_queries: int,
    matrix: NDArray[np.float32],
    norms: NDArray[np.float32] | None,
    n: int,
    candidates: NDArray[np.int64] | None,
    excluded: NDArray[np.int64] | None,
    buffers: int = 1,
) -> Nearest:
    """The n rows with the largest scores, whatever they are; the rest is as for `nearest`.

    Blocks are scored one by one, the best so far of a query standing before the new scores.

    buffers : how many blocks of scores the scorer holds at once, the one it writes among them
    """
    n_candidates = len(matrix) if candidates is None else len(candidates)
    k = min(n, n_candidates)
    width = max(1, min(n_candidates, max(BLOCK_CANDIDATES, k)))
    height = max(1, BLOCK_SCORES // (buffers * (k + width)))
    ids = np.full((n_queries, k), -1, dtype=np.int64)
    scores = np.full((n_queries, k), -np.inf, dtype=np.float32)
    buffer = np.empty((min(height, n_queries), k + width), dtype=np.float32)
    columns = _columns(excluded, candidates, len(matrix))
    for start in range(0, n_candidates, width):
        stop = min(start + width, n_candidates)
        block_ids = np.arange(start, stop) if candidates is None else candidates[start:stop]
        chosen = slice(start, stop) if candidates is None else block_ids
        mute = slice(0) if norms is None else np.flatnonzero(~np.isfinite(norms[chosen]))
        block = _block(matrix[chosen], None if norms is None else norms[chosen])
        for first in range(0, n_queries, height):
            rows = slice(first, min(first + height, n_queries))
            held = buffer[: rows.stop - first, : k + stop - start]
            held[:, :k] = scores[rows]
            with np.errstate(invalid="ignore"):
                score(rows, block, held[:, k:])
            held[:, k:][:, mute] = -np.inf
            _exclude(held[:, k:], columns, rows, start)
            for row, row_scores in enumerate(held, first):
                best = _best(row_scores, k)
                new = block_ids[np.maximum(best - k, 0)]
                ids[row] = np.where(best < k, ids[row][np.minimum(best, k - 1)], new)
                scores[row] = row_scores[best]
    ids[scores == -np.inf] = -1
    return Nearest(ids, scores.astype(np.float64))


def _block(rows: NDArray[np.float32], norms: NDArray[np.float32] | None) -> Block:
    """Some rows with their lengths; of rows so short that one over it overflows, at length 1."""
    if norms is None:
        return Block(rows, None)
    short = (norms > 0) & (norms < SHORTEST)
    if short.any():
        rows, norms = rows.copy(), np.where(short, np.float32(1), norms)
        wide = rows[short].astype(np.float64)  # float32 has few digits for such lengths
        rows[short] = wide / np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
    return Block(rows, _inverse(norms))


def _inverse(norms: NDArray[np.float32]) -> NDArray[np.float32]:
    """One over each length; 0 for a row of zeros."""
    return np.divide(np.float32(1), norms, out=np.zeros_like(norms), where=norms > 0)


def _columns(
    excluded: NDArray[np.int64] | None, candidates: NDArray[np.int64] | None, n_words: int
) -> NDArray[np.int64] | None:
    """The excluded rows as positions among the candidates, -1 where they are not among them."""
    if excluded is None or candidates is None:
        return excluded
    position = np.full(n_words + 1, -1, dtype=np.int64)
    position[candidates] = np.arange(len(candidates))
    return position[excluded]


def _exclude(
    scores: NDArray[np.float32], columns: NDArray[np.int64] | None, rows: slice, start: int
) -> None:
    """Set the scores of the excluded columns to -inf; the first column is candidate `start`."""
    if columns is None:
        return
    here = columns[rows] - start
    row, slot = np.nonzero((here >= 0) & (here < scores.shape[1]))
    scores[row, here[row, slot]] = -np.inf


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """The columns of the k largest scores, largest first, of equal ones the first column first."""
    if k == 1:
        return np.array([scores.argmax()])
    columns = np.flatnonzero(scores >= _bar(scores, k))
    order = np.argsort(-scores[columns], kind="stable")
    return columns[order[:k]]


def _bar(scores: NDArray[np.float32], k: int) -> np.float32:
    """A value that at least k scores reach, and as a rule few more.

    It is the k-th largest of the maxima of groups: k groups hold a score that reaches it.
    """
    n_groups = len(scores) // GROUP_SIZE
    if n_groups >= k:
        grouped = scores[: n_groups * GROUP_SIZE].reshape(GROUP_SIZE, n_groups)
        scores = grouped.max(axis=0)
    place = len(scores) - k
    bar: np.float32 = np.partition(scores, place)[place]
    return bar
