"""Sources of text: files, folders, patterns, URLs and standard input, compressed or not."""

import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from glob import glob, has_magic
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, cast

from embedtool.corpus.object_stores import (
    error_reason,
    find_in_store,
    is_store,
    open_in_store,
    signature_in_store,
    without_credentials,
)
from embedtool.corpus.waiting import TimedStream, wait_for_answer
from embedtool.errors import CorpusError
from embedtool.io.compression import damage_errors, decompressed
from embedtool.io.paths import exists, is_web

STDIN = "-"


HTTP_TIMEOUT_SECONDS = 20.0
"""Timeout of a server; less than ANSWER_SECONDS, so that the library's own error is shown."""
URL_BYTES = 2**17
"""Bytes read from a URL at once."""

Inputs = str | os.PathLike[str] | Iterable[str | os.PathLike[str] | Sequence[str]]
"""One input of a corpus, several, or sentences that are lists of tokens."""
FileSignature = tuple[int, int] | None
"""Size in bytes and modification time in nanoseconds; None if there is no file."""
CONCURRENT_REQUESTS = 32
"""Signatures requested concurrently: a store takes some tens of milliseconds for one."""


def find_sources(inputs: Inputs) -> list[str]:
    """Return the files that the inputs resolve to, in the order given.

    Parameters
    ----------
    inputs : str, Path or iterable of these
        An input is a file, a folder (all files below it, sorted, without hidden ones), a glob
        pattern (with `**`; sorted), any of these in a store (s3://, gs://, hdfs://), another URL
        that smart_open reads (https://, ...), or `-` for standard input.

    Raises
    ------
    CorpusError
        If an input does not exist, has no files, or is not a name.
    """
    sources: list[str] = []
    for each in _names(inputs):
        path = Path(each)
        if is_store(each):
            sources += find_in_store(each)
        elif each == STDIN or is_url(each):
            sources.append(each)
        elif each and exists(path, CorpusError):
            sources += _files_below(path) if path.is_dir() else [each]
        elif has_magic(each):
            names = sorted(glob(each, recursive=True))  # noqa: PTH207 - takes absolute patterns
            matches = [name for name in names if Path(name).is_file()]
            if not matches:
                raise CorpusError(f"{each}: no file matches this pattern")
            sources += matches
        else:
            raise CorpusError(f"{each or repr(each)}: no such file or folder")
    if sources.count(STDIN) > 1:
        raise CorpusError("standard input (-) can be read only once")
    return sources


def _names(inputs: Inputs) -> Iterator[str]:
    """Yield the names of inputs, after checking their types."""
    one = isinstance(inputs, str | bytes | os.PathLike) or not isinstance(inputs, Iterable)
    names: Iterable[object] = [inputs] if one else cast(Iterable[object], inputs)
    for each in names:
        name = os.fspath(each) if isinstance(each, str | os.PathLike) else each
        if not isinstance(name, str):
            raise not_a_corpus(each)
        yield name


def not_a_corpus(given: object) -> CorpusError:
    """Return the error for what is neither the name of a file nor a list of tokens."""
    return CorpusError(
        f"a corpus is the names of files, or lists of tokens, not {type(given).__name__}"
    )


def is_url(source: str) -> bool:
    """Return whether a source is a URL rather than a path."""
    return "://" in source


def display_name(source: str) -> str:
    """Return the name of a source for messages, without secrets."""
    return "standard input" if source == STDIN else without_credentials(source)


def absolute(source: str) -> str:
    """Return the absolute path of a source, or its URL."""
    return source if is_url(source) else str(Path(source).resolve())


def signature_of(source: str) -> FileSignature:
    """Return the signature of a source; None if it is not a file."""
    if is_store(source):
        return signature_in_store(source)
    if source == STDIN or is_url(source) or not Path(source).is_file():
        return None
    status = Path(source).stat()
    return status.st_size, status.st_mtime_ns


def signatures_of(sources: Sequence[str]) -> list[FileSignature]:
    """Return the signature of each source; those in stores are requested concurrently."""
    if not any(map(is_store, sources)):
        return list(map(signature_of, sources))
    with ThreadPoolExecutor(CONCURRENT_REQUESTS) as pool:
        return list(pool.map(signature_of, sources))


def total_size(sources: Sequence[str]) -> int | None:
    """Return the bytes of all sources as stored, compressed or not; None if one is unknown."""
    sizes = [signature[0] for signature in signatures_of(sources) if signature is not None]
    return sum(sizes) if len(sizes) == len(sources) else None


@contextmanager
def open_source(source: str) -> Iterator[tuple[BinaryIO, BinaryIO]]:
    """Open a source for reading; the kind of compression is found by content.

    Yields
    ------
    text : BinaryIO
        The decompressed bytes.
    raw : BinaryIO
        The underlying stream, for its position only.

    Raises
    ------
    CorpusError
        On any error of reading, within the block as well.
    """
    with ExitStack() as stack:
        try:
            raw = _open_raw(source, stack)
            text = decompressed(raw)
            if text is not raw:
                stack.enter_context(text)
            yield text, cast(BinaryIO, raw)
        except damage_errors() as error:
            raise CorpusError(
                f"{display_name(source)}: the compressed data is damaged or cut short: {error}"
            ) from None
        except OSError as error:
            raise CorpusError(
                f"{display_name(source)}: cannot be read: {error_reason(error)}"
            ) from None


def peek_head(stream: BinaryIO, n_bytes: int) -> bytes:
    """Return the first bytes of a stream that is at its start, without consuming them."""
    peek = getattr(stream, "peek", None)
    return peek(n_bytes)[:n_bytes] if peek else b""


def _open_raw(source: str, stack: ExitStack) -> BufferedReader:
    if source == STDIN:
        stdin = sys.stdin.buffer
        return stdin if isinstance(stdin, BufferedReader) else BufferedReader(cast(Any, stdin))
    if is_store(source):
        return stack.enter_context(open_in_store(source))
    if is_url(source):
        return stack.enter_context(_open_url(source))
    return stack.enter_context(Path(source).open("rb"))


def _open_url(source: str) -> BufferedReader:
    """Open a URL that smart_open reads; raise CorpusError or OSError."""
    import smart_open

    is_http = is_web(source)
    options = {"timeout": HTTP_TIMEOUT_SECONDS} if is_http else {}
    try:
        stream = wait_for_answer(
            source,
            lambda: smart_open.open(source, "rb", compression="disable", transport_params=options),
        )
    except (ImportError, NotImplementedError, ValueError) as error:
        raise CorpusError(f"{source}: cannot be read: {error}") from None
    errors: tuple[type[Exception], ...] = ()
    if is_http:
        from urllib3.exceptions import HTTPError  # raised by the streams of smart_open

        errors = (HTTPError,)
    return BufferedReader(TimedStream(source, stream, errors), URL_BYTES)


def _files_below(folder: Path) -> list[str]:
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not files:
        raise CorpusError(f"{folder}: the folder holds no files")
    return [str(path) for path in files]
