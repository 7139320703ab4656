"""Vectors of the words of a query, and their cosines."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import NoAnswerError, raise_all
from embedtool.model.linalg import row_norms, unit_rows
from embedtool.model.vectors import AnyVectors, vectors_of


def from_ngrams(vectors: AnyVectors, words: Sequence[str]) -> tuple[str, ...]:
    """Return the words of a query whose vectors come only from their n-grams, each once.

    Only FastText's vectors have such words.
    """
    vectors = vectors_of(vectors)
    if vectors.subwords is None:
        return ()
    return tuple(word for word in dict.fromkeys(words) if word not in vectors)


def lookup(
    vectors: AnyVectors,
    words: Sequence[str],
    *,
    need_direction: bool = False,
    default: NDArray[np.float32] | None = None,
) -> NDArray[np.float32]:
    """Return the vectors of words, from subwords if they are not in the vocabulary.

    Parameters
    ----------
    need_direction : bool
        Raise an error for vectors of zeros, which have no direction.
    default : ndarray of float32, shape (vector_size,), optional
        The vector of words that have none; without it they raise an error.

    Returns
    -------
    ndarray of float32, shape (len(words), vector_size)
        The vectors.

    Raises
    ------
    UnknownWordError
        If words have no vector; names all of them.
    NoAnswerError
        If vectors are not finite or have no direction; names all such words.
    """
    vectors = vectors_of(vectors)
    ids = vectors.word_ids(words, -1)
    rows = vectors.rows[ids]
    failures: dict[int, NoAnswerError] = {}
    for i in np.flatnonzero(ids < 0).tolist():
        vector = vectors.from_subwords(words[i])
        vector = default if vector is None else vector
        if vector is None:
            failures[i] = vectors.unknown_word(words[i], len(failures))
        else:
            rows[i] = vector
    norms = row_norms(rows) if need_direction else np.ones(len(rows))
    finite: NDArray[np.bool_] = np.all(np.isfinite(rows), axis=1)
    for i in np.flatnonzero(~finite | ~np.isfinite(norms) | (norms == 0)).tolist():
        if not finite[i]:
            fault = "holds a number that is not finite"
        elif norms[i]:
            fault = "is too long: its length is beyond float32"
        else:
            fault = "is all zeros: it has no direction"
        failures.setdefault(i, NoAnswerError(f"the vector of {words[i]!r} {fault}"))
    raise_all(dict(sorted(failures.items())))
    return rows


def directions(vectors: AnyVectors, words: Sequence[str]) -> NDArray[np.float32]:
    """Return the vectors of words at length 1, float32 (len(words), vector_size); see `lookup`."""
    return unit_rows(lookup(vectors, words, need_direction=True))


def cosines(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the cosines of rows with one vector, or row by row, computed in float64.

    Parameters
    ----------
    first : ndarray of float, shape (n_rows, vector_size)
    second : ndarray of float, shape (vector_size,) or (n_rows, vector_size)
        The vector, or other rows.

    Returns
    -------
    ndarray of float64, shape (n_rows,)
        From -1 to 1; 0 if either is all zeros.
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    result: NDArray[np.float64] = np.divide(
        (a * b).sum(axis=-1), lengths, out=np.zeros(len(first)), where=lengths > 0
    )
    result.clip(-1, 1, out=result)
    return result
