"""Counting co-occurrences within a bound of memory, spilling sorted runs to disk beyond it."""

import json
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from threading import Event, Lock

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig
from embedtool.corpus.cells import Blocks
from embedtool.corpus.cooccurrence import (
    FILES,
    SUMMARY,
    Cooccurrence,
    blocks_for,
    decode_pairs,
    distance_weights,
    map_pairs,
)
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.sorted_runs import Run, SortedRuns, merge_runs
from embedtool.io.atomic import atomic_write
from embedtool.io.checksums import HashingWriter
from embedtool.io.json_file import parse_json
from embedtool.io.machine import MiB
from embedtool.io.progress import Progress, Report, silent
from embedtool.kernels.text.cooccurrence import list_pairs, sum_entries

log = logging.getLogger(__name__)

ENTRY_BYTES = 8
MIN_ENTRIES, MAX_ENTRIES = 2**12, 2**24
"""Entries sorted at once: with more, sorting and allocation take longer than merging saves."""
MERGE_BYTES = 64
"""Memory that merging takes per entry."""
MAX_MERGED_ENTRIES = 2**16
"""Sums merged at once: intermediate results stay in the cache."""
CHUNK_TOKENS = 2**18
COUNTED = "counted.json"
"""File that is written when all runs up to a token are complete."""


@dataclass(frozen=True)
class CheckpointHooks:
    """When counting is interrupted to save what has been counted.

    Attributes
    ----------
    is_due : callable
        Returns whether to save as soon as possible; stays true until `saved` is called.
    saved : callable
        Called after saving; may raise to stop there.
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
    """Count the pairs of a corpus within `config.memory`, spilling to disk.

    Resumes an interrupted call, or one that crashed after a checkpoint, from the files in the
    folder. Sums are exact, and equal for any number of workers, memory and interruptions. Words
    outside the vocabulary have been removed and do not count in the distance, as in Stanford's
    GloVe.

    Parameters
    ----------
    config : GloveConfig
        Window, weighting, workers and memory.
    folder : Path
        An existing folder for the pairs.
    hooks : CheckpointHooks, optional
        When to save.

    Raises
    ------
    TrainingError
        If a pair and its distance do not fit in 64 bits.
    """
    hooks = hooks or CheckpointHooks()
    weights, unit = distance_weights(config.window, config.distance_weighting)
    blocks = blocks_for(corpus.vocabulary, corpus.n_tokens, config)
    (folder / SUMMARY).unlink(missing_ok=True)
    n_counted, saved_runs = _load_checkpoint(folder, _run_bytes(config, corpus.n_tokens))
    with saved_runs as runs:
        while n_counted < corpus.n_tokens:
            n_counted = _count(
                corpus, config, weights, blocks.codes(), runs, n_counted, hooks.is_due, report
            )
            if hooks.is_due() or runs.n_written:
                _save_checkpoint(folder, n_counted, runs)
            if hooks.is_due():
                hooks.saved()

        def save() -> None:
            _save_checkpoint(folder, corpus.n_tokens, runs)
            hooks.saved()

        merge_hooks = CheckpointHooks(hooks.is_due, save)
        pairs = _merge(runs, blocks, config, unit, folder, merge_hooks, report)
        (folder / COUNTED).unlink(missing_ok=True)
        runs.remove()
    return pairs


def count_run(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    codes: NDArray[np.uint64],
    config: GloveConfig,
    n_entries: int,
) -> Run:
    """Return the summed pairs of some sentences, as one sorted run.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
    ends : ndarray of int64, shape (n_sentences,)
        End of each sentence in `ids`.
    codes : ndarray of uint64, shape (n_words, 2)
        As `Blocks.codes` returns them.
    config : GloveConfig
        Window and weighting.
    n_entries : int
        Entries sorted at once.

    Returns
    -------
    Run
        Keys, ascending, and their sums in units.
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


def counting_bytes(config: GloveConfig, n_tokens: int) -> int:
    """Return the most bytes of memory that counting the pairs of a corpus takes."""
    return _entry_bytes(config, n_tokens) + _run_bytes(config, n_tokens)


def _entry_bytes(config: GloveConfig, n_tokens: int) -> int:
    """Return the bytes of the entries that are sorted at once, and of their sums."""
    return 2 * ENTRY_BYTES * (config.workers or 1) * _entries_per_worker(config, n_tokens)


def _run_bytes(config: GloveConfig, n_tokens: int) -> int:
    """Return the most bytes of runs that are kept in memory: what else `config.memory` allows."""
    allowed = config.memory * MiB - _entry_bytes(config, n_tokens)
    return max(0, min(allowed, 2 * ENTRY_BYTES * n_tokens * config.window))


def _entries_per_worker(config: GloveConfig, n_tokens: int) -> int:
    n_entries = config.memory * MiB // (2 * ENTRY_BYTES * (config.workers or 1))
    return min(max(n_entries, MIN_ENTRIES), MAX_ENTRIES, (n_tokens + 1) * config.window)


def _save_checkpoint(folder: Path, n_counted: int, runs: SortedRuns) -> None:
    """Write the number of counted tokens, and the ends of the runs of their pairs."""
    runs.sync()
    with atomic_write(folder / COUNTED) as file:
        checkpoint = {"tokens": n_counted, "ends": runs.ends, "sha256": runs.checksums}
        file.write(json.dumps(checkpoint).encode())


def _load_checkpoint(folder: Path, memory: int) -> tuple[int, SortedRuns]:
    """Return the saved state; the initial one if there is none, or the runs have changed since.

    Up to `memory` bytes of runs are kept in memory.
    """
    try:
        checkpoint = parse_json((folder / COUNTED).read_bytes())
        n_counted, checksums = checkpoint["tokens"], checkpoint["sha256"]
        runs = SortedRuns(folder, checkpoint["ends"], memory)
    except (OSError, ValueError, KeyError, TypeError):
        return 0, SortedRuns(folder, memory=memory)
    if not runs.is_intact(checksums):
        log.warning("%s: the counted pairs are damaged; they are counted again", folder)
        return 0, SortedRuns(folder, memory=memory)
    return n_counted, runs


def _count(
    corpus: EncodedCorpus,
    config: GloveConfig,
    weights: NDArray[np.int64],
    codes: NDArray[np.uint64],
    runs: SortedRuns,
    n_counted: int,
    is_due: Callable[[], bool],
    report: Report,
) -> int:
    """Count chunks of the corpus on several threads; each leaves a run when its entries are full.

    Return the number of counted tokens: all, or those of the chunks that had been started when
    saving was due. An entry needs ENTRY_BYTES, and as many for its sum.
    """
    workers = config.workers or 1
    n_entries = _entries_per_worker(config, corpus.n_tokens)
    starts = iter(range(n_counted, corpus.n_tokens, CHUNK_TOKENS))
    lock = Lock()
    stopping = Event()
    n_done = n_counted

    def spill(entries: NDArray[np.uint64], sums: NDArray[np.int64]) -> None:
        entries.sort()
        n = sum_entries(entries, weights, sums)
        run = entries[:n].copy(), sums[:n].copy()
        with lock:
            runs.append(*run)

    def work() -> None:
        nonlocal n_done
        entries, sums = np.empty(n_entries, np.uint64), np.empty(n_entries, np.int64)
        n_used = 0
        while not stopping.is_set():
            with lock:
                start = None if is_due() else next(starts, None)
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
    """Write the summed pairs of all runs, and find the start of each cell.

    If it is stopped, the runs are saved, and are merged again the next time.
    """
    cell_keys = blocks.cell_keys()
    bounds = np.zeros(len(cell_keys), dtype=np.int64)
    n_equal = 0
    n_entries = min(config.memory * MiB // MERGE_BYTES, MAX_MERGED_ENTRIES)
    paths = [folder / name for name in FILES]
    with ExitStack() as stack:
        files = [HashingWriter(stack.enter_context(path.open("wb"))) for path in paths]
        for keys, sums in runs.merge(n_entries):
            (rows, columns, counts), n_equal_here = decode_pairs(keys, sums, blocks, config, unit)
            n_equal += n_equal_here
            for values, file in zip((rows, columns, counts), files, strict=True):
                file.write(np.ascontiguousarray(values).data)
            bounds += np.searchsorted(keys, cell_keys)
            report(Progress("merging pairs", runs.n_taken, runs.ends[-1], "pairs"))
            if hooks.is_due():
                hooks.saved()
    stored = map_pairs(folder)
    with atomic_write(folder / SUMMARY) as complete:
        summary = {
            "symmetric": config.symmetric, "bounds": bounds.tolist(), "n_equal": n_equal,
            "files": {path.name: file.checksum() for path, file in zip(paths, files, strict=True)},
        }  # fmt: skip
        complete.write(json.dumps(summary).encode())
    return Cooccurrence(config.symmetric, *stored, bounds, n_equal)
