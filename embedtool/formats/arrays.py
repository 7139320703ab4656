"""Words and arrays that came out of a container, checked against each other.

In: words, and the arrays by name. Out: WordVectors.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.vectors import WordVectors


def from_arrays(
    path: Path, words: Sequence[str], arrays: Mapping[str, NDArray[Any]]
) -> WordVectors:
    """Make WordVectors of `words`, `vectors` (n, d) and, where it is there, `counts` (n,).

    Raises FormatError where one is missing, of the wrong kind or shape, or not finite.
    """
    matrix = arrays.get("vectors")
    if matrix is None or matrix.dtype.kind != "f" or matrix.ndim != 2 or not matrix.shape[1]:
        raise FormatError(f"{path}: 'vectors' is no table of floating-point numbers")
    if len(words) != len(matrix):
        raise FormatError(f"{path}: {len(words):,} words, but {len(matrix):,} vectors")
    if not words:
        raise FormatError(f"{path}: holds no words")
    if len(set(words)) < len(words) or not all(words):
        raise FormatError(f"{path}: a word is empty or stands there twice")
    with np.errstate(over="ignore"):
        matrix = np.ascontiguousarray(matrix, dtype=np.float32)
    finite = np.isfinite(matrix).all(axis=1)
    if not finite.all():
        word = words[int(np.argmin(finite))]
        raise FormatError(f"{path}: the vector of {word!r} holds a number that is not finite")
    return WordVectors(words, matrix, _counts(path, len(words), arrays.get("counts")))


def _counts(path: Path, n_words: int, counts: NDArray[Any] | None) -> NDArray[np.int64] | None:
    if counts is None:
        return None
    if counts.dtype.kind not in "iu" or counts.ndim != 1:
        raise FormatError(f"{path}: 'counts' holds no whole numbers in a row")
    if len(counts) != n_words:
        raise FormatError(f"{path}: {n_words:,} words, but {len(counts):,} counts")
    whole = counts.astype(np.int64)
    if whole.min() < 0:
        raise FormatError(f"{path}: a count is below 0, or too large")
    return whole
