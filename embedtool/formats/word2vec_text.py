"""word2vec's text, and fastText's .vec, which is alike: a header line, then a row a line.

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
    """Read a file whose first line gives the number of rows and of dimensions."""
    return read_rows(path, reading, needs_header=True)


def write(
    vectors: WordVectors, path: Path, options: Mapping[str, Any], report: Report = silent
) -> None:
    """Write such a file. A word with a space or a line end cannot be written."""
    write_rows(vectors, path, report, with_header=True, forbidden=" \n\r\t\v\f")
