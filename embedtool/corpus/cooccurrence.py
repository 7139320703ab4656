"""Co-occurrences: how often, weighted by distance, each pair of words occurs within a window.

The pairs are on disk, memory-mapped, cell by cell.
"""

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig
from embedtool.corpus.cells import ID, Blocks
from embedtool.corpus.sorted_runs import MAP_MODE
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import TrainingError
from embedtool.io.array_file import map_file
from embedtool.io.checksums import mismatch
from embedtool.io.json_file import parse_json
from embedtool.kernels.text.cooccurrence import distance_bits
from embedtool.messages import brief

log = logging.getLogger(__name__)

FIXED_POINT = 2**28
"""Weights that are not integer fractions of 1 are rounded to multiples of 1 / FIXED_POINT."""
COUNT = np.dtype("<f4")
FILES = ("pair-rows", "pair-columns", "pair-counts")
DTYPES = (ID, ID, COUNT)
SUMMARY = "pairs.json"
"""File that is written when the pairs are complete: its presence marks them as complete."""

MAX_RATE_BY_CELL = 0.1
"""With a higher learning rate all pairs are in one cell. Cell by cell, the most frequent words are
trained on each other before any others, and then overshoot: with the shipped corpus, a rate of 0.15
diverges at 300 dimensions and one of 0.2 at 50, whereas pairs in random order converge."""
MAX_PAIRS_IN_ONE_CELL = 2**26
"""Maximum co-occurrences for which all pairs may be in one cell: a cell is held in memory."""

Cell = tuple[int, int]
"""A block of rows and a block of columns."""
Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
"""Rows, columns and counts."""


def distance_weights(window: int, distance_weighting: bool) -> tuple[NDArray[np.int64], int]:
    """Return the weight of a pair at each distance, in integer units, and the number of units in 1.

    Sums of integers are the same in any order, so counts do not depend on workers, memory or
    spills. Up to a window of 22 the unit is a common multiple of all distances and 1/d is exact;
    above, it is rounded to 2**-28.

    Parameters
    ----------
    window : int
        Largest distance.
    distance_weighting : bool
        Weigh a pair at distance d as 1/d, instead of 1.

    Returns
    -------
    weights : ndarray of int64, shape (window + 1,)
        Weights by distance; index 0 is unused.
    unit : int
        The weight that is 1.
    """
    if not distance_weighting:
        return np.ones(window + 1, dtype=np.int64), 1
    unit = math.lcm(*range(1, window + 1))
    if unit > FIXED_POINT:
        unit = FIXED_POINT
    return np.array([0, *(round(unit / d) for d in range(1, window + 1))], dtype=np.int64), unit


def stored_cell(cell: Cell, symmetric: bool) -> Cell:
    """Return the cell in which the pairs of a cell are stored: if symmetric, above the diagonal."""
    return (min(cell), max(cell)) if symmetric else cell


def pairs_of_cell(cell: Cell, symmetric: bool, stored: Pairs) -> Pairs:
    """Return all pairs of a cell, given the stored pairs of it or of its mirror image."""
    row_block, column_block = cell
    if not symmetric or row_block < column_block:
        return stored
    columns, rows, counts = stored
    if row_block > column_block:
        return rows, columns, counts
    apart = rows != columns
    return (
        np.concatenate((rows, columns[apart])),
        np.concatenate((columns, rows[apart])),
        np.concatenate((counts, counts[apart])),
    )


def size_of_cell(cell: Cell, symmetric: bool, n_stored: int) -> int:
    """Estimate the number of pairs of a cell: on the diagonal, twice the stored ones."""
    return 2 * n_stored if symmetric and cell[0] == cell[1] else n_stored


@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """The pairs of a corpus.

    Attributes
    ----------
    symmetric : bool
        Whether (i, j) and (j, i) are one pair, stored once with i <= j.
    rows, columns : ndarray of int32, shape (n_stored,)
        Words of the pairs, memory-mapped: by cell, then along Morton's curve.
    counts : ndarray of float32, shape (n_stored,)
    bounds : ndarray of int64, shape (n_blocks**2 + 1,)
        Start of each cell.
    n_equal : int
        Number of stored pairs whose two words are the same.
    """

    __repr__ = brief

    symmetric: bool
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    counts: NDArray[np.float32]
    bounds: NDArray[np.int64]
    n_equal: int

    @property
    def n_blocks(self) -> int:
        """Number of blocks of rows, and of columns."""
        return math.isqrt(len(self.bounds) - 1)

    def cell(self, row_block: int, column_block: int) -> Pairs:
        """Return all pairs of a cell, including those that are stored mirrored."""
        cell = row_block, column_block
        return pairs_of_cell(cell, self.symmetric, self._stored(*stored_cell(cell, self.symmetric)))

    def cell_size(self, row_block: int, column_block: int) -> int:
        """Estimate the number of pairs of a cell, as `size_of_cell`."""
        cell = row_block, column_block
        n_stored = len(self.counts[self._slice(*stored_cell(cell, self.symmetric))])
        return size_of_cell(cell, self.symmetric, n_stored)

    def __len__(self) -> int:
        """Return the number of pairs, (i, j) and (j, i) being two."""
        n_stored = len(self.counts)
        return 2 * n_stored - self.n_equal if self.symmetric else n_stored

    def _stored(self, row_block: int, column_block: int) -> Pairs:
        stored = self._slice(row_block, column_block)
        return self.rows[stored], self.columns[stored], self.counts[stored]

    def _slice(self, row_block: int, column_block: int) -> slice:
        cell = row_block * self.n_blocks + column_block
        return slice(int(self.bounds[cell]), int(self.bounds[cell + 1]))


def blocks_for(vocabulary: Vocabulary, n_tokens: int, config: GloveConfig) -> Blocks:
    """Divide a vocabulary into blocks for a corpus of `n_tokens`.

    Raises
    ------
    TrainingError
        If a pair and its distance do not fit in 64 bits.
    """
    n_pairs = n_tokens * config.window
    in_one_cell = config.learning_rate > MAX_RATE_BY_CELL and n_pairs <= MAX_PAIRS_IN_ONE_CELL
    blocks = (
        Blocks.single(vocabulary.n_words)
        if in_one_cell
        else Blocks.balanced(vocabulary.counts, n_pairs)
    )
    if blocks.key_bits + distance_bits(config.window) > 64:
        raise TrainingError(
            f"{vocabulary.n_words:,} words are too many to count pairs within a window of "
            f"{config.window}; raise min_count",
            parameters=("min_count",),
        )
    return blocks


def decode_pairs(
    keys: NDArray[np.uint64],
    sums: NDArray[np.int64],
    blocks: Blocks,
    config: GloveConfig,
    unit: int,
) -> tuple[Pairs, int]:
    """Return the pairs of keys and their sums, and the number of pairs of two equal words."""
    rows, columns = blocks.pairs(keys)
    counts = (sums / unit).astype(COUNT)
    equal = rows == columns
    if config.symmetric:
        counts[equal] *= 2
    return (rows, columns, counts), int(equal.sum())


def open_cooccurrence(folder: Path) -> Cooccurrence | None:
    """Open the pairs in a folder; return None if they are incomplete, or have changed (logged)."""
    try:
        summary = parse_json((folder / SUMMARY).read_bytes())
        symmetric, n_equal = summary["symmetric"], summary["n_equal"]
        bounds = np.array(summary["bounds"], dtype=np.int64)
        checksums = summary["files"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    faults: dict[str, str | None]
    try:
        faults = {name: mismatch(folder / name, checksums[name]) for name in FILES}
    except (KeyError, TypeError):
        faults = {SUMMARY: "is damaged"}
    for name, fault in faults.items():
        if fault:
            log.warning("%s: %s; pairs are counted again", folder / name, fault)
            return None
    return Cooccurrence(symmetric, *map_pairs(folder), bounds, n_equal)


def map_pairs(folder: Path) -> Pairs:
    """Map the files of pairs in a folder."""
    rows, columns, counts = (
        np.asarray(map_file(folder / name, dtype, MAP_MODE))
        for name, dtype in zip(FILES, DTYPES, strict=True)
    )
    return rows, columns, counts
