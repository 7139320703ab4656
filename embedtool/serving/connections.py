"""HTTP connections with time limits, of which the idlest is closed where there are too many.

In: what uvicorn's protocol sees of a connection. Out: the same, without the connections that are
silent, send a request too slowly, or do not read their answer.
"""

import asyncio
from typing import ClassVar

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from embedtool.serving.limits import (
    BODY_SECONDS,
    HEAD_SECONDS,
    MAX_CONNECTIONS,
    SPARE_FILES,
    STALL_SECONDS,
)

GRACE_SECONDS = 2.0
"""Beyond BODY_SECONDS: the application has the same limit, and answers with an error first."""
TOO_SLOW = b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


def max_connections() -> int:
    """How many connections may be open at once: MAX_CONNECTIONS, or what `ulimit -n` allows."""
    from resource import RLIMIT_NOFILE, getrlimit

    return max(1, min(MAX_CONNECTIONS, getrlimit(RLIMIT_NOFILE)[0] - SPARE_FILES))


class LimitedProtocol(H11Protocol):  # type: ignore[misc]
    """A connection whose client has a limited time for each part of a request and an answer.

    uvicorn by itself limits only the pause after an answer, and any byte ends that limit. Here a
    head and a body each have one deadline, which no byte puts off.
    """

    seconds: ClassVar = {"head": HEAD_SECONDS, "body": BODY_SECONDS + GRACE_SECONDS}
    stall_seconds = STALL_SECONDS
    phase = ""
    """head or body: it is arriving; idle: between two requests; answer: a request is in hand."""
    since = 0.0
    """When the phase began, in seconds of the event loop."""
    arriving: asyncio.TimerHandle | None = None
    taking: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Expect a request. Where there are too many connections, close the idlest."""
        super().connection_made(transport)
        self._follow()
        if len(self.connections) >= self.limit_concurrency:
            waiting = [each for each in self.connections if each.waits and each is not self]
            if waiting:  # for the rest of a request only where none waits for the beginning
                idlest = min(waiting, key=lambda each: (each.is_begun, each.since))
                self.connections.discard(idlest)
                idlest.transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadlines."""
        for timer in (self.arriving, self.taking):
            if timer is not None:
                timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come, and see what is still to come."""
        super().data_received(data)
        self._follow()

    def on_response_complete(self) -> None:
        """Expect the next request, and that the answer is taken."""
        super().on_response_complete()
        self._follow()
        self._expect_taking()

    def pause_writing(self) -> None:
        """Expect that what has been written is taken."""
        super().pause_writing()
        self._expect_taking()

    @property
    def waits(self) -> bool:
        """Whether nothing happens until the client does something."""
        return self.phase != "answer" or self.transport.get_write_buffer_size() > 0

    @property
    def is_begun(self) -> bool:
        """Whether the head of a request has arrived whose answer is not taken yet."""
        return self.phase not in ("head", "idle") or self.transport.get_write_buffer_size() > 0

    def _follow(self) -> None:
        """See which phase the connection is in; a new one has its own deadline."""
        phase = "answer"
        if self.conn.their_state is h11.IDLE:
            begun = self.cycle is None or self.conn.trailing_data[0]
            phase = "head" if begun else "idle"
        elif self.conn.their_state is h11.SEND_BODY:
            phase = "body"
        if phase == self.phase:
            return
        self.phase, self.since = phase, self.loop.time()
        if self.arriving is not None:
            self.arriving.cancel()
        self.arriving = None
        if phase in self.seconds:
            self.arriving = self.loop.call_later(self.seconds[phase], self._end)

    def _end(self) -> None:
        """Close a connection whose request has not arrived in time."""
        if self.phase == "head" and self.conn.trailing_data[0]:
            self.transport.write(TOO_SLOW)
        self.transport.close()
        self._expect_taking()

    def _expect_taking(self) -> None:
        size = self.transport.get_write_buffer_size()
        if size and self.taking is None:
            self.taking = self.loop.call_later(self.stall_seconds, self._see_taken, size)

    def _see_taken(self, before: int) -> None:
        """End a connection whose client has taken nothing since so many bytes waited for it."""
        self.taking = None
        if self.transport.get_write_buffer_size() >= before:
            self.transport.abort()
        else:
            self._expect_taking()
