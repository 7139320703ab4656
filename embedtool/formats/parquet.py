"""Parquet: the columns `word`, `vector` and, if known, `count`.

Files are read and written row group by row group.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtool.formats.array_builder import check_expansion
from embedtool.formats.arrow_table import (
    VECTOR,
    arrow_errors,
    batches_of,
    columns_of,
    from_batches,
    import_pyarrow,
    schema_of,
)
from embedtool.formats.options import ReadOptions
from embedtool.io.atomic import atomic_write
from embedtool.io.progress import Report, silent
from embedtool.model.vectors import VectorTable

KIND = "Parquet"
BATCH_ROWS = 2**12


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a file; other columns are ignored.

    Raises
    ------
    FormatError
        If the columns are missing or do not fit each other.
    """
    import_pyarrow(KIND)
    from pyarrow.parquet import ParquetFile

    with path.open("rb") as source, arrow_errors(path, KIND):
        file = ParquetFile(source, pre_buffer=False, page_checksum_verification=True)
        columns = columns_of(path, file.schema_arrow, options)
        check_expansion(path, VECTOR, path.stat().st_size, 4 * _n_numbers(file.metadata))
        batches = file.iter_batches(BATCH_ROWS, columns=columns.names)
        return from_batches(path, columns, batches, options)


def _n_numbers(metadata: Any) -> int:
    """Return the number of vector components, words and counts that a file says it holds."""
    groups = (metadata.row_group(i) for i in range(metadata.num_row_groups))
    return sum(group.column(i).num_values for group in groups for i in range(group.num_columns))


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write a file with checksums, and without dictionaries, because numbers seldom repeat."""
    schema = schema_of(vectors, KIND)
    from pyarrow.parquet import ParquetWriter

    choices = {"use_dictionary": False, "write_page_checksum": True}
    with atomic_write(path) as file, ParquetWriter(file, schema, **choices) as writer:
        for batch in batches_of(vectors, schema, report):
            writer.write_batch(batch)
