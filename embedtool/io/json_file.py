"""External JSON, read with one kind of error for all faults."""

import json
from pathlib import Path
from typing import Any

from embedtool.errors import EmbedtoolError


def parse_json(text: bytes | str, *, allow_nan: bool = True) -> Any:
    """Return the value of JSON text.

    Parameters
    ----------
    text : bytes or str
        Bytes are UTF-8, UTF-16 or UTF-32, with or without a byte order mark.
    allow_nan : bool
        Accept NaN and Infinity, which Python writes but JSON does not have.

    Raises
    ------
    ValueError
        If the text is not JSON, is nested too deep for Python, or is not in such an encoding
        (UnicodeDecodeError). A json.JSONDecodeError says where.
    """
    try:
        return json.loads(text, parse_constant=None if allow_nan else _refuse)
    except RecursionError:
        raise ValueError("nested too deep") from None


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not a JSON number")


def read_json(path: Path, error: type[EmbedtoolError]) -> Any:
    """Return the value of a JSON file.

    Parameters
    ----------
    error : type of EmbedtoolError
        What to raise, with the path and the reason, if the file cannot be read or is not JSON.
    """
    try:
        return parse_json(path.read_bytes())
    except OSError as fault:
        raise error(f"{path}: cannot be read: {fault.strerror or fault}") from None
    except ValueError as fault:
        raise error(f"{path}: not JSON: {fault}") from None
