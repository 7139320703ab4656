"""The rows of a sharded table that a replica trains: gathered before, returned as deltas after."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from embedtool.distributed.merging import QuantizedDeltas
from embedtool.kernels.sgd.merging import gather_bf16, quantize_deltas
from embedtool.trainers.aligned import aligned_zeros, pad_to_simd


def rows_in_shard(
    rows: NDArray[np.int32], shard: int, n_shards: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Find the rows of a table that are in a shard, which has every n-th row of the table.

    Returns
    -------
    tuple of ndarray
        Their indices among the rows, and their indices in the shard, both int32.
    """
    slots = np.flatnonzero(rows % n_shards == shard).astype(np.int32)
    return slots, rows[slots] // n_shards


@dataclass(frozen=True, eq=False)
class RowSubset:
    """Some rows of a table, and the shards that they come from.

    Attributes
    ----------
    rows
        int32 (n,), ascending.
    shards
        bfloat16 (n_rows, vector_size) each: shard k of n holds the rows k, k + n, k + 2 n, ... of
        the table, or only those of them that are in `rows`.
    whole
        Whether the shards hold all rows of the table.
    """

    rows: NDArray[np.int32]
    shards: Sequence[NDArray[np.uint16]]
    whole: bool

    def gather(self) -> NDArray[np.float32]:
        """Return the rows, float32 (n, width), padded with zeros for the kernels."""
        table = aligned_zeros(len(self.rows), pad_to_simd(self.shards[0].shape[1]))
        for shard, (slots, _, sources) in zip(self.shards, self._locations, strict=True):
            gather_bf16(shard, sources, slots, table)
        return table

    def deltas(
        self, table: NDArray[np.float32], curvature: NDArray[np.float32]
    ) -> list[QuantizedDeltas]:
        """Return the changes of the rows since `gather`, for each shard.

        Parameters
        ----------
        table
            The rows from `gather`, after training.
        curvature
            float32 (n,), of the updates of each row.
        """
        deltas = []
        for shard, (slots, numbers, sources) in zip(self.shards, self._locations, strict=True):
            quantized = np.empty((len(numbers), shard.shape[1]), np.int8)
            scales = np.empty(len(numbers), np.float32)
            quantize_deltas(shard, sources, slots, table, quantized, scales)
            deltas.append(QuantizedDeltas(numbers, quantized, scales, curvature[slots]))
        return deltas

    @cached_property
    def _locations(self) -> list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]]:
        """For each shard, its positions in `rows`, row numbers, and indices in the shard."""
        locations = []
        for k in range(len(self.shards)):
            slots, numbers = rows_in_shard(self.rows, k, len(self.shards))
            sources = numbers if self.whole else np.arange(len(numbers), dtype=np.int32)
            locations.append((slots, numbers, sources))
        return locations
