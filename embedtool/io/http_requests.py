"""HTTP requests for a file or the rest of it, and which of their faults are transient."""

import re
from base64 import b64encode
from collections.abc import Mapping, Sequence
from email.message import Message
from http import HTTPStatus
from http.client import HTTPException, HTTPMessage, HTTPResponse
from ssl import SSLCertVerificationError
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, unquote, urlsplit, urlunsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from embedtool import __version__
from embedtool.errors import CorpusError

RETRY_DELAYS = (1.0, 2.0, 4.0)
"""Seconds between attempts without progress; after the last delay comes the last attempt."""
TIMEOUT_SECONDS = 30.0
"""Timeout of the server in one attempt."""
TRANSIENT_STATUSES = {
    HTTPStatus.REQUEST_TIMEOUT,
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.BAD_GATEWAY,
    HTTPStatus.SERVICE_UNAVAILABLE,
    HTTPStatus.GATEWAY_TIMEOUT,
}
SAFE = "%/?:@!$&'()*+,;=~"
"""Characters of paths and queries that stand for themselves; `%` begins what is quoted already."""
CREDENTIALS = re.compile(r"(?<=://)[^/?#]*@")
CONTENT_RANGE = re.compile(r"bytes (?:(\d{1,18})-\d+|\*)/(\d{1,18})(?!\d)", re.ASCII)
SCHEMES = ("http", "https")
READ_ERRORS = (OSError, HTTPException)
"""What reading from a broken connection raises."""


class TransientError(Exception):
    """A fault after which a request is repeated."""


class Attempts:
    """The attempts to fetch a file; those after progress count anew.

    Parameters
    ----------
    delays : sequence of float
        Seconds to wait before each further attempt.
    farthest : int
        Bytes received before.
    """

    def __init__(self, delays: Sequence[float] = RETRY_DELAYS, farthest: int = 0) -> None:
        self._delays = delays
        self._farthest = farthest
        self._failures = 0

    def next_delay(self, n_received: int) -> float | None:
        """Return the seconds before the next attempt, or None if there is none.

        Parameters
        ----------
        n_received : int
            Bytes received when the attempt failed.
        """
        if n_received > self._farthest:
            self._farthest, self._failures = n_received, 0
        if self._failures == len(self._delays):
            return None
        self._failures += 1
        return self._delays[self._failures - 1]


def request(url: str, start: int, validator: str) -> HTTPResponse:
    """Request a file from byte `start` on, if it is still the one that a validator identifies.

    Raises
    ------
    HTTPError
        If the server refuses.
    TransientError
        If it cannot be reached.
    CorpusError
        If the address is none.
    """
    headers = {"User-Agent": f"embedtool/{__version__}"}
    if start:
        headers["Range"] = f"bytes={start}-"
        if validator:
            headers["If-Range"] = validator
    try:
        opener = build_opener(_WebRedirects)
        response: HTTPResponse = opener.open(_request_of(url, headers), timeout=TIMEOUT_SECONDS)
    except HTTPError:
        raise
    except URLError as error:
        if isinstance(error.reason, SSLCertVerificationError):
            raise CorpusError(
                f"{shown(url)}: the server's certificate is not valid: "
                f"{error.reason.verify_message}"
            ) from None
        raise TransientError(f"cannot be reached: {reason(error.reason)}") from None
    except READ_ERRORS as error:
        raise TransientError(f"cannot be reached: {reason(error)}") from None
    return response


class _WebRedirects(HTTPRedirectHandler):
    """Redirects to addresses of the web only; urllib's own go to FTP as well."""

    def http_error_302(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage
    ) -> Any:
        """Return the response from the new address, or None, which refuses it."""
        try:
            return super().http_error_302(req, fp, code, msg, headers)
        except ValueError:  # it is no address
            return None

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302

    def redirect_request(
        self, req: Request, fp: IO[bytes], code: int, msg: str, headers: HTTPMessage, newurl: str
    ) -> Request | None:
        """Return the request for the new address, or None, which refuses it."""
        if urlsplit(newurl).scheme.lower() not in SCHEMES:
            return None
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _request_of(url: str, headers: Mapping[str, str]) -> Request:
    """Return a request for an address, which may hold a user's name and characters beyond ASCII."""
    try:
        parts = urlsplit(url)
        host = parts.netloc.rpartition("@")[2]
        if parts.scheme not in SCHEMES or not parts.hostname or parts.port == 0:
            raise ValueError("it is not like https://HOST/PATH")
        if not host.isascii():
            host = host.encode("idna").decode()
    except ValueError as error:
        raise CorpusError(f"{shown(url)}: is no address of a file on the web: {error}") from None
    path, query = quote(parts.path, SAFE), quote(parts.query, SAFE)
    request = Request(urlunsplit((parts.scheme, host, path, query, "")), headers=dict(headers))
    if parts.username is not None:
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        token = b64encode(credentials.encode()).decode()
        request.add_unredirected_header("Authorization", f"Basic {token}")
    return request


def shown(url: str) -> str:
    """Return an address without the name and password of a user, for messages."""
    return CREDENTIALS.sub("", url, count=1)


def refusal(url: str, error: HTTPError) -> Exception:
    """Return the error for a status that the server answers: TransientError or CorpusError."""
    status = f"the server answers {error.code} {error.reason}"
    if error.code in TRANSIENT_STATUSES:
        return TransientError(status)
    if HTTPStatus.MULTIPLE_CHOICES <= error.code < HTTPStatus.BAD_REQUEST:
        return CorpusError(f"{shown(url)}: the server redirects without end, or to no web address")
    return CorpusError(f"{shown(url)}: {status}: there is no such file, or it is not for everyone")


def content_range(headers: Message) -> tuple[int | None, int | None]:
    """Return the first byte of a response and the size of the whole file, by its Content-Range."""
    match = CONTENT_RANGE.match(headers.get("Content-Range", ""))
    if not match:
        return None, None
    return int(match[1]) if match[1] else None, int(match[2])


def validator_of(headers: Message) -> str:
    """Return what identifies this version of a file: a strong ETag, or its date; may be empty."""
    etag = str(headers.get("ETag", ""))
    return etag if etag.startswith('"') else str(headers.get("Last-Modified", ""))


def is_same_version(validator: str, headers: Message) -> bool:
    """Return whether a part of a file may be of the version that a validator identifies.

    A server that ignores If-Range sends parts of another; one that heeds it may leave the date out.
    """
    header = "ETag" if validator.startswith('"') else "Last-Modified"
    return headers.get(header, validator) == validator


def reason(error: BaseException | str) -> str:
    """Return the reason of a fault, for a message."""
    if isinstance(error, OSError):
        return error.strerror or str(error) or type(error).__name__
    return str(error) or type(error).__name__
