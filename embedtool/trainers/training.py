"""The whole road from text to a model.

In: a corpus, an algorithm and its options. Out: a Model, with the report of how it came about.
"""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol

from embedtool.config.base import Config
from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import (
    EncodedCorpus,
    EncodedText,
    ScannedText,
    cached_scan,
    check_pairs,
    encode,
    scan,
    warn_about_text,
)
from embedtool.corpus.sources import Inputs, display_name
from embedtool.corpus.vocabulary import Vocabulary, build_vocabulary, merge_vocabularies
from embedtool.errors import TrainingError
from embedtool.io.progress import Progress, Report, silent
from embedtool.model.vectors import Model, WordVectors
from embedtool.trainers import TRAINERS, check_algorithm
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.resources import ResourceEstimate, check_resources, estimate_resources
from embedtool.trainers.training_dir import TrainingDir
from embedtool.trainers.warm_start import WarmStart


class Scanned(Protocol):
    """A text that has been read, wherever it is."""

    @property
    def n_sentences(self) -> int:
        """The number of sentences."""

    @property
    def fingerprint(self) -> str:
        """Of its tokens."""

    @property
    def n_invalid(self) -> int:
        """Sequences of bytes replaced or skipped."""


class History:
    """Passes reports on and keeps the end of each epoch."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.began = time.monotonic()
        self.streams: int | None = None
        self.epochs: list[dict[str, float]] = []

    def __call__(self, progress: Progress) -> None:
        """Take a message."""
        self.report(progress)
        self.streams = progress.streams
        if progress.epoch_ended and progress.epoch is not None:
            self.epochs.append(
                {"epoch": progress.epoch, "seconds": self.seconds(), **progress.measures()}
            )

    def seconds(self) -> float:
        """Seconds since the beginning."""
        return round(time.monotonic() - self.began, 3)

    def state_dict(self) -> dict[str, Any]:
        """What a checkpoint keeps of it."""
        streams = {} if self.streams is None else {"streams": self.streams}
        return {"seconds": self.seconds(), **streams, "epochs": self.epochs}

    def load_state_dict(self, told: dict[str, Any]) -> None:
        """Take up what a checkpoint kept."""
        self.began = time.monotonic() - told["seconds"]
        self.streams = told.get("streams")
        self.epochs = list(told["epochs"])

    def reset(self) -> None:
        """Forget the epochs of a training that is tried once more."""
        self.epochs = []


def train_model(
    algorithm: str,
    corpus: Corpus | Inputs,
    config: TrainerConfig,
    *,
    only: Iterable[str] | None = None,
    initial: WarmStart | None = None,
    cache: str | Path | None = None,
    report: Report = silent,
    training_dir: TrainingDir | None = None,
    checkpointer: Checkpointer | None = None,
    request: dict[str, Any] | None = None,
) -> Model:
    """Read a corpus and train an algorithm of TRAINERS on it.

    corpus      : a Corpus, or the file or files of one
    only        : where given, no other words get a vector
    initial     : vectors to begin with; their words stay in the vocabulary
    cache       : a folder where the encoded corpus is kept, and found again by a later run
    place       : where the training works and is kept, so that `resume_model` can go on with it;
                  None: in a temporary folder
    checkpointer : when it is saved there
    request     : what else to write down there, JSON-able; `files` names further files that the
                  training depends on
    Raises ConfigError where there is no such algorithm, the options are not its own, or `initial`
    does not fit them; CorpusError, VocabularyError or TrainingError where it cannot be done;
    StoppedError where `checkpointer` has it stop.
    """
    check_algorithm(algorithm, config)
    if not isinstance(corpus, Corpus):
        corpus = Corpus(corpus)
    cache = None if cache is None else Path(cache)
    if initial is not None:
        initial.check(config)
    history = History(report)
    with folder_of(training_dir) as folder:
        scanned = read_text(corpus, folder, config.workers, cache, history)
        encoded = encode_text(scanned, config, folder, only, initial)
        about = about_training(algorithm, config, corpus, scanned, history.seconds())
        if training_dir is not None:
            check_resources(estimate_resources(config, encoded), training_dir.output)
            keep(training_dir, request, about, corpus, encoded)
        return _learn(about, config, encoded, folder, history, initial, checkpointer)


def estimate_for(
    corpus: Corpus,
    config: TrainerConfig,
    *,
    only: Iterable[str] | None = None,
    initial: WarmStart | None = None,
    cache: Path | None = None,
    report: Report = silent,
) -> tuple[ResourceEstimate, Vocabulary]:
    """Read a corpus and tell what training on it needs, and its vocabulary; as `train_model`."""
    if initial is not None:
        initial.check(config)
    with TemporaryDirectory(prefix="embedtool-") as name:
        scanned = read_text(corpus, Path(name), config.workers, cache, report)
        encoded = encode_text(scanned, config, Path(name), only, initial)
        return estimate_resources(config, encoded), encoded.vocabulary


def resume_model(
    training_dir: TrainingDir,
    *,
    workers: int | None = None,
    initial: WarmStart | None = None,
    report: Report = silent,
    checkpointer: Checkpointer | None = None,
) -> Model:
    """Go on with the training that is kept in a folder, to the vectors it would have come to.

    workers : None: as many as it began with
    initial : what it began with, if anything
    Raises ModelError where it is damaged, or the text has changed; else as `train_model`.
    """
    request = training_dir.read_manifest()
    options = request["options"] | ({"workers": workers} if workers else {})
    config = TRAINERS[request["algorithm"]].config(**options)
    encoded = training_dir.load_corpus(request)
    history = History(report)
    about = about_again(request, config)
    return _learn(about, config, encoded, training_dir.folder, history, initial, checkpointer)


@contextmanager
def folder_of(training_dir: TrainingDir | None) -> Iterator[Path]:
    """Where a training works: its training directory, or a temporary folder."""
    if training_dir is not None:
        yield training_dir.folder
        return
    with TemporaryDirectory(prefix="embedtool-") as name:
        yield Path(name)


def keep(
    training_dir: TrainingDir,
    request: dict[str, Any] | None,
    about: dict[str, Any],
    corpus: Corpus,
    encoded: EncodedText,
) -> None:
    """Write down what is trained, so that it can be gone on with.

    request : as for `train_model`; about : of `about_training`
    """
    asked = dict(request or {})
    files = [*corpus.sources, *asked.pop("files", [])]
    training_dir.write_manifest({**asked, **about}, files, encoded)


def _learn(
    about: dict[str, Any],
    config: TrainerConfig,
    encoded: EncodedCorpus,
    folder: Path,
    history: History,
    initial: WarmStart | None,
    checkpointer: Checkpointer | None,
) -> Model:
    """Train on a text that has been read."""
    if checkpointer is not None:
        remember(checkpointer, about, encoded, history)
    trainer = TRAINERS[about["algorithm"]]
    vectors = trainer.train(config, encoded, folder, history, initial, checkpointer)
    return finished(vectors, about, encoded, history)


def finished(
    vectors: WordVectors, about: dict[str, Any], encoded: EncodedText, history: History
) -> Model:
    """The model of a training. Raises TrainingError where a vector is not finite."""
    word = vectors.not_finite()
    if word is not None:
        raise TrainingError(
            f"the vector of {word!r} is not finite; choose a smaller --learning-rate"
        )
    return Model(vectors, describe(about, encoded, history))


def remember(
    checkpointer: Checkpointer, about: dict[str, Any], encoded: EncodedText, history: History
) -> None:
    """Tell checkpointer what the training is of: all that it depends on, but for the workers."""
    options = {name: value for name, value in about["options"].items() if name != "workers"}
    checkpointer.identity = {
        "algorithm": about["algorithm"], "text": encoded.fingerprint,
        **options, **about.get("cluster", {}),
    }  # fmt: skip
    checkpointer.history = history


def read_text(
    corpus: Corpus, folder: Path, workers: int | None, cache: Path | None, report: Report
) -> ScannedText:
    """Scan a corpus into `folder`, or find it in `cache`; warn of what it was not meant for."""
    if cache is None:
        scanned = scan(corpus, folder, report, workers)
    else:
        scanned = cached_scan(corpus, cache, report, workers)
    warn_about_text(corpus, scanned)
    return scanned


def about_training(
    algorithm: str,
    config: Config,
    corpus: Corpus,
    scanned: Scanned,
    seconds_reading: float = 0.0,
) -> dict[str, Any]:
    """What is known of a training before it begins."""
    return {
        "algorithm": algorithm,
        "options": asdict(config),
        "corpus": {
            "sources": [display_name(source) for source in corpus.sources],
            "sentences": scanned.n_sentences,
            "fingerprint": scanned.fingerprint,
            "invalid_utf8": scanned.n_invalid,
            "text": asdict(corpus.text),
        },
        "seconds_reading": seconds_reading,
    }


def about_again(request: dict[str, Any], config: Config) -> dict[str, Any]:
    """The same of a training that was kept, which goes on with these options."""
    names = ("algorithm", "corpus", "seconds_reading", "cluster")
    known = {key: request[key] for key in names if key in request}
    return {**known, "options": asdict(config)}


def describe(about: dict[str, Any], encoded: EncodedText, history: History) -> dict[str, Any]:
    """What a model tells of how it came about.

    about : of `about_training`
    """
    return {
        "algorithm": about["algorithm"],
        "options": about["options"],
        "corpus": about["corpus"],
        "vocabulary": encoded.vocabulary.summary(),
        "training": {"seconds_reading": about["seconds_reading"], **history.state_dict()},
        **({"cluster": about["cluster"]} if "cluster" in about else {}),
    }


def encode_text(
    scanned: ScannedText,
    config: TrainerConfig,
    folder: Path,
    only: Iterable[str] | None = None,
    initial: WarmStart | None = None,
) -> EncodedCorpus:
    """Choose the words and number the tokens by them; options as for `train_model`.

    Raises VocabularyError where too few words are left, TrainingError where they are alone in their
    lines.
    """
    vocabulary, places = build_vocabulary(scanned.words, scanned.counts, config, only)
    if initial is not None:
        vocabulary, places = merge_vocabularies(
            vocabulary, places, scanned.words, scanned.counts,
            initial.vectors.words, initial.vectors.counts,
        )  # fmt: skip
    encoded = encode(scanned, vocabulary, places, folder)
    check_pairs(encoded)
    return encoded
