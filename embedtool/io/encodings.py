"""Encodings of text files, by the names of Python's codecs."""

import codecs

from embedtool.errors import ConfigError

UTF8 = "utf-8"
"""The default encoding."""
BYTE_ORDER_MARK = "\ufeff"
REPLACEMENT = "\ufffd"
SURROGATE_ERRORS = "surrogatepass"
"""Error handler that keeps lone surrogates, which UTF-8 cannot encode."""


def check_encoding(name: str) -> str:
    """Return the name of a codec of text; raise ConfigError if Python has none of that name."""
    try:
        "".encode(name)
    except (LookupError, ValueError, TypeError):  # hex and rot13 are codecs, but not of text
        raise ConfigError(
            f"encoding must be a text codec of Python, such as latin-1, cp1252 or utf-16, not "
            f"{name!r}",
            parameters=("encoding",),
        ) from None
    return name


def describe_decoding_error(error: UnicodeError, encoding: str, line: int | None = None) -> str:
    """Return a predicate for a message that a file is not in an encoding.

    The message names the parameter `encoding`.

    Parameters
    ----------
    error : UnicodeError
        The error of the decoder.
    line : int, optional
        The line, if the file has lines; otherwise the byte is named.
    """
    byte = f"byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
    where = f"line {line:,}" if line is not None else byte
    fault = f"not {encoding_name(encoding)}; set encoding to that of the file"
    return f"{', ' if where else ''}{where}: {fault}"


def encoding_name(name: str) -> str:
    """Return the name of a codec in messages."""
    return "UTF-8" if is_utf8(name) else name


def is_utf8(name: str) -> bool:
    """Return whether a codec is UTF-8, by any of its names, with or without byte order mark."""
    return codecs.lookup(name).name in (UTF8, "utf-8-sig")


def decode(data: bytes, encoding: str = UTF8) -> str:
    """Decode a whole file, without its byte order mark; raise UnicodeError if it is invalid."""
    return data.decode(encoding).removeprefix(BYTE_ORDER_MARK)
