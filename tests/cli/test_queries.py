"""The query commands, on models of each algorithm trained on the shipped corpus."""

import json
import math
from pathlib import Path

import pytest

from embedtool.model import store
from embedtool.plotting.scenes import analogies, neighbourhoods
from embedtool.trainers import TRAINERS
from tests.conftest import Run

each_algorithm = pytest.mark.parametrize("algorithm", TRAINERS)


def tsv(output: str) -> list[list[str]]:
    return [line.split("\t") for line in output.splitlines()]


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


# queries without an answer

LINES = "king\nKing\n\nqueen\nkingg\nKing\n"
KING = "'King' is not in the vocabulary; nearest spellings: king, "
KINGG = "'kingg' is not in the vocabulary; nearest spellings: king"
ADVICE = "; --unknown skip or --unknown mark answers the others"


def test_all_unknown_words_are_named_with_their_lines_before_anything_is_printed(
    run: Run, models: dict[str, Path]
) -> None:
    result = run("similar", models["word2vec"], input=LINES)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: standard input, lines 2, 6: {KING}")
    assert result.stderr.endswith(f"; line 5: {KINGG}{ADVICE}\n")
    assert result.stderr.count("\n") == 1
    given = run("vector", models["word2vec"], "kingg", "king", "Kingg")
    told = "'Kingg' is not in the vocabulary; nearest spellings: king"
    assert (given.exit_code, given.stderr) == (1, f"Error: {KINGG}; {told}{ADVICE}\n")
    alone = run("similar", models["word2vec"], "kingg")
    assert alone.stderr == f"Error: {KINGG}\n"


def test_however_many_unknown_words_there_are_all_are_named(
    run: Run, models: dict[str, Path]
) -> None:
    words = [f"zzzz{i}" for i in range(1000)]
    result = run("similar", models["glove"], input="\n".join(words))
    assert result.exit_code == 1
    for number, word in enumerate(words, 1):
        assert f"line {number:,}: '{word}' is not in the vocabulary" in result.stderr
    huge = run("similar", models["glove"], input=f"king\n{'a' * 10**6}\n")
    assert huge.exit_code == 1
    assert len(huge.stderr) < 3000


def test_unknown_words_can_be_left_out(run: Run, models: dict[str, Path]) -> None:
    result = run("similar", models["word2vec"], "--unknown", "skip", "--tsv", input=LINES)
    expected = run("similar", models["word2vec"], "king", "queen", "--tsv").stdout
    assert (result.exit_code, result.stdout) == (0, expected)
    assert result.stderr.startswith(f"3 queries left out: standard input, lines 2, 6: {KING}")
    one = run("similar", models["word2vec"], "kingg", "--unknown", "skip", "--json")
    assert (one.exit_code, one.stdout) == (0, "[]\n")
    assert one.stderr == f"1 query left out: {KINGG}\n"


def test_unknown_words_can_be_marked_in_every_form(run: Run, models: dict[str, Path]) -> None:
    asked = ["similar", models["word2vec"], "kingg", "king", "-n", "1", "--unknown", "mark"]
    king = run("similar", models["word2vec"], "king", "-n", "1").stdout
    table = run(*asked)
    assert (table.exit_code, table.stdout, table.stderr) == (
        0,
        f"kingg\n{KINGG}\n\nking\n{king}",
        "",
    )
    rows = tsv(run(*asked, "--tsv").stdout)
    assert rows[0] == ["query", "word", "score", "note"]
    assert rows[1] == ["kingg", "", "", KINGG]
    assert [rows[2][0], rows[2][3]] == ["king", ""]
    first, second = json.loads(run(*asked, "--json").stdout)
    assert first == {
        "query": "kingg", "answers": None, "reason": KINGG, "unknown": {"kingg": ["king"]},
    }  # fmt: skip
    assert second["query"] == "king"


@pytest.mark.parametrize(
    ("command", "lines", "marked"),
    [
        ("similarity", "king queen\nking kingg\nking prince",
         {"word": "king", "other": "kingg", "similarity": None}),
        ("analogy", "king - man + woman\nkingg - man + woman\n- man + king",
         {"query": "kingg - man + woman", "answers": None}),
        ("odd-one-out", "king queen tall\nking kingg tall\nking man tall",
         {"query": "king kingg tall", "answers": None}),
        ("vector", "king\nkingg\nqueen", {"word": "kingg", "vector": None}),
    ],
)  # fmt: skip
def test_every_query_command_names_skips_or_marks(
    run: Run, models: dict[str, Path], command: str, lines: str, marked: dict[str, object]
) -> None:
    model = models["word2vec"]
    refused = run(command, model, input=lines)
    assert (refused.exit_code, refused.stdout) == (1, "")
    assert refused.stderr == f"Error: standard input, line 2: {KINGG}{ADVICE}\n"
    first, second, third = json.loads(
        run(command, model, "--unknown", "mark", "--json", input=lines).stdout
    )
    assert second == {**marked, "reason": KINGG, "unknown": {"kingg": ["king"]}}
    skipped = run(command, model, "--unknown", "skip", "--json", input=lines)
    assert json.loads(skipped.stdout) == [first, third]
    assert skipped.stderr == f"1 query left out: standard input, line 2: {KINGG}\n"
    for form in ([], ["--tsv"]):
        result = run(command, model, "--unknown", "mark", *form, input=lines)
        assert result.exit_code == 0
        assert KINGG in (result.stderr if command == "vector" else result.stdout)


def test_marks_of_a_similarity_are_notes(run: Run, models: dict[str, Path]) -> None:
    asked = ["similarity", models["word2vec"], "king", "queen", "kingg", "--unknown", "mark"]
    lines = run(*asked).stdout.splitlines()
    assert lines[0].split() == ["word", "other", "similarity", "note"]
    assert lines[2].split(maxsplit=3) == ["king", "kingg", "-", KINGG]
    assert tsv(run(*asked, "--tsv").stdout)[2] == ["king", "kingg", "", KINGG]


def test_lines_that_cannot_be_asked_are_named(run: Run, models: dict[str, Path]) -> None:
    for command, lines, told in (
        ("similarity", "king queen\nking\n", "'king' is one word; similarity is between two"),
        ("analogy", "king - man\nking -\n", "'king -' is no expression"),
        ("odd-one-out", "a b c\na b\n", "odd one out of what? give at least three words"),
    ):
        result = run(command, models["glove"], "--unknown", "mark", input=lines)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: standard input, line 2: {told}")


def test_words_that_cancel_out_are_told(run: Run, models: dict[str, Path]) -> None:
    told = "king - king is nothing at all: the words cancel out"
    for options in ([], ["--method", "3cosmul"]):
        result = run("analogy", models["glove"], "king - king", *options)
        assert (result.exit_code, result.stderr) == (1, f"Error: {told}\n")
        both = run(
            "analogy", models["glove"], "king - king", "king - man", "--unknown", "mark", "--json",
            *options,
        )  # fmt: skip
        assert json.loads(both.stdout)[0] == {
            "query": "king - king", "answers": None, "reason": told,
        }  # fmt: skip
    bias = run("bias", models["glove"], "king", "--direction", "king - king")
    assert (bias.exit_code, bias.stderr) == (1, f"Error: {told}\n")


def test_a_byte_order_mark_on_standard_input_is_no_part_of_the_first_word(
    run: Run, models: dict[str, Path]
) -> None:
    for command, words in (("similar", "king\nqueen"), ("odd-one-out", "king queen tall"),
                           ("vector", "king"), ("similarity", "king queen")):  # fmt: skip
        plain = run(command, models["glove"], input=words)
        marked = run(command, models["glove"], input=f"\ufeff{words}")
        assert (marked.exit_code, marked.stdout) == (0, plain.stdout)


NEW = "'KING' is not in the vocabulary; its vector is from character n-grams"


def test_answers_from_ngrams_are_marked_in_every_form(run: Run, models: dict[str, Path]) -> None:
    model = models["fasttext"]
    table = run("similar", model, "KING", "-n", "1")
    assert table.exit_code == 0
    assert table.stdout.splitlines()[0] == NEW
    two = run("similar", model, "king", "KING", "-n", "1").stdout.splitlines()
    assert two[3:6] == ["", "KING", NEW]
    assert "n-grams" not in "".join(two[:4])
    line = run("similar", model, "KING", "-n", "1", "--tsv")
    assert line.stderr == f"{NEW}\n"
    assert tsv(line.stdout)[0] == ["query", "word", "score"]
    rows = tsv(run("similar", model, "KING", "-n", "1", "--tsv", "--unknown", "mark").stdout)
    assert rows[1][3] == NEW
    for command, words, first in (
        ("similar", ["KING"], ["KING"]),
        ("similarity", ["king", "KING"], ["KING"]),
        ("analogy", ["KING - man + king,queen"], ["KING", "king,queen"]),
        ("odd-one-out", ["KING", "king", "queen"], ["KING"]),
        ("vector", ["KING"], ["KING"]),
    ):
        [found] = json.loads(run(command, model, *words, "--json").stdout)
        assert found["from_ngrams"] == first
        known = [word.replace("KING", "man").replace("king,queen", "queen") for word in words]
        assert "from_ngrams" not in run(command, model, *known, "--json").stdout
    pair = run("similarity", model, "king", "KING").stdout.splitlines()
    assert pair[0].split() == ["word", "other", "similarity", "note"]
    assert pair[1].endswith(NEW)
    assert run("vector", model, "KING").stderr == f"{NEW}\n"
    assert NEW in run("bias", model, "KING", "--direction", "king - queen").stdout


def test_other_commands_tell_which_words_are_known_by_their_ngrams(
    run: Run, models: dict[str, Path], tmp_path: Path
) -> None:
    model, picture = models["fasttext"], tmp_path / "picture.svg"
    attended = run("attend", model, "king kingsy queen", "--json")
    assert attended.stderr == NEW.replace("KING", "kingsy") + "\n"
    assert json.loads(attended.stdout)["from_ngrams"] == ["kingsy"]
    map_of_words = run("plot", "heat-map", model, "KING", "king", "--output", picture)
    assert map_of_words.stderr == f"{NEW}\n"
    vectors = store.load(model).vectors
    words = neighbourhoods(vectors, ["king", "KING"], 2, method="pca", seed=1)
    assert words.caption.endswith("; from character n-grams: KING")
    assert analogies(vectors, [("king", "KING")]).caption == "from character n-grams: KING"
    both = [models["word2vec"], model, "--word", "KING"]
    compared = run("compare", *both)
    assert compared.exit_code == 0, compared.stderr
    assert f"KING; fasttext: {NEW}" in compared.stdout.splitlines()
    [query] = json.loads(run("compare", *both, "--json").stdout)["neighbours"]
    assert [each["from_ngrams"] for each in query["models"]] == [[], ["KING"]]


# expressions


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
        "Error: No such option '- '; a query that begins with - stands after -- "
        "(see cli analogy --help)\n"
    )
    assert "begins with - stands after --" in " ".join(run("analogy", "--help").stdout.split())


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


def test_invalid_utf8_on_standard_input_names_the_line(run: Run, models: dict[str, Path]) -> None:
    result = run("similar", models["glove"], input=b"king\n\xff\n")
    assert result.exit_code == 1
    assert result.stderr == "Error: standard input, line 2: invalid UTF-8\n"


def test_zero_answers_is_wrong_usage(run: Run, models: dict[str, Path]) -> None:
    result = run("similar", models["glove"], "king", "-n", "0")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
