"""Suggestions for options of a training that gensim, word2vec.c, fastText and GloVe have."""

import re
from itertools import takewhile

import click

ONE_HYPHEN = re.compile(r"-[A-Za-z][A-Za-z_-]+")
FOREIGN_OPTIONS = {
    "size": ["--vector-size"],
    "dim": ["--vector-size"],
    "ws": ["--window"],
    "maxfinalvocab": ["--max-vocab"],
    "epoch": ["--epochs"],
    "iter": ["--epochs"],
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
"""Options of other programs, in lower case without hyphens, and ours, as docs/training.md has them.
GloVe's meaning of a name is last."""


class TrainingCommand(click.Command):
    """A command that recognises the options with one hyphen of other programs (`-size 50`)."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, or raise click.NoSuchOption with the whole of such an option."""
        own = {_plain(name) for parameter in self.params for name in parameter.opts}
        for arg in takewhile("--".__ne__, args):
            name = arg.partition("=")[0]
            if ONE_HYPHEN.fullmatch(name) and _plain(name) in FOREIGN_OPTIONS.keys() | own:
                raise click.NoSuchOption(name, ctx=ctx)
        return super().parse_args(ctx, args)


def with_suggestions(error: click.NoSuchOption) -> str:
    """Return the message of the error, with the options that the user may have meant."""
    plain = _plain(error.option_name)
    known = error.ctx.command.params if error.ctx else []
    names = [name for parameter in known for name in parameter.opts if name.startswith("--")]
    candidates = [name for name in names if _plain(name) == plain]
    candidates += [name for name in FOREIGN_OPTIONS.get(plain, []) if name in names]
    if not candidates:
        return error.format_message()
    return f"{error.message} Did you mean {' or '.join(map(repr, candidates))}?"


def _plain(name: str) -> str:
    return name.lower().replace("-", "").replace("_", "")
