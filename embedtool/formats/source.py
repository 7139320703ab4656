"""Sources of vectors: files and folders, compressed files, archives, URLs, standard input.

Formats that are read from the beginning to the end get a stream of the content, which is never
unpacked to disk. Others get the path of a plain file, or of a temporary copy.
"""

import io
import shutil
import sys
import tarfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from io import BufferedReader
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory, gettempdir
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple, cast
from zipfile import ZipInfo

from embedtool.corpus.object_stores import without_credentials
from embedtool.errors import DamagedError, FormatError, OutputError
from embedtool.formats.archives import (
    ZipMember,
    is_tar,
    open_tar_member,
    open_zip_member,
    vector_members,
    with_arrays,
)
from embedtool.formats.options import ReadOptions
from embedtool.io.atomic import STANDARD_INPUT, is_special
from embedtool.io.compression import MAGIC_BYTES, compression_of, damage_errors, decompressed
from embedtool.io.file_types import HEAD_BYTES as SIGNATURE_BYTES
from embedtool.io.file_types import PICKLES, ZIP
from embedtool.io.paths import is_web
from embedtool.io.progress import Progress, Report

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

HEAD_BYTES = 2**20
"""Enough for two lines of text vectors of ten thousand dimensions and more."""
STANDARD_INPUTS = (STANDARD_INPUT, Path("-"))
BUFFER_BYTES = 2**18
"""Bytes that are read from a file, URL or decompressor at once."""
ZIP_FORMATS = ("npz", "histwords")
"""Formats that are zip archives themselves: their readers say what is wrong."""


class Source:
    """A plain file or folder of vectors.

    Attributes
    ----------
    name : str
        Its name in messages.
    path : Path or None
        The plain file or folder; None if there is none.
    size : int or None
        Bytes of the content, if they are known.
    head : bytes
        The first bytes of the content, up to HEAD_BYTES.
    is_member : bool
        Whether it is a file in an archive.
    """

    is_member = False

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.path: Path | None = path
        self.size: int | None = None
        self.head = b""
        if not path.is_dir():
            self.size = path.stat().st_size
            with path.open("rb") as file:
                self.head = file.read(HEAD_BYTES)

    def __str__(self) -> str:
        return self.name

    @contextmanager
    def opened(self) -> Iterator[BufferedReader]:
        """Open the content at its start, to be read to its end; a stream can be opened once."""
        with _opened(cast(Path, self.path)) as file:
            yield file

    def report_to(self, report: Report) -> Callable[[int], None]:
        """Return a function that reports the progress, given the bytes of content read so far."""
        return lambda done: report(Progress("reading", done, self.size, "bytes"))


class Stream(Source):
    """Content that is decompressed or transferred while it is read.

    Parameters
    ----------
    name : str
        Its name in messages.
    content : BinaryIO
        The content at its start.
    size : int, optional
        Bytes of the content, if they are known.
    stored : int, optional
        Bytes of the file as it is stored, if they are known.
    position : callable, optional
        Returns how many of these have been read.
    """

    def __init__(
        self,
        name: str,
        content: BinaryIO,
        size: int | None = None,
        stored: int | None = None,
        position: Callable[[], int] | None = None,
    ) -> None:
        self.name = name
        self.path = None
        self.size = size
        self.head = b""
        while len(self.head) < HEAD_BYTES and (part := content.read(HEAD_BYTES - len(self.head))):
            self.head += part
        self._content = content
        self._stored, self._position = stored, position

    @contextmanager
    def opened(self) -> Iterator[BufferedReader]:
        """Open the content at its start, to be read to its end; it can be opened once."""
        yield BufferedReader(_Chain(self.head, self._content), BUFFER_BYTES)

    def report_to(self, report: Report) -> Callable[[int], None]:
        """Return a function that reports the progress, given the bytes of content read so far."""
        position = self._position
        if position is None:
            return super().report_to(report)
        return lambda _: report(Progress("reading", position(), self._stored, "bytes"))


class _Chain(io.RawIOBase):
    """The head of a stream, which has been read, and its rest."""

    def __init__(self, head: bytes, rest: BinaryIO) -> None:
        self._head = memoryview(head)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer).cast("B")
        part = self._head[: len(target)] or memoryview(self._rest.read(len(target)))
        target[: len(part)] = part
        self._head = self._head[len(part) :]
        return len(part)


class _Raw(NamedTuple):
    """The bytes of a file that may be compressed or an archive, at their start.

    Attributes
    ----------
    name : str
        The file in messages.
    file : BufferedReader
        The bytes.
    size : int or None
        Their number, if it is known.
    position : callable or None
        Returns how many have been read.
    """

    name: str
    file: BufferedReader
    size: int | None = None
    position: Callable[[], int] | None = None


@contextmanager
def open_source(
    given: str | Path, options: ReadOptions, format: str | None = None
) -> Iterator[Source]:
    """Open a file, folder, URL or standard input.

    Parameters
    ----------
    given : str or Path
        A path, `-`, or a URL of http or https.
    options : ReadOptions
        The member of an archive, and the folder of temporary copies.
    format : str, optional
        The format, if the user names it: npz is itself a zip archive.

    Raises
    ------
    FormatError
        If it is missing, an archive without vectors, or one of several without `options.member`;
        in the last case at the end of the block if a tar archive is read.
    DamagedError
        If compressed data is damaged, within the block as well.
    CorpusError
        If a URL cannot be fetched, within the block as well.
    """
    name = _name(given)
    try:
        with ExitStack() as stack:
            if is_web(given):
                yield _of_bytes(_web(str(given), name, stack), options, format, stack)
            elif str(given) == "-" or is_special(Path(given)):
                yield _of_bytes(_pipe(Path(given), stack), options, format, stack)
            else:
                yield _of_path(Path(given), options, format, stack)
    except damage_errors() as error:
        raise _damaged(name, error) from None
    except tarfile.TarError as error:
        raise DamagedError(f"{name}: the archive is damaged or cut short: {error}") from None
    except OSError as error:
        if error.errno is not None:
            raise
        raise _damaged(name, error) from None  # of bz2, which has no error of its own


def _name(given: str | Path) -> str:
    """Return what an input is called in messages."""
    if is_web(given):
        return without_credentials(str(given))
    return "standard input" if Path(given) in STANDARD_INPUTS else str(given)


def _damaged(name: str, error: Exception) -> DamagedError:
    return DamagedError(f"{name}: the compressed data is damaged or cut short: {error}")


def _web(url: str, name: str, stack: ExitStack) -> _Raw:
    from embedtool.io.http_file import HttpFile  # other inputs need no urllib

    file = stack.enter_context(HttpFile(url))
    return _Raw(name, BufferedReader(file, BUFFER_BYTES), file.size, file.tell)


def _pipe(path: Path, stack: ExitStack) -> _Raw:
    if path in STANDARD_INPUTS:
        file = cast(BinaryIO, sys.stdin.buffer)
    else:
        file = stack.enter_context(path.open("rb"))
    return _Raw(_name(path), BufferedReader(_Chain(b"", file), BUFFER_BYTES))


def _of_path(path: Path, options: ReadOptions, format: str | None, stack: ExitStack) -> Source:
    """Return the source for a file or folder, which is read as it is if it is not compressed."""
    if "\0" in str(path):
        raise FormatError(f"{str(path)!r}: no file can have such a name")
    if path.is_dir():
        return Source(path)
    file = stack.enter_context(_opened(path))
    head = file.peek(SIGNATURE_BYTES)
    is_zip = head.startswith(ZIP)
    is_archive = (
        is_zip and format not in ZIP_FORMATS and vector_members(str(path), file, head) is not None
    )
    if not (is_archive or compression_of(head) or is_tar(head)):
        return Source(path)
    raw = _Raw(str(path), file, path.stat().st_size, file.raw.tell)
    source = _of_bytes(raw, options, format, stack)
    is_pickle = source.head.startswith(PICKLES) and not source.is_member
    return Source(path) if is_pickle else source  # whose arrays are beside it


def _opened(path: Path) -> BufferedReader:
    return cast(BufferedReader, path.open("rb", BUFFER_BYTES))


def _of_bytes(raw: _Raw, options: ReadOptions, format: str | None, stack: ExitStack) -> Source:
    """Return the source for bytes that may be compressed or an archive."""
    if raw.file.peek(MAGIC_BYTES).startswith(ZIP):
        return _of_zip(raw, options, format, stack)
    content = decompressed(raw.file)
    size = raw.size if content is raw.file else None
    if not is_tar(cast(Any, content).peek(SIGNATURE_BYTES)):
        return Stream(raw.name, content, size, raw.size, raw.position)
    content, member = open_tar_member(raw.name, content, options, stack)
    source = Stream(f"{raw.name}: {member}", content, None, raw.size, raw.position)
    source.is_member = True
    return source


def _of_zip(raw: _Raw, options: ReadOptions, format: str | None, stack: ExitStack) -> Source:
    """Return the source for a member of a zip archive, or for the archive as it is, as npz is."""
    file = raw.file
    if not file.seekable():
        file = stack.enter_context(_opened(_copied(raw.name, file, options, stack)))
    members = (
        None
        if format in ZIP_FORMATS
        else vector_members(raw.name, file, file.peek(SIGNATURE_BYTES))
    )
    if members is None:
        whole = Source(_copied(raw.name, file, options, stack))
        whole.name = raw.name
        return whole
    member = open_zip_member(raw.name, file, members, options.member)
    files = with_arrays(members, member.info)
    if len(files) > 1:
        return _of_gensim(raw.name, file, files, options, stack)
    source = Stream(
        f"{raw.name}: {member.info.filename}",
        BufferedReader(member, BUFFER_BYTES),
        member.info.file_size,
        member.info.compress_size,
        lambda: member.n_read,
    )
    source.is_member = True
    return source


def _of_gensim(
    name: str,
    file: BufferedReader,
    files: Sequence[ZipInfo],
    options: ReadOptions,
    stack: ExitStack,
) -> Source:
    """Return the source for a file that gensim saved, unpacked with its arrays beside it."""
    folder = _temporary_folder(options, stack)
    for info in files:
        _write(ZipMember(name, file, info), folder / PurePosixPath(info.filename).name, name)
    model = files[0].filename
    source = Source(folder / PurePosixPath(model).name)
    source.name, source.is_member = f"{name}: {model}", True
    return source


def plain_path(source: Source, options: ReadOptions, stack: ExitStack) -> Path:
    """Return the path of a plain file with the content of a source.

    Of a stream it is a temporary copy, which is deleted when `stack` ends.
    """
    if source.path is not None:
        return source.path
    with source.opened() as content:
        return _copied(source.name, content, options, stack)


def _copied(name: str, content: BinaryIO, options: ReadOptions, stack: ExitStack) -> Path:
    path = _temporary_folder(options, stack) / (PurePosixPath(name).name or "vectors")
    _write(content, path, name)
    stack.enter_context(_named(name, path))
    return path


def _temporary_folder(options: ReadOptions, stack: ExitStack) -> Path:
    """Make a folder for temporary copies, which is deleted when `stack` ends."""
    try:
        folder = TemporaryDirectory(dir=options.scratch, ignore_cleanup_errors=True)
        return Path(stack.enter_context(folder))
    except OSError as error:
        raise OutputError(
            f"{options.scratch or gettempdir()}: a temporary folder cannot be made: "
            f"{error.strerror or error}"
        ) from None


def _write(content: BinaryIO | ZipMember, path: Path, name: str) -> None:
    """Write the rest of a file to a temporary one."""
    try:
        with path.open("wb") as copy:
            shutil.copyfileobj(content, copy, BUFFER_BYTES)
    except OSError as error:
        raise OutputError(
            f"{path.parent.parent}: a temporary copy of {name} cannot be written: "
            f"{error.strerror or error}"
        ) from None


@contextmanager
def _named(name: str, copy: Path) -> Iterator[None]:
    """Have errors about a temporary copy name what it is a copy of."""
    try:
        yield
    except FormatError as error:
        message = str(error).replace(str(copy), name)
        raise type(error)(message, parameters=error.parameters) from None
