"""The GloVe update equals the reference, at any vector size."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.kernels import reference
from embedtool.kernels.glove import BIAS, FROZEN, adagrad_update_pairs, shuffle_pairs
from embedtool.kernels.simd.registers import SIMD_WIDTH

SIZES = [1, 2, 3, 7, 8, 13, 14, 15, 16, 17, 33, 102]
"""Below, at and beyond the lanes of a vector register, and some that do not divide by them."""
N_WORDS = 6
RATE = 0.05
EPSILON = float(np.finfo(np.float32).eps)

Tables = list[np.ndarray]
Pairs = list[np.ndarray]
Losses = tuple[float, float]


def half_width(vector_size: int) -> int:
    """The length of a vector, its bias and a flag, padded to full registers."""
    return -(-(vector_size + 2) // SIMD_WIDTH) * SIMD_WIDTH


def table(vectors: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """A table of rows as the kernel has them; the last column of both is the bias's."""
    n_words, vector_size = vectors.shape[0], vectors.shape[1] - 1
    half = half_width(vector_size)
    rows = np.zeros((n_words, 2 * half), np.float32)
    rows[:, half:] = 1
    for first, numbers in ((0, vectors), (half, squares)):
        rows[:, first : first + vector_size] = numbers[:, :-1]
        rows[:, first + half + BIAS] = numbers[:, -1]
    return rows


def tables(vector_size: int, seed: int = 1) -> Tables:
    """Words and contexts, as large as in the midst of training."""
    rng = np.random.default_rng(seed)
    shape = (N_WORDS, vector_size + 1)
    vectors = [rng.normal(0, 1 / math.sqrt(vector_size), shape) for _ in range(2)]
    squares = [1 + rng.random(shape) for _ in range(2)]
    return [table(*numbers) for numbers in zip(vectors, squares, strict=True)]


def pairs(n: int, seed: int = 2) -> Pairs:
    """Rows, columns, logarithms and weights; with N_WORDS words, pairs come often."""
    rng = np.random.default_rng(seed)
    rows, columns = (rng.integers(0, N_WORDS, n).astype(np.int32) for _ in range(2))
    numbers = rng.uniform(-2, 5, n), rng.random(n)
    return [rows, columns, *(each.astype(np.float32) for each in numbers)]


def fast(batch: Pairs, start: Tables, rate: float = RATE) -> tuple[Losses, Tables]:
    after = [each.copy() for each in start]
    return adagrad_update_pairs(*batch, *after, np.float32(rate)), after


def slow(batch: Pairs, start: Tables, rate: float = RATE) -> tuple[Losses, Tables]:
    after = [each.astype(np.float64) for each in start]
    exact = [*batch[:2], *(each.astype(np.float64) for each in batch[2:])]
    return reference.adagrad_update_pairs(*exact, *after, float(np.float32(rate))), after


def check_equal(
    found: tuple[Losses, Tables], expected: tuple[Losses, Tables], batch: Pairs, vector_size: int
) -> float:
    """Compare tables and losses, and return how far apart they may be.

    Single precision rounds each update, and an update builds on those before it.

    An update makes about vector_size + 10 roundings (the dot product, then ten operations), each of
    at most EPSILON / 2 of numbers of size 1; a row gets as many updates as its word has pairs.
    """
    rows, columns = batch[:2]
    updates = max(int(np.bincount(ids, minlength=1).max(initial=1)) for ids in (rows, columns))
    tolerance = max(1, updates) * (vector_size + 10) * EPSILON / 2
    assert tolerance < 1e-3
    for each, expected_table in zip(found[1], expected[1], strict=True):
        assert each.dtype == np.float32
        np.testing.assert_allclose(each, expected_table, rtol=tolerance, atol=tolerance)
    assert found[0] == pytest.approx(expected[0], rel=tolerance, abs=tolerance)
    return tolerance


@pytest.mark.parametrize("vector_size", SIZES)
@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_updates_equal_the_reference(vector_size: int, n: int) -> None:
    start, batch = tables(vector_size), pairs(n)
    found, expected = fast(batch, start), slow(batch, start)
    tolerance = check_equal(found, expected, batch, vector_size)
    step = max(
        np.abs(after - before).max() for after, before in zip(expected[1], start, strict=True)
    )
    assert step > 50 * tolerance


@settings(deadline=None)
@given(
    vector_size=st.integers(1, 40),
    n=st.integers(0, 60),
    seed=st.integers(0, 2**32 - 1),
    rate=st.floats(0.001, 0.1),
)
def test_any_numbers(vector_size: int, n: int, seed: int, rate: float) -> None:
    start, batch = tables(vector_size, seed), pairs(n, seed + 1)
    check_equal(fast(batch, start, rate), slow(batch, start, rate), batch, vector_size)


@pytest.mark.parametrize("vector_size", SIZES)
def test_no_pairs_change_nothing(vector_size: int) -> None:
    start = tables(vector_size)
    losses, after = fast(pairs(0), start)
    assert losses == (0, 0)
    for each, before in zip(after, start, strict=True):
        assert np.array_equal(each, before)


@pytest.mark.parametrize(("n", "n_groups"), [(0, 0), (1, 1), (8, 1), (9, 2), (100, 5), (103, 13)])
def test_shuffled_pairs_equal_the_reference(n: int, n_groups: int) -> None:
    rng = np.random.default_rng(3)
    batch = pairs(n)[:3]
    firsts = rng.permutation(np.arange(0, n, 8))[:n_groups]
    permutation = rng.permutation(8).astype(np.int32)
    found = [np.empty_like(each) for each in batch]
    n_found = shuffle_pairs(firsts, permutation, *batch, *found)
    for each, numbers in zip(found, batch, strict=True):
        expected = reference.shuffle_pairs(firsts, permutation, numbers)
        assert each[:n_found].tolist() == expected.tolist()


@pytest.mark.parametrize("n_words", [1, 2, 3, N_WORDS])
def test_a_score_is_that_after_the_updates_before_it(n_words: int) -> None:
    """Whether the pairs between two with the same row are none, one, two or more."""
    start, batch = tables(20), pairs(60)
    batch[:2] = [ids % n_words for ids in batch[:2]]
    check_equal(fast(batch, start), slow(batch, start), batch, 20)


@pytest.mark.parametrize("vector_size", SIZES)
def test_one_pair_again_and_again(vector_size: int) -> None:
    """Each update sees what the one before it left, and the loss falls."""
    start, n = tables(vector_size), 40
    numbers = (np.full(n, number, np.float32) for number in (3.5, 0.75))
    batch = [np.full(n, 2, np.int32), np.full(n, 2, np.int32), *numbers]
    check_equal(fast(batch, start), slow(batch, start), batch, vector_size)
    once = [each[:1] for each in batch]
    (first, _), _ = fast(once, start)
    (last, _), _ = fast(once, fast(batch, start)[1])
    assert last < first / 2


def test_words_without_pairs_keep_their_bytes() -> None:
    start = tables(7)
    ones = np.ones(2, np.float32)
    batch = [np.array([1, 3], np.int32), np.array([0, 4], np.int32), ones, ones]
    _, after = fast(batch, start)
    for each, before, rows in zip(after, start, ([1, 3], [0, 4]), strict=True):
        changed = (each != before).any(axis=1)
        assert np.flatnonzero(changed).tolist() == rows
        assert np.array_equal(np.delete(each, rows, 0), np.delete(before, rows, 0))


@pytest.mark.parametrize("vector_size", SIZES)
def test_padding_stays_zero(vector_size: int) -> None:
    _, after = fast(pairs(100), tables(vector_size))
    half = half_width(vector_size)
    for each in after:
        assert (each[:, vector_size : half + BIAS] == 0).all()
        assert (each[:, half + FROZEN] == 0).all()
        assert (each[:, half + vector_size : BIAS] == 1).all()
        assert (each[:, FROZEN] == 1).all()


@pytest.mark.parametrize("vector_size", SIZES)
def test_a_frozen_vector_keeps_its_bytes_and_its_bias_is_trained(vector_size: int) -> None:
    """Zeros and the smallest numbers of a frozen vector stay, too."""
    start, batch = tables(vector_size), pairs(200)
    half = half_width(vector_size)
    bias, squares = half + BIAS, slice(half, 2 * half + BIAS)
    for table, rows in zip(start, ([3], [1, 3]), strict=True):
        table[rows, 0] = (0, 1e-30)[: len(rows)]
        table[rows, half + FROZEN] = 1
    found = fast(batch, start)
    check_equal(found, slow(batch, start), batch, vector_size)
    for after, before, rows in zip(found[1], start, ([3], [1, 3]), strict=True):
        for kept in (slice(bias), squares):
            assert after[rows, kept].tobytes() == before[rows, kept].tobytes()
        assert (after[rows, bias] != before[rows, bias]).all()
        assert (after[0, :vector_size] != before[0, :vector_size]).all()


@pytest.mark.parametrize(("error", "clipped"), [(40, 80), (60, 100), (-60, -100)])
def test_a_component_of_a_gradient_is_clipped_as_by_the_authors_program(
    error: float, clipped: float
) -> None:
    """The gradient is twice the error; that of the bias, the error, is not clipped."""
    words, contexts = np.zeros((1, 2), np.float32), np.array([[2, 0]], np.float32)
    start = [table(each, np.ones((1, 2))) for each in (words, contexts)]
    zero = np.zeros(1, np.int32)
    batch = [zero, zero, np.array([-error], np.float32), np.ones(1, np.float32)]
    _, (after, _) = fast(batch, start, 0.1)
    assert after[0, 0] == pytest.approx(-0.1 * clipped, rel=1e-6)
    assert after[0, SIMD_WIDTH + BIAS] == pytest.approx(-error, rel=1e-6)


def test_an_update_by_hand() -> None:
    """Vector size 1, the word's row (2, 0.5), the context's (3, -1), ln x = 1.5, f(x) = 1/2.

    The difference is 2*3 + 0.5 - 1 - 1.5; sums of squares begin at 1, and at 4 for the word's
    vector.
    """
    error = 4 / 2
    words, contexts = (np.array([row], np.float32) for row in ([2, 0.5], [3, -1]))
    start = [table(words, np.array([[4, 1]])), table(contexts, np.array([[1, 1]]))]
    zero = np.zeros(1, np.int32)
    batch = [zero, zero, np.array([1.5], np.float32), np.array([0.5], np.float32)]
    losses, (words, contexts) = fast(batch, start, 0.1)
    vector, square = 0, SIMD_WIDTH
    bias, bias_square = SIMD_WIDTH + BIAS, 2 * SIMD_WIDTH + BIAS
    assert losses == pytest.approx((4 * error / 2, 1.5**2 / 4), rel=1e-6)
    assert words[0, vector] == pytest.approx(2 - 0.1 * error * 3 / 2, rel=1e-6)
    assert words[0, square] == pytest.approx(4 + (0.1 * error * 3) ** 2, rel=1e-6)
    assert contexts[0, vector] == pytest.approx(3 - 0.1 * error * 2, rel=1e-6)
    assert contexts[0, square] == pytest.approx(1 + (0.1 * error * 2) ** 2, rel=1e-6)
    for each, before in ((words, 0.5), (contexts, -1)):
        assert each[0, bias] == pytest.approx(before - error, rel=1e-6)
        assert each[0, bias_square] == pytest.approx(1 + error**2, rel=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("vector_size", [1, 8, 33])
def test_a_loss_that_is_not_finite_is_seen(value: float, vector_size: int) -> None:
    start = tables(vector_size)
    start[0][2, 0] = value
    start[1][2, :vector_size] = 1e30
    two, one = np.array([2], np.int32), np.ones(1, np.float32)
    (loss, _), _ = fast([two, two, one, one], start)
    assert not math.isfinite(loss)
