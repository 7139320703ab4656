"""How far rows go that several lanes have moved, each without a look at the others.

In: the steps that lanes have made of a row, and their bends. Out: the way that the row goes.

What has to be sent is rounded. Rows go out as bfloat16, the upper half of each float32, in arrays
of uint16; a lane's steps come back as int8, in parts of the largest of their row. The rows
themselves are float32 and take whatever is added to them.
"""

import numpy as np

from embedtool.kernels.jit import exact, jit
from embedtool.kernels.sgd.arrays import Floats, Halves, Ints, Parts
from embedtool.kernels.simd.prefetch import fetch_row

TINY = np.float32(1e-30)
"""Added to both sides of a division of shares that may both be 0."""
LARGEST = np.float32(127)
"""What the largest of a row's steps is as int8."""
AHEAD = 4
"""Rows that are asked for before they are needed: those of a lane have gaps between them."""
ROUNDED = np.float32(1.5 * 2**23)
"""Added to a float32 below 2**22, it leaves its nearest whole number in the lowest bits."""


@jit
def halve(table: Floats, halves: Halves) -> None:
    """Round rows to bfloat16, to the nearest, of two to the even one.

    halves : bfloat16 (n, width), written
    """
    bits = table.view(np.uint32)
    for i in range(len(bits)):
        row, half = bits[i], halves[i]
        for d in range(len(row)):
            odd = (row[d] >> np.uint32(16)) & np.uint32(1)
            half[d] = np.uint32(row[d] + np.uint32(0x7FFF) + odd) >> np.uint32(16)


@jit
def take_rows(halves: Halves, rows: Ints, places: Ints, taken: Floats) -> None:
    """Copy rows of a table to places in another, which may be wider.

    halves       : bfloat16 (n_rows, width)
    rows, places : int32 (n,), where each is, and where it goes
    """
    bits = taken.view(np.uint32)
    for i in range(len(rows)):
        half, row = halves[rows[i]], bits[places[i]]
        for d in range(len(half)):
            row[d] = np.uint32(half[d]) << np.uint32(16)


@jit
def steps_of(
    halves: Halves, rows: Ints, places: Ints, taken: Floats, steps: Parts, scales: Floats
) -> None:
    """What rows that `take_rows` copied have become since, less what they were.

    steps  : int8 (n, width), written: the nearest parts of scales
    scales : float32 (n,), written: the largest of a row's steps, through 127; not finite where
        a step is not
    """
    bits = np.empty(halves.shape[1], np.uint32)
    step, largests = bits.view(np.float32), scales.view(np.uint32)
    for i in range(len(rows)):
        if i + AHEAD < len(rows):
            fetch_row(halves, rows[i + AHEAD])
            fetch_row(taken, places[i + AHEAD])
        half, after, part = halves[rows[i]], taken[places[i]], steps[i]
        for d in range(len(step)):
            bits[d] = np.uint32(half[d]) << np.uint32(16)
        for d in range(len(step)):
            step[d] = after[d] - step[d]
        largest = np.uint32(0)
        for d in range(len(step)):  # as whole numbers they are in the same order, NaN above all
            largest = max(largest, bits[d] & np.uint32(0x7FFFFFFF))
        largests[i] = largest
        fraction = LARGEST / max(scales[i], TINY)
        scales[i] /= LARGEST
        for d in range(len(step)):
            step[d] = step[d] * fraction + ROUNDED
        for d in range(len(step)):
            part[d] = np.int8(bits[d] & np.uint32(0xFF))


@exact
def add_steps(steps: Parts, scales: Floats, places: Ints, sums: Floats) -> None:
    """Add the steps of a lane to the sums of all lanes.

    steps  : int8 (n, width), parts of scales, float32 (n,)
    places : int32 (n,), the row of `sums` of each
    sums   : float32 (n_rows, width), changed in place
    """
    for i in range(len(places)):
        part, scale, row = steps[i], scales[i], sums[places[i]]
        for d in range(len(part)):
            row[d] += np.float32(part[d]) * scale


@exact
def turn_rows(rows: Floats, matrix: Floats, turned: Floats) -> None:
    """The product of rows with a square matrix.

    rows   : float32 (n, width); matrix : float32 (width, width)
    turned : float32 (n, width), written
    """
    width = len(matrix)
    for i in range(len(rows)):
        row, sums = rows[i], turned[i]
        sums[:] = 0
        for k in range(0, width - width % 4, 4):  # four at a time: sums are read and written less
            a, b, c, d = row[k], row[k + 1], row[k + 2], row[k + 3]
            first, second, third, fourth = matrix[k], matrix[k + 1], matrix[k + 2], matrix[k + 3]
            for j in range(width):
                sums[j] += (a * first[j] + b * second[j]) + (c * third[j] + d * fourth[j])
        for k in range(width - width % 4, width):
            for j in range(width):
                sums[j] += row[k] * matrix[k, j]


@exact
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
    speeds : float32 (width,), what bends are multiplied by along each direction: its share in the
        trace, and more where loss curves more than the bends tell
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


@exact
def _share(bend: np.float32) -> np.float32:
    """1 - (1 + b/4)^-4, without a difference of two numbers that are nearly the same."""
    part = bend * np.float32(0.25)
    rest = np.float32(1) / (np.float32(1) + part)
    return part * rest * (np.float32(1) + rest) * (np.float32(1) + rest * rest)
