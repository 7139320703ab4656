"""Sums of weighted words, and the errors of expressions whose words cancel out.

Without these errors, answers would be ranked by rounding errors.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import NoAnswerError, UnknownWordError, joined, raise_all
from embedtool.model.vectors import VectorTable
from embedtool.search.expression import SIGNS, Expression

MIN_LENGTH = 1e-6
"""Shorter sums of unit vectors, relative to their weights, are rounding errors of float32: equal
directions differ by up to 2e-7."""
SAME_COSINE = 1 - 1e-6
"""Unit vectors with at least this cosine count as equal: rounding errors are up to 2e-7."""


def term_arrays(
    expressions: Sequence[Expression], words: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the terms of each expression as rows of `words`, and their weights.

    Returns
    -------
    rows : ndarray of int64, shape (n_expressions, max_terms)
        The row of each term; 0 where an expression has fewer terms.
    weights : ndarray of float64, shape (n_expressions, max_terms)
        The weight of each term; 0 where an expression has fewer terms.
    """
    row_of = {word: i for i, word in enumerate(words)}
    shape = (len(expressions), max((len(e.terms) for e in expressions), default=0))
    rows = np.zeros(shape, dtype=np.int64)
    weights = np.zeros(shape, dtype=np.float64)
    for i, expression in enumerate(expressions):
        for j, (weight, word) in enumerate(expression.terms):
            rows[i, j] = row_of[word]
            weights[i, j] = weight
    return rows, weights


def weighted_sums(
    expressions: Sequence[Expression],
    units: NDArray[np.float32],
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Return the weighted sum of the unit vectors of each expression.

    Parameters
    ----------
    units : ndarray of float32, shape (n_words, vector_size)
        Rows of length 1.
    rows, weights
        As from `term_arrays`.

    Returns
    -------
    ndarray of float64, shape (n_expressions, vector_size)
        The sums.

    Raises
    ------
    NoAnswerError
        If the words of some expressions cancel out.
    """
    sums: NDArray[np.float64] = np.einsum("qt,qtd->qd", weights, units[rows])
    lengths = np.hypot.reduce(sums, axis=1)  # the squares of small weights would be 0
    _raise_where(lengths <= MIN_LENGTH * np.abs(weights).sum(axis=1), expressions)
    return sums


def weighted_sum(vectors: NDArray[np.float64], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the direction of the weighted sum of vectors, float64 (vector_size,), of length 1.

    Parameters
    ----------
    vectors : ndarray of float64, shape (n_vectors, vector_size)
        Of any length.
    weights : ndarray of float64, shape (n_vectors,)
        The weight of each.

    Raises
    ------
    NoAnswerError
        If they cancel out.
    """
    total: NDArray[np.float64] = weights @ vectors
    length = np.linalg.norm(total)
    if length <= MIN_LENGTH * (np.abs(weights) @ np.linalg.norm(vectors, axis=1)):
        raise NoAnswerError("the query vector is all zeros and has no direction")
    return total / length


def check_products(
    expressions: Sequence[Expression],
    units: NDArray[np.float32],
    rows: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> None:
    """Raise NoAnswerError if the product of 3CosMul is the same for all words.

    That is so if the weights of each direction add up to 0. The parameters are those of
    `weighted_sums`.
    """
    cancels = np.zeros(len(expressions), np.bool_)
    for i, (vectors, weight) in enumerate(zip(units[rows], weights, strict=True)):
        left = np.abs((vectors @ vectors.T >= SAME_COSINE) @ weight)
        cancels[i] = (left[weight != 0] <= MIN_LENGTH * np.abs(weight).sum()).all()
    _raise_where(cancels, expressions)


def _raise_where(cancels: NDArray[np.bool_], expressions: Sequence[Expression]) -> None:
    raise_all({
        i: NoAnswerError(f"{expressions[i]} is zero: the words cancel out")
        for i in np.flatnonzero(cancels).tolist()
    })  # fmt: skip


def raise_of_words(
    failures: Mapping[int, NoAnswerError],
    expressions: Sequence[Expression],
    words: Sequence[str],
    vectors: VectorTable,
) -> None:
    """Raise errors of words, given by their indices in `words`, as errors of the expressions."""
    by_word = {words[i]: error for i, error in failures.items()}
    by_expression: dict[int, NoAnswerError] = {}
    for i, expression in enumerate(expressions):
        own = [by_word[word] for word in dict.fromkeys(expression.words) if word in by_word]
        if own:
            explained = [_with_spaces(error, expression, vectors) for error in own]
            by_expression[i] = joined(dict(enumerate(explained)))
    raise_all(by_expression)


def _with_spaces(
    error: NoAnswerError, expression: Expression, vectors: VectorTable
) -> NoAnswerError:
    """Return the error, with advice if an unknown word looks like several words or a signed one.

    There is no advice if the expression has the same sign between spaces: the writer knows.
    """
    if not isinstance(error, UnknownWordError):
        return error
    positive = [weight > 0 for weight, _ in expression.terms]
    written = {*positive[1:]} | {positive[0]} & {False}  # a first + is seldom written
    inside = {sign > 0 for character, sign in SIGNS.items() if character in error.word}
    parts = re.split("|".join(map(re.escape, SIGNS)), error.word)
    signed = error.word[:1] in SIGNS and error.word[1:] in vectors
    joins = inside and not inside & written and all(part in vectors for part in parts)
    if not signed and not joins:
        return error
    return UnknownWordError(
        error.word,
        error.suggestions,
        "to add and subtract words write spaces around + and -, as in 'king - man + woman'",
    )
