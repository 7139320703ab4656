"""Tables of results: as text, as HTML in a notebook, and as a DataFrame of pandas."""

import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from embedtool.errors import MissingPackageError
from embedtool.messages import escape_unprintable

if TYPE_CHECKING:
    from types import ModuleType

    import pandas as pd

Cell = str | int | float | None
"""A value in a table, or None."""
DECIMALS = 4
"""Decimals of floats in tables."""


def format_cell(value: Cell) -> str:
    """Return a value as tables show it: floats to four decimals, integers with commas."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.{DECIMALS}f}"
    if isinstance(value, int):
        return f"{value:,}"
    return escape_unprintable(value)


def is_numeric(values: Iterable[Cell]) -> bool:
    """Return whether a column holds numbers, or None, and nothing else."""
    values = list(values)
    return bool(values) and all(isinstance(value, int | float | None) for value in values)


@dataclass(frozen=True)
class Table:
    """Rows under their column names.

    Attributes
    ----------
    columns : sequence of str
        Names of the columns. If all are empty, there is no header.
    rows : sequence of sequences of Cell
        The values. A column is numeric if each of its values is a number or None.
    title : str
        A line above the table; none if it is empty.
    """

    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    title: str = ""

    @property
    def cells(self) -> list[list[str]]:
        """The values as they are shown."""
        return [[format_cell(value) for value in row] for row in self.rows]

    @property
    def numeric(self) -> list[bool]:
        """Whether each column holds numbers, which are shown on the right."""
        return [is_numeric(row[i] for row in self.rows) for i in range(len(self.columns))]

    def lines(self) -> list[str]:
        """Return the header and the rows as aligned lines of any width; nothing is folded."""
        table = [*([self.columns] if any(self.columns) else []), *self.cells]
        widths = [max(map(_width, column), default=0) for column in zip(*table, strict=True)]
        numeric = self.numeric
        lines = []
        for row in table:
            padded = []
            for text, width, is_number in zip(row, widths, numeric, strict=True):
                gap = " " * (width - _width(text))
                padded.append(gap + text if is_number else text + gap)
            lines.append("  ".join(padded).rstrip())
        return lines

    def __str__(self) -> str:
        title = [escape_unprintable(self.title)] if self.title else []
        return "\n".join([*title, *self.lines()])

    def html(self) -> str:
        """Return the table as HTML."""
        parts = ["<table>"]
        if self.title:
            parts.append(f'<caption style="text-align: left">{_escaped(self.title)}</caption>')
        numeric = self.numeric
        if any(self.columns):
            parts.append(f"<thead>{_html_row('th', self.columns, numeric)}</thead>")
        body = [_html_row("td", row, numeric) for row in self.cells]
        return "\n".join([*parts, "<tbody>", *body, "</tbody></table>"])

    def to_pandas(self) -> "pd.DataFrame":
        """Return the rows as a DataFrame.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        """
        pandas = import_pandas("to_pandas")
        frame: pd.DataFrame = pandas.DataFrame(
            [list(row) for row in self.rows], columns=list(self.columns)
        )
        return frame


class Tabular:
    """A result that shows itself as tables."""

    def tables(self) -> Iterator[Table]:
        """Yield the tables that are shown."""
        raise NotImplementedError

    def notes(self) -> Iterator[str]:
        """Yield the lines that are shown below the tables."""
        yield from ()

    def data(self) -> Table:
        """Return the values with all digits, for `to_pandas` and for TSV."""
        return next(self.tables())

    def to_pandas(self) -> "pd.DataFrame":
        """Return the result as a DataFrame of pandas.

        Raises
        ------
        MissingPackageError
            If pandas is not installed.
        """
        return self.data().to_pandas()

    def __repr__(self) -> str:
        tables = "\n\n".join(map(str, self.tables()))
        notes = "\n".join(map(escape_unprintable, self.notes()))
        return "\n\n".join(filter(None, [tables, notes]))

    def _repr_html_(self) -> str:
        notes = (f"<p>{_escaped(note)}</p>" for note in self.notes())
        return "\n".join([*(table.html() for table in self.tables()), *notes])


def import_pandas(capability: str) -> "ModuleType":
    """Return pandas; raise MissingPackageError if it is not installed."""
    try:
        import pandas
    except ImportError:
        raise MissingPackageError(capability, "pandas") from None
    return cast("ModuleType", pandas)


def _escaped(text: str) -> str:
    from html import escape  # a millisecond, which commands need not take

    return escape(text)


def _html_row(tag: str, texts: Sequence[str], numeric: Sequence[bool]) -> str:
    cells = (
        f'<{tag} style="text-align: {"right" if right else "left"}">{_escaped(text)}</{tag}>'
        for text, right in zip(texts, numeric, strict=True)
    )
    return f"<tr>{''.join(cells)}</tr>"


def _width(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )
