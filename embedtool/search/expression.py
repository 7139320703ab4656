"""Words added and subtracted, as a person writes them.

In: text such as `king - man + woman`. Out: an Expression, words with their weights.
"""

import re
from dataclasses import dataclass

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import QueryError

SIGNS = {"+": 1.0, "-": -1.0}
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
WEIGHT = re.compile(rf"({NUMBER})\*", re.ASCII)
SPACED_WEIGHT = re.compile(rf"(?<!\S)({NUMBER})\s*\*\s*(?=\S)", re.ASCII)

LARGEST_WEIGHT = 1000.0
"""Beside a word that weighs more, another of weight 1 is lost in the rounding of the scores."""

EXPECTED = (
    "expected words joined by + and - with spaces around them, as in 'king - man + woman' or "
    "'0.5*king + queen', or three words, as in 'man king woman'"
)


@dataclass(frozen=True)
class Expression:
    """A weighted sum of words.

    terms : (weight, word) of each term, in the order written; a subtracted word weighs less than 0
    """

    terms: tuple[tuple[float, str], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each term."""
        return tuple(word for _, word in self.terms)

    def __str__(self) -> str:
        """The expression as `parse_expression` reads it."""
        text = " ".join(
            f"{'-' if weight < 0 else '+'} {_written(abs(weight), word)}"
            for weight, word in self.terms
        )
        return text.removeprefix("+ ")


def parse_expression(text: str) -> Expression:
    """Read `king - man + woman`, `0.5*king + 0.5 * queen` or the three words `man king woman`.

    `+` and `-` are operators only where they stand between spaces, so that `well-known` is a word.
    A number and `*` before a word weigh it; a word that is itself an operator, or looks weighted,
    is written with a weight of its own, as in `1*+`. Three words without operators are the analogy
    "the first is to the second as the third is to what?": second - first + third.
    Raises QueryError, which says what is expected, on anything else.
    """
    tokens = split_spaces(SPACED_WEIGHT.sub(r"\1*", text))
    if len(tokens) == 3 and not any(token in SIGNS or WEIGHT.match(token) for token in tokens):
        first, second, third = tokens
        return Expression(((1.0, second), (-1.0, first), (1.0, third)))
    if tokens and tokens[0] not in SIGNS:
        tokens.insert(0, "+")
    signs, terms = tokens[::2], tokens[1::2]
    if (
        len(terms) < 2
        or len(signs) != len(terms)
        or not SIGNS.keys() >= set(signs)
        or not SIGNS.keys().isdisjoint(terms)
    ):
        raise QueryError(f"{text!r} is no expression: {EXPECTED}")
    return Expression(
        tuple(_read_term(SIGNS[sign], term) for sign, term in zip(signs, terms, strict=True))
    )


def _read_term(sign: float, term: str) -> tuple[float, str]:
    """`0.5*king` after a sign, as weight and word."""
    weighted = WEIGHT.match(term)
    if weighted is None or weighted.end() == len(term):
        return sign, term
    weight = float(weighted[1])
    if abs(weight) > LARGEST_WEIGHT:
        raise QueryError(
            f"the weight of {term!r} is too large: expected -{LARGEST_WEIGHT:g} to "
            f"{LARGEST_WEIGHT:g}, as in '0.5*king + queen'"
        )
    return sign * weight, term[weighted.end() :]


def _written(weight: float, word: str) -> str:
    """A term without its sign."""
    if weight == 1 and word not in SIGNS and not WEIGHT.match(word):
        return word
    return f"{repr(weight).removesuffix('.0')}*{word}"
