"""Co-occurrence: how often, weighted by distance, each two words of a corpus stand near each other.

In: an EncodedCorpus. Out: Cooccurrence, the pairs on disk, memory-mapped, cell by cell.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

import numpy as np
from numpy.typing import NDArray

from embedtool.config import GloveConfig, MiB
from embedtool.corpus.encoding import EncodedCorpus, mapped
from embedtool.corpus.runs import SortedRuns
from embedtool.kernels.cooccurrence import count_pairs, take_entries
from embedtool.progress import Progress, Report, silent

BLOCK_BITS = 10
"""A block has at most 1,024 words: the rows of two blocks, 100 numbers and as many squares each,
fit a level-2 cache of 2 MiB."""
LEAST_BLOCKS = 8
"""A small vocabulary is cut into at least this many blocks, so that workers find work."""
FIXED_POINT = 2**28
"""Weights that are no whole fractions of 1 are rounded to multiples of 1 / FIXED_POINT."""
SLOT_BYTES = 16
FULLEST = 0.7
"""A hash table is emptied to disk when this share of its slots is in use."""
LEAST_SLOTS = 2**12
MERGE_BYTES = 64
"""Memory that merging takes an entry."""
CHUNK_TOKENS = 2**18
PAIR = np.dtype([("row", "<i4"), ("column", "<i4"), ("count", "<f4")])


def distance_weights(window: int, distance_weighting: bool) -> tuple[NDArray[np.int64], int]:
    """What a pair at each distance adds, in whole units, and how many units are 1.

    Returns int64 (window + 1,), index 0 unused, and the unit. Sums of whole numbers are the same in
    any order, so counts do not depend on workers, memory or spills. Up to a window of 22 the unit
    is a common multiple of all distances and 1/d is exact; above, it is rounded to 2**-28.
    """
    if not distance_weighting:
        return np.ones(window + 1, dtype=np.int64), 1
    unit = math.lcm(*range(1, window + 1))
    if unit > FIXED_POINT:
        unit = FIXED_POINT
    return np.array([0, *(round(unit / d) for d in range(1, window + 1))], dtype=np.int64), unit


@dataclass(frozen=True)
class Blocks:
    """How a vocabulary is cut into blocks, and pairs into cells."""

    n_words: int

    @property
    def bits(self) -> int:
        """log2 of the words in a block."""
        return min(BLOCK_BITS, max(0, (self.n_words // LEAST_BLOCKS).bit_length() - 1))

    @property
    def n_blocks(self) -> int:
        """The number of blocks."""
        return ((self.n_words - 1) >> self.bits) + 1

    def pairs(self, keys: NDArray[np.uint64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows and columns of keys."""
        low = (1 << self.bits) - 1
        numbers = keys.astype(np.int64)
        cells = numbers >> 2 * self.bits
        rows = (cells // self.n_blocks << self.bits) | (numbers >> self.bits & low)
        columns = (cells % self.n_blocks << self.bits) | (numbers & low)
        return rows, columns


@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """The pairs of a corpus.

    n_words   : size of the vocabulary
    symmetric : whether (i, j) and (j, i) are one pair, stored once with i <= j
    pairs     : PAIR (n_stored,), memory-mapped: by cell, then by row, then by column
    bounds    : int64 (n_blocks**2 + 1,), where in `pairs` each cell begins
    """

    n_words: int
    symmetric: bool
    pairs: NDArray[np.void]
    bounds: NDArray[np.int64]

    @property
    def n_blocks(self) -> int:
        """The number of blocks that rows, and columns, are cut into."""
        return Blocks(self.n_words).n_blocks

    def cell(
        self, row_block: int, column_block: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Rows, columns and counts of all pairs of a cell, those that are stored mirrored too."""
        if not self.symmetric or row_block < column_block:
            return _columns(self._stored(row_block, column_block))
        mirrored = self._stored(column_block, row_block)
        columns, rows, counts = _columns(mirrored)
        if row_block > column_block:
            return rows, columns, counts
        apart = rows != columns
        return (
            np.concatenate((rows, columns[apart])),
            np.concatenate((columns, rows[apart])),
            np.concatenate((counts, counts[apart])),
        )

    def cell_size(self, row_block: int, column_block: int) -> int:
        """About how many pairs a cell has: the diagonal cells are taken as twice what is stored."""
        if self.symmetric and row_block > column_block:
            row_block, column_block = column_block, row_block
        size = len(self._stored(row_block, column_block))
        return 2 * size if self.symmetric and row_block == column_block else size

    def __len__(self) -> int:
        """The number of pairs (i, j), (j, i) being another one."""
        if not self.symmetric:
            return len(self.pairs)
        n_equal = sum(
            int((cell["row"] == cell["column"]).sum())
            for cell in (self._stored(block, block) for block in range(self.n_blocks))
        )
        return 2 * len(self.pairs) - n_equal

    def _stored(self, row_block: int, column_block: int) -> NDArray[np.void]:
        cell = row_block * self.n_blocks + column_block
        return self.pairs[self.bounds[cell] : self.bounds[cell + 1]]


def _columns(
    pairs: NDArray[np.void],
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
    rows, columns, counts = (
        np.ascontiguousarray(pairs[name]) for name in ("row", "column", "count")
    )
    return rows, columns, counts


def count_cooccurrence(
    corpus: EncodedCorpus, config: GloveConfig, folder: Path, report: Report = silent
) -> Cooccurrence:
    """Count the pairs of a corpus within `config.memory`, spilling to `folder`, which must exist.

    Sums are exact and equal whatever the workers and the memory. Words outside the vocabulary have
    been left out and take no place in the distance, as in Stanford's GloVe.
    """
    weights, unit = distance_weights(config.window, config.distance_weighting)
    blocks = Blocks(corpus.vocabulary.n_words)
    with SortedRuns(folder) as runs:
        _count(corpus, config, weights, blocks, runs, report)
        pairs, bounds = _merge(runs, blocks, config, unit, folder, report)
    return Cooccurrence(corpus.vocabulary.n_words, config.symmetric, pairs, bounds)


def _count(
    corpus: EncodedCorpus,
    config: GloveConfig,
    weights: NDArray[np.int64],
    blocks: Blocks,
    runs: SortedRuns,
    report: Report,
) -> None:
    """Have workers take stretches of the corpus in turn, each with a table of its own."""
    workers = config.workers or 1
    most_pairs = corpus.n_tokens * config.window
    n_slots = _n_slots(config.memory * MiB // (2 * workers), most_pairs)
    limit = int(FULLEST * n_slots)
    starts = iter(range(0, corpus.n_tokens, CHUNK_TOKENS))
    lock = Lock()
    stopping = Event()
    n_done = 0

    def spill(table: NDArray[np.uint64], n_used: int) -> None:
        keys, sums = np.empty(n_used, dtype=np.uint64), np.empty(n_used, dtype=np.int64)
        take_entries(table, keys, sums)
        with lock:
            runs.append(keys, sums)

    def work() -> None:
        nonlocal n_done
        table = np.zeros((n_slots, 2), dtype=np.uint64)
        n_used = 0
        while not stopping.is_set():
            with lock:
                start = next(starts, None)
            if start is None:
                break
            stop = min(start + CHUNK_TOKENS, corpus.n_tokens)
            n_chunk = stop - start
            while start < stop:
                start, n_used = count_pairs(
                    corpus.ids, corpus.ends, start, stop, weights, config.symmetric,
                    blocks.bits, blocks.n_blocks, table, n_used, limit,
                )  # fmt: skip
                if start < stop:
                    spill(table, n_used)
                    n_used = 0
            with lock:
                n_done += n_chunk
                report(Progress("counting pairs", n_done, corpus.n_tokens, "words"))
        spill(table, n_used)

    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in [pool.submit(work) for _ in range(workers)]:
                future.result()
        finally:
            stopping.set()


def _n_slots(table_bytes: int, most_pairs: int) -> int:
    """Slots of one table: a power of two, as many as fit, but not more than can be used."""
    fitting = max(table_bytes // SLOT_BYTES, LEAST_SLOTS)
    useful = max(int(most_pairs / FULLEST), LEAST_SLOTS)
    return min(1 << (fitting.bit_length() - 1), 1 << useful.bit_length())


def _merge(
    runs: SortedRuns,
    blocks: Blocks,
    config: GloveConfig,
    unit: int,
    folder: Path,
    report: Report,
) -> tuple[NDArray[np.void], NDArray[np.int64]]:
    """Write the summed pairs of all runs, sorted by cell, and find where each cell begins."""
    cells = np.arange(blocks.n_blocks**2 + 1, dtype=np.uint64)
    cell_starts = cells << np.uint64(2 * blocks.bits)
    bounds = np.zeros(len(cell_starts), dtype=np.int64)
    with (folder / "pairs").open("wb") as file:
        for keys, sums in runs.merged(config.memory * MiB // MERGE_BYTES):
            pairs = np.empty(len(keys), dtype=PAIR)
            pairs["row"], pairs["column"] = blocks.pairs(keys)
            pairs["count"] = sums / unit
            if config.symmetric:
                pairs["count"][pairs["row"] == pairs["column"]] *= 2
            pairs.tofile(file)
            bounds += np.searchsorted(keys, cell_starts)
            report(Progress("merging pairs", runs.n_taken, runs.ends[-1], "pairs"))
    return mapped(folder / "pairs", PAIR), bounds
