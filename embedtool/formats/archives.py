"""The files of vectors in a zip or tar archive: which of them is read, and its content as a stream.

No member is ever written under its name.
"""

import io
import logging
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, BinaryIO, cast

from embedtool.errors import DamagedError, FormatError
from embedtool.formats.options import ReadOptions
from embedtool.io.compression import raw_inflater
from embedtool.io.file_types import TAR, TAR_OFFSET, ZIP, describe_non_text

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

log = logging.getLogger(__name__)

LOCAL_HEADER_BYTES = 30
"""Bytes of a member's own header in a zip archive, before its name and extra field."""
PACKED_BYTES = 2**18
"""Bytes that are decompressed at once."""
NOT_VECTORS = (".md", ".html", ".pdf", ".json", ".png", ".py", ".sh", ".log", ".pkl", ".npy")
NOT_VECTORS_NAMED = ("readme", "license", "licence", "copying", "meta")
MAX_LISTED = 12
"""Maximum number of members that an error lists."""
A_ZIP = describe_non_text(ZIP)
ARRAY, PICKLE = ".npy", ".pkl"
GENSIM = (".model", ".kv")
"""Suffixes of files that gensim saves; arrays are in files whose names begin with theirs."""


def is_tar(head: bytes) -> bool:
    """Return whether a file begins like a tar archive."""
    return head.startswith(TAR, TAR_OFFSET)


def vector_members(name: str, file: BinaryIO, head: bytes) -> dict[str, zipfile.ZipInfo] | None:
    """Return the files in a zip archive of vectors; None if it is npz, HistWords or a document.

    Parameters
    ----------
    name : str
        The archive, in messages.
    file : BinaryIO
        The archive, seekable, at its start, where it is afterwards.
    head : bytes
        Its first bytes.

    Raises
    ------
    DamagedError
        If the archive is damaged.
    """
    if describe_non_text(head) not in (None, A_ZIP):
        return None
    try:
        with zipfile.ZipFile(file) as archive:
            files = [info for info in archive.infolist() if not info.filename.endswith("/")]
    except (zipfile.BadZipFile, NotImplementedError) as error:
        raise DamagedError(f"{name}: the zip archive is damaged or cut short: {error}") from None
    finally:
        file.seek(0)
    names = [info.filename for info in files]
    is_of_gensim = any(name.endswith(GENSIM) for name in names)
    is_other = not is_of_gensim and any(name.endswith((ARRAY, PICKLE)) for name in names)
    return None if is_other or not files else dict(zip(names, files, strict=True))


class ZipMember(io.RawIOBase):
    """The decompressed content of a member of a zip archive; its checksum is compared at the end.

    Parameters
    ----------
    name : str
        The archive, in messages.
    file : BinaryIO
        The archive, seekable.
    info : zipfile.ZipInfo
        The member.
    """

    def __init__(self, name: str, file: BinaryIO, info: zipfile.ZipInfo) -> None:
        self._where = f"{name}: {info.filename}"
        if info.flag_bits & 1:
            raise FormatError(f"{self._where}: is encrypted; unpack it first")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            raise FormatError(f"{self._where}: is compressed by a rare method; unpack it first")
        file.seek(info.header_offset)
        header = file.read(LOCAL_HEADER_BYTES)
        lengths = int.from_bytes(header[26:28], "little"), int.from_bytes(header[28:30], "little")
        file.seek(sum(lengths), io.SEEK_CUR)
        self.info = info
        self.n_read = 0
        self._file = file
        self._inflater = raw_inflater() if info.compress_type == zipfile.ZIP_DEFLATED else None
        self._content = memoryview(b"")
        self._n_content = self._crc = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        """Read the next bytes; raise DamagedError at the end if the checksum is another."""
        target = memoryview(buffer).cast("B")
        while not self._content and self.n_read < self.info.compress_size:
            packed = self._file.read(min(PACKED_BYTES, self.info.compress_size - self.n_read))
            if not packed:
                raise DamagedError(f"{self._where}: the archive is cut short")
            self.n_read += len(packed)
            data = packed if self._inflater is None else self._inflater.decompress(packed)
            self._crc = zlib.crc32(data, self._crc)
            self._n_content += len(data)
            self._content = memoryview(data)
        part = self._content[: len(target)]
        if not part and (self._n_content, self._crc) != (self.info.file_size, self.info.CRC):
            raise DamagedError(f"{self._where}: damaged: its size or checksum is another one")
        target[: len(part)] = part
        self._content = self._content[len(part) :]
        return len(part)


def open_zip_member(
    name: str, file: BinaryIO, members: Mapping[str, zipfile.ZipInfo], pattern: str | None
) -> ZipMember:
    """Open the member of a zip archive that holds the vectors.

    Parameters
    ----------
    name : str
        The archive, in messages.
    file : BinaryIO
        The archive, seekable.
    members : mapping
        Its files.
    pattern : str or None
        The name of the member or a pattern, if there are several.

    Raises
    ------
    FormatError
        If there is no such member, or there are several.
    """
    return ZipMember(name, file, members[_chosen(name, members, pattern)])


def with_arrays(
    members: Mapping[str, zipfile.ZipInfo], chosen: zipfile.ZipInfo
) -> list[zipfile.ZipInfo]:
    """Return a member, followed by those with its arrays if it is a file that gensim saved."""
    model = chosen.filename
    beside = [
        info
        for name, info in members.items()
        if model.endswith(GENSIM) and name.startswith(f"{model}.") and name.endswith(ARRAY)
    ]
    return [chosen, *beside]


def open_tar_member(
    name: str, content: BinaryIO, options: ReadOptions, stack: ExitStack
) -> tuple[BinaryIO, str]:
    """Open the first member of a tar archive that can hold the vectors, and return its name.

    A tar archive has no table of its members. If they were not chosen, `stack` raises FormatError
    at its end if there is another member that may hold vectors, or, if `options.limit` leaves the
    rest unread, a warning tells which was read.
    """
    archive = stack.enter_context(tarfile.open(fileobj=content, mode="r|"))  # noqa: SIM115
    seen = []
    for member in archive:
        if not member.isfile():
            continue
        seen.append(member.name)
        if not _fitting([member.name], options.member):
            continue
        if options.member is None and options.limit is None:
            stack.enter_context(_only_member(name, archive))
        elif options.member is None:
            log.warning("%s: only the first file in it is read, %s", name, member.name)
        return cast(BinaryIO, archive.extractfile(member)), member.name
    _chosen(name, seen, options.member)
    raise FormatError(f"{name}: holds no files")


@contextmanager
def _only_member(name: str, archive: tarfile.TarFile) -> Iterator[None]:
    """At the end of the block, raise FormatError if several members may hold vectors."""
    yield
    _chosen(name, [member.name for member in archive if member.isfile()], None)


def _chosen(name: str, members: Iterable[str], pattern: str | None) -> str:
    members = list(members)
    fitting = _fitting(members, pattern)
    if len(fitting) == 1:
        return fitting[0]
    listed = ", ".join((fitting or members)[:MAX_LISTED])
    listed += ", ..." if len(fitting or members) > MAX_LISTED else ""
    if fitting:
        raise FormatError(
            f"{name}: holds several files; name one with member: {listed}", parameters=("member",)
        )
    if pattern is not None and members:
        raise FormatError(
            f"{name}: no file in it is named {pattern!r}; there are {listed}",
            parameters=("member",),
        )
    raise FormatError(f"{name}: holds no file of vectors{f', only {listed}' if listed else ''}")


def _fitting(members: Iterable[str], pattern: str | None) -> list[str]:
    """Return the members that a pattern matches by whole name or without folders.

    Without a pattern, those that are not hidden and not documentation.
    """
    if pattern is not None:
        return [
            member
            for member in members
            if any(fnmatchcase(each, pattern) for each in (member, PurePosixPath(member).name))
        ]
    return [member for member in members if not _is_documentation(PurePosixPath(member))]


def _is_documentation(path: PurePosixPath) -> bool:
    return (
        any(part.startswith((".", "__MACOSX")) for part in path.parts if part not in (".", ".."))
        or path.suffix.lower() in NOT_VECTORS
        or path.stem.lower() in NOT_VECTORS_NAMED
    )
