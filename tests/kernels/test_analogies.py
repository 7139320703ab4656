"""The kernel that answers analogies equals the reference."""

import numpy as np
import pytest

from embedtool.kernels import reference
from embedtool.kernels.analogies import AnalogyQueries, best_candidate


@pytest.mark.parametrize("with_factors", [True, False])
@pytest.mark.parametrize(("n_questions", "n_columns"), [(0, 5), (1, 1), (7, 1), (40, 67), (3, 256)])
def test_best_candidate(n_questions: int, n_columns: int, with_factors: bool) -> None:
    rng = np.random.default_rng(n_questions + n_columns)
    n_terms, first = 9, 100
    products = rng.integers(-4, 5, (n_terms, n_columns)).astype(np.float32)
    factors = products[: n_terms if with_factors else 0] * np.float32(0.5) + np.float32(3)
    slots = rng.integers(0, n_terms, (n_questions, 3))
    weights = rng.integers(-2, 3, (n_questions, 3)).astype(np.float32)
    offsets = rng.integers(-2, 3, n_questions).astype(np.float32)
    excluded = rng.integers(first - 2, first + n_columns + 2, (n_questions, 2))
    before = rng.integers(-9, 9, n_questions).astype(np.float32)
    queries = AnalogyQueries(slots, weights, offsets, excluded)
    results = []
    for kernel in best_candidate, reference.best_candidate:
        positions, scores = np.full(n_questions, -1), before.copy()
        kernel(products, factors, first, queries, positions, scores)
        results.append((positions.tolist(), scores.tolist()))
    assert results[0] == results[1]


def test_nothing_answers_where_all_is_excluded() -> None:
    positions, scores = np.array([-1]), np.array([-np.inf], dtype=np.float32)
    queries = AnalogyQueries(
        np.zeros((1, 3), np.int64), np.ones((1, 3), np.float32), np.zeros(1, np.float32),
        np.array([[0]]),
    )  # fmt: skip
    products, factors = np.ones((1, 1), np.float32), np.ones((0, 1), np.float32)
    best_candidate(products, factors, 0, queries, positions, scores)
    assert positions.tolist() == [-1]
