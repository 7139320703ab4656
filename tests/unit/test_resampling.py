"""The jackknife and the bootstrap against plain NumPy and SciPy."""

import numpy as np
import pytest
from scipy import stats

from embedtool.evaluation.resampling import jackknife_error, weighted_correlations


def all_questions(n: int) -> np.ndarray:
    """Both pairs of each question that can be made of n pairs."""
    return np.column_stack(np.nonzero(~np.eye(n, dtype=bool)))


def leave_out(values: np.ndarray, pairs: np.ndarray) -> float:
    """The variance by leaving out each pair, less that of questions which are left out twice."""
    n, mean = int(pairs.max()) + 1, values.mean()
    without = [values[(pairs != i).all(axis=1)].mean() for i in range(n)]
    sums: dict[frozenset[int], float] = {}
    for value, pair in zip(values, pairs.tolist(), strict=True):
        sums[frozenset(pair)] = sums.get(frozenset(pair), 0) + (value - mean) / len(values)
    own = len(sums) / (len(sums) - 1) * sum(each**2 for each in sums.values())
    return max((n - 1) / n * sum((each - mean) ** 2 for each in without) - own, own)


@pytest.mark.parametrize("n", [3, 4, 9])
def test_a_pair_is_left_out_in_both_of_its_roles(n: int) -> None:
    rng = np.random.default_rng(n)
    both = np.array([(i, j) for i in range(n) for j in range(n)])
    for pairs in all_questions(n), both, both[rng.random(len(both)) < 0.8]:
        values = rng.integers(-1, 2, len(pairs))
        found = jackknife_error(values, pairs)
        assert found is not None and found[1] == n
        assert found[0] ** 2 == pytest.approx(leave_out(values, pairs))


def test_relations_are_left_out_one_by_one() -> None:
    rng = np.random.default_rng(3)
    groups = np.repeat([3, 5, 6, 9], [1, 70, 20, 9])
    values = rng.integers(-1, 2, 100)
    without = np.array([values[groups != g].mean() for g in (3, 5, 6, 9)])
    error = np.sqrt(3 / 4 * ((without - values.mean()) ** 2).sum())
    assert jackknife_error(values, groups) == (pytest.approx(error), 4)


def test_a_resampled_correlation_is_scipys() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.integers(0, 6, 40).astype(float), rng.standard_normal(40)
    resamples = rng.integers(0, 40, (5, 40))
    weights = np.array([np.bincount(row, minlength=40) for row in resamples], dtype=np.float64)
    for kind, scipys in ("spearman", stats.spearmanr), ("pearson", stats.pearsonr):
        (found,) = weighted_correlations(weights, (x, y), kind)
        assert found == pytest.approx([scipys(x[row], y[row]).statistic for row in resamples])
