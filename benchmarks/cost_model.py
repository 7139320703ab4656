"""Formulas for the memory, traffic and time of a training on a cluster.

They follow from measured constants (`benchmarks.cost_constants`). Every interval between syncs is
taken to be the mean one, and nodes to be equal; `benchmarks.simulation` follows a training function
by function. `benchmarks.cluster` compares both with trainings.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import cost_constants as constants
from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.cells import Blocks
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.distributed.cluster import COLLECT_INTERVAL_S, Cluster, Node
from embedtool.distributed.counting import RANGE_BYTES, RANGES_PER_CORE
from embedtool.distributed.glove import group_count
from embedtool.distributed.local_sgd import (
    LINEAGE_DEPTH,
    SYNC_SCHEDULE_POWER,
    cores_per_replica,
    shard_count,
    tables_replicated,
)
from embedtool.distributed.partition_reading import (
    MAX_HASH_RANGES,
    MAX_PARTITION_BYTES,
    MIN_PARTITION_BYTES,
    TARGET_PARTITIONS,
)
from embedtool.distributed.resources import BFLOAT16_BYTES, DELTA_ROW_BYTES, INT8_BYTES
from embedtool.trainers.aligned import pad_to_simd
from embedtool.trainers.count_tables import keep_probabilities
from embedtool.trainers.glove import half_width
from embedtool.trainers.resources import (
    BASE_BYTES,
    FLOAT_BYTES,
    PAIR_BYTES,
    RUN_ENTRY_BYTES,
)
from embedtool.trainers.streams import n_streams_for
from embedtool.trainers.subwords import build_subword_index

MOMENT_BYTES = 8
"""Bytes of one entry of a replica's two second moments."""


@dataclass(frozen=True)
class Sizes:
    """Sizes of a text.

    Attributes
    ----------
    n_bytes
        On disk.
    n_tokens, n_words
        Of the vocabulary.
    n_rows
        Of the input table.
    keep_fraction
        Fraction of the tokens that subsampling keeps.
    rows_per_token
        Input rows of one of those, on average.
    """

    n_bytes: int
    n_tokens: int
    n_words: int
    n_rows: int
    keep_fraction: float = 1.0
    rows_per_token: float = 1.0


def sizes_of(config: TrainerConfig, vocabulary: Vocabulary, n_tokens: int, n_bytes: int) -> Sizes:
    """Return the sizes of a text that has been read."""
    n_words, counts = vocabulary.n_words, vocabulary.counts
    if not isinstance(config, Word2VecConfig):
        return Sizes(n_bytes, n_tokens, n_words, n_words)
    subwords = build_subword_index(vocabulary.words, config)
    kept = counts * keep_probabilities(counts, config.sample)
    rows_per_token = kept @ np.diff(subwords.indptr) / kept.sum()
    return Sizes(
        n_bytes, n_tokens, n_words, subwords.n_rows, float(kept.sum() / counts.sum()),
        float(rows_per_token),
    )  # fmt: skip


@dataclass(frozen=True)
class Cost:
    """What a training costs. Bytes are of one node, but for `tables` and `driver_memory`.

    Attributes
    ----------
    tables
        All parameters.
    tables_replicated
        Whether each node is given all of them.
    object_store
        In Ray's object store, about; what does not fit is spilled to the node's disk.
    min_object_store
        Arguments and results of the largest task.
    function_memory
        Of all tasks that run at once, about.
    min_function_memory
        Working memory of the largest task.
    driver_memory
        Where the training was started, about.
    received
        From other nodes in total, about.
    reading_s, counting_s, computation_s, communication_s
        Seconds; communication is what training takes beside computation.
    """

    tables: int
    tables_replicated: bool
    object_store: int
    min_object_store: int
    function_memory: int
    min_function_memory: int
    driver_memory: int
    received: int
    reading_s: float
    counting_s: float
    computation_s: float
    communication_s: float

    @property
    def training_s(self) -> float:
        """Seconds of computation and communication."""
        return self.computation_s + self.communication_s

    @property
    def total_s(self) -> float:
        """Seconds from the text to the vectors."""
        return self.reading_s + self.counting_s + self.training_s


def cost(
    config: TrainerConfig,
    settings: ClusterConfig,
    sizes: Sizes,
    nodes: Sequence[Node],
    link: float = constants.LINK,
) -> Cost:
    """Return what a training costs on these nodes.

    Parameters
    ----------
    config
        Options of the training.
    settings
        Those of `training.resolve_defaults`.
    sizes
        Of the text.
    nodes
        Of the cluster.
    link
        Bytes per second that a node can receive from others.
    """
    cluster = Cluster(nodes)
    if isinstance(config, GloveConfig):
        return _glove(config, sizes, cluster, link)
    if isinstance(config, Word2VecConfig):
        return _local_sgd(config, settings, sizes, cluster, link)
    raise TypeError(config)


@dataclass(frozen=True)
class ReplicaCost:
    """What a replica costs on a slice of the text.

    Attributes
    ----------
    computation_s, overhead_s
        Seconds of training, and of what is done before and after.
    merging_s
        Seconds of merging a shard with the deltas of all replicas.
    row_bytes, delta_bytes, moment_bytes
        Bytes that it needs of the tables, and that it returns.
    """

    computation_s: float
    overhead_s: float
    merging_s: float
    row_bytes: float
    delta_bytes: float
    moment_bytes: int


def replica_cost(
    config: Word2VecConfig, sizes: Sizes, n_replicas: int, n_tokens: float, n_threads: int
) -> ReplicaCost:
    """Return the cost of one of so many replicas, on a slice of so many tokens."""
    size = config.vector_size / constants.SIZE
    throughput = constants.TRAINED[config.mode, config.loss]
    factor = (config.window / constants.WINDOW) ** throughput.window * size**throughput.size
    factor *= (config.negative / constants.NEGATIVE) ** throughput.negative
    token_s = factor / throughput.rate
    token_s += (sizes.rows_per_token - 1) * constants.SUBWORD_ROW_S * size
    negative_sampling = config.loss == "negative-sampling"
    inputs = constants.INPUT_NGRAMS if sizes.n_rows > sizes.n_words else constants.INPUT_WORDS
    outputs = constants.OUTPUT_WORDS if negative_sampling else constants.OUTPUT_NODES
    n_rows = inputs.distinct(n_tokens, sizes.n_rows) + outputs.distinct(n_tokens, sizes.n_words)
    row_bytes = n_rows * config.vector_size * BFLOAT16_BYTES
    delta_bytes = n_rows * (config.vector_size * INT8_BYTES + DELTA_ROW_BYTES)
    n_shards = shard_count(n_replicas)
    return ReplicaCost(
        computation_s=n_tokens * sizes.keep_fraction * token_s
        / n_threads**constants.THREAD_EXPONENT,
        overhead_s=constants.FUNCTION_S
        + (n_shards + 1) * (constants.ARGUMENT_S + constants.RESULT_S)
        + constants.REPLICA_S * size + row_bytes / constants.BYTES_GATHERED,
        merging_s=constants.FUNCTION_S + 2 * n_replicas * constants.ARGUMENT_S + constants.RESULT_S
        + constants.MERGE_S * size + n_replicas / n_shards * delta_bytes / constants.BYTES_MERGED,
        row_bytes=row_bytes,
        delta_bytes=delta_bytes,
        moment_bytes=MOMENT_BYTES * config.vector_size**2,
    )  # fmt: skip


def _local_sgd(
    config: Word2VecConfig, settings: ClusterConfig, sizes: Sizes, cluster: Cluster, link: float
) -> Cost:
    nodes, n_replicas = cluster.nodes, settings.replicas or 1
    n_shards = shard_count(n_replicas)
    n_nodes, n_syncs = len(nodes), max(settings.syncs or 1, config.epochs)
    n_rows = sizes.n_rows + sizes.n_words
    tables = n_rows * pad_to_simd(config.vector_size) * FLOAT_BYTES
    shards, copies = (n_rows * config.vector_size * each for each in (FLOAT_BYTES, BFLOAT16_BYTES))
    replicated = tables_replicated(cluster, shards)
    n_threads = cores_per_replica(cluster, n_replicas, n_streams_for(config, sizes.n_tokens))
    n_tokens = sizes.n_tokens * config.epochs / (n_replicas * n_syncs)
    longest = n_tokens * min(n_syncs, SYNC_SCHEDULE_POWER)
    replica = replica_cost(config, sizes, n_replicas, n_tokens, n_threads)
    last = replica_cost(config, sizes, n_replicas, longest, n_threads)
    per_node = -(-n_replicas // n_nodes)
    concurrent = min(per_node, max(node.n_cores for node in nodes) // n_threads)
    waves = -(-n_replicas // sum(node.n_cores // n_threads for node in nodes))
    remote, merged = 1 - 1 / n_nodes, -(-n_shards // n_nodes)
    received = remote * (
        (copies if replicated else per_node * replica.row_bytes)
        + n_replicas * (merged * replica.delta_bytes / n_shards + replica.moment_bytes)
    )
    n_pulls = remote * (n_shards * (1 if replicated else per_node) + n_replicas * (merged + 1))
    transfer_s = received / link + n_pulls * constants.PULL_S
    transfer_s += 2 * constants.REMOTE_START_S if n_nodes > 1 else 0
    merging_s = -(-n_shards // cluster.n_cores) * replica.merging_s
    n_objects = 4 * n_replicas * n_shards + 2 * (n_replicas + n_shards)
    n_functions = n_replicas + n_shards + (0 if replicated else n_replicas * (1 + n_shards))
    driver_s = n_functions * constants.CALL_S + n_objects * constants.OBJECT_S
    replica_s = replica.computation_s + replica.overhead_s
    interval_s = max(waves * replica_s + merging_s + transfer_s, driver_s)
    training_s = n_syncs * interval_s * (1 + (2 * shards + copies) / link / COLLECT_INTERVAL_S)
    computation_s = n_syncs * waves * replica.computation_s
    text = FLOAT_BYTES * sizes.n_tokens / n_nodes
    given = copies if replicated else replica.row_bytes
    stored = shards / n_nodes
    stored += copies if replicated else copies / n_nodes + per_node * last.row_bytes
    reading_s, n_read = _reading(sizes.n_bytes, cluster.n_cores)
    references = constants.OBJECT_BYTES * (LINEAGE_DEPTH * n_objects + n_read)
    return Cost(
        tables=tables,
        tables_replicated=replicated,
        object_store=int(LINEAGE_DEPTH * (stored + 2 * per_node * last.delta_bytes) + text),
        min_object_store=int(given + replica.delta_bytes),
        function_memory=int(
            concurrent * (BASE_BYTES + 3 * FLOAT_BYTES / BFLOAT16_BYTES * last.row_bytes)
        ),
        min_function_memory=int(
            FLOAT_BYTES / BFLOAT16_BYTES * replica.row_bytes + replica.delta_bytes
        ),
        driver_memory=int(BASE_BYTES + tables + references),
        received=int(n_syncs * received + remote * text * config.epochs),
        reading_s=reading_s,
        counting_s=0.0,
        computation_s=computation_s,
        communication_s=training_s - computation_s,
    )


def partitions_of(n_bytes: int) -> tuple[int, float]:
    """Return in how many partitions a text is read, and the bytes of one."""
    size = min(max(n_bytes // TARGET_PARTITIONS, MIN_PARTITION_BYTES), MAX_PARTITION_BYTES)
    n_partitions = max(1, -(-n_bytes // size))
    return n_partitions, n_bytes / n_partitions


def _reading(n_bytes: int, n_cores: int) -> tuple[float, int]:
    """Seconds until a text is read and encoded, and the number of results that this leaves."""
    n_partitions, partition = partitions_of(n_bytes)
    n_results = 4 * n_partitions * min(n_cores, MAX_HASH_RANGES)
    driver_s = 2 * n_partitions * constants.CALL_S + 2 * n_results * constants.OBJECT_S
    reading_s = max(-(-n_partitions // n_cores) * partition / constants.BYTES_READ, driver_s)
    return constants.CONNECT_S + constants.WORKER_START_S + reading_s, n_results


@dataclass(frozen=True)
class PairCost:
    """The pairs of a text, and how they are trained: those of two groups of blocks at a time.

    Attributes
    ----------
    n_partition_pairs
        Distinct pairs of each partition, summed over the partitions.
    n_stored, n_updates
        Pairs of the whole text, and updates in an epoch; a symmetric pair is updated twice.
    n_ranges
        Ranges of keys in which they are merged.
    n_blocks, n_groups
        Blocks of the vocabulary, and groups of blocks.
    tables
        Bytes of the parameters.
    computation_s, overhead_s
        Seconds of training two groups' pairs, and of what is done before and after.
    """

    n_partition_pairs: float
    n_stored: float
    n_updates: float
    n_ranges: int
    n_blocks: int
    n_groups: int
    tables: int
    computation_s: float
    overhead_s: float


def pair_cost(config: GloveConfig, sizes: Sizes, cluster: Cluster) -> PairCost:
    """Return the cost of the pairs of a text on a cluster."""
    n_cooccurrences, n_words = sizes.n_tokens * config.window, sizes.n_words
    n_partitions, sides = partitions_of(sizes.n_bytes)[0], 1 + config.symmetric
    n_stored = constants.PAIRS.distinct(n_cooccurrences, n_words**2 / sides)
    in_partition = constants.PAIRS.distinct(n_cooccurrences / n_partitions, n_words**2 / sides)
    n_blocks = Blocks.balanced(np.ones(n_words), n_cooccurrences).n_blocks
    n_groups = group_count(cluster, n_blocks)
    n_ranges = max(
        RANGES_PER_CORE * cluster.n_cores, RUN_ENTRY_BYTES * n_cooccurrences // RANGE_BYTES
    )
    tables = 2 * n_words * 2 * half_width(config.vector_size) * FLOAT_BYTES
    factor = (config.vector_size / constants.SIZE) ** constants.PAIRS_TRAINED.size
    return PairCost(
        n_partition_pairs=n_partitions * in_partition,
        n_stored=n_stored,
        n_updates=sides * n_stored,
        n_ranges=min(n_ranges, n_blocks * (n_blocks + 1) // 2),
        n_blocks=n_blocks,
        n_groups=n_groups,
        tables=tables,
        computation_s=sides * n_stored / n_groups**2 * factor / constants.PAIRS_TRAINED.rate,
        overhead_s=constants.FUNCTION_S + tables / n_groups / constants.BYTES_COPIED
        + constants.ARGUMENT_S * (n_blocks + 2 * n_groups) * n_blocks / n_groups**2
        + constants.RESULT_S * 2 * n_blocks / n_groups,
    )  # fmt: skip


def _glove(config: GloveConfig, sizes: Sizes, cluster: Cluster, link: float) -> Cost:
    n_nodes, n_cores, epochs = len(cluster.nodes), cluster.n_cores, config.epochs
    pairs, n_partitions = pair_cost(config, sizes, cluster), partitions_of(sizes.n_bytes)[0]
    tables, n_tasks = pairs.tables, pairs.n_groups**2
    busy, remote = min(n_cores, pairs.n_groups), 1 - 1 / n_nodes
    if PAIR_BYTES * pairs.n_stored < min(node.object_store for node in cluster.nodes):
        moved = PAIR_BYTES * pairs.n_stored / epochs  # a node keeps what it has received
    else:
        moved = PAIR_BYTES * pairs.n_updates / n_nodes
    received = remote * (pairs.n_groups * tables / n_nodes + moved)
    merged = remote * RUN_ENTRY_BYTES * pairs.n_partition_pairs / n_nodes
    updating_s = n_tasks / busy * (pairs.computation_s + pairs.overhead_s)
    n_objects = pairs.n_blocks * (pairs.n_blocks + 4 * pairs.n_groups)
    driver_s = n_tasks * constants.CALL_S + n_objects * constants.OBJECT_S
    n_pulls = remote * 2 * pairs.n_blocks * pairs.n_groups / n_nodes
    epoch_s = max(updating_s + received / link + n_pulls * constants.PULL_S, driver_s)
    computation_s = epochs * n_tasks / busy * pairs.computation_s
    reading_s, n_results = _reading(sizes.n_bytes, n_cores)
    n_runs = n_partitions * pairs.n_ranges
    counting_s = sizes.n_tokens * config.window / constants.PAIRS_COUNTED
    counting_s += pairs.n_partition_pairs / constants.PAIRS_MERGED
    run_bytes = RUN_ENTRY_BYTES * pairs.n_partition_pairs + PAIR_BYTES * pairs.n_stored
    update_bytes = 2 * tables / pairs.n_groups + PAIR_BYTES * pairs.n_updates / n_tasks
    return Cost(
        tables=tables,
        tables_replicated=False,
        object_store=int((run_bytes + LINEAGE_DEPTH * tables) / n_nodes),
        min_object_store=2 * tables // pairs.n_groups,
        function_memory=int(
            -(-busy // n_nodes)
            * (BASE_BYTES + 2 * max(update_bytes, run_bytes / pairs.n_ranges))
        ),
        min_function_memory=tables // pairs.n_groups,
        driver_memory=int(BASE_BYTES + tables + constants.OBJECT_BYTES * (n_results + n_runs)),
        received=int(epochs * received + merged),
        reading_s=reading_s,
        counting_s=max(counting_s / n_cores + merged / link, 2 * n_runs * constants.OBJECT_S),
        computation_s=computation_s,
        communication_s=epochs * epoch_s - computation_s,
    )  # fmt: skip
