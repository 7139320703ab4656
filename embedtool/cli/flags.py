"""The parameters in a message of the library, as flags of the command line."""

import re
from collections.abc import Sequence


def flag(parameter: str) -> str:
    """Return the flag of a parameter: ``min_count`` is ``--min-count``, ``n`` is ``-n``."""
    return ("-" if len(parameter) == 1 else "--") + parameter.replace("_", "-")


def with_flags(message: str, parameters: Sequence[str]) -> str:
    """Return a message in which each of the parameters stands as its flag.

    A value stands behind its flag: ``epochs=5`` becomes ``--epochs 5``, ``overwrite=True``
    becomes ``--overwrite`` and ``header=False`` becomes ``--no-header``.
    """
    for name in parameters:
        word = rf"(?<![\w./-]){re.escape(name)}"
        message = re.sub(rf"{word}=True\b", flag(name), message)
        message = re.sub(rf"{word}=False\b", flag(f"no_{name}"), message)
        message = re.sub(rf"{word}=('?)([^\s',;)]+)\1", rf"{flag(name)} \2", message)
        message = re.sub(rf"{word}(?![\w./=-])", flag(name), message)
    return message
