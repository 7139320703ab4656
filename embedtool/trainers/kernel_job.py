"""The arrays that the kernels of Word2Vec and FastText take, and the threads that run them.

In: tokens, the rows that their words are made of, and tables. Out: the tables, trained on tokens.
"""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.config.base import n_cores
from embedtool.config.training import Word2VecConfig
from embedtool.kernels.jit import load
from embedtool.kernels.sgd.arrays import (
    BLOCK,
    MOST_LANES,
    TURN,
    Copies,
    Noise,
    Options,
    Space,
    Stretch,
    Tables,
    Text,
    Tree,
    Words,
)
from embedtool.kernels.sgd.huffman import build_tree
from embedtool.kernels.sgd.train_chunk import train_stretch
from embedtool.kernels.simd.gemm import ROWS
from embedtool.trainers.aligned import zeros

STRETCH_TOKENS = 2**19
"""Tokens between two reports, a fraction of a second: after them threads wait for the slowest."""
SUMS = 4
"""Of a row, as `kernels.layout.Space` has them: so many fill lines of the cache without a rest."""
LEAST_PART = 2**10
"""A lane gets at least so many tokens of a stretch: its ends cut contexts off."""
NOISE_FACTORS = {"cbow": 3, "skipgram": 4.5}
"""Noise words are drawn for a block, not for each pair, this many times as many as for one pair.
Each stands for those of several pairs: more are truer to the noise distribution, and cost time."""


def streams_of(n_tokens: int) -> int:
    """The streams in which a text of so many tokens is read: at most MOST_LANES.

    The tokens of a round do not see what its other streams have learnt, as those of a minibatch do
    not. Of n tokens, minibatches of a size that grows less than sqrt(n) cost no accuracy in the end
    (Dekel et al. 2012, section 3); measured, rounds of sqrt(n) / 2 tokens cost none
    (docs/training.md). Of the numbers of streams whose rounds are no longer this is the largest
    power of two, of which threads have equal shares.
    """
    most = math.isqrt(max(0, n_tokens) // 4) // TURN
    return min(MOST_LANES, 1 << max(0, most.bit_length() - 1))


class Losses(NamedTuple):
    """What some tokens were learnt with.

    loss      : the sum of the losses
    pairs     : the number of pairs
    untrained : the sum that untrained vectors have: their scores are 0, so each trial costs ln 2
    """

    loss: float
    pairs: int
    untrained: float


def sum_of(losses: Iterable[Losses]) -> Losses:
    """Several together."""
    loss, pairs, untrained = zip(*losses, strict=True)
    return Losses(sum(loss), sum(pairs), sum(untrained))


class Work(NamedTuple):
    """What the kernel takes: the same for all threads, and for each its own."""

    text: Text
    words: Words
    noise: Noise
    tree: Tree
    tables: Tables
    options: Options
    stretch: Stretch
    copies: Copies
    spaces: list[Space]

    def load(self) -> None:
        """Have the kernel compiled, or loaded where it has been, before time is taken."""
        place = (1, np.zeros(1, np.int64), 0, 0, 0, np.uint64(0), 0.0, 0.0, np.float32(1))
        load(train_stretch, 0, *place, *self.shared, self.spaces[0])

    def train(
        self, pool: ThreadPoolExecutor, tokens: tuple[int, int], size: int, key: np.uint64,
        rates: tuple[float, float], damping: float,
    ) -> None:  # fmt: skip
        """Train on the tokens from one place of the text to another, in place.

        size    : of the stretches that the text is taken in; here at most so many
        key     : made of seed and epoch
        rates   : the learning rate falls from one to the other
        damping : of rows that several words are made of (`kernels.moves`)
        """
        part = max(LEAST_PART, -(-size // len(self.stretch.lengths)))
        n_threads = len(self.spaces)
        counters = np.zeros(1 + 2 * -(-part // TURN), np.int64)
        place = (n_threads, counters, *tokens, part, key, *rates, np.float32(damping))
        try:
            list(pool.map(partial(self._run_thread, place), range(n_threads)))
        except BaseException:
            counters[:] = n_threads  # threads would wait for one that never began
            raise

    def _run_thread(self, place: tuple[Any, ...], thread: int) -> None:
        arguments = (*place, *self.shared, self.spaces[thread])
        train_stretch(thread, *arguments)

    def take_losses(self) -> Losses:
        """The losses of all lanes, in their order, since they were last taken."""
        of_lanes = (self.copies.losses, self.copies.pairs, self.copies.trials)
        loss, pairs, trials = (each.sum().item() for each in of_lanes)
        for each in of_lanes:
            each[:] = 0
        return Losses(loss, pairs, math.log(2) * trials)

    def bends(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The bends of all turns that have moved each row of the two tables."""
        return self.spaces[0].input_sums[:, 2], self.spaces[0].output_sums[:, 2]

    @property
    def shared(self) -> tuple[Any, ...]:
        """All but the spaces, in the order of the kernel's parameters."""
        return tuple(self)[:-1]


def prepare(
    config: Word2VecConfig,
    n_streams: int,
    text: Text,
    words: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]],
    noise: Noise,
    tree: tuple[Tree, int],
    tables: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> Work:
    """Put together what the kernel takes.

    n_streams : in which the text is read, unless threads race: then each has one
    words     : starts, rows and frozen, as `kernels.layout.Words` has them
    tree      : with the length of its longest way
    tables    : inputs and outputs
    """
    starts, rows, frozen = words
    inputs, outputs = tables
    cbow, hierarchical = config.mode == "cbow", config.loss == "hierarchical-softmax"
    n_noise = math.ceil(NOISE_FACTORS[config.mode] * config.negative / ROWS) * ROWS
    depth = tree[1]
    turn_around = TURN + 2 * config.window
    turn_noise = 0 if hierarchical else TURN // BLOCK * n_noise
    most_inputs, predicted = (turn_around, TURN) if cbow else (TURN, turn_around)
    most_outputs = 1 + min(predicted * max(1, depth) + turn_noise, len(outputs))
    most_met = BLOCK + (depth if hierarchical else BLOCK) * (1 if cbow else 2 * config.window)
    most_threads = MOST_LANES if config.racing else n_streams
    n_threads = min(config.workers or 1, n_cores(), most_threads)
    n_lanes = n_threads if config.racing else n_streams
    most_moves = n_lanes * max(most_inputs * int(np.diff(starts).max()), most_outputs)
    width = inputs.shape[1]
    sums = [(_floats(len(inputs), SUMS), _floats(len(outputs), SUMS))
            for _ in range(n_threads if config.racing else 1)]  # fmt: skip
    subwords = bool(np.diff(starts).max() > 1)
    return Work(
        text,
        Words(starts, rows, frozen, _movable(starts, rows, frozen)),
        noise,
        tree[0],
        Tables(
            inputs, outputs,
            np.zeros(len(inputs), np.uint8), np.zeros(len(outputs), np.uint8),
        ),
        Options(
            config.window, config.shrink_windows, subwords, cbow,
            config.cbow_mean, hierarchical, config.racing, config.negative, n_noise,
        ),
        _stretch(n_lanes, max(LEAST_PART, -(-STRETCH_TOKENS // n_lanes))),
        _copies(n_lanes, most_inputs, most_outputs, width),
        [_space(n_lanes, most_inputs, most_outputs, turn_around, depth, n_noise, turn_noise,
                most_met, most_moves, len(starts) - 1 if subwords else 0, width,
                sums[thread % len(sums)])
         for thread in range(n_threads)],
    )  # fmt: skip


def _movable(
    starts: NDArray[np.int64], rows: NDArray[np.int32], frozen: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """How many rows of each word move."""
    ends = np.concatenate(([0], np.cumsum(~frozen[rows], dtype=np.int32)))
    return np.diff(ends[starts]).astype(np.int32)


def keep(counts: NDArray[np.int64], sample: float) -> NDArray[np.float32]:
    """The share of each word's tokens that is kept: word2vec.c's, sqrt(t / f) + t / f of its share
    f of all tokens, where Mikolov et al. 2013b, eq. 5, have sqrt(t / f)."""
    if not sample:
        return np.ones(len(counts), np.float32)
    ratio = sample / (np.maximum(counts, 1) / counts.sum())
    keep: NDArray[np.float32] = np.minimum(1, np.sqrt(ratio) + ratio).astype(np.float32)
    return keep


def noise_shares(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
    """The share of the draws of each word and those before it, drawn by count to a power.

    (Mikolov et al. 2013b, section 2.2.) A word of count 0, as words of --init may be, has no power
    of a negative exponent and is not drawn.
    """
    drawn = counts > 0 if exponent < 0 else np.ones(len(counts), np.bool_)
    powers = np.zeros(len(counts))
    powers[drawn] = (counts[drawn] / counts.max()) ** exponent
    cumulative = np.cumsum(powers / powers.sum())
    cumulative[-1] = 1
    return cumulative


def noise_of(cumulative: NDArray[np.float64]) -> Noise:
    """How words are drawn, given `noise_shares`."""
    steps = np.arange(len(cumulative)) / len(cumulative)
    return Noise(cumulative, np.searchsorted(cumulative, steps, side="right").astype(np.int32))


def tree_of(counts: NDArray[np.int64]) -> tuple[Tree, int]:
    """The Huffman tree, and the length of its longest way."""
    tree = Tree(np.empty(2 * len(counts) - 1, np.int32), np.empty(2 * len(counts) - 1, np.bool_))
    return tree, build_tree(counts, *tree)


NO_NOISE = Noise(np.empty(0), np.empty(0, np.int32))
NO_TREE = Tree(np.empty(0, np.int32), np.empty(0, np.bool_)), 0


def _floats(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def _ints(*shape: int) -> NDArray[np.int32]:
    return np.zeros(shape, np.int32)


def _longs(*shape: int) -> NDArray[np.int64]:
    return np.zeros(shape, np.int64)


def _stretch(n_lanes: int, longest: int) -> Stretch:
    ids, left, right = (_ints(n_lanes, longest) for _ in range(3))
    return Stretch(ids, left, right, _longs(n_lanes))


def _copies(n_lanes: int, most_inputs: int, most_outputs: int, width: int) -> Copies:
    return Copies(
        inputs=zeros(n_lanes * most_inputs, width),
        input_bends=_floats(n_lanes * most_inputs),
        input_words=_ints(n_lanes, most_inputs),
        n_inputs=_longs(n_lanes),
        outputs=zeros(n_lanes * most_outputs, width),
        output_bends=_floats(n_lanes * most_outputs),
        output_rows=_ints(n_lanes, most_outputs),
        n_outputs=_longs(n_lanes),
        losses=np.zeros(n_lanes),
        pairs=_longs(n_lanes),
        trials=np.zeros(n_lanes),
    )


def _space(
    n_lanes: int, most_inputs: int, most_outputs: int, most_tokens: int, depth: int, n_noise: int,
    turn_noise: int, most_met: int, most_moves: int, n_words: int, width: int,
    sums: tuple[Any, Any],
) -> Space:  # fmt: skip
    most_rows = n_noise + ROWS
    numbers = _ints(n_lanes * most_outputs)
    numbers[:] = -1
    return Space(
        before=zeros(most_inputs, width),
        norms=_floats(n_lanes * most_outputs),
        input_slots=_ints(2 << most_inputs.bit_length()),
        output_slots=_ints(2 << most_outputs.bit_length()),
        input_places=_ints(most_tokens),
        output_places=_ints(most_tokens),
        ways=_ints(most_tokens),
        way_sides=np.zeros(most_tokens, np.bool_),
        above=_ints(n_lanes * most_outputs),
        sides=np.zeros(n_lanes * most_outputs, np.bool_),
        drawn=_ints(2, turn_noise),
        shares=np.zeros(n_noise),
        noise_places=_ints(turn_noise),
        n_pairs=_floats(BLOCK),
        hidden=zeros(BLOCK, width),
        hidden_steps=zeros(BLOCK, width),
        across=zeros(width, BLOCK),
        hidden_norms=_floats(BLOCK),
        hidden_bends=_floats(BLOCK),
        reach=_floats(BLOCK),
        listed=_ints(most_rows),
        numbers=numbers,
        draws=_floats(most_rows),
        scores=zeros(most_rows, BLOCK),
        weights=zeros(most_rows, BLOCK),
        seconds=zeros(most_rows, BLOCK),
        never=zeros(most_rows, BLOCK),
        met_places=_ints(most_met),
        met_ends=_longs(BLOCK + 1),
        met_scores=_floats(most_met),
        met_targets=_floats(most_met),
        met_weights=_floats(most_met),
        met_seconds=_floats(most_met),
        move_rows=_ints(most_moves),
        move_places=_ints(most_moves),
        move_factors=_floats(most_moves),
        word_bends=_floats(n_words),
        input_sums=sums[0],
        output_sums=sums[1],
    )
