"""Text for people: numbers with nouns, short reprs of large values, names of files."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

MAX_ITEMS = 5
"""Number of items up to which a collection is shown whole."""
MAX_LENGTH = 80
"""Number of characters up to which a value is shown whole."""


def brief(self: Any) -> str:
    """Return the repr of a dataclass, with type and shape of arrays and length of long lists."""
    names = [each.name for each in fields(self) if each.repr]
    shown = ", ".join(f"{name}={_shown(getattr(self, name))}" for name in names)
    return f"{type(self).__qualname__}({shown})"


def _shown(value: object) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):  # or what acts as an array
        return f"<{value.dtype} {tuple(value.shape)}>"
    if isinstance(value, Mapping) and len(value) <= MAX_ITEMS:
        return "{" + ", ".join(f"{name!r}: {_shown(each)}" for name, each in value.items()) + "}"
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        whole = repr(value)
        is_long = isinstance(value, str | bytes) and len(whole) > MAX_LENGTH
        return f"{whole[:MAX_LENGTH]}..." if is_long else whole
    if len(value) <= MAX_ITEMS and len(whole := repr(value)) <= MAX_LENGTH:
        return whole
    return f"<{type(value).__name__} of {len(value):,}>"


def counted(n: float, noun: str, plural: str | None = None) -> str:
    """Return a number with its noun; the plural has an s unless another is given."""
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"


def escape_unprintable(text: str) -> str:
    """Return the text with escapes for the characters that a terminal would obey or hide."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def display_names(paths: Sequence[Path]) -> list[str]:
    """Return a short name for each path: without its folder, and for a file without its suffix.

    If these are not distinct, return the paths.
    """
    names = [path.resolve().name if path.is_dir() else path.stem for path in paths]
    distinct = names if len(set(names)) == len(set(paths)) else [str(path) for path in paths]
    return [printable_name(name) for name in distinct]


def printable_name(name: str) -> str:
    """Return a file name with escapes for bytes that are not UTF-8."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
