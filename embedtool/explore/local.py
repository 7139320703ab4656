"""The map page on this machine: a small server that only this machine reaches.

In: Mapped models and a port. Out: a server that gives the page, and each of its parts when it is
asked for, so that a question can be put before the map is worked out.
"""

import sys
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import Any

from embedtool.errors import EmbedtoolError, OutputError
from embedtool.explore.page import PARTS, page
from embedtool.explore.points import Mapped
from embedtool.files import text_bytes

HOST = "127.0.0.1"
PREFIX = "/parts/"


class MapServer(ThreadingHTTPServer):
    """Serves the page of some models on loopback; port 0 is any that is free.

    Raises MissingExtraError without Bokeh, OutputError where the port cannot be had.
    """

    daemon_threads = True

    def __init__(self, models: Sequence[Mapped], port: int) -> None:
        self.models = models
        self.page = text_bytes(page(models, whole=False))
        self._quick, self._slow = Lock(), Lock()
        try:
            super().__init__((HOST, port), _Handler)
        except OSError as error:
            raise OutputError(f"port {port} cannot be had: {error.strerror}") from None

    @property
    def address(self) -> str:
        """Where a browser finds the page."""
        return f"http://{HOST}:{self.server_port}/"

    def body(self, path: str) -> bytes | None:
        """What stands at a path; None: nothing.

        One part at a time is worked out, but the points, which take long, beside the others.
        """
        if path == "/":
            return self.page
        place, _, kind = path.removeprefix(PREFIX).partition("-")
        known = path.startswith(PREFIX) and kind in PARTS and place.isdecimal()
        if not known or int(place) >= len(self.models):
            return None
        with self._slow if kind == "points" else self._quick:
            return PARTS[kind](self.models[int(place)])

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Tell of an error, but of a browser that has gone."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: MapServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        # another site's page that calls itself this address is another host
        hosts = {f"{name}:{self.server.server_port}" for name in (HOST, "localhost")}
        if self.headers.get("Host") not in hosts:
            return self._answer(HTTPStatus.FORBIDDEN, b"no such host", "text/plain")
        try:
            body = self.server.body(self.path.partition("?")[0])
        except EmbedtoolError as error:
            return self._answer(HTTPStatus.NOT_IMPLEMENTED, str(error).encode(), "text/plain")
        if body is None:
            return self._answer(HTTPStatus.NOT_FOUND, b"no such page", "text/plain")
        kind = "text/html; charset=utf-8" if self.path == "/" else "application/octet-stream"
        return self._answer(HTTPStatus.OK, body, kind)

    def _answer(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads which parts the page has asked for."""
