"""Merge the deltas of the replicas of local SGD since the last sync, shard by shard.

`kernels.sgd.merging.damp_deltas` damps the sum of the replicas' deltas, given the curvature along
each direction. The Hessian of the loss in a row of one table is a sum of outer products of rows of
the other table (`kernels.sgd.logistic`), so the directions of largest curvature are about the same
for all rows: the eigenvectors of the second moment of the other table's rows, each weighted by how
often it is a target. Weighting deltas by curvature is Fisher merging (Matena and Raffel 2022);
second moments in place of Hessians are the idea of K-FAC (Martens and Grosse 2015).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from embedtool.kernels.sgd.merging import (
    EPS,
    accumulate_deltas,
    damp_deltas,
    rotate_rows,
    to_bfloat16,
)

INPUT_CURVATURE_SCALE, OUTPUT_CURVATURE_SCALE = 10, 0.25
"""Per-pair curvature underestimates that of a whole interval's text. Empirical correction: input
rows 10 times, output rows 0.25 (n_replicas - 1) times. Measured on 16 million tokens, see
docs/scale.md."""
MERGE_BLOCK_ROWS = 2**11
"""Rows merged at a time, which fit in the cache."""

Moments = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Second moments, (vector_size, vector_size), of hidden vectors and of their target output rows."""
Shard = tuple[NDArray[np.float32], NDArray[np.float32]]
"""Every n-th row of the input table and of the output table."""
Bf16Shard = tuple[NDArray[np.uint16], NDArray[np.uint16]]
"""A shard rounded to bfloat16, for the replicas."""


@dataclass(frozen=True, eq=False)
class QuantizedDeltas:
    """The changes of a replica to some rows of a table.

    Attributes
    ----------
    rows
        int32 (n,), ascending.
    deltas
        int8 (n, vector_size), multiples of `scales`.
    scales
        float32 (n,).
    curvature
        float32 (n,), learning rate times trace of the Hessian, at most 1, summed over the
        minibatches that update a row.
    """

    rows: NDArray[np.int32]
    deltas: NDArray[np.int8]
    scales: NDArray[np.float32]
    curvature: NDArray[np.float32]

    def between(self, first: int, last: int) -> "QuantizedDeltas":
        """Return the deltas of the rows [first, last), renumbered from `first`."""
        inside = slice(*np.searchsorted(self.rows, (first, last)))
        return QuantizedDeltas(
            self.rows[inside] - np.int32(first),
            self.deltas[inside],
            self.scales[inside],
            self.curvature[inside],
        )


def curvature_basis(moments: Sequence[Moments]) -> tuple[tuple[NDArray[np.float32], ...], ...]:
    """Compute the directions of curvature of the input and of the output table.

    Parameters
    ----------
    moments
        Second moments of each replica.

    Returns
    -------
    tuple of tuple of ndarray
        For each table the basis, float32 (vector_size, vector_size), a direction per column, and
        the direction weights, float32 (vector_size,), by which a row's curvature is multiplied: the
        fraction of the trace along the direction, times the table's curvature scale.
    """
    bases = []
    scales = INPUT_CURVATURE_SCALE, OUTPUT_CURVATURE_SCALE * (len(moments) - 1)
    with one_blas_thread():
        for other_table, scale in zip((1, 0), scales, strict=True):
            weights, basis = np.linalg.eigh(sum(each[other_table] for each in moments))
            weights = np.maximum(weights, 0)
            weights *= scale / max(weights.sum(), EPS)
            bases.append((basis, weights))
    return tuple(bases)


def merge_shard(
    shard: NDArray[np.float32],
    replicas: Sequence[QuantizedDeltas],
    basis: NDArray[np.float32],
    direction_weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return a shard of a table with the deltas of all replicas, which are added in order.

    A row that only one replica has changed gets its whole delta.

    Parameters
    ----------
    shard
        float32 (n, vector_size).
    replicas
        The deltas of each replica, by the rows' numbers in the shard.
    basis, direction_weights
        The basis and weights of the table, from `curvature_basis`.
    """
    merged = np.empty_like(shard)
    for first in range(0, len(shard), MERGE_BLOCK_ROWS):
        before = shard[first : first + MERGE_BLOCK_ROWS]
        sums = np.zeros_like(before)
        curvature = np.zeros((len(replicas), len(before)), np.float32)
        n_replicas = np.zeros(len(before), np.int32)
        for number, replica in enumerate(replicas):
            deltas = replica.between(first, first + len(before))
            accumulate_deltas(deltas.deltas, deltas.scales, deltas.rows, sums)
            curvature[number, deltas.rows] = deltas.curvature
            n_replicas[deltas.rows] += 1
        shared = np.flatnonzero(n_replicas > 1)
        sums[shared] = damp_sums(sums[shared], curvature[:, shared], basis, direction_weights)
        np.add(before, sums, out=merged[first : first + len(before)])
    return merged


@cache
def _blas() -> ThreadpoolController:
    """Return the controller of BLAS, which searches the loaded libraries once."""
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Limit BLAS to one thread: the last bits of sums depend on the number of threads."""
    with _blas().limit(limits=1):
        yield


def bf16(shard: NDArray[np.float32]) -> NDArray[np.uint16]:
    """Return rows rounded to bfloat16."""
    rounded = np.empty(shard.shape, np.uint16)
    to_bfloat16(shard, rounded)
    return rounded


def damp_sums(
    sums: NDArray[np.float32],
    curvature: NDArray[np.float32],
    basis: NDArray[np.float32],
    direction_weights: NDArray[np.float32],
) -> NDArray[np.float32]:
    """Return sums of deltas, damped along each direction by the curvature of all replicas.

    Parameters
    ----------
    sums
        float32 (n, vector_size).
    curvature
        float32 (n_replicas, n).
    basis, direction_weights
        As for `merge_shard`.
    """
    along, back = np.empty_like(sums), np.empty_like(sums)
    rotate_rows(sums, np.ascontiguousarray(basis), along)
    damp_deltas(along, np.ascontiguousarray(curvature), direction_weights)
    rotate_rows(along, np.ascontiguousarray(basis.T), back)
    return back
