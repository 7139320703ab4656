"""Training of a sentence encoder over the words of a static model."""

import math
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from embedtool.config.tasks import ContextualConfig
from embedtool.config.text import TOKENIZER_FIELDS, TextConfig
from embedtool.contextual._torch import require_torch
from embedtool.contextual.batches import TrainingBatches
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, check_pairs, encode
from embedtool.corpus.scanning import ScannedCorpus
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import TrainingError, VocabularyError
from embedtool.io.machine import MiB
from embedtool.io.progress import Progress, Report
from embedtool.model.quantized import dequantized
from embedtool.model.store import RESERVED_KEYS
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.local_backend import read_text
from embedtool.trainers.manifest import TrainingManifest
from embedtool.trainers.resources import FLOAT_BYTES, ResourceEstimate, check_resources
from embedtool.trainers.state import State
from embedtool.trainers.training_dir import TrainingDir

if TYPE_CHECKING:
    from embedtool.contextual.learner import EncoderLearner

PYTORCH_BYTES = 300 * MiB
"""Memory of Python with PyTorch; measured."""


class EncoderBackend:
    """A `trainers.session.Backend`.

    Parameters
    ----------
    static : ModelRecord
        The static model. Words of the text outside its vocabulary are left out.
    cache : Path, optional
        Folder to cache the scanned corpus in; a later run over the same files reuses it.

    Raises
    ------
    MissingExtraError
        If PyTorch is not installed.
    """

    cluster_settings = None

    def __init__(
        self, config: ContextualConfig, static: ModelRecord, cache: Path | None = None
    ) -> None:
        require_torch()
        self.config, self.static, self.cache = config, static, cache

    def read(self, corpus: Corpus, folder: Path, report: Report) -> ScannedCorpus:
        """Scan a corpus into a folder, or find it in the cache."""
        return read_text(corpus, folder, self.config.workers, self.cache, report)

    def encode(
        self, corpus: Corpus, scanned: ScannedCorpus, training_dir: TrainingDir
    ) -> EncodedCorpus:
        """Encode a corpus by the rows of the static model, and check that there is room for it."""
        vectors = self.static.vectors
        encoded = encode_by_rows(vectors, scanned, training_dir.folder)
        if training_dir.output is not None:
            check_resources(estimate_encoder(self.config, vectors, encoded), training_dir.output)
        return encoded

    def reopen(
        self, training_dir: TrainingDir, manifest: TrainingManifest, report: Report
    ) -> EncodedCorpus:
        """Open the encoded corpus in the training directory."""
        return training_dir.load_corpus(manifest)

    def fit(
        self, encoded: EncodedCorpus, folder: Path, report: Report, checkpointer: Checkpointer
    ) -> ModelRecord:
        """Train the encoder, and the vectors of the static model unless they are frozen."""
        from embedtool.contextual.learner import EncoderLearner, isolated_torch

        config, vectors = self.config, dequantized(self.static.vectors)
        word = vectors.not_finite()
        if word is not None and config.vectors != "random":
            raise TrainingError(
                f"the static model has a vector that is not finite, that of {word!r}"
            )
        batches = TrainingBatches(encoded, config)
        with isolated_torch(config.workers):
            learner = EncoderLearner(config, vectors, batches.class_counts())
            checkpointer.run_with_retry(
                checkpointer.restore(),
                lambda: State(learner.init_state()),
                lambda state: run(learner, batches, state, report, checkpointer),
                config.learning_rate,
            )
        static = {
            key: value
            for key, value in self.static.description.items()
            if key not in RESERVED_KEYS | {"versions"}
        }
        matrix, encoder = learner.result()
        subwords = None if config.vectors == "random" else vectors.subwords
        return ModelRecord(vectors.with_matrix(matrix, subwords), {"static": static}, encoder)


def inherited_text(
    static: ModelRecord, text: TextConfig, given: Collection[str] = ()
) -> TextConfig:
    """Return the options for reading a text with the tokenization of the static model.

    Parameters
    ----------
    text : TextConfig
        All other options.
    given : collection of str
        The fields of `text` that were chosen, and are not inherited.
    """
    known = static.description.get("corpus", {}).get("text", {})
    names = {*TOKENIZER_FIELDS} & {*known} - {*given}
    return replace(text, **{name: known[name] for name in names})


def estimate_encoder(
    config: ContextualConfig, vectors: VectorTable, corpus: EncodedCorpus
) -> ResourceEstimate:
    """Estimate the resources of a training.

    Memory consists of the parameters with their gradients and two moments of AdamW, and the
    activations of one batch.
    """
    size, wide = config.hidden_size, config.feed_forward_size or 0
    n_words = vectors.n_words * vectors.vector_size
    layer = 4 * size * (size + 1) + 2 * size * wide + 6 * size + wide
    positions = (config.max_length + 1) * size
    others = config.layers * layer + positions + vectors.vector_size * (2 * size + 2)
    copies = 4
    tables = FLOAT_BYTES * ((1 if config.freeze else copies) * n_words + copies * others)
    scores = min(config.samples, vectors.n_words)
    step = FLOAT_BYTES * config.batch_tokens * (config.layers * (12 * size + 3 * wide) + 3 * scores)
    text = 2 * (FLOAT_BYTES * corpus.n_tokens + 2 * FLOAT_BYTES * len(corpus.ends))
    return ResourceEstimate(
        tables, PYTORCH_BYTES + tables + step, text, FLOAT_BYTES * (n_words + others)
    )


def encode_by_rows(vectors: VectorTable, scanned: ScannedCorpus, folder: Path) -> EncodedCorpus:
    """Encode a text with the word ids of a static model.

    Parameters
    ----------
    vectors : VectorTable
        The vectors of the static model.
    folder : Path
        Folder of the encoded text.

    Raises
    ------
    VocabularyError
        If the text contains none of the words.
    TrainingError
        If no sentence contains two of them.
    """
    words = list(vectors.words)
    rows = np.fromiter(map(scanned.words.find, words), np.int64, len(words))
    counts = np.where(rows >= 0, scanned.counts[rows], 0)
    if not counts.any():
        raise VocabularyError(
            "the text contains no word of the static model; are both in lower case, and tokenized "
            "alike?",
            parameters=("tokenizer",),
        )
    vocabulary = Vocabulary(words, counts, len(scanned.words), int(scanned.counts.sum()))
    encoded = encode(scanned, vocabulary, rows, folder)
    check_pairs(encoded)
    return encoded


def run(
    learner: "EncoderLearner",
    text: TrainingBatches,
    state: State,
    report: Report,
    checkpointer: Checkpointer,
) -> None:
    """Train from a state to the end, in place.

    Raises
    ------
    DivergedError
        If the loss diverges.
    TrainingError
        If a parameter is not finite at the end.
    StoppedError
        If the training is asked to stop.
    """
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
        raise TrainingError(
            "a parameter is not finite; choose a smaller learning_rate",
            parameters=("learning_rate",),
        )


def _done(text: TrainingBatches, state: State) -> int:
    """Return the number of tokens trained on."""
    lengths = text.train_split.lengths
    batches = text.epoch(state.epoch)[: state.position] if state.position else []
    return state.epoch * text.train_split.n_tokens + sum(
        int(lengths[rows].sum()) for rows in batches
    )


def learning_rate(config: ContextualConfig, epochs_done: float) -> float:
    """Return the learning rate: linear warm-up, then a cosine that falls to zero.

    References
    ----------
    Loshchilov & Hutter 2017, 'SGDR', eq. 5, without restarts.
    """
    done = epochs_done / config.epochs
    if done < config.warmup:
        return config.learning_rate * (done + 1e-3) / (config.warmup + 1e-3)
    falling = (done - config.warmup) / (1 - config.warmup) if config.warmup < 1 else 0.0
    return config.learning_rate * (1 + math.cos(math.pi * falling)) / 2
