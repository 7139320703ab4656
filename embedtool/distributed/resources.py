"""Resources of a training on a cluster, in bytes, from sizes that a dry run can read."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.cooccurrence import blocks_for
from embedtool.distributed.cluster import Cluster, Node
from embedtool.distributed.counting import RANGE_BYTES
from embedtool.distributed.glove import group_count
from embedtool.distributed.local_sgd import (
    LINEAGE_DEPTH,
    cores_per_replica,
    shard_count,
    sync_schedule,
    tables_replicated,
)
from embedtool.distributed.partition_reading import EncodedPartitions
from embedtool.distributed.replica import required_rows_by_shard
from embedtool.distributed.slices import TextSlice, position_of, shared_context
from embedtool.errors import ResourceError
from embedtool.trainers.aligned import pad_to_simd
from embedtool.trainers.glove import half_width
from embedtool.trainers.resources import (
    BASE_BYTES,
    FLOAT_BYTES,
    PAIR_BYTES,
    RUN_ENTRY_BYTES,
    format_bytes,
)
from embedtool.trainers.streams import n_streams_for
from embedtool.trainers.subwords import SubwordIndex
from embedtool.trainers.warm_start import WarmStart
from embedtool.trainers.word2vec import subword_index

BFLOAT16_BYTES, INT8_BYTES = 2, 1
DELTA_ROW_BYTES = 12
"""A row's number, scale and curvature, beside its int8 deltas."""


@dataclass(frozen=True)
class ClusterResources:
    """Bytes that a training needs per node, except `tables` and `driver_memory`.

    Attributes
    ----------
    tables
        All parameters, as on one machine.
    tables_replicated
        Whether every node gets all of them.
    object_store
        Upper bound for Ray's object store; objects that do not fit are spilled to the node's disk.
    min_object_store
        Arguments and results of the largest task: a lower bound for each node.
    function_memory
        Approximate memory of all concurrent tasks.
    min_function_memory
        Working memory of the largest task: a lower bound for each node.
    driver_memory
        Approximate memory on the machine that runs the command.
    received
        Upper bound of the bytes received from other nodes.
    """

    tables: int
    tables_replicated: bool
    object_store: int
    min_object_store: int
    function_memory: int
    min_function_memory: int
    driver_memory: int
    received: int


def estimate_resources(
    cluster: Cluster,
    settings: ClusterConfig,
    config: TrainerConfig,
    text: EncodedPartitions,
    warm_start: WarmStart | None = None,
) -> ClusterResources:
    """Estimate the resources of a training on a text that has been read.

    Parameters
    ----------
    cluster
        The cluster.
    settings
        Settings from `ray_backend.resolve_defaults`.
    config, text
        The options, and the text.
    warm_start
        Vectors to start from.
    """
    if isinstance(config, GloveConfig):
        return _glove(cluster, config, text)
    if isinstance(config, Word2VecConfig):
        subwords = subword_index(config, text.vocabulary, warm_start)
        return _local_sgd(cluster, settings, config, text, subwords)
    raise TypeError(config)


def _local_sgd(
    cluster: Cluster,
    settings: ClusterConfig,
    config: Word2VecConfig,
    text: EncodedPartitions,
    subwords: SubwordIndex,
) -> ClusterResources:
    n_nodes, n_replicas, size = len(cluster.nodes), settings.replicas or 1, config.vector_size
    n_rows, n_slice_rows = _row_counts(cluster, settings, config, text, subwords)
    shards, copies = (n_rows * size * n_bytes for n_bytes in (FLOAT_BYTES, BFLOAT16_BYTES))
    deltas = n_slice_rows * (size * INT8_BYTES + DELTA_ROW_BYTES)
    moments = 2 * size**2 * FLOAT_BYTES
    replicated = tables_replicated(cluster, shards)
    given = copies if replicated else n_slice_rows * size * BFLOAT16_BYTES
    replicas_per_node = -(-n_replicas // n_nodes)
    given_to_node = copies if replicated else replicas_per_node * given
    n_threads = cores_per_replica(cluster, n_replicas, n_streams_for(config, text.n_tokens))
    concurrent = min(replicas_per_node, max(n.n_cores for n in cluster.nodes) // n_threads)
    n_shards, remote = shard_count(n_replicas), 1 - 1 / n_nodes
    merged = -(-n_shards // n_nodes) / n_shards  # the fraction of the shards that a node merges
    working = n_slice_rows * size * FLOAT_BYTES + deltas
    tables = n_rows * pad_to_simd(size) * FLOAT_BYTES
    n_intervals = max(settings.syncs or 1, config.epochs)
    text_bytes = FLOAT_BYTES * text.n_tokens / n_nodes
    return ClusterResources(
        tables=tables,
        tables_replicated=replicated,
        object_store=int(
            LINEAGE_DEPTH * (shards / n_nodes + given_to_node + 2 * replicas_per_node * deltas)
            + text_bytes
        ),
        min_object_store=given + deltas,
        function_memory=concurrent * (BASE_BYTES + working),
        min_function_memory=working,
        driver_memory=BASE_BYTES + tables,
        received=int(
            remote * n_intervals * (given_to_node + n_replicas * (merged * deltas + moments))
            + remote * config.epochs * text_bytes
        ),
    )


def _row_counts(
    cluster: Cluster,
    settings: ClusterConfig,
    config: Word2VecConfig,
    text: EncodedPartitions,
    subwords: SubwordIndex,
) -> tuple[int, int]:
    """Count the rows of both tables, and those that the first replica needs for its longest slice.

    These are counted on a node, as in training.
    """
    frozen = np.zeros(subwords.n_rows, np.bool_)
    n_streams = n_streams_for(config, text.n_tokens)
    context = shared_context(config, text.vocabulary, subwords, frozen, n_streams)
    interval = max(sync_schedule(settings.syncs or 1, config.epochs), key=lambda i: i.end - i.begin)
    first, last = (
        position_of(text.n_tokens, settings.replicas or 1, 0, fraction)
        for fraction in (interval.begin, interval.end)
    )
    partitions, begin = text.between(first, last)
    required = cluster.get(
        cluster.submit(
            required_rows_by_shard, context, TextSlice(first, last, 0, (0.0, 0.0), 0.0), begin, 1,
            *partitions,
            n_results=2,
        )[0]
    )  # fmt: skip
    return subwords.n_rows + context.n_words, len(required.inputs) + len(required.outputs)


def _glove(cluster: Cluster, config: GloveConfig, text: EncodedPartitions) -> ClusterResources:
    n_nodes, n_words = len(cluster.nodes), text.vocabulary.n_words
    n_blocks = blocks_for(text.vocabulary, text.n_tokens, config).n_blocks
    n_groups = group_count(cluster, n_blocks)
    n_pairs = text.n_tokens * config.window  # at most: no pair occurs twice
    n_updates = n_pairs * (1 + config.symmetric)
    tables = 2 * n_words * 2 * half_width(config.vector_size) * FLOAT_BYTES
    of_groups, remote = tables // n_groups, 1 - 1 / n_nodes
    concurrent = -(-min(cluster.n_cores, n_groups) // n_nodes)
    working = max(
        2 * of_groups + PAIR_BYTES * n_updates // n_groups**2,
        min(RANGE_BYTES, RUN_ENTRY_BYTES * n_pairs),
    )
    return ClusterResources(
        tables=tables,
        tables_replicated=False,
        object_store=(
            (RUN_ENTRY_BYTES + PAIR_BYTES) * n_pairs + LINEAGE_DEPTH * tables
        ) // n_nodes,
        min_object_store=2 * of_groups,
        function_memory=concurrent * (BASE_BYTES + working),
        min_function_memory=of_groups,
        driver_memory=BASE_BYTES + tables,
        received=int(
            remote * config.epochs * (n_groups * tables + PAIR_BYTES * n_updates) / n_nodes
            + remote * RUN_ENTRY_BYTES * n_pairs / n_nodes
        ),
    )  # fmt: skip


def check_nodes(needed: ClusterResources, nodes: Sequence[Node]) -> None:
    """Raise ResourceError if the largest task does not fit on a node."""
    for node in nodes:
        for what, n_bytes, available in (
            ("Ray's store", needed.min_object_store, node.object_store),
            ("memory", needed.min_function_memory, node.memory),
        ):
            if n_bytes > available > 0:
                raise ResourceError(
                    f"node {node.address}: a function needs {format_bytes(n_bytes)} of {what}, it "
                    f"has {format_bytes(available)}; choose a smaller vector_size or max_vocab",
                    parameters=("vector_size", "max_vocab"),
                )
