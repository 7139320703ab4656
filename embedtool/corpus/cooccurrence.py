"""Co-occurrence: how often, weighted by distance, each two words of a corpus stand near each other.

In: an EncodedCorpus. Out: Cooccurrence, the pairs on disk, memory-mapped, cell by cell.
"""

import json
import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from embedtool.config import GloveConfig, MiB
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.runs import MAPPING, SortedRuns
from embedtool.errors import TrainingError
from embedtool.files import replaced
from embedtool.kernels.cooccurrence import distance_bits, list_pairs, sum_entries
from embedtool.progress import Progress, Report, silent

MEETINGS_A_CELL = 2**19
"""With so many meetings of words to a cell, or more, what Python does for it does not matter."""
LEAST_BLOCKS, MOST_BLOCKS = 8, 64
"""Workers share no block, so that few blocks leave some without work; but with many, a row that is
loaded serves few pairs before the next cell."""
NEIGHBOURS_EXPONENT = 0.7
"""A word met n times has about n**0.7 different neighbours (Heaps' law; the exponent is measured on
Wikipedia, where blocks of equal sums of it have equal numbers of pairs within a quarter)."""
FIXED_POINT = 2**28
"""Weights that are no whole fractions of 1 are rounded to multiples of 1 / FIXED_POINT."""
ENTRY_BYTES = 8
LEAST_ENTRIES, MOST_ENTRIES = 2**12, 2**24
"""Of entries sorted at once: more take longer to sort, and to get memory for, than they save in
merging."""
MERGE_BYTES = 64
"""Memory that merging takes an entry."""
MERGED_AT_ONCE = 2**16
"""Sums merged at once, at most: what is made of them on the way stays in the cache."""
CHUNK_TOKENS = 2**18
ID, COUNT = np.dtype("<i4"), np.dtype("<f4")
FILES = ("pair-rows", "pair-columns", "pair-counts")
KINDS = (ID, ID, COUNT)
SUMMARY = "pairs.json"
"""Written when the pairs are complete, and so tells that they are."""
SPREAD_STEPS = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)
"""Shifts and masks that pull the bits of a 32-bit number apart (Warren, Hacker's Delight, section
7-2)."""


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
    def cut(cls, counts: ArrayLike, n_meetings: int) -> Self:
        """Blocks of about as many pairs each; more of them where words meet more often."""
        n = math.isqrt(n_meetings // MEETINGS_A_CELL)
        n = min(max(n, LEAST_BLOCKS), MOST_BLOCKS)
        ends = np.cumsum(np.asarray(counts, dtype=np.float64) ** NEIGHBOURS_EXPONENT)
        starts = np.searchsorted(ends, ends[-1] * np.arange(n) / n)
        return cls(np.unique(np.append(starts, len(ends))))

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
        for shift, mask in SPREAD_STEPS:
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
    gathered = numbers & np.uint64(SPREAD_STEPS[-1][1])
    shifts = [shift for shift, _ in reversed(SPREAD_STEPS)]
    masks = [mask for _, mask in reversed(SPREAD_STEPS[:-1])] + [2**32 - 1]
    for shift, mask in zip(shifts, masks, strict=True):
        gathered = (gathered | gathered >> np.uint64(shift)) & np.uint64(mask)
    return gathered.astype(np.int64)


@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """The pairs of a corpus.

    symmetric : whether (i, j) and (j, i) are one pair, stored once with i <= j
    rows, columns, counts : int32, int32 and float32 (n_stored,), memory-mapped: by cell, then along
        Morton's curve
    bounds    : int64 (n_blocks**2 + 1,), where each cell begins
    n_equal   : how many of the stored pairs are a word beside itself
    """

    symmetric: bool
    rows: NDArray[np.int32]
    columns: NDArray[np.int32]
    counts: NDArray[np.float32]
    bounds: NDArray[np.int64]
    n_equal: int

    @property
    def n_blocks(self) -> int:
        """The number of blocks that rows, and columns, are cut into."""
        return math.isqrt(len(self.bounds) - 1)

    def cell(
        self, row_block: int, column_block: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Rows, columns and counts of all pairs of a cell, those that are stored mirrored too."""
        if not self.symmetric or row_block < column_block:
            return self._stored(row_block, column_block)
        columns, rows, counts = self._stored(column_block, row_block)
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
        if not self.symmetric:
            return len(self.counts[self._slice(row_block, column_block)])
        first, last = sorted((row_block, column_block))
        n_stored = len(self.counts[self._slice(first, last)])
        return 2 * n_stored if first == last else n_stored

    def __len__(self) -> int:
        """The number of pairs (i, j), (j, i) being another one."""
        n_stored = len(self.counts)
        return 2 * n_stored - self.n_equal if self.symmetric else n_stored

    def _stored(
        self, row_block: int, column_block: int
    ) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        stored = self._slice(row_block, column_block)
        return self.rows[stored], self.columns[stored], self.counts[stored]

    def _slice(self, row_block: int, column_block: int) -> slice:
        cell = row_block * self.n_blocks + column_block
        return slice(int(self.bounds[cell]), int(self.bounds[cell + 1]))


def count_cooccurrence(
    corpus: EncodedCorpus, config: GloveConfig, folder: Path, report: Report = silent
) -> Cooccurrence:
    """Count the pairs of a corpus within `config.memory`, spilling to `folder`, which must exist.

    Sums are exact and equal whatever the workers and the memory. Words outside the vocabulary have
    been left out and take no place in the distance, as in Stanford's GloVe. Raises TrainingError
    where a pair and its distance do not fit 64 bits.
    """
    weights, unit = distance_weights(config.window, config.distance_weighting)
    blocks = Blocks.cut(corpus.vocabulary.counts, corpus.n_tokens * config.window)
    if blocks.key_bits + distance_bits(config.window) > 64:
        raise TrainingError(
            f"{corpus.vocabulary.n_words:,} words are too many to count pairs within a window of "
            f"{config.window}; raise --min-count"
        )
    (folder / SUMMARY).unlink(missing_ok=True)
    with SortedRuns(folder) as runs:
        _count(corpus, config, weights, blocks.codes(), runs, report)
        return _merge(runs, blocks, config, unit, folder, report)


def counting_bytes(config: GloveConfig, n_tokens: int) -> int:
    """The memory in which the pairs of so many tokens are counted."""
    return 2 * ENTRY_BYTES * (config.workers or 1) * _entries_at_once(config, n_tokens)


def _entries_at_once(config: GloveConfig, n_tokens: int) -> int:
    """The entries that a worker holds."""
    n_entries = config.memory * MiB // (2 * ENTRY_BYTES * (config.workers or 1))
    return min(max(n_entries, LEAST_ENTRIES), MOST_ENTRIES, (n_tokens + 1) * config.window)


def _count(
    corpus: EncodedCorpus,
    config: GloveConfig,
    weights: NDArray[np.int64],
    codes: NDArray[np.uint64],
    runs: SortedRuns,
    report: Report,
) -> None:
    """Have workers take stretches of the corpus in turn; each leaves a run when its space is full.

    An entry needs ENTRY_BYTES, and as many for the sum when the entries are summed.
    """
    workers = config.workers or 1
    n_entries = _entries_at_once(config, corpus.n_tokens)
    starts = iter(range(0, corpus.n_tokens, CHUNK_TOKENS))
    lock = Lock()
    stopping = Event()
    n_done = 0

    def spill(entries: NDArray[np.uint64], sums: NDArray[np.int64]) -> None:
        entries.sort()
        n = sum_entries(entries, weights, sums)
        with lock:
            runs.append(entries[:n], sums[:n])

    def work() -> None:
        nonlocal n_done
        entries = np.empty(n_entries, dtype=np.uint64)
        sums = np.empty(n_entries, dtype=np.int64)
        n_used = 0
        while not stopping.is_set():
            with lock:
                start = next(starts, None)
            if start is None:
                break
            stop = min(start + CHUNK_TOKENS, corpus.n_tokens)
            n_chunk = stop - start
            while start < stop:
                start, n_new = list_pairs(
                    corpus.ids, corpus.ends, start, stop, codes, config.window, config.symmetric,
                    entries[n_used:],
                )  # fmt: skip
                n_used += n_new
                if start < stop:
                    spill(entries[:n_used], sums)
                    n_used = 0
            with lock:
                n_done += n_chunk
                report(Progress("counting pairs", n_done, corpus.n_tokens, "words"))
        spill(entries[:n_used], sums)

    with ThreadPoolExecutor(workers) as pool:
        try:
            for future in [pool.submit(work) for _ in range(workers)]:
                future.result()
        finally:
            stopping.set()


def _merge(
    runs: SortedRuns,
    blocks: Blocks,
    config: GloveConfig,
    unit: int,
    folder: Path,
    report: Report,
) -> Cooccurrence:
    """Write the summed pairs of all runs, and find where each cell begins."""
    cell_keys = blocks.cell_keys()
    bounds = np.zeros(len(cell_keys), dtype=np.int64)
    n_equal = 0
    at_once = min(config.memory * MiB // MERGE_BYTES, MERGED_AT_ONCE)
    paths = [folder / name for name in FILES]
    with ExitStack() as stack:
        files = [stack.enter_context(path.open("wb")) for path in paths]
        for keys, sums in runs.merged(at_once):
            rows, columns = blocks.pairs(keys)
            counts = (sums / unit).astype(COUNT)
            equal = rows == columns
            n_equal += int(equal.sum())
            if config.symmetric:
                counts[equal] *= 2
            for values, file in zip((rows, columns, counts), files, strict=True):
                file.write(np.ascontiguousarray(values).data)
            bounds += np.searchsorted(keys, cell_keys)
            report(Progress("merging pairs", runs.n_taken, runs.ends[-1], "pairs"))
    rows, columns, counts = (_mapped(path, kind) for path, kind in zip(paths, KINDS, strict=True))
    with replaced(folder / SUMMARY) as complete:
        summary = {"symmetric": config.symmetric, "bounds": bounds.tolist(), "n_equal": n_equal}
        complete.write(json.dumps(summary).encode())
    return Cooccurrence(config.symmetric, rows, columns, counts, bounds, n_equal)


def counted_pairs(folder: Path) -> Cooccurrence | None:
    """What `count_cooccurrence` left in a folder, None where it did not come to its end."""
    if not (folder / SUMMARY).exists():
        return None
    summary = json.loads((folder / SUMMARY).read_bytes())
    rows, columns, counts = (
        _mapped(folder / name, kind) for name, kind in zip(FILES, KINDS, strict=True)
    )
    bounds = np.array(summary["bounds"], dtype=np.int64)
    return Cooccurrence(summary["symmetric"], rows, columns, counts, bounds, summary["n_equal"])


def _mapped(path: Path, kind: np.dtype[Any]) -> NDArray[Any]:
    """A file of numbers as an array; an empty file is an empty array."""
    if not path.stat().st_size:
        return np.empty(0, dtype=kind)
    return np.asarray(np.memmap(path, dtype=kind, mode=MAPPING))
