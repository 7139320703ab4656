"""Stanford's GloVe text: a row a line, no header.

In: a path. Out: WordVectors; and the other way round.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtool.formats.options import ReadOptions
from embedtool.formats.text_rows import read_rows, write_rows
from embedtool.io.progress import Report, silent
from embedtool.model.vectors import WordVectors


def read(path: Path, reading: ReadOptions) -> WordVectors:
    """Read such a file, also one that was written with a header line.

    The program that writes a header counts the words without `<unk>`, the last row.
    """
    return read_rows(path, reading, needs_header=False)


def write(
    vectors: WordVectors, path: Path, options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write such a file. A word with a space or a line end cannot be written."""
    write_rows(vectors, path, report, with_header=False, forbidden=" \n\r\t\v\f")
