"""Training that starts from the vectors of a model instead of random ones."""

import logging
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import FastTextConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import ConfigError
from embedtool.messages import counted
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class WarmStart:
    """Vectors to start from.

    Attributes
    ----------
    vectors
        Vectors of a model.
    freeze
        Whether only new words are trained, not these.
    frozen
        For Word2Vec, in place of `freeze`: bool (n_words,), whether a word is not trained.
    """

    vectors: VectorTable
    freeze: bool = False
    frozen: NDArray[np.bool_] | None = None

    def check(self, config: TrainerConfig) -> None:
        """Raise ConfigError if a training with these options cannot start from the vectors."""
        if isinstance(config, Word2VecConfig) and config.engine == "gensim":
            raise ConfigError("init needs engine='native'", parameters=("init", "engine"))
        vectors = self.vectors
        word = vectors.not_finite()
        if word is not None:
            raise ConfigError(
                f"init has a vector that is not finite, that of {word!r}", parameters=("init",)
            )
        if vectors.vector_size != config.vector_size:
            raise ConfigError(
                f"init has vectors of {counted(vectors.vector_size, 'dimension')}; use "
                f"vector_size={vectors.vector_size}",
                parameters=("init", "vector_size"),
            )
        if not isinstance(config, FastTextConfig):
            return
        subwords = vectors.subwords
        if subwords is None:
            raise ConfigError(
                "init has no n-grams; it must be a model of FastText", parameters=("init",)
            )
        if subwords.offset is not None:
            raise ConfigError(
                "init has been transformed; start from the model before that",
                parameters=("init",),
            )
        if subwords.pruned:
            raise ConfigError(
                "init has n-grams that were pruned, without which a training cannot continue; "
                "start from the model before that",
                parameters=("init",),
            )
        theirs = ngram_options(subwords)
        if any(getattr(config, name) != value for name, value in theirs.items()):
            options = " ".join(f"{name}={value}" for name, value in theirs.items())
            raise ConfigError(
                f"init has other n-grams; use {options}",
                parameters=("init", "min_n", "max_n", "bucket"),
            )

    def check_words(self) -> None:
        """Raise ConfigError if a word has a line end, which ends words in a training directory."""
        table = self.vectors.string_table
        (positions,) = np.nonzero(table.text == ord("\n"))
        if len(positions):
            word = table[int(np.searchsorted(table.ends, positions[0], side="right"))]
            raise ConfigError(
                f"init has a word with a line end, {word!r}; leave it out", parameters=("init",)
            )

    def known_buckets(self, config: TrainerConfig) -> NDArray[np.int64] | None:
        """Return the buckets that have a row already, int64, or None if there are no n-grams."""
        subwords = self.vectors.subwords
        if subwords is None or not isinstance(config, FastTextConfig):
            return None
        return subwords.buckets

    def log_output_layer(self, config: TrainerConfig) -> None:
        """Log a line if an output layer that the training needs starts at zero, with the reason."""
        if not isinstance(config, Word2VecConfig):
            return
        vectors, hierarchical = self.vectors, config.loss == "hierarchical-softmax"
        if vectors.output_matrix is None:
            reason = "init has none"
        elif vectors.output_rows == "inner-nodes":
            reason = "that of init is of hierarchical softmax"
            if hierarchical:
                reason += ", and new counts change its tree"
        elif hierarchical:
            reason = "that of init has a row for each word, not for each inner node"
        else:
            return
        log.info("the output layer starts at zero: %s", reason)

    def rows(self, vocabulary: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the ids of the words that have a vector already, and its row."""
        old_rows = self.vectors.word_ids(vocabulary.words, -1)
        new_rows = np.flatnonzero(old_rows >= 0)
        return new_rows, old_rows[new_rows]

    def is_frozen(self, rows: NDArray[np.int64]) -> NDArray[np.bool_] | bool:
        """Return whether the words of some rows are not trained."""
        return self.freeze if self.frozen is None else self.frozen[rows]

    def has_tree_of(self, vocabulary: Vocabulary) -> bool:
        """Return whether the inner nodes are those of a vocabulary's Huffman tree.

        They are if the words, in their order, have the same counts.
        """
        vectors = self.vectors
        return (
            vectors.output_matrix is not None
            and vectors.output_rows == "inner-nodes"
            and vectors.counts is not None
            and np.array_equal(vectors.counts, vocabulary.counts)
            and list(vectors.words) == list(vocabulary.words)
        )

    def buckets(
        self, subwords: Subwords, buckets: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the indices of `buckets` that have a vector already, and its row."""
        _, new_rows, old_rows = np.intersect1d(
            buckets, subwords.buckets, assume_unique=True, return_indices=True
        )
        return new_rows, old_rows


def ngram_options(subwords: Subwords) -> dict[str, int]:
    """Return the options of a FastText training that n-grams determine; without n-grams max_n."""
    if not subwords.max_n:
        return {"max_n": 0}
    return {"min_n": subwords.min_n, "max_n": subwords.max_n, "bucket": subwords.bucket}


def options_of_init(config_class: type[TrainerConfig], vectors: VectorTable) -> dict[str, Any]:
    """Return the options of a training that the vectors to start from determine."""
    options: dict[str, Any] = {"vector_size": vectors.vector_size}
    if issubclass(config_class, FastTextConfig) and vectors.subwords is not None:
        options |= ngram_options(vectors.subwords)
    return options
