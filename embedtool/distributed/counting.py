"""Co-occurrence on a cluster: partitions are counted on their nodes, key ranges merged on any.

The counts equal those of `corpus.cooccurrence`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig
from embedtool.corpus.cells import Blocks
from embedtool.corpus.cooccurrence import (
    Cell,
    Pairs,
    blocks_for,
    decode_pairs,
    distance_weights,
    size_of_cell,
    stored_cell,
)
from embedtool.corpus.pair_counting import count_run
from embedtool.corpus.sorted_runs import ENTRY, Run, merge_runs
from embedtool.distributed.cluster import Cluster, Ref, current_node_id
from embedtool.distributed.partition_reading import Encoded, EncodedPartitions, bounded_submit
from embedtool.io.machine import MiB
from embedtool.io.progress import Progress, Report

SORTED_ENTRIES = 2**22
"""Entries that a task sorts at a time, in some dozens of MiB; more would not be faster."""
RANGE_BYTES = 256 * MiB
"""Approximate bytes of counts that are merged at a time, before those of one pair are summed."""
RANGES_PER_CORE = 2


@dataclass(frozen=True, eq=False)
class CellPairs:
    """The pairs of a text, cell by cell.

    Attributes
    ----------
    symmetric
        As in `Cooccurrence`.
    blocks
        Blocks of the vocabulary.
    cells
        References to the Pairs of each stored cell.
    sizes
        Number of pairs of each stored cell.
    n_pairs
        Number of pairs; (i, j) and (j, i) are two.
    """

    symmetric: bool
    blocks: Blocks
    cells: Mapping[Cell, Ref]
    sizes: Mapping[Cell, int]
    n_pairs: int

    def cell_size(self, row_block: int, column_block: int) -> int:
        """Estimate the number of pairs of a cell, as `Cooccurrence`."""
        cell = row_block, column_block
        return size_of_cell(cell, self.symmetric, self.sizes[stored_cell(cell, self.symmetric)])


def count_pairs(
    cluster: Cluster, text: EncodedPartitions, config: GloveConfig, report: Report
) -> CellPairs:
    """Count the pairs of a text. Raises TrainingError as `count_cooccurrence` does."""
    blocks = blocks_for(text.vocabulary, text.n_tokens, config)
    cells, bounds = _ranges(cluster, blocks, text.n_tokens, config)
    codes = cluster.put(blocks.codes())
    n_ranges = len(cells)
    runs: list[list[Ref]] = []
    done = 0

    def begin(partition: Ref) -> list[Ref]:
        run = cluster.submit(_count, partition, codes, config, bounds, n_results=1 + n_ranges)
        runs.append(run)
        return list(run)

    for _, run in bounded_submit(cluster, text.partitions, begin):
        n_tokens, node = cluster.get(run[0])
        done += n_tokens
        nodes = ((cluster.node_name(node), n_tokens),)
        report(Progress("counting pairs", done, text.n_tokens, "words", nodes=nodes))
    merging = [
        cluster.submit(
            _merge, blocks, config, cells[k], *(run[1 + k] for run in runs),
            n_results=1 + len(cells[k]),
        )
        for k in range(n_ranges)
    ]  # fmt: skip
    sizes: dict[Cell, int] = {}
    n_equal = 0
    for k, result in enumerate(merging):
        range_sizes, equal = cluster.get(result[0])
        sizes |= zip(cells[k], range_sizes, strict=True)
        n_equal += equal
        report(Progress("merging pairs", k + 1, n_ranges, "ranges"))
    stored = sum(sizes.values())
    refs = {
        cell: ref
        for k, row in enumerate(merging)
        for cell, ref in zip(cells[k], row[1:], strict=True)
    }
    n_pairs = 2 * stored - n_equal if config.symmetric else stored
    return CellPairs(config.symmetric, blocks, refs, sizes, n_pairs)


def _ranges(
    cluster: Cluster, blocks: Blocks, n_tokens: int, config: GloveConfig
) -> tuple[list[list[Cell]], NDArray[np.uint64]]:
    """Divide the stored cells into ranges of keys; also return the first key of each range."""
    n = blocks.n_blocks
    stored = [(i, j) for i in range(n) for j in range(n) if not config.symmetric or i <= j]
    n_bytes = 2 * ENTRY.itemsize * n_tokens * config.window
    n_ranges = max(RANGES_PER_CORE * cluster.n_cores, n_bytes // RANGE_BYTES)
    ranges = np.array_split(np.arange(len(stored)), min(n_ranges, len(stored)))
    cells = [[stored[i] for i in each] for each in ranges]
    keys = blocks.cell_keys()
    return cells, np.array([keys[each[0][0] * n + each[0][1]] for each in cells], ENTRY)


def _count(
    partition: Encoded, codes: NDArray[np.uint64], config: GloveConfig, bounds: NDArray[np.uint64]
) -> tuple[object, ...]:
    keys, sums = count_run(*partition, codes, config, SORTED_ENTRIES)
    splits = [0, *np.searchsorted(keys, bounds[1:]).tolist(), len(keys)]
    runs = [(keys[i:j], sums[i:j]) for i, j in pairwise(splits)]
    return (len(partition[0]), current_node_id()), *runs


def _merge(
    blocks: Blocks, config: GloveConfig, cells: list[Cell], *runs: Run
) -> tuple[object, ...]:
    keys, sums = merge_runs(list(runs))
    _, unit = distance_weights(config.window, config.distance_weighting)
    (rows, columns, counts), n_equal = decode_pairs(keys, sums, blocks, config, unit)
    begins = [blocks.cell_keys()[row * blocks.n_blocks + column] for row, column in cells]
    splits = [*np.searchsorted(keys, np.array(begins, ENTRY)).tolist(), len(keys)]
    pairs: list[Pairs] = [(rows[i:j], columns[i:j], counts[i:j]) for i, j in pairwise(splits)]
    return ([len(each[0]) for each in pairs], n_equal), *pairs
