"""Lengths of rows, directions, principal axes and 8-bit codes of matrices, which may be on disk."""

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from embedtool.io.blocks import slices
from embedtool.io.safetensors_io import release_pages

INT8_MAX = 127
"""Largest code of a number in eight bits; -128 is not used, so that codes are symmetric."""
BLOCK_ROWS = 2**13
"""Rows that are converted or multiplied at a time: 20 MB of float64 at 300 dimensions. The sums of
`principal_axes` depend on it in the last bits."""
NORM_ROWS = 2**12
"""Rows whose norms are computed at a time: they stay in the cache."""


def row_blocks(matrix: NDArray[np.float32]) -> Iterator[NDArray[np.float64]]:
    """Yield the rows as float64, BLOCK_ROWS at a time; memory-mapped pages are released after use.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n_rows, n_columns)
        The rows; also a quantized matrix.

    Yields
    ------
    ndarray of float64, shape (at most BLOCK_ROWS, n_columns)
        A copy of the next rows.
    """
    for rows in slices(len(matrix), BLOCK_ROWS):
        yield matrix[rows].astype(np.float64)
        release_pages(matrix)


def principal_axes(
    blocks: Iterable[NDArray[np.floating]], size: int, *, fix_signs: bool = True
) -> NDArray[np.float64]:
    """Return the directions along which rows extend most.

    These are principal components if the rows are centred. Without centring, projections on the
    first axes keep as much as possible of the dot products of rows, and therefore of cosines, and
    remain linear: what holds for sums of rows still does.

    Parameters
    ----------
    blocks : iterable of ndarray, shape (any, size)
        The rows. The second moments of a block are computed in its dtype and summed in float64.
    size : int
        Number of columns.
    fix_signs : bool
        Make the largest number of each axis positive, as scikit-learn does, so that the same rows
        give the same axes everywhere. Otherwise the signs are those of LAPACK.

    Returns
    -------
    ndarray of float64, shape (size, size)
        The eigenvectors of the second moments as columns, by decreasing eigenvalue.
    """
    moments = np.zeros((size, size))
    for block in blocks:
        moments += block.T @ block
    axes: NDArray[np.float64] = np.linalg.eigh(moments)[1][:, ::-1]
    if fix_signs:
        axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(size)])
    return axes


def row_norms(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the length of each row, summed in float64.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n_rows, n_columns)

    Returns
    -------
    ndarray of float32, shape (n_rows,)
        Infinite if a length exceeds float32, even if each number of the row is finite.
    """
    norms = np.empty(len(matrix), np.float32)
    for rows in slices(len(matrix), NORM_ROWS):
        block = matrix[rows]
        with np.errstate(over="ignore"):
            norms[rows] = np.sqrt(np.einsum("ij,ij->i", block, block, dtype=np.float64))
        release_pages(matrix)
    return norms


def unit_rows(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a copy of the rows, each scaled to length 1.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n_rows, n_columns)

    Returns
    -------
    ndarray of float32, shape (n_rows, n_columns)
        In C order. Rows of zeros remain zero; rows with numbers that are not finite become zero.
    """
    norms = row_norms(matrix)
    norms[norms == 0] = 1
    with np.errstate(invalid="ignore"):
        unit: NDArray[np.float32] = np.divide(matrix, norms[:, None], order="C")
        for row in np.flatnonzero(~np.isfinite(norms)):
            wide = matrix[row].astype(np.float64)  # float64 holds lengths that exceed float32
            unit[row] = wide / np.sqrt(wide @ wide) if np.isfinite(wide).all() else 0
    return unit


def int8_rows(rows: NDArray[np.float32]) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantize each row to eight bits with a scale of its own.

    Parameters
    ----------
    rows : ndarray of float32, shape (n_rows, n_columns)

    Returns
    -------
    codes : ndarray of int8, shape (n_rows, n_columns)
        From -INT8_MAX to INT8_MAX; the largest absolute value of a row that is not zero is
        INT8_MAX.
    scales : ndarray of float32, shape (n_rows,)
        `codes * scales[:, None]` approximates the rows.
    """
    scales = np.abs(rows).max(axis=1, initial=0) / np.float32(INT8_MAX)
    divisors = np.where(scales > 0, scales, 1)[:, None]
    codes = np.rint(rows / divisors).clip(-INT8_MAX, INT8_MAX)
    return codes.astype(np.int8), scales
