"""Lines and columns of dataset files, which may be in a folder or a zip archive."""

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

MAX_QUOTED = 60
"""Characters of a malformed line that its error quotes."""

MAX_FILE_BYTES = 2**28
"""Maximum size of a dataset file, which is read whole; the largest known one has 2**23 bytes."""

ROW_NUMBER_HEADERS = {"id", "index", "no", "nr"}
"""Headers of a column of row numbers, in lower case; pandas leaves it empty."""

Line = tuple[int, str]
"""A line number, from 1, and the line."""
Row = tuple[int, str, list[str]]
"""A line number, the line and its fields."""


@dataclass(frozen=True)
class DatasetFile:
    """A dataset file, or a folder of them; a zip archive counts as a folder."""

    node: Path | zipfile.Path
    encoding: str

    def __str__(self) -> str:
        return str(self.node)

    @property
    def is_folder(self) -> bool:
        return self.node.is_dir()

    @property
    def stem(self) -> str:
        """The file name without its suffix."""
        return self.node.name.rpartition(".")[0]

    def all_lines(self) -> Iterator[Line]:
        """Yield the lines that are not comments, stripped of white space."""
        for number, line in enumerate(self._text().splitlines(), 1):
            stripped = line.strip()
            if not stripped.startswith("#"):
                yield number, stripped

    def lines(self) -> list[Line]:
        """Return the lines that are neither empty nor comments."""
        return [(number, line) for number, line in self.all_lines() if line]

    def _text(self) -> str:
        try:
            with self.node.open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except OSError as error:
            raise EvaluationError(f"{self}: cannot be read: {error.strerror or error}") from None
        if len(data) > MAX_FILE_BYTES:
            raise EvaluationError(
                f"{self}: has over {MAX_FILE_BYTES:,} bytes, too many for a dataset"
            )
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
        """Return an error that names a line and quotes its beginning."""
        quoted = line if len(line) <= MAX_QUOTED else f"{line[:MAX_QUOTED]}..."
        return EvaluationError(
            f"{self}, line {number}: expected {expected}, found {quoted!r}{hint}"
        )


@dataclass(frozen=True)
class DelimitedTable:
    """The rows of a file, split at tabs, else commas, else spaces.

    Attributes
    ----------
    rows : list of Row
        All rows, including a header.
    has_row_numbers : bool
        Whether the first row is a header and a column of row numbers was removed. That column has
        no name (pandas), a name of ROW_NUMBER_HEADERS, or the header has one field fewer than all
        rows (R).
    """

    rows: list[Row]
    has_row_numbers: bool

    @property
    def first(self) -> list[str]:
        """The fields of the first row; empty if there is no row."""
        return self.rows[0][2] if self.rows else []


@contextmanager
def open_dataset(path: Path, encoding: str = UTF8) -> Iterator[DatasetFile]:
    """Open a file, a folder or a zip archive."""
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
    """Yield the .txt files in a folder and its subfolders, sorted, with their folder's name.

    Hidden files and symbolic links to folders, which may form a circle, are skipped.
    """
    nodes: list[Path | zipfile.Path] = list(folder.node.iterdir())
    for node in sorted(nodes, key=lambda each: each.name):
        if node.name.startswith((".", "__")):
            continue
        source = DatasetFile(node, folder.encoding)
        is_link = isinstance(node, Path) and node.is_symlink()
        if source.is_folder and not is_link:
            yield from iter_text_files(source, node.name)
        elif node.name.lower().endswith(".txt"):
            yield source, name or folder.node.name


def parse_table(source: DatasetFile) -> DelimitedTable:
    """Split a file into rows; raise EvaluationError if a row lacks its row number."""
    rows = [(number, line, split_fields(line) or [line]) for number, line in source.lines()]
    if not rows:
        return DelimitedTable([], has_row_numbers=False)
    (first, line, header), others = rows[0], rows[1:]
    numbers = [parse_number(fields[0]) for *_, fields in others]
    if not header[0] and len(header) > 1:
        if None in numbers:
            number, other, _ = others[numbers.index(None)]
            expected = "a row number, because the first line begins with a comma"
            raise source.bad_line(number, expected, other)
        header = header[1:]
    elif not others or None in numbers:
        return DelimitedTable(rows, has_row_numbers=False)
    elif header[0].lower() in ROW_NUMBER_HEADERS:
        header = header[1:]
    elif any(len(fields) != len(header) + 1 for *_, fields in others):
        return DelimitedTable(rows, has_row_numbers=False)
    numberless = [(number, other, fields[1:]) for number, other, fields in others]
    return DelimitedTable([(first, line, header), *numberless], has_row_numbers=True)


def split_columns(line: str) -> list[str]:
    """Split a line at its tabs, else its spaces."""
    return [field.strip() for field in line.split("\t")] if "\t" in line else split_spaces(line)


def split_fields(line: str) -> list[str]:
    """Split a line at its tabs, else its commas, else its spaces."""
    if "," not in line or "\t" in line:
        return split_columns(line)
    try:
        return [field.strip() for field in next(csv.reader([line], skipinitialspace=True))]
    except csv.Error:
        return [line]


def parse_number(text: str) -> float | None:
    """Parse a finite number, or return None. Unlike in Python, `1_000` is not a number."""
    if "_" in text:
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
