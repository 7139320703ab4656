"""The kernels that join the steps of lanes, each against its slow twin."""

import numpy as np
import pytest

from embedtool.kernels import reference
from embedtool.kernels.sgd.merging import (
    add_steps,
    halve,
    join_ways,
    steps_of,
    take_rows,
    turn_rows,
)

SIZES = [0, 1, 2, 7, 33]
WIDTHS = [1, 5, 16, 33]
LANES = [1, 2, 3, 8]


def floats(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return rng.standard_normal(shape).astype(np.float32)


def halves(rng: np.random.Generator, *shape: int) -> np.ndarray:
    return reference.bfloat16(floats(rng, *shape))


def parts(rng: np.random.Generator, n: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Steps and their scales, all of which float32 holds without rounding."""
    scales = (2.0 ** rng.integers(-20, 5, n)).astype(np.float32)
    return rng.integers(-127, 128, (n, width), np.int8), scales


def bends_of(rng: np.random.Generator, n_lanes: int, n: int) -> np.ndarray:
    """From next to nothing to far beyond 1, and some lanes that have not moved a row."""
    bends = 10 ** rng.uniform(-8, 5, (n_lanes, n))
    return np.where(rng.random((n_lanes, n)) < 0.3, 0, bends).astype(np.float32)


def shares(rng: np.random.Generator, width: int) -> np.ndarray:
    """Of directions in the trace: one has most of it, and one none."""
    speeds = rng.random(width) ** 8
    speeds[-1] = 0 if width > 1 else 1
    return (speeds / speeds.sum()).astype(np.float32)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_steps_are_added_to_their_places(n: int, width: int) -> None:
    rng = np.random.default_rng(n)
    (steps, scales), sums = parts(rng, n, width), floats(rng, n + 3, width)
    places = rng.permutation(n + 3)[:n].astype(np.int32)
    expected = sums.copy()
    add_steps(steps, scales, places, sums)
    reference.add_steps(steps, scales, places, expected)
    assert np.array_equal(sums, expected)


def test_steps_of_one_row_add_up() -> None:
    rng = np.random.default_rng(0)
    (steps, scales), sums = parts(rng, 40, 5), floats(rng, 3, 5)
    places = rng.integers(0, 3, 40).astype(np.int32)
    expected = sums.copy()
    add_steps(steps, scales, places, sums)
    reference.add_steps(steps, scales, places, expected)
    np.testing.assert_allclose(sums, expected, rtol=1e-5)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_rows_are_taken_to_their_places_and_given_back_as_steps(n: int, width: int) -> None:
    rng = np.random.default_rng(n)
    table, taken = halves(rng, 20, width), floats(rng, n + 3, width + 3)
    rows = rng.integers(0, 20, n).astype(np.int32)
    places = rng.permutation(n + 3)[:n].astype(np.int32)
    expected = taken.copy()
    take_rows(table, rows, places, taken)
    reference.take_rows(table, rows, places, expected)
    assert np.array_equal(taken, expected)
    before = taken[places, :width].copy()
    taken += floats(rng, *taken.shape) * 10 ** rng.uniform(-4, 4, (len(taken), 1))
    (steps, scales), (slow, slow_scales) = parts(rng, n, width), parts(rng, n, width)
    steps_of(table, rows, places, taken, steps, scales)
    reference.steps_of(table, rows, places, taken, slow, slow_scales)
    np.testing.assert_allclose(scales, slow_scales, rtol=1e-6)
    assert np.abs(steps.astype(int) - slow).max(initial=0) <= 1  # where two are as near
    assert (steps != slow).sum() <= 0.02 * steps.size
    given = np.zeros((n, width), np.float32)
    add_steps(steps, scales, np.arange(n, dtype=np.int32), given)
    away = np.abs(given - (taken[places, :width] - before))
    assert (away <= 0.5001 * scales[:, None]).all()


def test_rows_that_did_not_move_have_no_steps() -> None:
    table, rows = halves(np.random.default_rng(0), 7, 5), np.arange(7, dtype=np.int32)
    taken, (steps, scales) = floats(np.random.default_rng(1), 7, 5), parts(
        np.random.default_rng(2), 7, 5)  # fmt: skip
    take_rows(table, rows, rows, taken)
    steps_of(table, rows, rows, taken, steps, scales)
    assert not steps.any()
    assert not scales.any()


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_rows_are_halved(n: int, width: int) -> None:
    table = floats(np.random.default_rng(n), n, width)
    found = np.empty((n, width), np.uint16)
    halve(table, found)
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
    found, taken = np.empty((1, len(numbers)), np.uint16), np.empty((1, len(numbers)), np.float32)
    halve(np.ascontiguousarray(numbers[None]), found)
    row = np.zeros(1, np.int32)
    take_rows(found, row, row, taken)
    assert np.array_equal(taken[0], expected)


@pytest.mark.parametrize("odd", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_step_that_is_no_number_stays_none(odd: float) -> None:
    rows, taken = np.arange(3, dtype=np.int32), floats(np.random.default_rng(0), 3, 5)
    taken[1, 3] = odd
    steps, scales = np.empty((3, 5), np.int8), np.empty(3, np.float32)
    steps_of(np.zeros((3, 5), np.uint16), rows, rows, taken, steps, scales)
    sums = np.zeros((3, 5), np.float32)
    add_steps(steps, scales, rows, sums)
    assert np.isfinite(sums[[0, 2]]).all()
    assert not np.isfinite(sums[1]).any()


@pytest.mark.parametrize("n_lanes", LANES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("n", SIZES)
def test_ways_are_joined_as_the_twin_joins_them(n: int, width: int, n_lanes: int) -> None:
    rng = np.random.default_rng(n)
    sums, bends, speeds = floats(rng, n, width), bends_of(rng, n_lanes, n), shares(rng, width)
    expected = sums.copy()
    join_ways(sums, bends, speeds)
    reference.join_ways(expected, bends, speeds)
    np.testing.assert_allclose(sums, expected, rtol=1e-5)


@pytest.mark.parametrize("width", [*WIDTHS, 101, 102, 103])
@pytest.mark.parametrize("n", SIZES)
def test_rows_are_turned_as_the_twin_turns_them(n: int, width: int) -> None:
    rng = np.random.default_rng(n)
    rows, matrix = floats(rng, n, width), floats(rng, width, width)
    found, expected = np.empty_like(rows), np.empty_like(rows)
    turn_rows(rows, matrix, found)
    reference.turn_rows(rows, matrix, expected)
    np.testing.assert_allclose(found, expected, atol=1e-4 * width)


@pytest.mark.parametrize("width", [5, 16, 100, 300])
def test_what_becomes_of_a_row_does_not_depend_on_the_rows_beside_it(width: int) -> None:
    rng = np.random.default_rng(width)
    rows, matrix = floats(rng, 67, width), floats(rng, width, width)
    found, bends, speeds = np.empty_like(rows), bends_of(rng, 3, 67), shares(rng, width)
    turn_rows(rows, matrix, found)
    join_ways(found, bends, speeds)
    for chosen in ([3], [66, 0], range(1, 67, 2), range(0, 67, 5)):
        some = np.empty((len(chosen), width), np.float32)
        turn_rows(rows[chosen], matrix, some)
        join_ways(some, np.ascontiguousarray(bends[:, chosen]), speeds)
        assert np.array_equal(some, found[chosen])


def factors(bends: np.ndarray, speeds: np.ndarray) -> np.ndarray:
    """What a sum of 1 becomes."""
    sums = np.ones((bends.shape[1], len(speeds)), np.float32)
    join_ways(sums, bends.astype(np.float32), speeds.astype(np.float32))
    return sums


@pytest.mark.parametrize("n_lanes", LANES)
def test_short_ways_add_up_and_long_ones_are_averaged(n_lanes: int) -> None:
    rng = np.random.default_rng(n_lanes)
    bends, speeds = rng.uniform(0.5, 1, (n_lanes, 7)), rng.uniform(0.5, 1, 5)
    for short in (0, 1e-38, 1e-30, 1e-15, 1e-8):
        np.testing.assert_allclose(factors(short * bends, speeds), 1, atol=1e-6)
    for long in (1e4, 1e15, 1e30):
        np.testing.assert_allclose(factors(long * bends, speeds), 1 / n_lanes, rtol=1e-5)


@pytest.mark.parametrize("n_lanes", LANES)
def test_no_sum_grows_and_none_is_shorter_than_the_mean(n_lanes: int) -> None:
    rng = np.random.default_rng(n_lanes)
    found = factors(bends_of(rng, n_lanes, 300), shares(rng, 16))
    assert found.max() <= 1 + 1e-6
    assert found.min() >= (1 - 1e-6) / n_lanes
    if n_lanes > 1:
        assert found.min() < 0.6
        assert ((found > 0.7) & (found < 0.95)).any()


def test_one_lane_goes_its_way() -> None:
    rng = np.random.default_rng(0)
    sums = floats(rng, 300, 16)
    before = sums.copy()
    join_ways(sums, bends_of(rng, 1, 300), shares(rng, 16))
    np.testing.assert_allclose(sums, before, rtol=1e-6)


def test_lanes_that_have_not_moved_a_row_do_not_count() -> None:
    bends = np.zeros((8, 3))
    bends[2] = 1e-3, 1, 1e3
    np.testing.assert_allclose(factors(bends, np.full(5, 0.2)), 1, rtol=1e-6)


def test_along_a_direction_without_curvature_steps_add_up() -> None:
    found = factors(np.full((4, 3), 1e3), np.array([1.0, 0.0]))
    np.testing.assert_allclose(found, [[1 / 4, 1]] * 3, rtol=1e-5)
