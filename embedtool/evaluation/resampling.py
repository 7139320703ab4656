"""Standard errors by the jackknife over groups, and correlations in bootstrap resamples."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import Correlation
from embedtool.io.blocks import row_slices

N_RESAMPLES = 5000
"""Number of bootstrap resamples: the ends of an interval then vary by a few percent of its
width."""
SEED = 0
"""Random seed of the resamples, so that a report is reproducible."""
BLOCK_BYTES = 2**24
"""Resample weights in memory at a time."""

Floats = NDArray[np.float64]


def jackknife_error(
    values: NDArray[np.int64], groups: NDArray[np.int64]
) -> tuple[float, int] | None:
    """Return the jackknife standard error of the mean of values, and the number of groups.

    V = (G - 1) / G sum_g (mean without g - mean)^2 (CV3 in MacKinnon, Nielsen & Webb 2023).

    With pairs, each pair is left out in both of its roles. A question is then left out twice, once
    with each of its pairs, so that its own variance is counted twice. It is therefore subtracted
    once (Aronow, Samii & Assenova 2015), but the result is at least the variance of independent
    questions.

    Parameters
    ----------
    values : ndarray of int64, shape (n_items,)
    groups : ndarray of int64
        As for `statistics.proportion_interval`.

    Returns
    -------
    (float, int) or None
        None if nothing is left after removing one of the groups.
    """
    names, index = np.unique(groups, return_inverse=True)
    index = index.reshape(groups.shape)
    roles = [index] if groups.ndim == 1 else [index[:, 0], index[:, 1]]
    n, total, n_groups = len(values), int(values.sum()), len(names)
    # n (value - mean), in integers: groups that do not differ have an error of exactly 0
    residuals = n * values - total
    group_residuals = _group_sums(roles, residuals, n_groups)
    n_left = n - _group_sums(roles, np.ones(n, np.int64), n_groups)
    if not len(n_left) or not n_left.all():
        return None
    variance = (n_groups - 1) / n_groups * ((group_residuals / n_left / n) ** 2).sum()
    if groups.ndim == 2:
        low, high = index.min(axis=1), index.max(axis=1)
        dyads = np.unique(low * n_groups + high, return_inverse=True)[1]
        dyad_residuals = _group_sums([dyads], residuals, int(dyads.max()) + 1)
        n_dyads = len(dyad_residuals)
        dyad_variance = n_dyads / (n_dyads - 1) * ((dyad_residuals / n / n) ** 2).sum()
        variance = max(variance - dyad_variance, dyad_variance)
    return float(np.sqrt(variance)), n_groups


def _group_sums(
    roles: Sequence[NDArray[np.int64]], values: NDArray[np.int64], n_groups: int
) -> NDArray[np.int64]:
    """Return the sum of the values of each group; an item with a group in two roles counts once."""
    sums = np.zeros(n_groups, np.int64)
    np.add.at(sums, roles[0], values)
    for role in roles[1:]:
        np.add.at(sums, role, np.where(role == roles[0], 0, values))
    return sums


def bootstrap_weights(n: int) -> Iterator[Floats]:
    """Yield blocks of bootstrap weights, N_RESAMPLES rows in all.

    A row, float64 (n,), says how often each of n items is drawn.
    """
    rng = np.random.default_rng(SEED)
    for rows in row_slices(N_RESAMPLES, n * np.dtype(np.float64).itemsize, BLOCK_BYTES):
        weights = rng.multinomial(n, np.full(n, 1 / n), rows.stop - rows.start)
        yield weights.astype(np.float64)


def weighted_correlations(
    weights: Floats, columns: Sequence[Floats], kind: Correlation
) -> list[Floats]:
    """Return the correlation of each pair of columns in each resample, pairs as in combinations.

    Parameters
    ----------
    weights : ndarray of float64, shape (n_resamples, n)
        How often each item is drawn.
    columns : sequence of ndarray of float64, shape (n,)
        The values.
    kind : {"spearman", "pearson"}
        Which correlation. It is 0 in a resample in which a column is constant.
    """
    rows = [_ranks(weights, c) if kind == "spearman" else c[None, :] for c in columns]
    totals = weights.sum(axis=1, keepdims=True)
    centred = [row - (weights * row).sum(axis=1, keepdims=True) / totals for row in rows]
    norms = [np.sqrt((weights * row * row).sum(axis=1)) for row in centred]
    correlations = []
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            covariance = (weights * centred[i] * centred[j]).sum(axis=1)
            scale = norms[i] * norms[j]
            correlations.append(
                np.divide(covariance, scale, out=np.zeros_like(scale), where=scale > 0)
            )
    return correlations


def _ranks(weights: Floats, values: Floats) -> Floats:
    """Return the mean rank of each value in each resample, float64 in the shape of `weights`.

    The items are sorted once; a resample only changes how many precede each.
    """
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    is_first = np.concatenate([[True], ranked[1:] != ranked[:-1]])
    starts = np.flatnonzero(is_first)
    tied = np.add.reduceat(weights[:, order], starts, axis=1)
    middles = np.cumsum(tied, axis=1) - (tied - 1) / 2
    ranks = np.empty_like(weights)
    ranks[:, order] = middles[:, np.cumsum(is_first) - 1]
    return ranks


def bootstrap_p(n_beyond: int) -> float:
    """Return a p-value; the sample itself counts as one (Davison & Hinkley 1997, eq. 4.11)."""
    return (n_beyond + 1) / (N_RESAMPLES + 1)
