"""Connections to the small server of the map: answered at once, closed where nothing comes."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from threading import Event, Thread
from typing import Any

import pytest

from embedtool.mapview import map_server
from embedtool.mapview.map_server import MapServer

WAIT = 60
PAGE = "<p>" + "x" * 10**6


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[MapServer]:
    monkeypatch.setattr(map_server, "page", lambda *args, **options: PAGE)
    with MapServer([], 0) as server:
        thread = Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        yield server
        server.shutdown()
        thread.join(WAIT)


def connect(server: MapServer) -> socket.socket:
    return socket.create_connection(server.server_address, WAIT)


def status(server: MapServer) -> int:
    connection = HTTPConnection(*server.server_address, timeout=WAIT)
    connection.request("GET", "/")
    answer = connection.getresponse()
    assert answer.read().decode() == PAGE
    connection.close()
    return answer.status


def test_accepted_sockets_do_not_wait_for_acknowledgements(server: MapServer) -> None:
    seen = []

    class Handler(map_server._Handler):
        def do_GET(self) -> None:  # noqa: N802
            seen.append(self.connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            super().do_GET()

    server.RequestHandlerClass = Handler
    assert status(server) == 200
    assert seen[0] != 0


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nHost: local"])
def test_a_request_that_does_not_arrive_ends_its_connection(
    begun: bytes, server: MapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "head_seconds", 0.1)
    with connect(server) as connection:
        connection.sendall(begun)
        while connection.recv(4096):
            pass


def test_connections_that_wait_make_room_for_others(
    server: MapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_server, "MAX_CONNECTIONS", 4)
    with ExitStack() as crowd:
        first: Any = crowd.enter_context(connect(server))
        for _ in range(8):
            crowd.enter_context(connect(server))
        assert first.recv(1) == b""
        assert status(server) == 200


def test_a_page_that_is_not_read_ends_its_connection(
    server: MapServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(map_server._Handler, "timeout", 0.1)
    monkeypatch.setattr(server, "page", b"x" * 10**8)
    ended = Event()

    def shut(request: socket.socket) -> None:
        request.close()
        ended.set()

    monkeypatch.setattr(server, "shutdown_request", shut)
    with connect(server) as connection:
        host = f"Host: localhost:{server.server_port}"
        connection.sendall(f"GET / HTTP/1.1\r\n{host}\r\n\r\n".encode())
        assert ended.wait(WAIT)
