"""Groups of commands that suggest what a mistyped name may stand for."""

import click
from click.exceptions import NoSuchCommand

HELP_OPTION_NAMES = ["-h", "--help"]
LAST_COMMAND = "embedtool.last_command"
"""Key of `Context.meta`: the innermost command that the command line has named so far."""


class SuggestingGroup(click.Group):
    """A `click.Group` that ignores case in suggestions and knows commands not yet imported."""

    def suggestions(self, ctx: click.Context, name: str) -> list[str]:
        """Return the commands that a mistyped name may stand for."""
        from difflib import get_close_matches

        names, usual = self.list_commands(ctx), name.lower().replace("_", "-")
        return [usual] if usual in names else get_close_matches(usual, names)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that the arguments begin with.

        Raises
        ------
        NoSuchCommand
            If there is none; the error holds the suggestions.
        """
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            similar = self.suggestions(ctx, name)
            raise NoSuchCommand(name.lower(), f"No such command {name!r}.", similar, ctx)
        resolved = super().resolve_command(ctx, args)
        ctx.meta[LAST_COMMAND] = resolved[1]
        return resolved
