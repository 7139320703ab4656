"""Lines and columns of the files that questions come in.

In: a file, a folder or a zip archive, and an encoding. Out: its lines with their numbers, cut into
columns.
"""

import csv
import math
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import EvaluationError
from embedtool.io.encodings import UTF8, decode, describe_decoding_error

SHOWN = 60
"""Characters of a bad line that its message quotes."""

LARGEST_FILE = 2**28
"""Bytes of a file of questions, which is read whole; the largest that is known has 2**23."""

INDEX_NAMES = {"id", "index", "no", "nr"}
"""What the header of a column of row numbers may say; pandas leaves it empty."""

Line = tuple[int, str]
Row = tuple[int, str, list[str]]


@dataclass(frozen=True)
class DatasetFile:
    """A file of questions, or a folder of them; a zip archive is a folder too."""

    node: Path | zipfile.Path
    encoding: str

    def __str__(self) -> str:
        return str(self.node)

    @property
    def is_folder(self) -> bool:
        """Whether files are in it."""
        return self.node.is_dir()

    @property
    def stem(self) -> str:
        """The name without its end."""
        return self.node.name.rpartition(".")[0]

    def all_lines(self) -> Iterator[Line]:
        """The lines that are no comments, with their numbers, without white space around them."""
        for number, line in enumerate(self._text().splitlines(), 1):
            stripped = line.strip()
            if not stripped.startswith("#"):
                yield number, stripped

    def lines(self) -> list[Line]:
        """The lines that are neither empty nor comments, with their numbers."""
        return [(number, line) for number, line in self.all_lines() if line]

    def _text(self) -> str:
        try:
            with self.node.open("rb") as file:
                data = file.read(LARGEST_FILE + 1)
        except OSError as error:
            raise EvaluationError(f"{self}: cannot be read: {error.strerror or error}") from None
        if len(data) > LARGEST_FILE:
            raise EvaluationError(f"{self}: has over {LARGEST_FILE:,} bytes, as no dataset has")
        try:
            return decode(data, self.encoding)
        except UnicodeError as error:
            start = error.start if isinstance(error, UnicodeDecodeError) else 0
            number = data[:start].count(b"\n") + 1
            raise EvaluationError(
                f"{self}{describe_decoding_error(error, self.encoding, number)}",
                parameters=("encoding",),
            ) from None

    def bad_line(self, number: int, expected: str, line: str, hint: str = "") -> EvaluationError:
        """The error that names a line and quotes its beginning."""
        found = line if len(line) <= SHOWN else f"{line[:SHOWN]}..."
        return EvaluationError(f"{self}, line {number}: expected {expected}, found {found!r}{hint}")


@dataclass(frozen=True)
class DelimitedTable:
    """The rows of a file, cut at their tabs, else their commas, else their spaces.

    has_row_numbers : the first row is a header, and the column of row numbers is left out: it has
                  no name (pandas), or `id`, or the header has one field fewer than all rows (R)
    """

    rows: list[Row]
    has_row_numbers: bool

    @property
    def first(self) -> list[str]:
        """The fields of the first row; none where there is no row."""
        return self.rows[0][2] if self.rows else []


@contextmanager
def open_dataset(path: Path, encoding: str = UTF8) -> Iterator[DatasetFile]:
    """The file or folder; an archive is a folder too."""
    if path.suffix.lower() != ".zip" or path.is_dir():
        yield DatasetFile(path, encoding)
        return
    try:
        with zipfile.ZipFile(path) as archive:
            yield DatasetFile(zipfile.Path(archive), encoding)
    except OSError as error:
        raise EvaluationError(f"{path}: cannot be read: {error.strerror or error}") from None
    except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
        raise EvaluationError(f"{path}: not a zip archive that can be read: {error}") from None


def iter_text_files(folder: DatasetFile, name: str = "") -> Iterator[tuple[DatasetFile, str]]:
    """The .txt files in a folder and those in it, by name, each with the name of its folder."""
    nodes: list[Path | zipfile.Path] = list(folder.node.iterdir())
    for node in sorted(nodes, key=lambda each: each.name):
        if node.name.startswith((".", "__")):
            continue
        source = DatasetFile(node, folder.encoding)
        if source.is_folder and not _is_link(node):
            yield from iter_text_files(source, node.name)
        elif node.name.lower().endswith(".txt"):
            yield source, name or folder.node.name


def _is_link(node: Path | zipfile.Path) -> bool:
    """Whether it leads elsewhere, perhaps around in a circle."""
    return isinstance(node, Path) and node.is_symlink()


def parse_table(source: DatasetFile) -> DelimitedTable:
    """The rows of a file. Raises EvaluationError where a row lacks the number that others have."""
    rows = [(number, line, split_fields(line) or [line]) for number, line in source.lines()]
    if not rows:
        return DelimitedTable([], has_row_numbers=False)
    (first, line, head), others = rows[0], rows[1:]
    numbers = [parse_number(fields[0]) for *_, fields in others]
    if not head[0] and len(head) > 1:
        if None in numbers:
            number, other, _ = others[numbers.index(None)]
            expected = "a row number, for the first line begins with a comma"
            raise source.bad_line(number, expected, other)
        head = head[1:]
    elif not others or None in numbers:
        return DelimitedTable(rows, has_row_numbers=False)
    elif head[0].lower() in INDEX_NAMES:
        head = head[1:]
    elif any(len(fields) != len(head) + 1 for *_, fields in others):
        return DelimitedTable(rows, has_row_numbers=False)
    cut = [(number, other, fields[1:]) for number, other, fields in others]
    return DelimitedTable([(first, line, head), *cut], has_row_numbers=True)


def split_columns(line: str) -> list[str]:
    """A line cut at its tabs, else its spaces."""
    return [field.strip() for field in line.split("\t")] if "\t" in line else split_spaces(line)


def split_fields(line: str) -> list[str]:
    """A line cut at its tabs, else its commas, else its spaces."""
    if "," not in line or "\t" in line:
        return split_columns(line)
    try:
        return [field.strip() for field in next(csv.reader([line], skipinitialspace=True))]
    except csv.Error:
        return [line]


def parse_number(text: str) -> float | None:
    """The finite number that a text is, or None. Python's own `1_000` is none."""
    if "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
