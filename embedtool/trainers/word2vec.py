"""Word2Vec and FastText by negative sampling or hierarchical softmax.

(Mikolov et al. 2013a, 2013b; Bojanowski et al. 2017.) The result depends on the corpus, the options
and the seed, and not on the number of workers. `kernels.sgd.minibatch` has the gradients,
`kernels.sgd.curvature` the step sizes.
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
from embedtool.corpus.encoding import EncodedCorpus, EncodedText
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.io.progress import Progress, Report
from embedtool.kernels.random import splitmix64
from embedtool.kernels.sgd.arrays import Text
from embedtool.kernels.sgd.curvature import ngram_scale_at
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable
from embedtool.trainers.aligned import BLOCK_ROWS, aligned_zeros, pad_to_simd, strip_padding
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.count_tables import (
    NO_NEGATIVES,
    NO_TREE,
    build_negative_table,
    huffman_tree,
    keep_probabilities,
    negative_cdf,
)
from embedtool.trainers.kernel_job import build_job, job_bytes
from embedtool.trainers.kernel_threads import KernelJob
from embedtool.trainers.resources import FLOAT_BYTES, ResourceEstimate
from embedtool.trainers.state import State
from embedtool.trainers.streams import n_streams_for, warn_if_fewer_streams
from embedtool.trainers.subwords import SubwordIndex, build_subword_index
from embedtool.trainers.warm_start import WarmStart

log = logging.getLogger(__name__)


def train(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    folder: Path,
    report: Report,
    warm_start: WarmStart | None = None,
    checkpointer: Checkpointer | None = None,
) -> VectorTable:
    """Train to the end, from the beginning or from the last checkpoint.

    Parameters
    ----------
    config
        The options.
    corpus
        The text.
    folder
        Not used.
    report
        Called with a `Progress` (see `io.progress`).
    warm_start
        Vectors to start from.
    checkpointer
        Restores and saves the state.

    Returns
    -------
    VectorTable
        The word vectors.

    Raises
    ------
    TrainingError
        If the training diverges.
    StoppedError
        If the checkpointer asks it to stop.
    """
    subwords = subword_index(config, corpus.vocabulary, warm_start)
    checkpointer = checkpointer or Checkpointer()
    state = checkpointer.run_with_retry(
        checkpointer.restore(),
        lambda: init_state(config, corpus.vocabulary, subwords, warm_start),
        lambda state: _run(config, corpus, subwords, state, report, checkpointer),
        config.learning_rate or 0.0,
        lambda state: current_vectors(config, corpus, subwords, state),
    )
    return word_vectors(config, corpus, subwords, state)


def subword_index(
    config: Word2VecConfig, vocabulary: Vocabulary, warm_start: WarmStart | None
) -> SubwordIndex:
    """Return the rows of each word, with those of all n-grams of a model to start from."""
    known = None if warm_start is None else warm_start.known_buckets(config)
    return build_subword_index(vocabulary.words, config, known)


def estimate_resources(
    config: Word2VecConfig, corpus: EncodedCorpus, warm_start: WarmStart | None = None
) -> ResourceEstimate:
    """Return the memory and disk that a training needs."""
    n_words, size = corpus.vocabulary.n_words, config.vector_size
    matrix = n_words * size * FLOAT_BYTES
    subwords = subword_index(config, corpus.vocabulary, warm_start)
    width = pad_to_simd(size)
    tables = (subwords.n_rows + n_words) * width * FLOAT_BYTES
    hierarchical = config.loss == "hierarchical-softmax"
    _, depth = huffman_tree(corpus.vocabulary.counts) if hierarchical else NO_TREE
    memory = tables + subwords.indices.nbytes + subwords.indptr.nbytes
    if config.engine == "native":
        memory += job_bytes(
            config, n_streams_for(config, corpus.n_tokens), subwords.indptr, depth,
            ((subwords.n_rows, width), (n_words, width)),
        )  # fmt: skip
    model = 2 * matrix
    if isinstance(config, FastTextConfig):
        memory += matrix
        if warm_start is not None and warm_start.freeze:
            memory += warm_start.vectors.n_words * size * FLOAT_BYTES
        model += subwords.n_rows * size * FLOAT_BYTES
    return ResourceEstimate.of(corpus, tables=tables, memory=memory, model=model)


def _run(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    subwords: SubwordIndex,
    state: State,
    report: Report,
    checkpointer: Checkpointer,
) -> None:
    """Train from a state to the end, reporting each chunk."""
    total = corpus.n_tokens * config.epochs
    job = job_for(config, corpus, subwords, state)
    job.load(report)
    done = state.epoch * corpus.n_tokens + state.position
    streams = None if config.hogwild else job.n_streams
    warn_if_fewer_streams(config, corpus.n_tokens)
    report(
        Progress("training", done, total, "words", state.epoch + 1, begins=True, streams=streams)
    )
    for _ in train_chunks(config, corpus, job, state):
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


def init_state(
    config: Word2VecConfig,
    vocabulary: Vocabulary,
    subwords: SubwordIndex,
    warm_start: WarmStart | None = None,
) -> State:
    """Return the state before training, with these tables.

    inputs
        float32 (subwords.n_rows, width), uniform in +-sqrt(n) / vector_size, n being the mean
        number of rows per word. So the vectors of words, means of n rows, are initially as long
        with FastText as with Word2Vec, whose +-1 / vector_size is gensim's.
    outputs
        float32 (n_words, width), zeros: the output rows of words, or of inner nodes (one fewer).
    frozen
        bool (subwords.n_rows,): whether a row of `inputs` is not trained.
    frozen_words, frozen_vectors
        If FastText has frozen words, their ids and vectors, which may differ from the means of
        their rows, as after a compression.

    The width is vector_size, padded with zeros to a multiple of SIMD_WIDTH.
    """
    size = config.vector_size
    width = pad_to_simd(size)
    limit = np.float32(math.sqrt(len(subwords.indices) / subwords.n_words) / size)
    rng = np.random.default_rng(config.seed)
    inputs = aligned_zeros(subwords.n_rows, width)
    for first in range(0, subwords.n_rows, BLOCK_ROWS):
        block = inputs[first : first + BLOCK_ROWS, :size]
        block[:] = (2 * rng.random(block.shape, dtype=np.float32) - 1) * limit
    outputs = aligned_zeros(vocabulary.n_words, width)
    frozen = np.zeros(subwords.n_rows, np.bool_)
    tables: dict[str, NDArray[Any]] = {"inputs": inputs, "outputs": outputs, "frozen": frozen}
    if warm_start is not None:
        _load_warm_start(warm_start, config, vocabulary, subwords, inputs, outputs, frozen)
        if warm_start.freeze and isinstance(config, FastTextConfig):
            new, old = warm_start.rows(vocabulary)
            tables |= {"frozen_words": new, "frozen_vectors": warm_start.vectors.rows[old]}
    return State(tables, starts_at_zero_scores=warm_start is None or not outputs.any())


def _load_warm_start(
    warm_start: WarmStart,
    config: Word2VecConfig,
    vocabulary: Vocabulary,
    subwords: SubwordIndex,
    inputs: NDArray[np.float32],
    outputs: NDArray[np.float32],
    frozen: NDArray[np.bool_],
) -> None:
    """Write pretrained vectors to the tables; those of inner nodes only if the tree is the same.

    N-grams of known words without a row there, for instance after compression, get rows of zeros.
    """
    size, vectors = config.vector_size, warm_start.vectors
    new, old = warm_start.rows(vocabulary)
    known = vectors.subwords if isinstance(config, FastTextConfig) else None
    if known is not None:
        is_known = np.zeros(subwords.n_words, np.bool_)
        is_known[new] = True
        rows = subwords.indices[np.repeat(is_known, np.diff(subwords.indptr))]
        inputs[rows] = 0
        frozen[rows] = warm_start.freeze
    _copy_rows(inputs[:, :size], new, vectors.rows if known is None else known.word_rows, old)
    frozen[new] = warm_start.is_frozen(old)
    if known is not None:
        new_rows, old_rows = warm_start.buckets(known, subwords.buckets)
        _copy_rows(inputs[subwords.n_words :, :size], new_rows, known.ngram_rows, old_rows)
        frozen[subwords.n_words + new_rows] = warm_start.freeze
    if vectors.context_vectors is not None and config.loss == "negative-sampling":
        _copy_rows(outputs[:, :size], new, vectors.context_vectors, old)
    elif config.loss == "hierarchical-softmax" and warm_start.has_tree_of(vocabulary):
        outputs[:, :size] = vectors.output_matrix


def _copy_rows(
    table: NDArray[np.float32],
    rows: NDArray[np.int64],
    source: NDArray[np.float32],
    source_rows: NDArray[np.int64],
) -> None:
    """Write rows of a matrix to rows of a table, a block at a time: each may take gigabytes."""
    for first in range(0, len(rows), BLOCK_ROWS):
        block = slice(first, first + BLOCK_ROWS)
        table[rows[block]] = source[source_rows[block]]


def train_chunks(
    config: Word2VecConfig, corpus: EncodedCorpus, job: KernelJob, state: State
) -> Iterator[None]:
    """Train from a state to the end, in place; yield after each chunk of the corpus.

    `job` comes from `job_for` with this state.
    """
    n_tokens = corpus.n_tokens
    size = job.chunk_size(n_tokens)
    with ThreadPoolExecutor(len(job.scratch)) as pool:
        for epoch in range(state.epoch, config.epochs):
            key = epoch_key(config.seed, epoch)
            while state.position < n_tokens:
                first, last = state.position, min(state.position + size, n_tokens)
                first_lr, last_lr = (
                    state.lr_scale * learning_rate_at(config, epoch + position / n_tokens)
                    for position in (first, last)
                )
                scale = ngram_scale_at(epoch * n_tokens + first, config.hogwild)
                job.train(pool, (first, last), size, key, (first_lr, last_lr), scale)
                state.end_chunk(*job.take_losses(), done=last, last=last == n_tokens)
                yield
            state.end_epoch()


def epoch_key(seed: int, epoch: int) -> np.uint64:
    """Return the key from which, with a token's position, all its random numbers are derived."""
    return np.uint64(splitmix64(splitmix64(np.uint64(seed)) + np.uint64(epoch)))


def warn_if_no_pairs(config: Word2VecConfig, any_pair: bool) -> None:
    """Log a warning if subsampling left no two words in one window: the vectors are random."""
    if not any_pair:
        log.warning(
            "no pair of words was trained, so the vectors are still random: sample=%g removes all "
            "words of so short a text; use sample=0, or give more text",
            config.sample,
            extra={"parameters": ("sample",)},
        )


def job_for(
    config: Word2VecConfig, corpus: EncodedCorpus, subwords: SubwordIndex, state: State
) -> KernelJob:
    """Return the kernel's arguments for a whole corpus."""
    counts = corpus.vocabulary.text_counts
    inputs, outputs, frozen = (state.tables[name] for name in ("inputs", "outputs", "frozen"))
    hierarchical = config.loss == "hierarchical-softmax"
    return build_job(
        config,
        n_streams_for(config, corpus.n_tokens),
        Text(corpus.ids, corpus.ends, keep_probabilities(counts, config.sample)),
        (subwords.indptr, subwords.indices, frozen),
        NO_NEGATIVES
        if hierarchical
        else build_negative_table(negative_cdf(counts, config.ns_exponent)),
        huffman_tree(corpus.vocabulary.counts) if hierarchical else NO_TREE,
        (inputs, outputs),
    )


def learning_rate_at(config: Word2VecConfig, epochs_done: float) -> float:
    """Return the learning rate after so many epochs and parts of one: it falls linearly."""
    first = config.learning_rate or 0.0
    return first - (first - config.min_learning_rate) * epochs_done / config.epochs


def word_vectors(
    config: Word2VecConfig, corpus: EncodedText, subwords: SubwordIndex, state: State
) -> VectorTable:
    """Return the vectors of words and output layer; removes the tables from the state."""
    warn_if_no_pairs(config, state.initial_loss is not None)
    return _taken_vectors(config, corpus.vocabulary, subwords, state)


def untrained_vectors(
    config: Word2VecConfig, vocabulary: Vocabulary, warm_start: WarmStart | None = None
) -> VectorTable:
    """Return the vectors of words and output layer with which a training begins."""
    subwords = subword_index(config, vocabulary, warm_start)
    state = init_state(config, vocabulary, subwords, warm_start)
    return _taken_vectors(config, vocabulary, subwords, state)


def current_vectors(
    config: Word2VecConfig, corpus: EncodedText, subwords: SubwordIndex, state: State
) -> VectorTable:
    """Return a copy of the vectors of words and output layer."""
    size = config.vector_size
    inputs, outputs = (state.tables[name][:, :size].copy() for name in ("inputs", "outputs"))
    return _vector_table(config, corpus.vocabulary, subwords, state, (inputs, outputs))


def _taken_vectors(
    config: Word2VecConfig, vocabulary: Vocabulary, subwords: SubwordIndex, state: State
) -> VectorTable:
    """Return the vectors of words and output layer; removes the tables from the state."""
    size = config.vector_size
    inputs = strip_padding(state.tables.pop("inputs"), size)
    outputs = strip_padding(state.tables.pop("outputs"), size)
    return _vector_table(config, vocabulary, subwords, state, (inputs, outputs))


def _vector_table(
    config: Word2VecConfig,
    vocabulary: Vocabulary,
    subwords: SubwordIndex,
    state: State,
    tables: tuple[NDArray[np.float32], NDArray[np.float32]],
) -> VectorTable:
    """Return the vectors of these inputs and outputs, which have no padding."""
    inputs, outputs = tables
    n_words = vocabulary.n_words
    ngrams = None
    matrix = inputs[:n_words]
    if isinstance(config, FastTextConfig):
        ngrams = Subwords(
            config.min_n, config.max_n, config.bucket,
            word_rows=inputs[:n_words], buckets=subwords.buckets, ngram_rows=inputs[n_words:],
        )  # fmt: skip
        matrix = subwords.means(inputs)
        if "frozen_words" in state.tables:
            matrix[state.tables["frozen_words"]] = state.tables["frozen_vectors"]
    return VectorTable(
        vocabulary.words, matrix, vocabulary.counts, output_matrix=outputs, subwords=ngrams,
        output_rows="inner-nodes" if config.loss == "hierarchical-softmax" else "words",
    )  # fmt: skip
