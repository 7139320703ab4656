"""The arguments of gensim as embedtool's options."""

import logging
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.errors import ConfigError
from embedtool.gensim.errors import ArgumentError, UnsupportedError

log = logging.getLogger(__name__)

BATCH_WORDS = 10_000
"""gensim's default of `batch_words`."""
NAMES = {"min_learning_rate": "min_alpha", "learning_rate": "alpha"}
"""gensim's names of options, for messages; the longer name first."""


def check_arguments(hashfxn: Callable[..., Any], batch_words: int, null_word: int) -> None:
    """Warn about an argument that makes no difference; refuse those that would be wrong.

    Raises
    ------
    ArgumentError
        If `batch_words` is below 1. It is a ValueError.
    UnsupportedError
        If `null_word` is set.
    """
    if batch_words < 1:
        raise ArgumentError("batch_words must be at least 1", parameters=("batch_words",))
    if null_word:
        raise UnsupportedError("null_word is for gensim's own use", parameters=("null_word",))
    if hashfxn is not hash:
        log.warning("hashfxn is ignored: random vectors depend on the seed, not on hashes of words")


def last_rate(model: Any, n_tokens: int, epochs: int) -> float:
    """Return the learning rate of gensim's last job, to which embedtool's falls linearly.

    gensim lowers the rate after each job of `batch_words` tokens. In a text of one job and one
    epoch it never falls, so that small texts are trained at a higher mean rate than by a fall to
    `min_alpha`. A fall to the rate of the last job has the same mean.

    Parameters
    ----------
    model : Word2Vec
        The model.
    n_tokens : int
        Tokens of the text.
    epochs : int
        The number of epochs.
    """
    jobs = n_tokens / min(model.batch_words, n_tokens) * epochs
    return float(model.min_alpha + (model.alpha - model.min_alpha) / jobs)


def config_of(model: Any, epochs: int) -> Word2VecConfig:
    """Return the config of a model's attributes; a seed of None is drawn.

    Parameters
    ----------
    model : Word2Vec or FastText
        The model; one with `wv.max_n` is of FastText.
    epochs : int
        The number of epochs.

    Raises
    ------
    ArgumentError
        If a value is invalid, or neither `hs` nor `negative` is set. It is a ValueError.
    """
    if not model.hs and not model.negative:
        raise ArgumentError(
            "hs and negative are both 0, so there is nothing to train; set one of them",
            parameters=("hs", "negative"),
        )
    options: dict[str, Any] = {
        "vector_size": model.vector_size,
        "mode": "skipgram" if model.sg else "cbow",
        "loss": "hierarchical-softmax" if model.hs else "negative-sampling",
        "window": model.window,
        "shrink_windows": model.shrink_windows,
        "ns_exponent": model.ns_exponent,
        "sample": model.sample,
        "cbow_mean": bool(model.cbow_mean),
        "epochs": epochs,
        "learning_rate": model.alpha,
        "min_learning_rate": model.min_alpha,
        "min_count": max(1, model.min_count),
        "seed": secrets.randbelow(2**31) if model.seed is None else model.seed,
        "workers": model.workers,
    }
    if model.negative:
        options["negative"] = model.negative
    try:
        if not hasattr(model.wv, "max_n"):
            return Word2VecConfig(**options)
        has_ngrams = model.wv.bucket > 0
        return FastTextConfig(
            **options,
            min_n=model.wv.min_n if has_ngrams else 1,
            max_n=model.wv.max_n if has_ngrams else 0,
            bucket=model.wv.bucket or 1,
        )
    except ConfigError as error:
        message = str(error)
        for ours, theirs in NAMES.items():
            message = message.replace(ours, theirs)
        parameters = tuple(NAMES.get(name, name) for name in error.parameters)
        raise ArgumentError(message, parameters=parameters) from None


SAME = (
    "vector_size", "window", "shrink_windows", "min_count", "sample", "seed", "workers",
    "ns_exponent", "epochs", "min_n", "max_n", "bucket",
)  # fmt: skip
"""Options that gensim's arguments have the names of."""


def arguments_of(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return gensim's arguments for the options of a model, which `config_of` takes back."""
    is_tree = options["loss"] == "hierarchical-softmax"
    return {
        **{name: options[name] for name in SAME if name in options},
        "alpha": options["learning_rate"],
        "min_alpha": options["min_learning_rate"],
        "sg": int(options["mode"] == "skipgram"),
        "hs": int(is_tree),
        "negative": 0 if is_tree else options["negative"],
        "cbow_mean": int(options["cbow_mean"]),
    }
