"""NumPy's .npz: the arrays `vectors`, `words` and, where they are known, `counts`.

In: a path. Out: WordVectors; and the other way round. Never a pickle.
"""

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from embedtool.errors import FormatError
from embedtool.files import replaced
from embedtool.formats.arrays import from_arrays
from embedtool.formats.rows import check_words
from embedtool.vectors import WordVectors


def read(path: Path) -> WordVectors:
    """Read `vectors`, float (n, d), `words`, strings (n,), and `counts`, integers (n,).

    Raises FormatError where they are not there or do not fit each other.
    """
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            found = {name: arrays[name] for name in arrays.files}
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, KeyError, NotImplementedError,
            MemoryError, RuntimeError, SyntaxError) as error:  # fmt: skip
        raise FormatError(f"{path}: cannot be read as npz: {error}") from None
    words = found.get("words")
    if words is None or words.dtype.kind != "U" or words.ndim != 1:
        raise FormatError(
            f"{path}: expected the arrays 'vectors' and 'words', strings; found "
            f"{', '.join(found) or 'none'}"
        )
    return from_arrays(path, words.tolist(), found)


def write(vectors: WordVectors, path: Path, options: Mapping[str, Any]) -> None:
    """Write such a file. NumPy's strings cannot end in NUL."""
    check_words(vectors, path, "\0")
    arrays: dict[str, Any] = {"vectors": vectors.matrix, "words": np.array(vectors.words)}
    if vectors.counts is not None:
        arrays["counts"] = vectors.counts
    with replaced(path) as file:
        np.savez(file, **arrays)
