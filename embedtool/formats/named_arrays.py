"""Words, vectors and counts among the named arrays or columns of a file, and their checks."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.array_builder import ArrayBuilder
from embedtool.formats.options import ReadOptions
from embedtool.formats.word_checks import warn_duplicates
from embedtool.io.blocks import row_slices
from embedtool.io.safetensors_io import release_pages
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

WORD_NAMES = ("word", "words", "token", "tokens", "vocab", "vocabulary", "term", "terms", "labels")
VECTOR_NAMES = ("vector", "vectors", "embedding", "embeddings", "matrix", "weights")


def check_present(path: str | Path, name: str, names: Collection[str], kind: str) -> None:
    """Raise FormatError if a file has no array or column of the given name."""
    if name not in names:
        raise FormatError(f"{path}: has no {kind} {name!r}; found {', '.join(names) or 'none'}")


def choose_name(
    own: str, known: Sequence[str], names: Collection[str], possible: Sequence[str]
) -> str | None:
    """Return the name of the words or vectors, or None if it is ambiguous.

    Parameters
    ----------
    own : str
        The name that embedtool writes; it is chosen regardless of its content.
    known : sequence of str
        Names that other tools write.
    names : collection of str
        All names in the file.
    possible : sequence of str
        Names of possible words, or vectors, by dtype and shape.
    """
    if own in names:
        return own
    candidates = [name for name in known if name in possible] or possible
    return candidates[0] if len(candidates) == 1 else None


def ambiguous_names(
    path: str | Path, kind: str, own: tuple[str, str], names: Collection[str]
) -> FormatError:
    """Return the error that words or vectors cannot be identified.

    Parameters
    ----------
    kind : str
        "array" or "column".
    own : tuple of str
        The names of words and of vectors that embedtool writes.
    names : collection of str
        All names in the file.
    """
    words, vectors = own
    found = ", ".join(names) or "none"
    return FormatError(
        f"{path}: expected the {kind}s '{words}' and '{vectors}'; found {found}; names such as "
        f"{WORD_NAMES[2]}, {WORD_NAMES[4]} and {VECTOR_NAMES[3]} are known too, others are given "
        "with word_column and vector_column",
        parameters=("word_column", "vector_column"),
    )


def from_arrays(
    path: str | Path, words: Sequence[str], arrays: Mapping[str, NDArray[Any]], options: ReadOptions
) -> VectorTable:
    """Make VectorTable of `vectors` (n, d), `words` (n,) and, if it is there, `counts` (n,).

    A float32 matrix is used as it is, even if mapped; another is converted block by block. Of a
    word that occurs twice the first is kept.

    Raises
    ------
    FormatError
        If an array is missing, of the wrong type or shape, or not finite.
    """
    matrix = arrays.get("vectors")
    if matrix is None or matrix.dtype.kind != "f" or matrix.ndim != 2 or not matrix.shape[1]:
        raise FormatError(f"{path}: 'vectors' is not a table of floating-point numbers")
    if len(words) != len(matrix):
        raise FormatError(
            f"{path}: {counted(len(words), 'word')}, but {counted(len(matrix), 'vector')}"
        )
    if not words:
        raise FormatError(f"{path}: holds no words")
    if not all(words):
        raise FormatError(f"{path}: a word is empty")
    counts = _counts(path, len(words), arrays.get("counts"))
    rows = _firsts(words)
    is_plain = matrix.dtype == np.float32 and matrix.flags.c_contiguous and matrix.flags.aligned
    if not is_plain or len(rows) < len(words):
        with ArrayBuilder(options) as table:
            for block in row_slices(len(rows), matrix[:1].nbytes):
                table.append(matrix[rows[block]])
            matrix = table.array(matrix.shape[1])
    if len(rows) < len(words):
        warn_duplicates(path, len(words) - len(rows))
        words = [words[i] for i in rows]
        counts = None if counts is None else counts[rows]
    if not options.allow_nonfinite:
        check_finite(path, words, matrix)
    return VectorTable(words, matrix, counts)


def _firsts(words: Sequence[str]) -> NDArray[np.int64]:
    """Return the first position of each word, ascending, int64."""
    firsts: dict[str, int] = {}
    for row, word in enumerate(words):
        firsts.setdefault(word, row)
    return np.fromiter(firsts.values(), np.int64, len(firsts))


def check_finite(path: str | Path, words: Sequence[str], matrix: NDArray[np.float32]) -> None:
    """Raise FormatError with the first word whose vector holds NaN or infinity."""
    for rows in row_slices(len(matrix), matrix[:1].nbytes):
        finite = np.isfinite(matrix[rows]).all(axis=1)
        if not finite.all():
            word = words[rows.start + int(np.argmin(finite))]
            raise FormatError(f"{path}: the vector of {word!r} holds a number that is not finite")
        release_pages(matrix)


def _counts(
    path: str | Path, n_words: int, counts: NDArray[Any] | None
) -> NDArray[np.int64] | None:
    if counts is None:
        return None
    if counts.dtype.kind not in "iu" or counts.ndim != 1:
        raise FormatError(f"{path}: 'counts' is not a one-dimensional array of integers")
    if len(counts) != n_words:
        raise FormatError(
            f"{path}: {counted(n_words, 'word')}, but {counted(len(counts), 'count')}"
        )
    whole = counts.astype(np.int64)
    if whole.min() < 0:
        raise FormatError(f"{path}: a count is below 0, or too large")
    return whole
