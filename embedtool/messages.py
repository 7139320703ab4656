"""How numbers of things, and values that hold large arrays, are written for a person."""

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

MOST_ITEMS = 5
"""Of a collection that is shown whole."""
LONGEST = 80
"""Characters of what is shown as it is."""


def brief(self: Any) -> str:
    """The `__repr__` of a dataclass: of an array type and shape, of a long list its length."""
    names = [each.name for each in fields(self) if each.repr]
    shown = ", ".join(f"{name}={_shown(getattr(self, name))}" for name in names)
    return f"{type(self).__qualname__}({shown})"


def _shown(value: object) -> str:
    if hasattr(value, "shape") and hasattr(value, "dtype"):  # an array, or what stands for one
        return f"<{value.dtype} {tuple(value.shape)}>"
    if isinstance(value, Mapping) and len(value) <= MOST_ITEMS:
        return "{" + ", ".join(f"{name!r}: {_shown(each)}" for name, each in value.items()) + "}"
    if isinstance(value, str | bytes) or not isinstance(value, Collection):
        whole = repr(value)
        is_long = isinstance(value, str | bytes) and len(whole) > LONGEST
        return f"{whole[:LONGEST]}..." if is_long else whole
    if len(value) <= MOST_ITEMS and len(whole := repr(value)) <= LONGEST:
        return whole
    return f"<{type(value).__name__} of {len(value):,}>"


def counted(n: float, noun: str, plural: str | None = None) -> str:
    """The number with its noun, whose plural has an s unless another is given."""
    return f"{n:,} {noun if n == 1 else plural or f'{noun}s'}"


def display_names(paths: Sequence[Path]) -> list[str]:
    """A short name for each path: without its folder, and of a file without its ending.

    Where that does not tell them apart, the paths.
    """
    names = [path.resolve().name if path.is_dir() else path.stem for path in paths]
    distinct = names if len(set(names)) == len(set(paths)) else [str(path) for path in paths]
    return [printable_name(name) for name in distinct]


def printable_name(name: str) -> str:
    """A file name as any font and page can show it: bytes that are not UTF-8 as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")
