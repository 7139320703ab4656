"""How far rows go that several lanes have moved, each without a look at the others.

In: the steps that lanes have made of a row, and their bends. Out: the way that the row goes.

Steps are kept as bfloat16, that is the upper half of each float32, in arrays of uint16: they are
what has to be sent, and half a hundredth of a step is nothing beside what chance makes of it.
"""

import numpy as np

from embedtool.kernels.jit import jit
from embedtool.kernels.layout import Floats, Halves, Ints

TINY = np.float32(1e-30)
"""Added to both sides of a division of shares that may both be 0."""


@jit
def take_rows(table: Floats, rows: Ints, places: Ints, taken: Floats) -> None:
    """Copy rows of a table to places in another, which may be wider.

    rows, places : int32 (n,), where each is, and where it goes
    """
    for i in range(len(rows)):
        row, copy = table[rows[i]], taken[places[i]]
        for d in range(len(row)):
            copy[d] = row[d]


@jit
def steps_of(table: Floats, rows: Ints, places: Ints, taken: Floats, steps: Halves) -> None:
    """What rows that `take_rows` copied have become since, less what they were.

    steps : bfloat16 (n, width), written; rounded to the nearest, of two to the even one
    """
    step = np.empty(table.shape[1], np.float32)
    bits = step.view(np.uint32)
    for i in range(len(rows)):
        before, after, half = table[rows[i]], taken[places[i]], steps[i]
        for d in range(len(step)):
            step[d] = after[d] - before[d]
        for d in range(len(step)):
            odd = (bits[d] >> np.uint32(16)) & np.uint32(1)
            half[d] = np.uint32(bits[d] + np.uint32(0x7FFF) + odd) >> np.uint32(16)


@jit
def add_steps(steps: Halves, places: Ints, sums: Floats) -> None:
    """Add the steps of a lane to the sums of all lanes.

    steps  : bfloat16 (n, width)
    places : int32 (n,), the row of `sums` of each; below 0, it is left out
    sums   : float32 (n_rows, width), changed in place
    """
    bits = np.empty(steps.shape[1], np.uint32)
    step = bits.view(np.float32)
    for i in range(len(places)):
        if places[i] < 0:
            continue
        half, row = steps[i], sums[places[i]]
        for d in range(len(step)):
            bits[d] = np.uint32(half[d]) << np.uint32(16)
        for d in range(len(step)):
            row[d] += step[d]


@jit
def join_ways(sums: Floats, bends: Floats, speeds: Floats) -> None:
    """Shorten the sums of the steps of several lanes by the way that all of them went.

    A lane that makes small steps down a loss of curvature h goes the share 1 - e^-b of the way to
    the bottom, b being the rate times h, summed over its steps. Had the lanes gone one after the
    other, the share would be 1 - e^-B, with the sum B of all b; each on its own they go
    the sum of the shares, which is more. So their sum is multiplied by

        s(B) / sum of s(b),   s(b) = 1 - (1 + b/4)^-4,

    which is close to 1 - e^-b: 1 where all b are small, and the mean of the lanes where all
    are large. It differs by direction: h is the trace of the Hessian times the
    share of the direction, an eigenvector of it.

    sums   : float32 (n, width), the sums of steps, along the directions; changed in place
    bends  : float32 (n_lanes, n), the rate times the trace of the Hessian, summed over the steps
    speeds : float32 (width,), the share of each direction in the trace
    """
    apart = np.empty(len(speeds), np.float32)
    for i in range(len(sums)):
        total = np.float32(0)
        apart[:] = TINY
        for lane in range(len(bends)):
            bend = bends[lane, i]
            total += bend
            for d in range(len(speeds)):
                apart[d] += _share(bend * speeds[d])
        for d in range(len(speeds)):
            sums[i, d] *= (_share(total * speeds[d]) + TINY) / apart[d]


@jit
def _share(bend: np.float32) -> np.float32:
    """1 - (1 + b/4)^-4, without a difference of two numbers that are nearly the same."""
    part = bend * np.float32(0.25)
    rest = np.float32(1) / (np.float32(1) + part)
    return part * rest * (np.float32(1) + rest) * (np.float32(1) + rest * rest)
