"""Training as a value: saved, it can be gone on with, to the same bytes as if it had not stopped.

In: what a trainer has learnt and how far it is. Out: a folder, and the same from it.

    tables.safetensors  State.tables
    position.json       the rest
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from embedtool.errors import ModelError
from embedtool.files import new_folder

TABLES = "tables.safetensors"
POSITION = "position.json"


@dataclass
class State:
    """Everything that the rest of a training depends on, besides its options and its corpus.

    tables : what is learnt, and what the optimiser keeps, by name
    epoch  : epochs that are complete
    done   : units of work done in the current epoch: tokens, or pairs for GloVe
    loss   : sum of the losses of the current epoch so far
    pairs  : number of its pairs so far
    """

    tables: dict[str, NDArray[Any]]
    epoch: int = 0
    done: int = 0
    loss: float = 0.0
    pairs: int = 0

    @property
    def mean_loss(self) -> float | None:
        """The mean loss of a pair in the current epoch so far."""
        return self.loss / self.pairs if self.pairs else None

    def end_epoch(self) -> None:
        """Go on to the next epoch."""
        self.epoch += 1
        self.done, self.loss, self.pairs = 0, 0.0, 0


def save_state(state: State, path: Path) -> None:
    """Write a state as a folder, all of it or nothing. Raises OutputError where that cannot be."""
    from safetensors.numpy import save_file

    position = {"epoch": state.epoch, "done": state.done, "loss": state.loss, "pairs": state.pairs}
    with new_folder(path) as fresh:
        save_file(state.tables, fresh / TABLES)
        (fresh / POSITION).write_text(json.dumps(position))


def load_state(path: Path) -> State:
    """Read what `save_state` wrote. Raises ModelError where it is anything else."""
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        position = json.loads((path / POSITION).read_text())
        return State(load_file(path / TABLES), **position)
    except (OSError, SafetensorError, TypeError, ValueError) as error:
        raise ModelError(f"{path}: is no saved state of a training: {error}") from None
