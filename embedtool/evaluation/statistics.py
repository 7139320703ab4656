"""How far a score can be trusted, and whether two models' scores differ by more than chance.

In: what became of each question, or the cosines and people's scores of each pair. Out: intervals,
differences with their p-values and sizes.

The questions of a relation are not independent, and sets of analogies have few relations. So the
standard error of a share, or of the difference of two, is a jackknife's over relations, and its
degrees of freedom are their number less one. Where there is one relation only, its pairs of words
are left out in turn, each from all questions that it is part of. Pairs with people's scores are
drawn anew with replacement, both models on the same draws (Efron & Tibshirani 1993).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import Correlation

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
SMALLEST_SHOWN = 0.001
"""Of p-values: the draws of a bootstrap tell smaller ones badly."""
FEWEST_PAIRS = 3
"""With fewer a correlation tells nothing."""
FEWEST_DRAWN = 6
"""Of four pairs the bootstrap's interval of a correlation is -1 to 1, and of five it is too narrow
(`python -m benchmarks.confidence_intervals`), so none is given."""
EDGE = 1e-6
"""Fisher's z is taken of correlations no nearer than this to -1 and 1: float32 has no more digits
there, and what rounding adds would be the whole error of z."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """Where the true value lies, LEVEL of the time."""

    low: float
    high: float


def t_interval(
    mean: float, error: float, n: int, low: float = -np.inf, high: float = np.inf
) -> Interval:
    """Student's interval about the mean of n values, whose standard error is given.

    low, high : what the values lie between; the interval does not pass them
    """
    reach = float(error * _t_quantile(n - 1))
    return Interval(max(low, float(mean) - reach), min(high, float(mean) + reach))


def correlation_mean_interval(mean: float, error: float, n: int) -> Interval:
    """The same of a mean of correlations or cosines, on Fisher's z, so within -1 and 1.

    The error of z is that of the mean, times the slope of z there, 1 / (1 - mean^2).
    """
    inner = _inner(mean)
    z = t_interval(np.arctanh(inner), error / (1 - inner**2), n)
    return Interval(float(np.tanh(z.low)), float(np.tanh(z.high)))


@dataclass(frozen=True)
class Difference:
    """The second model's score less the first's, on the questions or pairs that both know.

    first, second : the two scores on these items
    items, groups : how many items there are, and how many were drawn independently
    difference    : second - first
    interval      : of the difference
    p             : how often scores would differ by as much if the models were equally good
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


def proportion_interval(correct: NDArray[np.bool_], groups: NDArray[np.int64]) -> Interval | None:
    """The interval of the share of correct answers (Korn & Graubard 1998).

    correct : bool (n_items,)
    groups  : int64 (n_items,), the relation of each; items of a group are not independent. Or int64
              (n_items, 2): both pairs of words of each question of one relation

    It is Clopper & Pearson's (1934) exact interval of as many independent answers as would have the
    same standard error, which `_jackknife` gives. Where all answers are right, or none is, the
    standard error would be 0: each group, or pair, then counts as one answer. None with fewer than
    two groups, or where a pair is part of all questions.
    """
    found = _jackknife(correct.astype(np.int64), groups)
    if found is None:
        return None
    error, n_units = found
    share, n = float(correct.mean()), len(correct)
    if share in (0.0, 1.0):
        effective = float(min(n_units, n))
    elif error:
        # n* = p (1 - p) / se^2 (t_{N-1} / t_{G-1})^2, at most N
        freedom = (_t_quantile(n - 1) / _t_quantile(n_units - 1)) ** 2
        effective = min(float(n), share * (1 - share) / error**2 * freedom)
    else:
        effective = float(n)
    return _exact_interval(share * effective, (1 - share) * effective)


def correlation_interval(x: Floats, y: Floats, kind: Correlation) -> Interval | None:
    """The interval of a correlation: the middle LEVEL of those of pairs that are drawn anew.

    x, y : float64 (n_pairs,). None where the correlation is not defined, of fewer than FEWEST_DRAWN
    pairs, and where it is 1 or -1: then it is so in all draws.
    """
    if len(x) < FEWEST_DRAWN or not np.ptp(x) or not np.ptp(y):
        return None
    drawn = np.concatenate([_correlations(w, (x, y), kind)[0] for w in resampling_weights(len(x))])
    found = _middle(drawn)
    return found if found.high - found.low > EDGE else None


def compare_proportions(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: NDArray[np.int64]
) -> Difference | None:
    """Whether two models answer the same questions differently well.

    first, second : bool (n_items,), whether each answered right; groups as for
                    `proportion_interval`

    The difference over its standard error (`_jackknife`) is taken for Student's t with a degree of
    freedom for each group but one (CV3 in MacKinnon, Nielsen & Webb 2023). The interval holds 0
    exactly where p is not below SIGNIFICANT. None where `proportion_interval` is.
    """
    gain = second.astype(np.int64) - first
    found = _jackknife(gain, groups)
    if found is None:
        return None
    error, n_units = found
    difference = float(gain.mean())
    # No group differs from the others: that is luck, and so it is that no answer differs at all.
    error = error or _paired_error(gain)
    share_a, share_b = float(first.mean()), float(second.mean())
    return Difference(
        share_a, share_b, len(first), n_units, difference,
        t_interval(difference, error, n_units, -1, 1),
        _t_p(difference / error, n_units - 1) if difference else 1.0,
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
    draws = [_correlations(w, columns, kind) for w in resampling_weights(len(people))]
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


def format_p(p: float) -> str:
    """A p-value behind the letter p: `= 0.012`, or `< 0.001` below SMALLEST_SHOWN."""
    return f"= {p:.3f}" if p >= SMALLEST_SHOWN else f"< {SMALLEST_SHOWN}"


def _jackknife(values: NDArray[np.int64], groups: NDArray[np.int64]) -> tuple[float, int] | None:
    """The standard error of the mean of values, and the number of groups left out in turn.

    values, groups : int64 (n_items,), and groups as for `proportion_interval`

    V = (G - 1) / G sum_g (mean without g - mean)^2 (CV3 in MacKinnon, Nielsen & Webb 2023).

    With pairs, each is left out in both of its roles. A question is then left out twice, once with
    each of its pairs, so that what is its own is counted twice; one part of that is taken off
    (Aronow, Samii & Assenova 2015), but no more than leaves questions independent. None where
    nothing is left without one of the groups.
    """
    names, places = np.unique(groups, return_inverse=True)
    places = places.reshape(groups.shape)
    roles = [places] if groups.ndim == 1 else [places[:, 0], places[:, 1]]
    n, total, n_groups = len(values), int(values.sum()), len(names)
    # n (value - mean), in whole numbers: groups that do not differ have an error of exactly 0
    residuals = n * values - total
    parts = _sums(roles, residuals, n_groups)
    left = n - _sums(roles, np.ones(n, np.int64), n_groups)
    if not len(left) or not left.all():
        return None
    variance = (n_groups - 1) / n_groups * ((parts / left / n) ** 2).sum()
    if groups.ndim == 2:
        low, high = places.min(axis=1), places.max(axis=1)
        both = np.unique(low * n_groups + high, return_inverse=True)[1]
        own = _sums([both], residuals, int(both.max()) + 1)
        of_questions = len(own) / (len(own) - 1) * ((own / n / n) ** 2).sum()
        variance = max(variance - of_questions, of_questions)
    return float(np.sqrt(variance)), n_groups


def _sums(
    roles: Sequence[NDArray[np.int64]], values: NDArray[np.int64], n_groups: int
) -> NDArray[np.int64]:
    """The sum of the values of each group; an item that has a group in two roles counts once."""
    sums = np.zeros(n_groups, np.int64)
    np.add.at(sums, roles[0], values)
    for role in roles[1:]:
        np.add.at(sums, role, np.where(role == roles[0], 0, values))
    return sums


def _paired_error(gain: NDArray[np.int64]) -> float:
    """The standard error of the difference of two shares of the same independent questions.

    One question more is lost and one more won (Bonett & Price 2012), so that it is not 0.
    """
    n = len(gain) + 2
    won, lost = ((gain > 0).sum() + 1) / n, ((gain < 0).sum() + 1) / n
    return float(np.sqrt((won + lost - (won - lost) ** 2) / n))


def resampling_weights(n: int) -> Iterator[Floats]:
    """How often each of n items is drawn, N_DRAWS times over, in blocks. float64 (any, n)."""
    rng = np.random.default_rng(SEED)
    height = max(1, BLOCK_WEIGHTS // n)
    for start in range(0, N_DRAWS, height):
        draws = rng.multinomial(n, np.full(n, 1 / n), min(height, N_DRAWS - start))
        yield draws.astype(np.float64)


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
            below = scales[i] * scales[j]
            found.append(np.divide(products, below, out=np.zeros_like(below), where=below > 0))
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


def _middle(drawn: Floats) -> Interval:
    low, high = np.quantile(drawn, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(low), float(high))


def _p(n_beyond: int) -> float:
    """A p-value from draws; the data themselves count as one (Davison & Hinkley 1997, eq. 4.11)."""
    return (n_beyond + 1) / (N_DRAWS + 1)


def _inner(r: float) -> float:
    """A correlation of which Fisher's z is finite."""
    return min(max(r, EDGE - 1), 1 - EDGE)


def _exact_interval(right: float, wrong: float) -> Interval:
    """Clopper & Pearson's interval of right / (right + wrong); the counts need not be whole."""
    from scipy.special import betaincinv

    tail = (1 - LEVEL) / 2
    return Interval(
        float(betaincinv(right, wrong + 1, tail)) if right else 0.0,
        float(betaincinv(right + 1, wrong, 1 - tail)) if wrong else 1.0,
    )


def _t_quantile(freedom: int) -> float:
    """How many standard errors an interval reaches to each side."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + LEVEL) / 2))


def _t_p(t: float, freedom: int) -> float:
    """The two-sided p-value of Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))
