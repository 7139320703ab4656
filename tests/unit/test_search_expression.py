"""Expressions are read as they are written, and nothing else is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.errors import QueryError
from embedtool.search.expression import LARGEST_WEIGHT, Expression, parse_expression

KING = ((1.0, "king"), (-1.0, "man"), (1.0, "woman"))


@pytest.mark.parametrize(
    "text, terms",
    [
        ("king - man + woman", KING),
        ("man king woman", KING),
        ("  king  -\tman + woman\n", KING),
        ("+ king - man + woman", KING),
        ("- man + woman", ((-1.0, "man"), (1.0, "woman"))),
        ("0.5*king + queen", ((0.5, "king"), (1.0, "queen"))),
        ("0.5 * king - 2* queen + .5 *man", ((0.5, "king"), (-2.0, "queen"), (0.5, "man"))),
        ("-0.5*king - -1e1*queen", ((-0.5, "king"), (10.0, "queen"))),
        ("0.5 * man - king", ((0.5, "man"), (-1.0, "king"))),
        ("well-known - known + C++", ((1.0, "well-known"), (-1.0, "known"), (1.0, "C++"))),
        ("2012 - 2011 + 2010", ((1.0, "2012"), (-1.0, "2011"), (1.0, "2010"))),
        ("1*+ - 1*-", ((1.0, "+"), (-1.0, "-"))),
        ("1*2*x + f*ck", ((1.0, "2*x"), (1.0, "f*ck"))),
        ("New\u00a0York - York", ((1.0, "New\u00a0York"), (-1.0, "York"))),
        ("Ⅷ*x + ٣*y", ((1.0, "Ⅷ*x"), (1.0, "٣*y"))),
        ("king − man ＋ woman", KING),
        ("king – man + woman", KING),
        ("king — man + woman", KING),
        ("king ‐ man + woman", KING),
        ("– man + king + woman", ((-1.0, "man"), (1.0, "king"), (1.0, "woman"))),
        ("−0.5*man + king − –2 * queen", ((-0.5, "man"), (1.0, "king"), (2.0, "queen"))),
        ("king − queen", ((1.0, "king"), (-1.0, "queen"))),
        ("1*– - 1*−", ((1.0, "–"), (-1.0, "−"))),
        ("well−known – 1990–95", ((1.0, "well−known"), (-1.0, "1990–95"))),
        ("mother-in-law - mother + father",
         ((1.0, "mother-in-law"), (-1.0, "mother"), (1.0, "father"))),
        ("(king - man) + woman", KING),
        ("( king - man ) + woman", KING),
        ("king + (woman - man)", ((1.0, "king"), (1.0, "woman"), (-1.0, "man"))),
        ("king - (man - woman)", KING),
        ("king − (man – woman)", KING),
        ("(king - (man - (woman - girl)))", (*KING, (-1.0, "girl"))),
        ("((2*king - man) + woman)", ((2.0, "king"), (-1.0, "man"), (1.0, "woman"))),
        ("film_(1999) - :) + (c)", ((1.0, "film_(1999)"), (-1.0, ":)"), (1.0, "(c)"))),
        ("( - ) + [", ((1.0, "("), (-1.0, ")"), (1.0, "["))),
        ("1*(king - 1*man)", ((1.0, "(king"), (-1.0, "man)"))),
        (":-( man woman", ((1.0, "man"), (-1.0, ":-("), (1.0, "woman"))),
    ],
)  # fmt: skip
def test_what_is_read(text, terms):
    assert parse_expression(text) == Expression(terms)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "king",
        "king-man+woman",
        "king queen",
        "a b c d",
        "king -",
        "- king",
        "king - - man",
        "king man + woman",
        "+",
        "+ - +",
        "0.5*king queen woman",
        "king + 0.5 * - man",
    ],
)
def test_what_is_not(text):
    with pytest.raises(QueryError, match=r"expected words joined by \+ and - .*'man king woman'"):
        parse_expression(text)


@pytest.mark.parametrize(
    "text",
    [
        "(king - man + woman", "king - man) + woman", "king - (man + 0.5*woman)",
        "(man king woman)", "0.5*(king + queen) - man", "king (- man)", "king - (man) woman)",
        "((a b) c)",
    ],
)  # fmt: skip
def test_parentheses_that_are_not_understood_are_named(text):
    with pytest.raises(QueryError, match="parentheses come in pairs and without a weight"):
        parse_expression(text)


@pytest.mark.parametrize("text", ["1e999*a + b", "a - 1001*b"])
def test_weights_beyond_the_largest_are_refused(text):
    with pytest.raises(QueryError, match="too large: expected -1000 to 1000"):
        parse_expression(text)


WORDS = st.one_of(
    st.text(st.characters(blacklist_characters="\0\t\n\v\f\r ", codec="utf-8"), min_size=1),
    st.text("+-−*.0123456789eE", min_size=1),
    st.text("()ab", min_size=1),
)
WEIGHTS = st.floats(-LARGEST_WEIGHT, LARGEST_WEIGHT)


@given(st.lists(st.tuples(WEIGHTS, WORDS), min_size=2, max_size=5))
def test_what_is_written_is_read_again(terms):
    expression = Expression(tuple(terms))
    assert parse_expression(str(expression)) == expression


@given(st.text("ab+-–*1. ()"))
def test_text_is_read_or_refused(text):
    try:
        expression = parse_expression(text)
    except QueryError:
        return
    assert len(expression.terms) >= 2
    assert parse_expression(str(expression)) == expression
