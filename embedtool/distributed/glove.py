"""GloVe on a cluster: blocks of rows and of columns meet, no two at once that share one.

In: a ClusterText and a GloveConfig. Out: the word vectors that one machine comes to, byte for byte.

The blocks are in groups, those of rows by their numbers' lowest bits, those of columns anew in each
epoch (`trainers.glove.cells_in_epoch`). All cells of a group of rows and a group of columns are
visited by one function, which is given both groups' part of the tables and returns it as it is
then; in an epoch each group of columns goes from one group of rows to the next, until it has met
all of them (stratified SGD, Gemulla et al. 2011). Which groups wait for which follows from who
needs whose result.
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
from embedtool.distributed.counting import CellPairs, count
from embedtool.distributed.partition_reading import ClusterText
from embedtool.io.progress import Progress, Report
from embedtool.model.vectors import WordVectors
from embedtool.trainers.aligned import aligned_zeros
from embedtool.trainers.checkpoint import Checkpointer, State
from embedtool.trainers.glove import (
    cells_in_epoch,
    columns_by_place,
    end_epoch,
    init_state,
    start_message,
    train_cell,
    word_vectors,
)
from embedtool.trainers.warm_start import WarmStart

QUEUED_AHEAD = 2
"""Groups begun for each that can be visited at once, so that no core waits for the next."""


def train(
    cluster: Cluster,
    config: GloveConfig,
    text: ClusterText,
    report: Report,
    initial: WarmStart | None,
    checkpointer: Checkpointer,
) -> WordVectors:
    """Count the pairs of the text, fit the tables to them, and take the word vectors out.

    Raises TrainingError and StoppedError as `trainers.glove.train`.
    """
    state = checkpointer.restore()
    pairs = count(cluster, text, config, report)

    def run(state: State) -> None:
        epochs = _Epochs(cluster, config, pairs, state)
        report(start_message(config, state, pairs.blocks.n_blocks, pairs.n_pairs, pairs.cell_size))
        while state.epoch < config.iterations:
            epochs.run(report, checkpointer)
        epochs.gather()

    state = checkpointer.run_with_retry(
        state, lambda: init_state(config, text.vocabulary, initial), run, config.learning_rate
    )
    return word_vectors(config, text.vocabulary, state)


def group_count(cluster: Cluster, n_blocks: int) -> int:
    """The least power of two that keeps all cores busy, or what the blocks allow."""
    wanted = 1 << (cluster.n_cores - 1).bit_length()
    return min(wanted, 1 << (n_blocks - 1).bit_length())


class _Epochs:
    """Visits the pairs of epoch after epoch; the tables are in groups, wherever they were last."""

    def __init__(
        self, cluster: Cluster, config: GloveConfig, pairs: CellPairs, state: State
    ) -> None:
        self.cluster, self.config, self.pairs, self.state = cluster, config, pairs, state
        self.n_groups = group_count(cluster, pairs.blocks.n_blocks)
        self._scatter()

    def _scatter(self) -> None:
        """Lay the tables where all functions can take them from."""
        self.words, self.contexts = (
            [self.cluster.put(block) for block in self._split(self.state.tables[name])]
            for name in ("words", "contexts")
        )
        self.scattered = self.words + self.contexts
        self.scattered_at = time.monotonic()

    @property
    def _aged(self) -> bool:
        """Whether it is long ago that the tables were together on this machine."""
        return time.monotonic() - self.scattered_at > COLLECT_INTERVAL_S

    def _split(self, table: NDArray[np.float32]) -> list[NDArray[np.float32]]:
        """The blocks of a table."""
        return [table[first:last] for first, last in pairwise(self.pairs.blocks.starts)]

    def gather(self) -> None:
        """Write the tables to the state, as they are by now."""
        for name, blocks in (("words", self.words), ("contexts", self.contexts)):
            for target, ref in zip(self._split(self.state.tables[name]), blocks, strict=True):
                target[:] = self.cluster.get(ref)

    def run(self, report: Report, checkpointer: Checkpointer) -> None:
        """Visit every pair once, or those that are left of an epoch.

        As `trainers.glove.run_epoch`, whose table `losses` the state has as well.
        """
        config, state, pairs = self.config, self.state, self.pairs
        order = cells_in_epoch(config, state.epoch + 1, pairs.blocks.n_blocks, pairs.cell_size)
        losses = state.tables.setdefault("losses", np.full((len(order), 2), np.nan))
        before, total = state.epoch * pairs.n_pairs, config.iterations * pairs.n_pairs
        seen = sum(pairs.cell_size(*order[i]) for i in np.flatnonzero(~np.isnan(losses[:, 0])))
        while np.isnan(losses).any():
            for node, n_cells in self._visit_groups(order, losses, checkpointer):
                seen += n_cells
                done = before + min(seen, pairs.n_pairs)
                mean, untrained = (np.nansum(losses, axis=0) / seen).tolist()
                report(
                    Progress("training", done, total, "pairs", state.epoch + 1, mean,
                             nodes=((node, n_cells),), untrained=untrained)
                )  # fmt: skip
            if np.isnan(losses).any():
                self.gather()
                checkpointer.maybe_save(state, state.epoch)
                self._scatter()
        report(end_epoch(config, state, pairs.n_pairs))
        if checkpointer.should_save(state.epoch):
            self.gather()
            checkpointer.maybe_save(state, state.epoch)

    def _visit_groups(
        self, order: Sequence[Cell], losses: NDArray[np.float64], checkpointer: Checkpointer
    ) -> Iterator[tuple[str, int]]:
        """Visit the cells that have no loss yet, until the tables are to come together.

        Yields the node that visited those of two groups, and about how many pairs that were.
        """
        epoch, n_blocks = self.state.epoch + 1, self.pairs.blocks.n_blocks
        places = np.argsort(columns_by_place(self.config, epoch, n_blocks))
        visits: dict[tuple[int, int], list[int]] = {}
        for i in np.flatnonzero(np.isnan(losses[:, 0])).tolist():
            row, column = order[i]
            group = row % self.n_groups, int(places[column]) % self.n_groups
            visits.setdefault(group, []).append(i)
        waiting: deque[tuple[list[int], Ref]] = deque()

        def take() -> tuple[str, int]:
            numbers, ref = waiting.popleft()
            losses[numbers], node = self.cluster.get(ref)
            return self.cluster.node_name(node), sum(
                self.pairs.cell_size(*order[i]) for i in numbers
            )

        for numbers in visits.values():
            if checkpointer.due or self._aged:
                break
            waiting.append((numbers, self._begin([order[i] for i in numbers])))
            if len(waiting) > QUEUED_AHEAD * self.n_groups:
                yield take()
        while waiting:
            yield take()

    def _begin(self, cells: Sequence[Cell]) -> Ref:
        """Begin to visit the cells of two groups; returns what will be their losses."""
        rows, columns = (sorted({cell[side] for cell in cells}) for side in range(2))
        stored = [self.pairs.cells[stored_cell(cell, self.pairs.symmetric)] for cell in cells]
        visit = _Visit(
            self.config, self.state.epoch + 1, self.state.lr_scale, self.pairs.symmetric,
            self.pairs.blocks.starts, rows, columns, cells,
        )  # fmt: skip
        blocks = [self.words[row] for row in rows] + [self.contexts[column] for column in columns]
        losses, *blocks = self.cluster.submit(
            _visit, visit, *blocks, *stored, n_results=1 + len(blocks)
        )
        for row in rows:
            self.words[row] = blocks.pop(0)
        for column in columns:
            self.contexts[column] = blocks.pop(0)
        return losses


@dataclass(frozen=True, eq=False)
class _Visit:
    """What is to be visited: cells of these blocks of rows and of columns, in this order."""

    config: GloveConfig
    epoch: int
    rate: float
    symmetric: bool
    starts: NDArray[np.int64]
    rows: Sequence[int]
    columns: Sequence[int]
    cells: Sequence[Cell]


def _visit(visit: _Visit, *blocks_and_pairs: Any) -> tuple[Any, ...]:
    """Visit the cells; returns their losses and the node, and the blocks as they are then.

    blocks_and_pairs : the blocks of rows, those of columns, and the pairs of each cell
    """
    n_rows, n_blocks = len(visit.rows), len(visit.rows) + len(visit.columns)
    blocks = [_writable(block) for block in blocks_and_pairs[:n_blocks]]
    words = dict(zip(visit.rows, blocks[:n_rows], strict=True))
    contexts = dict(zip(visit.columns, blocks[n_rows:], strict=True))
    losses = []
    for cell, stored in zip(visit.cells, blocks_and_pairs[n_blocks:], strict=True):
        row, column = cell
        rows, columns, counts = pairs_of_cell(cell, visit.symmetric, stored)
        first_row, first_column = visit.starts[[row, column]].astype(np.int32)
        pairs = rows - first_row, columns - first_column, counts
        losses.append(
            train_cell(
                visit.config, visit.epoch, cell, pairs, words[row], contexts[column], visit.rate
            )
        )
    return (losses, current_node_id()), *blocks


def _writable(block: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy that begins where a line of the cache does."""
    copy = aligned_zeros(*block.shape)
    copy[:] = block
    return copy
