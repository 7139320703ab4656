"""Tables for the kernels: rows padded for SIMD and aligned to cache lines."""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.simd.registers import SIMD_WIDTH

CACHE_LINE_BYTES = 64
BLOCK_ROWS = 2**14
"""Rows that are initialized or copied at a time."""


def pad_to_simd(size: int) -> int:
    """Return the next multiple of SIMD_WIDTH."""
    return -(-size // SIMD_WIDTH) * SIMD_WIDTH


def aligned_zeros(n_rows: int, width: int) -> NDArray[np.float32]:
    """Return zeros, float32 (n_rows, width), that begin at a cache line.

    If the width is a multiple of SIMD_WIDTH, every row does, and rows span fewer lines.
    """
    memory = np.zeros(n_rows * width + CACHE_LINE_BYTES // 4, np.float32)
    first = -memory.ctypes.data % CACHE_LINE_BYTES // memory.itemsize
    return memory[first : first + n_rows * width].reshape(n_rows, width)


def strip_padding(table: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """Return the first `size` columns without gaps, in the memory of the table."""
    flat = table.reshape(-1)
    for first in range(0, len(table), BLOCK_ROWS):
        part = table[first : first + BLOCK_ROWS, :size].copy()
        flat[first * size : first * size + part.size] = part.reshape(-1)
    return flat[: len(table) * size].reshape(len(table), size)
