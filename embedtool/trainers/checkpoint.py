"""Checkpoints: a resumed training produces the same bytes as an uninterrupted one.

A checkpoint is a folder of two files:

    tables.safetensors  the arrays of `State.tables`
    position.json       the other fields of `State`; `identity`, which training it is of; `history`,
                        what it has reported; `bool_tables`, the names of the tables of booleans,
                        stored as bytes; and the `checksum` of the tables
"""

import json
import logging
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

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
from embedtool.io.json_file import parse_json
from embedtool.io.safetensors_io import map_tensors, release_pages, write_tensors
from embedtool.model.vectors import VectorTable
from embedtool.trainers.aligned import aligned_zeros
from embedtool.trainers.history import History
from embedtool.trainers.state import State

log = logging.getLogger(__name__)

TABLES = "tables.safetensors"
POSITION = "position.json"
STATES = "state-*"
RETRY_LR_SCALE = 0.5
"""Scale of the learning rate after a divergence."""


@dataclass
class StopRequest:
    """A request, from a signal handler or another thread, that a training save its state and stop.

    Attributes
    ----------
    requested : bool
        Set by the caller: the training is saved as soon as possible and raises StoppedError.
    is_heeded : bool
        Set by the training once it polls `requested`; before that, a signal ends the process.
    """

    requested: bool = False
    is_heeded: bool = False


@dataclass
class Checkpointer:
    """Saves and restores the state of a training, and retries if it diverges.

    Attributes
    ----------
    folder : Path or None
        Folder of the checkpoints; None if none are written.
    config : CheckpointConfig
        When to save one, and what to do on divergence.
    identity : dict
        Everything that the vectors depend on; a checkpoint with another identity is refused.
    history : History or None
        The progress reports of the training, which are saved with it.
    stop : StopRequest
        Polled between chunks; set it to stop the training.
    retried : bool
        Whether the training diverged and was retried.
    """

    folder: Path | None = None
    config: CheckpointConfig = field(default_factory=CheckpointConfig)
    identity: dict[str, Any] = field(default_factory=dict)
    history: History | None = None
    stop: StopRequest = field(default_factory=StopRequest)
    retried: bool = False
    _saved_at: float = 0.0
    _saved_epochs: int = 0
    _vectors: Callable[[], VectorTable] | None = None

    def restore(self) -> State | None:
        """Return the latest saved state, or None, and begin to poll `stop` and the clock.

        Raises
        ------
        ModelError
            If it cannot be read, or belongs to another training.
        """
        state = self._latest()
        self.stop.is_heeded = True
        self._note_saved(state.epoch if state else 0)
        return state

    @property
    def due(self) -> bool:
        """Whether to save the training as soon as possible; stays true until it is saved."""
        seconds = self.config.seconds
        waited = seconds is not None and time.monotonic() - self._saved_at >= seconds
        return self.folder is not None and (self.stop.requested or waited)

    def should_save(self, epochs: int) -> bool:
        """Return whether `maybe_save` would save after this number of complete epochs."""
        every = self.config.epochs
        passed = every is not None and epochs - self._saved_epochs >= every
        return self.folder is not None and (self.due or passed)

    def maybe_save(self, state: State, epochs: int) -> None:
        """Save the state between two chunks if a checkpoint is due.

        Parameters
        ----------
        state : State
            The state.
        epochs : int
            Complete epochs.

        Raises
        ------
        StoppedError
            If the training is to stop.
        """
        if not self.should_save(epochs):
            return
        try:
            self._save(state)
        except OutputError as error:
            if self.stop.requested:
                raise
            log.warning("checkpoint not written: %s; training continues", error)
        self._end_save(epochs)

    def mark_saved(self) -> None:
        """Reset the checkpoint interval after GloVe has saved its pair counts itself.

        Raises
        ------
        StoppedError
            If the training is to stop.
        """
        self._end_save(0)

    def run_with_retry(
        self,
        state: State | None,
        start: Callable[[], State],
        run: Callable[[State], None],
        learning_rate: float,
        vectors: Callable[[State], VectorTable] | None = None,
    ) -> State:
        """Train to the end; on divergence, retry once with a lower learning rate.

        The state after the last epoch is saved first, so that a failure while building or writing
        the model costs no epoch.

        Parameters
        ----------
        state : State or None
            State to resume from; None for the beginning.
        start : callable
            Returns the state before training.
        run : callable
            Trains a state to the end, in place.
        learning_rate : float
            The learning rate at the start, for the message.
        vectors : callable, optional
            Returns a copy of the vectors of a state, for `current_vectors`.

        Returns
        -------
        State
            The state after the last epoch.

        Raises
        ------
        TrainingError
            If the training diverges again, or `on_divergence` is "stop".
        StoppedError
            If it is asked to stop.
        """
        while True:
            if state is None:
                state = start()
            if self.retried:
                state.lr_scale = RETRY_LR_SCALE
            self._vectors = None if vectors is None else partial(vectors, state)
            try:
                run(state)
            except DivergedError as error:
                in_first = not state.epoch
                self._vectors = None
                del state  # its tables make room for those of the checkpoint
                state = self._handle_divergence(error, learning_rate, in_first)
            else:
                self._vectors = None
                self._save_last(state)
                return state

    def current_vectors(self) -> VectorTable:
        """Return a copy of the vectors as they are now, between two chunks.

        Raises
        ------
        TrainingError
            If no training runs that can tell.
        """
        if self._vectors is None:
            raise TrainingError("there are no vectors: training is not running")
        return self._vectors()

    def _save_last(self, state: State) -> None:
        """Save the state after the last epoch, unless it is saved already."""
        if self.folder is None or self._saved_epochs == state.epoch:
            return
        try:
            self._save(state)
        except OutputError as error:
            log.warning("checkpoint not written: %s; the model is still written", error)

    def _save(self, state: State) -> None:
        if self.folder is not None:
            history = self.history.state_dict() if self.history else None
            save_state(state, self.folder, self.identity, history)

    def _handle_divergence(
        self, error: DivergedError, learning_rate: float, in_first: bool
    ) -> State | None:
        """Return the state to retry from: the latest, or None for the beginning.

        in_first : whether the first epoch diverged; a checkpoint within it may have diverged too
        Raises TrainingError if it must not be retried, or has been already.
        """
        state = None if in_first else self._latest()
        if state is None and self.history is not None:
            self.history.reset()
        if self.config.on_divergence == "stop" or self.retried or (state and state.lr_scale < 1):
            kept = "; the last checkpoint is kept" if state else ""
            raise TrainingError(
                f"{error}; choose a smaller learning_rate than {learning_rate:g}{kept}",
                parameters=("learning_rate",),
            ) from None
        self.retried = True
        begin = f"epoch {state.epoch + 1}" if state else "the beginning"
        log.warning("%s; going back to %s with half the learning rate", error, begin)
        return state

    def _end_save(self, epochs: int) -> None:
        self._note_saved(epochs)
        if self.stop.requested:
            raise StoppedError("interrupted")

    def _note_saved(self, epochs: int) -> None:
        self._saved_at = time.monotonic()
        self._saved_epochs = epochs

    def _latest(self) -> State | None:
        path = last_state(self.folder) if self.folder else None
        if path is None:
            return None
        state, history = load_state(path, self.identity)
        if self.history is not None and history is not None:
            self.history.load_state_dict(history)
        return state


def last_state(folder: Path) -> Path | None:
    """Return the latest checkpoint in a folder."""
    return max(folder.glob(STATES), default=None)


def save_state(
    state: State, folder: Path, identity: dict[str, Any], history: dict[str, Any] | None = None
) -> None:
    """Write a checkpoint to a folder under a new name, then delete the earlier ones.

    Parameters
    ----------
    state : State
        The state to save.
    folder : Path
        The folder.
    identity : dict
        What the vectors depend on, as a JSON-serialisable dict.
    history : dict, optional
        Its progress reports.

    Raises
    ------
    OutputError
        If it cannot be written; the earlier checkpoints are still there.
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
            "identity": identity, "history": history, "bool_tables": flags,
            "checksum": hashed.checksum(), **position,
        }  # fmt: skip
        (fresh / POSITION).write_text(json.dumps(written), "utf-8")
    for path in before:
        shutil.rmtree(path, ignore_errors=True)


def load_state(path: Path, identity: dict[str, Any]) -> tuple[State, dict[str, Any] | None]:
    """Read a checkpoint.

    Returns
    -------
    state : State
        The state.
    history : dict or None
        The progress reports of the training.

    Raises
    ------
    ModelError
        If it is not a checkpoint, or belongs to another training; the message names the difference.
    """
    try:
        position = parse_json((path / POSITION).read_text("utf-8"))
        names = ("identity", "history", "bool_tables", "checksum")
        known, history, flags, checksum = (position.pop(name) for name in names)
        if fault := mismatch(path / TABLES, checksum):
            raise ModelError(
                f"{path / TABLES}: {fault}; start over with overwrite=True",
                parameters=("overwrite",),
            )
        changed = [name for name, value in identity.items() if known.get(name) != value]
        tables = {name: _in_memory(table) for name, table in map_tensors(path / TABLES).items()}
        tables |= {name: tables[name].view(np.bool_) for name in flags}
        state = State(tables, **position)
    except (OSError, FormatError, TypeError, ValueError, KeyError, AttributeError) as error:
        raise ModelError(f"{path}: is not a checkpoint: {error}") from None
    if changed:
        name = changed[0]
        raise ModelError(
            f"{path}: belongs to a training with other options: {name} was {known.get(name)!r} and "
            f"is now {identity[name]!r}"
        )
    return state, history


def _in_memory(mapped: NDArray[Any]) -> NDArray[Any]:
    """Return a writable copy, aligned as the kernels need it, and release the mapped pages."""
    is_for_kernels = mapped.ndim == 2 and mapped.dtype == np.float32
    table = aligned_zeros(*mapped.shape) if is_for_kernels else np.empty_like(mapped)
    table[:] = mapped
    release_pages(mapped)
    return table
