"""As much of Amazon's S3 as reading takes: ListObjectsV2, HEAD, and GET with Range, over HTTP."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import gmtime, strftime
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

LIST = '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{}</ListBucketResult>'
ERROR = "<Error><Code>{0}</Code><Message>{0}</Message></Error>"
STATUS = {"NoSuchBucket": 404, "NoSuchKey": 404, "AccessDenied": 403, "InvalidRange": 416}


class S3Server(ThreadingHTTPServer):
    """One bucket, in memory.

    requests : the method and address of each request so far
    denied   : whether every request is
    n_listed : the most keys that an answer to a listing holds
    """

    def __init__(self, bucket: str = "bucket") -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.bucket = bucket
        self.files: dict[str, tuple[bytes, int]] = {}
        self.requests: list[str] = []
        self.denied = False
        self.n_listed = 1000

    def put(self, key: str, data: bytes, seconds: int = 1_700_000_000) -> str:
        """Store a file, changed at a time, and return its address."""
        self.files[key] = (data, seconds)
        return self.address(key)

    def address(self, path: str, store: str = "key:secret@bucket") -> str:
        """The address of a path in a bucket of this server."""
        endpoint = f"endpoint_override=127.0.0.1:{self.server_port}&scheme=http"
        return f"s3://{store}/{path}?{endpoint}"


class Handler(BaseHTTPRequestHandler):
    """Answers a request."""

    server: S3Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """A listing, or a file or a range of it."""
        url = urlsplit(self.path)
        _, bucket, key = [*unquote(url.path).split("/", 2), ""][:3]
        self.server.requests.append(f"{self.command} {self.path}")
        if self.server.denied:
            self._refuse("AccessDenied")
        elif bucket != self.server.bucket:
            self._refuse("NoSuchBucket")
        elif not key:
            options = {name: values[0] for name, values in parse_qs(url.query).items()}
            self._answer(200, LIST.format("".join(self._listing(options))).encode())
        elif key not in self.server.files:
            self._refuse("NoSuchKey")
        else:
            self._send(*self.server.files[key])

    do_HEAD = do_GET  # noqa: N815

    def _send(self, data: bytes, seconds: int) -> None:
        headers = {
            "Last-Modified": formatdate(seconds, usegmt=True),
            "ETag": f'"{hashlib.md5(data).hexdigest()}"',
        }
        asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if asked is None:
            self._answer(200, data, headers)
        elif int(asked[1]) >= len(data):
            self._refuse("InvalidRange")
        else:
            start, stop = int(asked[1]), min(int(asked[2]) + 1, len(data))
            headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(data)}"
            self._answer(206, data[start:stop], headers)

    def _listing(self, options: dict[str, str]) -> Iterator[str]:
        """The answer to ListObjectsV2: keys, and what stands for all that begin alike."""
        prefix, delimiter = options.get("prefix", ""), options.get("delimiter")
        found: dict[str, bool] = {}
        for key in sorted(self.server.files):
            if key.startswith(prefix):
                end = key.find(delimiter, len(prefix)) + 1 if delimiter else 0
                found[key[:end] if end else key] = bool(end)
        after = options.get("continuation-token", "")
        left = [name for name in found if name > after]
        listed = left[: min(self.server.n_listed, int(options.get("max-keys", 1000)))]
        for name in listed:
            if found[name]:
                yield f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
            else:
                data, seconds = self.server.files[name]
                when = strftime("%Y-%m-%dT%H:%M:%S.000Z", gmtime(seconds))
                yield (
                    f"<Contents><Key>{escape(name)}</Key><Size>{len(data)}</Size>"
                    f"<LastModified>{when}</LastModified></Contents>"
                )
        yield f"<KeyCount>{len(listed)}</KeyCount>"
        yield f"<IsTruncated>{str(len(listed) < len(left)).lower()}</IsTruncated>"
        if listed and len(listed) < len(left):
            yield f"<NextContinuationToken>{escape(listed[-1])}</NextContinuationToken>"

    def _refuse(self, code: str) -> None:
        self._answer(STATUS[code], ERROR.format(code).encode())

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def serving() -> Iterator[S3Server]:
    """A server that answers."""
    with S3Server() as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        try:
            yield server
        finally:
            server.shutdown()
