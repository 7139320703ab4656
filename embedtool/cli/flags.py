"""The parameters in a message of the library, as flags of the command line."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import click

from embedtool.errors import EmbedtoolError

VALUE = r"""('[^']*'|"[^"]*"|[^\s',;)]+)"""
"""A value as Python writes it."""
QUOTES = ("'", '"')


def flag(parameter: str) -> str:
    """Return the flag of a parameter: ``min_count`` is ``--min-count``, ``n`` is ``-n``."""
    return ("-" if len(parameter) == 1 else "--") + parameter.replace("_", "-")


def with_flags(message: str, parameters: Sequence[str], command: click.Command | None) -> str:
    """Return a message with each of the parameters replaced by its flag.

    A value follows its flag: ``epochs=5`` becomes ``--epochs 5``, ``overwrite=True``
    becomes ``--overwrite`` and ``header=False`` becomes ``--no-header``.

    Parameters
    ----------
    message : str
        The text of an error or of a warning.
    parameters : sequence of str
        The parameters that the message names.
    command : click.Command or None
        The command that was called, whose options may have other names than their parameters.
    """
    own = {}
    for option in command.params if command else ():
        if isinstance(option, click.Option):
            own[option.name] = max(option.opts, key=len)
    for name in parameters:
        pattern = rf"(?<![\w./-]){re.escape(name)}(?:={VALUE}|(?![\w./=-]))"
        replace = partial(_replacement, own.get(name, flag(name)), flag(f"no_{name}"))
        message = re.sub(pattern, replace, message)
    return message


def _replacement(on: str, off: str, match: re.Match[str]) -> str:
    from shlex import quote

    value = match[1]
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
