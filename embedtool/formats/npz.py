"""NumPy's .npz: the arrays `vectors`, `words` and, if known, `counts`. Never a pickle.

Arrays are memory-mapped if the archive is not compressed.
"""

import math
import mmap
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import IO, Any, BinaryIO

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.array_builder import ArrayBuilder, check_expansion, watched
from embedtool.formats.named_arrays import (
    VECTOR_NAMES,
    WORD_NAMES,
    ambiguous_names,
    check_present,
    choose_name,
    from_arrays,
)
from embedtool.formats.options import ReadOptions
from embedtool.io.atomic import atomic_write
from embedtool.io.blocks import BLOCK_BYTES, row_slices
from embedtool.io.file_types import ZIP
from embedtool.io.progress import Report, silent
from embedtool.model.vectors import VectorTable

SUFFIX = ".npy"
FIRST_SURROGATE, LAST_SURROGATE = 0xD800, 0xDFFF
LARGEST_WORDS = 2**31
"""Maximum bytes of words: NumPy pads every word to the longest, four bytes per character."""
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
"""How NumPy writes arrays that are not records, by the version of its .npy."""


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read `vectors`, float (n, d), `words`, strings or bytes (n,), and `counts`, integers (n,).

    Other names are accepted if they are known, or if the dtypes of the arrays leave no choice.

    Raises
    ------
    FormatError
        If arrays are missing or do not fit each other.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(ZIP)) != ZIP:
                raise FormatError(f"{path}: not a zip archive, as npz is")
            with zipfile.ZipFile(file) as archive:
                names = _names(path, archive, options)
                found = {kind: member_array(path, file, archive, name, options)
                         for kind, name in names.items()}  # fmt: skip
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError,
            RuntimeError) as error:  # fmt: skip
        raise FormatError(f"{path}: cannot be read as npz: {error}") from None
    words = found["words"]
    if words.dtype.kind not in "US" or words.ndim != 1:
        raise FormatError(f"{path}: '{names['words']}' is not a one-dimensional array of strings")
    return from_arrays(path, _strings(path, words, options), found, options)


def _names(path: Path, archive: zipfile.ZipFile, options: ReadOptions) -> dict[str, str]:
    """Return the names of the arrays of `words`, of `vectors` and, if there is one, of `counts`."""
    members = [name.removesuffix(SUFFIX) for name in archive.namelist()]
    kinds = dict.fromkeys(members, "")
    for name in members:
        try:
            with archive.open(f"{name}{SUFFIX}") as stream:
                shape, _, kind = array_header(path, name, stream)
            kinds[name] = f"{kind.kind}{len(shape)}"
        except (KeyError, FormatError):
            continue  # the error is raised when it is chosen
    chosen: dict[str, str] = {}
    for own, named, known, fitting in (
        ("words", options.word_column, WORD_NAMES, ("U1", "S1")),
        ("vectors", options.vector_column, VECTOR_NAMES, ("f2",)),
    ):
        if named is not None:
            check_present(path, named, members, "array")
        possible = [each for each, kind in kinds.items() if kind in fitting]
        choice = named or choose_name(own, known, members, possible)
        if choice is None:
            raise ambiguous_names(path, "array", ("words", "vectors"), members)
        chosen[own] = choice
    return chosen | ({"counts": "counts"} if "counts" in members else {})


def member_array(
    path: Path, file: BinaryIO, archive: zipfile.ZipFile, name: str, options: ReadOptions
) -> NDArray[Any]:
    """Return the array of a member of a zip archive, after its size and checksum were verified.

    It is read in blocks to the end, where zipfile compares the checksum, and mapped if it is stored
    uncompressed.
    """
    if f"{name}{SUFFIX}" not in archive.namelist():
        raise FormatError(f"{path}: '{name}' is not an array")
    member = archive.getinfo(f"{name}{SUFFIX}")
    with archive.open(member) as stream:
        shape, is_fortran, kind = array_header(path, name, stream)
        n_bytes = math.prod(shape) * kind.itemsize
        if min(shape, default=0) < 0 or stream.tell() + n_bytes != member.file_size:
            raise FormatError(
                f"{path}: '{name}' says that its shape is {shape}, which is not in "
                f"{member.file_size:,} bytes"
            )
        check_expansion(path, name, member.compress_size, n_bytes)
        if member.compress_type == zipfile.ZIP_STORED:
            start = _start(file, member) + stream.tell()
            while stream.read(BLOCK_BYTES):
                pass
            data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            flat = np.frombuffer(data, np.uint8)[start : start + n_bytes]
        else:
            with ArrayBuilder(options, np.uint8) as table:
                while block := stream.read(BLOCK_BYTES):
                    table.append(np.frombuffer(block, np.uint8))
                flat = table.array()
    if len(flat) != n_bytes:
        raise FormatError(f"{path}: '{name}' is cut short")
    return np.ndarray(shape, kind, flat.data, order="F" if is_fortran else "C")


def file_array(path: Path) -> NDArray[Any]:
    """Return the array of a .npy file, memory-mapped.

    Raises
    ------
    FormatError
        If it holds Python objects, or its size is not what its header says.
    """
    with path.open("rb") as file:
        shape, is_fortran, kind = array_header(path, path.name, file)
        start, n_bytes = file.tell(), math.prod(shape) * kind.itemsize
        size = path.stat().st_size
        if min(shape, default=0) < 0 or start + n_bytes != size:
            raise FormatError(
                f"{path}: says that its shape is {shape}, which is not in {size:,} bytes"
            )
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    flat = np.frombuffer(data, np.uint8)[start:]
    return np.ndarray(shape, kind, flat.data, order="F" if is_fortran else "C")


def array_header(
    path: Path, name: str, stream: IO[bytes]
) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Return the shape of an array, whether it is in Fortran order, and its dtype.

    Raises
    ------
    FormatError
        If there is none, or it holds Python objects.
    """
    try:
        shape, is_fortran, kind = HEADERS[npy.read_magic(stream)](stream)
    except (ValueError, KeyError, SyntaxError, RecursionError, MemoryError):
        raise FormatError(f"{path}: '{name}' is not an array") from None
    if kind.hasobject:
        raise FormatError(f"{path}: '{name}' holds Python objects, which can run code")
    return shape, is_fortran, kind


def _start(file: BinaryIO, member: zipfile.ZipInfo) -> int:
    """Return the offset of a member's first byte, after 30 bytes, its name and an extra field."""
    file.seek(member.header_offset + 26)
    name_bytes, extra_bytes = struct.unpack("<2H", file.read(4))
    return int(member.header_offset + 30 + name_bytes + extra_bytes)


def _strings(path: Path, words: NDArray[Any], options: ReadOptions) -> list[str]:
    """Return the words; a file can hold any 32 bits, a string only characters."""
    if words.dtype.kind == "S":
        return [
            options.decoded(word, f"{path}: word {number:,}")
            for number, word in enumerate(words.tolist(), 1)
        ]
    strings: list[str] = []
    for rows in row_slices(len(words), words.itemsize):
        block = words[rows].astype(words.dtype.newbyteorder("="))
        codes = np.frombuffer(block.tobytes(), dtype=np.uint32)
        halves = (codes >= FIRST_SURROGATE) & (codes <= LAST_SURROGATE)
        if (halves | (codes > sys.maxunicode)).any():
            raise FormatError(f"{path}: 'words' holds what is no character")
        strings.extend(block.tolist())
    return strings


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write a file, block by block. A string of NumPy cannot end in NUL."""
    longest = max(map(len, vectors.words), default=0)
    if 4 * longest * vectors.n_words > LARGEST_WORDS:
        raise FormatError(
            f"{path}: NumPy pads every word to the longest, {longest:,} characters; safetensors "
            "does not"
        )
    kind = np.dtype(f"<U{longest}")
    words = (
        np.array(vectors.words[rows], kind) for rows in row_slices(vectors.n_words, kind.itemsize)
    )
    with atomic_write(path) as file, zipfile.ZipFile(file, "w") as archive:
        _write_array(
            archive, "vectors", np.dtype("<f4"), vectors.rows.shape, _of(vectors.rows, report)
        )
        _write_array(archive, "words", kind, (vectors.n_words,), words)
        if vectors.counts is not None:
            _write_array(archive, "counts", np.dtype("<i8"), vectors.counts.shape,
                         _of(vectors.counts, silent))  # fmt: skip


def _of(array: NDArray[Any], report: Report) -> Iterable[NDArray[Any]]:
    blocks = row_slices(len(array), array[:1].nbytes)
    return (array[rows] for rows in watched(blocks, len(array), report))


def _write_array(
    archive: zipfile.ZipFile,
    name: str,
    kind: np.dtype[Any],
    shape: tuple[int, ...],
    blocks: Iterable[NDArray[Any]],
) -> None:
    header = {"descr": npy.dtype_to_descr(kind), "fortran_order": False, "shape": shape}
    member = zipfile.ZipInfo(f"{name}{SUFFIX}")
    with archive.open(member, "w", force_zip64=True) as stream:
        npy.write_array_header_1_0(stream, header)
        for block in blocks:
            stream.write(block.astype(kind).tobytes())
