"""What a training on a cluster costs, worked out before it begins.

In: options, the sizes of a text, the nodes of a cluster. Out: Cost: memory, traffic and time.

All constants were measured on a core of an AMD EPYC, with embedtool's functions one by one, on
English Wikipedia (16 million tokens, 90,000 words); on a core twice as fast the times are half.
`benchmarks.cluster` compares the sums with what whole trainings take.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from embedtool.config import ClusterConfig, FastTextConfig, GloveConfig, TrainerConfig
from embedtool.config import Word2VecConfig as Word2Vec
from embedtool.corpus.blocks import Blocks
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.distributed.cluster import ROOT_SECONDS, Cluster, Node
from embedtool.distributed.glove import _n_groups
from embedtool.distributed.reading import LEAST_PART, MOST_PART, MOST_RANGES, N_PARTS
from embedtool.distributed.word2vec import GROWTH, KEPT, SHARE_OF_STORE, _cores_of_lane
from embedtool.errors import ResourceError
from embedtool.kernels.registers import SIMD_WIDTH
from embedtool.trainers.estimate import NUMBER, PAIR, PROGRAM, RUN_ENTRY, shown
from embedtool.trainers.lanes import keep
from embedtool.trainers.subwords import rows_of_words
from embedtool.trainers.tables import filled_up


class Law(NamedTuple):
    """How many different ones are among n: factor * n**exponent (Heaps), up to those there are."""

    factor: float
    exponent: float

    def met(self, n: float, n_all: float) -> float:
        """The different ones among n, of n_all."""
        return -n_all * math.expm1(-self.factor * n**self.exponent / n_all)


WORDS, NGRAMS = Law(2.9, 0.73), Law(101, 0.6)
"""Words in so many tokens, and rows of n-grams of 3 to 6 characters: within a tenth of what is
counted in stretches of 1,000 to 3,000,000 tokens."""
OUTPUTS, NODES = Law(4.6, 0.72), Law(38, 0.58)
"""Words with the noise words, and inner nodes of the tree."""
PAIRS = Law(9.5, 0.77)
"""Pairs in so many meetings: in 7 and in 160 million of them."""


class Speed(NamedTuple):
    """What a core learns from in a second, and to which powers of an option the time grows.

    rate : with SIZE dimensions, window 5 and 5 noise words
    """

    rate: float
    size: float
    window: float = 0
    negative: float = 0


SIZE, WINDOW, NEGATIVE = 100, 5, 5
SPEEDS = {
    ("cbow", "negative-sampling"): Speed(1.0e6, 0.7, 0.1, 0.2),
    ("skipgram", "negative-sampling"): Speed(0.9e6, 0.8, 0.15, 0.2),
    ("cbow", "hierarchical-softmax"): Speed(0.6e6, 0.7, 0.1),
    ("skipgram", "hierarchical-softmax"): Speed(0.31e6, 0.7, 0.5),
}
"""Tokens that thinning leaves. The powers are those from 100 to 300 dimensions, from window and
noise words 5 to 10."""
ROW_SECONDS = 0.17e-6
"""FastText: of each row of a token beyond the first, with SIZE dimensions."""
VISITED = Speed(9e6, 0.8)
"""GloVe: pairs."""
THREADS = 0.9
"""A lane of n cores is as fast as n**THREADS of one core; measured with two."""
READ = 30e6
"""Bytes of plain text that a core reads, numbers and encodes in a second."""
COUNTED, MERGED = 13e6, 15e6
"""Meetings counted, and sums of parts merged, by a core in a second."""
COPIED = 1e9
"""Bytes of tables that a core copies in and out in a second."""
LANE_SECONDS, PREPARED = 0.012, 350e6
"""Of a lane on a piece of the text, beside the learning: with SIZE dimensions, and the bytes of
rows taken, and made into steps, in a second."""
JOIN_SECONDS, JOINED = 0.006, 350e6
"""Of joining a shard: with SIZE dimensions, and the bytes of steps in a second."""
CALL, OBJECT, OBJECT_BYTES = 0.7e-3, 15e-6, 800
"""The driver's seconds for a function, and for each of its arguments and results; and its memory
for a result."""
ARGUMENT, RESULT = 0.2e-3, 1e-3
"""Seconds in which a function gets one of its arguments, and lays down one of its results."""
LINK = 0.8e9
"""Bytes a second from one node's store to another's, on one machine; a network may be slower."""
START = 3.0
"""Seconds until Ray's processes have begun, once a training."""
BESIDE_STEPS = 8
"""Bytes of a row's number and bend."""


@dataclass(frozen=True)
class Sizes:
    """Of a text.

    n_bytes  : as plain text
    n_tokens : of the vocabulary
    n_rows   : of the input table
    kept     : the share of the tokens that thinning leaves
    rows_a_token : of the input table, of one of those
    """

    n_bytes: int
    n_tokens: int
    n_words: int
    n_rows: int
    kept: float = 1.0
    rows_a_token: float = 1.0


def sizes_of(
    config: TrainerConfig, vocabulary: Vocabulary, n_tokens: int, n_bytes: int
) -> Sizes:
    """The sizes of a text that has been read."""
    n_words, counts = vocabulary.n_words, vocabulary.counts
    if not isinstance(config, Word2Vec):
        return Sizes(n_bytes, n_tokens, n_words, n_words)
    rows = rows_of_words(vocabulary.words, config)
    kept = counts * keep(counts, config.sample)
    a_token = float(kept @ np.diff(rows.starts) / kept.sum())
    return Sizes(
        n_bytes, n_tokens, n_words, rows.n_rows, float(kept.sum() / counts.sum()), a_token
    )


@dataclass(frozen=True)
class Cost:
    """What a training costs.

    tables  : bytes of what is learnt
    whole   : whether each node is given all of it
    store   : bytes that lie in the store of a node, about; what is more goes to its disk
    at_once : of these, what its functions have before them at a time, and cannot do without
    memory  : bytes of the functions of a node, about
    driver  : bytes of memory where the training was begun, about
    network : bytes that a node receives from others in all, about
    reading, counting, learning, exchange : seconds; exchange is what training takes beside learning
    """

    tables: int
    whole: bool
    store: int
    at_once: int
    memory: int
    driver: int
    network: int
    reading: float
    counting: float
    learning: float
    exchange: float

    @property
    def training(self) -> float:
        """Seconds from the first function of training to the last."""
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
    link: float = LINK,
) -> Cost:
    """What a training costs on these nodes.

    settings : of `training.settled`
    link     : bytes a second that a node receives, and sends
    """
    cluster = Cluster(nodes)
    if isinstance(config, GloveConfig):
        return _glove(config, sizes, cluster, link)
    if isinstance(config, Word2Vec):
        return _lanes(config, settings, sizes, cluster, link)
    raise TypeError(config)


@dataclass(frozen=True)
class Lane:
    """A lane on a piece of the text, and what becomes of it.

    learning, around : seconds that it learns, and of what is done before and after
    joining          : seconds in which a shard is joined with all lanes
    rows, steps      : bytes that it needs of the tables, and that it returns
    """

    learning: float
    around: float
    joining: float
    rows: float
    steps: float


def lane_of(config: Word2Vec, sizes: Sizes, n_tokens: float, n_threads: int) -> Lane:
    """A lane on so many tokens."""
    size = config.vector_size / SIZE
    speed = SPEEDS[config.mode, config.loss]
    longer = (
        size**speed.size
        * (config.window / WINDOW) ** speed.window
        * (config.negative / NEGATIVE) ** speed.negative
    )
    a_token = longer / speed.rate + (sizes.rows_a_token - 1) * ROW_SECONDS * size
    outputs = OUTPUTS if config.loss == "negative-sampling" else NODES
    n_rows = (NGRAMS if sizes.n_rows > sizes.n_words else WORDS).met(n_tokens, sizes.n_rows)
    n_rows += outputs.met(n_tokens, sizes.n_words)
    rows = n_rows * filled_up(config.vector_size) * NUMBER
    steps = rows + n_rows * BESIDE_STEPS
    return Lane(
        n_tokens * sizes.kept * a_token / n_threads**THREADS,
        LANE_SECONDS * size + rows / PREPARED,
        JOIN_SECONDS * size + steps / JOINED,
        rows, steps,
    )  # fmt: skip


def _lanes(
    config: Word2Vec, settings: ClusterConfig, sizes: Sizes, cluster: Cluster, link: float
) -> Cost:
    nodes, n_lanes = cluster.nodes, settings.lanes or 1
    n_nodes, n_rounds = len(nodes), max(settings.rounds or 1, config.epochs)
    tables = (sizes.n_rows + sizes.n_words) * filled_up(config.vector_size) * NUMBER
    whole = tables <= SHARE_OF_STORE * min(node.store for node in nodes)
    n_threads = _cores_of_lane(cluster, n_lanes)
    n_tokens = sizes.n_tokens * config.epochs / (n_lanes * n_rounds)
    lane = lane_of(config, sizes, n_tokens, n_threads)
    last = lane_of(config, sizes, n_tokens * GROWTH, n_threads)
    a_node = -(-n_lanes // n_nodes)
    beside = min(a_node, max(node.n_cores for node in nodes) // n_threads)
    turns = -(-n_lanes // sum(node.n_cores // n_threads for node in nodes))
    elsewhere = 1 - 1 / n_nodes
    received = elsewhere * ((tables if whole else a_node * lane.rows) + a_node * lane.steps)
    working = turns * lane.around + -(-n_lanes // cluster.n_cores) * lane.joining + received / link
    n_objects = 4 * n_lanes * (n_lanes + 1)
    calls = (2 * n_lanes if whole else n_lanes * (3 + n_lanes)) * CALL + n_objects * OBJECT
    learning = turns * lane.learning
    gathering = 2 * tables / link / ROOT_SECONDS
    training = n_rounds * max(learning + working, calls) * (1 + gathering)
    text = NUMBER * sizes.n_tokens / n_nodes
    given = tables if whole else beside * last.rows
    kept = tables if whole else tables / n_nodes + a_node * last.rows
    reading, read_objects = _reading(sizes, cluster.n_cores)
    return Cost(
        tables=tables,
        whole=whole,
        store=int(KEPT * (kept + 2 * a_node * last.steps) + text),
        at_once=int(given + beside * (last.steps + NUMBER * n_tokens * GROWTH)),
        memory=int(beside * (PROGRAM + 3 * last.rows)),
        driver=int(PROGRAM + tables + OBJECT_BYTES * (KEPT * n_objects + read_objects)),
        network=int(n_rounds * received + elsewhere * text * config.epochs),
        reading=reading,
        counting=0.0,
        learning=n_rounds * learning,
        exchange=training - n_rounds * learning,
    )


def _reading(sizes: Sizes, n_cores: int) -> tuple[float, int]:
    """Seconds of reading a text, and the results that the driver keeps track of."""
    n_parts, part = parts_of(sizes.n_bytes)
    n_objects = 4 * n_parts * min(n_cores, MOST_RANGES)
    calls = 2 * n_parts * CALL + 2 * n_objects * OBJECT
    return START + max(-(-n_parts // n_cores) * part / READ, calls), n_objects


def parts_of(n_bytes: int) -> tuple[int, float]:
    """How many parts a plain text is read in, and the bytes of one."""
    n_parts = max(1, -(-n_bytes // min(max(n_bytes // N_PARTS, LEAST_PART), MOST_PART)))
    return n_parts, n_bytes / n_parts


@dataclass(frozen=True)
class Pairs:
    """The pairs of a text, and how a cluster visits them: those of two groups of blocks at a time.

    n_sums    : those of each part of the text by itself
    n_stored  : those of the whole text
    n_visited : in an epoch; symmetric pairs are stored once and visited twice
    n_ranges  : in which they are merged
    tables    : bytes of what is learnt
    learning, around : seconds that two groups take, and of what is done before and after
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
    n_meetings, n_words, sides = sizes.n_tokens * config.window, sizes.n_words, 1
    sides = 2 if config.symmetric else 1
    n_parts, _ = parts_of(sizes.n_bytes)
    n_sums = n_parts * PAIRS.met(n_meetings / n_parts, n_words**2 / sides)
    n_stored = PAIRS.met(n_meetings, n_words**2 / sides)
    n_blocks = Blocks.cut(np.ones(n_words), n_meetings).n_blocks
    n_groups = _n_groups(cluster, n_blocks)
    n_ranges = max(RANGES_A_CORE * cluster.n_cores, RUN_ENTRY * n_meetings // RANGE_BYTES)
    tables = 2 * n_words * (2 * filled_up(config.vector_size) + SIMD_WIDTH) * NUMBER
    visit = sides * n_stored / n_groups**2
    return Pairs(
        n_sums, n_stored, sides * n_stored, min(n_ranges, n_blocks * (n_blocks + 1) // 2),
        n_blocks, n_groups, tables,
        visit * (config.vector_size / SIZE) ** VISITED.size / VISITED.rate,
        tables / n_groups / COPIED + ARGUMENT * (n_blocks / n_groups) ** 2 + 2 * RESULT,
    )  # fmt: skip


def _glove(config: GloveConfig, sizes: Sizes, cluster: Cluster, link: float) -> Cost:
    n_nodes, n_cores = len(cluster.nodes), cluster.n_cores
    pairs, elsewhere = pairs_of(config, sizes, cluster), 1 - 1 / n_nodes
    n_parts, _ = parts_of(sizes.n_bytes)
    n_visits, at_once = pairs.n_groups**2, min(n_cores, pairs.n_groups)
    beside = -(-at_once // n_nodes)
    received = elsewhere * (pairs.n_groups * pairs.tables + PAIR * pairs.n_visited) / n_nodes
    learning = config.iterations * n_visits / at_once * pairs.learning
    working = n_visits / at_once * pairs.around + received / link
    calls = n_visits * (CALL + 5 * OBJECT) + pairs.n_blocks**2 * OBJECT
    training = max(learning + config.iterations * working, config.iterations * calls)
    reading, n_objects = _reading(sizes, n_cores)
    n_objects += n_parts * pairs.n_ranges
    counting = sizes.n_tokens * config.window / COUNTED + pairs.n_sums / MERGED
    moved = elsewhere * RUN_ENTRY * pairs.n_sums / n_nodes
    visit = pairs.tables / pairs.n_groups * 2 + PAIR * pairs.n_visited / n_visits
    merge = (RUN_ENTRY * pairs.n_sums + PAIR * pairs.n_stored) / pairs.n_ranges
    return Cost(
        tables=pairs.tables,
        whole=False,
        store=int((RUN_ENTRY * pairs.n_sums + PAIR * pairs.n_stored + 2 * pairs.tables) / n_nodes),
        at_once=int(beside * max(visit, merge)),
        memory=int(beside * (PROGRAM + 2 * max(visit, merge))),
        driver=int(PROGRAM + pairs.tables + OBJECT_BYTES * n_objects),
        network=int(config.iterations * received + moved),
        reading=reading,
        counting=max(counting / n_cores + moved / link, 2 * n_parts * pairs.n_ranges * OBJECT),
        learning=learning,
        exchange=training - learning,
    )


def check(cost: Cost, nodes: Sequence[Node], here: int | None) -> None:
    """Raise ResourceError where a training cannot have what it needs for certain.

    here : bytes of memory that are free where it was begun, None where that is not known
    """
    least = min(nodes, key=lambda node: node.store)
    if cost.at_once > least.store:
        raise ResourceError(
            f"node {least.address}: what is worked on there at a time needs {shown(cost.at_once)} of "
            f"Ray's object store, which has {shown(least.store)}; choose a smaller --vector-size or "
            "--max-vocab, or give it more (ray start --object-store-memory)"
        )
    ...
