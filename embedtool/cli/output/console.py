"""Printing: tables, TSV and JSON on standard output, messages on standard error."""

import errno
import json
import os
import sys
import unicodedata
from collections.abc import Mapping, Sequence
from typing import Any

import click

from embedtool.messages import counted

Cell = str | int | float | None
"""A value in a table, or None."""
DECIMALS = 4
"""Decimals of floats in tables."""
MAX_MESSAGE_CHARS = 2000
"""A longer message, such as one that quotes a word of a megabyte, loses its middle."""


def escape_unprintable(text: str) -> str:
    """Return the text with escapes for the characters that a terminal would obey or hide."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def truncate_middle(message: str) -> str:
    """Return a message of at most about MAX_MESSAGE_CHARS: a longer one without its middle."""
    if len(message) <= MAX_MESSAGE_CHARS:
        return message
    half = MAX_MESSAGE_CHARS // 2
    return f"{message[:half]} ... {message[-half:]}"


def is_terminal() -> bool:
    """Return whether standard output is a terminal, or FORCE_COLOR says to treat it as one."""
    return sys.stdout.isatty() or bool(os.environ.get("FORCE_COLOR"))


def print_line(line: str) -> None:
    """Print a line of text: on a terminal with unprintable characters escaped, else as it is."""
    click.echo("\t".join(map(escape_unprintable, line.split("\t"))) if is_terminal() else line)


def format_cell(value: Cell) -> str:
    """Return a value as tables show it: floats to four decimals, integers with commas."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.{DECIMALS}f}"
    if isinstance(value, int):
        return f"{value:,}"
    return escape_unprintable(value)


def is_numeric(values: Sequence[Cell]) -> bool:
    """Return whether a column holds numbers, or None, and nothing else."""
    return bool(values) and all(isinstance(value, int | float | None) for value in values)


def format_coverage(summary: Mapping[str, Any]) -> str:
    """Return how much of a text is in the vocabulary, given `Vocabulary.summary()`."""
    return (
        f"{summary['tokens_kept']:,} of {counted(summary['tokens_seen'], 'token')} "
        f"({100 * summary['share_kept']:.1f}%)"
    )


def echo_err(message: str) -> None:
    """Print a line, or several, on standard error; do nothing if that is closed.

    While rich draws progress bars there, lines have to go through its stream, which puts them above
    the bars; Click would write past it.
    """
    stream = sys.stderr if hasattr(sys.stderr, "rich_proxied_file") else None
    try:
        click.echo("\n".join(map(escape_unprintable, message.split("\n"))), file=stream, err=True)
    except OSError as error:
        if error.errno not in (errno.EPIPE, errno.EIO):  # EIO: a terminal that has been closed
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], title: str | None = None
) -> None:
    """Print rows under their column names: numbers on the right, text on the left.

    Parameters
    ----------
    columns : sequence of str
        Names of the columns. If all are empty, there is no header.
    rows : sequence of sequences of Cell
        The values. A column is numeric if each of its values is a number or None.
    title : str, optional
        A line above the table.
    """
    if title is not None:
        click.secho(escape_unprintable(title), bold=True)
    numeric = [is_numeric([row[i] for row in rows]) for i in range(len(columns))]
    cells = [[format_cell(value) for value in row] for row in rows]
    lines = _terminal_lines if is_terminal() else _lines
    for line in lines(columns, cells, numeric):
        click.echo(line.rstrip())


def _terminal_lines(
    columns: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> list[str]:
    """Return the lines of a table that fits the terminal: long cells are folded."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=any(columns))
    for name, is_number in zip(columns, numeric, strict=True):
        table.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in cells:
        table.add_row(*map(Text, row))
    with console.capture() as captured:
        console.print(table)
    return captured.get().splitlines()


def _lines(
    columns: Sequence[str], cells: Sequence[Sequence[str]], numeric: Sequence[bool]
) -> list[str]:
    """Return the lines of a table of any width. Nothing is folded, and rich is not imported."""
    table = [*([columns] if any(columns) else []), *cells]
    widths = [max(map(_width, column), default=0) for column in zip(*table, strict=True)]
    lines = []
    for row in table:
        padded = []
        for text, width, is_number in zip(row, widths, numeric, strict=True):
            gap = " " * (width - _width(text))
            padded.append(gap + text if is_number else text + gap)
        lines.append("  ".join(padded))
    return lines


def _width(text: str) -> int:
    """Return the number of terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 1 + (unicodedata.east_asian_width(c) in "WF")
        for c in text
    )


def print_tsv(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a header line and rows separated by tabs, with all digits."""
    click.echo("\t".join(columns))
    for row in rows:
        print_line("\t".join("" if value is None else str(value) for value in row))


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print a value as JSON: only what a terminal would obey or hide is escaped."""
    text = json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False)
    lines = text.split("\n")
    click.echo("\n".join(line if line.isprintable() else _escaped(line) for line in lines))


def _escaped(line: str) -> str:
    return "".join(c if c.isprintable() else json.dumps(c)[1:-1] for c in line)


def emit(
    result: Any,
    columns: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    as_json: bool,
    as_tsv: bool = False,
    title: str | None = None,
) -> None:
    """Print a result in the form that --json and --tsv ask for.

    Parameters
    ----------
    result : object
        What JSON shows: dictionaries, lists and plain values.
    columns, rows : sequence of str, sequence of sequences of Cell
        What TSV and the table show.
    as_json, as_tsv : bool
        Whether to print JSON, or TSV. If neither, a table is printed.
    title : str, optional
        A line above the table.
    """
    if as_json:
        print_json(result)
    elif as_tsv:
        print_tsv(columns, rows)
    else:
        print_table(columns, rows, title)
