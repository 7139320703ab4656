"""Word2Vec and FastText in lanes: each trains a piece of the text on rows of its own.

In: a piece of the text, and the rows that it concerns. Out: the steps of these rows, which
`distributed.joining` puts together with those of other lanes. Nothing here knows of a cluster.

A lane draws its noise words from a sample of the noise distribution, anew for each piece, so that
the rows it needs are known before it begins.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import Word2VecConfig
from embedtool.distributed.merging import BLAS, Moments, Steps
from embedtool.kernels.sgd.arrays import Text, Tree
from embedtool.kernels.sgd.merging import steps_of, take_rows
from embedtool.trainers.aligned import filled_up, zeros
from embedtool.trainers.kernel_job import (
    NO_NOISE,
    NO_TREE,
    STRETCH_TOKENS,
    Losses,
    keep,
    noise_of,
    noise_shares,
    prepare,
    sum_of,
    tree_of,
)
from embedtool.trainers.subwords import Rows

SAMPLE_SHARE, LEAST_SAMPLE = 0.25, 2**12
"""Noise words of a piece, by its tokens: each is drawn some four times in the piece."""
MET = 2**12
"""Tokens, and outputs, of a piece that are looked at for the directions of the loss."""
CONTEXT = 6
"""What the mean of a context's vectors has of the variance of one: a part in about so many, for of
the windows up to 5 words to each side, sentences' ends and thinning leave so many on average."""


@dataclass(frozen=True, eq=False)
class Borrowed:
    """The rows of a table that a lane needs, and what they are taken from.

    rows   : int32 (n,), rising
    shards : every n-th row of the table, from the first on, from the second on, ...; or of these
        only the rows that the lane needs; bfloat16
    whole  : whether all rows of the shards are there
    """

    rows: NDArray[np.int32]
    shards: Sequence[NDArray[np.uint16]]
    whole: bool

    def table(self) -> NDArray[np.float32]:
        """The rows, float32 (n, width), filled up as kernels take them."""
        taken = zeros(len(self.rows), filled_up(self.shards[0].shape[1]))
        for shard, (places, _, there) in zip(self.shards, self._places, strict=True):
            take_rows(shard, there, places, taken)
        return taken

    def steps(self, table: NDArray[np.float32], bends: NDArray[np.float32]) -> list[Steps]:
        """What the rows have become since, less what they were; for each shard, by its numbers."""
        found = []
        for shard, (places, numbers, there) in zip(self.shards, self._places, strict=True):
            steps = np.empty((len(numbers), shard.shape[1]), np.int8)
            scales = np.empty(len(numbers), np.float32)
            steps_of(shard, there, places, table, steps, scales)
            found.append(Steps(numbers, steps, scales, bends[places]))
        return found

    @cached_property
    def _places(self) -> list[tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.int32]]]:
        """For each shard, which of the rows it has, their numbers, and where they are in it."""
        found = []
        for number in range(len(self.shards)):
            places, numbers = rows_in_shard(self.rows, number, len(self.shards))
            there = numbers if self.whole else np.arange(len(numbers), dtype=np.int32)
            found.append((places, numbers, there))
        return found


def rows_in_shard(
    rows: NDArray[np.int32], number: int, n_shards: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Which of the rows are every n-th, and their numbers among these, both int32."""
    places = np.flatnonzero(rows % n_shards == number).astype(np.int32)
    return places, rows[places] // n_shards


@dataclass(frozen=True, eq=False)
class Lexicon:
    """What all lanes know of the words.

    keep   : float32 (n_words,), the share of each word's tokens that is kept
    noise  : float64 (n_words,), the share of the draws of each word and those before it
    rows   : of the inputs, that each word is made of
    frozen : bool (rows.n_rows,)
    tree   : with the length of its longest way
    n_streams : in which the whole text would be read, and each lane reads its pieces
    """

    config: Word2VecConfig
    keep: NDArray[np.float32]
    noise: NDArray[np.float64]
    rows: Rows
    frozen: NDArray[np.bool_]
    tree: tuple[Tree, int]
    n_streams: int

    @property
    def n_words(self) -> int:
        """The number of words."""
        return len(self.keep)

    @property
    def hierarchical(self) -> bool:
        """Whether the outputs are inner nodes of the tree, else they are words."""
        return self.config.loss == "hierarchical-softmax"


def lexicon_of(
    config: Word2VecConfig,
    counts: NDArray[np.int64],
    rows: Rows,
    frozen: NDArray[np.bool_],
    n_streams: int,
) -> Lexicon:
    """Put together what all lanes know."""
    hierarchical = config.loss == "hierarchical-softmax"
    return Lexicon(
        config,
        keep(counts, config.sample),
        np.empty(0) if hierarchical else noise_shares(counts, config.ns_exponent),
        rows,
        frozen,
        tree_of(counts) if hierarchical else NO_TREE,
        n_streams,
    )


@dataclass(frozen=True)
class Piece:
    """What a lane trains on between two meetings.

    first, last : tokens of the whole text
    key         : made of seed and epoch
    rates       : the learning rate falls from one to the other
    damping     : of rows that several words are made of
    """

    first: int
    last: int
    key: int
    rates: tuple[float, float]
    damping: float


@dataclass(frozen=True, eq=False)
class Needs:
    """The rows that a piece concerns.

    words   : int32, rising: those of the text and the noise words
    in_text : bool (len(words),), which of them the text has
    draws   : int32 (len(words),), how often each was drawn as a noise word
    inputs  : int32, rising, rows of the inputs
    outputs : int32, rising, rows of the outputs
    """

    words: NDArray[np.int32]
    in_text: NDArray[np.bool_]
    draws: NDArray[np.int32]
    inputs: NDArray[np.int32]
    outputs: NDArray[np.int32]


def needs_of(lexicon: Lexicon, piece: Piece, ids: NDArray[np.int32]) -> Needs:
    """The rows that the tokens of a piece concern, and its noise words.

    These are drawn at equal distances, which begin at random, in the distribution of the noise:
    each as often as it should be, up to one draw.
    """
    in_text = _flags(lexicon.n_words, ids)
    inputs = _flags(lexicon.rows.n_rows, _rows_of(lexicon.rows, np.flatnonzero(in_text)))
    if lexicon.hierarchical:
        words, draws = np.flatnonzero(in_text), np.zeros(lexicon.n_words, np.int32)
        outputs = _ways(lexicon.tree[0].parents, words, lexicon.n_words)
    else:
        n_draws = max(LEAST_SAMPLE, int(SAMPLE_SHARE * len(ids)))
        begin = np.random.default_rng((piece.key, piece.first)).random()
        passed = np.floor(lexicon.noise * n_draws + begin).astype(np.int32)
        draws = np.diff(passed, prepend=np.int32(0))
        words = outputs = np.flatnonzero(in_text | (draws > 0))
    return Needs(
        words.astype(np.int32), in_text[words], draws[words],
        np.flatnonzero(inputs).astype(np.int32), outputs.astype(np.int32),
    )  # fmt: skip


def _flags(n: int, places: NDArray[np.int32]) -> NDArray[np.bool_]:
    flags = np.zeros(n, np.bool_)
    flags[places] = True
    return flags


def _rows_of(rows: Rows, words: NDArray[np.integer[Any]]) -> NDArray[np.int32]:
    """The rows of words, one word after another."""
    starts, lengths = rows.starts[words], rows.starts[words + 1] - rows.starts[words]
    before = np.cumsum(lengths) - lengths
    found: NDArray[np.int32] = rows.rows[
        np.arange(lengths.sum()) + np.repeat(starts - before, lengths)
    ]
    return found


def _ways(parents: NDArray[np.int32], words: NDArray[np.int64], n_words: int) -> NDArray[np.int64]:
    """The inner nodes on the ways from the root to words, counted from the first inner node."""
    met = np.zeros(len(parents), np.bool_)
    nodes = np.unique(parents[words])
    while len(nodes):
        met[nodes] = True
        nodes = np.unique(parents[nodes[nodes < len(parents) - 1]])
        nodes = nodes[~met[nodes]]
    return np.flatnonzero(met) - n_words


@dataclass(frozen=True, eq=False)
class Learnt:
    """What a lane comes to; the steps by shard."""

    inputs: Sequence[Steps]
    outputs: Sequence[Steps]
    moments: Moments
    losses: Losses


def train_piece(
    lexicon: Lexicon,
    piece: Piece,
    text: tuple[NDArray[np.int32], NDArray[np.int64]],
    needs: Needs,
    tables: tuple[Borrowed, Borrowed],
    n_threads: int,
) -> Learnt:
    """Train on a piece of the text.

    text   : its ids, and where among them sentences end
    tables : the rows of inputs and outputs that it needs
    """
    config = replace(lexicon.config, workers=n_threads)
    ids, ends = text
    numbers = np.empty(lexicon.n_words, np.int32)
    numbers[needs.words] = np.arange(len(needs.words), dtype=np.int32)
    own_ids = numbers[ids]
    starts, rows = _own_rows(lexicon.rows, needs)
    inputs, outputs = tables[0].table(), tables[1].table()
    work = prepare(
        config,
        lexicon.n_streams,
        _read_only(Text(own_ids, np.append(ends, len(ids)), lexicon.keep[needs.words])),
        (starts, rows, lexicon.frozen[needs.inputs]),
        NO_NOISE if lexicon.hierarchical else noise_of(np.cumsum(needs.draws) / needs.draws.sum()),
        _own_tree(lexicon, needs) if lexicon.hierarchical else NO_TREE,
        (inputs, outputs),
    )
    with BLAS.limit(limits=1):
        moments = _moments(lexicon, ids, needs, numbers, (starts, rows), (inputs, outputs))
    n = len(ids)
    n_stretches = -(-n // STRETCH_TOKENS)
    size = -(-n // n_stretches)
    found = []
    with ThreadPoolExecutor(n_threads) as pool:
        for begin in range(0, n, size):
            end = min(begin + size, n)
            rates = [np.interp(place, (0, n), piece.rates) for place in (begin, end)]
            key = np.uint64((piece.key + piece.first) % 2**64)
            work.train(
                pool, (begin, end), size, key, (float(rates[0]), float(rates[1])), piece.damping
            )
            found.append(work.take_losses())
    input_bends, output_bends = work.bends()
    return Learnt(
        tables[0].steps(inputs, input_bends), tables[1].steps(outputs, output_bends),
        moments, sum_of(found),
    )  # fmt: skip


def _read_only(text: Text) -> Text:
    """Arrays as those of a mapped file, for which the kernels are compiled."""
    for array in text[:2]:
        array.flags.writeable = False
    return text


def _own_rows(rows: Rows, needs: Needs) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Starts and rows of the words needed, by their numbers among those; noise words have none."""
    numbers = np.empty(rows.n_rows, np.int32)
    numbers[needs.inputs] = np.arange(len(needs.inputs), dtype=np.int32)
    lengths = (rows.starts[needs.words + 1] - rows.starts[needs.words]) * needs.in_text
    words = needs.words[needs.in_text]
    return np.concatenate(([0], np.cumsum(lengths))), numbers[_rows_of(rows, words)]


def _own_tree(lexicon: Lexicon, needs: Needs) -> tuple[Tree, int]:
    """The tree with no other nodes than those needed, in the same order.

    Where a node has one child left there are more nodes than words less one; as the numbers of
    nodes follow those of words, the tree gets words that nothing leads to.
    """
    (parents, left), depth = lexicon.tree
    n_nodes = len(needs.outputs)
    n_words = n_nodes + 1
    numbers = np.empty(len(parents), np.int32)
    nodes = needs.outputs + lexicon.n_words
    numbers[nodes] = n_words + np.arange(n_nodes, dtype=np.int32)
    own = Tree(np.zeros(n_words + n_nodes, np.int32), np.zeros(n_words + n_nodes, np.bool_))
    for first, old in ((0, needs.words), (n_words, nodes[:-1])):
        own.parents[first : first + len(old)] = numbers[parents[old]]
        own.left[first : first + len(old)] = left[old]
    return own, depth


def _moments(
    lexicon: Lexicon,
    ids: NDArray[np.int32],
    needs: Needs,
    numbers: NDArray[np.int32],
    own_rows: tuple[NDArray[np.int64], NDArray[np.int32]],
    tables: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> Moments:
    """Second moments of what some tokens of the piece have to do with."""
    config, size = lexicon.config, lexicon.config.vector_size
    some = ids[:: -(-len(ids) // MET)]
    weights = lexicon.keep[some] / lexicon.keep[some].sum()
    own = Rows(*own_rows, np.empty(0, np.int64))
    lengths = np.diff(own.starts)[numbers[some]]
    parts = tables[0][_rows_of(own, numbers[some]), :size]
    hidden = np.add.reduceat(parts, np.cumsum(lengths) - lengths, axis=0)
    hidden /= lengths[:, None].astype(np.float32)
    mean = weights @ hidden
    apart = hidden - mean
    second = (apart * weights[:, None]).T @ apart
    if config.mode == "cbow":
        second /= CONTEXT
    met = _met_nodes(lexicon, some, needs) if lexicon.hierarchical else needs.draws
    passed = np.cumsum(met)
    chosen = np.searchsorted(passed, passed[-1] * (np.arange(MET) + 0.5) / MET, side="right")
    outputs = tables[1][chosen, :size]
    return second + np.outer(mean, mean), outputs.T @ outputs / np.float32(MET)


def _met_nodes(lexicon: Lexicon, words: NDArray[np.int32], needs: Needs) -> NDArray[np.int32]:
    """How often each of the inner nodes needed is on the way to one of some words."""
    parents = lexicon.tree[0].parents
    met = np.zeros(lexicon.n_words, np.int32)
    nodes = parents[words]
    while len(nodes):
        met += np.bincount(nodes - lexicon.n_words, minlength=len(met)).astype(np.int32)
        nodes = parents[nodes[nodes < len(parents) - 1]]
    return met[needs.outputs]
