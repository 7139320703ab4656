"""The whole road from text to a model.

In: a corpus, an algorithm and its options. Out: a Model, with the report of how it came about.
"""

import logging
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from embedtool.config import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, ScannedText, cached_scan, encode, scan
from embedtool.corpus.sources import name_of
from embedtool.corpus.tokens import unsegmented_script
from embedtool.corpus.vocabulary import choose_words, grow
from embedtool.progress import Progress, Report, silent
from embedtool.trainers import TRAINERS
from embedtool.trainers.initial import Initial
from embedtool.vectors import Model

log = logging.getLogger(__name__)


class _History:
    """Passes reports on and keeps the end of each epoch."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.began = time.monotonic()
        self.epochs: list[dict[str, float]] = []

    def __call__(self, progress: Progress) -> None:
        self.report(progress)
        if progress.epoch_ended and progress.epoch is not None:
            epoch: dict[str, float] = {"epoch": progress.epoch, "seconds": self.seconds()}
            if progress.loss is not None:
                epoch["loss"] = progress.loss
            self.epochs.append(epoch)

    def seconds(self) -> float:
        """Seconds since the beginning."""
        return round(time.monotonic() - self.began, 3)


def train_model(
    algorithm: str,
    corpus: Corpus,
    config: TrainerConfig,
    *,
    only: Iterable[str] | None = None,
    initial: Initial | None = None,
    cache: Path | None = None,
    report: Report = silent,
) -> Model:
    """Read a corpus and train an algorithm of TRAINERS on it.

    only    : where given, no other words get a vector
    initial : vectors to begin with; their words stay in the vocabulary
    cache   : a folder where the encoded corpus is kept, and found again by a later run
    Raises ConfigError where `initial` does not fit the options, and CorpusError, VocabularyError or
    TrainingError where it cannot be done.
    """
    if initial is not None:
        initial.check(config)
    history = _History(report)
    with TemporaryDirectory(prefix="embedtool-") as name:
        folder = Path(name)
        if cache is None:
            scanned = scan(corpus, folder, history, config.workers)
        else:
            scanned = cached_scan(corpus, cache, history, config.workers)
        _warn(corpus, scanned)
        encoded = _encode(scanned, config, only, initial, folder)
        seconds_reading = history.seconds()
        vectors = TRAINERS[algorithm].train(config, encoded, folder, history, initial)
    description = {
        "algorithm": algorithm,
        "options": asdict(config),
        "corpus": {
            "sources": [name_of(source) for source in corpus.sources],
            "sentences": len(scanned.ends),
            "fingerprint": scanned.fingerprint,
            "invalid_utf8": scanned.n_invalid,
            "text": asdict(corpus.text),
        },
        "vocabulary": encoded.vocabulary.summary(),
        "training": {
            "seconds_reading": seconds_reading,
            "seconds": history.seconds(),
            "epochs": history.epochs,
        },
    }
    return Model(vectors, description)


def _warn(corpus: Corpus, scanned: ScannedText) -> None:
    """Log what the reading of the text was not meant for, before the long work begins."""
    if scanned.n_invalid:
        log.warning(
            "%s invalid UTF-8 sequences: %s", f"{scanned.n_invalid:,}", corpus.text.encoding_errors
        )
    script = unsegmented_script(scanned.words, scanned.counts)
    if script and corpus.text.tokenizer != "icu":
        log.warning(
            "much of the text is %s without spaces between words; use --tokenizer icu", script
        )


def _encode(
    scanned: ScannedText,
    config: TrainerConfig,
    only: Iterable[str] | None,
    initial: Initial | None,
    folder: Path,
) -> EncodedCorpus:
    """Choose the words and number the tokens by them."""
    vocabulary, places = choose_words(scanned.words, scanned.counts, config, only)
    if initial is not None:
        vocabulary, places = grow(
            vocabulary, places, scanned.words, scanned.counts,
            initial.vectors.words, initial.vectors.counts,
        )  # fmt: skip
    return encode(scanned, vocabulary, places, folder)
