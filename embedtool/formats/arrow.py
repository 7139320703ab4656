"""Arrow's file, also called Feather: the columns `word`, `vector` and, if known, `count`.

Files are read and written record batch by record batch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtool.formats.arrow_table import (
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

KIND = "Arrow"


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read a file through a memory map; other columns are ignored.

    Raises
    ------
    FormatError
        If columns are missing or inconsistent.
    """
    pa = import_pyarrow(KIND)
    path.open("rb").close()  # for a folder Arrow's message is less clear
    with arrow_errors(path, KIND), pa.memory_map(str(path)) as source:
        file = pa.ipc.open_file(source)
        batches = (file.get_batch(i) for i in range(file.num_record_batches))
        return from_batches(path, columns_of(path, file.schema, options), batches, options)


def write(
    vectors: VectorTable, path: Path, training_options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write an uncompressed file, which other tools can map."""
    schema = schema_of(vectors, KIND)
    pa = import_pyarrow(KIND)
    with atomic_write(path) as file, pa.ipc.new_file(file, schema) as writer:
        for batch in batches_of(vectors, schema, report):
            writer.write_batch(batch)
