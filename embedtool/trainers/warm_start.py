"""Training that goes on from vectors that are there, instead of random ones.

In: the word vectors of a model and a new vocabulary. Out: which of its rows have a vector already.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import FastTextConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import ConfigError
from embedtool.messages import counted
from embedtool.model.subwords import Subwords
from embedtool.model.vectors import WordVectors


@dataclass(frozen=True)
class WarmStart:
    """Vectors to begin with.

    vectors : of a model
    freeze  : whether they stay as they are, so that only new words learn
    """

    vectors: WordVectors
    freeze: bool = False

    def check(self, config: TrainerConfig) -> None:
        """Raise ConfigError where a training with these options cannot begin with the vectors."""
        if isinstance(config, Word2VecConfig) and config.engine == "gensim":
            raise ConfigError("--init needs --engine native")
        vectors = self.vectors
        word = vectors.not_finite()
        if word is not None:
            raise ConfigError(f"--init has a vector that is not finite, that of {word!r}")
        if vectors.vector_size != config.vector_size:
            raise ConfigError(
                f"--init has vectors of {counted(vectors.vector_size, 'dimension')}; use "
                f"--vector-size {vectors.vector_size}"
            )
        if not isinstance(config, FastTextConfig):
            return
        subwords = vectors.subwords
        if subwords is None:
            raise ConfigError("--init has no n-grams; it must be a model of FastText")
        if subwords.offset is not None:
            raise ConfigError(
                "--init has been moved by embedtool transform; begin with the model before that"
            )
        theirs = (subwords.min_n, subwords.max_n, subwords.bucket)
        if theirs != (config.min_n, config.max_n, config.bucket):
            raise ConfigError(
                "--init has other n-grams; use --min-n {} --max-n {} --bucket {}".format(*theirs)
            )

    def rows(self, vocabulary: Vocabulary) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows of the vocabulary that have a vector already, and where it stands."""
        old_rows = self.vectors.word_ids(vocabulary.words, -1)
        new_rows = np.flatnonzero(old_rows >= 0)
        return new_rows, old_rows[new_rows]

    def buckets(
        self, subwords: Subwords, buckets: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which of `buckets` have a row already, and where it stands."""
        _, new_rows, old_rows = np.intersect1d(
            buckets, subwords.buckets, assume_unique=True, return_indices=True
        )
        return new_rows, old_rows
