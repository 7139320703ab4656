"""Forward reading of FastText's binary files, which may come from a pipe or be compressed.

A size in a header is believed only as far as bytes arrive: memory grows with what has been read.
"""

import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import DTypeLike, NDArray

from embedtool.io.blocks import row_slices
from embedtool.messages import brief

CHUNK_BYTES = 2**20
"""Bytes that are read at a time, from which words are cut."""
MAX_WORD_BYTES = 2**24
"""Bytes of the longest word; where no word ends within them, there are no words."""

Fault = Callable[[str, Mapping[str, int], str], None]
"""Function that records a fault: its kind (a key of `findings.ERRORS`), its position, and
details."""
Floats = NDArray[np.float32]


@dataclass
class Stream:
    """A file that is read from its beginning to its end.

    Attributes
    ----------
    file : BinaryIO
        The file; only `read` is called.
    name : str
        Its name in messages.
    fault : Fault
        Called with each fault.
    allow_nonfinite : bool
        Whether NaN and infinity are not faults.
    offset : int
        The bytes read so far.
    """

    __repr__ = brief

    file: BinaryIO
    name: str
    fault: Fault
    allow_nonfinite: bool = False
    offset: int = 0
    _waiting: bytes = b""

    def peek(self, n_bytes: int) -> bytes:
        """Return the next bytes without reading past them; fewer if the file ends before."""
        while len(self._waiting) < n_bytes:
            more = self.file.read(CHUNK_BYTES)
            if not more:
                break
            self._waiting += more
        return self._waiting[:n_bytes]

    def read(self, n_bytes: int) -> bytes:
        """Return the next bytes; fewer are a fault, and the end of the file."""
        found = self._waiting[:n_bytes]
        self._waiting = self._waiting[n_bytes:]
        if len(found) < n_bytes:
            parts, missing = [found], n_bytes - len(found)
            while missing and (part := self.file.read(min(missing, CHUNK_BYTES))):
                parts.append(part)
                missing -= len(part)
            found = b"".join(parts)
        start = self.offset
        self.offset += len(found)
        if len(found) < n_bytes:
            self.cut(start, n_bytes, len(found))
        return found

    def cut(self, start: int, expected: int, found: int) -> None:
        """Record that fewer bytes follow than are expected."""
        detail = f"{expected:,} bytes are expected, {found:,} follow"
        self.fault("cut", {"byte": start}, f"the file is cut short or damaged: {detail}")

    def at_end(self) -> bool:
        """Return whether nothing follows."""
        return not self.peek(1)

    def take(self, layout: struct.Struct) -> tuple[Any, ...] | None:
        """Return the next values of a layout; None if they are missing, which is a fault."""
        found = self.read(layout.size)
        return layout.unpack(found) if len(found) == layout.size else None

    def entries(
        self, n_entries: int, layout: struct.Struct
    ) -> Iterator[tuple[bytes, tuple[Any, ...]]]:
        """Yield words that end with a NUL, each with the values after it.

        Ends early, with a fault, if the file does.
        """
        after = 1 + layout.size
        buffer, at = self._waiting, 0
        base = self.offset
        for _ in range(n_entries):
            end = buffer.find(b"\0", at)
            while end < 0 or end + after > len(buffer):
                more = self.file.read(CHUNK_BYTES) if len(buffer) - at < MAX_WORD_BYTES else b""
                if not more:
                    detail = "a word without end" if end < 0 else "a word without its count"
                    self._waiting, self.offset = b"", base + len(buffer)
                    self.fault("cut", {"byte": base + at}, detail)
                    return
                base, buffer, at = base + at, buffer[at:] + more, 0
                end = buffer.find(b"\0")
            word, values = buffer[at:end], layout.unpack_from(buffer, end + 1)
            at = end + after
            self.offset = base + at
            yield word, values
        self._waiting = buffer[at:]

    def blocks(
        self, n_rows: int, n_columns: int, dtype: DTypeLike = "<f4"
    ) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Yield the next rows of a matrix, in blocks; fewer, with a fault, if the file ends.

        Yields
        ------
        rows : slice
            Which rows these are.
        block : ndarray, shape (n, n_columns)
            The rows, read-only.
        """
        kind = np.dtype(dtype)
        row_bytes = n_columns * kind.itemsize
        for rows in row_slices(n_rows, row_bytes):
            start, expected = self.offset, (rows.stop - rows.start) * row_bytes
            found = self.read(expected)
            n_found = len(found) // row_bytes
            block = np.frombuffer(found, kind, n_found * n_columns).reshape(n_found, n_columns)
            if kind.kind == "f":
                self._check_finite(block, start)
            yield slice(rows.start, rows.start + n_found), block
            if len(found) < expected:
                return

    def skip(self, n_rows: int, n_columns: int) -> bool:
        """Read past rows of float32 numbers; return whether they were all there."""
        n_found = 0
        for rows, _ in self.blocks(n_rows, 4 * n_columns, np.uint8):
            n_found = rows.stop
        return n_found == n_rows

    def numbers(self, n_numbers: int, dtype: DTypeLike) -> NDArray[Any] | None:
        """Return the next numbers as an array, which is a copy; None if they are cut short."""
        blocks = [block for _, block in self.blocks(n_numbers, 1, dtype)]
        found = np.concatenate([np.empty((0, 1), np.dtype(dtype)), *blocks])[:, 0]
        native: NDArray[Any] = found.astype(found.dtype.newbyteorder("="), copy=False)
        return native if len(found) == n_numbers else None

    def _check_finite(self, block: NDArray[Any], start: int) -> None:
        if self.allow_nonfinite:
            return
        finite = np.isfinite(block)
        if not finite.all():
            first = start + block.itemsize * int(np.argmin(finite))
            self.fault("nonfinite", {"byte": first}, "a number that is not finite")
