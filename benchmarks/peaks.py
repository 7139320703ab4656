"""The peaks of one core, measured: arithmetic in cache, memory in order and at random."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_info, threadpool_limits

from embedtool.kernels.jit import jit
from embedtool.kernels.simd.prefetch import prefetch_row
from embedtool.trainers.aligned import aligned_zeros

SGEMM_SIZE = 256
"""Rows and columns of the matrices: three of them, 768 KiB, fit the level-2 cache."""
TRIAD_FLOATS = 2**25
"""Length of each array of the triad, 128 MiB: several times the last-level cache."""
GATHERED_ROWS = 2**19
DISTANCE = 8
"""Rows between a prefetch and the use of the row."""
TIMES = 5
"""The best of so many times: a peak is what the machine can do, not what it does on average."""
CACHES = Path("/sys/devices/system/cpu/cpu0/cache")
UNKNOWN_CACHE_BYTES = 32 * 2**20
"""Last-level cache of a machine that does not tell it (not Linux)."""


class RowSeconds(NamedTuple):
    """Seconds to read a random row of a table, and to add to one, which reads and writes it."""

    gather: float
    update: float


def sgemm_flops() -> tuple[float, str]:
    """Return what a product of matrices in cache reaches on a core, and by which kernels of BLAS.

    In floating-point operations per second.
    """
    first, second = (np.ones((SGEMM_SIZE, SGEMM_SIZE), np.float32) for _ in range(2))
    product = np.empty_like(first)
    with threadpool_limits(1):
        seconds = _best(lambda: np.matmul(first, second, out=product), 20)
    blas = next(each for each in threadpool_info() if each["user_api"] == "blas")
    kernels = f"{blas['internal_api']} {blas['version']}, {blas.get('architecture', 'unknown')}"
    return 2 * SGEMM_SIZE**3 / seconds, kernels


def triad_bytes() -> float:
    """Return bytes per second of a = b + s c on arrays in memory (STREAM, McCalpin 1995)."""
    a, b, c = (np.ones(TRIAD_FLOATS, np.float32) for _ in range(3))
    scale = np.float32(0.5)
    _triad(a[:1], b, c, scale)
    return 3 * a.nbytes / _best(lambda: _triad(a, b, c, scale))


def row_seconds(n_rows: int, width: int) -> RowSeconds:
    """Return what a row takes, drawn uniformly from a table of `n_rows` rows of `width` floats."""
    table = aligned_zeros(n_rows, width)
    table[:] = 1
    rows = np.random.default_rng(1).integers(0, n_rows, GATHERED_ROWS).astype(np.int32)
    vector = np.zeros(table.shape[1], np.float32)
    for kernel in (_gather, _update):
        kernel(table, rows[:1], vector)
    return RowSeconds(
        _best(lambda: _gather(table, rows, vector)) / len(rows),
        _best(lambda: _update(table, rows, vector)) / len(rows),
    )


def last_level_bytes() -> int:
    """Return the size of the last-level cache."""
    sizes = [
        int(text[:-1]) * {"K": 2**10, "M": 2**20}[text[-1]]
        for path in CACHES.glob("index*/size")
        if (text := path.read_text().strip())[-1:] in ("K", "M")
    ]
    return max(sizes, default=UNKNOWN_CACHE_BYTES)


def _best(call: Callable[[], object], calls: int = 1) -> float:
    """Return the seconds of a call, the best of TIMES means of `calls`."""
    best = float("inf")
    for _ in range(TIMES):
        began = time.perf_counter()
        for _ in range(calls):
            call()
        best = min(best, (time.perf_counter() - began) / calls)
    return best


@jit
def _triad(
    a: NDArray[np.float32], b: NDArray[np.float32], c: NDArray[np.float32], scale: np.float32
) -> None:
    for i in range(len(a)):
        a[i] = b[i] + scale * c[i]


@jit
def _gather(
    table: NDArray[np.float32], rows: NDArray[np.int32], vector: NDArray[np.float32]
) -> None:
    """Add rows to a vector."""
    for i in range(len(rows)):
        if i + DISTANCE < len(rows):
            prefetch_row(table, rows[i + DISTANCE])
        row = table[rows[i]]
        for d in range(len(vector)):
            vector[d] += row[d]


@jit
def _update(
    table: NDArray[np.float32], rows: NDArray[np.int32], vector: NDArray[np.float32]
) -> None:
    """Add a vector to rows."""
    for i in range(len(rows)):
        if i + DISTANCE < len(rows):
            prefetch_row(table, rows[i + DISTANCE])
        row = table[rows[i]]
        for d in range(len(vector)):
            row[d] += vector[d]
