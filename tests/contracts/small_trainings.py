"""Trainings that take a moment, for the contracts of trainers."""

from pathlib import Path
from typing import Any

from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.model.vectors import Model
from embedtool.trainers import TRAINERS
from embedtool.training import train

SMALL: dict[str, dict[str, Any]] = {
    "word2vec": {"epochs": 2, "sample": 0.0},
    "fasttext": {"epochs": 2, "sample": 0.0, "bucket": 1000},
    "glove": {"epochs": 2},
}
MODES = [
    ("word2vec", {"mode": mode, "loss": loss, "cbow_mean": mean})
    for mode, mean in (("skipgram", True), ("cbow", True), ("cbow", False))
    for loss in ("negative-sampling", "hierarchical-softmax")
]
MODES += [("fasttext", options) for _, options in MODES]
MODES += [(name, {**options, "engine": "gensim"}) for name, options in MODES]
MODES += [
    ("fasttext", {"max_n": 0}),
    *(("glove", {"output_vectors": output}) for output in ("words", "sum", "both")),
    ("glove", {"symmetric": False}),
    ("glove", {"distance_weighting": False}),
]

NATIVE = [(name, options) for name, options in MODES if options.get("engine") != "gensim"]


def config(algorithm: str, **options: Any) -> TrainerConfig:
    """Small options, or those given."""
    chosen = {"vector_size": 12, "min_count": 2, "workers": 1, **SMALL[algorithm], **options}
    return TRAINERS[algorithm].config(**chosen)


def trained(algorithm: str, *inputs: Path, **options: Any) -> Model:
    """A model of some files."""
    return train(config(algorithm, **options), Corpus(map(str, inputs)))
