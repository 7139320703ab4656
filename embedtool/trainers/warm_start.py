"""Training that starts from the vectors of a model instead of random ones."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import FastTextConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import ConfigError
from embedtool.messages import counted
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import VectorTable


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
        theirs = (subwords.min_n, subwords.max_n, subwords.bucket)
        if theirs != (config.min_n, config.max_n, config.bucket):
            raise ConfigError(
                "init has other n-grams; use min_n={} max_n={} bucket={}".format(*theirs),
                parameters=("init", "min_n", "max_n", "bucket"),
            )

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
