"""Exact nearest neighbours by blocked matrix products."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

BLOCK_SCORES = 1 << 24
"""Scores computed at once: 64 MB of float32, for any number of queries and words."""

BLOCK_CANDIDATES = 1 << 14
"""Words scored at once: a row of scores then fits in a core's cache while it is searched."""

GROUP_SIZE = 64
"""Size of the groups of scores whose maxima give the threshold for the best n."""

EPSILON = 1e-6
"""Keeps 3CosMul from dividing by zero (Levy & Goldberg 2014 give 0.001 for similarities of sparse
vectors; word vectors are customarily given a millionth)."""

MIN_FACTOR = 1e-30
"""Replaces a factor of zero, which has no logarithm."""

MIN_NORM = np.finfo(np.float32).tiny
"""The reciprocal of a smaller norm may exceed float32."""

MAX_LOG = 700.0
"""The exponential of a larger number exceeds float64."""


class RowBlock(NamedTuple):
    """Some rows of a matrix.

    Attributes
    ----------
    rows : ndarray of float32, shape (n_rows, vector_size)
    inverse : ndarray of float32, shape (n_rows,), or None
        The factor that scales a row to length 1; None if all are 1.
    """

    rows: NDArray[np.float32]
    inverse: NDArray[np.float32] | None

    def products(
        self, queries: NDArray[np.float32], out: NDArray[np.float32] | None = None
    ) -> NDArray[np.float32]:
        """Return the dot products with the rows at length 1, float32 (n_queries, n_rows)."""
        with np.errstate(over="ignore", invalid="ignore"):  # in rows that answer no query
            scores: NDArray[np.float32] = np.matmul(queries, self.rows.T, out=out)
            if self.inverse is not None:
                scores *= self.inverse
        return scores


Scorer = Callable[[slice, RowBlock, NDArray[np.float32]], None]
"""Function that writes the scores of some queries with a block into its last argument."""


class Nearest(NamedTuple):
    """The best rows of each query, best first; k is n, or the number of candidates if that is less.

    Attributes
    ----------
    ids : ndarray of int64, shape (n_queries, k)
        -1 where a query has fewer than k rows left.
    scores : ndarray of float64, shape (n_queries, k)
        Decreasing; -inf where the id is -1.
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
    """Return the n rows of `matrix` nearest to each query.

    Among equal scores the smaller id comes first. Rows whose norm is not finite are left out.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n_words, vector_size)
    norms : ndarray of float32, shape (n_words,), or None
        The norms of the rows; None if all are 1 or 0.
    queries : ndarray of float32, shape (n_queries, vector_size)
        Scores are cosines if these have length 1.
    n : int
        At least 1.
    candidates : ndarray of int64, shape (n_candidates,), optional
        The rows that may answer, ascending and distinct; None for all.
    excluded : ndarray of int64, shape (n_queries, any), optional
        Rows that may not answer a query; -1 stands for none.
    """

    def score(rows: slice, block: RowBlock, scores: NDArray[np.float32]) -> None:
        block.products(queries[rows], out=scores)

    return blocked_top_k(score, len(queries), matrix, norms, n, candidates, excluded)


def nearest_by_product(
    matrix: NDArray[np.float32],
    norms: NDArray[np.float32] | None,
    terms: NDArray[np.float32],
    term_rows: NDArray[np.int64],
    weights: NDArray[np.float64],
    n: int,
    *,
    candidates: NDArray[np.int64] | None = None,
    excluded: NDArray[np.int64] | None = None,
) -> Nearest:
    """Return the n rows x with the largest product over a query's terms t of f(x, t)^w_t.

    f(x, t) = (cos(x, t) + 1) / 2, to which EPSILON is added if w_t < 0. With the weights 1, -1, 1
    this is 3CosMul (Levy & Goldberg 2014, eq. 4, cosines moved to [0, 1] by their footnote 7).
    Products are computed as sums of logarithms, so that none overflows.

    Parameters
    ----------
    matrix, norms
        As for `nearest`.
    terms : ndarray of float32, shape (n_terms, vector_size)
        Rows of length 1 or 0.
    term_rows : ndarray of int64, shape (n_queries, max_terms)
        The rows of `terms` of each query.
    weights : ndarray of float64, shape (n_queries, max_terms)
        The weight of each term; 0 if a query has fewer terms.
    n, candidates, excluded
        As for `nearest`.
    """
    signed = 2 * term_rows + (weights < 0)
    weights32 = weights.astype(np.float32)

    def score(rows: slice, block: RowBlock, scores: NDArray[np.float32]) -> None:
        used, columns = np.unique(signed[rows], return_inverse=True)
        logs = block.products(terms[used // 2])
        logs += 1
        logs *= 0.5
        logs += (EPSILON * (used % 2)).astype(np.float32)[:, None]
        np.log(np.maximum(logs, MIN_FACTOR, out=logs), out=logs)
        for i, (row, weight) in enumerate(
            zip(columns.reshape(-1, term_rows.shape[1]), weights32[rows], strict=True)
        ):
            np.dot(weight, logs[row], out=scores[i])

    best = blocked_top_k(
        score, len(term_rows), matrix, norms, n, candidates, excluded, 1 + term_rows.shape[1]
    )
    return Nearest(best.ids, np.exp(np.minimum(best.scores, MAX_LOG)))


def blocked_top_k(
    score: Scorer,
    n_queries: int,
    matrix: NDArray[np.float32],
    norms: NDArray[np.float32] | None,
    n: int,
    candidates: NDArray[np.int64] | None,
    excluded: NDArray[np.int64] | None,
    n_buffers: int = 1,
) -> Nearest:
    """Return the n rows with the largest scores, computed by `score`.

    Blocks of rows are scored one by one, with the best scores so far before the new ones.

    Parameters
    ----------
    score : Scorer
        Computes the scores of queries with a block of rows.
    matrix, norms, n, candidates, excluded
        As for `nearest`.
    n_buffers : int
        Blocks of scores that `score` holds at once, including the one it writes.
    """
    n_candidates = len(matrix) if candidates is None else len(candidates)
    k = min(n, n_candidates)
    width = max(1, min(n_candidates, max(BLOCK_CANDIDATES, k)))
    height = max(1, BLOCK_SCORES // (n_buffers * (k + width)))
    ids = np.full((n_queries, k), -1, dtype=np.int64)
    scores = np.full((n_queries, k), -np.inf, dtype=np.float32)
    buffer = np.empty((min(height, n_queries), k + width), dtype=np.float32)
    columns = _columns(excluded, candidates, len(matrix))
    for start in range(0, n_candidates, width):
        stop = min(start + width, n_candidates)
        block_ids = np.arange(start, stop) if candidates is None else candidates[start:stop]
        block_rows = slice(start, stop) if candidates is None else block_ids
        invalid = slice(0) if norms is None else np.flatnonzero(~np.isfinite(norms[block_rows]))
        block = _block(matrix[block_rows], None if norms is None else norms[block_rows])
        for first in range(0, n_queries, height):
            rows = slice(first, min(first + height, n_queries))
            current = buffer[: rows.stop - first, : k + stop - start]
            current[:, :k] = scores[rows]
            with np.errstate(invalid="ignore"):
                score(rows, block, current[:, k:])
            current[:, k:][:, invalid] = -np.inf
            _exclude(current[:, k:], columns, rows, start)
            for row, row_scores in enumerate(current, first):
                best = _best(row_scores, k)
                new = block_ids[np.maximum(best - k, 0)]
                ids[row] = np.where(best < k, ids[row][np.minimum(best, k - 1)], new)
                scores[row] = row_scores[best]
    ids[scores == -np.inf] = -1
    return Nearest(ids, scores.astype(np.float64))


def _block(rows: NDArray[np.float32], norms: NDArray[np.float32] | None) -> RowBlock:
    """Return rows with their factors; rows of tiny norms are scaled to length 1 first."""
    if norms is None:
        return RowBlock(rows, None)
    short = (norms > 0) & (norms < MIN_NORM)
    if short.any():
        rows, norms = rows.copy(), np.where(short, np.float32(1), norms)
        wide = rows[short].astype(np.float64)  # float32 has few digits for such lengths
        rows[short] = wide / np.sqrt(np.einsum("ij,ij->i", wide, wide))[:, None]
    return RowBlock(rows, _inverse(norms))


def _inverse(norms: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the reciprocal of each norm; 0 for a row of zeros."""
    return np.divide(np.float32(1), norms, out=np.zeros_like(norms), where=norms > 0)


def _columns(
    excluded: NDArray[np.int64] | None, candidates: NDArray[np.int64] | None, n_words: int
) -> NDArray[np.int64] | None:
    """Return the excluded rows as positions among the candidates, -1 if they are not among them."""
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
    local = columns[rows] - start
    row, i = np.nonzero((local >= 0) & (local < scores.shape[1]))
    scores[row, local[row, i]] = -np.inf


def _best(scores: NDArray[np.float32], k: int) -> NDArray[np.int64]:
    """Return the columns of the k largest scores, largest first; equal ones in their order."""
    if k == 1:
        return np.array([scores.argmax()])
    columns = np.flatnonzero(scores >= _threshold(scores, k))
    order = np.argsort(-scores[columns], kind="stable")
    return columns[order[:k]]


def _threshold(scores: NDArray[np.float32], k: int) -> np.float32:
    """Return a value that at least k scores reach, and usually few more.

    It is the k-th largest of the maxima of groups: k groups hold a score that reaches it.
    """
    n_groups = len(scores) // GROUP_SIZE
    if n_groups >= k:
        grouped = scores[: n_groups * GROUP_SIZE].reshape(GROUP_SIZE, n_groups)
        scores = grouped.max(axis=0)
    kth = len(scores) - k
    threshold: np.float32 = np.partition(scores, kth)[kth]
    return threshold
