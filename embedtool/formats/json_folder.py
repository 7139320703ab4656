"""Helpers for formats that are folders: JSON files, and tables with a row number for each word."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.named_arrays import from_arrays
from embedtool.formats.options import ReadOptions
from embedtool.io.json_file import read_json
from embedtool.model.vectors import VectorTable


def check_is_file(path: Path) -> None:
    """Raise FormatError unless a regular file exists; a pipe would block."""
    if not path.is_file():
        raise FormatError(f"{path}: there is no such file, which the format needs")


def load_json(path: Path) -> Any:
    """Return the value of a JSON file of the folder.

    Raises
    ------
    FormatError
        If it does not exist or is not JSON.
    """
    check_is_file(path)
    return read_json(path, FormatError)


def save_json(path: Path, value: Any) -> None:
    """Write JSON, with Unicode unescaped."""
    path.write_text(json.dumps(value, ensure_ascii=False), encoding="utf-8")


def check_characters(path: Path, words: Sequence[str]) -> None:
    """Raise FormatError if JSON's escapes spell half a surrogate pair."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            raise FormatError(
                f"{path}: {word!r} holds half a surrogate pair, no character"
            ) from None


def from_rows(
    path: Path,
    words: Sequence[str],
    table: NDArray[Any],
    rows: NDArray[np.int64],
    options: ReadOptions,
) -> VectorTable:
    """Make VectorTable of words and the row of each in a table, which is copied only if necessary.

    Parameters
    ----------
    path : Path
        The file, for errors.
    table : ndarray, shape (n_rows, vector_size)
    rows : ndarray of int64, shape (n_words,)
        The row of each word, within the table.
    """
    is_sorted = len(rows) <= len(table) and np.array_equal(rows, np.arange(len(rows)))
    return from_arrays(
        path, words, {"vectors": table[: len(rows)] if is_sorted else table[rows]}, options
    )
