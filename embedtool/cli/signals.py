"""How commands handle the signals that end them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

from embedtool.cli.output.console import echo_err
from embedtool.errors import StoppedError

if TYPE_CHECKING:
    from embedtool.trainers.checkpoint import StopRequest


HANGUP: signal.Signals | None = getattr(signal, "SIGHUP", None)
"""The signal of a terminal that is closed; Windows has none."""


def handled_signals() -> list[signal.Signals]:
    """Return SIGINT, SIGTERM, and SIGHUP unless it is ignored, as under nohup."""
    numbers = [signal.SIGINT, signal.SIGTERM]
    if HANGUP is not None and signal.getsignal(HANGUP) != signal.SIG_IGN:
        numbers.append(HANGUP)
    return numbers


@contextmanager
def graceful_shutdown() -> "Iterator[StopRequest]":
    """Let signals stop a training, which is saved if possible.

    The first signal is a request, which training polls between two chunks; the second, or one
    before training has started, ends it immediately. SIGHUP, which a closed terminal sends twice,
    never counts as a second one.

    Yields
    ------
    StopRequest
        The request, for the training.

    Raises
    ------
    StoppedError
        If a signal arrived; the error has its number.
    """
    from embedtool.trainers.checkpoint import StopRequest

    stop = StopRequest()
    first: int | None = None

    def handle(number: int, frame: FrameType | None) -> None:
        nonlocal first
        if number == HANGUP and first is not None:
            return
        is_second = first not in (None, HANGUP)
        first = first if is_second else number
        stop.requested = True
        if is_second or not stop.is_heeded:
            raise KeyboardInterrupt
        echo_err("The training is being saved, then it stops; press again to exit immediately.")

    before = {number: signal.signal(number, handle) for number in handled_signals()}
    try:
        yield stop
    except StoppedError as error:
        error.number = first or signal.SIGINT
        raise
    except KeyboardInterrupt:
        stopped = StoppedError("interrupted; nothing was written")
        stopped.number = first or signal.SIGINT
        raise stopped from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
