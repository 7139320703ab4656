"""The content of FastText's .bin, part by part, even if it is damaged.

A reader turns the first fault into an error; a check lists all faults.
"""

import mmap
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.fasttext_header import (
    ARGUMENTS,
    MAGIC,
    OLD_SIZES,
    SIZES,
    START,
    SUPERVISED,
    VERSIONS,
    is_old,
    options_of,
)
from embedtool.io.blocks import row_slices
from embedtool.messages import brief

QUANTIZED = struct.Struct("<?")
"""Before each matrix, except in old files: whether it is quantized."""
SHAPE = struct.Struct("<2q")
"""Rows and columns of a matrix."""
ENTRY = struct.Struct("<qb")
"""After a word and its NUL: count, and 0 for a word or 1 for a label."""
WORD = 0

Fault = Callable[[str, Mapping[str, int], str], None]
"""Function that records a fault: its kind (a key of `findings.ERRORS`), its position, and
details."""
Floats = NDArray[np.float32]


@dataclass
class Parts:
    """The content of a file, as far as it is present.

    Attributes
    ----------
    options : dict
        The options in the header.
    n_tokens : int
        Tokens of the training text.
    n_labels : int
        Entries that are labels of texts; an unsupervised model has no vectors for them.
    words, starts, counts : list
        The bytes of each word, the offset at which it begins, and its count.
    word_rows : ndarray of float32, shape (n, dim)
        The rows of the first n words.
    buckets : ndarray of int64, shape (n_rows,)
        The buckets whose rows are not all zeros.
    ngram_rows : ndarray of float32, shape (n_rows, dim)
        Those rows.
    outputs : ndarray of float32, shape (n_words, dim), or None
        The output layer; None if it is not complete.
    """

    __repr__ = brief

    options: dict[str, Any]
    n_tokens: int
    n_labels: int
    words: list[bytes] = field(default_factory=list)
    starts: list[int] = field(default_factory=list)
    counts: list[int] = field(default_factory=list)
    word_rows: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))
    buckets: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    ngram_rows: Floats = field(default_factory=lambda: np.empty((0, 0), np.float32))
    outputs: Floats | None = None


@dataclass
class _Cursor:
    """An offset in a file, which advances as values are read.

    Attributes
    ----------
    allow_nonfinite : bool
        Whether NaN and infinity are not faults.
    old : bool
        Whether the file is of a version without magic.
    """

    path: Path
    data: mmap.mmap
    fault: Fault
    allow_nonfinite: bool = False
    offset: int = 0
    old: bool = False

    def take(self, layout: struct.Struct) -> tuple[Any, ...] | None:
        """Return the next values of a layout; None if they are missing, which is a fault."""
        if self.left(1, layout.size) < 1:
            return None
        values = layout.unpack_from(self.data, self.offset)
        self.offset += layout.size
        return values

    def left(self, n: int, size: int) -> int:
        """Return how many of n items of a given size follow; fewer than n are a fault."""
        n_bytes = len(self.data) - self.offset
        if n < 0 or n * size > n_bytes:
            detail = f"{n * size:,} bytes are expected, {n_bytes:,} follow"
            self.fault("cut", {"byte": self.offset}, f"the file is cut short or damaged: {detail}")
        return max(0, min(n, n_bytes // size))

    def begin(self, n_rows: int, n_columns: int, name: str) -> bool:
        """Read the head of the next matrix; return whether it is as expected."""
        quantized = None if self.old else self.take(QUANTIZED)
        shape = self.take(SHAPE)
        if shape is None:
            return False
        if quantized is not None and quantized[0]:
            raise FormatError(f"{self.path}: the model is quantized, which cannot be read")
        if shape != (n_rows, n_columns):
            self.fault(
                "header", {"byte": self.offset - SHAPE.size},
                f"the {name} matrix is {shape[0]:,} x {shape[1]:,}, expected is "
                f"{n_rows:,} x {n_columns:,}",
            )  # fmt: skip
            return False
        return True

    def rows(self, n_rows: int, n_columns: int) -> Floats:
        """Return the next rows of a matrix, float32 (n_rows, n_columns), as a copy."""
        start, n_values = self.offset, n_rows * n_columns
        values = np.frombuffer(self.data, "<f4", n_values, start).astype(np.float32)
        self.offset += 4 * n_values
        if not (self.allow_nonfinite or np.isfinite(values).all()):
            first = start + 4 * int(np.argmin(np.isfinite(values)))
            self.fault("nonfinite", {"byte": first}, "a number that is not finite")
        return values.reshape(n_rows, n_columns)


def parse(path: Path, fault: Fault, allow_nonfinite: bool) -> Parts:
    """Parse a file; raise FormatError if it is not an unsupervised model at all."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _parse(_Cursor(path, data, fault, allow_nonfinite))


def parse_header(path: Path) -> Parts:
    """Parse the header alone; raise FormatError as `parse`."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        return _header(_Cursor(path, data, lambda *_: None))[0]


def _parse(cursor: _Cursor) -> Parts:
    parts, n_words = _header(cursor)
    _entries(cursor, parts, n_words)
    dim, bucket = parts.options["vector_size"], parts.options["bucket"]
    parts.word_rows = parts.ngram_rows = np.empty((0, dim), np.float32)
    if len(parts.words) < n_words or not cursor.begin(n_words + bucket, dim, "input"):
        return parts
    n_rows = cursor.left(n_words + bucket, 4 * dim)
    parts.word_rows = cursor.rows(min(n_rows, n_words), dim)
    parts.buckets, parts.ngram_rows = _trained(cursor, max(0, n_rows - n_words), dim)
    if n_rows < n_words + bucket or not cursor.begin(n_words, dim, "output"):
        return parts
    if cursor.left(n_words, 4 * dim) == n_words:
        parts.outputs = cursor.rows(n_words, dim)
        if cursor.offset != len(cursor.data):
            cursor.fault("stray", {"byte": cursor.offset}, "more follows than the model")
    return parts


def _header(cursor: _Cursor) -> tuple[Parts, int]:
    """Return the content of the header, and the number of words."""
    path = cursor.path
    start = cursor.take(START)
    if start is not None and start[0] != MAGIC and is_old(cursor.data):
        cursor.old, cursor.offset = True, 0
    elif start is not None and (start[0] != MAGIC or start[1] not in VERSIONS):
        raise FormatError(
            f"{path}: not a fastText model of version {' or '.join(map(str, VERSIONS))} "
            f"(magic {start[0]}, version {start[1]})"
        )
    arguments = cursor.take(ARGUMENTS)
    sizes = cursor.take(OLD_SIZES if cursor.old else SIZES)
    if arguments is None or sizes is None:
        raise FormatError(f"{path}: the file ends in its header")
    options = options_of(path, arguments)
    n_entries, n_words, n_labels, n_tokens = sizes[:4]
    n_pruned = -1 if cursor.old else sizes[4]
    if options["mode"] == SUPERVISED or n_pruned >= 0:
        raise FormatError(f"{path}: a supervised or pruned model; only others can be read")
    if n_entries != n_words + n_labels or n_labels < 0:
        raise FormatError(
            f"{path}: damaged, or a supervised or pruned model: {n_entries:,} entries, but "
            f"{n_words:,} words and {n_labels:,} labels"
        )
    if (
        min(options["vector_size"], n_words) < 1
        or min(options["bucket"], options["min_n"], options["max_n"]) < 0
    ):
        raise FormatError(
            f"{path}: damaged: {n_words:,} words of {options['vector_size']:,} dimensions"
        )
    return Parts(options, n_tokens, n_labels), n_words


def _entries(cursor: _Cursor, parts: Parts, n_words: int) -> None:
    """Read the words with their counts, and the labels, which come after them."""
    if cursor.left(n_words + parts.n_labels, 1 + ENTRY.size) < n_words + parts.n_labels:
        return
    for i in range(n_words + parts.n_labels):
        start = cursor.offset
        end = cursor.data.find(b"\0", start)
        if end < 0:
            cursor.fault("cut", {"byte": start}, "a word without end")
            return
        cursor.offset = end + 1
        entry = cursor.take(ENTRY)
        if entry is None:
            return
        if (entry[1] == WORD) != (i < n_words):
            raise FormatError(f"{cursor.path}, byte {start:,}: damaged: labels come after words")
        if i < n_words:
            parts.words.append(cursor.data[start:end])
            parts.starts.append(start)
            parts.counts.append(entry[0])


def _trained(cursor: _Cursor, bucket: int, dim: int) -> tuple[NDArray[np.int64], Floats]:
    """Return the buckets whose rows are not all zeros, and those rows."""
    rows = np.empty((bucket, dim), dtype=np.float32)  # what is never written takes no memory
    buckets = np.empty(bucket, dtype=np.int64)
    n_rows = 0
    for chunk in row_slices(bucket, 4 * dim):
        block = cursor.rows(chunk.stop - chunk.start, dim)
        trained = np.flatnonzero(block.any(axis=1))
        end = n_rows + len(trained)
        rows[n_rows:end], buckets[n_rows:end] = block[trained], chunk.start + trained
        n_rows = end
    return buckets[:n_rows].copy(), rows if n_rows == bucket else rows[:n_rows].copy()
