"""The end of an epoch, as callbacks of a training see it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

from embedtool.api.word_vectors import WordVectors
from embedtool.model.vectors import VectorTable


@dataclass(frozen=True, eq=False)
class Epoch:
    """An epoch that has ended.

    Attributes
    ----------
    number : int
        Its number, from 1.
    loss : float or None
        The mean loss of a pair in it, if it is known.
    copy_vectors : callable
        Returns a copy of the vectors, until training goes on.
    """

    number: int
    loss: float | None
    copy_vectors: Callable[[], VectorTable] = field(repr=False)

    @cached_property
    def wv(self) -> WordVectors:
        """The word vectors at the end of the epoch, copied when this is first read.

        Raises
        ------
        TrainingError
            If it is first read when training has gone on.
        """
        return WordVectors.of(self.copy_vectors())


Callback = Callable[[Epoch], object]
"""Called at the end of each epoch of a training."""
