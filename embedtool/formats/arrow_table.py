"""Tables of Arrow, in memory and in files: the columns `word`, `vector` and, if known, `count`."""

import fnmatch
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError, MissingExtraError
from embedtool.formats.array_builder import ArrayBuilder, watched
from embedtool.formats.named_arrays import (
    VECTOR_NAMES,
    WORD_NAMES,
    ambiguous_names,
    check_present,
    choose_name,
    from_arrays,
)
from embedtool.formats.options import ReadOptions
from embedtool.io.blocks import row_slices
from embedtool.io.encodings import UTF8
from embedtool.io.progress import Progress, Report
from embedtool.model.vectors import VectorTable

WORD, VECTOR, COUNT = "word", "vector", "count"
METADATA = {"format": "embedtool words and vectors"}
BATCH_BYTES = 2**25
"""Bytes of vectors per batch: large enough for a row group, small enough for memory."""
EXTRA = "parquet"
"""The extra that installs pyarrow."""


def import_pyarrow(kind: str) -> Any:
    """Return the module pyarrow, or raise MissingExtraError."""
    try:
        import pyarrow
    except ImportError:
        raise MissingExtraError(kind, EXTRA) from None
    return pyarrow


@contextmanager
def arrow_errors(path: Path, kind: str) -> Iterator[None]:
    """Turn pyarrow's errors about a damaged file into a FormatError of one line."""
    pa = import_pyarrow(kind)
    try:
        yield
    except (pa.ArrowException, MemoryError, ValueError, OverflowError, OSError) as error:
        reason = " ".join(str(error).split())
        raise FormatError(f"{path}: cannot be read as {kind}: {reason}") from None


class Columns(NamedTuple):
    """The names of the columns that are read.

    Attributes
    ----------
    word : str
        The column of words.
    vectors : sequence of str
        One column of lists of numbers, or a column of numbers for each dimension.
    is_listed : bool
        Whether there is one column of lists.
    counts : str or None
        The column of counts, if there is one.
    """

    word: str
    vectors: Sequence[str]
    is_listed: bool
    counts: str | None

    @property
    def names(self) -> list[str]:
        return [self.word, *self.vectors, *filter(None, [self.counts])]


def columns_of(path: Path, schema: Any, options: ReadOptions) -> Columns:
    """Return the columns of words, of vectors and, if there is one, of counts.

    Raises
    ------
    FormatError
        If they are missing or ambiguous.
    """
    names, kinds = schema.names, dict(zip(schema.names, schema.types, strict=True))
    if options.word_column is not None:
        check_present(path, options.word_column, names, "column")
    strings = [name for name in names if _is_text(kinds[name])]
    word = options.word_column or choose_name(WORD, WORD_NAMES, names, strings)
    vectors = _vector_names(path, kinds, options)
    if word is None or not vectors:
        raise ambiguous_names(path, "column", (WORD, VECTOR), names)
    is_listed = len(vectors) == 1 and not _is_number(kinds[vectors[0]])
    count = COUNT if COUNT in names and COUNT not in vectors else None
    return Columns(word, vectors, is_listed or vectors == [VECTOR], count)


def _vector_names(path: Path, kinds: Mapping[str, Any], options: ReadOptions) -> list[str]:
    """Return the column of lists of numbers, or a column for each dimension; none if ambiguous.

    Columns of dimensions have names that differ only in a number, such as `d0` and `d1`.
    """
    if options.vector_column is not None:
        named = fnmatch.filter(kinds, options.vector_column)
        if not named:
            check_present(path, options.vector_column, kinds, "column")
        return named
    lists = [name for name, kind in kinds.items() if _is_list(kind)]
    name = choose_name(VECTOR, VECTOR_NAMES, kinds, lists)
    if name is not None:
        return [name]
    numbers = [name for name, kind in kinds.items() if _is_floating(kind)]
    stems = {re.sub(r"\d+$", "", name) for name in numbers}
    return numbers if len(numbers) > 1 and len(stems) == 1 and not lists else []


def _is_text(kind: Any) -> bool:
    import pyarrow.types as kinds

    kind = kind.value_type if kinds.is_dictionary(kind) else kind
    tests = (kinds.is_string, kinds.is_large_string, kinds.is_string_view, kinds.is_binary,
             kinds.is_large_binary)  # fmt: skip
    return any(test(kind) for test in tests)


def _is_list(kind: Any) -> bool:
    import pyarrow.types as kinds

    is_list = kinds.is_fixed_size_list(kind) or kinds.is_list(kind) or kinds.is_large_list(kind)
    return is_list and _is_floating(kind.value_type)


def _is_floating(kind: Any) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_floating(kind))


def _is_number(kind: Any) -> bool:
    import pyarrow.types as kinds

    return bool(kinds.is_floating(kind) or kinds.is_integer(kind))


def from_batches(
    path: Path, columns: Columns, batches: Iterable[Any], options: ReadOptions
) -> VectorTable:
    """Make VectorTable from record batches with these columns.

    Words are strings; vectors are lists of floating-point numbers, all of one length, or a column
    of numbers for each dimension; counts are integers.

    Raises
    ------
    FormatError
        If a column is of another type.
    """
    words: list[str] = []
    counts: list[NDArray[Any]] = []
    vector_size = 0
    with ArrayBuilder(options) as table:
        for batch in batches:
            if not batch.num_rows:
                continue
            rows = _rows(path, columns, batch, len(words))
            if words and rows.shape[1] != vector_size:
                raise _ragged(path, columns.vectors[0], len(words))
            vector_size = rows.shape[1]
            words += _words(path, columns.word, batch, len(words), options)
            table.append(rows)
            options.report(Progress("reading", len(words), None, "words"))
            if columns.counts is not None:
                counts.append(_counts(path, batch.column(columns.counts)))
        matrix = table.array(vector_size) if words else np.empty((0, 1), np.float32)
    arrays: dict[str, NDArray[Any]] = {"vectors": matrix}
    if counts:
        arrays["counts"] = np.concatenate(counts)
    return from_arrays(path, words, arrays, options)


def _rows(path: Path, columns: Columns, batch: Any, n_before: int) -> NDArray[Any]:
    """Return the rows of a batch, (n, d)."""
    if columns.is_listed:
        return _lists(path, columns.vectors[0], batch, n_before)
    rows = []
    for name in columns.vectors:
        column = batch.column(name)
        if not _is_number(column.type):
            raise FormatError(f"{path}: '{name}' holds {column.type}, not numbers")
        if column.null_count:
            raise FormatError(f"{path}: '{name}' has a missing number after row {n_before:,}")
        rows.append(column.to_numpy(zero_copy_only=False))
    return np.column_stack(rows)


def _lists(path: Path, name: str, batch: Any, n_before: int) -> NDArray[Any]:
    """Return the rows of a column of lists of numbers, (n, d); its offsets are validated first."""
    import pyarrow.types as kinds

    column = batch.column(name)
    kind = column.type
    if not _is_list(kind):
        raise FormatError(f"{path}: '{name}' holds {kind}, not lists of floating-point numbers")
    is_fixed = kinds.is_fixed_size_list(kind)
    column.validate(full=True)
    values = column.flatten()
    if column.null_count or values.null_count:
        raise FormatError(f"{path}: '{name}' has a missing number after row {n_before:,}")
    size = kind.list_size if is_fixed else len(column[0])
    if not is_fixed and (np.diff(column.offsets.to_numpy()) != size).any():
        raise _ragged(path, name, n_before)
    if not size:
        raise FormatError(f"{path}: '{name}' has vectors of 0 dimensions")
    rows: NDArray[Any] = values.to_numpy(zero_copy_only=False).reshape(len(column), size)
    return rows


def _ragged(path: Path, name: str, n_before: int) -> FormatError:
    return FormatError(f"{path}: '{name}' changes its length after row {n_before:,}")


def _words(path: Path, name: str, batch: Any, n_before: int, options: ReadOptions) -> list[str]:
    """Return the words of a column of strings, of bytes, or of a dictionary of strings."""
    import pyarrow as pa
    import pyarrow.types as kinds

    column = batch.column(name)
    if kinds.is_dictionary(column.type) or kinds.is_string_view(column.type):
        column.validate(full=True)
        column = column.cast(pa.large_string())
    if kinds.is_string(column.type) or kinds.is_large_string(column.type):
        column = column.view(pa.binary() if kinds.is_string(column.type) else pa.large_binary())
        encoding = UTF8
    elif kinds.is_binary(column.type) or kinds.is_large_binary(column.type):
        encoding = options.encoding
    else:
        raise FormatError(f"{path}: '{name}' holds {column.type}, not strings")
    column.validate(full=True)
    words = []
    for row, raw in enumerate(column.to_pylist(), n_before + 1):
        if raw is None:
            raise FormatError(f"{path}: row {row:,} has no word")
        words.append(options.decoded(raw, f"{path}: row {row:,}", encoding))
    return words


def _counts(path: Path, column: Any) -> NDArray[Any]:
    import pyarrow.types as kinds

    if not kinds.is_integer(column.type) or column.null_count:
        raise FormatError(f"{path}: '{COUNT}' holds {column.type} or nothing, not whole numbers")
    counts: NDArray[Any] = column.to_numpy()
    return counts


def schema_of(vectors: VectorTable, kind: str) -> Any:
    """Return the columns in which vectors are written."""
    pa = import_pyarrow(kind)
    fields = [(WORD, pa.large_string()), (VECTOR, pa.list_(pa.float32(), vectors.vector_size))]
    if vectors.counts is not None:
        fields.append((COUNT, pa.int64()))
    return pa.schema([pa.field(*field, nullable=False) for field in fields], METADATA)


def batches_of(vectors: VectorTable, schema: Any, report: Report) -> Iterator[Any]:
    """Yield the rows in batches of about BATCH_BYTES."""
    import pyarrow as pa

    size = vectors.vector_size
    blocks = row_slices(vectors.n_words, 4 * size, BATCH_BYTES)
    for rows in watched(blocks, vectors.n_words, report):
        values = pa.array(vectors.rows[rows].ravel())
        columns = [
            pa.array(vectors.words[rows], pa.large_string()),
            pa.FixedSizeListArray.from_arrays(values, size),
        ]
        if vectors.counts is not None:
            columns.append(pa.array(vectors.counts[rows]))
        yield pa.record_batch(columns, schema)
