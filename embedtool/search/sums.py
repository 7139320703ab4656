"""Sums of words: their weights as arrays, and whether anything is left of them.

In: expressions, and the unit vectors of their words. Out: the sums; an error that says which of
them cancel out, so that nothing is ranked by what rounding leaves.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import NoAnswerError, UnknownWordError, joined, raise_all
from embedtool.model.vectors import WordVectors
from embedtool.search.expression import SIGNS, Expression

LEAST_LENGTH = 1e-6
"""A sum of unit vectors that is shorter, as a share of its weights, is what float32 rounds: equal
directions differ by up to 2e-7."""
SAME_COSINE = 1 - 1e-6
"""Unit vectors with this cosine or more count as one: rounding takes up to 2e-7 from it."""


def term_arrays(
    expressions: Sequence[Expression], words: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each expression's terms as rows of `words`, and their weights; unused slots weigh 0.

    Returns int64 and float64 (n_expressions, the most terms of any).
    """
    place = {word: i for i, word in enumerate(words)}
    shape = (len(expressions), max((len(e.terms) for e in expressions), default=0))
    slots = np.zeros(shape, dtype=np.int64)
    weights = np.zeros(shape, dtype=np.float64)
    for i, expression in enumerate(expressions):
        for j, (weight, word) in enumerate(expression.terms):
            slots[i, j] = place[word]
            weights[i, j] = weight
    return slots, weights


def weighted_sums(
    expressions: Sequence[Expression],
    units: NDArray[np.float32],
    slots: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The weighted sum of each expression's unit vectors, float64 (n_expressions, vector_size).

    units          : float32 (n_words, vector_size), rows of length 1
    slots, weights : of `term_arrays`
    Raises NoAnswerError where the words of some cancel out.
    """
    sums: NDArray[np.float64] = np.einsum("qt,qtd->qd", weights, units[slots])
    lengths = np.hypot.reduce(sums, axis=1)  # the squares of small weights would be 0
    _raise_where(lengths <= LEAST_LENGTH * np.abs(weights).sum(axis=1), expressions)
    return sums


def check_products(
    expressions: Sequence[Expression],
    units: NDArray[np.float32],
    slots: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> None:
    """Raise NoAnswerError where 3CosMul's product is the same for all words.

    It is where the weights of each direction add up to 0. The parameters are those of
    `weighted_sums`.
    """
    cancels = np.zeros(len(expressions), np.bool_)
    for i, (rows, weight) in enumerate(zip(units[slots], weights, strict=True)):
        left = np.abs((rows @ rows.T >= SAME_COSINE) @ weight)
        cancels[i] = (left[weight != 0] <= LEAST_LENGTH * np.abs(weight).sum()).all()
    _raise_where(cancels, expressions)


def _raise_where(cancels: NDArray[np.bool_], expressions: Sequence[Expression]) -> None:
    raise_all({
        i: NoAnswerError(f"{expressions[i]} is nothing at all: the words cancel out")
        for i in np.flatnonzero(cancels).tolist()
    })  # fmt: skip


def raise_of_words(
    failures: Mapping[int, NoAnswerError],
    expressions: Sequence[Expression],
    words: Sequence[str],
    vectors: WordVectors,
) -> None:
    """Raise what is wrong with words, given by their places in `words`, as of the expressions."""
    wrong = {words[i]: error for i, error in failures.items()}
    found: dict[int, NoAnswerError] = {}
    for place, expression in enumerate(expressions):
        own = [wrong[word] for word in dict.fromkeys(expression.words) if word in wrong]
        if own:
            told = [_with_spaces(error, expression, vectors) for error in own]
            found[place] = joined(dict(enumerate(told)))
    raise_all(found)


def _with_spaces(
    error: NoAnswerError, expression: Expression, vectors: WordVectors
) -> NoAnswerError:
    """Where an unknown word looks like several joined by + or -, or like one after a sign, the
    error says so.

    It does not where the same sign stands between spaces in the expression: the writer knows.
    """
    if not isinstance(error, UnknownWordError):
        return error
    positive = [weight > 0 for weight, _ in expression.terms]
    written = {*positive[1:]} | {positive[0]} & {False}  # a first + is seldom written
    inside = {sign > 0 for character, sign in SIGNS.items() if character in error.word}
    parts = re.split("|".join(map(re.escape, SIGNS)), error.word)
    signed = error.word[0] in SIGNS and error.word[1:] in vectors
    joins = inside and not inside & written and all(part in vectors for part in parts)
    if not signed and not joins:
        return error
    return UnknownWordError(
        error.word,
        error.suggestions,
        "to add and subtract words write spaces around + and -, as in 'king - man + woman'",
    )
