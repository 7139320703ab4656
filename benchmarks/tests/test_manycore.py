"""What the model of many cores makes of what was measured."""

import numpy as np
import pytest

from benchmarks.manycore import Costs, balance, largest_of, lines_moved
from benchmarks.supersteps import STAMP, Superstep, median_superstep
from embedtool.kernels.sgd.arrays import MINIBATCH_TOKENS

COSTS = Costs(
    streams=64, supersteps_per_chunk=100, alone=1000, beside=1100,
    together=Superstep(work=1210, waiting=10, barriers=3), crowded=1630, barrier=1, start=5,
)  # fmt: skip


def test_a_superstep_of_one_thread_takes_what_was_measured() -> None:
    for worst in (False, True):
        parts = COSTS.parts(1, 1.0, worst=worst)
        assert sum(parts.values()) == pytest.approx(COSTS.alone + COSTS.start / 100)


def test_two_threads_take_half_of_their_work_and_their_waiting() -> None:
    parts = COSTS.parts(2, 1.0)
    # moved is what the work of two exceeds that of one by, with contention and what they repeat
    work = parts["work"] + parts["repeated"] + parts["moved"]
    assert work == pytest.approx(COSTS.together.work / 2)
    assert parts["waiting"] == pytest.approx(COSTS.together.waiting)


def test_contention_in_proportion_to_the_cores_is_worse() -> None:
    for n_threads in (4, 16, 64):
        good, worst = (
            sum(COSTS.parts(n_threads, 1.0, worst=each).values()) for each in (False, True)
        )
        assert COSTS.alone / n_threads < good < worst


def test_streams_of_unequal_length_leave_threads_without_work() -> None:
    equal = [np.full(8, 3 * MINIBATCH_TOKENS)]
    assert balance(equal, 1) == balance(equal, 4) == balance(equal, 8) == 1
    lengths = np.array([2, 1, 1, 1]) * MINIBATCH_TOKENS
    assert balance([lengths], 1) == 1
    assert balance([lengths], 4) == pytest.approx(2 * 4 / 5)


def test_more_threads_wait_longer_for_the_last() -> None:
    assert largest_of(1) == 0
    assert largest_of(2) == pytest.approx(0.564, abs=0.03)
    assert largest_of(64) == pytest.approx(2.34, abs=0.05)
    assert [lines_moved(n) for n in (1, 2, 8, 9, 64)] == [0, 4, 10, 11, 17]


def test_work_is_processor_time_between_barriers_and_waiting_is_time_in_them() -> None:
    n_barriers, cpu, wall = 1 + 2 * 3, 0, 10**9
    stamps = np.zeros((n_barriers + 5, 2, STAMP), np.int64)
    for k in range(n_barriers):
        for thread in range(2):
            before = (cpu + 7_000 * k, wall + 9_000 * k)
            after = (before[0] + 1_000, before[1] + 3_000 + 2_000 * thread)
            stamps[k, thread] = np.stack(
                [(0, before[0]), (1, before[1]), (0, after[0]), (1, after[1])]
            ).reshape(-1)
    found = median_superstep([stamps], [3])
    assert found.barriers == 2
    assert found.work == pytest.approx(2 * 2 * 6)  # barriers, threads, microseconds
    assert found.waiting == pytest.approx(2 * (3 + 5) / 2)
