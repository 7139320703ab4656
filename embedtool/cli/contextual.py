"""embedtool contextual: words in their sentences."""

from importlib import import_module

import click

COMMANDS: dict[str, str] = {}
"""Each command's module in this package, which holds it under that name."""


class Contextual(click.Group):
    """A group of COMMANDS, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, or None."""
        if cmd_name not in COMMANDS:
            return None
        name = COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(f"embedtool.cli.{name}"), name)
        return command


@click.group(cls=Contextual)
def contextual() -> None:
    """Train an encoder over word vectors, and ask it for words in their sentences."""
