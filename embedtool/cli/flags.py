"""The parameters in a message of the library, as flags of the command line."""

import re
from collections.abc import Sequence

import click


def flag(parameter: str) -> str:
    """Return the flag of a parameter: ``min_count`` is ``--min-count``, ``n`` is ``-n``."""
    return ("-" if len(parameter) == 1 else "--") + parameter.replace("_", "-")


def with_flags(message: str, parameters: Sequence[str], command: click.Command | None) -> str:
    """Return a message in which each of the parameters stands as its flag.

    A value stands behind its flag: ``epochs=5`` becomes ``--epochs 5``, ``overwrite=True``
    becomes ``--overwrite`` and ``header=False`` becomes ``--no-header``.

    Parameters
    ----------
    message : str
        The text of an error or of a warning.
    parameters : sequence of str
        The parameters that stand in the message.
    command : click.Command or None
        The command that was called: an option of it may have another name than its parameter.
    """
    own = {each.name: each.opts for each in command.params} if command else {}
    for name in parameters:
        on, off = max(own.get(name, []), key=len, default=flag(name)), flag(f"no_{name}")
        word = rf"(?<![\w./-]){re.escape(name)}"
        message = re.sub(rf"{word}=True\b", on, message)
        message = re.sub(rf"{word}=False\b", off, message)
        message = re.sub(rf"{word}=('?)([^\s',;)]+)\1", rf"{on} \2", message)
        message = re.sub(rf"{word}(?![\w./=-])", on, message)
    return message
