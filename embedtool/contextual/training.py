"""The road from word vectors and a text to an encoder.

In: a static model, a corpus and options. Out: a model whose words have vectors in their sentences.
"""

import logging
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from embedtool.config.tasks import ContextualConfig
from embedtool.contextual._torch import require_torch
from embedtool.contextual.batches import TrainingBatches
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, ScannedText, check_pairs, encode
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import TrainingError, VocabularyError
from embedtool.io.machine import MiB
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.quantized import dequantized
from embedtool.model.store import RESERVED_KEYS
from embedtool.model.vectors import Model, WordVectors
from embedtool.trainers.checkpoint import Checkpointer, State
from embedtool.trainers.resources import FLOAT_BYTES, ResourceEstimate, check_resources
from embedtool.trainers.training import (
    History,
    about_again,
    about_training,
    describe,
    folder_of,
    keep,
    read_text,
    remember,
)
from embedtool.trainers.training_dir import TrainingDir

if TYPE_CHECKING:
    from embedtool.contextual.learner import EncoderLearner

log = logging.getLogger(__name__)

ALGORITHM = "contextual"
PYTORCH = 300 * MiB
"""What Python with PyTorch takes by itself; measured."""


def train_encoder(
    static: Model,
    corpus: Corpus,
    config: ContextualConfig,
    *,
    cache: Path | None = None,
    report: Report = silent,
    training_dir: TrainingDir | None = None,
    checkpointer: Checkpointer | None = None,
    request: dict[str, Any] | None = None,
) -> Model:
    """Read a corpus and train an encoder of its sentences over a static model's words.

    The options are those of `trainers.training.train_model`, and so are the errors. Words of the
    text that are new to the static model take no place in it.
    """
    require_torch()
    history = History(report)
    with folder_of(training_dir) as folder:
        scanned = read_text(corpus, folder, config.workers, cache, history)
        encoded = encode_by(static.vectors, scanned, folder)
        about = about_training(ALGORITHM, config, corpus, scanned, history.seconds())
        if training_dir is not None:
            check_resources(estimate_for(config, static.vectors, encoded), training_dir.output)
            keep(training_dir, request, about, corpus, encoded)
        return _learn(about, config, encoded, static, history, checkpointer)


def resume_encoder(
    training_dir: TrainingDir,
    static: Model,
    *,
    workers: int | None = None,
    report: Report = silent,
    checkpointer: Checkpointer | None = None,
) -> Model:
    """Go on with the training that is kept in a place; see `trainers.training.resume_model`.

    static : what it began with
    """
    require_torch()
    request = training_dir.read_manifest()
    config = ContextualConfig(**request["options"] | ({"workers": workers} if workers else {}))
    encoded = training_dir.load_corpus(request)
    history = History(report)
    return _learn(about_again(request, config), config, encoded, static, history, checkpointer)


def estimate_for(
    config: ContextualConfig, vectors: WordVectors, corpus: EncodedCorpus
) -> ResourceEstimate:
    """What a training needs: parameters with gradients and two moments, and what a step leaves."""
    size, wide = config.hidden_size, config.feed_forward_size or 0
    n_words = vectors.n_words * vectors.vector_size
    layer = 4 * size * (size + 1) + 2 * size * wide + 6 * size + wide
    places = (config.max_length + 1) * size
    others = config.layers * layer + places + vectors.vector_size * (2 * size + 2)
    copies = 4
    tables = FLOAT_BYTES * ((1 if config.freeze else copies) * n_words + copies * others)
    scores = min(config.samples, vectors.n_words)
    step = FLOAT_BYTES * config.batch_tokens * (config.layers * (12 * size + 3 * wide) + 3 * scores)
    text = 2 * (FLOAT_BYTES * corpus.n_tokens + 2 * FLOAT_BYTES * len(corpus.ends))
    return ResourceEstimate(tables, PYTORCH + tables + step, text, FLOAT_BYTES * (n_words + others))


def encode_by(vectors: WordVectors, scanned: ScannedText, folder: Path) -> EncodedCorpus:
    """Number the tokens of a text by the rows of a model.

    Raises VocabularyError where the text holds none of its words, TrainingError where they are
    alone in their lines.
    """
    words = list(vectors.words)
    places = np.fromiter(map(scanned.words.find, words), np.int64, len(words))
    counts = np.where(places >= 0, scanned.counts[places], 0)
    if not counts.any():
        raise VocabularyError(
            "the text holds no word of the static model; are both in lower case, and cut into "
            "words by the same --tokenizer?"
        )
    vocabulary = Vocabulary(words, counts, len(scanned.words), int(scanned.counts.sum()))
    encoded = encode(scanned, vocabulary, places, folder)
    check_pairs(encoded)
    return encoded


def _learn(
    about: dict[str, Any],
    config: ContextualConfig,
    encoded: EncodedCorpus,
    static: Model,
    history: History,
    checkpointer: Checkpointer | None,
) -> Model:
    checkpointer = checkpointer or Checkpointer()
    remember(checkpointer, about, encoded, history)
    vectors = dequantized(static.vectors)
    word = vectors.not_finite()
    if word is not None and config.vectors != "random":
        raise TrainingError(f"the static model has a vector that is not finite, that of {word!r}")
    from embedtool.contextual.learner import EncoderLearner, isolated_torch

    batches = TrainingBatches(encoded, config)
    with isolated_torch(config.workers):
        learner = EncoderLearner(config, vectors, batches.class_counts())
        state = checkpointer.run_with_retry(
            checkpointer.restore(),
            lambda: State(learner.init_state()),
            lambda state: run(learner, batches, state, history, checkpointer),
            config.learning_rate,
        )
    del state
    description = describe(about, encoded, history)
    description["static"] = {
        key: value
        for key, value in static.description.items()
        if key not in RESERVED_KEYS | {"versions"}
    }
    matrix, encoder = learner.result()
    subwords = None if config.vectors == "random" else vectors.subwords
    return Model(vectors.with_matrix(matrix, subwords), description, encoder)


def run(
    learner: "EncoderLearner",
    text: TrainingBatches,
    state: State,
    report: Report,
    checkpointer: Checkpointer,
) -> None:
    """Train to the end. Raises DivergedError, and StoppedError where the training is to stop."""
    state.tables = learner.load_state(state.tables)
    config, n_tokens = learner.config, text.train_split.n_tokens
    total = config.epochs * n_tokens
    report(Progress("training", _done(text, state), total, "tokens", state.epoch + 1, begins=True))
    while state.epoch < config.epochs:
        epoch, batches = state.epoch + 1, text.epoch(state.epoch)
        lengths = text.train_split.lengths
        ends = np.cumsum([int(lengths[rows].sum()) for rows in batches]).tolist()
        for i in range(state.position, len(batches)):
            rng = np.random.default_rng((config.seed, 3, epoch, i))
            batch = text.batch(batches[i], rng)
            rate = state.lr_scale * learning_rate(config, (state.epoch + i / len(batches)))
            n_targets = batch.n_targets
            loss = learner.train_batch(batch, rate, int(rng.integers(2**62)))
            state.position = i + 1
            state.add_loss(loss * n_targets, n_targets)
            done = state.epoch * n_tokens + ends[i]
            report(Progress("training", done, total, "tokens", epoch, state.mean_loss))
            if state.position < len(batches):
                checkpointer.maybe_save(state, state.epoch)
        mean = state.mean_loss
        state.end_epoch()
        perplexity = learner.perplexity(text.held_out_batches()) if len(text.held_out) else None
        report(
            Progress("training", epoch * n_tokens, total, "tokens", epoch, mean, True, perplexity)
        )
        checkpointer.maybe_save(state, state.epoch)
    if not all(np.isfinite(table).all() for table in state.tables.values()):
        raise TrainingError("a parameter is not finite; choose a smaller --learning-rate")


def _done(text: TrainingBatches, state: State) -> int:
    """The tokens that have been learnt from."""
    lengths = text.train_split.lengths
    batches = text.epoch(state.epoch)[: state.position] if state.position else []
    return state.epoch * text.train_split.n_tokens + sum(
        int(lengths[rows].sum()) for rows in batches
    )


def learning_rate(config: ContextualConfig, epochs_done: float) -> float:
    """Rises in a straight line in the warm-up, then falls to zero as half a cosine.

    Loshchilov & Hutter 2017, 'SGDR', eq. 5, without restarts.
    """
    share = epochs_done / config.epochs
    if share < config.warmup:
        return config.learning_rate * (share + 1e-3) / (config.warmup + 1e-3)
    falling = (share - config.warmup) / (1 - config.warmup) if config.warmup < 1 else 0.0
    return config.learning_rate * (1 + math.cos(math.pi * falling)) / 2
