"""What lanes have learnt apart, put together.

In: the steps of all lanes for some rows, and the second moments that they met. Out: the rows after
them.

`kernels.joining` tells how far the rows go together. The Hessian for a row of one table is made of
outer products of rows of the other (`kernels.logistic`), so the directions in which the loss curves
most are about the same for all rows: those of the second moment of the other table's rows, each as
often as it is met.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from embedtool.kernels.sgd.merging import TINY, add_steps, halve, join_ways, turn_rows

BLAS = ThreadpoolController()
"""Held to one thread wherever lanes use it: the last bits of sums depend on how many there are."""
INPUT_FACTOR, OUTPUT_FACTOR = 10, 0.25
"""The bends are those of pairs met one by one. Loss curves more in what is met together: that many
times as much for inputs, and for outputs that many times for each other lane. Measured on 16
million tokens, see docs/scale.md."""
JOINED_AT_ONCE = 2**11
"""Rows that are joined at once, so that they stay in the cache."""

Moments = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Second moments, (vector_size, vector_size): of hidden vectors, and of outputs that they meet."""
Shard = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Every n-th row of the inputs, and of the outputs."""
Copy = tuple[NDArray[np.uint16], NDArray[np.uint16]]
"""The same as lanes are given it, bfloat16."""


@dataclass(frozen=True, eq=False)
class Steps:
    """What lanes have made of some rows of a table.

    rows   : int32 (n,), rising
    steps  : int8 (n, vector_size), in parts of `scales`, as `kernels.joining` has them
    scales : float32 (n,)
    bends  : float32 (n,), likewise
    """

    rows: NDArray[np.int32]
    steps: NDArray[np.int8]
    scales: NDArray[np.float32]
    bends: NDArray[np.float32]

    def between(self, first: int, last: int) -> "Steps":
        """Those of the rows from one number to before another, counted from the first."""
        part = slice(*np.searchsorted(self.rows, (first, last)))
        return Steps(
            self.rows[part] - np.int32(first), self.steps[part], self.scales[part], self.bends[part]
        )


def directions(moments: Sequence[Moments]) -> tuple[tuple[NDArray[np.float32], ...], ...]:
    """For the inputs and for the outputs, the directions of the loss and how much it curves there.

    moments : of each lane
    Returns for each float32 (vector_size, vector_size), a direction a column, and (vector_size,),
    what a bend is to be multiplied by: the direction's share in the trace, and the table's factor.
    """
    found = []
    factors = INPUT_FACTOR, OUTPUT_FACTOR * (len(moments) - 1)
    with BLAS.limit(limits=1):
        for table, factor in zip((1, 0), factors, strict=True):
            shares, vectors = np.linalg.eigh(sum(each[table] for each in moments))
            shares = np.maximum(shares, 0)
            shares *= factor / max(shares.sum(), TINY)
            found.append((vectors, shares))
    return tuple(found)


def join(
    shard: NDArray[np.float32],
    lanes: Sequence[Steps],
    directions: NDArray[np.float32],
    speeds: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Every n-th row of a table after the steps of all lanes, given them in order.

    A row that one lane alone has moved goes as far as there.
    """
    joined = np.empty_like(shard)
    for first in range(0, len(shard), JOINED_AT_ONCE):
        before = shard[first : first + JOINED_AT_ONCE]
        sums = np.zeros_like(before)
        bends = np.zeros((len(lanes), len(before)), np.float32)
        n_lanes = np.zeros(len(before), np.int32)
        for number, lane in enumerate(lanes):
            part = lane.between(first, first + len(before))
            add_steps(part.steps, part.scales, part.rows, sums)
            bends[number, part.rows] = part.bends
            n_lanes[part.rows] += 1
        shared = np.flatnonzero(n_lanes > 1)
        sums[shared] = shortened(sums[shared], bends[:, shared], directions, speeds)
        np.add(before, sums, out=joined[first : first + len(before)])
    return joined


def halved(shard: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Rows as lanes are given them, bfloat16."""
    halves = np.empty(shard.shape, np.uint16)
    halve(shard, halves)
    return halves


def shortened(
    sums: NDArray[np.float32],
    bends: NDArray[np.float32],
    directions: NDArray[np.float32],
    speeds: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Sums of steps, (n, vector_size), shortened by the way that all lanes went.

    bends : float32 (n_lanes, n)
    """
    along, back = np.empty_like(sums), np.empty_like(sums)
    turn_rows(sums, np.ascontiguousarray(directions), along)
    join_ways(along, np.ascontiguousarray(bends), speeds)
    turn_rows(along, np.ascontiguousarray(directions.T), back)
    return back
