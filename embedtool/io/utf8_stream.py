"""Text in other encodings, read as UTF-8."""

import codecs
from collections.abc import Callable
from functools import cache
from io import RawIOBase
from threading import local
from typing import BinaryIO

from embedtool.io.encodings import REPLACEMENT, SURROGATE_ERRORS

CHUNK_BYTES = 2**16
HANDLERS = {"replace": "embedtool-replace", "skip": "embedtool-skip"}
"""Counting error handlers, because Python's do not count, and a text may contain U+FFFD itself."""

Fault = Callable[[UnicodeError, int, int], Exception]
"""Function that returns the exception for an error, the offset of its byte and its line number."""


class _Counter(local):
    """Number of invalid sequences in a thread."""

    n = 0


COUNTER = _Counter()


def _replace(error: UnicodeError) -> tuple[str, int]:
    COUNTER.n += 1
    return REPLACEMENT, _end_of(error)


def _skip(error: UnicodeError) -> tuple[str, int]:
    COUNTER.n += 1
    return "", _end_of(error)


def _end_of(error: UnicodeError) -> int:
    """Return the offset at which decoding continues; raise any other kind of error."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.end


@cache
def _register_handlers() -> None:
    codecs.register_error(HANDLERS["replace"], _replace)
    codecs.register_error(HANDLERS["skip"], _skip)


class Utf8Stream(RawIOBase):
    """A stream in another encoding, read as UTF-8.

    Parameters
    ----------
    stream : BinaryIO
        The stream to read from, at its start.
    encoding : str
        One of Python's codecs.
    errors : str
        Handling of invalid bytes: "replace" or "skip", which count them, or one of Python's error
        handlers.
    fault : callable
        Returns the exception for errors that the handler does not accept.

    Attributes
    ----------
    n_invalid : int
        Sequences of bytes that have been replaced or skipped so far.
    """

    def __init__(self, stream: BinaryIO, encoding: str, errors: str, fault: Fault) -> None:
        _register_handlers()
        self.n_invalid = 0
        self._stream, self._fault = stream, fault
        self._decoder = codecs.getincrementaldecoder(encoding)(HANDLERS.get(errors, errors))
        self._n_read = 0
        self._n_lines = 0
        self._ended = False
        self._pending = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Fill a buffer with available text; return 0 at the end."""
        while not self._pending and not self._ended:
            self._pending = self._next()
        n = min(len(buffer), len(self._pending))
        buffer[:n] = self._pending[:n]
        self._pending = self._pending[n:]
        return n

    def _next(self) -> bytes:
        chunk = self._stream.read(CHUNK_BYTES)
        self._n_read += len(chunk)
        self._ended = not chunk
        n_before = COUNTER.n
        try:
            text = self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            offset = self._n_read - len(error.object) + error.start
            line = self._n_lines + 1 + error.object[: error.start].count(b"\n")
            raise self._fault(error, offset, line) from None
        except UnicodeError as error:  # UTF-16 without a byte order mark, in some codecs
            raise self._fault(error, self._n_read, self._n_lines + 1) from None
        self.n_invalid += COUNTER.n - n_before
        self._n_lines += text.count("\n")
        # codecs of escapes can spell lone surrogates, which readers of UTF-8 reject
        return text.encode("utf-8", SURROGATE_ERRORS)
