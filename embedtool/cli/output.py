"""What a person sees: tables, JSON, TSV and notes.

In: plain values. Out: text on standard output; notes on standard error.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import click

Cell = str | int | float | None

DECIMALS = 4
PIPE_WIDTH = 10_000
"""Columns of a table that no terminal shows: wide enough that nothing is folded."""


def shown(text: str) -> str:
    """The text with everything that a terminal would obey or hide written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def cell(value: Cell) -> str:
    """A value as a table shows it: floats to four decimals, whole numbers with commas."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.{DECIMALS}f}"
    if isinstance(value, int):
        return f"{value:,}"
    return shown(value)


def tokens_kept(summary: Mapping[str, Any]) -> str:
    """How much of a text is in the vocabulary, of Vocabulary.summary()."""
    return (
        f"{summary['tokens_kept']:,} of {summary['tokens_seen']:,} tokens "
        f"({100 * summary['share_kept']:.1f}%)"
    )


def note(message: str) -> None:
    """A line on standard error."""
    click.echo(message, err=True)


def print_table(
    columns: Sequence[str], rows: Sequence[Sequence[Cell]], title: str | None = None
) -> None:
    """Print rows under their column names; numbers stand right, text stands left.

    A column is numeric where each of its values is a number or None.
    """
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = PIPE_WIDTH
    if title is not None:
        click.secho(shown(title), bold=True)
    table = Table(box=None, pad_edge=False, header_style="dim", show_header=any(columns))
    for i, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[i], int | float | None) for row in rows)
        table.add_column(Text(name), justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(cell(value)) for value in row))
    with console.capture() as captured:
        console.print(table)
    for line in captured.get().splitlines():
        click.echo(line.rstrip())


def print_tsv(columns: Sequence[str], rows: Sequence[Sequence[Cell]]) -> None:
    """Print rows separated by tabs under one header line; values in full."""
    click.echo("\t".join(columns))
    for row in rows:
        click.echo("\t".join("" if value is None else str(value) for value in row))


def print_json(value: Mapping[str, Any] | Sequence[Any]) -> None:
    """Print a value as JSON, Unicode as it is."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))
