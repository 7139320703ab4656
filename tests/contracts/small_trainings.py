"""Trainings that take a moment, for the contracts of trainers."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from embedtool.config.training import TrainerConfig
from embedtool.corpus.corpus import Corpus
from embedtool.model.vectors import ModelRecord
from embedtool.trainers import TRAINERS
from embedtool.training import train

SMALL: dict[str, Any] = {
    "vector_size": 12, "min_count": 2, "workers": 1, "epochs": 2, "sample": 0.0,
    "bucket": 1000,
}  # fmt: skip
"""Small options; each algorithm takes those that it has."""
MODES: list[tuple[str, dict[str, Any]]] = [
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
MODES += [(name, {}) for name in TRAINERS if name not in dict(MODES)]
"""Every way in which an algorithm trains. One that is not listed here has its defaults."""

NATIVE = [(name, options) for name, options in MODES if options.get("engine") != "gensim"]


def supported(algorithm: str, **options: Any) -> dict[str, Any]:
    """Those of the options that an algorithm has."""
    names = {each.name for each in fields(TRAINERS[algorithm].config)}
    return {name: value for name, value in options.items() if name in names}


def config(algorithm: str, **options: Any) -> TrainerConfig:
    """Small options, or those given; a test of gensim's engine is skipped without gensim."""
    if options.get("engine") == "gensim":
        pytest.importorskip("gensim")
    return TRAINERS[algorithm].config(**{**supported(algorithm, **SMALL), **options})


def with_option(modes: list[tuple[str, dict[str, Any]]], name: str) -> list[Any]:
    """Those of the modes whose algorithm has an option."""
    return [mode for mode in modes if supported(mode[0], **{name: None})]


def trained(algorithm: str, *inputs: Path, **options: Any) -> ModelRecord:
    """A model of some files."""
    return train(config(algorithm, **options), Corpus(map(str, inputs)))
