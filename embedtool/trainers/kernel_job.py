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

from embedtool.config.training import Word2VecConfig
from embedtool.io.machine import n_cores
from embedtool.kernels.jit import load
from embedtool.kernels.sgd.arrays import (
    MAX_STREAMS,
    MICROBATCH_TOKENS,
    MINIBATCH_TOKENS,
    NegativeTable,
    Options,
    RowCache,
    Scratch,
    StreamTokens,
    Tables,
    Text,
    Tree,
    WordRows,
)
from embedtool.kernels.sgd.huffman import build_tree
from embedtool.kernels.sgd.train_chunk import train_chunk
from embedtool.kernels.simd.gemm import ROW_MULTIPLE
from embedtool.trainers.aligned import aligned_zeros

CHUNK_TOKENS = 2**19
"""Tokens between two reports, a fraction of a second: after them threads wait for the slowest."""
SUMS = 4
"""Of a row, as `kernels.layout.Space` has them: so many fill lines of the cache without a rest."""
MIN_STREAM_TOKENS = 2**10
"""A lane gets at least so many tokens of a stretch: its ends cut contexts off."""
SHARED_NEGATIVES_FACTOR = {"cbow": 3, "skipgram": 4.5}
"""Noise words are drawn for a block, not for each pair, this many times as many as for one pair.
Each stands for those of several pairs: more are truer to the noise distribution, and cost time."""


def n_streams_for(n_tokens: int) -> int:
    """The streams in which a text of so many tokens is read: at most MAX_STREAMS.

    The tokens of a round do not see what its other streams have learnt, as those of a minibatch do
    not. Of n tokens, minibatches of a size that grows less than sqrt(n) cost no accuracy in the end
    (Dekel et al. 2012, section 3); measured, rounds of sqrt(n) / 2 tokens cost none
    (docs/training.md). Of the numbers of streams whose rounds are no longer this is the largest
    power of two, of which threads have equal shares.
    """
    most = math.isqrt(max(0, n_tokens) // 4) // MINIBATCH_TOKENS
    return min(MAX_STREAMS, 1 << max(0, most.bit_length() - 1))


class Losses(NamedTuple):
    """What some tokens were learnt with.

    loss      : the sum of the losses
    pairs     : the number of pairs
    untrained : the sum that untrained vectors have: their scores are 0, so each trial costs ln 2
    """

    loss: float
    pairs: int
    untrained: float


def sum_losses(losses: Iterable[Losses]) -> Losses:
    """Several together."""
    loss, pairs, untrained = zip(*losses, strict=True)
    return Losses(sum(loss), sum(pairs), sum(untrained))


class KernelJob(NamedTuple):
    """What the kernel takes: the same for all threads, and for each its own."""

    text: Text
    words: WordRows
    negatives: NegativeTable
    tree: Tree
    tables: Tables
    options: Options
    tokens: StreamTokens
    cache: RowCache
    scratch: list[Scratch]

    def load(self) -> None:
        """Have the kernel compiled, or loaded where it has been, before time is taken."""
        place = (1, np.zeros(1, np.int64), 0, 0, 0, np.uint64(0), 0.0, 0.0, np.float32(1))
        load(train_chunk, 0, *place, *self.shared, self.scratch[0])

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
        part = max(MIN_STREAM_TOKENS, -(-size // len(self.tokens.lengths)))
        n_threads = len(self.scratch)
        counters = np.zeros(1 + 2 * -(-part // MINIBATCH_TOKENS), np.int64)
        place = (n_threads, counters, *tokens, part, key, *rates, np.float32(damping))
        try:
            list(pool.map(partial(self._run_thread, place), range(n_threads)))
        except BaseException:
            counters[:] = n_threads  # threads would wait for one that never began
            raise

    def _run_thread(self, place: tuple[Any, ...], thread: int) -> None:
        arguments = (*place, *self.shared, self.scratch[thread])
        train_chunk(thread, *arguments)

    def take_losses(self) -> Losses:
        """The losses of all lanes, in their order, since they were last taken."""
        of_lanes = (self.cache.losses, self.cache.pairs, self.cache.trials)
        loss, pairs, trials = (each.sum().item() for each in of_lanes)
        for each in of_lanes:
            each[:] = 0
        return Losses(loss, pairs, math.log(2) * trials)

    def curvature(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The bends of all turns that have moved each row of the two tables."""
        return self.scratch[0].input_sums[:, 2], self.scratch[0].output_sums[:, 2]

    @property
    def shared(self) -> tuple[Any, ...]:
        """All but the spaces, in the order of the kernel's parameters."""
        return tuple(self)[:-1]


def build_job(
    config: Word2VecConfig,
    n_streams: int,
    text: Text,
    words: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]],
    negatives: NegativeTable,
    tree: tuple[Tree, int],
    tables: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> KernelJob:
    """Put together what the kernel takes.

    n_streams : in which the text is read, unless threads race: then each has one
    words     : starts, rows and frozen, as `kernels.layout.Words` has them
    tree      : with the length of its longest way
    tables    : inputs and outputs
    """
    starts, rows, frozen = words
    inputs, outputs = tables
    cbow, hierarchical = config.mode == "cbow", config.loss == "hierarchical-softmax"
    n_shared_negatives = (
        math.ceil(SHARED_NEGATIVES_FACTOR[config.mode] * config.negative / ROW_MULTIPLE)
        * ROW_MULTIPLE
    )
    depth = tree[1]
    turn_around = MINIBATCH_TOKENS + 2 * config.window
    minibatch_negatives = (
        0 if hierarchical else MINIBATCH_TOKENS // MICROBATCH_TOKENS * n_shared_negatives
    )
    max_inputs, predicted = (
        (turn_around, MINIBATCH_TOKENS) if cbow else (MINIBATCH_TOKENS, turn_around)
    )
    max_outputs = 1 + min(predicted * max(1, depth) + minibatch_negatives, len(outputs))
    max_targets = MICROBATCH_TOKENS + (depth if hierarchical else MICROBATCH_TOKENS) * (
        1 if cbow else 2 * config.window
    )
    most_threads = MAX_STREAMS if config.hogwild else n_streams
    n_threads = min(config.workers or 1, n_cores(), most_threads)
    n_streams_ = n_threads if config.hogwild else n_streams
    max_deltas = n_streams_ * max(max_inputs * int(np.diff(starts).max()), max_outputs)
    width = inputs.shape[1]
    sums = [(_floats(len(inputs), SUMS), _floats(len(outputs), SUMS))
            for _ in range(n_threads if config.hogwild else 1)]  # fmt: skip
    subwords = bool(np.diff(starts).max() > 1)
    return KernelJob(
        text,
        WordRows(starts, rows, frozen, _n_trainable(starts, rows, frozen)),
        negatives,
        tree[0],
        Tables(
            inputs, outputs,
            np.zeros(len(inputs), np.uint8), np.zeros(len(outputs), np.uint8),
        ),
        Options(
            config.window, config.shrink_windows, subwords, cbow,
            config.cbow_mean, hierarchical, config.hogwild, config.negative, n_shared_negatives,
        ),
        _allocate_tokens(n_streams_, max(MIN_STREAM_TOKENS, -(-CHUNK_TOKENS // n_streams_))),
        _allocate_cache(n_streams_, max_inputs, max_outputs, width),
        [_allocate_scratch(n_streams_, max_inputs, max_outputs, turn_around, depth,
                n_shared_negatives, minibatch_negatives,
                max_targets, max_deltas, len(starts) - 1 if subwords else 0, width,
                sums[thread % len(sums)])
         for thread in range(n_threads)],
    )  # fmt: skip


def _n_trainable(
    starts: NDArray[np.int64], rows: NDArray[np.int32], frozen: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """How many rows of each word move."""
    ends = np.concatenate(([0], np.cumsum(~frozen[rows], dtype=np.int32)))
    return np.diff(ends[starts]).astype(np.int32)


def keep_probabilities(counts: NDArray[np.int64], sample: float) -> NDArray[np.float32]:
    """The share of each word's tokens that is kept: word2vec.c's, sqrt(t / f) + t / f of its share
    f of all tokens, where Mikolov et al. 2013b, eq. 5, have sqrt(t / f)."""
    if not sample:
        return np.ones(len(counts), np.float32)
    ratio = sample / (np.maximum(counts, 1) / counts.sum())
    keep: NDArray[np.float32] = np.minimum(1, np.sqrt(ratio) + ratio).astype(np.float32)
    return keep


def negative_cdf(counts: NDArray[np.int64], exponent: float) -> NDArray[np.float64]:
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


def build_negative_table(cumulative: NDArray[np.float64]) -> NegativeTable:
    """How words are drawn, given `negative_cdf`."""
    steps = np.arange(len(cumulative)) / len(cumulative)
    return NegativeTable(
        cumulative, np.searchsorted(cumulative, steps, side="right").astype(np.int32)
    )


def huffman_tree(counts: NDArray[np.int64]) -> tuple[Tree, int]:
    """The Huffman tree, and the length of its longest way."""
    tree = Tree(np.empty(2 * len(counts) - 1, np.int32), np.empty(2 * len(counts) - 1, np.bool_))
    return tree, build_tree(counts, *tree)


NO_NEGATIVES = NegativeTable(np.empty(0), np.empty(0, np.int32))
NO_TREE = Tree(np.empty(0, np.int32), np.empty(0, np.bool_)), 0


def _floats(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def _ints(*shape: int) -> NDArray[np.int32]:
    return np.zeros(shape, np.int32)


def _longs(*shape: int) -> NDArray[np.int64]:
    return np.zeros(shape, np.int64)


def _allocate_tokens(n_streams_: int, longest: int) -> StreamTokens:
    ids, left, right = (_ints(n_streams_, longest) for _ in range(3))
    return StreamTokens(ids, left, right, _longs(n_streams_))


def _allocate_cache(n_streams_: int, max_inputs: int, max_outputs: int, width: int) -> RowCache:
    return RowCache(
        inputs=aligned_zeros(n_streams_ * max_inputs, width),
        input_curvature=_floats(n_streams_ * max_inputs),
        input_words=_ints(n_streams_, max_inputs),
        n_inputs=_longs(n_streams_),
        outputs=aligned_zeros(n_streams_ * max_outputs, width),
        output_curvature=_floats(n_streams_ * max_outputs),
        output_rows=_ints(n_streams_, max_outputs),
        n_outputs=_longs(n_streams_),
        losses=np.zeros(n_streams_),
        pairs=_longs(n_streams_),
        trials=np.zeros(n_streams_),
    )


def _allocate_scratch(
    n_streams_: int, max_inputs: int, max_outputs: int, max_tokens: int, depth: int,
    n_shared_negatives: int, minibatch_negatives: int, max_targets: int, max_deltas: int,
    n_words: int, width: int,
    sums: tuple[Any, Any],
) -> Scratch:  # fmt: skip
    most_rows = n_shared_negatives + ROW_MULTIPLE
    numbers = _ints(n_streams_ * max_outputs)
    numbers[:] = -1
    return Scratch(
        input_snapshot=aligned_zeros(max_inputs, width),
        output_sq_norms=_floats(n_streams_ * max_outputs),
        input_hash=_ints(2 << max_inputs.bit_length()),
        output_hash=_ints(2 << max_outputs.bit_length()),
        input_slot_of=_ints(max_tokens),
        output_slot_of=_ints(max_tokens),
        leaf_parent=_ints(max_tokens),
        leaf_bit=np.zeros(max_tokens, np.bool_),
        parent_slot=_ints(n_streams_ * max_outputs),
        code_bit=np.zeros(n_streams_ * max_outputs, np.bool_),
        negatives=_ints(2, minibatch_negatives),
        uniforms=np.zeros(n_shared_negatives),
        negative_slot_of=_ints(minibatch_negatives),
        n_pairs=_floats(MICROBATCH_TOKENS),
        hidden=aligned_zeros(MICROBATCH_TOKENS, width),
        hidden_delta=aligned_zeros(MICROBATCH_TOKENS, width),
        hidden_transposed=aligned_zeros(width, MICROBATCH_TOKENS),
        hidden_sq_norms=_floats(MICROBATCH_TOKENS),
        hidden_curvature=_floats(MICROBATCH_TOKENS),
        input_gain=_floats(MICROBATCH_TOKENS),
        negative_slots=_ints(most_rows),
        slot_index=numbers,
        negative_weights=_floats(most_rows),
        scores=aligned_zeros(most_rows, MICROBATCH_TOKENS),
        weights=aligned_zeros(most_rows, MICROBATCH_TOKENS),
        hess_weights=aligned_zeros(most_rows, MICROBATCH_TOKENS),
        zero_labels=aligned_zeros(most_rows, MICROBATCH_TOKENS),
        target_slots=_ints(max_targets),
        target_ends=_longs(MICROBATCH_TOKENS + 1),
        target_scores=_floats(max_targets),
        target_labels=_floats(max_targets),
        target_trials=_floats(max_targets),
        target_hess_weights=_floats(max_targets),
        delta_rows=_ints(max_deltas),
        delta_slots=_ints(max_deltas),
        delta_factors=_floats(max_deltas),
        word_curvature=_floats(n_words),
        input_sums=sums[0],
        output_sums=sums[1],
    )
