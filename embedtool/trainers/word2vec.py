"""Word2Vec and FastText.

In: an encoded corpus and a Word2VecConfig or FastTextConfig. Out: word vectors by negative sampling
or hierarchical softmax (Mikolov et al. 2013a, 2013b; Bojanowski et al. 2017). The result depends on
the corpus, the options and the seed, and not on the number of workers. `kernels.block` derives the
gradients, `kernels.moves` tells how what many turns have learnt is put together.
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.config import FastTextConfig, Word2VecConfig, n_cores
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.kernels.huffman import build_tree
from embedtool.kernels.jit import announce
from embedtool.kernels.layout import (
    BLOCK,
    N_LANES,
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
from embedtool.kernels.matrix import ROWS
from embedtool.kernels.random import mixed
from embedtool.kernels.word2vec import train_stretch
from embedtool.progress import Progress, Report
from embedtool.trainers.checkpoint import Checkpoints, State
from embedtool.trainers.initial import Initial
from embedtool.trainers.subwords import Rows, rows_of_words
from embedtool.trainers.tables import ROWS_AT_A_TIME, compact, filled_up, zeros
from embedtool.vectors import Subwords, WordVectors

STRETCH_TOKENS = 2**19
"""Tokens between two reports, a fraction of a second: after them threads wait for the slowest."""
LEAST_PART = 2**10
"""A lane gets at least so many tokens of a stretch: its ends cut contexts off."""
NOISE_FACTORS = {"cbow": 3, "skipgram": 4.5}
"""Noise words are drawn for a block, not for each pair, this many times as many as for one pair.
Each stands for those of several pairs: more are truer to the noise distribution, and cost time."""


def train(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    folder: Path,
    report: Report,
    initial: Initial | None = None,
    checkpoints: Checkpoints | None = None,
) -> WordVectors:
    """Train from the beginning, or from the last checkpoint, to the end.

    Raises TrainingError where the training diverges, StoppedError where it is to stop.
    """
    announce(train_stretch)
    rows = rows_of_words(corpus.vocabulary.words, config)
    checkpoints = checkpoints or Checkpoints()
    state = checkpoints.to_the_end(
        checkpoints.begin(),
        lambda: start(config, corpus, rows, initial),
        lambda state: _run(config, corpus, rows, state, report, checkpoints),
        config.learning_rate or 0.0,
    )
    return word_vectors(config, corpus, rows, state)


def _run(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    rows: Rows,
    state: State,
    report: Report,
    checkpoints: Checkpoints,
) -> None:
    """Train on, telling of each stretch."""
    total = corpus.n_tokens * config.epochs
    for _ in advance(config, corpus, rows, state):
        done = state.epoch * corpus.n_tokens + state.done
        ended = state.done == corpus.n_tokens
        epoch = state.epoch + 1
        report(Progress("training", done, total, "words", epoch, state.mean_loss, ended))
        checkpoints.passed(state, state.epoch + ended)


def start(
    config: Word2VecConfig, corpus: EncodedCorpus, rows: Rows, initial: Initial | None = None
) -> State:
    """The tables before training, and no work done.

    inputs  : float32 (rows.n_rows, width), uniform in +-0.5 / vector_size, for FastText twice that
    outputs : float32 (n_words, width), zeros; of words, or of inner nodes, who are one fewer
    frozen  : bool (rows.n_rows,), the rows of `inputs` that do not move
    Their width is vector_size, filled up with zeros to a multiple of SIMD_WIDTH.
    """
    size = config.vector_size
    width = filled_up(size)
    reach = 1.0 if isinstance(config, FastTextConfig) else 0.5
    rng = np.random.default_rng(config.seed)
    inputs = zeros(rows.n_rows, width)
    for first in range(0, rows.n_rows, ROWS_AT_A_TIME):
        part = inputs[first : first + ROWS_AT_A_TIME, :size]
        part[:] = (2 * rng.random(part.shape, dtype=np.float32) - 1) * np.float32(reach / size)
    outputs = zeros(corpus.vocabulary.n_words, width)
    frozen = np.zeros(rows.n_rows, np.bool_)
    if initial is not None:
        _begin_with(initial, config, corpus.vocabulary, rows, inputs, outputs, frozen)
    return State({"inputs": inputs, "outputs": outputs, "frozen": frozen})


def _begin_with(
    initial: Initial,
    config: Word2VecConfig,
    vocabulary: Vocabulary,
    rows: Rows,
    inputs: NDArray[np.float32],
    outputs: NDArray[np.float32],
    frozen: NDArray[np.bool_],
) -> None:
    """Write the vectors that are there to the tables. Inner nodes are those of another tree."""
    size, vectors = config.vector_size, initial.vectors
    new, old = initial.rows(vocabulary)
    subwords = vectors.subwords if isinstance(config, FastTextConfig) else None
    inputs[new, :size] = (vectors.matrix if subwords is None else subwords.word_rows)[old]
    frozen[new] = initial.freeze
    if subwords is not None:
        new_rows, old_rows = initial.buckets(subwords, rows.buckets)
        inputs[rows.n_words + new_rows, :size] = subwords.ngram_rows[old_rows]
        frozen[rows.n_words + new_rows] = initial.freeze
    if vectors.contexts is not None and config.loss == "negative-sampling":
        outputs[new, :size] = vectors.contexts[old]


def advance(
    config: Word2VecConfig, corpus: EncodedCorpus, rows: Rows, state: State
) -> Iterator[None]:
    """Train on from a state, in place, to the end; yields after each stretch of the corpus."""
    work = prepare(config, corpus, rows, state)
    n_tokens = corpus.n_tokens
    n_stretches = -(-n_tokens // STRETCH_TOKENS)
    size = -(-n_tokens // n_stretches)
    part = max(LEAST_PART, -(-size // len(work.stretch.lengths)))
    n_counters = 1 + 2 * -(-part // TURN)
    n_threads = len(work.spaces)
    with ThreadPoolExecutor(n_threads) as pool:
        for epoch in range(state.epoch, config.epochs):
            key = np.uint64(mixed(mixed(np.uint64(config.seed)) + np.uint64(epoch)))
            while state.done < n_tokens:
                first, last = state.done, min(state.done + size, n_tokens)
                rates = [
                    state.rate * _rate(config, epoch + place / n_tokens) for place in (first, last)
                ]
                counters = np.zeros(n_counters, np.int64)
                place = (n_threads, counters, first, last, part, key, *rates)
                try:
                    list(pool.map(partial(_run_thread, work, place), range(n_threads)))
                except BaseException:
                    counters[:] = n_threads  # threads would wait for one that never began
                    raise
                _take_losses(state, work.copies)
                state.done = last
                yield
            state.end_epoch()


def _run_thread(work: "Work", place: tuple[Any, ...], thread: int) -> None:
    arguments = (*place, *work.shared, work.spaces[thread])
    train_stretch(thread, *arguments)


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

    @property
    def shared(self) -> tuple[Any, ...]:
        """All but the spaces, in the order of the kernel's parameters."""
        return tuple(self)[:-1]


def prepare(config: Word2VecConfig, corpus: EncodedCorpus, rows: Rows, state: State) -> Work:
    """Put together what the kernel takes."""
    counts = corpus.vocabulary.counts
    cbow, hierarchical = config.mode == "cbow", config.loss == "hierarchical-softmax"
    n_noise = math.ceil(NOISE_FACTORS[config.mode] * config.negative / ROWS) * ROWS
    tree, depth = _tree(counts) if hierarchical else (_NO_TREE, 0)
    inputs, outputs, frozen = (state.tables[name] for name in ("inputs", "outputs", "frozen"))
    turn_around = TURN + 2 * config.window
    turn_noise = 0 if hierarchical else TURN // BLOCK * n_noise
    most_inputs, predicted = (turn_around, TURN) if cbow else (TURN, turn_around)
    most_outputs = 1 + min(predicted * max(1, depth) + turn_noise, len(outputs))
    most_met = BLOCK + (depth if hierarchical else BLOCK) * (1 if cbow else 2 * config.window)
    n_threads = min(config.workers or 1, n_cores(), N_LANES)
    n_lanes = n_threads if config.racing else N_LANES
    most_moves = n_lanes * max(most_inputs * int(np.diff(rows.starts).max()), most_outputs)
    width = inputs.shape[1]
    sums = [(_floats(len(inputs), 2), _floats(len(outputs), 2))
            for _ in range(n_threads if config.racing else 1)]  # fmt: skip
    return Work(
        Text(corpus.ids, corpus.ends, _keep(counts, config.sample)),
        Words(rows.starts, rows.rows, frozen, _movable(rows, frozen)),
        _NO_NOISE if hierarchical else _noise(counts, config.ns_exponent),
        tree,
        Tables(
            inputs, outputs,
            np.zeros(len(inputs), np.uint8), np.zeros(len(outputs), np.uint8),
        ),
        Options(
            config.window, config.shrink_windows, len(rows.rows) > len(counts), cbow,
            config.cbow_mean, hierarchical, config.racing, config.negative, n_noise,
        ),
        _stretch(n_lanes, max(LEAST_PART, -(-STRETCH_TOKENS // n_lanes))),
        _copies(n_lanes, most_inputs, most_outputs, width),
        [_space(n_lanes, most_inputs, most_outputs, turn_around, depth, n_noise, turn_noise,
                most_met, most_moves, width, sums[thread % len(sums)])
         for thread in range(n_threads)],
    )  # fmt: skip


def _movable(rows: Rows, frozen: NDArray[np.bool_]) -> NDArray[np.int32]:
    """How many rows of each word move."""
    return np.add.reduceat(~frozen[rows.rows], rows.starts[:-1], dtype=np.int32)


def _keep(counts: NDArray[np.int64], sample: float) -> NDArray[np.float32]:
    """The share of each word's tokens that is kept: word2vec.c's, sqrt(t / f) + t / f of its share
    f of all tokens, where Mikolov et al. 2013b, eq. 5, have sqrt(t / f)."""
    if not sample:
        return np.ones(len(counts), np.float32)
    ratio = sample / (np.maximum(counts, 1) / counts.sum())
    keep: NDArray[np.float32] = np.minimum(1, np.sqrt(ratio) + ratio).astype(np.float32)
    return keep


def _noise(counts: NDArray[np.int64], exponent: float) -> Noise:
    """Words drawn by count to a power (Mikolov et al. 2013b, section 2.2)."""
    powers = (counts / counts.max()) ** exponent
    cumulative = np.cumsum(powers / powers.sum())
    cumulative[-1] = 1
    steps = np.arange(len(counts)) / len(counts)
    return Noise(cumulative, np.searchsorted(cumulative, steps, side="right").astype(np.int32))


def _tree(counts: NDArray[np.int64]) -> tuple[Tree, int]:
    """The Huffman tree, and the length of its longest way."""
    tree = Tree(np.empty(2 * len(counts) - 1, np.int32), np.empty(2 * len(counts) - 1, np.bool_))
    return tree, build_tree(counts, *tree)


_NO_NOISE = Noise(np.empty(0), np.empty(0, np.int32))
_NO_TREE = Tree(np.empty(0, np.int32), np.empty(0, np.bool_))


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
    )


def _space(
    n_lanes: int, most_inputs: int, most_outputs: int, most_tokens: int, depth: int, n_noise: int,
    turn_noise: int, most_met: int, most_moves: int, width: int, sums: tuple[Any, Any],
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
        input_sums=sums[0],
        output_sums=sums[1],
    )


def _rate(config: Word2VecConfig, epochs: float) -> float:
    """The learning rate after so many epochs: a straight line from the first to the last."""
    first = config.learning_rate or 0.0
    return first - (first - config.min_learning_rate) * epochs / config.epochs


def _take_losses(state: State, copies: Copies) -> None:
    """Move the losses and pairs of all lanes to the state, in the order of lanes."""
    loss, pairs = float(copies.losses.sum()), int(copies.pairs.sum())
    copies.losses[:] = 0
    copies.pairs[:] = 0
    state.add(loss, pairs)


def word_vectors(
    config: Word2VecConfig, corpus: EncodedCorpus, rows: Rows, state: State
) -> WordVectors:
    """The vectors of the words, with what else the model keeps. Uses the state's tables up."""
    vocabulary, size = corpus.vocabulary, config.vector_size
    inputs = compact(state.tables.pop("inputs"), size)
    outputs = compact(state.tables.pop("outputs"), size)
    n_words = vocabulary.n_words
    subwords = None
    matrix = inputs[:n_words]
    if isinstance(config, FastTextConfig):
        subwords = Subwords(
            config.min_n, config.max_n, config.bucket,
            word_rows=inputs[:n_words], buckets=rows.buckets, ngram_rows=inputs[n_words:],
        )  # fmt: skip
        matrix = rows.means(inputs)
    return WordVectors(
        vocabulary.words, matrix, vocabulary.counts, contexts=outputs, subwords=subwords
    )
