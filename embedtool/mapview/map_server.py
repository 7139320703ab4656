"""The server of the map page, on loopback.

It sends the page, and payloads on request: words can be searched before the layout is computed.
"""

import socket
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from embedtool.errors import EmbedtoolError, OutputError
from embedtool.io.atomic import text_bytes
from embedtool.mapview.map_data import MapData
from embedtool.mapview.page import PAYLOADS, page

HOST = "127.0.0.1"
NAMES = {HOST, "localhost", "::1"}
"""Host names in requests from a browser on this machine, or through a tunnel."""
PREFIX = "/payloads/"
HTML, BYTES, TEXT = "text/html; charset=utf-8", "application/octet-stream", "text/plain"
MAX_CONNECTIONS = 64
"""Maximum connections, each with a thread; a browser opens six."""
CHUNK_BYTES = 2**16
"""Bytes of an answer that are written at a time; a browser has STALL_SECONDS to read them."""
HEAD_SECONDS = 10.0
"""Timeout of the head of a request, which a browser sends at once."""
STALL_SECONDS = 20.0
"""Time within which a browser must read some of a pending answer."""


class MapServer(ThreadingHTTPServer):
    """A server of the page of one or two models, on loopback.

    Parameters
    ----------
    port : int
        The port; 0 for any free one.

    Raises
    ------
    MissingExtraError
        If Bokeh is not installed.
    OutputError
        If the port cannot be used.
    """

    daemon_threads = True
    head_seconds = HEAD_SECONDS

    def __init__(self, models: Sequence[MapData], port: int) -> None:
        self.models = models
        self.page = text_bytes(page(models, embed=False))
        self._fast, self._slow = Lock(), Lock()
        self._waiting: dict[socket.socket, float] = {}
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise OutputError(f"port {port} cannot be used: {error.strerror}") from None

    @property
    def address(self) -> str:
        """The URL of the page."""
        return f"http://{HOST}:{self.server_port}/"

    def resource(self, path: str) -> tuple[bytes, str] | None:
        """Return the content of a path and its media type; None if there is none.

        One payload is computed at a time, except that the slow points do not block the others.
        """
        if path == "/":
            return self.page, HTML
        index, _, kind = path.removeprefix(PREFIX).partition("-")
        is_known = path.startswith(PREFIX) and kind in PAYLOADS and index.isdecimal()
        if not is_known or int(index) >= len(self.models):
            return None
        with self._slow if kind == "points" else self._fast:
            return PAYLOADS[kind](self.models[int(index)]), BYTES

    def await_request(self, connection: socket.socket) -> None:
        """Start the deadline of a request's head; if too many connections wait, end the first."""
        waiting = list(self._waiting)
        if len(waiting) >= MAX_CONNECTIONS:
            self._end(waiting[0])
        self._waiting[connection] = time.monotonic() + self.head_seconds

    def has_request(self, connection: socket.socket) -> None:
        """Cancel the deadline of a connection."""
        self._waiting.pop(connection, None)

    def service_actions(self) -> None:
        """End connections whose request has not arrived in time; runs twice a second."""
        now = time.monotonic()
        for connection, deadline in list(self._waiting.items()):
            if deadline < now:
                self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        """Shut a connection down, so that the thread that reads from it ends."""
        if self._waiting.pop(connection, None) is not None:
            with suppress(OSError):  # the client may have disconnected
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Print an error, unless a browser has disconnected."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: MapServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = STALL_SECONDS

    def handle_one_request(self) -> None:
        """Wait for a request for a limited time, and answer it."""
        self.server.await_request(self.connection)
        try:
            super().handle_one_request()
        finally:
            self.server.has_request(self.connection)

    def parse_request(self) -> bool:
        """Parse the head of a request, which has arrived in time."""
        try:
            return super().parse_request()
        finally:
            self.server.has_request(self.connection)

    def do_GET(self) -> None:
        if not self._is_local():
            port = self.server.server_port
            advice = (
                f"The map is only for this machine: open {self.server.address} here. From another "
                f"machine: ssh -L {port}:{HOST}:{port} NAME-OF-THIS-MACHINE, and the same address "
                "there.\n"
            )
            return self._answer(HTTPStatus.FORBIDDEN, advice.encode(), TEXT)
        try:
            resource = self.server.resource(self.path.partition("?")[0])
        except EmbedtoolError as error:
            return self._answer(HTTPStatus.NOT_IMPLEMENTED, str(error).encode(), TEXT)
        if resource is None:
            return self._answer(HTTPStatus.NOT_FOUND, b"no such page\n", TEXT)
        return self._answer(HTTPStatus.OK, *resource)

    do_HEAD = do_GET  # noqa: N815 (the name is http.server's)

    def do_POST(self) -> None:
        self.close_connection = True  # the rest of the request is unread
        self._answer(HTTPStatus.METHOD_NOT_ALLOWED, b"the map is only read\n", TEXT)

    do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_POST  # noqa: N815

    def _is_local(self) -> bool:
        """Return whether the request's Host is this machine, with any port (as of a tunnel).

        A page of another site whose name resolves to this address (DNS rebinding) has another Host.
        """
        try:
            return urlsplit(f"//{self.headers.get('Host', '')}").hostname in NAMES
        except ValueError:
            return False

    def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        if status == HTTPStatus.METHOD_NOT_ALLOWED:
            self.send_header("Allow", "GET, HEAD")
        self.end_headers()
        if self.command == "HEAD":
            return
        for first in range(0, len(body), CHUNK_BYTES):
            self.wfile.write(body[first : first + CHUNK_BYTES])

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
