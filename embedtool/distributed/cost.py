"""What a training on a cluster costs, worked out before it begins.

In: options, the sizes of a text, the nodes of a cluster. Out: Cost: memory, traffic and time.

All follows from what was measured (`distributed.measured`). Each round is taken for the mean one,
and nodes as equal; `benchmarks.simulation` follows a training function by function.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.cells import Blocks
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.distributed import measured as of
from embedtool.distributed.cluster import COLLECT_INTERVAL_S, Cluster, Node
from embedtool.distributed.counting import RANGE_BYTES, RANGES_PER_CORE
from embedtool.distributed.glove import group_count
from embedtool.distributed.local_sgd import (
    LINEAGE_DEPTH,
    MAX_STORE_FRACTION,
    SYNC_SCHEDULE_POWER,
    cores_per_replica,
    shard_count,
)
from embedtool.distributed.partition_reading import (
    MAX_HASH_RANGES,
    MAX_PARTITION_BYTES,
    MIN_PARTITION_BYTES,
    TARGET_PARTITIONS,
)
from embedtool.errors import ResourceError
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.trainers.aligned import pad_to_simd
from embedtool.trainers.kernel_job import keep_probabilities, n_streams_for
from embedtool.trainers.resources import (
    BASE_BYTES,
    FLOAT_BYTES,
    PAIR_BYTES,
    RUN_ENTRY_BYTES,
    format_bytes,
)
from embedtool.trainers.subwords import build_subword_index

COPY, STEP, BESIDE_STEPS, MOMENT_BYTES = 2, 1, 12, 8
"""Bytes of a number that a lane is given, and of one of its steps; of a row's number, scale and
bend; and of a number of a lane's two second moments."""


@dataclass(frozen=True)
class Sizes:
    """Of a text.

    n_bytes  : on disk
    n_tokens : of the vocabulary
    n_rows   : of the input table
    kept     : the share of the tokens that thinning leaves
    rows_a_token : of the input table, for one of those
    """

    n_bytes: int
    n_tokens: int
    n_words: int
    n_rows: int
    kept: float = 1.0
    rows_a_token: float = 1.0


def sizes_of(config: TrainerConfig, vocabulary: Vocabulary, n_tokens: int, n_bytes: int) -> Sizes:
    """The sizes of a text that has been read."""
    n_words, counts = vocabulary.n_words, vocabulary.counts
    if not isinstance(config, Word2VecConfig):
        return Sizes(n_bytes, n_tokens, n_words, n_words)
    rows = build_subword_index(vocabulary.words, config)
    kept = counts * keep_probabilities(counts, config.sample)
    share, rows_a_token = kept.sum() / counts.sum(), kept @ np.diff(rows.indptr) / kept.sum()
    return Sizes(n_bytes, n_tokens, n_words, rows.n_rows, float(share), float(rows_a_token))


@dataclass(frozen=True)
class Cost:
    """What a training costs. Bytes are of one node, but for `tables` and `driver`.

    tables  : what is learnt
    whole   : whether each node is given all of it
    store   : what lies in Ray's store, about; what does not fit goes to the node's disk
    at_once : what a function has before it of that, and leaves there: no node can do without
    memory  : of functions, about
    held    : of that what one cannot do without
    driver  : memory where the training was begun, about
    network : what comes from other nodes in all, about
    reading, counting, learning, exchange : seconds; exchange is what training takes beside learning
    """

    tables: int
    whole: bool
    store: int
    at_once: int
    memory: int
    held: int
    driver: int
    network: int
    reading: float
    counting: float
    learning: float
    exchange: float

    @property
    def training(self) -> float:
        """Seconds of learning and exchange."""
        return self.learning + self.exchange

    @property
    def seconds(self) -> float:
        """Seconds from the text to the vectors."""
        return self.reading + self.counting + self.training


def cost(
    config: TrainerConfig,
    settings: ClusterConfig,
    sizes: Sizes,
    nodes: Sequence[Node],
    link: float = of.LINK,
) -> Cost:
    """What a training costs on these nodes.

    settings : of `training.settled`
    link     : bytes a second that a node can get from others
    """
    cluster = Cluster(nodes)
    if isinstance(config, GloveConfig):
        return _glove(config, sizes, cluster, link)
    if isinstance(config, Word2VecConfig):
        return _lanes(config, settings, sizes, cluster, link)
    raise TypeError(config)


@dataclass(frozen=True)
class Lane:
    """A lane on a piece of the text, and what becomes of it.

    learning, around : seconds of learning, and of what is done before and after
    joining          : seconds of joining a shard with the steps of all lanes
    rows, steps, moments : bytes that it needs of the tables, and that it returns
    """

    learning: float
    around: float
    joining: float
    rows: float
    steps: float
    moments: int


def lane_of(
    config: Word2VecConfig, sizes: Sizes, n_lanes: int, n_tokens: float, n_threads: int
) -> Lane:
    """One of so many lanes, on so many tokens."""
    size, speed = config.vector_size / of.SIZE, of.SPEEDS[config.mode, config.loss]
    longer = (config.window / of.WINDOW) ** speed.window * size**speed.size
    longer *= (config.negative / of.NEGATIVE) ** speed.negative
    a_token = longer / speed.rate + (sizes.rows_a_token - 1) * of.ROW_SECONDS * size
    inputs = of.NGRAMS if sizes.n_rows > sizes.n_words else of.WORDS
    outputs = of.OUTPUTS if config.loss == "negative-sampling" else of.NODES
    n_rows = inputs.met(n_tokens, sizes.n_rows) + outputs.met(n_tokens, sizes.n_words)
    rows = n_rows * config.vector_size * COPY
    steps = n_rows * (config.vector_size * STEP + BESIDE_STEPS)
    n_shards = shard_count(n_lanes)
    return Lane(
        learning=n_tokens * sizes.kept * a_token / n_threads**of.THREADS,
        around=of.FUNCTION + (n_shards + 1) * (of.ARGUMENT + of.RESULT)
        + of.LANE_SECONDS * size + rows / of.PREPARED,
        joining=of.FUNCTION + 2 * n_lanes * of.ARGUMENT + of.RESULT
        + of.JOIN_SECONDS * size + n_lanes / n_shards * steps / of.JOINED,
        rows=rows,
        steps=steps,
        moments=MOMENT_BYTES * config.vector_size**2,
    )  # fmt: skip


def _lanes(
    config: Word2VecConfig, settings: ClusterConfig, sizes: Sizes, cluster: Cluster, link: float
) -> Cost:
    nodes, n_lanes = cluster.nodes, settings.replicas or 1
    n_shards = shard_count(n_lanes)
    n_nodes, n_rounds = len(nodes), max(settings.syncs or 1, config.epochs)
    tables = (sizes.n_rows + sizes.n_words) * pad_to_simd(config.vector_size) * FLOAT_BYTES
    shards, copies = (
        (sizes.n_rows + sizes.n_words) * config.vector_size * each for each in (FLOAT_BYTES, COPY)
    )
    whole = shards <= MAX_STORE_FRACTION * min(node.object_store for node in nodes)
    n_threads = cores_per_replica(cluster, n_lanes, n_streams_for(sizes.n_tokens))
    n_tokens = sizes.n_tokens * config.epochs / (n_lanes * n_rounds)
    lane = lane_of(config, sizes, n_lanes, n_tokens, n_threads)
    last = lane_of(config, sizes, n_lanes, n_tokens * min(n_rounds, SYNC_SCHEDULE_POWER), n_threads)
    a_node = -(-n_lanes // n_nodes)
    beside = min(a_node, max(node.n_cores for node in nodes) // n_threads)
    turns = -(-n_lanes // sum(node.n_cores // n_threads for node in nodes))
    elsewhere, joined = 1 - 1 / n_nodes, -(-n_shards // n_nodes)
    received = elsewhere * (
        (copies if whole else a_node * lane.rows)
        + n_lanes * (joined * lane.steps / n_shards + lane.moments)
    )
    pulls = elsewhere * (n_shards * (1 if whole else a_node) + n_lanes * (joined + 1))
    coming = received / link + pulls * of.PULL + (2 * of.ELSEWHERE if n_nodes > 1 else 0)
    joining = -(-n_shards // cluster.n_cores) * lane.joining
    n_objects = 4 * n_lanes * n_shards + 2 * (n_lanes + n_shards)
    n_functions = n_lanes + n_shards + (0 if whole else n_lanes * (1 + n_shards))
    calls = n_functions * of.CALL + n_objects * of.OBJECT
    a_round = max(turns * (lane.learning + lane.around) + joining + coming, calls)
    training = n_rounds * a_round * (1 + (2 * shards + copies) / link / COLLECT_INTERVAL_S)
    learning = n_rounds * turns * lane.learning
    text = FLOAT_BYTES * sizes.n_tokens / n_nodes
    given = copies if whole else lane.rows
    kept = shards / n_nodes + (copies if whole else copies / n_nodes + a_node * last.rows)
    reading, n_read = _reading(sizes.n_bytes, cluster.n_cores)
    return Cost(
        tables=tables,
        whole=whole,
        store=int(LINEAGE_DEPTH * (kept + 2 * a_node * last.steps) + text),
        at_once=int(given + lane.steps),
        memory=int(beside * (BASE_BYTES + 3 * FLOAT_BYTES / COPY * last.rows)),
        held=int(FLOAT_BYTES / COPY * lane.rows + lane.steps),
        driver=int(BASE_BYTES + tables + of.OBJECT_BYTES * (LINEAGE_DEPTH * n_objects + n_read)),
        network=int(n_rounds * received + elsewhere * text * config.epochs),
        reading=reading,
        counting=0.0,
        learning=learning,
        exchange=training - learning,
    )


def parts_of(n_bytes: int) -> tuple[int, float]:
    """How many parts a text is read in, and the bytes of one."""
    n_parts = max(
        1,
        -(
            -n_bytes
            // min(max(n_bytes // TARGET_PARTITIONS, MIN_PARTITION_BYTES), MAX_PARTITION_BYTES)
        ),
    )
    return n_parts, n_bytes / n_parts


def _reading(n_bytes: int, n_cores: int) -> tuple[float, int]:
    """Seconds until a text is read and encoded, and the results that this leaves."""
    n_parts, part = parts_of(n_bytes)
    n_results = 4 * n_parts * min(n_cores, MAX_HASH_RANGES)
    calls = 2 * n_parts * of.CALL + 2 * n_results * of.OBJECT
    return of.BEGIN + of.START + max(-(-n_parts // n_cores) * part / of.READ, calls), n_results


@dataclass(frozen=True)
class Pairs:
    """The pairs of a text, and how they are visited: those of two groups of blocks at a time.

    n_sums    : pairs of each part of the text by itself
    n_stored, n_visited : of the whole text, and in an epoch; a symmetric one is visited twice
    n_ranges  : in which they are merged
    tables    : bytes of what is learnt
    learning, around : seconds of two groups' pairs, and of what is done before and after
    """

    n_sums: float
    n_stored: float
    n_visited: float
    n_ranges: int
    n_blocks: int
    n_groups: int
    tables: int
    learning: float
    around: float


def pairs_of(config: GloveConfig, sizes: Sizes, cluster: Cluster) -> Pairs:
    """The pairs of a text, on a cluster."""
    n_meetings, n_words, sides = sizes.n_tokens * config.window, sizes.n_words, 1 + config.symmetric
    n_parts, _ = parts_of(sizes.n_bytes)
    n_stored = of.PAIRS.met(n_meetings, n_words**2 / sides)
    n_blocks = Blocks.balanced(np.ones(n_words), n_meetings).n_blocks
    n_groups = group_count(cluster, n_blocks)
    n_ranges = max(RANGES_PER_CORE * cluster.n_cores, RUN_ENTRY_BYTES * n_meetings // RANGE_BYTES)
    tables = 2 * n_words * (2 * pad_to_simd(config.vector_size) + SIMD_WIDTH) * FLOAT_BYTES
    longer = (config.vector_size / of.SIZE) ** of.VISITED.size
    return Pairs(
        n_sums=n_parts * of.PAIRS.met(n_meetings / n_parts, n_words**2 / sides),
        n_stored=n_stored,
        n_visited=sides * n_stored,
        n_ranges=min(n_ranges, n_blocks * (n_blocks + 1) // 2),
        n_blocks=n_blocks,
        n_groups=n_groups,
        tables=tables,
        learning=sides * n_stored / n_groups**2 * longer / of.VISITED.rate,
        around=of.FUNCTION + tables / n_groups / of.COPIED
        + of.ARGUMENT * (n_blocks + 2 * n_groups) * n_blocks / n_groups**2
        + of.RESULT * 2 * n_blocks / n_groups,
    )  # fmt: skip


def _glove(config: GloveConfig, sizes: Sizes, cluster: Cluster, link: float) -> Cost:
    n_nodes, n_cores = len(cluster.nodes), cluster.n_cores
    pairs, (n_parts, _) = pairs_of(config, sizes, cluster), parts_of(sizes.n_bytes)
    tables, n_visits = pairs.tables, pairs.n_groups**2
    busy, elsewhere = min(n_cores, pairs.n_groups), 1 - 1 / n_nodes
    beside = -(-busy // n_nodes)
    epochs = config.iterations
    if PAIR_BYTES * pairs.n_stored < min(node.object_store for node in cluster.nodes):
        moved = PAIR_BYTES * pairs.n_stored / epochs  # a node keeps what came
    else:
        moved = PAIR_BYTES * pairs.n_visited / n_nodes
    received = elsewhere * (pairs.n_groups * tables / n_nodes + moved)
    merged = elsewhere * RUN_ENTRY_BYTES * pairs.n_sums / n_nodes
    visiting = n_visits / busy * (pairs.learning + pairs.around)
    n_objects = pairs.n_blocks * (pairs.n_blocks + 4 * pairs.n_groups)
    calls = n_visits * of.CALL + n_objects * of.OBJECT
    pulls = elsewhere * 2 * pairs.n_blocks * pairs.n_groups / n_nodes
    training = epochs * max(visiting + received / link + pulls * of.PULL, calls)
    learning = epochs * n_visits / busy * pairs.learning
    reading, n_results = _reading(sizes.n_bytes, n_cores)
    n_runs = n_parts * pairs.n_ranges
    counting = sizes.n_tokens * config.window / of.COUNTED + pairs.n_sums / of.MERGED
    visit = 2 * tables / pairs.n_groups + PAIR_BYTES * pairs.n_visited / n_visits
    merge = (RUN_ENTRY_BYTES * pairs.n_sums + PAIR_BYTES * pairs.n_stored) / pairs.n_ranges
    return Cost(
        tables=tables,
        whole=False,
        store=int(
            (RUN_ENTRY_BYTES * pairs.n_sums + PAIR_BYTES * pairs.n_stored + LINEAGE_DEPTH * tables)
            / n_nodes
        ),
        at_once=2 * tables // pairs.n_groups,
        memory=int(beside * (BASE_BYTES + 2 * max(visit, merge))),
        held=tables // pairs.n_groups,
        driver=int(BASE_BYTES + tables + of.OBJECT_BYTES * (n_results + n_runs)),
        network=int(epochs * received + merged),
        reading=reading,
        counting=max(counting / n_cores + merged / link, 2 * n_runs * of.OBJECT),
        learning=learning,
        exchange=training - learning,
    )


def check(needed: Cost, nodes: Sequence[Node]) -> None:
    """Raise ResourceError where a node cannot have what a function needs for certain."""
    for node in nodes:
        for what, n_bytes, there in (
            ("Ray's store", needed.at_once, node.object_store),
            ("memory", needed.held, node.memory),
        ):
            if n_bytes > there > 0:
                raise ResourceError(
                    f"node {node.address}: a function needs {format_bytes(n_bytes)} of {what}, it "
                    f"has {format_bytes(there)}; choose a smaller --vector-size or --max-vocab"
                )
