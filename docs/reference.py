"""The help page of every command, which cog puts into docs/cli.md."""

from collections.abc import Iterator

import click
from click.testing import CliRunner

from embedtool.cli.main import COMMANDS, cli

WIDTH = 90
"""Columns of the help pages."""


def paths_below(command: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """Yield the words that call a command, then those of each of its subcommands."""
    yield path
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            subcommand = command.get_command(context, name)
            assert subcommand is not None, name
            yield from paths_below(subcommand, (*path, name))


def help_page(path: tuple[str, ...]) -> str:
    """Return a heading and the help page of a command, in Markdown."""
    page = CliRunner().invoke(cli, [*path, "--help"], prog_name="embedtool", terminal_width=WIDTH)
    heading = f"{'#' * (2 + len(path))} `{' '.join(('embedtool', *path))}`"
    return f"{heading}\n\n```text\n{page.output.rstrip()}\n```\n"


def reference() -> str:
    """Return the help pages of all commands under the headings of their groups, in Markdown."""
    pages = [help_page(())]
    for heading, names in COMMANDS.items():
        pages.append(f"## {heading}\n")
        for name in names:
            command = cli.get_command(click.Context(cli), name)
            assert command is not None, name
            pages += map(help_page, paths_below(command, (name,)))
    return "\n".join(pages)
