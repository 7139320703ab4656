"""Which thread updates a row that several streams share, and its list of their deltas."""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import HASH_MULTIPLIER, Ints, Longs
from embedtool.kernels.sgd.scratch import MergeScratch

OWNER_BITS = 32
"""Bits of the product that choose the owner."""


@jit_inline
def owner(row: int, n_threads: int) -> int:
    """Return the thread that owns a row: a hash, so that each has its share of frequent rows.

    It is always the same, so the row's sums stay in the cache of one core.
    """
    bits = np.uint64(row) * np.uint64(HASH_MULTIPLIER) & np.uint64(0xFFFFFFFF)
    return int(bits * np.uint64(n_threads) >> np.uint64(OWNER_BITS))


@jit_inline
def list_owned(
    thread: int,
    n_threads: int,
    first_stream: int,
    stop_stream: int,
    n_shared: Longs,
    rows: Ints,
    slots: Ints,
    merge: MergeScratch,
) -> int:
    """List those of some streams' shared rows that a thread owns, with their slots.

    Parameters
    ----------
    thread
        Index of the thread.
    n_threads
        Threads that share the rows.
    first_stream, stop_stream
        The streams [first_stream, stop_stream).
    n_shared, rows, slots
        The shared rows of each stream, as in `RowCache`.
    merge
        The lists are written.

    Returns
    -------
        Their number.
    """
    n = 0
    for stream in range(first_stream, stop_stream):
        for k in range(n_shared[stream]):
            merge.delta_rows[n], merge.delta_slots[n] = rows[stream, k], slots[stream, k]
            n += int(owner(rows[stream, k], n_threads) == thread)
    return n
