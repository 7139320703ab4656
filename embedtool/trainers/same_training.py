"""Whether an interrupted training is the one that is asked for, so that it may be continued."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.base import Config
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.scanning import scan
from embedtool.errors import ModelError
from embedtool.io.deletion import temporary_directory
from embedtool.io.progress import Report
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.trainers.manifest import TrainingManifest, algorithm_of

ADVICE = "give the same, or start over with overwrite=True"


def check_same_training(
    output: Path, manifest: TrainingManifest, config: Config, init: ModelRecord | None, freeze: bool
) -> None:
    """Raise ModelError unless a training has these options and starts from this model.

    Parameters
    ----------
    output : Path
        Path of the future model, for the message.
    manifest : TrainingManifest
        The interrupted training.
    config : Config
        The options; the number of workers may differ.
    init : ModelRecord or None
        The model to start from.
    freeze : bool
        Whether only words that are new to it are trained.
    """
    before = manifest.record.config
    theirs = {"algorithm": algorithm_of(before), **asdict(before), "freeze": manifest.freeze}
    ours = {"algorithm": algorithm_of(config), **asdict(config), "freeze": freeze}
    theirs["cluster"], ours["cluster"] = manifest.address, None
    for name, value in ours.items():
        if name != "workers" and theirs.get(name) != value:
            raise ModelError(
                f"{output}: has an interrupted training with {name}={theirs.get(name)!r}, not "
                f"{value!r}; {ADVICE}",
                parameters=(name, "overwrite"),
            )
    start = store.load(manifest.init).vectors if manifest.init else None
    if not _equal(start, init.vectors if init else None):
        raise ModelError(
            f"{output}: has an interrupted training with another init; {ADVICE}",
            parameters=("init", "overwrite"),
        )


def check_same_text(
    output: Path, manifest: TrainingManifest, corpus: Corpus, report: Report
) -> None:
    """Read a corpus; raise ModelError unless it has the sentences of a training.

    Parameters
    ----------
    output : Path
        Path of the future model, for the message.
    manifest : TrainingManifest
        The interrupted training.
    corpus : Corpus
        The text.
    report : callable
        Called with the progress.
    """
    with temporary_directory() as folder:
        fingerprint = scan(corpus, folder, report).fingerprint
    if fingerprint != manifest.record.corpus.fingerprint:
        raise ModelError(
            f"{output}: has an interrupted training on other sentences; {ADVICE}",
            parameters=("overwrite",),
        )


def _equal(one: VectorTable | None, other: VectorTable | None) -> bool:
    """Return whether two tables, or none, have the same words, vectors, counts and n-grams."""
    if one is None or other is None:
        return one is other
    return list(one.words) == list(other.words) and all(
        a is b if a is None or b is None else np.array_equal(a, b)
        for a, b in zip(_arrays(one), _arrays(other), strict=True)
    )


def _arrays(vectors: VectorTable) -> tuple[NDArray[Any] | None, ...]:
    """Return all that a training which starts from vectors depends on, beside their words."""
    subwords = vectors.subwords
    ngrams = (
        (None,) * 3
        if subwords is None
        else (subwords.word_rows, subwords.buckets, subwords.ngram_rows)
    )
    return vectors.rows, vectors.output_matrix, vectors.counts, *ngrams
