"""An HTTP server that plays every host of a download: resumed, cut, slow, moved, changed."""

import re
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import NamedTuple

RANGE = re.compile(r"bytes=(\d*)-(\d*)$")
SEND_BYTES = 2**14
"""Bytes that go out at once, so that a client that stops early is noticed."""
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER of a connection that is reset rather than ended."""


@dataclass
class WebFile:
    """One file on a web server, how the server behaves, and what was asked of it.

    Attributes
    ----------
    etag, modified : str or None
        The validators of the file.
    knows_range : bool
        Whether a part of the file can be asked for.
    names_length : bool
        Whether the answer has a Content-Length; otherwise its end is that of the connection.
    chunked : bool
        Whether the answer goes out in chunks, and so without a length.
    announced : int or None
        A wrong Content-Length of a whole file.
    refusals : list of int
        Statuses of the first answers.
    cuts : list of int
        The bytes of the file at which the connections of the first answers end.
    cut : int or None
        The byte at which those of all further answers end.
    resets : bool
        Whether a cut connection is reset, which a client sees as an error.
    is_silent : bool
        Whether no answer comes at all.
    stalls_at : int or None
        The byte of the file at which an answer that began before it stalls: nothing comes any more,
        while the connection stays.
    pause : float
        Seconds before each piece of SEND_BYTES.
    location : str or None
        Where the file is now: the answer is a redirect.
    headers : dict
        Further headers.
    on_answer : callable or None
        Called with each answer's number, from 0, before it begins.
    asked : list
        The Range of each request.
    sent : int
        Bytes that went out in all.
    """

    url: str = ""
    content: bytes = b""
    etag: str | None = '"first"'
    modified: str | None = None
    knows_range: bool = True
    names_length: bool = True
    chunked: bool = False
    announced: int | None = None
    refusals: list[int] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    cut: int | None = None
    resets: bool = False
    is_silent: bool = False
    stalls_at: int | None = None
    pause: float = 0
    location: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    on_answer: Callable[[int], None] | None = None
    asked: list[str | None] = field(default_factory=list)
    sent: int = 0


class Request(NamedTuple):
    """A request that came."""

    method: str
    path: str
    byte_range: str | None


class WebServer(ThreadingHTTPServer):
    """Files by their paths.

    requests : the requests so far
    authorization : the name and password that came with the last one
    released : set when clients that wait for ever are to be let go
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server_port}"
        self.files: dict[str, WebFile] = {}
        self.requests: list[Request] = []
        self.authorization: str | None = None
        self.released = Event()
        self.lock = Lock()

    def put(self, path: str, content: bytes = b"", **behaviour: object) -> WebFile:
        """Serve a file at a path, which begins with a slash and may have a query.

        The path `*` stands for all that have no file of their own.
        """
        url = self.address + path.replace("*", "/file")
        self.files[path] = WebFile(url, content, **behaviour)  # type: ignore[arg-type]
        return self.files[path]

    @property
    def paths(self) -> list[str]:
        """The paths of the requests so far."""
        return [request.path for request in self.requests]

    @property
    def sent(self) -> int:
        """Bytes of files that went out in all."""
        return sum(file.sent for file in self.files.values())

    def forget(self) -> None:
        """Forget the requests so far."""
        self.requests.clear()
        for file in self.files.values():
            file.asked.clear()
            file.sent = 0

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no news."""


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    server: WebServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """A file, a part of it, or what the file is said to do."""
        file = self._found()
        with self.server.lock:
            self.server.requests.append(Request(self.command, self.path, self.headers["Range"]))
            self.server.authorization = self.headers["Authorization"]
            if file is not None:
                file.asked.append(self.headers["Range"])
                number = len(file.asked) - 1
                refusal = file.refusals.pop(0) if file.refusals else 0
        if file is None:
            self._end(404)
            return
        if file.on_answer:
            file.on_answer(number)
        if file.is_silent:
            self.server.released.wait()
            self.close_connection = True
        elif refusal:
            self._end(refusal, **file.headers)
        elif file.location is not None:
            self._end(302, Location=file.location, **file.headers)
        else:
            self._answer(file)

    do_HEAD = do_GET  # noqa: N815 (the name is http.server's)

    def _found(self) -> WebFile | None:
        files = self.server.files
        paths = (self.path, self.path.partition("?")[0], "*")
        return next((files[path] for path in paths if path in files), None)

    def _end(self, status: int, **headers: str) -> None:
        """Answer without a body."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _answer(self, file: WebFile) -> None:
        size = len(file.content)
        found = self._range(file)
        start, stop = found or (0, size)
        if found and start >= size:
            self._end(416, Content_Range=f"bytes */{size}")
            return
        self.send_response(206 if found else 200)
        part = f"bytes {start}-{stop - 1}/{size}" if found else None
        known = {"ETag": file.etag, "Last-Modified": file.modified, "Content-Range": part}
        for name, value in (known | file.headers).items():
            if value is not None:
                self.send_header(name, value)
        if file.knows_range:
            self.send_header("Accept-Ranges", "bytes")
        if file.chunked:
            self.send_header("Transfer-Encoding", "chunked")
        elif file.names_length:
            announced = None if found else file.announced
            self.send_header(
                "Content-Length", str(stop - start if announced is None else announced)
            )
        else:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if self.command == "GET":
            self._send(file, start, stop)

    def _range(self, file: WebFile) -> tuple[int, int] | None:
        """Return the first byte that is asked for, and the one after the last; None for all."""
        match = RANGE.match(self.headers["Range"] or "")
        if not match or not file.knows_range:
            return None
        condition = self.headers["If-Range"]
        if condition is not None and condition not in (file.etag, file.modified):
            return None
        size = len(file.content)
        if not match[1]:
            return max(0, size - int(match[2])), size
        return int(match[1]), min(size, int(match[2]) + 1) if match[2] else size

    def _send(self, file: WebFile, start: int, stop: int) -> None:
        """Send bytes of a file, as far as its faults let them through."""
        with self.server.lock:
            cut = file.cuts.pop(0) if file.cuts else file.cut
        stall = file.stalls_at if file.stalls_at is not None and start <= file.stalls_at else None
        limits = [limit for limit in (cut, stall) if limit is not None]
        end = max(start, min([stop, *limits]))
        for first in range(start, end, SEND_BYTES):
            piece = file.content[first : min(first + SEND_BYTES, end)]
            if file.pause:
                self.server.released.wait(file.pause)
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if file.chunked else piece)
            with self.server.lock:
                file.sent += len(piece)
        if end == stall:
            self.server.released.wait()
        if end < stop or (file.announced or 0) > len(file.content):
            self.close_connection = True
            if file.resets:
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
        elif file.chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[WebServer]:
    """Serve files while the block runs."""
    with WebServer() as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            server.shutdown()
            thread.join()
