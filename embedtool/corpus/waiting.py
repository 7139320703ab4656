"""Waiting for other machines: with a timeout and a message, and interruptible by signals."""

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
"""Time after which a message says what is being waited for."""
ANSWER_SECONDS = 30.0
"""Timeout of a small answer."""
READ_SECONDS = 300.0
"""Timeout of some megabytes on a slow connection."""


def wait_for_answer(name: str, work: Callable[[], T], seconds: float | None = None) -> T:
    """Return the result of work in another thread, while this one can be interrupted.

    C++ libraries (pyarrow) ignore signals while they wait, and retry for very long. On a timeout
    the thread is abandoned.

    Parameters
    ----------
    name : str
        The source, for messages.
    work : callable
        Returns the result.
    seconds : float, optional
        Timeout, ANSWER_SECONDS by default; may be infinite.

    Raises
    ------
    CorpusError
        On a timeout.
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
    """Return whether a thread still waits; pyarrow would wait for it at the end of the process."""
    return any(thread.name == THREAD for thread in enumerate_threads())


class TimedStream(RawIOBase):
    """A stream whose every read is made by `wait_for_answer`.

    Parameters
    ----------
    name : str
        The source, for messages.
    stream : file object
        The underlying stream, which is closed with this one.
    errors : tuple of exception types
        Errors of the stream besides OSError; they are re-raised as OSError.
    """

    def __init__(self, name: str, stream: Any, errors: tuple[type[Exception], ...] = ()) -> None:
        self.name = name
        self.stream = stream
        self.errors = errors

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return bool(self.stream.seekable())

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer by one read."""
        try:
            data = wait_for_answer(self.name, lambda: self.stream.read(len(buffer)), READ_SECONDS)
        except self.errors as error:
            raise OSError(str(error)) from None
        buffer[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = 0) -> int:
        return int(self.stream.seek(offset, whence))

    def tell(self) -> int:
        return int(self.stream.tell())

    def close(self) -> None:
        if not self.closed:
            self.stream.close()
        super().close()
