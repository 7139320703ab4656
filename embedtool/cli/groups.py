"""Groups of commands that know what a mistyped name may stand for.

In: the first word after a group. Out: its command, or an error that names the nearest ones.
"""

import click
from click.exceptions import NoSuchCommand


class SuggestingGroup(click.Group):
    """As Click's, but a name in other case is known, and so are commands not yet imported."""

    def like(self, ctx: click.Context, name: str) -> list[str]:
        """The commands that a mistyped name may stand for."""
        from difflib import get_close_matches

        names, usual = self.list_commands(ctx), name.lower().replace("_", "-")
        return [usual] if usual in names else get_close_matches(usual, names)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command that the arguments begin with. Raises NoSuchCommand."""
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            found = self.like(ctx, name)
            raise NoSuchCommand(name.lower(), f"No such command {name!r}.", found, ctx)
        return super().resolve_command(ctx, args)
