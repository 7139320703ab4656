"""Intervals and tests: against SciPy, by hand, and on simulated data whose truth is known."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from embedtool.evaluation import statistics
from embedtool.evaluation.statistics import (
    SIGNIFICANT,
    compare_correlations,
    compare_shares,
    correlation_interval,
    holm,
    mcnemar,
    share_interval,
    stars,
    steiger,
)

N_SIMULATED = 600
COVERED = pytest.approx(0.95, abs=0.02)


@pytest.fixture
def fewer_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statistics, "N_DRAWS", 1000)


def relations(rng: np.random.Generator, n: int, *chances: np.ndarray) -> list[np.ndarray]:
    """Relations of 20 to 60 questions, each answered with its relation's chance."""
    sizes = rng.integers(20, 61, n)
    groups = np.repeat(np.arange(n), sizes)
    return [groups, *(rng.random(len(groups)) < chance[groups] for chance in chances)]


@pytest.mark.usefixtures("fewer_draws")
def test_share_intervals_cover_the_truth() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(N_SIMULATED):
        groups, correct = relations(rng, 14, rng.beta(2, 3, 14))
        found = share_interval(correct, groups)
        assert found is not None
        covered += found.low <= 2 / 5 <= found.high
    assert covered / N_SIMULATED == COVERED


@pytest.mark.usefixtures("fewer_draws")
@pytest.mark.parametrize(("kind", "truth"), [("pearson", 0.6), ("spearman", None)])
def test_correlation_intervals_cover_the_truth(kind: str, truth: float | None) -> None:
    rng = np.random.default_rng(2)
    truth = truth or 6 / np.pi * np.arcsin(0.6 / 2)
    covered = 0
    for _ in range(N_SIMULATED):
        x, noise = rng.standard_normal((2, 60))
        found = correlation_interval(x, 0.6 * x + 0.8 * noise, kind)
        assert found is not None
        covered += found.low <= truth <= found.high
    assert covered / N_SIMULATED == COVERED


@pytest.mark.usefixtures("fewer_draws")
def test_intervals_of_differences_cover_the_truth_and_p_values_agree_with_them() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(N_SIMULATED):
        hard, bias = rng.uniform(0.2, 0.8, 14), rng.uniform(-0.2, 0.2, 14)
        groups, first, second = relations(rng, 14, hard + bias, hard - bias)
        found = compare_shares(first, second, groups)
        assert found is not None
        inside = found.interval.low <= 0 <= found.interval.high
        covered += inside
        assert inside == (found.p >= SIGNIFICANT)
    assert covered / N_SIMULATED == COVERED
    covered = 0
    for _ in range(N_SIMULATED):
        people, a, b = rng.standard_normal((3, 60))
        both = compare_correlations(people, people + a, people + b, "spearman")
        assert both is not None
        covered += both.interval.low <= 0 <= both.interval.high
    assert covered / N_SIMULATED == COVERED


def test_a_drawn_correlation_is_scipys() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 6, 40).astype(float), rng.standard_normal(40)
    drawn = rng.integers(0, 40, (5, 40))
    weights = np.array([np.bincount(row, minlength=40) for row in drawn], dtype=np.float64)
    for kind, scipys in ("spearman", stats.spearmanr), ("pearson", stats.pearsonr):
        (found,) = statistics._correlations(weights, (x, y), kind)
        assert found == pytest.approx([scipys(x[row], y[row]).statistic for row in drawn])


def test_a_correlations_interval_is_scipys() -> None:
    rng = np.random.default_rng(5)
    x, noise = rng.standard_normal((2, 200))
    y = x + noise
    theirs = stats.bootstrap(
        (x, y), lambda a, b: stats.pearsonr(a, b).statistic, paired=True, vectorized=False,
        method="percentile", n_resamples=4000, rng=rng,
    ).confidence_interval  # fmt: skip
    ours = correlation_interval(x, y, "pearson")
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.01)


def test_all_or_nothing_has_the_exact_interval() -> None:
    groups = np.repeat(np.arange(10), 3)
    found = share_interval(np.ones(30, dtype=bool), groups)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.025 ** (1 / 10), 1))
    nothing = share_interval(np.zeros(30, dtype=bool), groups)
    assert nothing is not None
    assert (nothing.low, nothing.high) == pytest.approx((0, 1 - 0.025 ** (1 / 10)))


def test_two_relations_tell_nothing_and_one_is_not_asked() -> None:
    groups = np.repeat([0, 1], 50)
    correct = np.arange(100) % 2 == 0
    correct[:10] = True
    found = share_interval(correct, groups)
    assert found is not None and (found.low, found.high) == (0, 1)
    assert share_interval(correct[:50], groups[:50]) is None
    assert compare_shares(correct[:50], correct[:50], groups[:50]) is None


def test_a_model_does_not_differ_from_itself() -> None:
    rng = np.random.default_rng(6)
    groups, correct = relations(rng, 9, rng.random(9))
    same = compare_shares(correct, correct, groups)
    assert same is not None
    assert (same.difference, same.p, same.p_test, same.size) == (0, 1, 1, 0)
    assert (same.interval.low, same.interval.high) == (0, 0)
    people, cosines = rng.standard_normal((2, 50))
    self = compare_correlations(people, cosines, cosines, "pearson")
    assert self is not None and (self.difference, self.p, self.p_test) == (0, 1, 1)


def test_a_clear_difference_is_seen_and_measured() -> None:
    groups = np.repeat(np.arange(12), 40)
    first, second = np.arange(480) % 4 == 0, np.arange(480) % 4 > 0
    found = compare_shares(first, second, groups)
    assert found is not None
    assert found.difference == found.interval.low == found.interval.high == 0.5
    assert found.p == pytest.approx(1 / 5001)
    assert found.size == pytest.approx(np.pi / 3)
    assert (found.items, found.groups, found.first, found.second) == (480, 12, 0.25, 0.75)


def test_mcnemar_by_hand() -> None:
    first = np.array([True] * 9 + [False] * 1 + [True] * 20)
    second = np.array([False] * 9 + [True] * 1 + [True] * 20)
    assert mcnemar(first, second) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(first, first) == 1


def test_steiger_finds_equal_correlations_different_one_time_in_twenty() -> None:
    rng = np.random.default_rng(7)
    people, common, a, b = rng.standard_normal((4, 2000, 80))
    first, second = people + common + a, people + common + b
    p = [
        steiger(*(np.corrcoef(x, y)[0, 1] for x, y in pairs), n=80)
        for pairs in (
            ((g, x), (g, y), (x, y)) for g, x, y in zip(people, first, second, strict=True)
        )
    ]
    assert np.mean(np.array(p) < 0.05) == pytest.approx(0.05, abs=0.012)
    assert np.mean(np.array(p) < 0.5) == pytest.approx(0.5, abs=0.03)


def test_steiger_by_hand() -> None:
    """r1 = 0.5, r2 = 0.3, independent models: covariance = -0.16 (0.68) / 2 / 0.84^2."""
    covariance = -0.16 * 0.68 / 2 / 0.84**2
    z = (np.arctanh(0.5) - np.arctanh(0.3)) * np.sqrt(100 / (2 - 2 * covariance))
    assert steiger(0.5, 0.3, 0.0, 103) == pytest.approx(2 * stats.norm.sf(z))
    assert steiger(0.3, 0.5, 0.0, 103) == steiger(0.5, 0.3, 0.0, 103)


def test_steiger_and_the_bootstrap_agree_on_many_pairs() -> None:
    rng = np.random.default_rng(8)
    people, a, b = rng.standard_normal((3, 1500))
    found = compare_correlations(people, people + a, people + 1.05 * b, "pearson")
    assert found is not None and 0.01 < found.p < 0.9
    assert found.p == pytest.approx(found.p_test, abs=0.04)
    assert found.size == pytest.approx(np.arctanh(found.second) - np.arctanh(found.first))


def test_correlations_that_are_not_defined() -> None:
    x = np.arange(4.0)
    assert correlation_interval(x[:2], x[:2], "pearson") is None
    assert correlation_interval(x, np.ones(4), "spearman") is None
    assert compare_correlations(x, x, np.ones(4), "spearman") is None


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


def test_stars() -> None:
    marks = [stars(p) for p in (0.0005, 0.005, 0.04, 0.05, 1.0)]
    assert marks == ["***", "**", "*", "", ""]
    assert all(a < b for a, b in pairwise([bound for bound, _ in statistics.STARS]))
