"""Lines and columns of the files that questions come in.

In: a file, a folder or a zip archive. Out: its lines with their numbers, cut into columns.
"""

import csv
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EvaluationError

SHOWN = 60
"""Characters of a bad line that its message quotes."""

LARGEST_FILE = 2**28
"""Bytes of a file of questions, which is read whole; the largest that is known has 2**23."""

Node = Path | zipfile.Path
Line = tuple[int, str]
Row = tuple[int, str, list[str]]


@contextmanager
def opened(path: Path) -> Iterator[Node]:
    """The file or folder; an archive is a folder too."""
    if path.suffix.lower() != ".zip" or path.is_dir():
        yield path
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield zipfile.Path(archive)
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise EvaluationError(f"{path}: not a zip archive that can be read: {error}") from None


def text_files(folder: Node, name: str = "") -> Iterator[tuple[Node, str]]:
    """The .txt files in a folder and those in it, by name, each with the name of its folder."""
    nodes: list[Node] = list(folder.iterdir())
    for node in sorted(nodes, key=lambda each: each.name):
        if node.name.startswith((".", "__")):
            continue
        if node.is_dir() and not _is_link(node):
            yield from text_files(node, node.name)
        elif node.name.lower().endswith(".txt"):
            yield node, name or folder.name


def _is_link(node: Node) -> bool:
    """Whether it leads elsewhere, perhaps around in a circle."""
    return isinstance(node, Path) and node.is_symlink()


def stem_of(node: Node) -> str:
    """The name without its end."""
    return node.name.rpartition(".")[0]


def rows_of(node: Node) -> Iterator[Row]:
    """The lines cut at their tabs, else their commas, else their spaces, without row numbers."""
    numbered = is_numbered(lines_of(node))
    for number, line in lines_of(node):
        fields = fields_of(line)
        yield number, line, fields[1:] if numbered else fields


def is_numbered(lines: Iterator[Line]) -> bool:
    """Whether the first column has no name: it holds row numbers, as pandas writes them."""
    return next(lines, (0, ""))[1].startswith(",")


def lines_of(node: Node) -> Iterator[Line]:
    """The lines that are neither empty nor comments, with their numbers."""
    return ((number, line) for number, line in all_lines(node) if line)


def all_lines(node: Node) -> Iterator[Line]:
    """The lines that are no comments, with their numbers, without white space around them."""
    try:
        with node.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
        if len(data) > LARGEST_FILE:
            raise EvaluationError(f"{node}: has over {LARGEST_FILE:,} bytes, as no dataset has")
        text = data.decode("utf-8-sig")
    except OSError as error:
        raise EvaluationError(f"{node}: cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        number = data[: error.start].count(b"\n") + 1
        raise EvaluationError(f"{node}, line {number}: not UTF-8") from None
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if not stripped.startswith("#"):
            yield number, stripped


def columns_of(line: str) -> list[str]:
    """A line cut at its tabs, else its spaces."""
    return [field.strip() for field in line.split("\t")] if "\t" in line else split_spaces(line)


def fields_of(line: str) -> list[str]:
    """A line cut at its tabs, else its commas, else its spaces."""
    if "," not in line or "\t" in line:
        return columns_of(line)
    try:
        return [field.strip() for field in next(csv.reader([line], skipinitialspace=True))]
    except csv.Error:
        return [line]


def number_in(text: str) -> float | None:
    """The finite number that a text is, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def bad_line(node: Node, number: int, expected: str, line: str) -> EvaluationError:
    """The error that names a line and quotes its beginning."""
    found = line if len(line) <= SHOWN else f"{line[:SHOWN]}..."
    return EvaluationError(f"{node}, line {number}: expected {expected}, found {found!r}")
