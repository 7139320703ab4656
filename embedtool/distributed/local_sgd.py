"""Word2Vec and FastText on a cluster by local SGD: replicas train slices of the text between syncs.

The vectors depend on the number of replicas and of syncs, and not on the nodes. Each interval
between two syncs is one superstep (BSP, bulk-synchronous parallel), in which every replica starts
from the same parameters, as in local SGD (Stich 2019) and federated averaging (McMahan et al.
2017).

The tables are sharded by row, into as many shards as replicas and at most MAX_SHARDS, each on the
node that merged it last. A replica gets copies of all shards and selects the rows that it needs; if
the tables are too large for a node, it gets only these rows (cf. the parameter servers of
Ordentlich et al. 2016). Replicas are merged shard by shard (`merging.merge_shard`).
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import ClusterConfig, Word2VecConfig
from embedtool.distributed.cluster import COLLECT_INTERVAL_S, Cluster, Ref
from embedtool.distributed.merging import bf16
from embedtool.distributed.partition_reading import EncodedPartitions
from embedtool.distributed.replica import (
    merge_replicas,
    required_rows_by_shard,
    take_rows,
    train_replica,
)
from embedtool.distributed.slices import TextSlice, position_of, shared_context
from embedtool.io.progress import Progress, Report
from embedtool.kernels.sgd.curvature import ngram_scale_at
from embedtool.model.vectors import VectorTable
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.kernel_threads import sum_losses
from embedtool.trainers.state import State
from embedtool.trainers.streams import n_streams_for, n_threads_for, warn_if_fewer_streams
from embedtool.trainers.subwords import SubwordIndex
from embedtool.trainers.warm_start import WarmStart
from embedtool.trainers.word2vec import (
    epoch_key,
    init_state,
    learning_rate_at,
    subword_index,
    word_vectors,
)

SYNCS_PER_REPLICA = 6
"""Default number of syncs. Measured on 16 M tokens in 5 epochs with 2, 4 and 8 replicas: accuracy
is at most 0.01 below one machine's, and falls with fewer."""
SYNC_SCHEDULE_POWER = 1.5
"""Sync i of n happens after (i / n)**SYNC_SCHEDULE_POWER of the training, so syncs are denser at
the beginning, when rows change most."""
MAX_SHARDS = 64
"""Maximum number of shards. Each sync makes replicas x shards objects, which the driver tracks."""
MAX_STORE_FRACTION = 0.25
"""If the tables take more than this fraction of the smallest object store, nodes get only the rows
they need; the store must also hold the next tables, deltas and text."""
LINEAGE_DEPTH = 2
"""Number of syncs whose shards and deltas stay referenced, bounding how far Ray must recompute
lineage after losing a node."""


def train(
    cluster: Cluster,
    settings: ClusterConfig,
    config: Word2VecConfig,
    text: EncodedPartitions,
    report: Report,
    warm_start: WarmStart | None,
    checkpointer: Checkpointer,
) -> VectorTable:
    """Train to the end, from the beginning or from the last checkpoint.

    Parameters
    ----------
    cluster, settings
        The cluster, and the numbers of replicas and syncs.
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
    subwords = subword_index(config, text.vocabulary, warm_start)
    state = checkpointer.run_with_retry(
        checkpointer.restore(),
        lambda: init_state(config, text.vocabulary, subwords, warm_start),
        lambda state: LocalSGD(cluster, settings, config, text, subwords, state).run(
            report, checkpointer
        ),
        config.learning_rate or 0.0,
    )
    return word_vectors(config, text, subwords, state)


@dataclass(frozen=True)
class SyncInterval:
    """The tokens between two syncs, as fractions of one epoch."""

    epoch: int
    begin: float
    end: float


def sync_schedule(n_syncs: int, epochs: int) -> list[SyncInterval]:
    """Return the intervals of a training, which end at its syncs and at the ends of epochs.

    For each end of an epoch the nearest sync is moved onto it, while there are syncs left.
    """
    times = [epochs * (i / n_syncs) ** SYNC_SCHEDULE_POWER for i in range(n_syncs + 1)]
    for end in range(1, epochs):
        movable = [i for i in range(1, n_syncs) if times[i] % 1]
        if movable and end not in times:
            times[min(movable, key=lambda i: abs(times[i] - end))] = end
    ordered = sorted({*times, *range(epochs + 1)})
    return [
        SyncInterval(int(first), first - int(first), last - int(first))
        for first, last in pairwise(ordered)
    ]


def shard_count(n_replicas: int) -> int:
    """Return the number of shards of the tables."""
    return min(n_replicas, MAX_SHARDS)


def tables_replicated(cluster: Cluster, n_bytes: int) -> bool:
    """Return whether tables of `n_bytes` (float32) are replicated to every node."""
    return n_bytes <= MAX_STORE_FRACTION * min(node.object_store for node in cluster.nodes)


def cores_per_replica(cluster: Cluster, n_replicas: int, n_streams: int) -> int:
    """Return the cores for each replica if as many replicas as possible train concurrently."""
    largest = min(node.n_cores for node in cluster.nodes)
    return n_threads_for(max(1, min(cluster.n_cores // n_replicas, largest)), n_streams)


class LocalSGD:
    """Trains interval after interval.

    Attributes
    ----------
    shards, bf16_shards
        References to the shards of the tables, and to their bfloat16 copies for the replicas.
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: ClusterConfig,
        config: Word2VecConfig,
        text: EncodedPartitions,
        subwords: SubwordIndex,
        state: State,
    ) -> None:
        self.cluster, self.config, self.text, self.state = cluster, config, text, state
        self.n_replicas = settings.replicas or 1
        self.n_shards = shard_count(self.n_replicas)
        self.intervals = sync_schedule(settings.syncs or 1, config.epochs)
        self.n_streams = n_streams_for(config, text.n_tokens)
        self.context = cluster.put(
            shared_context(
                config, text.vocabulary, subwords, state.tables["frozen"], self.n_streams
            )
        )
        n_bytes = sum(table.nbytes for table in self._tables())
        self.replicate_tables = tables_replicated(cluster, n_bytes)
        self.n_cores = cores_per_replica(cluster, self.n_replicas, self.n_streams)
        self._scatter()

    def _scatter(self) -> None:
        """Put the sharded tables into Ray's object store."""
        shards = [
            tuple(table[k :: self.n_shards].copy() for table in self._tables())
            for k in range(self.n_shards)
        ]
        self.shards = [self.cluster.put(shard) for shard in shards]
        self.bf16_shards = [self.cluster.put(tuple(map(bf16, shard))) for shard in shards]
        self.scattered = self.shards, self.bf16_shards  # kept as the root of lineage
        self.lineage: deque[Any] = deque(maxlen=LINEAGE_DEPTH)
        self.scattered_at = time.monotonic()

    def run(self, report: Report, checkpointer: Checkpointer) -> None:
        """Train to the end; an interval is reported once the next one has been submitted."""
        running: deque[tuple[SyncInterval, list[Ref]]] = deque()
        warn_if_fewer_streams(self.config, self.text.n_tokens)
        report(self._progress(begins=True))
        for interval in self.intervals:
            end = interval.epoch, self._tokens_done(interval.end)
            if end <= (self.state.epoch, self.state.position):
                continue
            running.append((interval, self._begin(interval)))
            if len(running) > 1:
                self._finish(*running.popleft(), report)
            aged = time.monotonic() - self.scattered_at > COLLECT_INTERVAL_S
            if aged or checkpointer.should_save(interval.epoch + (interval.end == 1)):
                self._finish(*running.popleft(), report)
                self._gather()
                checkpointer.maybe_save(self.state, self.state.epoch)
                self._scatter()
        while running:
            self._finish(*running.popleft(), report)
        self._gather()

    def _position(self, replica: int, fraction: float) -> int:
        return position_of(self.text.n_tokens, self.n_replicas, replica, fraction)

    def _tokens_done(self, fraction: float) -> int:
        """Return the number of tokens of all replicas after this fraction of an epoch."""
        return sum(
            self._position(replica, fraction) - self._position(replica, 0)
            for replica in range(self.n_replicas)
        )

    def _begin(self, interval: SyncInterval) -> list[Ref]:
        """Submit an interval and the sync after it; return references to the summaries."""
        key = int(epoch_key(self.config.seed, interval.epoch))
        first, last = (
            self.state.lr_scale * learning_rate_at(self.config, interval.epoch + fraction)
            for fraction in (interval.begin, interval.end)
        )
        trained = interval.epoch * self.text.n_tokens + self._tokens_done(interval.begin)
        ngram_scale = ngram_scale_at(trained, self.config.hogwild)
        updates = []
        for replica in range(self.n_replicas):
            text_slice = TextSlice(
                self._position(replica, interval.begin), self._position(replica, interval.end),
                key, (first, last), ngram_scale,
            )  # fmt: skip
            if text_slice.first < text_slice.last:
                updates.append(self._train(text_slice))
        merged = [
            self.cluster.submit(
                merge_replicas, shard, *(update[1] for update in updates),
                *(update[2 + k] for update in updates),
                n_results=2,
            )
            for k, shard in enumerate(self.shards)
        ]  # fmt: skip
        self.lineage.append((self.shards, self.bf16_shards, updates))
        self.shards, self.bf16_shards = (list(each) for each in zip(*merged, strict=True))
        return [update[0] for update in updates]

    def _train(self, text_slice: TextSlice) -> Sequence[Ref]:
        """Submit the training of a replica; return references to summary, moments and deltas."""
        partitions, begin = self.text.between(text_slice.first, text_slice.last)
        tables = self.bf16_shards
        if not self.replicate_tables:
            required = self.cluster.submit(
                required_rows_by_shard, self.context, text_slice, begin, self.n_shards,
                *partitions,
                n_results=1 + self.n_shards,
            )  # fmt: skip
            tables = [
                self.cluster.submit(take_rows, shard, rows)
                for shard, rows in zip(self.bf16_shards, required[1:], strict=True)
            ]
            tables = [required[0], *tables]
        update: Sequence[Ref] = self.cluster.submit(
            train_replica, self.context, text_slice, begin, self.n_cores, len(partitions),
            *partitions, *tables,
            n_results=2 + self.n_shards, n_cores=self.n_cores,
        )  # fmt: skip
        return update

    def _finish(self, interval: SyncInterval, summaries: Sequence[Ref], report: Report) -> None:
        """Wait for the replicas of an interval, and report it."""
        state, n_tokens = self.state, self.text.n_tokens
        results = self.cluster.get(list(summaries))
        done = self._tokens_done(interval.end)
        ended = done == n_tokens
        state.end_chunk(*sum_losses(losses for losses, _, _ in results), done=done, last=ended)
        nodes = tuple((self.cluster.node_name(node), n) for _, n, node in results)
        report(
            self._progress(
                loss=state.mean_loss,
                untrained=state.mean_untrained_loss,
                epoch_ended=ended,
                nodes=nodes,
            )
        )
        if ended:
            state.end_epoch()

    def _progress(self, **details: Any) -> Progress:
        """Return a progress message."""
        n_tokens, state = self.text.n_tokens, self.state
        done, total = state.epoch * n_tokens + state.position, n_tokens * self.config.epochs
        return Progress(
            "training", done, total, "words", state.epoch + 1, streams=self.n_streams, **details
        )

    def _gather(self) -> None:
        """Collect the current shards into the state."""
        for k, shard in enumerate(self.shards):
            for table, rows in zip(self._tables(), self.cluster.get(shard), strict=True):
                table[k :: self.n_shards] = rows

    def _tables(self) -> list[NDArray[np.float32]]:
        """Return inputs and outputs without the padding of kernels."""
        size = self.config.vector_size
        return [self.state.tables[name][:, :size] for name in ("inputs", "outputs")]
