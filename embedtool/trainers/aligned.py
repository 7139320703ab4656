"""Tables as kernels take them: rows filled up, and each at the beginning of a line of the cache.

In: how many rows, and how long they are. Out: zeros.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.simd.registers import SIMD_WIDTH

LINE_BYTES = 64
ROWS_AT_A_TIME = 2**14
"""Rows that are made or copied in one go."""


def pad_to_simd(size: int) -> int:
    """The next multiple of SIMD_WIDTH."""
    return -(-size // SIMD_WIDTH) * SIMD_WIDTH


def aligned_zeros(n_rows: int, width: int) -> NDArray[np.float32]:
    """float32 (n_rows, width), the first row at the beginning of a line.

    Where the width is a multiple of SIMD_WIDTH, so are all others, and take fewer lines.
    """
    memory = np.zeros(n_rows * width + LINE_BYTES // 4, np.float32)
    first = -memory.ctypes.data % LINE_BYTES // memory.itemsize
    return memory[first : first + n_rows * width].reshape(n_rows, width)


def strip_padding(table: NDArray[np.float32], size: int) -> NDArray[np.float32]:
    """The first `size` columns without gaps, in the memory of the table."""
    flat = table.reshape(-1)
    for first in range(0, len(table), ROWS_AT_A_TIME):
        part = table[first : first + ROWS_AT_A_TIME, :size].copy()
        flat[first * size : first * size + part.size] = part.reshape(-1)
    return flat[: len(table) * size].reshape(len(table), size)
