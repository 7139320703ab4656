"""What gensim, word2vec.c, fastText and GloVe call the options of a training.

In: the error about an option that a command does not have. Out: its text, which names those that it
has in its stead.
"""

import re
from itertools import takewhile

import click

ONE_HYPHEN = re.compile(r"-[A-Za-z][A-Za-z_-]+")
OPTIONS = {
    "size": ["--vector-size"],
    "dim": ["--vector-size"],
    "ws": ["--window"],
    "maxfinalvocab": ["--max-vocab"],
    "epoch": ["--epochs", "--iterations"],
    "epochs": ["--iterations"],
    "iter": ["--epochs", "--iterations"],
    "iterations": ["--epochs"],
    "alpha": ["--learning-rate", "--weight-exponent"],
    "minalpha": ["--min-learning-rate"],
    "lr": ["--learning-rate"],
    "eta": ["--learning-rate"],
    "sg": ["--mode"],
    "cbow": ["--mode"],
    "skipgram": ["--mode"],
    "hs": ["--loss"],
    "neg": ["--negative"],
    "t": ["--sample"],
    "minn": ["--min-n"],
    "maxn": ["--max-n"],
    "model": ["--output-vectors"],
    "thread": ["--workers"],
    "threads": ["--workers"],
}
"""As the table in docs/training.md has them, without case and hyphens; where a name has two
meanings, GloVe's stands last."""


class TrainingCommand(click.Command):
    """A command that knows options with one hyphen (`-size 50`) for those of other programs."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments. Raises NoSuchOption, of the whole of such an option."""
        here = {_plain(name) for parameter in self.params for name in parameter.opts}
        for arg in takewhile("--".__ne__, args):
            name = arg.partition("=")[0]
            if ONE_HYPHEN.fullmatch(name) and _plain(name) in OPTIONS.keys() | here:
                raise click.NoSuchOption(name, ctx=ctx)
        return super().parse_args(ctx, args)


def with_suggestions(error: click.NoSuchOption) -> str:
    """What the error says, with the options that are meant where another program has this one."""
    asked = _plain(error.option_name)
    known = error.ctx.command.params if error.ctx else []
    names = [name for parameter in known for name in parameter.opts if name.startswith("--")]
    meant = [name for name in names if _plain(name) == asked]
    meant += [name for name in OPTIONS.get(asked, []) if name in names]
    if not meant:
        return error.format_message()
    return f"{error.message} Did you mean {' or '.join(map(repr, meant))}?"


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
