"""The state of a training between two chunks of its corpus, and when its loss has diverged."""

import math
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from embedtool.errors import DivergedError
from embedtool.messages import brief

EXPLOSION_RATIO = 100
"""Training has diverged if its loss exceeds that at the start by this factor: the learning rate
causes that, not the text."""
MAX_RISE = 1.5
"""Training has diverged if the loss of a chunk exceeds that of the same chunk one epoch before by
this factor, both divided by the loss of untrained vectors, which depends on the words that
subsampling keeps. A smaller rise may be chance. A loss below half of that of untrained vectors does
not count as divergence."""
MIN_PAIRS = 1_000
"""Minimum pairs of a chunk for that test: the loss of fewer varies more between epochs."""
MAX_FIRST_EPOCH_RATIO = 1.01
"""Training has diverged if the loss of the first epoch exceeds that of untrained vectors by this
factor. On random, unrelated words the factor was at most 1.001."""
MAX_LATER_EPOCH_RATIO = 1.25
"""The same factor for later epochs. On a dozen words repeated in the same order it reached 1.11,
also with one lock-free worker."""


@dataclass
class State:
    """Everything that the rest of a training depends on, besides its options and its corpus.

    Attributes
    ----------
    tables : dict of ndarray
        The parameters and the state of the optimiser, by name.
    starts_at_zero_scores : bool
        Whether all scores start at zero, so that the initial loss is that of untrained vectors.
    epoch : int
        Complete epochs.
    position : int
        Units of work done in the current epoch: tokens, or pairs for GloVe.
    loss : float
        Sum of the losses of the current epoch so far.
    untrained_loss : float
        The same sum for untrained vectors; 0 if it is unknown.
    pairs : int
        Pairs of the current epoch so far.
    chunks : list of (int, int, float)
        Start, end and loss of each chunk of the current epoch with at least MIN_PAIRS pairs; the
        loss is divided by that of untrained vectors.
    previous_chunks : list of (int, int, float)
        The same for the previous epoch.
    initial_loss : float or None
        Mean loss of a pair in the first chunk of the training; None before it.
    lr_scale : float
        Factor of the learning rate.
    """

    __repr__ = brief

    tables: dict[str, NDArray[Any]]
    starts_at_zero_scores: bool = True
    epoch: int = 0
    position: int = 0
    loss: float = 0.0
    untrained_loss: float = 0.0
    pairs: int = 0
    chunks: list[tuple[int, int, float]] = field(default_factory=list)
    previous_chunks: list[tuple[int, int, float]] = field(default_factory=list)
    initial_loss: float | None = None
    lr_scale: float = 1.0

    @property
    def mean_loss(self) -> float | None:
        """Mean loss of a pair in the current epoch so far."""
        return self.loss / self.pairs if self.pairs else None

    @property
    def mean_untrained_loss(self) -> float | None:
        """Mean loss of the same pairs for untrained vectors, or None if it is unknown."""
        return self.untrained_loss / self.pairs if self.pairs and self.untrained_loss else None

    def add_loss(self, loss: float, pairs: int, where: str = "") -> None:
        """Add the loss of some pairs.

        Parameters
        ----------
        loss : float
            The sum of their losses.
        pairs : int
            Their number.
        where : str
            Their position in the epoch, for the message.

        Raises
        ------
        DivergedError
            If the loss is not finite or explodes.
        """
        self.loss += loss
        self.pairs += pairs
        mean = loss / pairs if pairs else loss
        first = self.initial_loss
        if first is None and pairs:
            first = self.initial_loss = mean
        if not math.isfinite(loss) or (first and mean > EXPLOSION_RATIO * first):
            raise self._diverged(mean, where, first, "at the start")

    def end_chunk(
        self, loss: float, pairs: int, untrained_loss: float, *, done: int, last: bool = False
    ) -> None:
        """Add the loss of a chunk of tokens, which starts at `position`.

        Parameters
        ----------
        loss : float
            The sum of the losses of its pairs.
        pairs : int
            The number of its pairs.
        untrained_loss : float
            The sum for untrained vectors.
        done : int
            The end of the chunk: the new `position`.
        last : bool
            Whether it is the last one of its epoch.

        Raises
        ------
        DivergedError
            If the loss of the chunk or of the whole epoch is not finite or too high.
        """
        begin, self.position = self.position, done
        self.untrained_loss += untrained_loss
        where = f"tokens {begin + 1:,} to {done:,} of "
        self.add_loss(loss, pairs, where)
        if pairs >= MIN_PAIRS:
            self.chunks.append((begin, done, loss / untrained_loss))
            ratios = {(first, end): ratio for first, end, ratio in self.previous_chunks}
            earlier = ratios.get((begin, done))
            if earlier and loss > max(MAX_RISE * earlier, 0.5) * untrained_loss:
                before = earlier * untrained_loss / pairs
                raise self._diverged(loss / pairs, where, before, "of the same an epoch before")
        max_ratio = MAX_LATER_EPOCH_RATIO if self.epoch else MAX_FIRST_EPOCH_RATIO
        is_known = self.starts_at_zero_scores or self.epoch > 0
        if last and is_known and self.loss > max_ratio * self.untrained_loss:
            whole, known = self.mean_loss or 0.0, self.mean_untrained_loss
            raise self._diverged(whole, "", known, "of untrained vectors")

    def _diverged(
        self, loss: float, where: str, other: float | None, reference: str
    ) -> DivergedError:
        """Return the error for a mean loss that is too high in comparison with another one."""
        comparison = f", that {reference} is {other:g}" if other else ""
        return DivergedError(
            f"the loss of {where}epoch {self.epoch + 1} is {loss:g} a pair{comparison}"
        )

    def end_epoch(self) -> None:
        """Begin the next epoch."""
        self.epoch += 1
        self.previous_chunks = self.chunks
        self.position, self.loss, self.untrained_loss, self.pairs = 0, 0.0, 0.0, 0
        self.chunks = []
