"""The progress reports of a training, for the description of its model."""

import time
from typing import Any

from embedtool.io.progress import Progress, Report


class History:
    """A `Report` that passes messages on and keeps the last one of each epoch.

    Attributes
    ----------
    epochs : list of dict
        The number of each epoch, the seconds since training started, and its losses.
    streams : int or None
        Number of streams that are trained at once, if the trainer reports it.
    """

    def __init__(self, report: Report) -> None:
        self.report = report
        self.start_time = time.monotonic()
        self.streams: int | None = None
        self.epochs: list[dict[str, float]] = []

    def __call__(self, progress: Progress) -> None:
        self.report(progress)
        self.streams = progress.streams
        if progress.epoch_ended and progress.epoch is not None:
            self.epochs.append(
                {"epoch": progress.epoch, "seconds": self.seconds(), **progress.measures()}
            )

    def seconds(self) -> float:
        """Return the seconds since training started, without interruptions."""
        return round(time.monotonic() - self.start_time, 3)

    def state_dict(self) -> dict[str, Any]:
        """Return the part of the history that a checkpoint stores, as a JSON-serialisable dict."""
        streams = {} if self.streams is None else {"streams": self.streams}
        return {"seconds": self.seconds(), **streams, "epochs": self.epochs}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue the history stored in a checkpoint."""
        self.start_time = time.monotonic() - state["seconds"]
        self.streams = state.get("streams")
        self.epochs = list(state["epochs"])

    def reset(self) -> None:
        """Forget the epochs of a training that starts over."""
        self.epochs = []
