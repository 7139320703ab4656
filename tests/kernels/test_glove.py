"""The GloVe update equals the plain one, at any vector size."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.kernels import reference
from embedtool.kernels.glove import visit_pairs

SIZES = [1, 2, 3, 7, 8, 16, 33, 102]
"""Below, at and beyond the lanes of a vector register, and none that divides by all of them."""
N_WORDS = 6
X_MAX, EXPONENT, RATE = 10.0, 0.75, 0.05
EPSILON = float(np.finfo(np.float32).eps)

Tables = list[np.ndarray]


def tables(vector_size: int, seed: int = 1) -> Tables:
    """Words, contexts and their sums of squares, as large as in the midst of training."""
    rng = np.random.default_rng(seed)
    shape = (N_WORDS, vector_size + 1)
    vectors = [rng.normal(0, 1 / math.sqrt(vector_size), shape) for _ in range(2)]
    squares = [1 + rng.random(shape) for _ in range(2)]
    return [table.astype(np.float32) for table in vectors + squares]


def pairs(n: int, seed: int = 2) -> Tables:
    """Rows, columns and counts on both sides of x_max; with N_WORDS words, pairs come often."""
    rng = np.random.default_rng(seed)
    rows, columns = (rng.integers(0, N_WORDS, n).astype(np.int32) for _ in range(2))
    return [rows, columns, np.exp(rng.uniform(-2, 5, n)).astype(np.float32)]


def fast(
    visited: Tables,
    start: Tables,
    x_max: float = X_MAX,
    exponent: float = EXPONENT,
    rate: float = RATE,
) -> tuple[float, Tables]:
    after = [table.copy() for table in start]
    numbers = np.float32(x_max), np.float32(exponent), np.float32(rate)
    return visit_pairs(*visited, *after, *numbers), after


def plain(
    visited: Tables,
    start: Tables,
    x_max: float = X_MAX,
    exponent: float = EXPONENT,
    rate: float = RATE,
) -> tuple[float, Tables]:
    after = [table.astype(np.float64) for table in start]
    numbers = (float(np.float32(number)) for number in (x_max, exponent, rate))
    return reference.visit_pairs(*visited, *after, *numbers), after


def check_equal(
    found: tuple[float, Tables], expected: tuple[float, Tables], visited: Tables, vector_size: int
) -> float:
    """Compare tables and losses, and return how far apart they may be.

    Single precision rounds each visit, and a visit builds on those before it.

    A visit makes about vector_size + 10 roundings (the dot product, then ten operations), each of
    at most EPSILON / 2 of numbers of size 1; a row sees as many visits as its word has pairs.
    """
    rows, columns, _ = visited
    visits = max(int(np.bincount(ids, minlength=1).max(initial=1)) for ids in (rows, columns))
    tolerance = max(1, visits) * (vector_size + 10) * EPSILON / 2
    assert tolerance < 1e-3
    for table, expected_table in zip(found[1], expected[1], strict=True):
        assert table.dtype == np.float32
        np.testing.assert_allclose(table, expected_table, rtol=tolerance, atol=tolerance)
    assert found[0] == pytest.approx(expected[0], rel=tolerance, abs=tolerance)
    return tolerance


@pytest.mark.parametrize("vector_size", SIZES)
@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_visits_equal_the_reference(vector_size: int, n: int) -> None:
    start, visited = tables(vector_size), pairs(n)
    found, expected = fast(visited, start), plain(visited, start)
    tolerance = check_equal(found, expected, visited, vector_size)
    step = max(
        np.abs(after - before).max() for after, before in zip(expected[1], start, strict=True)
    )
    assert step > 50 * tolerance


@settings(deadline=None)
@given(
    vector_size=st.integers(1, 40),
    n=st.integers(0, 60),
    seed=st.integers(0, 2**32 - 1),
    x_max=st.floats(0.5, 200),
    exponent=st.floats(0, 2),
    rate=st.floats(0.001, 0.1),
)
def test_any_numbers(
    vector_size: int, n: int, seed: int, x_max: float, exponent: float, rate: float
) -> None:
    start, visited = tables(vector_size, seed), pairs(n, seed + 1)
    numbers = (x_max, exponent, rate)
    found, expected = fast(visited, start, *numbers), plain(visited, start, *numbers)
    check_equal(found, expected, visited, vector_size)


@pytest.mark.parametrize("vector_size", SIZES)
def test_no_pairs_change_nothing(vector_size: int) -> None:
    start = tables(vector_size)
    loss, after = fast(pairs(0), start)
    assert loss == 0
    for table, before in zip(after, start, strict=True):
        assert np.array_equal(table, before)


@pytest.mark.parametrize("vector_size", SIZES)
def test_one_pair_again_and_again(vector_size: int) -> None:
    """Each visit sees what the one before it left, and the loss falls."""
    start, n = tables(vector_size), 40
    visited = [np.full(n, 2, np.int32), np.full(n, 2, np.int32), np.full(n, 3.5, np.float32)]
    check_equal(fast(visited, start), plain(visited, start), visited, vector_size)
    once = [each[:1] for each in visited]
    first, _ = fast(once, start)
    last, _ = fast(once, fast(visited, start)[1])
    assert last < first / 2


def test_words_without_pairs_keep_their_bytes() -> None:
    start = tables(7)
    visited = [np.array([1, 3], np.int32), np.array([0, 4], np.int32), np.ones(2, np.float32)]
    _, after = fast(visited, start)
    for table, before, rows in zip(after, start, ([1, 3], [0, 4]) * 2, strict=True):
        changed = (table != before).any(axis=1)
        assert np.flatnonzero(changed).tolist() == rows
        assert np.array_equal(np.delete(table, rows, 0), np.delete(before, rows, 0))


def test_a_visit_by_hand() -> None:
    """Vector size 1, the word's row (2, 0.5), the context's (3, -1), x = 4 of x_max 16, a = 1/2.

    f = 1/2; the difference is 2*3 + 0.5 - 1 - ln 4; sums of squares begin at 1, and at 4 for the
    word's vector.
    """
    difference = 5.5 - math.log(4)
    error = difference / 2
    start = [np.array([row], np.float32) for row in ([2, 0.5], [3, -1], [4, 1], [1, 1])]
    visited = [np.zeros(1, np.int32), np.zeros(1, np.int32), np.array([4], np.float32)]
    loss, (words, contexts, words_sq, contexts_sq) = fast(visited, start, 16, 0.5, 0.1)
    assert loss == pytest.approx(difference * error / 2, rel=1e-6)
    assert words[0] == pytest.approx([2 - 0.1 * error * 3 / 2, 0.5 - error], rel=1e-6)
    assert contexts[0] == pytest.approx([3 - 0.1 * error * 2, -1 - error], rel=1e-6)
    assert words_sq[0] == pytest.approx([4 + (0.1 * error * 3) ** 2, 1 + error**2], rel=1e-6)
    assert contexts_sq[0] == pytest.approx([1 + (0.1 * error * 2) ** 2, 1 + error**2], rel=1e-6)


@pytest.mark.parametrize(
    ("x", "exponent", "weight"),
    [(10, 0.75, 1), (11, 0.75, 1), (1e6, 0.75, 1), (5, 0.75, 0.5**0.75), (5, 0, 1), (0.1, 2, 1e-4)],
)
def test_counts_from_x_max_on_weigh_one(x: float, exponent: float, weight: float) -> None:
    """With vectors of zeros and biases of zero the loss is f(x) ln(x)^2 / 2."""
    zeros, ones = np.zeros((1, 4), np.float32), np.ones((1, 4), np.float32)
    visited = [np.zeros(1, np.int32), np.zeros(1, np.int32), np.array([x], np.float32)]
    loss, _ = fast(visited, [zeros, zeros, ones, ones], 10, exponent)
    assert loss == pytest.approx(weight * math.log(x) ** 2 / 2, rel=1e-5)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("vector_size", [1, 8, 33])
def test_a_loss_that_is_not_finite_is_seen(value: float, vector_size: int) -> None:
    start = tables(vector_size)
    start[0][2, 0] = value
    start[1][2] = 1e30
    visited = [np.array([2], np.int32), np.array([2], np.int32), np.ones(1, np.float32)]
    loss, _ = fast(visited, start)
    assert not math.isfinite(loss)
