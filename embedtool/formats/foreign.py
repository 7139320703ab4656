"""Files of formats that are not read, such as compressed files and pickles, and advice for each."""

import re
import zipfile
from io import BufferedReader
from pathlib import Path

from embedtool.errors import FormatError
from embedtool.formats.histwords import decades_in
from embedtool.formats.registry import FORMATS
from embedtool.formats.source import ZIP_FORMATS, Source
from embedtool.io.compression import damage_errors, decompressed
from embedtool.io.file_types import (
    COMPRESSIONS,
    HDF5,
    HEAD_BYTES,
    NPY,
    PICKLES,
    RAR,
    SEVEN_ZIP,
    SQLITE,
    ZIP,
    describe_non_text,
)

COMMANDS = {"lzma": "unlzma", "lz4": "unlz4", "compress": "uncompress"}
"""The program that decompresses each kind of compressed file that is not read."""
AS_TEXT = "have the program that made it save word2vec text"
OTHERS = {
    SEVEN_ZIP: "is a 7z archive; unpack it first with 7z",
    RAR: "is a rar archive; unpack it first with unrar",
    SQLITE: f"is a database of SQLite, as Magnitude's are; {AS_TEXT}",
    HDF5: f"is HDF5; {AS_TEXT}",
    NPY: "is one array of NumPy, not a zip archive of several; save words and vectors "
    "with numpy.savez",
}
GENSIM = "gensim"
OWN_CHECKS = (GENSIM, *ZIP_FORMATS)
"""Formats that are pickles or zip archives themselves: their readers say what is wrong."""
SAVED = re.compile(FORMATS[GENSIM].magic)
R_DATA = re.compile(rb"RD[AX][23]\n|X\n\0\0\0[\2\3]")
"""Start of a decompressed file of R: from save(), and from saveRDS()."""
AS_R = "is R's data; in R, save it as text with write.table"
PAGE = re.compile(rb"\s*<(?:!doctype html|html|head|\?xml)[\s>]", re.IGNORECASE)
LFS = b"version https://git-lfs.github.com/spec/"


def check_is_not_foreign(source: Source, format: str | None) -> None:
    """Raise FormatError if a file is a pickle, another program's, or compressed in a rare way.

    Parameters
    ----------
    format : str or None
        The format chosen by the user, if any.
    """
    path = source.path
    if format in OWN_CHECKS or (not format and path is not None and saved_kind(path)):
        return
    head = source.head[:HEAD_BYTES]
    if head.startswith(PICKLES):
        raise FormatError(f"{source}: is a pickle, which can run code when it is opened; {AS_TEXT}")
    for compression, command in COMMANDS.items():
        if COMPRESSIONS[compression].match(head):
            raise FormatError(
                f"{source}: is compressed by {compression}; decompress it first: {command}"
            )
    if R_DATA.match(head):
        raise FormatError(f"{source}: {AS_R}")
    if head.startswith(NPY) and path is not None and decades_in(path):
        return
    for start, words in OTHERS.items():
        if head.startswith(start):
            raise FormatError(f"{source}: {words}")
    if head.startswith(ZIP):
        _check_zip(source)


def saved_kind(path: Path) -> str | None:
    """Return the class of the object in a file that gensim saved, or None if it is no such file.

    The file may be compressed. The class is named first in its pickle.
    """
    with path.open("rb") as file:
        match = SAVED.match(_inside(file))
    return match["kind"].decode("latin-1") if match else None


def _inside(file: BufferedReader) -> bytes:
    """Return the start of a file's content, decompressed; empty if it cannot be read."""
    try:
        return decompressed(file).read(HEAD_BYTES)
    except damage_errors():
        return b""
    except OSError:
        return b""


def what_else(head: bytes) -> str | None:
    """Return the kind of a file without vectors: a page, a pointer, a picture; None if unknown."""
    if PAGE.match(head):
        return "is a web page, not vectors: the download went wrong; fetch the file itself"
    if head.startswith(LFS):
        return "is a pointer of Git LFS, not the file itself; fetch that: git lfs pull"
    found = describe_non_text(head[:HEAD_BYTES])
    return f"is {found}" if found else None


def _check_zip(source: Source) -> None:
    """Raise FormatError if a zip archive holds no arrays of NumPy."""
    try:
        with source.opened() as file, zipfile.ZipFile(file) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError):
        return  # the reader of npz says what is wrong
    if not names or any(name.endswith(".npy") for name in names):
        return
    if any(name.endswith("data.pkl") for name in names):
        raise FormatError(
            f"{source}: is a pickle of PyTorch, which can run code when it is opened; {AS_TEXT}"
        )
    held = ", ".join(names[:3]) + (", ..." if len(names) > 3 else "")
    raise FormatError(f"{source}: is a zip archive of {held}; unpack it first: unzip {source}")
