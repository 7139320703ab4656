"""Printing: tables, TSV and JSON on standard output, messages on standard error."""

import errno
import json
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from embedtool.messages import counted, escape_unprintable
from embedtool.tables import Cell, Table

MAX_MESSAGE_CHARS = 2000
"""A longer message, such as one that quotes a word of a megabyte, loses its middle."""


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
    """Print rows under their column names; see `Table`."""
    if title is not None:
        click.secho(escape_unprintable(title), bold=True)
    table = Table(columns, rows)
    for line in _terminal_lines(table) if is_terminal() else table.lines():
        click.echo(line.rstrip())


def _terminal_lines(table: Table) -> list[str]:
    """Return the lines of a table that fits the terminal: long cells are folded."""
    from rich import table as rich_table
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False)
    shown = rich_table.Table(
        box=None, pad_edge=False, header_style="dim", show_header=any(table.columns)
    )
    for name, is_number in zip(table.columns, table.numeric, strict=True):
        shown.add_column(Text(name), justify="right" if is_number else "left", overflow="fold")
    for row in table.cells:
        shown.add_row(*map(Text, row))
    with console.capture() as captured:
        console.print(shown)
    return captured.get().splitlines()


def print_tsv(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print a header line and rows separated by tabs, with all digits."""
    click.echo("\t".join(columns))
    for row in rows:
        print_line("\t".join("" if value is None else str(value) for value in row))


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print a value as JSON: only what a terminal would obey or hide is escaped."""
    text = json.dumps(_named_as_objects(value), ensure_ascii=False, indent=2, allow_nan=False)
    lines = text.split("\n")
    click.echo("\n".join(line if line.isprintable() else _escaped(line) for line in lines))


def _named_as_objects(value: Any) -> Any:
    """Return a value with named tuples as dictionaries, of which JSON makes objects."""
    if isinstance(value, tuple) and hasattr(value, "_asdict"):
        return _named_as_objects(value._asdict())
    if isinstance(value, Mapping):
        return {name: _named_as_objects(each) for name, each in value.items()}
    return [_named_as_objects(each) for each in value] if isinstance(value, list | tuple) else value


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
