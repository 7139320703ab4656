"""Which thread updates a row that several streams share."""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import HASH_MULTIPLIER

OWNER_BITS = 32
"""Bits of the product that choose the owner."""


@jit_inline
def owner(row: int, n_threads: int) -> int:
    """Return the thread that owns a row: a hash, so that each has its share of frequent rows.

    It is always the same, so the row's sums stay in the cache of one core.
    """
    bits = np.uint64(row) * np.uint64(HASH_MULTIPLIER) & np.uint64(0xFFFFFFFF)
    return int(bits * np.uint64(n_threads) >> np.uint64(OWNER_BITS))
