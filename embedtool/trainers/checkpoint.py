"""Training as a value: saved, it can be gone on with, to the same bytes as if it had not stopped.

In: what a trainer has learnt and how far it is. Out: a folder, and the same from it.

    tables.safetensors  State.tables
    position.json       the rest, and what the training is of
"""

import json
import logging
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import CheckpointConfig
from embedtool.errors import (
    DivergedError,
    FormatError,
    ModelError,
    OutputError,
    StoppedError,
    TrainingError,
)
from embedtool.io.atomic import atomic_directory
from embedtool.io.checksums import HashingWriter, mismatch
from embedtool.io.safetensors_io import map_tensors, release_pages, write_tensors
from embedtool.messages import brief
from embedtool.trainers.aligned import aligned_zeros

log = logging.getLogger(__name__)

TABLES = "tables.safetensors"
POSITION = "position.json"
STATES = "state-*"
EXPLODED = 100
"""A loss so many times that of the first round comes from steps that are too long, not from the
text."""
RISE = 1.5
"""So does a loss more than so many times that of the same text an epoch before, both divided by the
loss of untrained vectors, which differs by the words that subsampling keeps. A smaller rise may be
chance. One below half of untrained vectors' loss is no divergence yet."""
LEAST_PAIRS = 1_000
"""The loss of fewer pairs differs by chance from one epoch to the next, by more than that."""
NOTHING_LEARNT = 1.01
"""And so does a first epoch's loss more than so many times that of untrained vectors. On random
words, who have nothing to do with each other, it was not above 1.001 times that."""
UNLEARNT = 1.25
"""And that of a later epoch more than so many times. On a dozen words in the same order again and
again it came to 1.11 times, with one lock-free worker as well."""

RETRY_RATE = 0.5
"""Of the learning rate after a divergence."""


@dataclass
class State:
    """Everything that the rest of a training depends on, besides its options and its corpus.

    tables    : what is learnt, and what the optimiser keeps, by name
    unscored  : whether all scores began at zero, and so the loss at that of untrained vectors
    epoch     : epochs that are complete
    position  : units of work done in the current epoch: tokens, or pairs for GloVe
    loss      : sum of the losses of the current epoch so far
    untrained_loss : sum of the losses that untrained vectors would have; 0 where that is not known
    pairs     : number of its pairs so far
    chunks    : of each of its rounds so far that has LEAST_PAIRS, where it begins and ends, and its
                loss divided by that of untrained vectors
    previous_chunks : the same of the epoch before
    initial_loss : mean loss of a pair in the first round of all, None before
    lr_scale  : what the learning rate is multiplied by
    """

    __repr__ = brief

    tables: dict[str, NDArray[Any]]
    unscored: bool = True
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
        """The mean loss of a pair in the current epoch so far."""
        return self.loss / self.pairs if self.pairs else None

    @property
    def mean_untrained_loss(self) -> float | None:
        """The mean loss of the same pairs that untrained vectors would have, where it is known."""
        return self.untrained_loss / self.pairs if self.pairs and self.untrained_loss else None

    def add_loss(self, loss: float, pairs: int, place: str = "") -> None:
        """Take a loss. Raises DivergedError where it is not finite, or explodes.

        place : what of the epoch it is the loss of, for the message
        """
        self.loss += loss
        self.pairs += pairs
        mean = loss / pairs if pairs else loss
        if self.initial_loss is None and pairs:
            self.initial_loss = mean
        if not math.isfinite(loss) or (self.initial_loss and mean > EXPLODED * self.initial_loss):
            raise self._diverged(mean, place, self.initial_loss, "of the first round")

    def end_chunk(
        self, loss: float, pairs: int, untrained: float, *, done: int, last: bool = False
    ) -> None:
        """Take the loss of a round that goes on to `done`, and is perhaps the last of its epoch.

        untrained : that of untrained vectors
        Raises DivergedError where the loss, or that of the whole epoch, is not finite, explodes, or
        is higher than steps of a length that suits the text leave it.
        """
        begin, self.position = self.position, done
        self.untrained_loss += untrained
        place = f"tokens {begin + 1:,} to {done:,} of "
        self.add_loss(loss, pairs, place)
        if pairs >= LEAST_PAIRS:
            self.chunks.append((begin, done, loss / untrained))
            earlier = {(first, end): ratio for first, end, ratio in self.previous_chunks}.get(
                (begin, done)
            )
            if earlier and loss > max(RISE * earlier, 0.5) * untrained:
                before = earlier * untrained / pairs
                raise self._diverged(loss / pairs, place, before, "of the same an epoch before")
        most = UNLEARNT if self.epoch else NOTHING_LEARNT
        is_known = self.unscored or self.epoch > 0
        if last and is_known and self.loss > most * self.untrained_loss:
            whole, known = self.mean_loss or 0.0, self.mean_untrained_loss
            raise self._diverged(whole, "", known, "of untrained vectors")

    def _diverged(
        self, loss: float, place: str, other: float | None, of_other: str
    ) -> DivergedError:
        """The error of a loss that is too high beside another one."""
        beside = f", that {of_other} is {other:g}" if other else ""
        return DivergedError(
            f"the loss of {place}epoch {self.epoch + 1} is {loss:g} a pair{beside}"
        )

    def end_epoch(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
        self.previous_chunks = self.chunks
        self.position, self.loss, self.untrained_loss, self.pairs, self.chunks = (
            0,
            0.0,
            0.0,
            0,
            [],
        )


class StateDict(Protocol):
    """What a training tells of itself."""

    def state_dict(self) -> dict[str, Any]:
        """It so far, JSON-able."""

    def load_state_dict(self, told: dict[str, Any]) -> None:
        """Begin with what was told before."""

    def reset(self) -> None:
        """Forget the epochs that were told."""


@dataclass
class Checkpointer:
    """Where and when a training is saved, and whether it is to stop.

    folder  : where states are kept; None: nowhere
    identity : what the training is of; a state of anything else is refused
    stop    : the signal on which to save and stop, 0 for none; set from outside
    running : whether rounds have begun, between which it can stop
    history : what is told of the training, saved with it
    """

    folder: Path | None = None
    config: CheckpointConfig = field(default_factory=CheckpointConfig)
    identity: dict[str, Any] = field(default_factory=dict)
    stop: int = 0
    running: bool = False
    history: StateDict | None = None
    retried: bool = False
    saved_at: float = 0.0
    saved_epochs: int = 0

    def restore(self) -> State | None:
        """The last state that was saved, None where none was. From now on rounds are run.

        Raises ModelError where it cannot be read or is of another training.
        """
        state = self._last()
        self.running = True
        self._remember(state.epoch if state else 0)
        return state

    @property
    def due(self) -> bool:
        """Whether the training is to be saved as soon as it can be; stays so until it is."""
        seconds = self.config.seconds
        waited = seconds is not None and time.monotonic() - self.saved_at >= seconds
        return self.folder is not None and bool(self.stop or waited)

    def should_save(self, epochs: int) -> bool:
        """Whether `maybe_save` would save a state now that so many `epochs` are complete."""
        every = self.config.epochs
        passed = every is not None and epochs - self.saved_epochs >= every
        return self.folder is not None and (self.due or passed)

    def maybe_save(self, state: State, epochs: int) -> None:
        """Save the state after a round where that is due; so many `epochs` are complete.

        Raises StoppedError where the training is to stop.
        """
        if not self.should_save(epochs):
            return
        try:
            self._save(state)
        except OutputError as error:
            if self.stop:
                raise
            log.warning("no checkpoint: %s; training goes on", error)
        self._stop_or_go_on(epochs)

    def mark_saved(self) -> None:
        """Take note that what comes before the first round has been kept.

        Raises StoppedError where the training is to stop.
        """
        self._stop_or_go_on(0)

    def run_with_retry(
        self,
        state: State | None,
        start: Callable[[], State],
        run: Callable[[State], None],
        learning_rate: float,
    ) -> State:
        """Train from a state, or from the beginning, to the end; once more where it diverges.

        The state after the last epoch is saved before anything is made of it, so that whatever
        fails from then on, `resume` has no epoch to train again.

        start : makes the state before training
        run   : trains a state to the end, in place
        Raises TrainingError where the training diverges for good, StoppedError where it is to stop.
        """
        while True:
            if state is None:
                state = start()
            if self.retried:
                state.lr_scale = RETRY_RATE
            try:
                run(state)
            except DivergedError as error:
                in_first = not state.epoch
                del state  # its tables make room for those that are gone on with
                state = self._handle_divergence(error, learning_rate, in_first)
            else:
                self._keep(state)
                return state

    def _keep(self, state: State) -> None:
        """Save the state after the last epoch, unless it has been."""
        if self.folder is None or self.saved_epochs == state.epoch:
            return
        try:
            self._save(state)
        except OutputError as error:
            log.warning("no checkpoint: %s; the model is written all the same", error)

    def _save(self, state: State) -> None:
        if self.folder is not None:
            save_state(
                state,
                self.folder,
                self.identity,
                self.history.state_dict() if self.history else None,
            )

    def _handle_divergence(
        self, error: DivergedError, learning_rate: float, in_first: bool
    ) -> State | None:
        """What to go on with after a divergence: the last state, or None for the beginning.

        in_first : whether the first epoch diverged; a state of it may have done so as well
        Raises TrainingError where it is not to be tried again, or was already.
        """
        state = None if in_first else self._last()
        if state is None and self.history is not None:
            self.history.reset()
        if self.config.on_divergence == "stop" or self.retried or (state and state.lr_scale < 1):
            kept = "; what was saved last is kept" if state else ""
            raise TrainingError(
                f"{error}; choose a smaller --learning-rate than {learning_rate:g}{kept}"
            ) from None
        self.retried = True
        place = f"epoch {state.epoch + 1}" if state else "the beginning"
        log.warning("%s; going back to %s with half the learning rate", error, place)
        return state

    def _stop_or_go_on(self, epochs: int) -> None:
        self._remember(epochs)
        if self.stop:
            raise StoppedError("interrupted", self.stop)

    def _remember(self, epochs: int) -> None:
        self.saved_at = time.monotonic()
        self.saved_epochs = epochs

    def _last(self) -> State | None:
        path = last_state(self.folder) if self.folder else None
        if path is None:
            return None
        state, told = load_state(path, self.identity)
        if self.history is not None and told is not None:
            self.history.load_state_dict(told)
        return state


def last_state(folder: Path) -> Path | None:
    """The state that was saved last in a folder."""
    return max(folder.glob(STATES), default=None)


def save_state(
    state: State, folder: Path, about: dict[str, Any], told: dict[str, Any] | None = None
) -> None:
    """Write a state to a folder under a new name, then take those before it away.

    about : what the training is of, JSON-able; told : what it tells of itself
    Raises OutputError where it cannot be written; those before it are there still.
    """
    position = {name: value for name, value in vars(state).items() if name != "tables"}
    flags = [name for name, table in state.tables.items() if table.dtype == np.bool_]
    tables = state.tables | {name: state.tables[name].view(np.uint8) for name in flags}
    before = sorted(folder.glob(STATES))
    number = int(before[-1].name.rpartition("-")[2]) + 1 if before else 1
    with atomic_directory(folder / f"state-{number:09d}") as fresh:
        with (fresh / TABLES).open("wb") as file:
            hashed = HashingWriter(file)
            write_tensors(hashed, tables)
        written = {
            "about": about,
            "told": told,
            "flags": flags,
            "file": hashed.checksum(),
            **position,
        }
        (fresh / POSITION).write_text(json.dumps(written))
    for path in before:
        shutil.rmtree(path, ignore_errors=True)


def load_state(path: Path, about: dict[str, Any]) -> tuple[State, dict[str, Any] | None]:
    """Read what `save_state` wrote: the state, and what was told.

    Raises ModelError where it is anything else, or of another training, naming what differs.
    """
    try:
        position = json.loads((path / POSITION).read_text())
        names = ("about", "told", "flags", "file")
        there, told, flags, facts = (position.pop(name) for name in names)
        if fault := mismatch(path / TABLES, facts):
            raise ModelError(f"{path / TABLES}: {fault}; begin anew with --overwrite")
        changed = [name for name, value in about.items() if there.get(name) != value]
        tables = {name: _in_memory(table) for name, table in map_tensors(path / TABLES).items()}
        tables |= {name: tables[name].view(np.bool_) for name in flags}
        state = State(tables, **position)
    except (
        OSError, FormatError, TypeError, ValueError, KeyError, AttributeError, RecursionError
    ) as error:  # fmt: skip
        raise ModelError(f"{path}: is no saved state of a training: {error}") from None
    if changed:
        name = changed[0]
        raise ModelError(
            f"{path}: is of another training: {name} was {there.get(name)!r}, is {about[name]!r}"
        )
    return state, told


def _in_memory(mapped: NDArray[Any]) -> NDArray[Any]:
    """A table that can be written to, without the memory of the file that it came from.

    Rows of float32 stand where the kernels take them.
    """
    is_for_kernels = mapped.ndim == 2 and mapped.dtype == np.float32
    table = aligned_zeros(*mapped.shape) if is_for_kernels else np.empty_like(mapped)
    table[:] = mapped
    release_pages(mapped)
    return table
