"""Intervals and tests: against SciPy, by hand, and on simulated data whose truth is known."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from embedtool.evaluation import resampling, statistics
from embedtool.evaluation.statistics import (
    SIGNIFICANT,
    compare_correlations,
    compare_proportions,
    correlation_interval,
    correlation_mean_interval,
    format_p,
    holm,
    mcnemar,
    proportion_interval,
    stars,
    steiger,
    t_interval,
)
from tests.unit.test_resampling import all_questions

N_SIMULATED = 600
N_PROPORTIONS = 1000
COVERED = pytest.approx(0.95, abs=0.02)


@pytest.fixture
def fewer_resamples(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resampling, "N_RESAMPLES", 1000)


def relations(rng: np.random.Generator, n: int, *chances: np.ndarray) -> list[np.ndarray]:
    """Relations of 20 to 60 questions, each answered with its relation's chance."""
    sizes = rng.integers(20, 61, n)
    groups = np.repeat(np.arange(n), sizes)
    return [groups, *(rng.random(len(groups)) < chance[groups] for chance in chances)]


@pytest.mark.parametrize("sizes", [(50, 50), (20, 300)])
@pytest.mark.parametrize("n", [2, 3, 4, 9, 14])
@pytest.mark.parametrize("mean", [0.2, 0.5, 0.8])
def test_proportion_intervals_cover_the_truth(n: int, mean: float, sizes: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    covered = width = 0.0
    for _ in range(N_PROPORTIONS):
        groups = np.repeat(np.arange(n), rng.integers(sizes[0], sizes[1] + 1, n))
        probabilities = rng.beta(9 * mean, 9 * (1 - mean), n)
        found = proportion_interval(rng.random(len(groups)) < probabilities[groups], groups)
        assert found is not None and 0 <= found.low < found.high <= 1
        covered += found.low <= mean <= found.high
        width += found.high - found.low
    assert 0.925 < covered / N_PROPORTIONS < 0.985
    assert width / N_PROPORTIONS < {2: 0.9, 3: 0.7, 4: 0.55}.get(n, 0.32)


@pytest.mark.parametrize(("n", "most"), [(10, 0.5), (23, 0.27), (40, 0.2)])
@pytest.mark.parametrize("mean", [0.0, 1.3])
def test_proportion_intervals_of_one_relation_cover_the_truth(
    n: int, most: float, mean: float
) -> None:
    """Both pairs of a question have an effect on its log odds; first pairs alone cover .8."""
    rng = np.random.default_rng(2)
    pairs = all_questions(n)
    nodes, weights = np.polynomial.hermite_e.hermegauss(41)
    truth = weights @ (1 / (1 + np.exp(-mean - np.sqrt(2) * nodes))) / weights.sum()
    covered = width = 0.0
    for _ in range(N_SIMULATED):
        first, second = rng.standard_normal((2, n))
        odds = mean + first[pairs[:, 0]] + second[pairs[:, 1]]
        found = proportion_interval(rng.random(len(pairs)) < 1 / (1 + np.exp(-odds)), pairs)
        assert found is not None
        covered += found.low <= truth <= found.high
        width += found.high - found.low
    assert 0.93 <= covered / N_SIMULATED <= 0.985
    assert width / N_SIMULATED < most


def test_a_proportion_has_korn_and_graubards_interval() -> None:
    groups = np.repeat(np.arange(5), 40)
    right = np.array([30, 22, 35, 28, 25])
    correct = np.arange(200) % 40 < right[groups]
    shares = right / 40
    n = shares.mean() * (1 - shares.mean()) / (shares.var(ddof=1) / 5)
    n *= (stats.t.ppf(0.975, 199) / stats.t.ppf(0.975, 4)) ** 2
    yes, no = n * shares.mean(), n * (1 - shares.mean())
    expected = stats.beta.ppf(0.025, yes, no + 1), stats.beta.ppf(0.975, yes + 1, no)
    found = proportion_interval(correct, groups)
    assert found is not None and (found.low, found.high) == pytest.approx(expected)
    # relations that do not differ leave no more than the independent answers there are
    alike = proportion_interval(np.arange(200) % 40 < 28, groups)
    exact = stats.binomtest(140, 200).proportion_ci()
    assert alike is not None and (alike.low, alike.high) == pytest.approx((exact.low, exact.high))


@pytest.mark.parametrize("sizes", [(250, 250, 250, 250), (250, 100, 400, 250)])
@pytest.mark.parametrize("wrong", [1, 999])
def test_few_relations_near_0_or_1_have_a_narrow_interval(
    sizes: tuple[int, ...], wrong: int
) -> None:
    groups = np.repeat(np.arange(4), sizes)
    found = proportion_interval(np.arange(1000) >= wrong, groups)
    share = 1 - wrong / 1000
    assert found is not None and 0 <= found.low < share < found.high <= 1
    assert found.high - found.low < 0.03


@pytest.mark.parametrize("pairs", [
    np.empty((0, 2), np.int64), np.array([[0, 1]]), np.array([[0, 1], [1, 0]]),
    np.array([[0, 1], [0, 2], [0, 3], [0, 4]]), np.array([[0, 1], [2, 0], [0, 3], [4, 0]]),
])  # fmt: skip
def test_a_pair_that_is_part_of_all_questions_leaves_no_interval(pairs: np.ndarray) -> None:
    correct = np.arange(len(pairs)) % 2 == 0
    assert proportion_interval(correct, pairs) is None
    assert compare_proportions(correct, ~correct, pairs) is None


@pytest.mark.usefixtures("fewer_resamples")
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


@pytest.mark.usefixtures("fewer_resamples")
def test_intervals_of_differences_cover_the_truth_and_p_values_agree_with_them() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(N_SIMULATED):
        hard, bias = rng.uniform(0.2, 0.8, 14), rng.uniform(-0.2, 0.2, 14)
        groups, first, second = relations(rng, 14, hard + bias, hard - bias)
        found = compare_proportions(first, second, groups)
        assert found is not None
        inside = found.interval.low <= 0 <= found.interval.high
        covered += inside
        assert inside == (found.p >= SIGNIFICANT)
    assert covered / N_SIMULATED == COVERED
    covered = 0
    for _ in range(N_SIMULATED):
        human, a, b = rng.standard_normal((3, 60))
        both = compare_correlations(human, human + a, human + b, "spearman")
        assert both is not None
        covered += both.interval.low <= 0 <= both.interval.high
    assert covered / N_SIMULATED == COVERED


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
    found = proportion_interval(np.ones(30, dtype=bool), groups)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.025 ** (1 / 10), 1))
    nothing = proportion_interval(np.zeros(30, dtype=bool), groups)
    assert nothing is not None
    assert (nothing.low, nothing.high) == pytest.approx((0, 1 - 0.025 ** (1 / 10)))


def test_all_or_nothing_of_one_relation_counts_pairs() -> None:
    found = proportion_interval(np.ones(90, dtype=bool), all_questions(10))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((0.025 ** (1 / 10), 1))
    apart = np.arange(10).reshape(5, 2)
    five = proportion_interval(np.ones(5, dtype=bool), apart)
    assert five is not None and five.low == pytest.approx(0.025 ** (1 / 5))


def test_two_relations_leave_a_wide_interval_and_one_leaves_none() -> None:
    groups = np.repeat([0, 1], 50)
    correct = np.arange(100) % 2 == 0
    correct[:10] = True
    found = proportion_interval(correct, groups)
    assert found is not None and 0 < found.low < 0.2 < 0.8 < found.high < 1
    apart = proportion_interval(groups == 0, groups)
    assert apart is not None and (apart.low, apart.high) == pytest.approx((0, 1), abs=1e-6)
    assert proportion_interval(correct[:50], groups[:50]) is None
    assert compare_proportions(correct[:50], correct[:50], groups[:50]) is None


def test_a_model_does_not_differ_from_itself() -> None:
    rng = np.random.default_rng(6)
    groups, correct = relations(rng, 9, rng.random(9))
    same = compare_proportions(correct, correct, groups)
    assert same is not None
    assert (same.difference, same.p, same.p_test, same.size) == (0, 1, 1, 0)
    assert -0.01 < same.interval.low < 0 < same.interval.high < 0.01
    human, cosines = rng.standard_normal((2, 50))
    self = compare_correlations(human, cosines, cosines, "pearson")
    assert self is not None and (self.difference, self.p, self.p_test) == (0, 1, 1)


def test_a_clear_difference_is_seen_and_measured() -> None:
    groups = np.repeat(np.arange(12), 40)
    first, second = np.arange(480) % 4 == 0, np.arange(480) % 4 > 0
    found = compare_proportions(first, second, groups)
    assert found is not None
    assert found.difference == 0.5
    assert found.interval.low < 0.5 < found.interval.high
    assert 0 < found.p < 1e-4
    assert found.size == pytest.approx(np.pi / 3)
    assert (found.items, found.groups, found.first, found.second) == (480, 12, 0.25, 0.75)


def test_a_difference_has_students_interval_of_the_jackknife() -> None:
    rng = np.random.default_rng(9)
    groups = np.repeat(np.arange(4), [40, 10, 30, 60])
    first, second = rng.random(140) < 0.3, rng.random(140) < 0.6
    found = compare_proportions(first, second, groups)
    gain = second.astype(float) - first
    without = np.array([gain[groups != g].mean() for g in range(4)])
    error = np.sqrt(3 / 4 * ((without - gain.mean()) ** 2).sum())
    assert found is not None
    expected = stats.t.interval(0.95, 3, gain.mean(), error)
    assert (found.interval.low, found.interval.high) == pytest.approx(expected)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(gain.mean()) / error, 3))


@pytest.mark.parametrize("n", [2, 3, 4, 5])
def test_few_relations_can_show_a_difference(n: int) -> None:
    groups = np.repeat(np.arange(n), 100)
    number = np.arange(100 * n) % 100
    first, second = number < 30, number < 60 + groups % 2
    found = compare_proportions(first, second, groups)
    assert found is not None and found.groups == n
    assert found.p < SIGNIFICANT and 0 < found.interval.low < 0.305 < found.interval.high
    apart = compare_proportions(first, number < np.where(groups % 2, 60, 10), groups)
    assert apart is not None and apart.p >= SIGNIFICANT
    assert -1 <= apart.interval.low < 0 < apart.interval.high <= 1


@pytest.mark.parametrize("n", [2, 3, 4, 14])
@pytest.mark.parametrize("quarter", [False, True])
def test_intervals_of_differences_of_few_relations_cover_the_truth(n: int, quarter: bool) -> None:
    rng = np.random.default_rng(10)
    sizes = np.full(n, 60)
    sizes[0] = max(60, 20 * (n - 1)) if quarter else 60
    groups = np.repeat(np.arange(n), sizes)
    covered = width = 0.0
    for _ in range(N_PROPORTIONS):
        chance, gain = rng.uniform(0.3, 0.5, n), rng.uniform(-0.1, 0.3, n)
        first = rng.random(len(groups)) < chance[groups]
        second = rng.random(len(groups)) < (chance + gain)[groups]
        found = compare_proportions(first, second, groups)
        assert found is not None
        covered += found.interval.low <= 0.1 <= found.interval.high
        width += found.interval.high - found.interval.low
    assert 0.925 < covered / N_PROPORTIONS < 0.98
    assert width / N_PROPORTIONS < {2: 1.5, 3: 0.75, 4: 0.5}.get(n, 0.2)


@pytest.mark.parametrize(("sizes", "least"), [((1, 1), 0.1), ((2, 1, 1), 0.05), ((250, 250), 1e-6)])
def test_relations_that_all_gain_the_same_are_no_certainty(
    sizes: tuple[int, ...], least: float
) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    none = np.zeros(len(groups), dtype=bool)
    found = compare_proportions(none, ~none, groups)
    assert found is not None and found.difference == found.interval.high == 1
    assert found.p > least and -1 <= found.interval.low < 1
    assert (found.p < SIGNIFICANT) == (found.interval.low > 0)


@pytest.mark.parametrize(("sizes", "widest"), [((2, 2), 2), ((4, 4, 4, 4), 1), ((250, 250), 0.2)])
def test_that_no_answer_differs_is_no_certainty(sizes: tuple[int, ...], widest: float) -> None:
    groups = np.repeat(np.arange(len(sizes)), sizes)
    right = np.arange(len(groups)) % 2 == 0
    found = compare_proportions(right, right, groups)
    assert found is not None and (found.difference, found.p) == (0, 1)
    assert found.interval.low < 0 < found.interval.high
    assert found.interval.high - found.interval.low <= widest


def test_mcnemar_by_hand() -> None:
    first = np.array([True] * 9 + [False] * 1 + [True] * 20)
    second = np.array([False] * 9 + [True] * 1 + [True] * 20)
    assert mcnemar(first, second) == pytest.approx(2 * (1 + 10) / 2**10)
    assert mcnemar(first, first) == 1


def test_steiger_finds_equal_correlations_different_one_time_in_twenty() -> None:
    rng = np.random.default_rng(7)
    human, common, a, b = rng.standard_normal((4, 2000, 80))
    first, second = human + common + a, human + common + b
    p = [
        steiger(*(np.corrcoef(x, y)[0, 1] for x, y in pairs), n=80)
        for pairs in (
            ((g, x), (g, y), (x, y)) for g, x, y in zip(human, first, second, strict=True)
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
    human, a, b = rng.standard_normal((3, 1500))
    found = compare_correlations(human, human + a, human + 1.05 * b, "pearson")
    assert found is not None and 0.01 < found.p < 0.9
    assert found.p == pytest.approx(found.p_test, abs=0.04)
    assert found.size == pytest.approx(np.arctanh(found.second) - np.arctanh(found.first))


def test_correlations_that_are_not_defined() -> None:
    x = np.arange(4.0)
    assert correlation_interval(x[:2], x[:2], "pearson") is None
    assert correlation_interval(x, np.ones(4), "spearman") is None
    assert compare_correlations(x, x, np.ones(4), "spearman") is None


@pytest.mark.parametrize("kind", ["spearman", "pearson"])
def test_few_pairs_or_a_perfect_order_leave_no_interval(kind: str) -> None:
    rng = np.random.default_rng(11)
    x, y = rng.standard_normal((2, 6))
    assert correlation_interval(x[:5], y[:5], kind) is None
    found = correlation_interval(x, y, kind)
    assert found is not None and -1 <= found.low < found.high <= 1
    assert correlation_interval(x, 2 * x + 1, kind) is None
    assert correlation_interval(x, -x, kind) is None


@pytest.mark.parametrize("values", [(0.6, 0.32), (-0.2, 0.9), (0.99, 0.98), (-0.999, -0.3)])
def test_the_interval_of_a_mean_cosine_stays_within_the_range_of_cosines(
    values: tuple[float, ...],
) -> None:
    mean, error = float(np.mean(values)), float(np.std(values, ddof=1) / np.sqrt(2))
    found = correlation_mean_interval(mean, error, 2)
    assert -1 <= found.low < mean < found.high <= 1
    cut = t_interval(mean, error, 2, -1, 1)
    assert -1 <= cut.low < mean < cut.high <= 1


def test_the_interval_of_a_mean_cosine_is_students_where_it_is_narrow() -> None:
    found, plain = correlation_mean_interval(0.5, 1e-4, 10), t_interval(0.5, 1e-4, 10)
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high), abs=1e-6)
    itself = correlation_mean_interval(1 + 1e-7, 6e-8, 2)
    assert 0.9999 < itself.low <= itself.high <= 1


@pytest.mark.parametrize(("p", "text"), [
    (0.0, "< 0.001"), (1e-300, "< 0.001"), (0.000999, "< 0.001"), (0.001, "= 0.001"),
    (0.0123, "= 0.012"), (1.0, "= 1.000"),
])  # fmt: skip
def test_no_p_value_is_printed_as_zero(p: float, text: str) -> None:
    assert format_p(p) == text


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == [1, 1]
    assert holm([]) == []


def test_stars() -> None:
    marks = [stars(p) for p in (0.0005, 0.005, 0.04, 0.05, 1.0)]
    assert marks == ["***", "**", "*", "", ""]
    assert all(a < b for a, b in pairwise([bound for bound, _ in statistics.STARS]))
