"""Progress: messages from long work to its caller, which may show or log them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


COMPILING = "compiling"
"""The stage in which a kernel is compiled, of which the log has a line when it begins."""


@dataclass(frozen=True)
class Progress:
    """A message of progress.

    Attributes
    ----------
    stage : str
        Name of the current work.
    done, total : int
        Units done so far, and in all; `total` is None if unknown.
    unit : str
        The unit.
    epoch : int, optional
        The current epoch, from 1.
    loss : float, optional
        Mean loss of the epoch so far.
    epoch_ended : bool
        Whether this is the last message of an epoch.
    perplexity : float, optional
        Perplexity on held-out text.
    nodes : tuple of (str, int)
        Nodes of a cluster, and the units that each has done since the last message.
    begins : bool
        Whether the work of this stage starts after the message: training starts when its kernel has
        been compiled, and has units done already if it is resumed.
    untrained : float, optional
        Loss of untrained vectors.
    streams : int, optional
        Number of streams in which the text is read.
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
        """Return the losses and perplexity that are known, by name."""
        found = {"loss": self.loss, "untrained": self.untrained, "perplexity": self.perplexity}
        return {name: value for name, value in found.items() if value is not None}


Report = Callable[[Progress], None]


def silent(progress: Progress) -> None:
    """Ignore a message."""


class ReportingWriter:
    """Writes to a file of about `total` bytes, and reports progress."""

    def __init__(
        self, write: Callable[["ReadableBuffer"], int], total: int, report: Report
    ) -> None:
        self._write, self._total, self._report = write, total, report
        self._done = 0

    def write(self, data: "ReadableBuffer") -> int:
        """Write bytes, or those of an array; return how many."""
        written = self._write(data)
        self._done += written
        self._report(Progress("writing", self._done, self._total, "bytes"))
        return written
