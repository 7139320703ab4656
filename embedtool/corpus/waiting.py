"""Answers of other machines: waited for only so long, aloud, and so that a signal ends the wait.

In: work that asks another machine. Out: its result, or an error where no answer came in time.
"""

import logging
from collections.abc import Callable
from concurrent.futures import Future, wait
from io import RawIOBase
from math import isfinite
from threading import Thread
from threading import enumerate as enumerate_threads
from typing import Any, TypeVar

from embedtool.errors import CorpusError

log = logging.getLogger(__name__)

T = TypeVar("T")

THREAD = "embedtool-answer"
"""Name of the threads that wait."""
NOTICE_SECONDS = 5.0
"""After which it is told what is waited for."""
ANSWER_SECONDS = 30.0
"""For one answer that brings little."""
READ_SECONDS = 300.0
"""For some megabytes, on a slow line."""


def wait_for_answer(name: str, work: Callable[[], T], seconds: float | None = None) -> T:
    """The result of work, done by another thread while this one can be interrupted.

    Libraries in C++ (pyarrow) let no signal through while they wait, and repeat what fails for
    longer than anybody waits. The thread is left behind when time is up.

    name    : what is asked, for messages
    seconds : after which CorpusError is raised; None: ANSWER_SECONDS; infinite: never
    """
    seconds = ANSWER_SECONDS if seconds is None else seconds
    future: Future[T] = Future()

    def ask() -> None:
        try:
            future.set_result(work())
        except BaseException as error:
            future.set_exception(error)

    Thread(target=ask, name=THREAD, daemon=True).start()
    notice = min(NOTICE_SECONDS, seconds)
    if not wait([future], notice).done:
        log.info("%s: waiting for an answer", name)
        if not wait([future], seconds - notice if isfinite(seconds) else None).done:
            raise CorpusError(f"{name}: no answer within {seconds:g} s; is the network there?")
    return future.result()


def is_waiting() -> bool:
    """Whether a thread still waits. At the end of the process pyarrow would wait for it."""
    return any(thread.name == THREAD for thread in enumerate_threads())


class TimedStream(RawIOBase):
    """A stream whose every read is waited for as `answered` does.

    errors : what the stream raises besides OSError, which it becomes
    """

    def __init__(self, name: str, stream: Any, errors: tuple[type[Exception], ...] = ()) -> None:
        self.name = name
        self.stream = stream
        self.errors = errors

    def readable(self) -> bool:
        """True."""
        return True

    def seekable(self) -> bool:
        """Whether the stream beneath is."""
        return bool(self.stream.seekable())

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer as far as one read does."""
        try:
            data = wait_for_answer(self.name, lambda: self.stream.read(len(buffer)), READ_SECONDS)
        except self.errors as error:
            raise OSError(str(error)) from None
        buffer[: len(data)] = data
        return len(data)

    def seek(self, place: int, whence: int = 0) -> int:
        """Move to a place."""
        return int(self.stream.seek(place, whence))

    def tell(self) -> int:
        """The place."""
        return int(self.stream.tell())

    def close(self) -> None:
        """Close the stream beneath, too."""
        if not self.closed:
            self.stream.close()
        super().close()
