"""Text in object stores: s3://, gs:// and hdfs:// addresses, read through pyarrow."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cache
from glob import has_magic
from io import BufferedReader
from math import inf
from typing import Any, Self, cast
from urllib.parse import unquote

from embedtool.corpus.waiting import TimedStream, wait_for_answer
from embedtool.errors import CorpusError, MissingExtraError

STORES = ("s3", "gs", "hdfs")
ADDRESS = re.compile(
    r"(s3://[^/?@:]+:[^?@]+@[^/?]*|\w+://[^/?]*)/?(.*?)(\?\w+=[^?*]*)?", flags=re.DOTALL
)
"""Scheme and bucket or host, path, options. A `?` not followed by NAME= belongs to a pattern."""
CREDENTIALS = re.compile(r"(?<=s3://)[^/?@:]+:[^?@]+@")
"""An access key and its secret, which may contain a slash."""
REQUEST_BYTES = 2**23
"""Bytes per request: even a small one takes tens of milliseconds, so Amazon advises 8 to 16 MB."""
GS_RETRY_SECONDS = 20
"""Seconds for which Google's library retries, by default a quarter of an hour; less than
ANSWER_SECONDS, so that its own error is shown."""
Names = list[str]
"""The components of a path."""


def is_store(source: str) -> bool:
    """Return whether a source is an address in a store."""
    return source.startswith(tuple(f"{scheme}://" for scheme in STORES))


def without_credentials(text: str) -> str:
    """Return a text without the secrets in its addresses, so that it can be shown and stored."""
    return CREDENTIALS.sub("", text)


def path_in_store(source: str) -> str:
    """Return the path of an address in its store, without options; another source as it is."""
    return _Address.of(source).path if is_store(source) else source


def find_in_store(source: str) -> list[str]:
    """Return the files of an address (a file, a folder or a glob pattern), in order.

    Names that begin with `.` or `_` mark files that are not data (_SUCCESS, _temporary): they are
    left out below a folder, and match only patterns that begin with the same character.

    Raises
    ------
    CorpusError
        If the address does not exist or has no files.
    """
    address = _Address.of(source)
    name = without_credentials(source)
    with _reading(source):
        about = wait_for_answer(name, address.info)
        if about.is_file:
            return [source]
        is_folder = about.type.name == "Directory"
        if not is_folder and not has_magic(address.path):
            raise CorpusError(f"{name}: no such file or folder")
        folder, pattern = (address, ["**"]) if is_folder else address.split()
        recursive = len(pattern) > 1 or pattern == ["**"]
        files = wait_for_answer(
            name, lambda: list(folder.files(recursive)), inf
        )  # there may be many
        found = [names for names in files if _matches(names, pattern)]
    if not found:
        reason = "the folder holds no files" if is_folder else "no file matches this pattern"
        raise CorpusError(f"{name}: {reason}")
    # the order of the same files on a disk: folders sort by names, patterns by whole paths
    found.sort(key=None if is_folder else "/".join)
    return [folder.below(names) for names in found]


def signature_in_store(source: str) -> tuple[int, int] | None:
    """Return the signature of a file in a store; None if there is none."""
    with _reading(source):
        about = wait_for_answer(without_credentials(source), _Address.of(source).info)
        return (about.size, about.mtime_ns) if about.is_file else None


def open_in_store(source: str) -> BufferedReader:
    """Open a file in a store for reading, with random access."""
    with _reading(source):
        name = without_credentials(source)
        file = wait_for_answer(name, _Address.of(source).open_file)
        return BufferedReader(TimedStream(name, file), REQUEST_BYTES)


def error_reason(error: Exception) -> str:
    """Return the message of a reading error, in one line and without secrets."""
    reason = getattr(error, "strerror", None) or str(error)
    return without_credentials(reason.strip().partition("\n")[0])


@contextmanager
def _reading(source: str) -> Iterator[None]:
    """Raise errors of pyarrow as CorpusError naming the address."""
    try:
        import pyarrow as pa
        import pyarrow.fs
    except ImportError:
        scheme = source.partition("://")[0]
        raise MissingExtraError(f"reading {scheme}:// addresses", "parquet") from None
    try:
        yield
    except (OSError, ValueError, pa.ArrowException) as error:
        raise CorpusError(
            f"{without_credentials(source)}: cannot be read: {error_reason(error)}"
        ) from None


@dataclass(frozen=True)
class _Address:
    """A parsed address.

    Attributes
    ----------
    root : str
        Scheme, credentials, and bucket or host.
    path : str
        Path of the file below that, percent-decoded.
    query : str
        The options, with their `?`.
    """

    root: str
    path: str
    query: str

    @classmethod
    def of(cls, source: str) -> Self:
        """Parse an address, which may have any text after the scheme."""
        parts = cast(re.Match[str], ADDRESS.fullmatch(source))
        root, path, query = parts.groups(default="")
        return cls(root, unquote(path).rstrip("/"), query)

    def open(self) -> tuple[Any, str]:
        """Return the pyarrow file system of the address, and its path there."""
        uri = f"{self.root}/{self.query}"
        if uri.startswith("gs:") and "retry_limit_seconds=" not in uri:
            uri += f"{'&' if self.query else '?'}retry_limit_seconds={GS_RETRY_SECONDS}"
        store, top = _file_system(CREDENTIALS.sub(lambda each: each[0].replace("/", "%2F"), uri))
        return store, f"{top}/{self.path}".rstrip("/") or "/"

    def info(self) -> Any:
        """Return pyarrow's FileInfo."""
        store, path = self.open()
        return store.get_file_info(path)

    def open_file(self) -> Any:
        """Open it as a file of pyarrow."""
        store, path = self.open()
        return store.open_input_file(path)

    def split(self) -> tuple[Self, Names]:
        """Split a pattern into the folder that it begins with, and the pattern below that."""
        names = self.path.split("/")
        first = next(i for i, name in enumerate(names) if has_magic(name))
        return replace(self, path="/".join(names[:first])), names[first:]

    def files(self, recursive: bool) -> Iterator[Names]:
        """Yield the files below this folder, by one listing of one request per 1,000 files."""
        from pyarrow.fs import FileSelector

        store, path = self.open()
        below = FileSelector(path, allow_not_found=True, recursive=recursive)
        for about in store.get_file_info(below):
            if about.is_file:
                yield about.path[len(path.rstrip("/")) + 1 :].split("/")

    def below(self, names: Names) -> str:
        """Return the address of a file below this folder."""
        path = "/".join([self.path, *names] if self.path else names)
        return f"{self.root}/{path.replace('%', '%25').replace('?', '%3F')}{self.query}"


def _matches(names: Names, pattern: Names) -> bool:
    """Return whether the path of a file matches a pattern; `**` is any number of folders."""
    if not names or not pattern:
        return not names and not pattern
    first, *rest = pattern
    if first != "**":
        return _matches_name(names[0], first) and _matches(names[1:], rest)
    if not rest:
        return all(_matches_name(name, "*") for name in names)
    return _matches(names, rest) or (_matches_name(names[0], "*") and _matches(names[1:], pattern))


def _matches_name(name: str, pattern: str) -> bool:
    is_hidden = name.startswith((".", "_")) and name[0] != pattern[:1]
    return not is_hidden and fnmatchcase(name, pattern)


@cache
def _file_system(uri: str) -> tuple[Any, str]:
    """Return a file system, whose connections its files share, and the path of its root."""
    from pyarrow.fs import FileSystem

    store, top = FileSystem.from_uri(uri)
    if not top:
        raise ValueError("it names no bucket")
    return store, top.rstrip("/")
