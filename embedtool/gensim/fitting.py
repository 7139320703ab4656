"""The bridge to embedtool's trainers: a model's vectors are trained on a text, epoch by epoch."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import Word2VecConfig
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.io.progress import silent
from embedtool.model.vectors import VectorTable
from embedtool.trainers import TRAINERS
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.manifest import algorithm_of
from embedtool.trainers.state import State
from embedtool.trainers.warm_start import WarmStart
from embedtool.trainers.word2vec import current_vectors


@dataclass
class Epoch:
    """The end of an epoch.

    Attributes
    ----------
    number : int
        The number of epochs done.
    loss : float
        The sum of the losses of all pairs of the epoch.
    """

    number: int
    config: Word2VecConfig
    corpus: EncodedCorpus
    state: State

    @property
    def loss(self) -> float:
        return self.state.loss

    def vectors(self) -> VectorTable:
        """Return a copy of the vectors at this moment."""
        return current_vectors(self.config, self.corpus, self.state)


class EpochEnds(Checkpointer):
    """Calls a function with the state after each epoch; saves nothing."""

    def __init__(self, at_end: Callable[[int, State], None]) -> None:
        super().__init__()
        self._at_end, self._done = at_end, 0

    def maybe_save(self, state: State, epochs: int) -> None:
        """Call the function if an epoch has ended."""
        if epochs > self._done:
            self._done = epochs
            self._at_end(epochs, state)


def fit(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    folder: Path,
    vectors: VectorTable,
    frozen: NDArray[np.bool_] | None,
    at_end: Callable[[Epoch], None],
) -> VectorTable:
    """Train vectors on a text.

    Parameters
    ----------
    config : Word2VecConfig
        The options.
    corpus : EncodedCorpus
        The text, with the words of the vectors.
    folder : Path
        A folder for files that are needed during training.
    vectors : VectorTable
        The vectors to start from, by decreasing count.
    frozen : ndarray of bool, shape (n_words,), or None
        Whether a word is not trained.
    at_end : callable
        Called after each epoch.

    Returns
    -------
    VectorTable
        The vectors after the last epoch.

    Raises
    ------
    TrainingError
        If the training diverges.
    """
    return TRAINERS[algorithm_of(config)].train(
        config, corpus, folder, silent, WarmStart(vectors, frozen=frozen),
        EpochEnds(lambda number, state: at_end(Epoch(number, config, corpus, state))),
    )  # fmt: skip
