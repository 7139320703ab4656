"""GloVe on a cluster: stratified SGD over blocks of words and contexts, byte-identical to local.

Blocks of rows are grouped by the lowest bits of their numbers, blocks of columns differently in
each epoch (`trainers.glove_cells`). All cells of a group of rows and a group of columns are trained
by one task, which gets both groups' blocks of the tables and returns them updated. In an epoch each
group of columns is combined with all groups of rows in turn (Gemulla et al. 2011). A task waits for
those whose results are its arguments.
"""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig
from embedtool.corpus.cooccurrence import Cell, pairs_of_cell, stored_cell
from embedtool.distributed.cluster import COLLECT_INTERVAL_S, Cluster, Ref, current_node_id
from embedtool.distributed.counting import CellPairs, count_pairs
from embedtool.distributed.partition_reading import EncodedPartitions
from embedtool.io.progress import Progress, Report
from embedtool.model.vectors import VectorTable
from embedtool.trainers.aligned import aligned_zeros
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.glove import (
    end_epoch,
    init_state,
    start_message,
    train_cell,
    word_vectors,
)
from embedtool.trainers.glove_cells import cells_in_epoch, column_blocks_by_index
from embedtool.trainers.state import State
from embedtool.trainers.warm_start import WarmStart

QUEUED_AHEAD = 2
"""Tasks submitted per task that can run concurrently, so that no core is idle."""


def train(
    cluster: Cluster,
    config: GloveConfig,
    text: EncodedPartitions,
    report: Report,
    warm_start: WarmStart | None,
    checkpointer: Checkpointer,
) -> VectorTable:
    """Count the pairs of the text, fit the tables to them, and return the word vectors.

    Parameters
    ----------
    cluster
        The cluster to train on.
    config, text
        The options, and the text.
    warm_start
        Vectors to start from.
    checkpointer
        Saves and restores the state.

    Raises
    ------
    TrainingError
        If the training diverges.
    StoppedError
        If it is asked to stop.
    """
    state = checkpointer.restore()
    pairs = count_pairs(cluster, text, config, report)

    def run(state: State) -> None:
        epochs = StratifiedSGD(cluster, config, pairs, state)
        report(start_message(config, state, pairs.blocks.n_blocks, pairs.n_pairs, pairs.cell_size))
        while state.epoch < config.epochs:
            epochs.run(report, checkpointer)
        epochs.gather()

    state = checkpointer.run_with_retry(
        state, lambda: init_state(config, text.vocabulary, warm_start), run, config.learning_rate
    )
    return word_vectors(config, text.vocabulary, state)


def group_count(cluster: Cluster, n_blocks: int) -> int:
    """Return the smallest power of two that keeps all cores busy, limited by the blocks."""
    busy = 1 << (cluster.n_cores - 1).bit_length()
    return min(busy, 1 << (n_blocks - 1).bit_length())


class StratifiedSGD:
    """Trains epoch after epoch; each block of the tables stays on the node that trained it last."""

    def __init__(
        self, cluster: Cluster, config: GloveConfig, pairs: CellPairs, state: State
    ) -> None:
        self.cluster, self.config, self.pairs, self.state = cluster, config, pairs, state
        self.n_groups = group_count(cluster, pairs.blocks.n_blocks)
        self._scatter()

    def _scatter(self) -> None:
        """Put the blocks of the tables into Ray's object store."""
        self.words, self.contexts = (
            [self.cluster.put(block) for block in self._split(self.state.tables[name])]
            for name in ("words", "contexts")
        )
        self.scattered = self.words + self.contexts  # kept as the root of lineage
        self.scattered_at = time.monotonic()

    @property
    def _aged(self) -> bool:
        """Whether the tables were collected GATHER_SECONDS ago or earlier."""
        return time.monotonic() - self.scattered_at > COLLECT_INTERVAL_S

    def _split(self, table: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """Return the blocks of a table."""
        return [table[first:last] for first, last in pairwise(self.pairs.blocks.starts)]

    def gather(self) -> None:
        """Collect the current blocks of the tables into the state."""
        for name, blocks in (("words", self.words), ("contexts", self.contexts)):
            for target, ref in zip(self._split(self.state.tables[name]), blocks, strict=True):
                target[:] = self.cluster.get(ref)

    def run(self, report: Report, checkpointer: Checkpointer) -> None:
        """Train an epoch, or the rest of it.

        As in `trainers.glove.run_epoch`, the state has the table `losses`.
        """
        config, state, pairs = self.config, self.state, self.pairs
        order = cells_in_epoch(config, state.epoch + 1, pairs.blocks.n_blocks, pairs.cell_size)
        losses = state.tables.setdefault("losses", np.full((len(order), 2), np.nan))
        before, total = state.epoch * pairs.n_pairs, config.epochs * pairs.n_pairs
        seen = sum(pairs.cell_size(*order[i]) for i in np.flatnonzero(~np.isnan(losses[:, 0])))
        while np.isnan(losses).any():
            for node, n_pairs in self._train_groups(order, losses, checkpointer):
                seen += n_pairs
                done = before + min(seen, pairs.n_pairs)
                mean, untrained = (np.nansum(losses, axis=0) / seen).tolist()
                report(
                    Progress("training", done, total, "pairs", state.epoch + 1, mean,
                             nodes=((node, n_pairs),), untrained=untrained)
                )  # fmt: skip
            if np.isnan(losses).any():
                self.gather()
                checkpointer.maybe_save(state, state.epoch)
                self._scatter()
        report(end_epoch(config, state, pairs.n_pairs))
        if checkpointer.should_save(state.epoch):
            self.gather()
            checkpointer.maybe_save(state, state.epoch)

    def _train_groups(
        self, order: Sequence[Cell], losses: NDArray[np.float64], checkpointer: Checkpointer
    ) -> Iterator[tuple[str, int]]:
        """Train the cells that have no loss yet, until the tables are due to be gathered.

        Yields
        ------
        tuple
            The node that trained the cells of two groups, and their approximate number of pairs.
        """
        epoch, n_blocks = self.state.epoch + 1, self.pairs.blocks.n_blocks
        positions = np.argsort(column_blocks_by_index(self.config, epoch, n_blocks))
        tasks: dict[tuple[int, int], list[int]] = {}
        for i in np.flatnonzero(np.isnan(losses[:, 0])).tolist():
            row, column = order[i]
            group = row % self.n_groups, int(positions[column]) % self.n_groups
            tasks.setdefault(group, []).append(i)
        running: deque[tuple[list[int], Ref]] = deque()

        def finish() -> tuple[str, int]:
            numbers, ref = running.popleft()
            losses[numbers], node = self.cluster.get(ref)
            return self.cluster.node_name(node), sum(
                self.pairs.cell_size(*order[i]) for i in numbers
            )

        for numbers in tasks.values():
            if checkpointer.due or self._aged:
                break
            running.append((numbers, self._begin([order[i] for i in numbers])))
            if len(running) > QUEUED_AHEAD * self.n_groups:
                yield finish()
        while running:
            yield finish()

    def _begin(self, cells: Sequence[Cell]) -> Ref:
        """Submit the cells of two groups; return a reference to their losses."""
        rows, columns = (sorted({cell[side] for cell in cells}) for side in range(2))
        stored = [self.pairs.cells[stored_cell(cell, self.pairs.symmetric)] for cell in cells]
        task = CellTask(
            self.config, self.state.epoch + 1, self.state.lr_scale, self.pairs.symmetric,
            self.pairs.blocks.starts, rows, columns, cells,
        )  # fmt: skip
        blocks = [self.words[row] for row in rows] + [self.contexts[column] for column in columns]
        losses, *blocks = self.cluster.submit(
            train_cells, task, *blocks, *stored, n_results=1 + len(blocks)
        )
        for row in rows:
            self.words[row] = blocks.pop(0)
        for column in columns:
            self.contexts[column] = blocks.pop(0)
        return losses


@dataclass(frozen=True, eq=False)
class CellTask:
    """A task: cells of some blocks of rows and columns, trained in order.

    Attributes
    ----------
    config, epoch, lr_scale
        As for `trainers.glove.train_cell`.
    symmetric
        Whether cells (i, j) and (j, i) are stored as one.
    starts
        int64 (n_blocks + 1,), first word of each block.
    rows, columns
        Numbers of the blocks.
    cells
        The cells, in the order of training.
    """

    config: GloveConfig
    epoch: int
    lr_scale: float
    symmetric: bool
    starts: NDArray[np.int64]
    rows: Sequence[int]
    columns: Sequence[int]
    cells: Sequence[Cell]


def train_cells(task: CellTask, *blocks_and_pairs: Any) -> tuple[Any, ...]:
    """Train cells on a node.

    Parameters
    ----------
    task
        The cells.
    *blocks_and_pairs
        The blocks of rows, those of columns, and the pairs of each cell.

    Returns
    -------
    tuple
        (losses, node), and the blocks after training.
    """
    n_rows, n_blocks = len(task.rows), len(task.rows) + len(task.columns)
    blocks = [_writable(block) for block in blocks_and_pairs[:n_blocks]]
    words = dict(zip(task.rows, blocks[:n_rows], strict=True))
    contexts = dict(zip(task.columns, blocks[n_rows:], strict=True))
    losses = []
    for cell, stored in zip(task.cells, blocks_and_pairs[n_blocks:], strict=True):
        row, column = cell
        rows, columns, counts = pairs_of_cell(cell, task.symmetric, stored)
        first_row, first_column = task.starts[[row, column]].astype(np.int32)
        pairs = rows - first_row, columns - first_column, counts
        losses.append(
            train_cell(
                task.config, task.epoch, cell, pairs, words[row], contexts[column], task.lr_scale
            )
        )
    return (losses, current_node_id()), *blocks


def _writable(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """Copy a block to memory that is aligned to a cache line."""
    copy = aligned_zeros(*block.shape)
    copy[:] = block
    return copy
