"""An object that gensim saved: its attributes in a pickle, its large arrays in files beside it.

The pickle is parsed by our own code, and nothing of it is run.
"""

import mmap
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.array_builder import SMALL_BYTES
from embedtool.formats.foreign import saved_kind
from embedtool.formats.npz import file_array, member_array
from embedtool.formats.options import ReadOptions
from embedtool.formats.pickle_parser import load
from embedtool.formats.pickle_values import PickledArray, Record
from embedtool.io.atomic import is_decompression_bomb
from embedtool.io.blocks import BLOCK_BYTES
from embedtool.io.compression import OPENERS, compression_of, damage_errors
from embedtool.io.file_types import HEAD_BYTES

COMPRESSED = (".gz", ".bz2")
"""Suffixes of files whose arrays gensim compresses too, as npz instead of npy."""
SEPARATE, LEFT_OUT = "__numpys", "__ignoreds"
"""Attributes that list the arrays beside the file, and those that were not saved."""
SHOWN = 5
"""Classes that an error names."""
MEMBER = "val"
"""The name of an array in its npz."""


class Saved:
    """An object in a file of gensim.

    Parameters
    ----------
    path : Path
        The file.
    record : Record
        The object.
    options : ReadOptions
        How to read.
    name : str
        Where its arrays are: the name of the file and of the attributes that lead to the object.
    """

    def __init__(self, path: Path, record: Record, options: ReadOptions, name: str = "") -> None:
        self.path, self.record, self.options = path, record, options
        self.name = name or path.name

    @property
    def kind(self) -> str:
        """The name of its class."""
        return self.record.kind.name

    def get(self, name: str, default: Any = None) -> Any:
        """Return an attribute that is no array."""
        return self.record.get(name, default)

    def child(self, name: str) -> "Saved | None":
        """Return an attribute that is an object of gensim, or None."""
        record = self.get(name)
        if not isinstance(record, Record):
            return None
        return Saved(self.path, record, self.options, f"{self.name}.{name}")

    def array(self, *names: str) -> NDArray[Any] | None:
        """Return the first attribute of some names that is an array, or None.

        Raises
        ------
        FormatError
            If it is in a file that is missing or damaged.
        """
        for name in names:
            if name in self._names(SEPARATE):
                return self._separate(name)
            value = self.get(name)
            if isinstance(value, PickledArray) and isinstance(value.values, np.ndarray):
                return value.values
        return None

    def has(self, name: str) -> bool:
        """Return whether an array is in the file or beside it."""
        return name in self._names(SEPARATE) or isinstance(self.get(name), PickledArray)

    def _names(self, attribute: str) -> list[str]:
        names = self.get(attribute)
        known = names if isinstance(names, list) else []
        return [each.decode("latin-1") if isinstance(each, bytes) else each for each in known]

    def _separate(self, name: str) -> NDArray[Any]:
        is_packed = self.path.name.endswith(COMPRESSED)
        path = self.path.with_name(f"{self.name}.{name}.{'npz' if is_packed else 'npy'}")
        if not path.is_file():
            raise FormatError(
                f"{self.path}: gensim saved its array {name!r} beside it, as {path.name}, which is "
                "missing; put it in the same folder, under this name"
            )
        if not is_packed:
            return file_array(path)
        try:
            with path.open("rb") as file, zipfile.ZipFile(file) as archive:
                return member_array(path, file, archive, MEMBER, self.options)
        except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError,
                RuntimeError) as error:  # fmt: skip
            raise FormatError(f"{path}: cannot be read as npz: {error}") from None


def open_saved(path: Path, options: ReadOptions, kinds: tuple[str, ...]) -> Saved:
    """Return the object in a file, which may be compressed by gzip, bzip2 or xz.

    Parameters
    ----------
    kinds : tuple of str
        The classes of gensim that it may be of, the best known last.

    Raises
    ------
    FormatError
        If it is of another class, or the file is damaged.
    """
    kind = saved_kind(path)
    if kind is None:
        raise FormatError(f"{path}: is not a file that gensim saved")
    if kind not in kinds:
        raise FormatError(
            f"{path}: is gensim's {kind}, which is not read; vectors are in "
            f"{', '.join(kinds[-SHOWN:-1])} and {kinds[-1]}"
        )
    with _content(path, options) as data:
        record = load(path, data)
    if not isinstance(record, Record) or record.kind.name != kind:
        raise FormatError(f"{path}: the pickle is damaged: it does not end in a {kind}")
    return Saved(path, record, options)


@contextmanager
def _content(path: Path, options: ReadOptions) -> Iterator[mmap.mmap]:
    """Yield the content, mapped; if it is compressed, a temporary copy."""
    with path.open("rb") as file:
        compression = compression_of(file.read(HEAD_BYTES))
        if compression is not None:
            with TemporaryFile(dir=options.scratch) as copy:
                n_bytes = _decompress(path, OPENERS[compression](path), copy)
                yield mmap.mmap(copy.fileno(), n_bytes, access=mmap.ACCESS_READ)
            return
        yield mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _decompress(path: Path, source: Any, copy: Any) -> int:
    """Copy the content of a compressed file to another; return its bytes."""
    packed, n_bytes = path.stat().st_size, 0
    try:
        with source:
            while block := source.read(BLOCK_BYTES):
                n_bytes += len(block)
                if is_decompression_bomb(packed, n_bytes, SMALL_BYTES):
                    raise FormatError(f"{path}: {packed:,} bytes become more than {n_bytes:,}")
                copy.write(block)
    except damage_errors() as error:
        raise FormatError(f"{path}: is cut short or damaged: {error}") from None
    copy.flush()
    return n_bytes
