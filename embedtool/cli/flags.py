"""The parameters in a message of the library, as flags of the command line."""

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import click

from embedtool.errors import EmbedtoolError

VALUE = r"""('[^']*'|"[^"]*"|[^\s',;)]+)"""
"""A value as Python writes it."""
QUOTES = ("'", '"')
QUOTED = r"""(?<![\w=])(?:'[^']*'|"[^"]*")(?!\w)"""
"""What a message quotes: names and words of the user, which stay as they are."""


def flag(parameter: str) -> str:
    """Return the flag of a parameter: ``min_count`` is ``--min-count``, ``n`` is ``-n``."""
    return ("-" if len(parameter) == 1 else "--") + parameter.replace("_", "-")


def with_flags(
    message: str,
    parameters: Sequence[str],
    command: click.Command | None,
    typed: Iterable[str] = (),
) -> str:
    """Return a message with each of the parameters replaced by its flag.

    A value follows its flag: ``epochs=5`` becomes ``--epochs 5``, ``overwrite=True``
    becomes ``--overwrite`` and ``header=False`` becomes ``--no-header``. What is quoted stays, and
    so does the file or word at the beginning of a message that the user has typed.

    Parameters
    ----------
    message : str
        The text of an error or of a warning.
    parameters : sequence of str
        The parameters that the message names.
    command : click.Command or None
        The command that was called, whose options may have other names than their parameters.
    typed : iterable of str
        The arguments of the command line.
    """
    own: dict[str | None, str] = {}
    for option in command.params if command else ():
        if isinstance(option, click.Option):
            own[option.name] = max(option.opts, key=len)
    names = "|".join(map(re.escape, sorted(parameters, key=len, reverse=True)))
    if not names:
        return message
    pattern = rf"{QUOTED}|(?<![\w./-])(?P<name>{names})(?:={VALUE}|(?![\w./=-]))"
    start = max((len(word) for word in typed if _begins_with(message, word)), default=0)
    return message[:start] + re.sub(pattern, partial(_replacement, own), message[start:])


def _begins_with(message: str, word: str) -> bool:
    """Return whether a message begins with a word, and says something about it."""
    return message.startswith((f"{word}:", f"{word},", f"{word} "))


def _replacement(own: dict[str | None, str], match: re.Match[str]) -> str:
    from shlex import quote

    name, value = match["name"], match[2]
    if name is None:
        return match[0]
    on, off = own.get(name, flag(name)), flag(f"no_{name}")
    if value in (None, "True"):
        return on
    if value == "False":
        return off
    return f"{on} {quote(value[1:-1]) if value[0] in QUOTES else value}"


@contextmanager
def renamed_parameter(name: str, name_here: str) -> Iterator[None]:
    """Rename a parameter in errors to the name that it has in one command."""
    try:
        yield
    except EmbedtoolError as error:
        if name in error.parameters:
            message = re.sub(rf"\b{re.escape(name)}\b", name_here, str(error))
            error.args = (message, *error.args[1:])
            error.parameters = tuple(name_here if p == name else p for p in error.parameters)
        raise
