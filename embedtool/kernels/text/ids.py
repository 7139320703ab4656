"""Counting and mapping the ids of tokens."""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit


@jit
def count_ids(ids: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Count ids.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        Read-only.
    counts : ndarray of int64
        Longer than the largest id; each token adds 1 to the count of its id.
    """
    for k in range(len(ids)):
        counts[ids[k]] += 1


@jit
def remap_ids(ids: NDArray[np.int32], new_ids: NDArray[np.int32]) -> None:
    """Replace each id, in place, by its new id.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        Changed in place.
    new_ids : ndarray of int32, shape (n_types,)
        The new id of each id.
    """
    for k in range(len(ids)):
        ids[k] = new_ids[ids[k]]


@jit
def filter_ids(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    rows: NDArray[np.int32],
    kept: NDArray[np.int32],
    kept_ends: NDArray[np.int64],
) -> int:
    """Replace ids by rows, dropping tokens that have none.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        Read-only.
    ends : ndarray of int64, shape (n_ends,)
        Where in `ids` each sentence ends, ascending.
    rows : ndarray of int32, shape (n_types,)
        The row of each id, or -1.
    kept : ndarray of int32, shape (n_tokens,)
        Output: the rows of the remaining tokens.
    kept_ends : ndarray of int64, shape (n_ends,)
        Output: where in `kept` each sentence ends.

    Returns
    -------
    int
        Number of remaining tokens.
    """
    n, start = 0, 0
    for k in range(len(ends)):
        n = _filter(ids[start : ends[k]], rows, kept, n)
        start = ends[k]
        kept_ends[k] = n
    return _filter(ids[start:], rows, kept, n)


@jit
def _filter(
    ids: NDArray[np.int32], rows: NDArray[np.int32], kept: NDArray[np.int32], n: int
) -> int:
    for i in range(len(ids)):
        row = rows[ids[i]]
        kept[n] = row
        n += row >= 0
    return n
