"""How expressions are read from arguments, and what is said of what is not one."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import tsv
from tests.conftest import Run


def test_each_argument_with_spaces_is_an_expression_of_its_own(
    run: Run, models: dict[str, Path]
) -> None:
    def queries(*arguments: str) -> list[str]:
        result = run("analogy", models["word2vec"], "-n", "1", "--json", *arguments)
        assert result.exit_code == 0, result.stderr
        return [each["query"] for each in json.loads(result.stdout)]

    king, rome = "king - man + woman", "paris - france + italy"
    assert queries(king, rome) == [king, rome]
    assert queries(king, *rome.split()) == [king, rome]
    assert queries(*king.split(), rome) == [king, rome]
    assert queries("man king woman", "france paris italy") == [
        "man king woman", "france paris italy",
    ]  # fmt: skip
    assert queries("king - man", "+", "woman") == [king]
    assert queries("king", "-", "man + woman") == [king]
    assert queries("0.5 * king", "+", "queen") == ["0.5 * king + queen"]
    odd = run("odd-one-out", models["glove"], "king queen tall", "man woman tall", "--json")
    assert [each["query"] for each in json.loads(odd.stdout)] == [
        "king queen tall", "man woman tall",
    ]  # fmt: skip
    pairs = run("similarity", models["glove"], "king queen", "man woman", "--tsv")
    assert [row[:2] for row in tsv(pairs.stdout)[1:]] == [["king", "queen"], ["man", "woman"]]


@pytest.mark.parametrize(
    "text", ["king − man + woman", "king – man + woman", "(king - man) + woman",
             "king - (man - woman)"]
)  # fmt: skip
def test_expressions_as_papers_print_them_are_understood(
    run: Run, models: dict[str, Path], text: str
) -> None:
    result = run("analogy", models["word2vec"], text, "-n", "1", "--tsv")
    assert tsv(result.stdout)[1][:2] == [text, "queen"]


def test_a_hyphenated_word_is_not_told_to_have_spaces(run: Run, models: dict[str, Path]) -> None:
    for text in ("king-man - king + queen", "queen - king-man-woman + king"):
        result = run("analogy", models["glove"], text)
        assert result.exit_code == 1
        assert "is not in the vocabulary" in result.stderr
        assert "spaces" not in result.stderr


def test_a_leading_minus_is_explained(run: Run, models: dict[str, Path]) -> None:
    result = run("analogy", models["glove"], "- man + king")
    assert result.exit_code == 2
    assert result.stderr == (
        "Error: No such option '- '; put a query that begins with - after -- "
        "(see cli analogy --help)\n"
    )
    assert "Put one that begins with - after --" in " ".join(
        run("analogy", "--help").stdout.split()
    )


@pytest.mark.parametrize("expression", ["king -", "king", "+ + +", "a b c d", ""])
def test_what_is_no_expression_is_explained(
    run: Run, models: dict[str, Path], expression: str
) -> None:
    result = run("analogy", models["glove"], expression)
    assert result.exit_code == 1
    assert "as in 'king - man + woman'" in result.stderr


@pytest.mark.parametrize(
    "expression", ["king-man + woman", "king -man +woman", "king −man ＋woman"]
)
def test_an_expression_without_spaces_is_explained(
    run: Run, models: dict[str, Path], expression: str
) -> None:
    result = run("analogy", models["glove"], expression)
    assert result.exit_code == 1
    assert "write spaces around + and -" in result.stderr
