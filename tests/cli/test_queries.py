"""The query commands, on models of each algorithm trained on the shipped corpus."""

import json
import math
from pathlib import Path

import pytest

from embedtool.model import store
from tests.cli.conftest import tsv
from tests.conftest import QUICK, Run

each_algorithm = pytest.mark.parametrize("algorithm", QUICK)


@each_algorithm
def test_king_minus_man_plus_woman_is_queen(
    run: Run, models: dict[str, Path], algorithm: str
) -> None:
    for query in (["king - man + woman"], ["king", "-", "man", "+", "woman"],
                  ["man", "king", "woman"], ["man king woman"]):  # fmt: skip
        result = run("analogy", models[algorithm], *query, "-n", "1", "--tsv")
        assert result.exit_code == 0, result.output
        assert tsv(result.stdout)[1][:2] == [" ".join(query), "queen"]


def test_similar_names_analogy_for_sums_of_words(run: Run, models: dict[str, Path]) -> None:
    result = run("similar", models["word2vec"], "king - man + woman")
    assert result.exit_code == 1
    assert result.stderr.strip() == (
        "Error: 'king - man + woman' is not in the vocabulary; "
        "sums and differences of words are for analogy"
    )


@each_algorithm
def test_3cosmul_finds_queen_too(run: Run, models: dict[str, Path], algorithm: str) -> None:
    query = ["king - man + woman", "--method", "3cosmul"]
    result = run("analogy", models[algorithm], *query, "-n", "1", "--json")
    assert json.loads(result.stdout)[0]["answers"][0]["word"] == "queen"


def test_the_query_words_answer_only_if_asked(run: Run, models: dict[str, Path]) -> None:
    plain = tsv(run("analogy", models["word2vec"], "king - man + woman", "--tsv").stdout)
    assert {"king", "man", "woman"}.isdisjoint(row[1] for row in plain)
    options = ["--tsv", "--include-query-words"]
    asked = tsv(run("analogy", models["word2vec"], "king - man + woman", *options).stdout)
    assert "king" in [row[1] for row in asked]


@each_algorithm
def test_neighbours_of_many_words_fall_in_score(
    run: Run, models: dict[str, Path], algorithm: str
) -> None:
    rows = tsv(run("similar", models[algorithm], "king", "paris", "-n", "4", "--tsv").stdout)
    assert rows[0] == ["query", "word", "score"]
    assert [row[0] for row in rows[1:]] == ["king"] * 4 + ["paris"] * 4
    for start in (1, 5):
        scores = [float(row[2]) for row in rows[start : start + 4]]
        assert scores == sorted(scores, reverse=True)
    assert "queen" in [row[1] for row in rows[1:5]]


def test_words_come_from_standard_input(run: Run, models: dict[str, Path]) -> None:
    given = run("similar", models["glove"], "king", "paris", "--tsv").stdout
    for arguments in ([], ["-"]):
        piped = run("similar", models["glove"], *arguments, "--tsv", input="king\n\n paris \r\n")
        assert piped.stdout == given


def test_expressions_come_from_standard_input(run: Run, models: dict[str, Path]) -> None:
    lines = "king - man + woman\nman king woman\n"
    result = run("analogy", models["word2vec"], "-n", "1", "--json", input=lines)
    answers = json.loads(result.stdout)
    assert [each["query"] for each in answers] == lines.splitlines()
    assert [each["answers"][0]["word"] for each in answers] == ["queen", "queen"]


def test_a_table_names_the_query_only_where_there_are_several(
    run: Run, models: dict[str, Path]
) -> None:
    one = run("similar", models["glove"], "king", "-n", "2").stdout.splitlines()
    assert one[0].split() == ["word", "score"]
    assert len(one) == 3
    two = run("similar", models["glove"], "king", "queen", "-n", "2").stdout.splitlines()
    assert [two[0], two[4], two[5]] == ["king", "", "queen"]


def test_the_search_can_be_restricted(run: Run, models: dict[str, Path], tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("paris\r\nberlin\nnot-in-the-model\n")
    found = run("similar", models["word2vec"], "king", "--words", words, "--tsv").stdout
    assert sorted(row[1] for row in tsv(found)[1:]) == ["berlin", "paris"]
    vectors = store.load(models["word2vec"]).vectors
    assert vectors.counts is not None
    counts = dict(zip(vectors.words, vectors.counts.tolist(), strict=True))
    frequent = run("similar", models["word2vec"], "king", "--min-count", "900", "--tsv").stdout
    assert all(counts[row[1]] >= 900 for row in tsv(frequent)[1:])
    first = set(list(counts)[:20])
    few = run("similar", models["word2vec"], "king", "--restrict-vocab", "20", "--tsv").stdout
    assert {row[1] for row in tsv(few)[1:]} <= first


def test_similarity_is_one_cosine_for_each_other_word(run: Run, models: dict[str, Path]) -> None:
    result = run("similarity", models["glove"], "king", "queen", "king", "--json")
    rows = json.loads(result.stdout)
    assert [(row["word"], row["other"]) for row in rows] == [("king", "queen"), ("king", "king")]
    assert math.isclose(rows[1]["similarity"], 1, abs_tol=1e-6)
    nearest = tsv(run("similar", models["glove"], "king", "-n", "2000", "--tsv").stdout)
    score = next(float(row[2]) for row in nearest[1:] if row[1] == "queen")
    assert math.isclose(rows[0]["similarity"], score, abs_tol=1e-6)


def test_similarity_of_one_word_says_what_is_missing(run: Run, models: dict[str, Path]) -> None:
    result = run("similarity", models["glove"], "king")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: 'king' is one word; similarity is between two, as in: king queen\n"
    )


@each_algorithm
def test_the_odd_one_comes_first(run: Run, models: dict[str, Path], algorithm: str) -> None:
    words = ["king", "queen", "prince", "taller", "duke"]
    result = run("odd-one-out", models[algorithm], *words, "--tsv")
    assert tsv(result.stdout)[1][1] == "taller"
    assert sorted(row[1] for row in tsv(result.stdout)[1:]) == sorted(words)


def test_a_vector_is_printed_in_full(run: Run, models: dict[str, Path]) -> None:
    matrix = store.load(models["glove"]).vectors
    word, *numbers = run("vector", models["glove"], "king").stdout.split()
    assert word == "king"
    assert [float(number) for number in numbers] == pytest.approx(matrix.vector("king").tolist())
    parsed = json.loads(run("vector", models["glove"], "king", "queen", "--json").stdout)
    assert [each["word"] for each in parsed] == ["king", "queen"]
    assert parsed[1]["vector"] == matrix.vector("queen").tolist()


def test_an_unknown_word_gets_its_subword_vector_from_fasttext(
    run: Run, models: dict[str, Path]
) -> None:
    result = run("similar", models["fasttext"], "kingsy", "-n", "3", "--tsv")
    assert result.exit_code == 0
    assert len(tsv(result.stdout)) == 4
    assert run("similar", models["word2vec"], "kingsy").exit_code == 1


def test_invalid_utf8_on_standard_input_names_the_line(run: Run, models: dict[str, Path]) -> None:
    result = run("similar", models["glove"], input=b"king\n\xff\n")
    assert result.exit_code == 1
    assert result.stderr == "Error: standard input, line 2: invalid UTF-8\n"


def test_zero_answers_is_wrong_usage(run: Run, models: dict[str, Path]) -> None:
    result = run("similar", models["glove"], "king", "-n", "0")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
