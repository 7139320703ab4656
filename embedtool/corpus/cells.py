"""A vocabulary cut into blocks, and the pairs of its words into cells and keys.

In: how often words occur. Out: a number for each pair, by which pairs are sorted; and back.
"""

import math
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

ID = np.dtype("<i4")
PAIRS_PER_CELL = 2**19
"""With so many meetings of words to a cell, or more, what Python does for it does not matter."""
MIN_BLOCKS, MAX_BLOCKS = 8, 64
"""Workers share no block, so that few blocks leave some without work; but with many, a row that is
loaded serves few pairs before the next cell."""
HEAPS_EXPONENT = 0.7
"""A word met n times has about n**0.7 different neighbours (Heaps' law; the exponent is measured on
Wikipedia, where blocks of equal sums of it have equal numbers of pairs within a quarter)."""
MORTON_STEPS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
"""Shifts and masks that pull the bits of a 32-bit number apart (Warren, Hacker's Delight, section
7-2)."""


@dataclass(frozen=True, eq=False)
class Blocks:
    """How a vocabulary is cut into blocks of words, and pairs into cells.

    starts : int64 (n_blocks + 1,), where each block begins, and n_words

    Within a cell pairs follow Morton's curve: the bits of row and column take turns in the key, so
    that pairs which are near each other concern few rows and few columns. What a processor has
    loaded to learn from one pair then serves the next ones, whatever the sizes of its caches.
    """

    starts: NDArray[np.int64]

    @classmethod
    def balanced(cls, counts: ArrayLike, n_meetings: int) -> Self:
        """Blocks of about as many pairs each; more of them where words meet more often.

        Their number is a power of two, unless there are hardly any words.
        """
        n = math.isqrt(n_meetings // PAIRS_PER_CELL)
        n = min(max(n, MIN_BLOCKS), MAX_BLOCKS)
        n = 1 << n.bit_length() - 1
        ends = np.cumsum(np.asarray(counts, dtype=np.float64) ** HEAPS_EXPONENT)
        starts = np.searchsorted(ends, ends[-1] * np.arange(n) / n)
        return cls(np.unique(np.append(starts, len(ends))))

    @classmethod
    def single(cls, n_words: int) -> Self:
        """All words in one block, so that all pairs are in one cell and are visited at random."""
        return cls(np.array([0, n_words]))

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return len(self.starts) - 1

    @property
    def bits(self) -> int:
        """The bits of a word's place in its block."""
        return int(np.diff(self.starts).max() - 1).bit_length()

    @property
    def key_bits(self) -> int:
        """The bits of a key: of the cell, and of the places of row and column in it."""
        return int(self.n_blocks**2 - 1).bit_length() + 2 * self.bits

    def codes(self) -> NDArray[np.uint64]:
        """What each word adds to the key of its pairs, as row and as column: (n_words, 2)."""
        sizes = np.diff(self.starts)
        block = np.repeat(np.arange(self.n_blocks), sizes).astype(np.uint64)
        place = np.arange(self.starts[-1]) - np.repeat(self.starts[:-1], sizes)
        spread = place.astype(np.uint64)
        for shift, mask in MORTON_STEPS:
            spread = (spread | spread << np.uint64(shift)) & np.uint64(mask)
        cell_shift = np.uint64(2 * self.bits)
        rows = block * np.uint64(self.n_blocks) << cell_shift | spread << np.uint64(1)
        return np.stack((rows, block << cell_shift | spread), axis=1)

    def cell_keys(self) -> NDArray[np.uint64]:
        """The lowest key of each cell, and one above all: uint64 (n_blocks**2 + 1,)."""
        cells = np.arange(self.n_blocks**2 + 1, dtype=np.uint64)
        return cells << np.uint64(2 * self.bits)

    def pairs(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """The rows and columns of keys."""
        cells = (keys >> np.uint64(2 * self.bits)).astype(np.int64)
        row_blocks, column_blocks = np.divmod(cells, self.n_blocks)
        places = keys & np.uint64((1 << 2 * self.bits) - 1)
        rows = self.starts[row_blocks] + _gathered(places >> np.uint64(1))
        columns = self.starts[column_blocks] + _gathered(places)
        return rows.astype(ID), columns.astype(ID)


def _gathered(numbers: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Every second bit of numbers, from the lowest on, put side by side."""
    gathered = numbers & np.uint64(MORTON_STEPS[-1][1])
    shifts = [shift for shift, _ in reversed(MORTON_STEPS)]
    masks = [mask for _, mask in reversed(MORTON_STEPS[:-1])] + [2**32 - 1]
    for shift, mask in zip(shifts, masks, strict=True):
        gathered = (gathered | gathered >> np.uint64(shift)) & np.uint64(mask)
    return gathered.astype(np.int64)
