"""Queries without an answer, and answers from character n-grams."""

import json
from pathlib import Path

import pytest

from embedtool.model import store
from embedtool.plotting.scenes import analogies, neighbourhoods
from tests.cli.conftest import tsv
from tests.conftest import Run

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
    message = "'Kingg' is not in the vocabulary; nearest spellings: king"
    assert (given.exit_code, given.stderr) == (1, f"Error: {KINGG}; {message}{ADVICE}\n")
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
    for command, lines, message in (
        ("similarity", "king queen\nking\n", "'king' is one word; similarity is between two"),
        ("analogy", "king - man\nking -\n", "'king -' is not an expression"),
        ("odd-one-out", "a b c\na b\n", "at least three words are needed"),
    ):
        result = run(command, models["glove"], "--unknown", "mark", input=lines)
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.startswith(f"Error: standard input, line 2: {message}")


def test_words_that_cancel_out_are_reported(run: Run, models: dict[str, Path]) -> None:
    message = "king - king is zero: the words cancel out"
    for options in ([], ["--method", "3cosmul"]):
        result = run("analogy", models["glove"], "king - king", *options)
        assert (result.exit_code, result.stderr) == (1, f"Error: {message}\n")
        both = run(
            "analogy", models["glove"], "king - king", "king - man", "--unknown", "mark", "--json",
            *options,
        )  # fmt: skip
        assert json.loads(both.stdout)[0] == {
            "query": "king - king", "answers": None, "reason": message,
        }  # fmt: skip
    bias = run("bias", models["glove"], "king", "--direction", "king - king")
    assert (bias.exit_code, bias.stderr) == (1, f"Error: {message}\n")


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


def test_other_commands_report_words_known_by_their_ngrams(
    run: Run, models: dict[str, Path], questions: Path, tmp_path: Path
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
    both = [models["word2vec"], model, "--word", "KING", "--analogies", questions]
    compared = run("compare", *both)
    assert compared.exit_code == 0, compared.stderr
    assert f"KING; fasttext: {NEW}" in compared.stdout.splitlines()
    [query] = json.loads(run("compare", *both, "--json").stdout)["neighbours"]
    assert [each["from_ngrams"] for each in query["models"]] == [[], ["KING"]]
