"""Downloads: resumed, retried on transient errors, and verified.

The file gets its name when it is complete; until then it is FILE.part.
"""

import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from email.message import Message
from http import HTTPStatus
from http.client import HTTPResponse
from pathlib import Path
from typing import BinaryIO
from urllib.error import HTTPError

from embedtool.errors import CorpusError, OutputError
from embedtool.io.atomic import sync
from embedtool.io.checksums import mismatch
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
from embedtool.io.locks import lock_file
from embedtool.io.progress import Progress, Report, silent
from embedtool.messages import counted

log = logging.getLogger(__name__)

CHUNK_BYTES = 2**16


def download(
    url: str,
    path: Path,
    *,
    size: int | None = None,
    sha256: str | None = None,
    md5: str | None = None,
    report: Report = silent,
    retry_delays: Sequence[float] = RETRY_DELAYS,
) -> None:
    """Download a file, resuming an earlier attempt.

    An attempt is resumed only if the server confirms that the file is still the same (RFC 9110,
    If-Range), by the ETag or date that is stored in FILE.part.tag.

    Parameters
    ----------
    url : str
        The address.
    path : Path
        The target, which is replaced if it exists.
    size, sha256, md5 : int, str and str, optional
        The expected values, if known; the length given by the server is always checked.
    retry_delays : sequence of float
        Seconds to wait before each further attempt; the count restarts after progress.

    Raises
    ------
    CorpusError
        If the file cannot be fetched, or is not the one expected; then FILE.part is deleted.
    OutputError
        If it cannot be written.
    """
    part = path.with_name(f"{path.name}.part")
    tag = path.with_name(f"{path.name}.part.tag")
    try:
        with _locked(part, url) as file:
            _fetch(url, file, tag, size, report, retry_delays)
            file.flush()
            if sys.platform == "win32":  # which neither reads nor renames a file that is locked
                file.close()
            fault = mismatch(part, {"bytes": size, "sha256": sha256, "md5": md5})
            if fault:
                part.unlink()
                raise CorpusError(f"{shown(url)}: the file {fault}; it was deleted, try again")
            sync(part)
            part.replace(path)
            tag.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"{part}: cannot be written: {error.strerror or error}") from None


@contextmanager
def _locked(part: Path, url: str) -> Iterator[BinaryIO]:
    """Open and lock FILE.part for appending; delete it if it stays empty."""
    with part.open("ab") as file:
        try:
            lock_file(file.fileno())
        except BlockingIOError:
            raise CorpusError(
                f"{shown(url)}: another process is downloading it; wait for it"
            ) from None
        try:
            yield file
        finally:
            is_empty = not file.closed and not file.seek(0, os.SEEK_END)
            file.close()  # Windows keeps a file that is open
            if is_empty:
                part.unlink(missing_ok=True)


def _fetch(
    url: str,
    file: BinaryIO,
    tag: Path,
    size: int | None,
    report: Report,
    retry_delays: Sequence[float],
) -> None:
    """Retry until the file is complete."""
    attempts = Attempts(retry_delays, file.seek(0, os.SEEK_END))
    while True:
        try:
            return _try(url, file, tag, size, report)
        except TransientError as fault:
            arrived = file.seek(0, os.SEEK_END)
            delay = attempts.next_delay(arrived)
            if delay is None:
                kept = "; the received part is kept" if arrived and tag.exists() else ""
                raise CorpusError(f"{shown(url)}: {fault}{kept}; try again later") from None
            log.info("%s: %s; trying again in %g s", shown(url), fault, delay)
            time.sleep(delay)


def _try(url: str, file: BinaryIO, tag: Path, size: int | None, report: Report) -> None:
    """Request the missing bytes; return when the file is complete."""
    validator = tag.read_text("latin-1") if tag.exists() else ""
    start = file.seek(0, os.SEEK_END) if validator else 0
    try:
        response = request(url, start, validator)
    except HTTPError as error:
        with error:
            if error.code != HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise refusal(url, error) from None
            if start and content_range(error.headers)[1] == start:
                return
            tag.unlink(missing_ok=True)
            raise TransientError("the server has less than was received") from None
    with response:
        first, total = content_range(response.headers)
        if response.status == HTTPStatus.PARTIAL_CONTENT:
            if first != start or not is_same_version(validator, response.headers):
                tag.unlink(missing_ok=True)
                raise TransientError("the server sent a part of another version, or another part")
        else:
            start, total = 0, response.length or None
            file.truncate(0)
            _store_validator(tag, response.headers)
        if size is not None and total is not None and total != size:
            raise CorpusError(
                f"{shown(url)}: the file there has {counted(total, 'byte')}, {size:,} were "
                "expected: it is not the one that the recipe was made for"
            )
        _copy(response, file, start, total, report)


def _copy(
    response: HTTPResponse, file: BinaryIO, start: int, total: int | None, report: Report
) -> None:
    """Append the server's bytes; raise TransientError if there are fewer than announced."""
    done = start
    report(Progress("downloading", done, total, "bytes", begins=True))
    while True:
        try:
            chunk = response.read1(CHUNK_BYTES)  # what has come, also before a timeout
        except READ_ERRORS as error:
            raise TransientError(f"the connection broke: {reason(error)}") from None
        if not chunk:
            break
        file.write(chunk)
        done += len(chunk)
        report(Progress("downloading", done, total, "bytes"))
    if total is not None and done < total:
        raise TransientError(f"the connection ended after {done:,} of {counted(total, 'byte')}")


def _store_validator(tag: Path, headers: Message) -> None:
    """Store the identifier of this version of the file: a strong ETag, or its date."""
    validator = validator_of(headers)
    if validator:
        tag.write_text(validator, "latin-1")
    else:
        tag.unlink(missing_ok=True)
