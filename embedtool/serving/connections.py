"""HTTP connections with time limits: uvicorn's protocol, hardened against slow clients.

Connections that are silent, send a request too slowly, or do not read their answer are closed; if
there are too many, the one that has been idle longest is closed.
"""

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from embedtool.io.machine import max_open_files
from embedtool.serving.limits import (
    BODY_SECONDS,
    HEAD_SECONDS,
    MAX_CONNECTIONS,
    SPARE_FILES,
    STALL_SECONDS,
)

GRACE_SECONDS = 2.0
"""Added to BODY_SECONDS, so that the application, with the same limit, answers with an error
first."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def max_connections() -> int:
    """Return the maximum of open connections: MAX_CONNECTIONS, or fewer by `ulimit -n`."""
    limit = max_open_files()
    return MAX_CONNECTIONS if limit is None else max(1, min(MAX_CONNECTIONS, limit - SPARE_FILES))


class LimitedProtocol(H11Protocol):  # type: ignore[misc]
    """A connection whose client has a limited time for each part of a request and its answer.

    uvicorn itself limits only the pause after an answer, and any byte ends that limit. Here the
    head and the body each have one deadline, which no byte extends.
    """

    time_limits: ClassVar = {"head": HEAD_SECONDS, "body": BODY_SECONDS + GRACE_SECONDS}
    stall_seconds = STALL_SECONDS
    phase = ""
    """head or body: it is arriving; idle: between requests; answer: a request is being answered."""
    since = 0.0
    """Start of the phase, in seconds of the event loop."""
    request_timer: asyncio.TimerHandle | None = None
    answer_timer: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start the deadline of a request. If there are too many connections, close the idlest."""
        super().connection_made(transport)
        self._update_phase()
        if len(self.connections) >= self.limit_concurrency:
            waiting = [each for each in self.connections if each.waits and each is not self]
            if waiting:  # one within a request only if there is no other
                idlest = min(waiting, key=lambda each: (each.is_begun, each.since))
                self.connections.discard(idlest)
                idlest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Cancel the deadlines."""
        for timer in (self.request_timer, self.answer_timer):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Process data, and update the phase."""
        super().data_received(data)
        self._update_phase()

    def on_response_complete(self) -> None:
        """Wait for the next request, and for the client to read the answer."""
        super().on_response_complete()
        self._update_phase()
        self._expect_reading()

    def pause_writing(self) -> None:
        """Wait for the client to read what has been written."""
        super().pause_writing()
        self._expect_reading()

    @property
    def waits(self) -> bool:
        """Whether the server waits for the client."""
        return self.phase != "answer" or self.transport.get_write_buffer_size() > 0

    @property
    def is_begun(self) -> bool:
        """Whether the head of a request has arrived and its answer has not been read yet."""
        return self.phase not in ("head", "idle") or self.transport.get_write_buffer_size() > 0

    def _update_phase(self) -> None:
        """Determine the phase of the connection; a new phase has its own deadline."""
        phase = "answer"
        if self.conn.their_state is h11.IDLE:
            begun = self.cycle is None or self.conn.trailing_data[0]
            phase = "head" if begun else "idle"
        elif self.conn.their_state is h11.SEND_BODY:
            phase = "body"
        if phase == self.phase:
            return
        self.phase, self.since = phase, self.loop.time()
        if self.request_timer is not None:
            self.request_timer.cancel()
        self.request_timer = None
        if phase in self.time_limits:
            self.request_timer = self.loop.call_later(self.time_limits[phase], self._time_out)

    def _time_out(self) -> None:
        """Close a connection whose request has not arrived in time."""
        if self.phase == "head" and self.conn.trailing_data[0]:
            self.transport.write(TOO_SLOW)
        self.transport.close()
        self._expect_reading()

    def _expect_reading(self) -> None:
        size = self.transport.get_write_buffer_size()
        if size and self.answer_timer is None:
            self.answer_timer = self.loop.call_later(self.stall_seconds, self._check_reading, size)

    def _check_reading(self, size_before: int) -> None:
        """Abort the connection if its client has read nothing since `size_before` was measured."""
        self.answer_timer = None
        if self.transport.get_write_buffer_size() >= size_before:
            self.transport.abort()
        else:
            self._expect_reading()
