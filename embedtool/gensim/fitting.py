"""The bridge to embedtool's trainers: a model's vectors are trained on a text, epoch by epoch."""

from collections.abc import Callable
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

AtEnd = Callable[[int, float, Callable[[], VectorTable]], None]
"""What is called after each epoch, with the number of epochs done, the sum of the losses of all
pairs of the epoch, and a function that returns a copy of the vectors at this moment."""


class EpochEnds(Checkpointer):
    """Calls a function after each epoch; saves nothing."""

    def __init__(self, at_end: AtEnd) -> None:
        super().__init__()
        self._at_end, self._done = at_end, 0

    def maybe_save(self, state: State, epochs: int) -> None:
        """Call the function if an epoch has ended."""
        if epochs > self._done:
            self._done = epochs
            self._at_end(epochs, state.loss, self.current_vectors)


def fit(
    config: Word2VecConfig,
    corpus: EncodedCorpus,
    folder: Path,
    vectors: VectorTable,
    frozen: NDArray[np.bool_] | None,
    at_end: AtEnd,
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
    at_end : AtEnd
        Called after each epoch.

    Returns
    -------
    VectorTable
        The vectors after the last epoch.

    Raises
    ------
    ConfigError
        If the options do not fit the vectors, or one of these is not finite.
    TrainingError
        If the training diverges.
    """
    start = WarmStart(vectors, frozen=frozen)
    start.check(config)
    return TRAINERS[algorithm_of(config)].train(
        config, corpus, folder, silent, start, EpochEnds(at_end)
    )
