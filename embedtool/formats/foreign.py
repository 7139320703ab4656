"""Files that hold vectors, or could, in a form that is not read: what they are, and what to do.

In: a path. Out: a FormatError for a compressed file, an archive, a pickle, or another program's.
"""

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedtool.corpus.signatures import what_is_no_text
from embedtool.errors import FormatError

HEAD_BYTES = 512
COMPRESSED = {
    re.compile(rb"\x1f\x8b"): "gunzip",
    re.compile(rb"BZh[1-9](?:1AY&SY|\x17rE8P\x90)"): "bunzip2",
    re.compile(rb"\xfd7zXZ\0"): "unxz",
    re.compile(rb"]\0\0"): "unlzma",
    re.compile(rb"\x28\xb5\x2f\xfd"): "unzstd",
    re.compile(rb"\x04\x22\x4d\x18"): "unlz4",
    re.compile(rb"\x1f\x9d"): "uncompress",
}
"""How compressed files begin, and what decompresses them. A word can begin with BZh."""
OPENERS: dict[str, Callable[..., Any]] = {
    "gunzip": gzip.open,
    "bunzip2": bz2.open,
    "unxz": lzma.open,
}
"""Those that Python opens, so that what is inside can be named."""
PICKLE = tuple(b"\x80" + bytes([protocol]) for protocol in range(2, 6))
AS_TEXT = "have the program that made it save word2vec text"
OTHERS = {
    b"7z\xbc\xaf\x27\x1c": "is a 7z archive; unpack it first: 7z x",
    b"Rar!\x1a\x07": "is a rar archive; unpack it first: unrar x",
    b"SQLite format 3\0": f"is a database of SQLite, as Magnitude's are; {AS_TEXT}",
    b"\x89HDF\r\n\x1a\n": f"is HDF5; {AS_TEXT}",
    b"\x93NUMPY": "is one array of NumPy, not a zip archive of several; save words and vectors "
    "with numpy.savez",
}
R_DATA = re.compile(rb"RD[AX][23]\n|X\n\0\0\0[\2\3]")
"""How a file of R begins, once it is decompressed: of save(), and of saveRDS()."""
AS_R = "is R's data; in R, save it as text with write.table"
PAGE = re.compile(rb"\s*<(?:!doctype html|html|head|\?xml)[\s>]", re.IGNORECASE)
LFS = b"version https://git-lfs.github.com/spec/"
ZIP = b"PK\x03\x04"
TAR_PLACE, TAR = 257, b"ustar"


def check_is_not_foreign(path: Path, name: str | None) -> None:
    """Raise FormatError where a file is compressed, an archive, a pickle or another program's.

    name : the format that a person has named; npz is a zip archive itself
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if head.startswith(PICKLE):
        raise FormatError(f"{path}: is a pickle, which can run code when it is opened; {AS_TEXT}")
    for magic, command in COMPRESSED.items():
        if magic.match(head):
            inside = _inside(path, command)
            remedy = f"is compressed; decompress it first: {command} {path}"
            if R_DATA.match(inside):
                remedy = AS_R
            elif inside.startswith(TAR, TAR_PLACE):
                remedy = f"is a compressed tar archive; unpack it first: tar -xf {path}"
            raise FormatError(f"{path}: {remedy}")
    if R_DATA.match(head):
        raise FormatError(f"{path}: {AS_R}")
    for start, words in OTHERS.items():
        if head.startswith(start):
            raise FormatError(f"{path}: {words}{f' {path}' if words.endswith(' x') else ''}")
    if head.startswith(TAR, TAR_PLACE):
        raise FormatError(f"{path}: is a tar archive; unpack it first: tar -xf {path}")
    if name != "npz" and head.startswith(ZIP):
        _check_zip(path)


def _inside(path: Path, command: str) -> bytes:
    """The beginning of what a compressed file holds; nothing where that cannot be told."""
    if command not in OPENERS:
        return b""
    try:
        with OPENERS[command](path) as file:
            return bytes(file.read(HEAD_BYTES))
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return b""


def what_else(head: bytes) -> str | None:
    """What a file is that holds no vectors: a page, a pointer, a picture; None where unknown."""
    if PAGE.match(head):
        return "is a web page, not vectors: the download went wrong; fetch the file itself"
    if head.startswith(LFS):
        return "is a pointer of Git LFS, not the file itself; fetch that: git lfs pull"
    found = what_is_no_text(head[:HEAD_BYTES])
    return f"is {found}" if found else None


def _check_zip(path: Path) -> None:
    """Raise FormatError where a zip archive holds no arrays of NumPy."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return  # the reader of npz says what is wrong
    if not names or any(name.endswith(".npy") for name in names):
        return
    if any(name.endswith("data.pkl") for name in names):
        raise FormatError(
            f"{path}: is a pickle of PyTorch, which can run code when it is opened; {AS_TEXT}"
        )
    held = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    raise FormatError(f"{path}: is a zip archive of {held}; unpack it first: unzip {path}")
