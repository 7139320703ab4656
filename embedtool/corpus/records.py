"""Text from records: JSONL, CSV, TSV and Parquet.

Line ends within a text are line ends of the corpus. A value may also be a list of tokens.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from numbers import Integral
from pathlib import PurePath
from typing import Any, BinaryIO

from embedtool.config.text import TextConfig
from embedtool.corpus.object_stores import path_in_store
from embedtool.corpus.sources import peek_head
from embedtool.errors import CorpusError, MissingExtraError
from embedtool.io.atomic import is_decompression_bomb
from embedtool.io.json_file import parse_json

SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
DELIMITERS = {"csv": ",", "tsv": "\t"}
OTHER_DELIMITERS = ";\t|,"
"""Other separators, suggested if the header has only one column that contains one of them."""
COMPRESSED = {".gz", ".bz2", ".xz", ".zst"}
PARQUET_MAGIC = b"PAR1\x15"
"""The magic number and the start of the first page; text may begin with the magic number alone."""
BATCH_ROWS = 64
"""Rows of Parquet read at a time: with a dictionary, all of them can be one long text."""
SMALL_BYTES = 2**24
"""Size in bytes up to which a column is read regardless of its compression."""
MAX_RECORD_BYTES = 2**28
"""Maximum bytes of a line of JSONL or CSV, and of a field, which are read whole."""
Columns = Mapping[str, str]
"""Columns or fields, by the parameter that selects each (for messages)."""
Record = tuple[str, tuple[Any, ...]]
"""The position of a record, for messages, and its values."""
FoundRecord = tuple[str, tuple[Any, ...] | None]
"""A Record, or None for one that lacks a column and is skipped."""
DEFAULTS = TextConfig()
NESTED = "."
"""Separates the names of nested fields."""
MAX_LISTED_NAMES = 50
"""Number of field names that a message lists."""
SURROGATE = re.compile(r"\\u[dD]")


def kind_of(name: str, config: TextConfig) -> str:
    """Return the format of a source by its name: text, jsonl, csv, tsv or parquet."""
    if config.input_format != "auto":
        return config.input_format
    suffixes = [suffix.lower() for suffix in PurePath(path_in_store(name)).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1], "text") if suffixes else "text"


def is_parquet(stream: BinaryIO) -> bool:
    """Return whether a stream, at its start, is Parquet, without consuming it."""
    return peek_head(stream, len(PARQUET_MAGIC)).startswith(PARQUET_MAGIC)


def read_records(
    kind: str,
    lines: Iterator[str],
    name: str,
    columns: Columns,
    config: TextConfig = DEFAULTS,
) -> Iterator[FoundRecord]:
    """Yield the values of columns in each record of JSONL, CSV or TSV.

    Parameters
    ----------
    kind : {"jsonl", "csv", "tsv"}
        The format.
    lines : iterator of str
        The lines, with line ends.
    name : str
        The source, for messages.
    columns : Columns
        The columns to read.
    config : TextConfig
        Separator, header, and how to handle records that lack a column.

    Raises
    ------
    CorpusError
        If a line is not a record, or lacks a column.
    """
    if kind == "jsonl":
        return _jsonl(lines, name, columns, config)
    return _csv(lines, name, columns, config, kind)


def _jsonl(
    lines: Iterator[str], name: str, columns: Columns, config: TextConfig
) -> Iterator[FoundRecord]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            record = parse_json(line)
        except ValueError as error:
            raise CorpusError(f"{where}: not JSON: {error}") from None
        if not isinstance(record, dict):
            raise CorpusError(f"{where}: not a JSON object")
        values = [_nested(record, field.split(NESTED), field) for field in columns.values()]
        if MISSING in values:
            if config.missing == "skip":
                yield where, None
                continue
            _check_columns(where, columns, values, _names(record))
        if SURROGATE.search(line):
            for value in values:
                _check_surrogates(value, where)
        yield where, tuple(values)


class _Missing:
    """The value of a field that is missing."""


MISSING = _Missing()


def _nested(record: Any, path: list[str], whole: str | None = None) -> Any:
    """Return the value of a field, or of a field within fields, or MISSING.

    Parameters
    ----------
    record : object
        The record, or a field of it.
    path : list of str
        The names of the fields, outermost first.
    whole : str, optional
        The whole name, which may itself contain dots and is tried first.
    """
    if isinstance(record, dict) and whole in record:
        return record[whole]
    for i, name in enumerate(path):
        if isinstance(record, list):
            return _of_each(record, path[i:])
        if not isinstance(record, dict) or name not in record:
            return MISSING
        record = record[name]
    return record


def _of_each(records: list[Any], path: list[str]) -> Any:
    """Return the texts of a field in each record of a list, one per line; other values as lists."""
    values = [_nested(record, path) for record in records]
    if MISSING in values:
        return MISSING
    texts = [value for value in values if value is not None]
    return "\n".join(texts) if all(isinstance(text, str) for text in texts) else [texts]


def _names(record: dict[str, Any], before: str = "") -> list[str]:
    """Return the names of all fields, with the path to nested ones."""
    names = []
    for name, value in record.items():
        if isinstance(value, list) and value:
            value = value[0]
        is_nested = isinstance(value, dict) and value
        names += _names(value, f"{before}{name}{NESTED}") if is_nested else [f"{before}{name}"]
    return names


def _csv(
    lines: Iterator[str], name: str, columns: Columns, config: TextConfig, kind: str
) -> Iterator[FoundRecord]:
    csv.field_size_limit(MAX_RECORD_BYTES)
    delimiter = DELIMITERS[kind] if config.delimiter == "auto" else config.delimiter
    quoting: Any = csv.QUOTE_MINIMAL if kind == "csv" else csv.QUOTE_NONE
    rows = csv.reader(lines, delimiter=delimiter, quoting=quoting, strict=True)
    first = 1
    indices: list[int] = []
    width = 0
    try:
        for row in rows:
            where, first = f"{name}, line {first}", rows.line_num + 1
            if not row:
                continue
            if not indices:
                indices, width = _indices(row, name, columns, config, delimiter), len(row)
                if config.header:
                    continue
            if any(row[width:]):
                raise CorpusError(
                    f"{where}: has {len(row):,} columns, the first line {width:,}; a text with "
                    f"{delimiter!r} in it must be quoted in CSV"
                )
            if len(row) > max(indices):
                yield where, tuple(row[index] for index in indices)
            elif config.missing == "skip":
                yield where, None
            else:
                lacking = next(
                    column
                    for column, index in zip(columns.values(), indices, strict=True)
                    if index >= len(row)
                )
                raise CorpusError(f"{where}: has no {lacking!r} column")
    except csv.Error as error:
        raise CorpusError(
            f"{name}, line {first}: {_reason(error)}", parameters=("input_format", "delimiter")
        ) from None


def _reason(error: csv.Error) -> str:
    """Return the CSV module's complaint about a record, with advice."""
    remedy = (
        "; a quote within a text is doubled; if quotes have no meaning, use "
        "input_format='tsv', delimiter=','"
    )
    if "unexpected end of data" in str(error):
        return f"a quote that opens in this record is never closed{remedy}"
    if "expected after" in str(error):
        return f"a quote in this record closes within a text{remedy}"
    return str(error)


def _indices(
    row: list[str], name: str, columns: Columns, config: TextConfig, delimiter: str
) -> list[int]:
    """Return the indices of the columns, given the first row."""
    if not config.header:
        return [_number(name, option, column, row) for option, column in columns.items()]
    present = [column if column in row else MISSING for column in columns.values()]
    if MISSING in present:
        others = [each for each in OTHER_DELIMITERS if each != delimiter and each in row[0]]
        hint = f" (are they separated by {others[0]!r}? set delimiter)" if others else ""
        _check_columns(name, columns, present, row, hint)
    for column in columns.values():
        if row.count(column) > 1:
            raise CorpusError(
                f"{name}: two columns are called {column!r}; name one by its number, with "
                "header=False",
                parameters=("header",),
            )
    return [row.index(column) for column in columns.values()]


def _number(name: str, option: str, column: str, row: list[str]) -> int:
    """Return the index of a column that is given by its number."""
    if not column.isdecimal() or not 1 <= int(column) <= len(row):
        raise CorpusError(
            f"{name}: has {len(row):,} columns and, by header=False, no names; set {option} "
            f"to a number from 1 to {len(row)}, not {column!r}",
            parameters=("header", option),
        )
    return int(column) - 1


def read_parquet(stream: BinaryIO, name: str, columns: Columns) -> Iterator[FoundRecord]:
    """Yield the values of columns in each row of Parquet.

    Raises
    ------
    CorpusError
        If the stream is not seekable, cannot be read, or has no such column.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("reading Parquet", "parquet") from None
    if not stream.seekable():
        raise CorpusError(f"{name}: Parquet cannot be read from a pipe; name the file")
    try:
        table = pq.ParquetFile(stream)
        names = _column_names(table.schema_arrow)
        wanted = list(columns.values())
        there = {*table.schema_arrow.names, *names}
        present = [column if column in there else MISSING for column in wanted]
        if MISSING in present:
            _check_columns(name, columns, present, names)
        _check_expansion(table.metadata, name, wanted)
        for batch in table.iter_batches(BATCH_ROWS, columns=wanted):
            rows = batch.to_pylist()
            for row in rows:
                yield name, tuple(_inner(row, column) for column in wanted)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise CorpusError(f"{name}: cannot be read as Parquet: {error}") from None


def _column_names(fields: Any, before: str = "") -> list[str]:
    """Return the names of all columns, with the path to fields of structs."""
    names = []
    for each in fields:
        is_struct = hasattr(each.type, "get_field_index") and each.type.num_fields
        inner = _column_names(each.type, f"{before}{each.name}{NESTED}") if is_struct else []
        names += inner or [f"{before}{each.name}"]
    return names


def _inner(row: dict[str, Any], column: str) -> Any:
    """Return the value of a column, or of a field of a struct; None if the struct is null."""
    value = _nested(row, column.split(NESTED), column)
    return None if value is MISSING else value


def _check_expansion(metadata: Any, name: str, wanted: list[str]) -> None:
    """Raise CorpusError if a column is compressed more than text plausibly is."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            packed, n_bytes = column.total_compressed_size, column.total_uncompressed_size
            is_wanted = any(f"{column.path_in_schema}.".startswith(f"{each}.") for each in wanted)
            if is_wanted and is_decompression_bomb(packed, n_bytes, SMALL_BYTES):
                raise CorpusError(
                    f"{name}: {packed:,} bytes of {column.path_in_schema!r} become {n_bytes:,}, "
                    "which is implausible for text"
                )


def check_text(value: Any, where: str, field: str) -> str:
    """Return the value of a field, which must be a string."""
    if not isinstance(value, str):
        raise CorpusError(f"{where}: {field!r} holds {type(value).__name__}, not text")
    return value


def tokens_from_list(values: Sequence[Any], where: str, field: str) -> Iterator[str]:
    """Yield the tokens of a list, without null; integers as their digits.

    Raises
    ------
    CorpusError
        If a value is not a token.
    """
    for value in values:
        if isinstance(value, Integral) and not isinstance(value, bool):
            yield str(value)
        elif isinstance(value, str) and "\n" not in value and "\0" not in value:
            yield value
        elif isinstance(value, str):
            raise CorpusError(
                f"{where}: {field!r} holds a token with a line end or NUL: {value[:40]!r}"
            )
        elif value is not None:
            raise CorpusError(
                f"{where}: {field!r} holds a list with {type(value).__name__}, not a list of tokens"
            )


def _check_surrogates(value: Any, where: str) -> None:
    """Raise CorpusError if JSON escapes spell a lone surrogate, which UTF-8 cannot encode."""
    for each in value if isinstance(value, list) else [value]:
        try:
            if isinstance(each, str):
                each.encode()
        except UnicodeEncodeError:
            raise CorpusError(
                f"{where}: contains half of a surrogate pair, which is not a character"
            ) from None


def _check_columns(
    where: str,
    columns: Columns,
    values: Iterable[object],
    names: list[str],
    hint: str = "",
) -> None:
    """Raise CorpusError if a column is missing.

    Parameters
    ----------
    where : str
        The position of the record, for messages.
    values : iterable
        The value of each, or MISSING.
    names : list of str
        The columns that exist.
    hint : str
        End of the message.
    """
    for (option, column), value in zip(columns.items(), values, strict=True):
        if value is MISSING:
            more = (
                f", and {len(names) - MAX_LISTED_NAMES:,} more"
                if len(names) > MAX_LISTED_NAMES
                else ""
            )
            there = ", ".join(map(repr, names[:MAX_LISTED_NAMES]))
            raise CorpusError(
                f"{where}: has no {column!r}; set {option} to one of: {there}{more}{hint}",
                parameters=(option, "delimiter"),
            )
