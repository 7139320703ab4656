"""Text out of records: JSONL, CSV, TSV and Parquet.

In: an open stream and the names of fields. Out: their values, one tuple a record; line ends within
a text are line ends of the corpus.
"""

import csv
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from io import BufferedReader
from pathlib import PurePath
from typing import Any, BinaryIO

from embedtool.config import TextConfig
from embedtool.corpus.stores import path_in_store
from embedtool.errors import CorpusError, MissingExtraError
from embedtool.files import swells

SUFFIXES = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
}
COMPRESSED = {".gz", ".bz2", ".xz", ".zst"}
PARQUET_MAGIC = b"PAR1\x15"
"""The magic, and how the header of the first page begins; text may begin with the magic alone."""
BATCH_ROWS = 64
"""Rows of Parquet read at once: a dictionary can make one long text of all of them."""
SMALL_BYTES = 2**24
"""A column of so many bytes does no harm, in each of BATCH_ROWS rows, however it was compressed."""
LONGEST_RECORD = 2**28
"""Bytes of a line of JSONL or CSV, and characters of a field, which are read whole: a library."""
Columns = Mapping[str, str]
"""The columns or fields wanted, by the option that chooses each, as messages call it."""
Record = tuple[str, tuple[Any, ...]]
"""Where a record stands, as messages call it, and its values."""
SURROGATE = re.compile(r"\\u[dD]")


def kind_of(name: str, config: TextConfig) -> str:
    """The kind of records behind a name: text, jsonl, csv, tsv or parquet."""
    if config.input_format != "auto":
        return config.input_format
    suffixes = [suffix.lower() for suffix in PurePath(path_in_store(name)).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1], "text") if suffixes else "text"


def is_parquet(stream: BinaryIO) -> bool:
    """Whether the stream, at its start, holds Parquet; nothing is consumed."""
    head = stream.peek(len(PARQUET_MAGIC)) if isinstance(stream, BufferedReader) else b""
    return head.startswith(PARQUET_MAGIC)


def read_records(kind: str, lines: Iterator[str], name: str, columns: Columns) -> Iterator[Record]:
    """The values of columns in each record of JSONL, CSV or TSV, given its lines with line ends.

    Raises CorpusError naming the line, and the fields there are where one asked for is not.
    """
    if kind == "jsonl":
        return _jsonl(lines, name, columns)
    return _csv(lines, name, columns, "," if kind == "csv" else "\t")


def _jsonl(lines: Iterator[str], name: str, columns: Columns) -> Iterator[Record]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        where = f"{name}, line {number}"
        try:
            record = json.loads(line)
        except ValueError as error:
            raise CorpusError(f"{where}: not JSON: {error}") from None
        except RecursionError:
            raise CorpusError(f"{where}: JSON nested too deep") from None
        if not isinstance(record, dict):
            raise CorpusError(f"{where}: not a JSON object")
        _check_columns(where, "field", columns, list(record))
        values = tuple(record[field] for field in columns.values())
        if SURROGATE.search(line):
            for value in values:
                _check_surrogates(value, where)
        yield where, values


def _csv(lines: Iterator[str], name: str, columns: Columns, delimiter: str) -> Iterator[Record]:
    csv.field_size_limit(LONGEST_RECORD)
    quoting: Any = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    rows = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    try:
        header = next(filter(None, rows), None)
        if header is None:
            return
        _check_columns(name, "column", columns, header)
        places = [header.index(column) for column in columns.values()]
        for row in rows:
            if row:
                where = f"{name}, line {rows.line_num}"
                if len(row) <= max(places):
                    missing = next(header[place] for place in places if len(row) <= place)
                    raise CorpusError(f"{where}: has no {missing!r} column")
                yield where, tuple(row[place] for place in places)
    except csv.Error as error:
        raise CorpusError(f"{name}, line {rows.line_num}: {error}") from None


def read_parquet(stream: BinaryIO, name: str, columns: Columns) -> Iterator[Record]:
    """The values of columns in each row of Parquet, read in batches; the stream must be seekable.

    Raises CorpusError where it cannot be read, or has no such column.
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
        _check_columns(name, "column", columns, table.schema_arrow.names)
        wanted = list(columns.values())
        _check_expansion(table.metadata, name, wanted)
        for batch in table.iter_batches(BATCH_ROWS, columns=wanted):
            lists = [batch.column(column).to_pylist() for column in wanted]
            for values in zip(*lists, strict=True):
                yield name, values
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise CorpusError(f"{name}: cannot be read as Parquet: {error}") from None


def _check_expansion(metadata: Any, name: str, wanted: list[str]) -> None:
    """Raise CorpusError where a column is compressed more than text can be."""
    for group in map(metadata.row_group, range(metadata.num_row_groups)):
        for column in map(group.column, range(group.num_columns)):
            packed, n_bytes = column.total_compressed_size, column.total_uncompressed_size
            if column.path_in_schema in wanted and swells(packed, n_bytes, SMALL_BYTES):
                raise CorpusError(
                    f"{name}: {packed:,} bytes of {column.path_in_schema!r} become {n_bytes:,}, as "
                    "in no text"
                )


def texts_of(records: Iterable[Record], field: str) -> Iterator[str]:
    """The texts of records of one column. Null is passed over; CorpusError on what is no text."""
    for where, (value,) in records:
        if value is not None:
            yield text_of(value, where, field)


def text_of(value: Any, where: str, field: str) -> str:
    """The value of a field, which must be a string."""
    if not isinstance(value, str):
        raise CorpusError(f"{where}: {field!r} holds {type(value).__name__}, not text")
    return value


def _check_surrogates(value: Any, where: str) -> None:
    """Raise CorpusError where JSON escapes spell half a character: UTF-8 cannot hold it."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise CorpusError(f"{where}: holds half of a surrogate pair, no character") from None


def _check_columns(where: str, kind: str, columns: Columns, there: list[str]) -> None:
    for option, column in columns.items():
        if column not in there:
            raise CorpusError(
                f"{where}: no {kind} {column!r}; choose one with {option}: {', '.join(there)}"
            )
