"""Files of tensors in the safetensors format: u64 length, JSON header, data.

The library of that name copies everything that it reads and writes; here files are written in
blocks, and mapped, which takes no memory until a tensor is used.
"""

import json
import math
import mmap
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.io.blocks import row_slices
from embedtool.io.json_file import parse_json

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

DTYPES: dict[str, np.dtype[Any]] = {
    "I64": np.dtype("<i8"),
    "F64": np.dtype("<f8"),
    "F32": np.dtype("<f4"),
    "I32": np.dtype("<i4"),
    "F16": np.dtype("<f2"),
    "I8": np.dtype("<i1"),
    "U8": np.dtype("<u1"),
}
"""Types of numbers, longest first: in this order all tensors are aligned."""
ALIGNMENT = 8
BLOCK_BYTES = 2**24
MAX_HEADER_BYTES = 100_000_000
"""Maximum header size, as in the library: JSON takes many times its length in memory."""
METADATA = "__metadata__"


class Writer(Protocol):
    """A file, or an object that writes to one."""

    def write(self, data: "ReadableBuffer", /) -> int:
        """Write bytes, or those of an array; return how many."""


def write_tensors(
    file: Writer, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, str] | None = None
) -> None:
    """Write arrays of the types of DTYPES in C order, regardless of their layout."""
    order = sorted(tensors, key=lambda name: -tensors[name].itemsize)
    shapes = {name: (tensors[name].dtype, tensors[name].shape) for name in order}
    write_header(file, shapes, metadata)
    for name in order:
        write_rows(file, tensors[name])


def write_header(
    file: Writer,
    shapes: Mapping[str, tuple[np.dtype[Any], tuple[int, ...]]],
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write the header: type and shape of each tensor, in the order of the data."""
    names = {kind: name for name, kind in DTYPES.items()}
    header: dict[str, Any] = {METADATA: dict(metadata)} if metadata else {}
    end = 0
    for name, (kind, shape) in shapes.items():
        begin, end = end, end + math.prod(shape) * kind.itemsize
        header[name] = {
            "dtype": names[kind.newbyteorder("<")],
            "shape": shape,
            "data_offsets": (begin, end),
        }
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % ALIGNMENT)
    file.write(len(text).to_bytes(8, "little") + text)


def write_rows(file: Writer, tensor: NDArray[Any]) -> None:
    """Write an array, little-endian, in C order, a block of rows at a time."""
    for rows in row_slices(len(tensor), tensor[:1].nbytes, BLOCK_BYTES):
        block = tensor[rows]
        file.write(np.ascontiguousarray(block, dtype=block.dtype.newbyteorder("<")).data)
        release_pages(tensor)


def release_pages(array: NDArray[Any]) -> None:
    """Release the memory of a read-only mapped array; it is read again on use."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    mapping = base.obj if isinstance(base, memoryview) and base.readonly else None
    if isinstance(mapping, mmap.mmap) and sys.platform != "win32":
        mapping.madvise(mmap.MADV_DONTNEED)


def map_tensors(path: Path) -> dict[str, NDArray[Any]]:
    """Map the tensors of a file; they stay on disk until they are used.

    Raises
    ------
    FormatError
        If the file is damaged or cut short.
    OSError
        If it cannot be read.
    """
    try:
        with path.open("rb") as file:
            data = np.frombuffer(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ), np.uint8)
        first = 8 + int.from_bytes(data[:8].tobytes(), "little")
        if first > 8 + MAX_HEADER_BYTES:
            raise ValueError(first)
        header = parse_json(data[8:first].tobytes())
        header.pop(METADATA, None)
        for name, entry in header.items():
            if entry["dtype"] not in DTYPES:
                raise FormatError(
                    f"{path.name}: the numbers of {name!r} are of type {entry['dtype']!r}, which "
                    "cannot be read"
                )
        return {name: _tensor(data[first:], entry) for name, entry in header.items()}
    except (ValueError, KeyError, TypeError, IndexError, AttributeError):
        raise FormatError(f"{path.name}: the tensors are damaged or cut short") from None


def _tensor(data: NDArray[np.uint8], entry: Mapping[str, Any]) -> NDArray[Any]:
    kind, (begin, end) = DTYPES[entry["dtype"]], entry["data_offsets"]
    n_bytes = math.prod(entry["shape"]) * kind.itemsize
    if not 0 <= begin <= end <= len(data) or end - begin != n_bytes:
        raise ValueError(entry)
    return data[begin:end].view(kind).reshape(entry["shape"])
