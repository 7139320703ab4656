"""How far long work has come: the one message that every long task sends upward.

In: nothing. Out: Progress and Report. The work below knows no terminal; it calls a Report, and the
command line makes a bar, log lines or JSON of it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


@dataclass(frozen=True)
class Progress:
    """One message: `done` of `total` `unit`s of a `stage`; `total` is None where unknown.

    `epoch` (from 1) and `loss` (mean of the epoch so far) stand only where the work has them, as do
    `untrained`, the loss that untrained vectors have, and `streams`, in which the text is read.
    `epoch_ended` marks the last message of an epoch; `perplexity` on held-out text may stand there.
    `begins` marks a message that comes before work that could come after other work: training
    begins when its kernel is compiled, and has some of its work done where it is gone on with.
    `nodes` are those of a cluster that did something since the last message, and how much.
    """

    stage: str
    done: int
    total: int | None
    unit: str
    epoch: int | None = None
    loss: float | None = None
    epoch_ended: bool = False
    perplexity: float | None = None
    nodes: tuple[tuple[str, int], ...] = ()
    begins: bool = False
    untrained: float | None = None
    streams: int | None = None

    def measures(self) -> dict[str, float]:
        """What the learning has come to, by name, without what is not known."""
        found = {"loss": self.loss, "untrained": self.untrained, "perplexity": self.perplexity}
        return {name: value for name, value in found.items() if value is not None}


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Report to nobody."""


class ReportingWriter:
    """What is written to a file, of which about `total` bytes are expected, and reported."""

    def __init__(
        self, write: Callable[["ReadableBuffer"], int], total: int, report: Report
    ) -> None:
        self._write, self._total, self._report = write, total, report
        self._done = 0

    def write(self, data: "ReadableBuffer") -> int:
        """Write bytes, or an array's."""
        written = self._write(data)
        self._done += written
        self._report(Progress("writing", self._done, self._total, "bytes"))
        return written
