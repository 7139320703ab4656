"""Text out of records: JSONL, CSV, TSV and Parquet.

In: an open stream and the name of the field. Out: the texts, one a record; line ends within a
text are line ends of the corpus.
"""

import csv
import json
import re
import sys
from collections.abc import Iterator
from io import BufferedReader
from pathlib import PurePath
from typing import Any, BinaryIO

from embedtool.config import TextConfig, flag
from embedtool.errors import CorpusError, MissingExtraError

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
BATCH_ROWS = 4096
SURROGATE = re.compile(r"\\u[dD]")


def kind_of(name: str, config: TextConfig) -> str:
    """The kind of records behind a name: text, jsonl, csv, tsv or parquet."""
    if config.input_format != "auto":
        return config.input_format
    suffixes = [suffix.lower() for suffix in PurePath(name).suffixes]
    while suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return SUFFIXES.get(suffixes[-1], "text") if suffixes else "text"


def is_parquet(stream: BinaryIO) -> bool:
    """Whether the stream, at its start, holds Parquet; nothing is consumed."""
    head = stream.peek(len(PARQUET_MAGIC)) if isinstance(stream, BufferedReader) else b""
    return head.startswith(PARQUET_MAGIC)


def read_lines(kind: str, lines: Iterator[str], name: str, config: TextConfig) -> Iterator[str]:
    """The text of each record of JSONL, CSV or TSV, given its lines with their line ends.

    Raises CorpusError naming the line, and the fields there are where the one asked for is not.
    """
    if kind == "jsonl":
        return _jsonl(lines, name, config.field)
    return _csv(lines, name, config.column, "," if kind == "csv" else "\t")


def _jsonl(lines: Iterator[str], name: str, field: str) -> Iterator[str]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise CorpusError(f"{name}, line {number}: not JSON: {error}") from None
        except RecursionError:
            raise CorpusError(f"{name}, line {number}: JSON nested too deep") from None
        if not isinstance(record, dict):
            raise CorpusError(f"{name}, line {number}: not a JSON object")
        if field not in record:
            raise _no_field(f"{name}, line {number}", "field", field, list(record))
        if SURROGATE.search(line):
            _check_surrogates(record[field], f"{name}, line {number}")
        yield from _text(record[field], f"{name}, line {number}", field)


def _csv(lines: Iterator[str], name: str, column: str, delimiter: str) -> Iterator[str]:
    csv.field_size_limit(sys.maxsize)
    quoting: Any = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
    rows = csv.reader(lines, delimiter=delimiter, quoting=quoting)
    try:
        header = next(rows, [])
        if header and column not in header:
            raise _no_field(name, "column", column, header)
        place = header.index(column) if header else 0
        for row in rows:
            if row:
                if len(row) <= place:
                    raise CorpusError(f"{name}, line {rows.line_num}: has no {column!r} column")
                yield row[place]
    except csv.Error as error:
        raise CorpusError(f"{name}, line {rows.line_num}: {error}") from None


def read_parquet(stream: BinaryIO, name: str, column: str) -> Iterator[str]:
    """The text of each row of a Parquet file, read in batches; the stream must be seekable."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise MissingExtraError("reading Parquet", "parquet") from None
    if not stream.seekable():
        raise CorpusError(f"{name}: Parquet cannot be read from a pipe; name the file")
    try:
        table = pq.ParquetFile(stream)
        if column not in table.schema_arrow.names:
            raise _no_field(name, "column", column, table.schema_arrow.names)
        for batch in table.iter_batches(BATCH_ROWS, columns=[column]):
            for value in batch.column(0).to_pylist():
                yield from _text(value, name, column)
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise CorpusError(f"{name}: cannot be read as Parquet: {error}") from None


def _check_surrogates(value: Any, where: str) -> None:
    """Raise CorpusError where JSON escapes spell half a character: UTF-8 cannot hold it."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            raise CorpusError(f"{where}: holds half of a surrogate pair, no character") from None


def _text(value: Any, where: str, field: str) -> Iterator[str]:
    """The value if it is a string, nothing if it is null."""
    if isinstance(value, str):
        yield value
    elif value is not None:
        raise CorpusError(f"{where}: {field!r} holds {type(value).__name__}, not text")


def _no_field(where: str, kind: str, field: str, there: list[str]) -> CorpusError:
    return CorpusError(
        f"{where}: no {kind} {field!r}; choose one with {flag(kind)}: {', '.join(there)}"
    )
