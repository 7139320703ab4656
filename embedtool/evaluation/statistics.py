"""Confidence intervals of scores, and tests of whether the scores of two models differ.

The questions of a relation are not independent, and analogy sets have few relations. So the
standard error of a proportion, or of the difference of two, is estimated by a jackknife over
relations, with one degree of freedom fewer than relations. If there is only one relation, the
jackknife leaves out each of its pairs of words in turn, with all questions that contain the pair.
Pairs with human scores are resampled by the bootstrap, with the same resamples for both models
(Efron & Tibshirani 1993).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import Correlation
from embedtool.evaluation.resampling import (
    Floats,
    bootstrap_p,
    bootstrap_weights,
    jackknife_error,
    weighted_correlations,
)

SIGNIFICANT = 0.05
"""Level of significance."""
CONFIDENCE = 1 - SIGNIFICANT
"""Confidence level of intervals."""
STARS = ((0.001, "***"), (0.01, "**"), (SIGNIFICANT, "*"))
"""Bounds of p-values, and their marks."""
MIN_PRINTED_P = 0.001
"""Smallest p-value that is printed: the bootstrap does not resolve smaller ones well."""
MIN_PAIRS = 3
"""Minimum pairs: with fewer, a correlation is meaningless."""
MIN_BOOTSTRAP_PAIRS = 6
"""Minimum pairs of a bootstrap interval: with four pairs it is -1 to 1, and with five it is too
narrow (`python -m benchmarks.confidence_intervals`)."""
Z_MARGIN = 1e-6
"""Minimum distance of correlations from -1 and 1 before Fisher's z: float32 has no more digits
there, and rounding would dominate the error of z."""


@dataclass(frozen=True)
class Interval:
    """A confidence interval of level CONFIDENCE."""

    low: float
    high: float


def t_interval(
    mean: float, error: float, n: int, low: float = -np.inf, high: float = np.inf
) -> Interval:
    """Return Student's confidence interval of a mean.

    Parameters
    ----------
    mean, error : float
        The mean and its standard error.
    n : int
        Number of values.
    low, high : float
        Bounds of the values, which the interval does not exceed.
    """
    half_width = float(error * _t_quantile(n - 1))
    return Interval(max(low, float(mean) - half_width), min(high, float(mean) + half_width))


def correlation_mean_interval(mean: float, error: float, n: int) -> Interval:
    """Return the confidence interval of a mean of correlations or cosines, by Fisher's z.

    The standard error of z is that of the mean times the derivative of z, 1 / (1 - mean^2).
    Parameters are those of `t_interval`.
    """
    clipped = _clipped(mean)
    z = t_interval(np.arctanh(clipped), error / (1 - clipped**2), n)
    return Interval(float(np.tanh(z.low)), float(np.tanh(z.high)))


@dataclass(frozen=True)
class Difference:
    """The difference of two models' scores on the questions or pairs that both know.

    Attributes
    ----------
    first, second : float
        The scores of the two models on these items.
    items, groups : int
        Number of items, and of independent groups of them.
    difference : float
        second - first.
    interval : Interval
        Interval of the difference.
    p : float
        Two-sided p-value of the hypothesis that the models are equally good.
    test, p_test : str, float
        Name and p-value of the textbook test, which assumes independent items: exact McNemar for
        analogies, Steiger for correlations.
    effect, size : str, float
        Name and value of the effect size: Cohen's h for proportions, q for correlations.
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
    """Return the confidence interval of the proportion of correct answers.

    It is Clopper & Pearson's (1934) exact interval for the effective number of independent answers,
    which would have the same standard error as `jackknife_error` (Korn & Graubard 1998). If all
    answers are right, or none is, that error is 0, and each group or pair counts as one answer.

    Parameters
    ----------
    correct : ndarray of bool, shape (n_items,)
        Whether each answer is right.
    groups : ndarray of int64, shape (n_items,) or (n_items, 2)
        The relation of each item, because items of a group are not independent. With two columns,
        both pairs of words of each question of one relation.

    Returns
    -------
    Interval or None
        None with fewer than two groups, or if one pair is part of all questions.
    """
    jackknife = jackknife_error(correct.astype(np.int64), groups)
    if jackknife is None:
        return None
    error, n_units = jackknife
    proportion, n = float(correct.mean()), len(correct)
    if proportion in (0.0, 1.0):
        effective = float(min(n_units, n))
    elif error:
        # n* = p (1 - p) / se^2 (t_{N-1} / t_{G-1})^2, at most N
        t_ratio = (_t_quantile(n - 1) / _t_quantile(n_units - 1)) ** 2
        effective = min(float(n), proportion * (1 - proportion) / error**2 * t_ratio)
    else:
        effective = float(n)
    return _clopper_pearson(proportion * effective, (1 - proportion) * effective)


def correlation_interval(x: Floats, y: Floats, kind: Correlation) -> Interval | None:
    """Return the percentile bootstrap interval of a correlation.

    Parameters
    ----------
    x, y : ndarray of float64, shape (n_pairs,)
        The values.
    kind : {"spearman", "pearson"}
        Which correlation.

    Returns
    -------
    Interval or None
        None if the correlation is not defined, for fewer than MIN_BOOTSTRAP_PAIRS pairs, and if it
        is 1 or -1, because it then is in all resamples.
    """
    if len(x) < MIN_BOOTSTRAP_PAIRS or not np.ptp(x) or not np.ptp(y):
        return None
    resampled = np.concatenate(
        [weighted_correlations(w, (x, y), kind)[0] for w in bootstrap_weights(len(x))]
    )
    interval = _percentile_interval(resampled)
    return interval if interval.high - interval.low > Z_MARGIN else None


def compare_proportions(
    first: NDArray[np.bool_], second: NDArray[np.bool_], groups: NDArray[np.int64]
) -> Difference | None:
    """Compare the proportions of correct answers of two models to the same questions.

    The difference over its standard error (`jackknife_error`) is tested as Student's t with one
    degree of freedom fewer than groups (CV3 in MacKinnon, Nielsen & Webb 2023). The interval
    contains 0 if and only if p is not below SIGNIFICANT.

    Parameters
    ----------
    first, second : ndarray of bool, shape (n_items,)
        Whether each model answered right.
    groups : ndarray of int64
        As for `proportion_interval`.

    Returns
    -------
    Difference or None
        None if `proportion_interval` is None.
    """
    gain = second.astype(np.int64) - first
    jackknife = jackknife_error(gain, groups)
    if jackknife is None:
        return None
    error, n_units = jackknife
    difference = float(gain.mean())
    # if no group differs from the others, or no answer differs, that is chance, not certainty
    error = error or _paired_error(gain)
    p_first, p_second = float(first.mean()), float(second.mean())
    return Difference(
        p_first, p_second, len(first), n_units, difference,
        t_interval(difference, error, n_units, -1, 1),
        _t_p(difference / error, n_units - 1) if difference else 1.0,
        "McNemar", mcnemar(first, second),
        "h", float(2 * np.arcsin(np.sqrt(p_second)) - 2 * np.arcsin(np.sqrt(p_first))),
    )  # fmt: skip


def compare_correlations(
    human: Floats, first: Floats, second: Floats, kind: Correlation
) -> Difference | None:
    """Compare the correlations of two models' cosines with human scores.

    Parameters
    ----------
    human, first, second : ndarray of float64, shape (n_pairs,)
        The scores, and the cosines of each model, of the pairs that both models know.
    kind : {"spearman", "pearson"}
        Which correlation.

    Returns
    -------
    Difference or None
        None if a correlation is not defined, or for fewer than MIN_PAIRS pairs.
    """
    columns = human, first, second
    if len(human) < MIN_PAIRS or not all(np.ptp(column) for column in columns):
        return None
    sample = weighted_correlations(np.ones((1, len(human))), columns, kind)
    r_first, r_second, r_models = (float(r[0]) for r in sample)
    resamples = [weighted_correlations(w, columns, kind) for w in bootstrap_weights(len(human))]
    differences = np.concatenate([b - a for a, b, _ in resamples])
    n_beyond = int(min((differences <= 0).sum(), (differences >= 0).sum()))
    return Difference(
        r_first, r_second, len(human), len(human), r_second - r_first,
        _percentile_interval(differences), min(1.0, 2 * bootstrap_p(n_beyond)),
        "Steiger", steiger(r_first, r_second, r_models, len(human)),
        "q", float(np.arctanh(_clipped(r_second)) - np.arctanh(_clipped(r_first))),
    )  # fmt: skip


def mcnemar(first: NDArray[np.bool_], second: NDArray[np.bool_]) -> float:
    """Return the exact two-sided p-value of McNemar's test (1947), by the binomial distribution."""
    from scipy.stats import binomtest

    only_first, only_second = int((first & ~second).sum()), int((second & ~first).sum())
    if not only_first + only_second:
        return 1.0
    return float(binomtest(only_first, only_first + only_second).pvalue)


def steiger(r_first: float, r_second: float, r_models: float, n: int) -> float:
    """Return the two-sided p-value of Steiger's test of two correlations with the same scores.

    It tests the difference of Fisher's z, with the covariance at the mean of the two correlations.

    Parameters
    ----------
    r_first, r_second : float
        The correlations of the two models with the scores.
    r_models : float
        The correlation of the two models with each other.
    n : int
        Number of pairs.

    References
    ----------
    Steiger 1980, "Tests for comparing elements of a correlation matrix", equations 3 and 14.
    """
    from scipy.stats import norm

    if n <= MIN_PAIRS or r_models >= 1:
        return 1.0
    mean = (r_first + r_second) / 2
    unexplained = 1 - mean**2
    if unexplained <= 0:
        return 1.0
    covariance = (
        r_models * (1 - 2 * mean**2) - mean**2 * (1 - 2 * mean**2 - r_models**2) / 2
    ) / unexplained**2
    z = np.arctanh(_clipped(r_first)) - np.arctanh(_clipped(r_second))
    variance = max(2 - 2 * covariance, Z_MARGIN)
    return float(2 * norm.sf(abs(z) * np.sqrt((n - 3) / variance)))


def holm(values: Sequence[float]) -> list[float]:
    """Return p-values corrected for multiple tests by Holm's method (1979), in their order.

    The k-th smallest of m is multiplied by m - k + 1, and is not below the one before it.
    """
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    corrected = np.empty(len(values))
    corrected[order] = np.maximum.accumulate(np.asarray(values, float)[order] * factors)
    corrected.clip(max=1, out=corrected)
    return [float(p) for p in corrected]


def stars(p: float) -> str:
    """Return the mark of a p-value; empty if it is not significant."""
    return next((mark for bound, mark in STARS if p < bound), "")


def format_p(p: float) -> str:
    """Return a p-value as text after the letter p: `= 0.012`, or `< 0.001` below MIN_PRINTED_P."""
    return f"= {p:.3f}" if p >= MIN_PRINTED_P else f"< {MIN_PRINTED_P}"


def format_interval(interval: Interval | None) -> str | None:
    """Return an interval as tables show it."""
    if interval is None:
        return None
    low, high = (round(each, 3) + 0.0 for each in (interval.low, interval.high))  # no -0.000
    return f"{low:.3f} to {high:.3f}"


def _paired_error(gain: NDArray[np.int64]) -> float:
    """Return the standard error of the difference of two proportions of the same questions.

    One question is added to those lost and one to those won (Bonett & Price 2012), so that the
    error is not 0.
    """
    n = len(gain) + 2
    won, lost = ((gain > 0).sum() + 1) / n, ((gain < 0).sum() + 1) / n
    return float(np.sqrt((won + lost - (won - lost) ** 2) / n))


def _percentile_interval(resampled: Floats) -> Interval:
    low, high = np.quantile(resampled, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Interval(float(low), float(high))


def _clipped(r: float) -> float:
    """Return the nearest correlation with a finite Fisher's z."""
    return min(max(r, Z_MARGIN - 1), 1 - Z_MARGIN)


def _clopper_pearson(right: float, wrong: float) -> Interval:
    """Return the interval of right / (right + wrong); the counts need not be whole."""
    from scipy.special import betaincinv

    tail = (1 - CONFIDENCE) / 2
    return Interval(
        float(betaincinv(right, wrong + 1, tail)) if right else 0.0,
        float(betaincinv(right + 1, wrong, 1 - tail)) if wrong else 1.0,
    )


def _t_quantile(freedom: int) -> float:
    """Return the half-width of an interval in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))


def _t_p(t: float, freedom: int) -> float:
    """Return the two-sided p-value of Student's t."""
    from scipy.special import stdtr

    return float(2 * stdtr(freedom, -abs(t)))
