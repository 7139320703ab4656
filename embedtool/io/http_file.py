"""A file at a URL as a file of Python, of which only what is read is transferred."""

import io
import logging
import time
from collections.abc import Callable, Sequence
from functools import partial
from http import HTTPStatus
from http.client import HTTPResponse
from typing import TYPE_CHECKING, TypeVar
from urllib.error import HTTPError

from embedtool.errors import CorpusError
from embedtool.io.http_requests import (
    READ_ERRORS,
    RETRY_DELAYS,
    Attempts,
    TransientError,
    content_range,
    is_same_version,
    reason,
    refusal,
    request,
    shown,
    validator_of,
)
from embedtool.messages import counted

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

log = logging.getLogger(__name__)

T = TypeVar("T")

DISCARD_BYTES = 2**16


class HttpFile(io.RawIOBase):
    """A file at a URL, read from the beginning on, or at random if the server sends ranges.

    After a fault of the connection it is requested from the next byte on; if the file has changed
    by then, that is an error.

    Parameters
    ----------
    url : str
        The address.
    retry_delays : sequence of float
        Seconds to wait before each further attempt; the count restarts after progress.

    Attributes
    ----------
    size : int or None
        Bytes of the file, if the server tells.

    Raises
    ------
    CorpusError
        If it cannot be fetched; also when it is read.
    """

    def __init__(self, url: str, retry_delays: Sequence[float] = RETRY_DELAYS) -> None:
        self._url = url
        self._name = shown(url)
        self._delays = retry_delays
        self._attempts = Attempts(retry_delays)
        self._position = 0
        self._validator = ""
        self._is_known = False
        self._has_warned = False
        self._response: HTTPResponse | None = None
        self.size: int | None = None
        self._has_ranges = False
        self._retried(self._connect)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return whether the server sends ranges of the file, identifies it and tells its size."""
        return self._has_ranges and bool(self._validator) and self.size is not None

    def tell(self) -> int:
        """Return the byte that is read next."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte; the next read requests the file from there on."""
        if not self.seekable() or self.size is None:
            raise io.UnsupportedOperation("seek")
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        if start + offset != self._position:
            self._disconnect()
            self._position = max(0, start + offset)
            self._attempts = Attempts(self._delays, self._position)
        return self._position

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read the next bytes, as many as the buffer has room for; fewer only at the end."""
        rest = memoryview(buffer).cast("B")
        n_wanted = len(rest)
        while rest:
            n_bytes = self._retried(partial(self._receive, rest))
            if not n_bytes:
                break
            rest = rest[n_bytes:]
        return n_wanted - len(rest)

    def close(self) -> None:
        """End the connection."""
        if not self.closed:
            self._disconnect()
        super().close()

    def _disconnect(self) -> None:
        response = getattr(self, "_response", None)
        if response is not None:
            response.close()
        self._response = None

    def _retried(self, function: Callable[[], T]) -> T:
        """Return what a function returns; after a transient fault call it again."""
        while True:
            try:
                return function()
            except TransientError as fault:
                self._disconnect()
                delay = self._attempts.next_delay(self._position)
                if delay is None:
                    raise CorpusError(f"{self._name}: {fault}; try again later") from None
                log.info("%s: %s; trying again in %g s", self._name, fault, delay)
                time.sleep(delay)

    def _receive(self, buffer: "WriteableBuffer") -> int:
        if self.size is not None and self._position >= self.size:
            return 0
        response = self._response or self._connect()
        try:
            n_bytes = response.readinto(buffer)
        except READ_ERRORS as error:
            raise TransientError(f"the connection broke: {reason(error)}") from None
        if not n_bytes and self.size is not None:
            raise self._ended()
        if not n_bytes and not response.chunked and not self._has_warned:
            self._has_warned = True
            log.warning(
                "%s: the server names no length; a file that was cut looks whole", self._name
            )
        self._position += n_bytes
        return n_bytes

    def _ended(self) -> TransientError:
        expected = "" if self.size is None else f" of {counted(self.size, 'byte')}"
        return TransientError(f"the connection ended after {self._position:,}{expected}")

    def _connect(self) -> HTTPResponse:
        """Request the file from the position on."""
        try:
            response = request(self._url, self._position, self._validator)
        except HTTPError as error:
            with error:
                if error.code == HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                    raise self._ended() from None
                raise refusal(self._url, error) from None
        self._response = response
        validator = validator_of(response.headers)
        first, total = content_range(response.headers)
        if response.status != HTTPStatus.PARTIAL_CONTENT:
            first, total = 0, response.length or None
            self._has_ranges = response.headers.get("Accept-Ranges", "").lower() == "bytes"
        if self._position or self._is_known:
            if not self._validator:
                raise CorpusError(
                    f"{self._name}: the connection broke, and the server does not identify the "
                    "file's version, without which it cannot be resumed; try again"
                )
            is_part = response.status == HTTPStatus.PARTIAL_CONTENT
            is_same = total == self.size and (
                is_same_version(self._validator, response.headers)
                if is_part
                else validator == self._validator
            )
            if not is_same or first is None or first > self._position:
                raise CorpusError(f"{self._name}: the file changed while it was read; try again")
            self._discard(response, self._position - first)
        else:
            self._validator, self.size, self._is_known = validator, total, True
        return response

    def _discard(self, response: HTTPResponse, n_bytes: int) -> None:
        """Read bytes that are known, from a server that sends no ranges."""
        while n_bytes > 0:
            try:
                chunk = response.read(min(n_bytes, DISCARD_BYTES))
            except READ_ERRORS as error:
                raise TransientError(f"the connection broke: {reason(error)}") from None
            if not chunk:
                raise TransientError("the connection ended early")
            n_bytes -= len(chunk)
