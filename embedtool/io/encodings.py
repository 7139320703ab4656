"""Encodings of files in text: the names of Python's codecs.

In: a name, and bytes. Out: text, without a byte order mark at its start.
"""

import codecs

from embedtool.errors import ConfigError

UTF8 = "utf-8"
"""The encoding of every file, unless another is named."""
BYTE_ORDER_MARK = "\ufeff"
REPLACEMENT = "\ufffd"
SURROGATE_ERRORS = "surrogatepass"
"""Error handler that keeps lone surrogates, which have no UTF-8."""


def check_encoding(name: str) -> str:
    """The name of a codec between bytes and text, as given; ConfigError where Python has none."""
    try:
        "".encode(name)
    except (LookupError, ValueError):  # hex and rot13 are codecs, but not of text
        raise ConfigError(
            f"encoding must be a text codec of Python's, such as latin-1, cp1252 or utf-16, not "
            f"{name!r}",
            parameters=("encoding",),
        ) from None
    return name


def describe_decoding_error(error: UnicodeError, encoding: str, line: int | None = None) -> str:
    """What a message says, after the name of a file, of one that is not in this encoding.

    line : where, if the file has lines; else the byte is named
    """
    byte = f"byte {error.start:,}" if isinstance(error, UnicodeDecodeError) else ""
    where = f"line {line:,}" if line is not None else byte
    told = f"not {encoding_name(encoding)}; set encoding to that of the file"
    return f"{', ' if where else ''}{where}: {told}"


def encoding_name(name: str) -> str:
    """A codec as messages call it."""
    return "UTF-8" if is_utf8(name) else name


def is_utf8(name: str) -> bool:
    """Whether a codec is UTF-8 by one of its names, with or without a byte order mark."""
    return codecs.lookup(name).name in (UTF8, "utf-8-sig")


def decode(data: bytes, encoding: str = UTF8) -> str:
    """The text of a whole file. Raises UnicodeError where it is not in this encoding."""
    return data.decode(encoding).removeprefix(BYTE_ORDER_MARK)
