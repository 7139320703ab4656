"""Co-occurrence: how often, weighted by distance, each two words of a corpus stand near each other.

In: an EncodedCorpus. Out: Cooccurrence, the pairs on disk, memory-mapped, cell by cell.
"""

import json
import logging
import math
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig
from embedtool.corpus.cells import ID, Blocks
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.sorted_runs import MAPPING, Run, SortedRuns, merge_runs
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import TrainingError
from embedtool.io.atomic import atomic_write
from embedtool.io.checksums import HashingWriter, mismatch
from embedtool.io.machine import MiB
from embedtool.io.progress import Progress, Report, silent
from embedtool.kernels.text.cooccurrence import distance_bits, list_pairs, sum_entries
from embedtool.messages import brief

log = logging.getLogger(__name__)

FIXED_POINT = 2**28
"""Weights that are no whole fractions of 1 are rounded to multiples of 1 / FIXED_POINT."""
ENTRY_BYTES = 8
MIN_ENTRIES, MAX_ENTRIES = 2**12, 2**24
"""Of entries sorted at once: more take longer to sort, and to get memory for, than they save in
merging."""
MERGE_BYTES = 64
"""Memory that merging takes an entry."""
MAX_MERGED_ENTRIES = 2**16
"""Sums merged at once, at most: what is made of them on the way stays in the cache."""
CHUNK_TOKENS = 2**18
COUNT = np.dtype("<f4")
FILES = ("pair-rows", "pair-columns", "pair-counts")
DTYPES = (ID, ID, COUNT)
COUNTED = "counted.json"
"""Written when all runs up to a place of the text are complete."""
SUMMARY = "pairs.json"
"""Written when the pairs are complete, and so tells that they are."""

MAX_RATE_BY_CELL = 0.1
"""With a higher learning rate all pairs are in one cell. Cell by cell, the most frequent words
learn from each other before they have met any other, and their steps then go too far: with the
corpus that ships, rate 0.15 diverges at 300 dimensions and 0.2 at 50, where pairs in random order
converge."""
MAX_PAIRS_IN_ONE_CELL = 2**26
"""Meetings of words whose pairs may be in one cell, for a cell is held in memory."""

Cell = tuple[int, int]
"""A block of rows and a block of columns."""
Pairs = tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]
"""Rows, columns and counts."""


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


def stored_cell(cell: Cell, symmetric: bool) -> Cell:
    """Where the pairs of a cell are stored: those of two blocks stand in one cell, if symmetric."""
    return (min(cell), max(cell)) if symmetric else cell


def pairs_of_cell(cell: Cell, symmetric: bool, stored: Pairs) -> Pairs:
    """Rows, columns and counts of all pairs of a cell, given those that are stored."""
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
    """About how many pairs a cell has: the diagonal cells are taken as twice what is stored."""
    return 2 * n_stored if symmetric and cell[0] == cell[1] else n_stored


@dataclass(frozen=True, eq=False)
class Cooccurrence:
    """The pairs of a corpus.

    symmetric : whether (i, j) and (j, i) are one pair, stored once with i <= j
    rows, columns, counts : int32, int32 and float32 (n_stored,), memory-mapped: by cell, then along
        Morton's curve
    bounds    : int64 (n_blocks**2 + 1,), where each cell begins
    n_equal   : how many of the stored pairs are a word beside itself
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
        """The number of blocks that rows, and columns, are cut into."""
        return math.isqrt(len(self.bounds) - 1)

    def cell(self, row_block: int, column_block: int) -> Pairs:
        """Rows, columns and counts of all pairs of a cell, those that are stored mirrored too."""
        cell = row_block, column_block
        return pairs_of_cell(cell, self.symmetric, self._stored(*stored_cell(cell, self.symmetric)))

    def cell_size(self, row_block: int, column_block: int) -> int:
        """About how many pairs a cell has: the diagonal cells are taken as twice what is stored."""
        cell = row_block, column_block
        n_stored = len(self.counts[self._slice(*stored_cell(cell, self.symmetric))])
        return size_of_cell(cell, self.symmetric, n_stored)

    def __len__(self) -> int:
        """The number of pairs (i, j), (j, i) being another one."""
        n_stored = len(self.counts)
        return 2 * n_stored - self.n_equal if self.symmetric else n_stored

    def _stored(self, row_block: int, column_block: int) -> Pairs:
        stored = self._slice(row_block, column_block)
        return self.rows[stored], self.columns[stored], self.counts[stored]

    def _slice(self, row_block: int, column_block: int) -> slice:
        cell = row_block * self.n_blocks + column_block
        return slice(int(self.bounds[cell]), int(self.bounds[cell + 1]))


@dataclass(frozen=True)
class CheckpointHooks:
    """When what has been counted is to be kept, so that it can be gone on with.

    due  : whether it is, as soon as it can be; stays so until `kept` is called
    kept : called when it has been; may raise to stop there
    """

    is_due: Callable[[], bool] = lambda: False
    saved: Callable[[], None] = lambda: None


def count_cooccurrence(
    corpus: EncodedCorpus,
    config: GloveConfig,
    folder: Path,
    report: Report = silent,
    hooks: CheckpointHooks | None = None,
) -> Cooccurrence:
    """Count the pairs of a corpus within `config.memory`, spilling to `folder`, which must exist.

    Goes on with what was kept there when a pause, or a crash after one, ended an earlier call.
    Sums are exact and equal whatever the workers, the memory and the hooks. Words outside the
    vocabulary have been left out and take no place in the distance, as in Stanford's GloVe. Raises
    TrainingError where a pair and its distance do not fit 64 bits.
    """
    hooks = hooks or CheckpointHooks()
    weights, unit = distance_weights(config.window, config.distance_weighting)
    blocks = blocks_for(corpus.vocabulary, corpus.n_tokens, config)
    (folder / SUMMARY).unlink(missing_ok=True)
    n_counted, kept = _kept(folder)
    with kept as runs:
        while n_counted < corpus.n_tokens:
            n_counted = _count(
                corpus, config, weights, blocks.codes(), runs, n_counted, hooks.is_due, report
            )
            _keep(folder, n_counted, runs)
            if hooks.is_due():
                hooks.saved()
        pairs = _merge(runs, blocks, config, unit, folder, hooks, report)
        (folder / COUNTED).unlink(missing_ok=True)
        runs.remove()
    return pairs


def blocks_for(vocabulary: Vocabulary, n_tokens: int, config: GloveConfig) -> Blocks:
    """How the pairs of so many tokens are cut. Raises TrainingError as `count_cooccurrence`."""
    n_meetings = n_tokens * config.window
    in_one_cell = config.learning_rate > MAX_RATE_BY_CELL and n_meetings <= MAX_PAIRS_IN_ONE_CELL
    blocks = (
        Blocks.single(vocabulary.n_words)
        if in_one_cell
        else Blocks.balanced(vocabulary.counts, n_meetings)
    )
    if blocks.key_bits + distance_bits(config.window) > 64:
        raise TrainingError(
            f"{vocabulary.n_words:,} words are too many to count pairs within a window of "
            f"{config.window}; raise min_count",
            parameters=("min_count",),
        )
    return blocks


def count_run(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    codes: NDArray[np.uint64],
    config: GloveConfig,
    n_entries: int,
) -> Run:
    """The summed pairs of some sentences: rising keys, and their sums in units.

    n_entries : that are sorted at once
    """
    weights, _ = distance_weights(config.window, config.distance_weighting)
    entries = np.empty(max(n_entries, config.window), dtype=np.uint64)
    sums = np.empty(len(entries), dtype=np.int64)
    runs: list[Run] = []
    start = 0
    while start < len(ids):
        start, n_entries = list_pairs(
            ids, ends, start, len(ids), codes, config.window, config.symmetric, entries
        )
        entries[:n_entries].sort()
        n = sum_entries(entries[:n_entries], weights, sums)
        runs.append((entries[:n].copy(), sums[:n].copy()))
    return merge_runs(runs) if runs else (entries[:0], sums[:0])


def _keep(folder: Path, n_counted: int, runs: SortedRuns) -> None:
    """Write down how many tokens have been counted, and where the runs of their pairs end."""
    runs.sync()
    with atomic_write(folder / COUNTED) as file:
        progress = {"tokens": n_counted, "ends": runs.ends, "sha256": runs.checksums}
        file.write(json.dumps(progress).encode())


def _kept(folder: Path) -> tuple[int, SortedRuns]:
    """What was written down; the beginning where nothing was, or runs have changed since."""
    progress = _told(folder / COUNTED, "tokens", "ends", "sha256")
    if progress is None:
        return 0, SortedRuns(folder)
    runs = SortedRuns(folder, progress["ends"])
    if not runs.is_intact(progress["sha256"]):
        log.warning("%s: the counted pairs are damaged; they are counted again", folder)
        return 0, SortedRuns(folder)
    return progress["tokens"], runs


def _told(path: Path, *names: str) -> dict[str, Any] | None:
    """What a file says under these names; None where it is missing or damaged."""
    try:
        told = json.loads(path.read_bytes())
        return {name: told[name] for name in names}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return None


def counting_bytes(config: GloveConfig, n_tokens: int) -> int:
    """The memory in which the pairs of so many tokens are counted."""
    return 2 * ENTRY_BYTES * (config.workers or 1) * _entries_at_once(config, n_tokens)


def _entries_at_once(config: GloveConfig, n_tokens: int) -> int:
    """The entries that a worker holds."""
    n_entries = config.memory * MiB // (2 * ENTRY_BYTES * (config.workers or 1))
    return min(max(n_entries, MIN_ENTRIES), MAX_ENTRIES, (n_tokens + 1) * config.window)


def _count(
    corpus: EncodedCorpus,
    config: GloveConfig,
    weights: NDArray[np.int64],
    codes: NDArray[np.uint64],
    runs: SortedRuns,
    n_counted: int,
    due: Callable[[], bool],
    report: Report,
) -> int:
    """Have workers take stretches of the corpus in turn; each leaves a run when its space is full.

    Begins after `n_counted` tokens and returns how many there are when it stops: all, or those of
    the stretches that had been begun when it was due to stop. An entry needs ENTRY_BYTES, and as
    many for the sum when the entries are summed.
    """
    workers = config.workers or 1
    n_entries = _entries_at_once(config, corpus.n_tokens)
    starts = iter(range(n_counted, corpus.n_tokens, CHUNK_TOKENS))
    lock = Lock()
    stopping = Event()
    n_done = n_counted

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
                start = None if due() else next(starts, None)
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
    return next(starts, corpus.n_tokens)


def _merge(
    runs: SortedRuns,
    blocks: Blocks,
    config: GloveConfig,
    unit: int,
    folder: Path,
    hooks: CheckpointHooks,
    report: Report,
) -> Cooccurrence:
    """Write the summed pairs of all runs, and find where each cell begins.

    Where it is to stop, the runs are there already, and merged anew the next time.
    """
    cell_keys = blocks.cell_keys()
    bounds = np.zeros(len(cell_keys), dtype=np.int64)
    n_equal = 0
    at_once = min(config.memory * MiB // MERGE_BYTES, MAX_MERGED_ENTRIES)
    paths = [folder / name for name in FILES]
    with ExitStack() as stack:
        files = [HashingWriter(stack.enter_context(path.open("wb"))) for path in paths]
        for keys, sums in runs.merge(at_once):
            (rows, columns, counts), n_equal_here = decode_pairs(keys, sums, blocks, config, unit)
            n_equal += n_equal_here
            for values, file in zip((rows, columns, counts), files, strict=True):
                file.write(np.ascontiguousarray(values).data)
            bounds += np.searchsorted(keys, cell_keys)
            report(Progress("merging pairs", runs.n_taken, runs.ends[-1], "pairs"))
            if hooks.is_due():
                hooks.saved()
    rows, columns, counts = (_mapped(path, kind) for path, kind in zip(paths, DTYPES, strict=True))
    with atomic_write(folder / SUMMARY) as complete:
        summary = {
            "symmetric": config.symmetric, "bounds": bounds.tolist(), "n_equal": n_equal,
            "files": {path.name: file.checksum() for path, file in zip(paths, files, strict=True)},
        }  # fmt: skip
        complete.write(json.dumps(summary).encode())
    return Cooccurrence(config.symmetric, rows, columns, counts, bounds, n_equal)


def decode_pairs(
    keys: NDArray[np.uint64],
    sums: NDArray[np.int64],
    blocks: Blocks,
    config: GloveConfig,
    unit: int,
) -> tuple[Pairs, int]:
    """Rows, columns and counts of keys and their sums, and how many have two equal words."""
    rows, columns = blocks.pairs(keys)
    counts = (sums / unit).astype(COUNT)
    equal = rows == columns
    if config.symmetric:
        counts[equal] *= 2
    return (rows, columns, counts), int(equal.sum())


def open_cooccurrence(folder: Path) -> Cooccurrence | None:
    """What `count_cooccurrence` left in a folder; None where it did not come to its end.

    None, and a warning, also where a file has changed since.
    """
    summary = _told(folder / SUMMARY, "symmetric", "bounds", "n_equal", "files")
    if summary is None:
        return None
    faults: dict[str, str | None]
    try:
        faults = {name: mismatch(folder / name, summary["files"][name]) for name in FILES}
    except (KeyError, TypeError):
        faults = {SUMMARY: "is damaged"}
    for name, fault in faults.items():
        if fault:
            log.warning("%s: %s; pairs are counted again", folder / name, fault)
            return None
    rows, columns, counts = (
        _mapped(folder / name, kind) for name, kind in zip(FILES, DTYPES, strict=True)
    )
    bounds = np.array(summary["bounds"], dtype=np.int64)
    return Cooccurrence(summary["symmetric"], rows, columns, counts, bounds, summary["n_equal"])


def _mapped(path: Path, kind: np.dtype[Any]) -> NDArray[Any]:
    """A file of numbers as an array; an empty file is an empty array."""
    if not path.stat().st_size:
        return np.empty(0, dtype=kind)
    return np.asarray(np.memmap(path, dtype=kind, mode=MAPPING))
