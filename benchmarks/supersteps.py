"""Trainings whose supersteps are timed: `benchmarks.manycore` needs them.

The kernel is compiled anew with a barrier that reads two clocks before and after it waits.
"""

import hashlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from statistics import median
from types import FunctionType
from typing import Any
from unittest import mock

import numba
import numpy as np
from numba import types
from numpy.typing import NDArray

from benchmarks.tasks import MIN_COUNT, NEGATIVE, SAMPLE, SIZE, TASKS, WINDOW
from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.io.progress import silent
from embedtool.kernels.jit import OPTIONS, cache_folder
from embedtool.kernels.sgd.arrays import MINIBATCH_TOKENS
from embedtool.kernels.sgd.barrier import (
    FIRST_GROUP,
    GROUP_THREADS,
    LINE,
    barrier_wait,
    new_counters,
)
from embedtool.kernels.sgd.train_chunk import train_chunk
from embedtool.trainers import kernel_job, kernel_threads, word2vec
from embedtool.trainers.kernel_threads import KernelJob
from embedtool.trainers.local_backend import encode_text, read_text
from embedtool.trainers.state import State
from embedtool.trainers.subwords import build_subword_index

COMPILED = Path(__file__).parents[1] / "build" / "manycore"
ROUNDS, N_BARRIERS = 51, 5_000
"""To measure one barrier, two threads pass so many of them so often."""
STAMP = 8
"""Numbers of a stamp, in a cache line: processor time and time, before and after the barrier, each
as seconds and nanoseconds."""
CPU, WALL = time.CLOCK_THREAD_CPUTIME_ID, time.CLOCK_MONOTONIC

_clock_gettime = types.ExternalFunction("clock_gettime", types.int32(types.int32, types.voidptr))


def _timed_wait(counters: NDArray[np.int64], n_before: int, thread: int, n_threads: int) -> None:
    """Wait as `barrier_wait` does, and write a stamp behind its counters."""
    groups = (n_threads + GROUP_THREADS - 1) // GROUP_THREADS
    first = FIRST_GROUP + LINE * groups + STAMP * (n_before * n_threads + thread)
    _clock_gettime(CPU, counters[first : first + 2].ctypes)
    _clock_gettime(WALL, counters[first + 2 : first + 4].ctypes)
    barrier_wait(counters, n_before, thread, n_threads)
    _clock_gettime(WALL, counters[first + 6 : first + 8].ctypes)
    _clock_gettime(CPU, counters[first + 4 : first + 6].ctypes)


def _pass_barriers(counters: NDArray[np.int64], thread: int, n_threads: int, n: int) -> None:
    """Pass barriers one after another."""
    for k in range(n):
        barrier_wait(counters, k, thread, n_threads)


@cache
def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function of this module, or one that calls it, and cache it for these kernels."""
    folder = cache_folder()
    before = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str(COMPILED / (folder.name if folder else "any"))
    try:
        return numba.njit(**OPTIONS, cache=True)(function)
    finally:
        numba.config.CACHE_DIR = before


@cache
def timed_kernel() -> Any:
    """Return the kernel with `_timed_wait` in place of its barrier."""
    source: Any = train_chunk
    plain = source.py_func
    changed = {**plain.__globals__, "barrier_wait": compiled(_timed_wait)}
    return compiled(FunctionType(plain.__code__, changed))


@dataclass(frozen=True)
class Superstep:
    """What a superstep costs, in microseconds.

    Attributes
    ----------
    work
        Processor time of all threads together.
    waiting
        Time in barriers, the mean of the threads.
    barriers
        Number of barriers.
    """

    work: float
    waiting: float
    barriers: int


def median_superstep(stamps: Sequence[NDArray[np.int64]], n_supersteps: Sequence[int]) -> Superstep:
    """Return the median over the supersteps of chunks.

    Parameters
    ----------
    stamps
        int64 (n_barriers, n_threads, STAMP) of each chunk; zeros where no barrier was.
    n_supersteps
        Their supersteps.
    """
    work, waiting = [], []
    for each, n in zip(stamps, n_supersteps, strict=True):
        passed = each[each[:, 0, 2] > 0]
        barriers = (len(passed) - 1) // n
        times = passed.reshape(*passed.shape[:2], STAMP // 2, 2) @ np.array([1e6, 1e-3])
        before_cpu, before, after_cpu, after = np.moveaxis(times, 2, 0)
        by_phase = before_cpu[1:] - after_cpu[:-1]
        work.append(by_phase.reshape(n, barriers, -1).sum(axis=(1, 2)))
        waiting.append((after - before)[1:].reshape(n, barriers, -1).sum(axis=1).mean(axis=1))
    return Superstep(
        float(np.median(np.concatenate(work))), float(np.median(np.concatenate(waiting))), barriers
    )


class Training:
    """A task on a text, which can be trained with any number of threads.

    Parameters
    ----------
    task
        One of `benchmarks.tasks`.
    text
        The text.
    streams, epochs
        Options.
    folder
        An empty folder for the encoded text.
    """

    def __init__(self, task: str, text: Path, streams: int, epochs: int, folder: Path) -> None:
        settings = TASKS[task]
        kind: type[Word2VecConfig] = (
            FastTextConfig if settings.algorithm == "fasttext" else Word2VecConfig
        )
        self.config = kind(
            mode=settings.mode, learning_rate=settings.rate, vector_size=SIZE, window=WINDOW,
            min_count=MIN_COUNT, negative=NEGATIVE, sample=SAMPLE, epochs=epochs, streams=streams,
            loss="hierarchical-softmax" if settings.hierarchical else "negative-sampling",
        )  # fmt: skip
        scanned = read_text(Corpus([str(text)]), folder, None, None, silent)
        self.text: EncodedCorpus = encode_text(scanned, self.config, folder)
        self.subwords = build_subword_index(self.text.vocabulary.words, self.config)

    def job(self, n_threads: int) -> tuple[KernelJob, State]:
        """Return the untrained tables, and a job of so many threads on them."""
        config = replace(self.config, workers=n_threads)
        state = word2vec.init_state(config, self.text.vocabulary, self.subwords)
        with ExitStack() as stack:
            for module, name, value in (
                (kernel_job, "n_cores", lambda: n_threads),
                (word2vec, "n_streams_for", lambda config, n_tokens: config.streams),
            ):
                stack.enter_context(mock.patch.object(module, name, value))
            return word2vec.job_for(config, self.text, self.subwords, state), state

    def seconds(self, n_threads: int) -> tuple[float, str]:
        """Train; return the time that it took and the SHA-256 of the tables."""
        job, state = self.job(n_threads)
        job.load()
        began = time.perf_counter()
        for _ in word2vec.train_chunks(self.config, self.text, job, state):
            pass
        elapsed = time.perf_counter() - began
        digest = hashlib.sha256()
        for name in ("inputs", "outputs"):
            digest.update(state.tables[name].data)
        return elapsed, digest.hexdigest()

    def superstep(self, n_threads: int) -> tuple[Superstep, list[NDArray[np.int64]]]:
        """Train an epoch with clocks; return the median superstep, and each chunk's lengths."""
        job, state = self.job(n_threads)
        config = replace(self.config, epochs=1)
        n_stamps = 1 + 4 * -(-job.shared.tokens.ids.shape[1] // MINIBATCH_TOKENS)
        stamps: list[NDArray[np.int64]] = []

        def with_stamps(n_threads: int) -> NDArray[np.int64]:
            counters = new_counters(n_threads)
            array = np.zeros(len(counters) + n_stamps * n_threads * STAMP, np.int64)
            stamps.append(array[len(counters) :].reshape(n_stamps, n_threads, STAMP))
            return array

        lengths = []
        with (
            mock.patch.object(kernel_threads, "train_chunk", timed_kernel()),
            mock.patch.object(kernel_threads, "new_counters", with_stamps),
        ):
            for _ in word2vec.train_chunks(config, self.text, job, state):
                lengths.append(job.shared.tokens.lengths.copy())
        n_supersteps = [
            int(each.max() + MINIBATCH_TOKENS - 1) // MINIBATCH_TOKENS for each in lengths
        ]
        warm = slice(min(1, len(stamps) - 1), None)  # the first chunk compiles and fills the caches
        return median_superstep(stamps[warm], n_supersteps[warm]), lengths


def barrier_seconds() -> float:
    """Return how long two threads take to wait for each other, the median of several rounds."""
    pass_barriers = compiled(_pass_barriers)
    pass_barriers(new_counters(1), 0, 1, 1)
    rounds = []
    with ThreadPoolExecutor(2) as pool:
        for _ in range(ROUNDS):
            run = partial(pass_barriers, new_counters(2))
            began = time.perf_counter()
            list(pool.map(run, range(2), (2, 2), (N_BARRIERS, N_BARRIERS)))
            rounds.append((time.perf_counter() - began) / N_BARRIERS)
    return median(rounds)
