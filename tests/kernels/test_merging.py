"""The kernels that merge the deltas of replicas, each against its slow reference."""

import numpy as np
import pytest

from embedtool.kernels import reference
from embedtool.kernels.sgd.merging import (
    accumulate_deltas,
    damp_deltas,
    gather_bf16,
    quantize_deltas,
    rotate_rows,
    to_bfloat16,
)

SIZES = [0, 1, 2, 7, 33]
WIDTHS = [1, 5, 16, 33]
N_REPLICAS = [1, 2, 3, 8]


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def bf16(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return reference.bfloat16(floats(rng, *shape))


def quantized(rng: np.random.Generator, n: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Deltas and their scales, all of which float32 holds without rounding."""
    scales = (2.0 ** rng.integers(-20, 5, n)).astype(np.float32)
    return rng.integers(-127, 128, (n, width), np.int8), scales


def curvatures(rng: np.random.Generator, n_replicas: int, n: int) -> np.ndarray:
    """From next to nothing to far beyond 1, and some replicas that have not moved a row."""
    curvature = 10 ** rng.uniform(-8, 5, (n_replicas, n))
    return np.where(rng.random((n_replicas, n)) < 0.3, 0, curvature).astype(np.float32)


def direction_weights(rng: np.random.Generator, width: int) -> np.ndarray:
    """Of directions in the trace: one has most of it, and one none."""
    weights = rng.random(width) ** 8
    weights[-1] = 0 if width > 1 else 1
    return (weights / weights.sum()).astype(np.float32)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_deltas_are_added_to_their_rows(n: int, width: int) -> None:
    rng = np.random.default_rng(n)
    (deltas, scales), sums = quantized(rng, n, width), floats(rng, n + 3, width)
    slots = rng.permutation(n + 3)[:n].astype(np.int32)
    expected = sums.copy()
    accumulate_deltas(deltas, scales, slots, sums)
    reference.accumulate_deltas(deltas, scales, slots, expected)
    assert np.array_equal(sums, expected)


def test_deltas_of_one_row_add_up() -> None:
    rng = np.random.default_rng(0)
    (deltas, scales), sums = quantized(rng, 40, 5), floats(rng, 3, 5)
    slots = rng.integers(0, 3, 40).astype(np.int32)
    expected = sums.copy()
    accumulate_deltas(deltas, scales, slots, sums)
    reference.accumulate_deltas(deltas, scales, slots, expected)
    np.testing.assert_allclose(sums, expected, rtol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_rows_are_gathered_into_their_slots_and_sent_back_as_deltas(n: int, width: int) -> None:
    rng = np.random.default_rng(n)
    table, gathered = bf16(rng, 20, width), floats(rng, n + 3, width + 3)
    rows = rng.integers(0, 20, n).astype(np.int32)
    slots = rng.permutation(n + 3)[:n].astype(np.int32)
    expected = gathered.copy()
    gather_bf16(table, rows, slots, gathered)
    reference.gather_bf16(table, rows, slots, expected)
    assert np.array_equal(gathered, expected)
    before = gathered[slots, :width].copy()
    gathered += floats(rng, *gathered.shape) * 10 ** rng.uniform(-4, 4, (len(gathered), 1))
    (deltas, scales), (slow, slow_scales) = quantized(rng, n, width), quantized(rng, n, width)
    quantize_deltas(table, rows, slots, gathered, deltas, scales)
    reference.quantize_deltas(table, rows, slots, gathered, slow, slow_scales)
    np.testing.assert_allclose(scales, slow_scales, rtol=1e-6)
    assert np.abs(deltas.astype(int) - slow).max(initial=0) <= 1  # where two are as near
    assert (deltas != slow).sum() <= 0.02 * deltas.size
    given = np.zeros((n, width), np.float32)
    accumulate_deltas(deltas, scales, np.arange(n, dtype=np.int32), given)
    away = np.abs(given - (gathered[slots, :width] - before))
    assert (away <= 0.5001 * scales[:, None]).all()


def test_rows_that_did_not_change_have_no_deltas() -> None:
    table, rows = bf16(np.random.default_rng(0), 7, 5), np.arange(7, dtype=np.int32)
    gathered, (deltas, scales) = floats(np.random.default_rng(1), 7, 5), quantized(
        np.random.default_rng(2), 7, 5)  # fmt: skip
    gather_bf16(table, rows, rows, gathered)
    quantize_deltas(table, rows, rows, gathered, deltas, scales)
    assert not deltas.any()
    assert not scales.any()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_rows_are_rounded_to_bfloat16(n: int, width: int) -> None:
    table = floats(np.random.default_rng(n), n, width)
    found = np.empty((n, width), np.uint16)
    to_bfloat16(table, found)
    assert np.array_equal(found, reference.bfloat16(table))
    assert np.abs(reference.float32(found) / table - 1).max(initial=0) < 2**-8


EXACT = [0.0, -0.0, 1.0, -2.5, 2.0**127, 2.0**-126, 2.0**-133, np.inf, -np.inf]
ROUNDED = [
    (1 + 2**-8, 1.0), (1 + 3 * 2**-8, 1 + 2**-6), (1 + 2**-8 + 2**-20, 1 + 2**-7),
    (-1 - 3 * 2**-9, -1 - 2**-7), (3.4e38, np.inf),
]  # fmt: skip
"""Numbers, and the nearest that bfloat16 has; of two as near the even one."""


def test_rows_are_rounded_to_the_nearest() -> None:
    numbers, expected = np.array([*((x, x) for x in EXACT), *ROUNDED], np.float32).T
    found, gathered = (
        np.empty((1, len(numbers)), np.uint16),
        np.empty((1, len(numbers)), np.float32),
    )
    to_bfloat16(np.ascontiguousarray(numbers[None]), found)
    row = np.zeros(1, np.int32)
    gather_bf16(found, row, row, gathered)
    assert np.array_equal(gathered[0], expected)


@pytest.mark.parametrize("odd", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_delta_that_is_not_finite_stays_so(odd: float) -> None:
    rows, gathered = np.arange(3, dtype=np.int32), floats(np.random.default_rng(0), 3, 5)
    gathered[1, 3] = odd
    deltas, scales = np.empty((3, 5), np.int8), np.empty(3, np.float32)
    quantize_deltas(np.zeros((3, 5), np.uint16), rows, rows, gathered, deltas, scales)
    sums = np.zeros((3, 5), np.float32)
    accumulate_deltas(deltas, scales, rows, sums)
    assert np.isfinite(sums[[0, 2]]).all()
    assert not np.isfinite(sums[1]).any()


@pytest.mark.parametrize("n_replicas", N_REPLICAS)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_deltas_are_damped_as_the_reference_damps_them(n: int, width: int, n_replicas: int) -> None:
    rng = np.random.default_rng(n)
    sums, curvature, weights = (
        floats(rng, n, width),
        curvatures(rng, n_replicas, n),
        direction_weights(rng, width),
    )
    expected = sums.copy()
    damp_deltas(sums, curvature, weights)
    reference.damp_deltas(expected, curvature, weights)
    np.testing.assert_allclose(sums, expected, rtol=1e-5)


@pytest.mark.parametrize("width", [*WIDTHS, 101, 102, 103])
@pytest.mark.parametrize("n", SIZES)
def test_rows_are_rotated_as_the_reference_rotates_them(n: int, width: int) -> None:
    rng = np.random.default_rng(n)
    rows, matrix = floats(rng, n, width), floats(rng, width, width)
    found, expected = np.empty_like(rows), np.empty_like(rows)
    rotate_rows(rows, matrix, found)
    reference.rotate_rows(rows, matrix, expected)
    np.testing.assert_allclose(found, expected, atol=1e-4 * width)


@pytest.mark.parametrize("width", [5, 16, 100, 300])
def test_what_becomes_of_a_row_does_not_depend_on_the_rows_beside_it(width: int) -> None:
    rng = np.random.default_rng(width)
    rows, matrix = floats(rng, 67, width), floats(rng, width, width)
    found, curvature, weights = (
        np.empty_like(rows),
        curvatures(rng, 3, 67),
        direction_weights(rng, width),
    )
    rotate_rows(rows, matrix, found)
    damp_deltas(found, curvature, weights)
    for chosen in ([3], [66, 0], range(1, 67, 2), range(0, 67, 5)):
        some = np.empty((len(chosen), width), np.float32)
        rotate_rows(rows[chosen], matrix, some)
        damp_deltas(some, np.ascontiguousarray(curvature[:, chosen]), weights)
        assert np.array_equal(some, found[chosen])


def factors(curvature: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """What a sum of 1 becomes."""
    sums = np.ones((curvature.shape[1], len(weights)), np.float32)
    damp_deltas(sums, curvature.astype(np.float32), weights.astype(np.float32))
    return sums


@pytest.mark.parametrize("n_replicas", N_REPLICAS)
def test_small_curvature_adds_up_and_large_curvature_averages(n_replicas: int) -> None:
    rng = np.random.default_rng(n_replicas)
    curvature, weights = rng.uniform(0.5, 1, (n_replicas, 7)), rng.uniform(0.5, 1, 5)
    for short in (0, 1e-38, 1e-30, 1e-15, 1e-8):
        np.testing.assert_allclose(factors(short * curvature, weights), 1, atol=1e-6)
    for long in (1e4, 1e15, 1e30):
        np.testing.assert_allclose(factors(long * curvature, weights), 1 / n_replicas, rtol=1e-5)


@pytest.mark.parametrize("n_replicas", N_REPLICAS)
def test_no_sum_grows_and_none_is_shorter_than_the_mean(n_replicas: int) -> None:
    rng = np.random.default_rng(n_replicas)
    found = factors(curvatures(rng, n_replicas, 300), direction_weights(rng, 16))
    assert found.max() <= 1 + 1e-6
    assert found.min() >= (1 - 1e-6) / n_replicas
    if n_replicas > 1:
        assert found.min() < 0.6
        assert ((found > 0.7) & (found < 0.95)).any()


def test_one_replica_is_not_damped() -> None:
    rng = np.random.default_rng(0)
    sums = floats(rng, 300, 16)
    before = sums.copy()
    damp_deltas(sums, curvatures(rng, 1, 300), direction_weights(rng, 16))
    np.testing.assert_allclose(sums, before, rtol=1e-6)


def test_replicas_that_have_not_changed_a_row_do_not_count() -> None:
    curvature = np.zeros((8, 3))
    curvature[2] = 1e-3, 1, 1e3
    np.testing.assert_allclose(factors(curvature, np.full(5, 0.2)), 1, rtol=1e-6)


def test_along_a_direction_without_curvature_deltas_add_up() -> None:
    found = factors(np.full((4, 3), 1e3), np.array([1.0, 0.0]))
    np.testing.assert_allclose(found, [[1 / 4, 1]] * 3, rtol=1e-5)
