"""Expressions of added and subtracted words, such as `king - man + woman`."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from embedtool.corpus.tokens import split_spaces
from embedtool.errors import QueryError

PLUS = "+\N{FULLWIDTH PLUS SIGN}"
MINUS = (
    "-\N{HYPHEN}\N{NON-BREAKING HYPHEN}\N{FIGURE DASH}\N{EN DASH}\N{EM DASH}\N{MINUS SIGN}"
    "\N{FULLWIDTH HYPHEN-MINUS}"
)
"""Dashes and minus signs of Unicode, which are read as a minus."""
SIGNS = dict.fromkeys(PLUS, 1.0) | dict.fromkeys(MINUS, -1.0)
NUMBER = rf"[{PLUS}\{MINUS}]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
ASCII_SIGNS = str.maketrans(dict.fromkeys(PLUS, "+") | dict.fromkeys(MINUS, "-"))
WEIGHT = re.compile(rf"({NUMBER})\*", re.ASCII)
SPACED_WEIGHT = re.compile(rf"(?<!\S)({NUMBER})\s*\*\s*(?=\S)", re.ASCII)

OPENING = re.compile(r"\(+(?=\w)")
CLOSING = re.compile(r"(?<=\w)\)+$")

LARGEST_WEIGHT = 1000.0
"""Largest weight: beside a larger one, a word of weight 1 is lost in rounding."""

EXPECTED = (
    "expected words joined by + and - with spaces around them, as in 'king - man + woman' or "
    "'0.5*king + queen', or three words, as in 'man king woman'"
)


PARENTHESES = (
    "parentheses come in pairs and without a weight, as in 'king - (man - woman)'; a word that "
    "begins or ends with one is written '1*(king'"
)

Piece = float | tuple[float, str] | str
"""A sign, a weight and its word, or a parenthesis."""


@dataclass(frozen=True)
class Expression:
    """A weighted sum of words.

    Attributes
    ----------
    terms : tuple of (float, str)
        The weight and the word of each term, in the order written; a subtracted word has a negative
        weight.
    """

    terms: tuple[tuple[float, str], ...]

    @property
    def words(self) -> tuple[str, ...]:
        """The word of each term."""
        return tuple(word for _, word in self.terms)

    def __str__(self) -> str:
        """Return the expression in the syntax of `parse_expression`."""
        text = " ".join(
            f"{'-' if weight < 0 else '+'} {_written(abs(weight), word)}"
            for weight, word in self.terms
        )
        return text.removeprefix("+ ")


def parse_expression(text: str) -> Expression:
    """Parse `king - man + woman`, `0.5*king + 0.5 * queen` or the three words `man king woman`.

    `+` and `-` are operators only between spaces, so that `well-known` is a word; dashes and the
    minus sign of Unicode are a `-`. `king - (man - woman)` is `king - man + woman`. A number and
    `*` before a word are its weight. A word that is itself an operator, starts or ends with an
    unpaired parenthesis, or looks weighted, is written with an explicit weight, as in `1*+`. Three
    words without operators are the analogy "the first is to the second as the third is to what?":
    second - first + third.

    Raises
    ------
    QueryError
        If the text is not an expression; the message says what is expected.
    """
    tokens = split_spaces(SPACED_WEIGHT.sub(r"\1*", text))
    pieces = [piece for i in range(len(tokens)) for piece in _pieces(tokens, i)]
    if len(tokens) == 3 and pieces == [(1.0, token) for token in tokens]:
        first, second, third = tokens
        return Expression(((1.0, second), (-1.0, first), (1.0, third)))
    terms: list[tuple[float, str]] = []
    groups, sign = [1.0], 1.0  # signs that multiply a term: those of open parentheses, and its own
    sign_fits = term_fits = True
    for piece in pieces:
        if isinstance(piece, float) and sign_fits:
            sign, sign_fits, term_fits = piece, False, True
        elif isinstance(piece, tuple) and term_fits:
            weight, word = piece
            terms.append((groups[-1] * sign * weight, word))
            sign, sign_fits, term_fits = 1.0, True, False
        elif piece == "(" and term_fits:
            groups.append(groups[-1] * sign)
            sign, sign_fits = 1.0, True
        elif piece == ")" and not term_fits and len(groups) > 1:
            groups.pop()
        else:
            raise _no_expression(text, pieces)
    if len(terms) < 2 or term_fits or len(groups) > 1:
        raise _no_expression(text, pieces)
    return Expression(tuple(terms))


def _no_expression(text: str, pieces: Sequence[Piece]) -> QueryError:
    parentheses = f"; {PARENTHESES}" if {"(", ")"} & {*pieces} else ""
    return QueryError(f"{text!r} is not an expression: {EXPECTED}{parentheses}")


def _pieces(tokens: Sequence[str], i: int) -> Iterator[Piece]:
    """Yield the pieces of a token: a sign, or a term between parentheses.

    A separate parenthesis is an ordinary word if a sign follows the opening or precedes the closing
    one.
    """
    token = tokens[i]
    opening, closing = _parentheses(token)
    if token in SIGNS:
        yield SIGNS[token]
    elif token == "(" and i + 1 < len(tokens) and tokens[i + 1] not in SIGNS:
        yield "("
    elif token == ")" and i > 0 and tokens[i - 1] not in SIGNS:
        yield ")"
    else:
        yield from "(" * opening
        yield _read_term(token[opening : len(token) - closing])
        yield from ")" * closing


def _parentheses(token: str) -> tuple[int, int]:
    """Return the numbers of unpaired parentheses at the start and the end of a token."""
    unpaired = token.count("(") - token.count(")")
    begin, end = OPENING.match(token), CLOSING.search(token)
    return (
        min(len(begin[0]), unpaired) if begin and unpaired > 0 else 0,
        min(len(end[0]), -unpaired) if end and unpaired < 0 and not WEIGHT.match(token) else 0,
    )


def _read_term(term: str) -> tuple[float, str]:
    """Parse `0.5*king` into weight and word."""
    weighted = WEIGHT.match(term)
    if weighted is None or weighted.end() == len(term):
        return 1.0, term
    weight = float(weighted[1].translate(ASCII_SIGNS))
    if abs(weight) > LARGEST_WEIGHT:
        raise QueryError(
            f"the weight of {term!r} is too large: expected -{LARGEST_WEIGHT:g} to "
            f"{LARGEST_WEIGHT:g}, as in '0.5*king + queen'"
        )
    return weight, term[weighted.end() :]


def _written(weight: float, word: str) -> str:
    """Return a term without its sign."""
    special = word in SIGNS or word in ("(", ")") or WEIGHT.match(word) or any(_parentheses(word))
    if weight == 1 and not special:
        return word
    return f"{repr(weight).removesuffix('.0')}*{word}"
