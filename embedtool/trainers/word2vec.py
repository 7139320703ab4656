"""Word2Vec and FastText.

In: an encoded corpus and a Word2VecConfig or FastTextConfig. Out: word vectors by negative sampling
or hierarchical softmax (Mikolov et al. 2013a, 2013b; Bojanowski et al. 2017). The result depends on
the corpus, the options and the seed, and not on the number of workers. `kernels.block` derives the
gradients, `kernels.moves` tells how what many turns have learnt is put together.
"""

import logging
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.corpus.encoding import EncodedCorpus, Numbered
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.io.progress import Progress, Report
from embedtool.kernels.random import mixed
from embedtool.kernels.sgd.arrays import Text
from embedtool.model.vectors import Subwords, WordVectors
from embedtool.trainers.aligned import ROWS_AT_A_TIME, compact, filled_up, zeros
from embedtool.trainers.checkpoint import Checkpointer, State
from embedtool.trainers.kernel_job import (
    NO_NOISE,
    NO_TREE,
    STRETCH_TOKENS,
    Work,
    keep,
    noise_of,
    noise_shares,
    prepare,
    streams_of,
    tree_of,
)
from embedtool.trainers.subwords import Rows, rows_of_words
from embedtool.trainers.warm_start import Initial

log = logging.getLogger(__name__)

DAMPED_TOKENS = 32_000_000
LEAST_DAMPING = 1 / 8
"""The damping of n-gram rows rises with the tokens trained so far, from the least to 1: at first
the rows have far to go, and the words that share one pull it in as many directions; later what is
left is noise, of which the mean is to be taken. Measured: docs/training.md."""


def train(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    folder: Path,
    report: Report,
    initial: Initial | None = None,
    checkpointer: Checkpointer | None = None,
) -> WordVectors:
    """Train from the beginning, or from the last checkpoint, to the end.

    Raises TrainingError where the training diverges, StoppedError where it is to stop.
    """
    rows = rows_of_words(corpus.vocabulary.words, config)
    checkpointer = checkpointer or Checkpointer()
    state = checkpointer.run_with_retry(
        checkpointer.restore(),
        lambda: start(config, corpus, rows, initial),
        lambda state: _run(config, corpus, rows, state, report, checkpointer),
        config.learning_rate or 0.0,
    )
    return word_vectors(config, corpus, rows, state)


def _run(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    rows: Rows,
    state: State,
    report: Report,
    checkpointer: Checkpointer,
) -> None:
    """Train on, telling of each stretch."""
    total = corpus.n_tokens * config.epochs
    work = work_of(config, corpus, rows, state)
    work.load()
    done = state.epoch * corpus.n_tokens + state.position
    streams = None if config.racing else len(work.stretch.lengths)
    report(
        Progress("training", done, total, "words", state.epoch + 1, begins=True, streams=streams)
    )
    for _ in advance(config, corpus, work, state):
        done = state.epoch * corpus.n_tokens + state.position
        ended = state.position == corpus.n_tokens
        epoch = state.epoch + 1
        report(
            Progress(
                "training", done, total, "words", epoch, state.mean_loss, ended,
                untrained=state.mean_untrained_loss, streams=streams,
            )
        )  # fmt: skip
        checkpointer.maybe_save(state, state.epoch + ended)


def start(
    config: Word2VecConfig, corpus: Numbered, rows: Rows, initial: Initial | None = None
) -> State:
    """The tables before training, and no work done.

    inputs  : float32 (rows.n_rows, width), uniform in +-sqrt(n) / vector_size, where n is the mean
              number of rows of a word: so words' vectors, means of n rows, begin as long with
              FastText as with Word2Vec, whose +-1 / vector_size is gensim's
    outputs : float32 (n_words, width), zeros; of words, or of inner nodes, who are one fewer
    frozen  : bool (rows.n_rows,), the rows of `inputs` that do not move
    frozen_words, frozen_vectors : where FastText has frozen words, their ids and vectors, which may
              differ from the means of their rows, as after a compression
    The width of inputs and outputs is vector_size, filled up with zeros to a multiple of
    SIMD_WIDTH.
    """
    size = config.vector_size
    width = filled_up(size)
    spread = np.float32(math.sqrt(len(rows.rows) / rows.n_words) / size)
    rng = np.random.default_rng(config.seed)
    inputs = zeros(rows.n_rows, width)
    for first in range(0, rows.n_rows, ROWS_AT_A_TIME):
        part = inputs[first : first + ROWS_AT_A_TIME, :size]
        part[:] = (2 * rng.random(part.shape, dtype=np.float32) - 1) * spread
    outputs = zeros(corpus.vocabulary.n_words, width)
    frozen = np.zeros(rows.n_rows, np.bool_)
    tables: dict[str, NDArray[Any]] = {"inputs": inputs, "outputs": outputs, "frozen": frozen}
    if initial is not None:
        _begin_with(initial, config, corpus.vocabulary, rows, inputs, outputs, frozen)
        if initial.freeze and isinstance(config, FastTextConfig):
            new, old = initial.rows(corpus.vocabulary)
            tables |= {"frozen_words": new, "frozen_vectors": initial.vectors.matrix[old]}
    return State(tables, unscored=initial is None or not outputs.any())


def _begin_with(
    initial: Initial,
    config: Word2VecConfig,
    vocabulary: Vocabulary,
    rows: Rows,
    inputs: NDArray[np.float32],
    outputs: NDArray[np.float32],
    frozen: NDArray[np.bool_],
) -> None:
    """Write the vectors that are there to the tables. Inner nodes are those of another tree.

    N-grams of old words that have no row there, as after a compression, are rows of zeros.
    """
    size, vectors = config.vector_size, initial.vectors
    new, old = initial.rows(vocabulary)
    subwords = vectors.subwords if isinstance(config, FastTextConfig) else None
    if subwords is not None:
        is_old = np.zeros(rows.n_words, np.bool_)
        is_old[new] = True
        of_old = rows.rows[np.repeat(is_old, np.diff(rows.starts))]
        inputs[of_old] = 0
        frozen[of_old] = initial.freeze
    inputs[new, :size] = (vectors.matrix if subwords is None else subwords.word_rows)[old]
    frozen[new] = initial.freeze
    if subwords is not None:
        new_rows, old_rows = initial.buckets(subwords, rows.buckets)
        inputs[rows.n_words + new_rows, :size] = subwords.ngram_rows[old_rows]
        frozen[rows.n_words + new_rows] = initial.freeze
    if vectors.context_vectors is not None and config.loss == "negative-sampling":
        outputs[new, :size] = vectors.context_vectors[old]


def advance(
    config: Word2VecConfig, corpus: EncodedCorpus, work: Work, state: State
) -> Iterator[None]:
    """Train on from a state, in place, to the end; yields after each stretch of the corpus.

    work : of `work_of` this state
    """
    n_tokens = corpus.n_tokens
    n_stretches = -(-n_tokens // STRETCH_TOKENS)
    size = -(-n_tokens // n_stretches)
    with ThreadPoolExecutor(len(work.spaces)) as pool:
        for epoch in range(state.epoch, config.epochs):
            key = key_of(config.seed, epoch)
            while state.position < n_tokens:
                first, last = state.position, min(state.position + size, n_tokens)
                rates = [
                    state.lr_scale * rate_after(config, epoch + place / n_tokens)
                    for place in (first, last)
                ]
                damping = damping_after(config, epoch * n_tokens + first)
                work.train(pool, (first, last), size, key, (rates[0], rates[1]), damping)
                state.end_chunk(*work.take_losses(), done=last, last=last == n_tokens)
                yield
            state.end_epoch()


def key_of(seed: int, epoch: int) -> np.uint64:
    """What with the place of a token decides all that is random about it."""
    return np.uint64(mixed(mixed(np.uint64(seed)) + np.uint64(epoch)))


def warn_of_thinning(config: Word2VecConfig, any_pair: bool) -> None:
    """Log that no two words were left in reach of each other, by chance: vectors are random."""
    if not any_pair:
        log.warning(
            "not one pair of words was trained, and the vectors are as random as at the start: "
            "--sample %g leaves nothing of so short a text; use --sample 0, or give more text",
            config.sample,
        )


def work_of(config: Word2VecConfig, corpus: EncodedCorpus, rows: Rows, state: State) -> Work:
    """Put together what the kernel takes for a whole corpus."""
    counts = corpus.vocabulary.counts
    inputs, outputs, frozen = (state.tables[name] for name in ("inputs", "outputs", "frozen"))
    hierarchical = config.loss == "hierarchical-softmax"
    return prepare(
        config,
        streams_of(corpus.n_tokens),
        Text(corpus.ids, corpus.ends, keep(counts, config.sample)),
        (rows.starts, rows.rows, frozen),
        NO_NOISE if hierarchical else noise_of(noise_shares(counts, config.ns_exponent)),
        tree_of(counts) if hierarchical else NO_TREE,
        (inputs, outputs),
    )


def rate_after(config: Word2VecConfig, epochs: float) -> float:
    """The learning rate after so many epochs: a straight line from the first to the last."""
    first = config.learning_rate or 0.0
    return first - (first - config.min_learning_rate) * epochs / config.epochs


def damping_after(config: Word2VecConfig, n_tokens: int) -> float:
    """The damping of rows that several words are made of, after so many tokens of all epochs.

    Threads that race go on from each other's rows, and keep the least. A training that begins with
    vectors of another one begins to count anew: the text may be another too.
    """
    risen = 0.0 if config.racing else n_tokens / DAMPED_TOKENS
    return min(1.0, max(LEAST_DAMPING, risen))


def word_vectors(config: Word2VecConfig, corpus: Numbered, rows: Rows, state: State) -> WordVectors:
    """The vectors of the words, with what else the model keeps. Uses the state's tables up."""
    warn_of_thinning(config, state.initial_loss is not None)
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
        if "frozen_words" in state.tables:
            matrix[state.tables["frozen_words"]] = state.tables["frozen_vectors"]
    return WordVectors(
        vocabulary.words, matrix, vocabulary.counts, output_matrix=outputs, subwords=subwords,
        output_rows="inner-nodes" if config.loss == "hierarchical-softmax" else "words",
    )  # fmt: skip
