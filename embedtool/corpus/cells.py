"""Blocks of a vocabulary, cells of pairs of its words, and the key by which pairs are sorted."""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

ID = np.dtype("<i4")
PAIRS_PER_CELL = 2**19
"""Minimum co-occurrences per cell; below it Python overhead per cell is noticeable."""
MIN_BLOCKS, MAX_BLOCKS = 8, 64
"""Number of blocks per worker. Workers share no block, so with few blocks some are idle; with many,
a cached row serves few pairs before the next cell."""
HEAPS_EXPONENT = 0.7
"""A word of count n has about n**0.7 distinct neighbours (Heaps' law). The exponent is measured on
Wikipedia, where blocks of equal sums of it have equal numbers of pairs within 25%."""
MORTON_STEPS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
"""Shifts and masks that spread the bits of a 32-bit integer over 64 bits (Warren, Hacker's Delight,
section 7-2)."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """Blocks of a vocabulary: a cell has the pairs of one block of rows and one of columns.

    Within a cell pairs follow Morton's curve: the bits of row and column alternate in the key, so
    that neighbouring pairs use few rows and few columns. Cached rows then serve the next pairs too,
    for any cache size.

    Attributes
    ----------
    starts : ndarray of int64, shape (n_blocks + 1,)
        Start of each block, then the number of words.
    """

    starts: NDArray[np.int64]

    @classmethod
    def balanced(cls, counts: ArrayLike, n_pairs: int) -> Self:
        """Return blocks of about equally many pairs each.

        Parameters
        ----------
        counts : array_like, shape (n_words,)
        n_pairs : int
            Number of co-occurrences; more of them give more blocks. The number of blocks is a power
            of two, unless there are hardly any words.
        """
        n = math.isqrt(n_pairs // PAIRS_PER_CELL)
        n = min(max(n, MIN_BLOCKS), MAX_BLOCKS)
        n = 1 << n.bit_length() - 1
        ends = np.cumsum(np.asarray(counts, dtype=np.float64) ** HEAPS_EXPONENT)
        starts = np.searchsorted(ends, ends[-1] * np.arange(n) / n)
        return cls(np.unique(np.append(starts, len(ends))))

    @classmethod
    def single(cls, n_words: int) -> Self:
        """Return one block of all words, so that all pairs are in one cell and in random order."""
        return cls(np.array([0, n_words]))

    @property
    def n_blocks(self) -> int:
        return len(self.starts) - 1

    @property
    def bits(self) -> int:
        """Bits of the index of a word in its block."""
        return int(np.diff(self.starts).max() - 1).bit_length()

    @property
    def key_bits(self) -> int:
        """Bits of a key: those of the cell, and of the indices of row and column in it."""
        return int(self.n_blocks**2 - 1).bit_length() + 2 * self.bits

    def codes(self) -> NDArray[np.uint64]:
        """Return the part of the key for each word as row and as column: uint64 (n_words, 2)."""
        sizes = np.diff(self.starts)
        block = np.repeat(np.arange(self.n_blocks), sizes).astype(np.uint64)
        index = np.arange(self.starts[-1]) - np.repeat(self.starts[:-1], sizes)
        spread = index.astype(np.uint64)
        for shift, mask in MORTON_STEPS:
            spread = (spread | spread << np.uint64(shift)) & np.uint64(mask)
        cell_shift = np.uint64(2 * self.bits)
        rows = block * np.uint64(self.n_blocks) << cell_shift | spread << np.uint64(1)
        return np.stack((rows, block << cell_shift | spread), axis=1)

    def cell_keys(self) -> NDArray[np.uint64]:
        """Return the lowest key of each cell, and an upper bound: uint64 (n_blocks**2 + 1,)."""
        cells = np.arange(self.n_blocks**2 + 1, dtype=np.uint64)
        return cells << np.uint64(2 * self.bits)

    def pairs(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return the rows and columns of keys."""
        cells = (keys >> np.uint64(2 * self.bits)).astype(np.int64)
        row_blocks, column_blocks = np.divmod(cells, self.n_blocks)
        indices = keys & np.uint64((1 << 2 * self.bits) - 1)
        rows = self.starts[row_blocks] + _deinterleaved(indices >> np.uint64(1))
        columns = self.starts[column_blocks] + _deinterleaved(indices)
        return rows.astype(ID), columns.astype(ID)


def _deinterleaved(numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Return every second bit of integers, from the lowest on, side by side."""
    result = numbers & np.uint64(MORTON_STEPS[-1][1])
    shifts = [shift for shift, _ in reversed(MORTON_STEPS)]
    masks = [mask for _, mask in reversed(MORTON_STEPS[:-1])] + [2**32 - 1]
    for shift, mask in zip(shifts, masks, strict=True):
        result = (result | result >> np.uint64(shift)) & np.uint64(mask)
    return result.astype(np.int64)
