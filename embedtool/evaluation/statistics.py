"""How far a score can be trusted, and whether two models' scores differ by more than chance.

In: what became of each question, or the cosines and people's scores of each pair. Out: intervals,
differences with their p-values and sizes.

Items are drawn anew with replacement, both models on the same draws (Efron & Tibshirani 1993). The
questions of a relation stand or fall together, so relations are drawn and not questions. With few
of them the plain bootstrap gives too narrow intervals; here each draw is measured in its own
standard errors (their section 12.5, in the symmetric form of Hall 1988), which keeps what it
promises from five relations on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config import Correlation

SIGNIFICANT = 0.05
"""P-values below it are called significant."""
LEVEL = 1 - SIGNIFICANT
"""How often intervals hold the true value."""
STARS = ((0.001, "***"), (0.01, "**"), (SIGNIFICANT, "*"))
"""Marks of a p-value below these."""
N_DRAWS = 5000
"""Bootstrap draws: the end of an interval then moves by some hundredths of its width."""
SEED = 0
"""Draws are the same in each run, so that a report can be made again."""
BLOCK_WEIGHTS = 1 << 21
"""Weights held at once, 16 MB of float64."""
FEWEST_PAIRS = 3
"""With fewer a correlation tells nothing."""
EDGE = 1e-9
"""The logarithm of the odds is taken of shares no nearer than this to 0 and 1."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Where the true value lies, LEVEL of the time."""

    low: float
    high: float


def t_interval(mean: float, error: float, n: int) -> Interval:
    """Student's interval about the mean of n values, whose standard error is given."""
    from scipy.stats import t

    reach = float(error * t.ppf((1 + LEVEL) / 2, n - 1))
    return Interval(float(mean) - reach, float(mean) + reach)


@dataclass(frozen=True)
class Difference:
    """The second model's score less the first's, on the questions or pairs that both know.

    first, second : the two scores on these items
    items, groups : how many items there are, and how many were drawn independently
    difference    : second - first
    interval      : of the difference
    p             : how often draws would differ by as much if the models were equally good
    test, p_test  : the name and the p-value of the textbook's test, which takes items as
                    independent: exact McNemar for analogies, Steiger for correlations
    effect, size  : Cohen's h (of shares) or q (of correlations), by name, and its size
    """

    first: float
    second: float
    items: int
    groups: int
    difference: float
    interval: Interval
    p: float
    test: str
    p_test: float
    effect: str
    size: float


def share_interval(correct: NDArray[np.bool_], groups: NDArray[np.int64]) -> Interval | None:
    """The interval of the share of correct answers, its groups drawn anew.

    correct : bool (n_items,)
    groups  : int64 (n_items,), the relation of each; items of a group are not independent
    Computed on the logarithm of the odds, where a share has no bounds. Where all answers are right,
    or none is, Clopper & Pearson's (1934) exact interval with a trial a group. None with fewer than
    two groups.
    """
    right, sizes = _by_group(groups, correct), _by_group(groups, np.ones(len(groups)))
    n = len(sizes)
    if n < 2:
        return None
    share = float(right.sum() / sizes.sum())
    if share in (0.0, 1.0):
        low, high = _exact_interval(n if share else 0, n)
        return Interval(low, high)
    error = _standard_errors(right, sizes, np.ones((1, n)))[0] / (share * (1 - share))
    distances = []
    for weights in _draws(n):
        drawn = weights @ right / (weights @ sizes)
        inner = drawn.clip(EDGE, 1 - EDGE)
        errors = _standard_errors(right, sizes, weights) / (inner * (1 - inner))
        distances.append(_ratio(np.abs(_log_odds(drawn) - _log_odds(np.array(share))), errors))
    reach = _reach(np.concatenate(distances)) * error
    centre = float(_log_odds(np.array(share)))
    return Interval(_share(centre - reach), _share(centre + reach))


def correlation_interval(x: Floats, y: Floats, kind: Correlation) -> Interval | None:
    """The interval of a correlation: the middle LEVEL of those of pairs that are drawn anew.

    x, y : float64 (n_pairs,). None where the correlation is not defined, or of fewer than
    FEWEST_PAIRS pairs.
    """
    if len(x) < FEWEST_PAIRS or not np.ptp(x) or not np.ptp(y):
        return None
    drawn = np.concatenate([_correlations(w, (x, y), kind)[0] for w in _draws(len(x))])
    return _middle(drawn)


def compare_shares(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: NDArray[np.int64]
) -> Difference | None:
    """Whether two models answer the same questions differently well.

    first, second : bool (n_items,), whether each answered right; groups as for `share_interval`

    p is from the bootstrap over relations, each draw's distance from the difference in its own
    standard errors; the interval holds 0 exactly where p is above SIGNIFICANT. None with fewer than
    two groups.
    """
    gain = _by_group(groups, second.astype(np.float64) - first)
    sizes = _by_group(groups, np.ones(len(groups)))
    n = len(sizes)
    if n < 2:
        return None
    difference = float(gain.sum() / sizes.sum())
    error = float(_standard_errors(gain, sizes, np.ones((1, n)))[0])
    distances = np.concatenate([
        _ratio(np.abs(w @ gain / (w @ sizes) - difference), _standard_errors(gain, sizes, w))
        for w in _draws(n)
    ])  # fmt: skip
    reach = _reach(distances) * error
    share_a, share_b = float(first.mean()), float(second.mean())
    return Difference(
        share_a, share_b, len(first), n, difference,
        Interval(max(-1.0, difference - reach), min(1.0, difference + reach)),
        _p(int((distances * error >= abs(difference)).sum())) if difference else 1.0,
        "McNemar", mcnemar(first, second),
        "h", float(2 * np.arcsin(np.sqrt(share_b)) - 2 * np.arcsin(np.sqrt(share_a))),
    )  # fmt: skip


def compare_correlations(
    people: Floats, first: Floats, second: Floats, kind: Correlation
) -> Difference | None:
    """Whether two models' cosines correlate differently well with people's scores.

    people, first, second : float64 (n_pairs,), of the pairs that both models know
    None where a correlation is not defined, or of fewer than FEWEST_PAIRS pairs.
    """
    columns = people, first, second
    if len(people) < FEWEST_PAIRS or not all(np.ptp(column) for column in columns):
        return None
    whole = _correlations(np.ones((1, len(people))), columns, kind)
    r_first, r_second, r_models = (float(r[0]) for r in whole)
    draws = [_correlations(w, columns, kind) for w in _draws(len(people))]
    drawn = np.concatenate([b - a for a, b, _ in draws])
    beyond = int(min((drawn <= 0).sum(), (drawn >= 0).sum()))
    return Difference(
        r_first, r_second, len(people), len(people), r_second - r_first, _middle(drawn),
        min(1.0, 2 * _p(beyond)),
        "Steiger", steiger(r_first, r_second, r_models, len(people)),
        "q", float(np.arctanh(_inner(r_second)) - np.arctanh(_inner(r_first))),
    )  # fmt: skip


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """The exact two-sided p-value of McNemar's test (1947), by the binomial distribution."""
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if not only_first + only_second:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def steiger(r_first: float, r_second: float, r_models: float, n: int) -> float:
    """The two-sided p-value of Steiger's (1980) test of two correlations with the same scores.

    r_models is the correlation of the two models with each other. His equations 3 and 14: the
    difference of Fisher's z, their covariance at the mean of the two correlations.
    """
    from scipy.stats import norm

    if n <= FEWEST_PAIRS or r_models >= 1:
        return 1.0
    mean = (r_first + r_second) / 2
    rest = 1 - mean**2
    if rest <= 0:
        return 1.0
    covariance = (
        r_models * (1 - 2 * mean**2) - mean**2 * (1 - 2 * mean**2 - r_models**2) / 2
    ) / rest**2
    z = np.arctanh(_inner(r_first)) - np.arctanh(_inner(r_second))
    spread = max(2 - 2 * covariance, EDGE)
    return float(2 * norm.sf(abs(z) * np.sqrt((n - 3) / spread)))


def holm(values: Sequence[float]) -> list[float]:
    """P-values corrected for how many there are, by Holm's method (1979), in their order.

    The k-th smallest of m is multiplied by m - k + 1, and is not below the one before it.
    """
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.maximum.accumulate(np.asarray(values, float)[order] * factors)
    corrected.clip(max=1, out=corrected)
    return [float(p) for p in corrected]


def stars(p: float) -> str:
    """The mark of a p-value, empty where it is not significant."""
    return next((mark for bound, mark in STARS if p < bound), "")


def _draws(n: int) -> Iterator[Floats]:
    """How often each of n items is drawn, N_DRAWS times over, in blocks. float64 (any, n)."""
    rng = np.random.default_rng(SEED)
    height = max(1, BLOCK_WEIGHTS // n)
    for start in range(0, N_DRAWS, height):
        draws = rng.multinomial(n, np.full(n, 1 / n), min(height, N_DRAWS - start))
        yield draws.astype(np.float64)


def _by_group(groups: NDArray[np.int64], values: NDArray[np.generic]) -> Floats:
    """The sum of the values of each group that occurs. float64 (n_groups,)."""
    _, places = np.unique(groups, return_inverse=True)
    return np.bincount(places, weights=values.astype(np.float64)).astype(np.float64)


def _standard_errors(parts: Floats, sizes: Floats, weights: Floats) -> Floats:
    """The standard error of sum(parts) / sum(sizes) in each draw of groups. float64 (n_draws,).

    By the ratio's linearisation, with n / (n - 1) for n groups (Cochran 1977, eq. 6.13).
    """
    n = len(parts)
    totals = weights @ sizes
    ratios = weights @ parts / totals
    residuals = (parts - ratios[:, None] * sizes) ** 2
    errors: Floats = np.sqrt(n / (n - 1) * (weights * residuals).sum(axis=1)) / totals
    return errors


def _correlations(weights: Floats, columns: Sequence[Floats], kind: Correlation) -> list[Floats]:
    """The correlation of each two columns under each draw, in the order of combinations.

    weights : float64 (n_draws, n), how often each item is drawn
    A draw in which a column has one value only has correlation 0.
    """
    rows = [_ranks(weights, c) if kind == "spearman" else c[None, :] for c in columns]
    totals = weights.sum(axis=1, keepdims=True)
    centred = [row - (weights * row).sum(axis=1, keepdims=True) / totals for row in rows]
    scales = [np.sqrt((weights * row * row).sum(axis=1)) for row in centred]
    found = []
    for i in range(len(rows)):
        for j in range(i + 1, len(rows)):
            products = (weights * centred[i] * centred[j]).sum(axis=1)
            found.append(_ratio(products, scales[i] * scales[j], otherwise=0.0))
    return found


def _ranks(weights: Floats, values: Floats) -> Floats:
    """The mean rank of each value where it occurs so many times. float64, as `weights`.

    The items are sorted once; a draw only changes how many stand before each.
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


def _ratio(above: Floats, below: Floats, otherwise: float | None = None) -> Floats:
    """above / below; where below is 0, `otherwise`, or 0 where above is 0 too and infinity else."""
    fill = (
        np.where(above == 0, 0.0, np.inf) if otherwise is None else np.full(len(above), otherwise)
    )
    return np.divide(above, below, out=fill, where=below > 0)


def _reach(distances: Floats) -> float:
    """The distance that LEVEL of the draws do not pass. Of few groups some are infinite."""
    return float(np.quantile(distances, LEVEL, method="higher"))


def _middle(drawn: Floats) -> Interval:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def _p(n_beyond: int) -> float:
    """A p-value from draws; the data themselves count as one (Davison & Hinkley 1997, eq. 4.11)."""
    return (n_beyond + 1) / (N_DRAWS + 1)


def _log_odds(share: Floats) -> Floats:
    inner = share.clip(EDGE, 1 - EDGE)
    odds: Floats = np.log(inner / (1 - inner))
    return odds


def _share(log_odds: float) -> float:
    from scipy.special import expit

    return float(expit(log_odds))


def _inner(r: float) -> float:
    """A correlation of which Fisher's z is finite."""
    return min(max(r, EDGE - 1), 1 - EDGE)


def _exact_interval(right: int, n: int) -> tuple[float, float]:
    from scipy.stats import binomtest

    interval = binomtest(right, n).proportion_ci(LEVEL)
    return float(interval.low), float(interval.high)
