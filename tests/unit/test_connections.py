"""Connections to the server: answered at once, and closed where the client does nothing."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPResponse
from threading import Thread
from typing import Any

import pytest

from embedtool.cli.commands import serve
from embedtool.serving import connections
from embedtool.serving.connections import LimitedProtocol
from embedtool.serving.endpoints import ServedModel
from tests.factories import numbered_words, word_vectors

HEALTH = b"GET /health HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = (
    b"POST /vector HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    b"Content-Length: %d\r\n\r\n"
)
WAIT = 60
"""Seconds until a test fails; none waits so long where the server does what it should."""
SOON = 0.2
"""Seconds of a limit that is to be reached."""


@contextmanager
def running() -> Iterator[tuple[Any, tuple[str, int]]]:
    """A server in this process, and its address."""
    served = ServedModel(word_vectors(numbered_words(200), 300))
    with serve._listening("127.0.0.1", 0) as listener:
        server = serve._server(served, None, (), False)
        thread = Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield server, listener.getsockname()
        finally:
            server.should_exit = True
            thread.join(WAIT)


def connect(address: tuple[str, int]) -> socket.socket:
    return socket.create_connection(address, WAIT)


def read_all(connection: socket.socket) -> bytes:
    """What comes until the server closes the connection."""
    try:
        return b"".join(iter(lambda: connection.recv(4096), b""))
    except ConnectionResetError:
        return b""


def ask(connection: socket.socket, request: bytes = HEALTH) -> bytes:
    """The status line of the answer to a request, which is read whole."""
    connection.sendall(request)
    answer = HTTPResponse(connection)
    answer.begin()
    answer.read()
    return f"HTTP/1.1 {answer.status} {answer.reason}".encode()


def test_accepted_sockets_do_not_wait_for_acknowledgements() -> None:
    with running() as (server, address), connect(address) as connection:
        assert ask(connection) == b"HTTP/1.1 200 OK"
        (accepted,) = server.server_state.connections
        there = accepted.transport.get_extra_info("socket")
        assert there.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0


def drip(connection: socket.socket, text: bytes) -> None:
    """Send a byte at a time, until the server has closed the connection."""
    for i in range(len(text)):
        try:
            connection.sendall(text[i : i + 1])
        except OSError:
            return
        time.sleep(SOON / 10)


TIMED_OUT = b"HTTP/1.1 408 Request Timeout"


@pytest.mark.parametrize(
    ("send", "answer"),
    [
        (lambda c: None, b""),
        (lambda c: c.sendall(HEALTH[:20]), TIMED_OUT),
        (lambda c: drip(c, b"GET /health HTTP/1.1\r\nX: " + b"x" * 10_000), None),
    ],
    ids=["silence", "half a head", "a slow head"],
)
def test_a_request_that_does_not_arrive_ends_its_connection(
    send: Callable[[socket.socket], None], answer: bytes | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with running() as (_, address):
        with monkeypatch.context() as patch:
            patch.setitem(LimitedProtocol.time_limits, "head", SOON)
            with connect(address) as connection:
                send(connection)
                said = read_all(connection)
        assert answer is None or said.partition(b"\r\n")[0] == answer
        with connect(address) as another:
            assert ask(another) == b"HTTP/1.1 200 OK"


def test_a_connection_that_idles_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "IDLE_SECONDS", SOON)
    with running() as (_, address), connect(address) as connection:
        assert ask(connection) == b"HTTP/1.1 200 OK"
        assert read_all(connection) == b""
        with connect(address) as another:
            assert ask(another) == b"HTTP/1.1 200 OK"


def test_a_second_request_that_does_not_arrive_ends_its_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running() as (_, address), connect(address) as connection:
        assert ask(connection) == b"HTTP/1.1 200 OK"
        with monkeypatch.context() as patch:
            patch.setitem(LimitedProtocol.time_limits, "head", SOON)
            connection.sendall(HEALTH[:20])
            assert read_all(connection).partition(b"\r\n")[0] == TIMED_OUT
        with connect(address) as another:
            assert ask(another) == b"HTTP/1.1 200 OK"


@pytest.mark.parametrize("path", [b"/health", b"/no-such-path", b"/vector"])
def test_a_body_that_does_not_arrive_ends_its_connection(
    path: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(LimitedProtocol.time_limits, "body", SOON)
    with running() as (_, address), connect(address) as connection:
        connection.sendall(POST.replace(b"/vector", path) % 1_000_000)
        drip(connection, b" " * 10_000)
        read_all(connection)
        assert connection.recv(1) == b""


def test_an_answer_that_is_not_read_ends_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedProtocol, "stall_seconds", SOON)
    body = b'{"words": [' + b", ".join([b'"w1"'] * 100) + b"]}"
    with running() as (server, address), connect(address) as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        for _ in range(50):  # more than the system's buffers hold
            connection.sendall(POST % len(body) + body)
        while server.server_state.connections:
            time.sleep(SOON / 10)
        with connect(address) as another:
            assert ask(another) == b"HTTP/1.1 200 OK"


def test_connections_that_wait_make_room_for_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_CONNECTIONS", 8)
    with running() as (_, address), ExitStack() as crowd:
        for number in range(20):
            each = crowd.enter_context(connect(address))
            if number % 4 == 1:
                each.sendall(HEALTH[:10])
            if number % 4 == 2:
                each.sendall(POST % 100)
            if number % 4 == 3:
                assert ask(each) == b"HTTP/1.1 200 OK"
        with connect(address) as another:
            for _ in range(3):
                assert ask(another) == b"HTTP/1.1 200 OK"


def test_connections_are_fewer_than_the_files_that_may_be_open(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for files, most in ((1024, 896), (256, 128), (10**6, 1000), (30, 1), (None, 1000)):
        monkeypatch.setattr(connections, "max_open_files", lambda files=files: files)
        assert connections.max_connections() == most
