"""What is shown of a line in which a word is used."""

import pytest

from embedtool.contextual.senses import EXCERPT_CHARACTERS, excerpt

LONG = "word " * 30


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("the bank eroded", "the bank eroded"),
        (LONG + "bank", "… " + "word " * 8 + "bank"),
        ("bank " + LONG, "bank" + " word" * 8 + " …"),
        (LONG + "the Bank " + LONG, "… " + "word " * 7 + "the Bank" + " word" * 8 + " …"),
        ("bankers of a bank " + LONG, "bankers of a bank" + " word" * 8 + " …"),
        ("riverbank " + LONG, "riverbank" + " word" * 8 + " …"),
        (
            "字" * 100 + "bank" + "字" * 100,
            "… " + "字" * (EXCERPT_CHARACTERS + 1) + "bank" + "字" * EXCERPT_CHARACTERS + " …",
        ),
        (LONG, "word " * 7 + "word …"),
        ("", ""),
    ],
)
def test_excerpts_around_a_word(line, shown):
    assert excerpt(line, "bank") == shown
    assert len(excerpt(line, "bank")) <= 2 * EXCERPT_CHARACTERS + len("bank") + 6
