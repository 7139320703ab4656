"""TensorBoard's projector: a table of numbers and, beside it, a list of words.

In: WordVectors. Out: NAME.tsv, a row a line, numbers between tabs, and NAME.metadata.tsv, a word a
line; neither has a header, for metadata of one column must have none.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtool.files import replaced
from embedtool.formats.rows import check_words
from embedtool.vectors import WordVectors


def write(vectors: WordVectors, path: Path, options: Mapping[str, Any]) -> None:
    """Write both files. A word with a tab or a line end cannot be written."""
    check_words(vectors, path, "\t\n\r")
    row_format = "\t".join(["%.9g"] * vectors.vector_size) + "\n"
    with replaced(metadata_path(path)) as words, replaced(path) as numbers:
        words.writelines(f"{word}\n".encode() for word in vectors.words)
        numbers.writelines((row_format % tuple(row.tolist())).encode() for row in vectors.matrix)


def metadata_path(path: Path) -> Path:
    """Where the words of `path` stand: NAME.metadata.tsv beside NAME.tsv."""
    return path.with_name(f"{path.stem}.metadata{path.suffix}")
