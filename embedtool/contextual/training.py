"""The road from word vectors and a text to an encoder.

In: a static model, a corpus and options. Out: a model whose words have vectors in their sentences.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import ContextualConfig
from embedtool.contextual._torch import nn, torch
from embedtool.contextual.batches import (
    Batch,
    Segments,
    batches_by_length,
    causal_batch,
    epoch_order,
    masked_batch,
    segment_corpus,
    split,
)
from embedtool.contextual.encoder import WORD_TABLE, Encoder, sampling_probabilities
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

log = logging.getLogger(__name__)

ALGORITHM = "contextual"
BETAS = (0.9, 0.98)
"""AdamW's: the second is Vaswani et al.'s, who forget gradients sooner than others."""
FIRST, SECOND, STEPS = "first/", "second/", "steps"
"""Names of AdamW's moments of each parameter in a saved state, and of how many steps were made."""
PYTORCH = 300 * MiB
"""What Python with PyTorch takes by itself; measured."""
JUDGING_SEED, JUDGED_SHARE = 0, 0.15
"""Held-out text is masked in the same way each time, whatever the share of masks in training, so
that perplexities can be compared."""


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
    text = _Text(encoded, config)
    with torch.random.fork_rng(devices=[]), _threads(config.workers):
        learner = _Learner(config, vectors, text.class_counts())
        state = checkpointer.run_with_retry(
            checkpointer.restore(),
            lambda: State(learner.begin()),
            lambda state: run(learner, text, state, history, checkpointer),
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


@contextmanager
def _threads(workers: int | None) -> Iterator[None]:
    """Have PyTorch use so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(workers or before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Text:
    """The batches of a text: what is learnt from, and what is held out."""

    def __init__(self, corpus: EncodedCorpus, config: ContextualConfig) -> None:
        self.corpus, self.config = corpus, config
        self.learnt, self.held_out = split(segment_corpus(corpus, config.max_length), config)

    def class_counts(self) -> NDArray[np.int64]:
        """How often each word is to be predicted, and the sentence's end, int64 (n_words + 1,)."""
        counts = np.append(self.corpus.vocabulary.counts, self.learnt.whole.sum())
        return counts.astype(np.int64)

    def batches(self, epoch: int) -> list[NDArray[np.int64]]:
        """The rows of `learnt` in each batch of an epoch."""
        rng = np.random.default_rng((self.config.seed, 1, epoch))
        return epoch_order(self.learnt, self.config.batch_tokens, rng)

    def batch(self, pieces: Segments, rng: np.random.Generator, *, judging: bool = False) -> Batch:
        """What is to be predicted in some pieces."""
        if self.config.objective == "causal":
            return causal_batch(self.corpus, pieces)
        share = JUDGED_SHARE if judging else self.config.mask_share
        return masked_batch(self.corpus, pieces, share, rng, only_masked=judging)

    def judged(self) -> Iterator[Batch]:
        """The batches that are held out, always the same."""
        rng = np.random.default_rng(JUDGING_SEED)
        lengths = self.held_out.ends - self.held_out.starts + 1
        for rows in batches_by_length(lengths, np.arange(len(lengths)), self.config.batch_tokens):
            yield self.batch(self.held_out[rows], rng, judging=True)


class _Learner:
    """The encoder that learns, and its optimiser.

    Its tables, all that a saved state has, are the memory of the parameters themselves.
    """

    def __init__(
        self, config: ContextualConfig, vectors: WordVectors, counts: NDArray[np.int64]
    ) -> None:
        self.config, self.vectors, self.counts = config, vectors, counts

    def begin(self) -> dict[str, NDArray[Any]]:
        """Start anew; returns the tables."""
        torch.manual_seed(self.config.seed)
        static = self.vectors.matrix[:]
        if self.config.vectors == "random":
            rng = np.random.default_rng((self.config.seed, 2))
            static = rng.standard_normal(static.shape, np.float32)
        self.network = Encoder(self.config, *static.shape)
        self.network.init_from_static(np.array(static), self.counts)
        self.chances = sampling_probabilities(self.counts)
        named = [(n, p) for n, p in self.network.named_parameters() if p.requires_grad]
        is_kept = {
            name: parameter.ndim < 2 or name in (WORD_TABLE, "special_tokens", "positions.weight")
            for name, parameter in named
        }
        self.optimiser = torch.optim.AdamW(
            [
                {"params": [p for n, p in named if not is_kept[n]]},
                {"params": [p for n, p in named if is_kept[n]], "weight_decay": 0.0},
            ],
            betas=BETAS, weight_decay=self.config.weight_decay, fused=True,
        )  # fmt: skip
        self.steps = np.zeros(1, np.int64)
        tables: dict[str, NDArray[Any]] = {STEPS: self.steps}
        for name, parameter in named:
            moments = {"step": torch.tensor(0.0)}
            for key, prefix in (("exp_avg", FIRST), ("exp_avg_sq", SECOND)):
                moments[key] = torch.zeros_like(parameter)
                tables[prefix + name] = moments[key].numpy()
            self.optimiser.state[parameter] = moments
            tables[name] = parameter.detach().numpy()
        return tables

    def go_on(self, tables: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
        """Start from saved tables; returns those in use."""
        own = self.begin()
        for name, table in own.items():
            np.copyto(table, tables[name])
        for moments in self.optimiser.state.values():
            moments["step"].fill_(float(self.steps[0]))
        return own

    def step(self, batch: Batch, rate: float, seed: int) -> float:
        """Learn from a batch; returns the mean loss of what was to be predicted."""
        torch.manual_seed(seed)
        generator = torch.Generator().manual_seed(seed)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.network.train()
        self.optimiser.zero_grad()
        loss = self.network.loss(batch, self.chances, generator)
        loss.backward()
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.max_gradient)
        self.optimiser.step()
        self.steps += 1
        return float(loss.detach())

    def perplexity(self, batches: Iterator[Batch]) -> float | None:
        """exp of the mean negative log-likelihood of what is to be predicted, against all words.

        Of a masked encoder that is of the hidden words, given all others. None without any.
        """
        self.network.eval()
        total, n = 0.0, 0
        with torch.inference_mode():
            for batch in batches:
                n_targets = int((batch.targets >= 0).sum())
                total += float(self.network.loss(batch)) * n_targets
                n += n_targets
        return math.exp(total / n) if n else None

    def result(self) -> tuple[NDArray[np.float32], dict[str, NDArray[Any]]]:
        """The word vectors, as long as the static model's, and all other tables."""
        tables = {name: each.numpy() for name, each in self.network.state_dict().items()}
        return tables.pop(WORD_TABLE) / tables["scale"], tables


def run(
    learner: _Learner, text: _Text, state: State, report: Report, checkpointer: Checkpointer
) -> None:
    """Train to the end. Raises DivergedError, and StoppedError where the training is to stop."""
    state.tables = learner.go_on(state.tables)
    config, n_tokens = learner.config, text.learnt.n_tokens
    total = config.epochs * n_tokens
    report(Progress("training", _done(text, state), total, "tokens", state.epoch + 1, begins=True))
    while state.epoch < config.epochs:
        epoch, batches = state.epoch + 1, text.batches(state.epoch)
        lengths = text.learnt.ends - text.learnt.starts
        ends = np.cumsum([int(lengths[rows].sum()) for rows in batches]).tolist()
        for i in range(state.position, len(batches)):
            rng = np.random.default_rng((config.seed, 3, epoch, i))
            batch = text.batch(text.learnt[batches[i]], rng)
            rate = state.lr_scale * learning_rate(config, (state.epoch + i / len(batches)))
            n_targets = int((batch.targets >= 0).sum())
            loss = learner.step(batch, rate, int(rng.integers(2**62)))
            state.position = i + 1
            state.add_loss(loss * n_targets, n_targets)
            done = state.epoch * n_tokens + ends[i]
            report(Progress("training", done, total, "tokens", epoch, state.mean_loss))
            if state.position < len(batches):
                checkpointer.maybe_save(state, state.epoch)
        mean = state.mean_loss
        state.end_epoch()
        perplexity = learner.perplexity(text.judged()) if len(text.held_out) else None
        report(
            Progress("training", epoch * n_tokens, total, "tokens", epoch, mean, True, perplexity)
        )
        checkpointer.maybe_save(state, state.epoch)
    if not all(np.isfinite(table).all() for table in state.tables.values()):
        raise TrainingError("a parameter is not finite; choose a smaller --learning-rate")


def _done(text: _Text, state: State) -> int:
    """The tokens that have been learnt from."""
    lengths = text.learnt.ends - text.learnt.starts
    batches = text.batches(state.epoch)[: state.position] if state.position else []
    return state.epoch * text.learnt.n_tokens + sum(int(lengths[rows].sum()) for rows in batches)


def learning_rate(config: ContextualConfig, epochs_done: float) -> float:
    """Rises in a straight line in the warm-up, then falls to zero as half a cosine.

    Loshchilov & Hutter 2017, 'SGDR', eq. 5, without restarts.
    """
    share = epochs_done / config.epochs
    if share < config.warmup:
        return config.learning_rate * (share + 1e-3) / (config.warmup + 1e-3)
    falling = (share - config.warmup) / (1 - config.warmup) if config.warmup < 1 else 0.0
    return config.learning_rate * (1 + math.cos(math.pi * falling)) / 2
