"""Files of formats that are not read, such as compressed files and pickles, and advice for each."""

import bz2
import gzip
import lzma
import re
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from embedtool.errors import FormatError
from embedtool.formats.histwords import decades_in
from embedtool.formats.registry import FORMATS
from embedtool.io.file_types import (
    COMPRESSIONS,
    HDF5,
    HEAD_BYTES,
    NPY,
    PICKLES,
    RAR,
    SEVEN_ZIP,
    SQLITE,
    TAR,
    TAR_OFFSET,
    ZIP,
    describe_non_text,
)

COMMANDS = {
    "gzip": "gunzip",
    "bzip2": "bunzip2",
    "xz": "unxz",
    "lzma": "unlzma",
    "zstd": "unzstd",
    "lz4": "unlz4",
    "compress": "uncompress",
}
"""The program that decompresses each kind of compressed file."""
OPENERS: dict[str, Callable[..., Any]] = {"gzip": gzip.open, "bzip2": bz2.open, "xz": lzma.open}
"""Kinds of compression that Python can open, so that the content can be named."""
AS_TEXT = "have the program that made it save word2vec text"
OTHERS = {
    SEVEN_ZIP: "is a 7z archive; unpack it first: 7z x",
    RAR: "is a rar archive; unpack it first: unrar x",
    SQLITE: f"is a database of SQLite, as Magnitude's are; {AS_TEXT}",
    HDF5: f"is HDF5; {AS_TEXT}",
    NPY: "is one array of NumPy, not a zip archive of several; save words and vectors "
    "with numpy.savez",
}
GENSIM = "gensim"
SAVED = re.compile(FORMATS[GENSIM].magic)
R_DATA = re.compile(rb"RD[AX][23]\n|X\n\0\0\0[\2\3]")
"""Start of a decompressed file of R: from save(), and from saveRDS()."""
AS_R = "is R's data; in R, save it as text with write.table"
PAGE = re.compile(rb"\s*<(?:!doctype html|html|head|\?xml)[\s>]", re.IGNORECASE)
LFS = b"version https://git-lfs.github.com/spec/"


def check_is_not_foreign(path: Path, format: str | None) -> None:
    """Raise FormatError if a file is compressed, an archive, a pickle or another program's.

    Parameters
    ----------
    format : str or None
        The format chosen by the user; npz is itself a zip archive.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if format in (None, GENSIM) and saved_kind(path) is not None:
        return
    if head.startswith(PICKLES):
        raise FormatError(f"{path}: is a pickle, which can run code when it is opened; {AS_TEXT}")
    for compression, command in COMMANDS.items():
        if COMPRESSIONS[compression].match(head):
            inside = _inside(path, compression)
            remedy = f"is compressed; decompress it first: {command} {path}"
            if R_DATA.match(inside):
                remedy = AS_R
            elif inside.startswith(TAR, TAR_OFFSET):
                remedy = f"is a compressed tar archive; unpack it first: tar -xf {path}"
            raise FormatError(f"{path}: {remedy}")
    if R_DATA.match(head):
        raise FormatError(f"{path}: {AS_R}")
    if head.startswith(NPY) and decades_in(path):
        return
    for start, words in OTHERS.items():
        if head.startswith(start):
            raise FormatError(f"{path}: {words}{f' {path}' if words.endswith(' x') else ''}")
    if head.startswith(TAR, TAR_OFFSET):
        raise FormatError(f"{path}: is a tar archive; unpack it first: tar -xf {path}")
    if format != "npz" and head.startswith(ZIP):
        _check_zip(path)


def saved_kind(path: Path) -> str | None:
    """Return the class of the object in a file that gensim saved, or None if it is no such file.

    The file may be compressed. The class is named first in its pickle.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    for compression in OPENERS:
        if COMPRESSIONS[compression].match(head):
            head = _inside(path, compression)
    match = SAVED.match(head)
    return match["kind"].decode("latin-1") if match else None


def _inside(path: Path, compression: str) -> bytes:
    """Return the start of a compressed file's content; empty if it cannot be read."""
    if compression not in OPENERS:
        return b""
    try:
        with OPENERS[compression](path) as file:
            return bytes(file.read(HEAD_BYTES))
    except (OSError, EOFError, lzma.LZMAError, zlib.error):
        return b""


def what_else(head: bytes) -> str | None:
    """Return the kind of a file without vectors: a page, a pointer, a picture; None if unknown."""
    if PAGE.match(head):
        return "is a web page, not vectors: the download went wrong; fetch the file itself"
    if head.startswith(LFS):
        return "is a pointer of Git LFS, not the file itself; fetch that: git lfs pull"
    found = describe_non_text(head[:HEAD_BYTES])
    return f"is {found}" if found else None


def _check_zip(path: Path) -> None:
    """Raise FormatError if a zip archive holds no arrays of NumPy."""
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
