"""embedtool shell: its language, through a pipe and through a terminal's input."""

import json
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from embedtool.cli.commands.repl import ShellSession
from tests.cli.conftest import SETTINGS, OpenSession
from tests.conftest import Run

# through a pipe


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("king", ["similar", "king"]),
        ("king queen", ["similarity", "king", "queen"]),
        ("king - man + woman", ["analogy", "king - man + woman"]),
        ("0.5*king + queen", ["analogy", "0.5*king + queen"]),
        ("- man + king", ["analogy", "--", "- man + king"]),
        ("man king woman", ["analogy", "man king woman"]),
        (":similar king queen -n 2", ["similar", "king", "queen", "-n", "2"]),
        (":odd king queen tall", ["odd-one-out", "king", "queen", "tall"]),
        (":vector king", ["vector", "king"]),
    ],
)
@pytest.mark.parametrize("form", ["--json", "--tsv"])
def test_a_line_is_answered_as_by_the_command(
    run: Run, models: dict[str, Path], line: str, command: list[str], form: str
) -> None:
    name, *words = command
    expected = run(name, form, models["glove"], *words)
    result = run("shell", models["glove"], form, input=f"{line}\n")
    assert (result.exit_code, result.stdout) == (0, expected.stdout)
    assert expected.stdout


def test_info_is_that_of_the_command(run: Run, models: dict[str, Path]) -> None:
    expected = run("info", models["glove"]).stdout
    assert run("shell", models["glove"], input=":info\n").stdout == f":info\n{expected}"


def test_tables_are_printed_below_the_lines_they_answer(run: Run, models: dict[str, Path]) -> None:
    result = run("shell", models["glove"], "-n", "1", input="king\n\n  queen \r\n")
    king, queen = (run("similar", models["glove"], w, "-n", "1").stdout for w in ("king", "queen"))
    assert result.stdout == f"king\n{king}\nqueen\n{queen}"


def test_a_line_without_an_answer_is_one_line_of_error_and_the_rest_goes_on(
    run: Run, models: dict[str, Path]
) -> None:
    lines = b"kingg\n\xff\nking queen\n"
    result = run("shell", models["glove"], "--tsv", input=lines)
    assert result.exit_code == 1
    unknown = run("similar", models["glove"], "kingg").stderr
    assert result.stderr == f"{unknown}Error: standard input, line 2: invalid UTF-8\n"
    assert result.stdout == run("similarity", models["glove"], "king", "queen", "--tsv").stdout


def test_lines_of_a_pipe_without_an_answer_can_be_marked(run: Run, models: dict[str, Path]) -> None:
    message = run("similar", models["glove"], "kingg").stderr.removeprefix("Error: ").rstrip()
    result = run("shell", models["glove"], "--unknown", "mark", "-n", "1", input="kingg\nking\n")
    king = run("similar", models["glove"], "king", "-n", "1").stdout
    assert (result.exit_code, result.stderr) == (0, "")
    assert result.stdout == f"kingg\n{message}\n\nking\n{king}"


def test_a_byte_order_mark_is_no_part_of_the_first_line(run: Run, models: dict[str, Path]) -> None:
    result = run("shell", models["glove"], "--tsv", input="\ufeffking queen\n")
    expected = run("similarity", models["glove"], "king", "queen", "--tsv").stdout
    assert (result.exit_code, result.stdout) == (0, expected)


@pytest.mark.parametrize("word", ["exit", "quit"])
def test_in_a_pipe_quit_ends_the_input_unless_it_is_a_word_of_the_model(
    run: Run, models: dict[str, Path], tmp_path: Path, word: str
) -> None:
    result = run("shell", models["glove"], "--tsv", input=f"king queen\n{word}\n")
    assert (result.exit_code, result.stderr) == (0, "")
    result = run("shell", models["glove"], "--tsv", input=f"{word}\nking queen\n")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == (
        f"Error: standard input, line 1: '{word}' is not a word of the model and was read as "
        ":quit; the lines after it have no answer\n"
    )
    (tmp_path / "vectors.txt").write_text(f"{word} 1 2\nking 2 1\n")
    assert run("import", tmp_path / "vectors.txt", tmp_path / "model").exit_code == 0
    result = run("shell", tmp_path / "model", "--tsv", input=f"{word}\nking\n")
    assert result.exit_code == 0
    assert "king" in result.stdout and word in result.stdout


def test_in_a_pipe_help_is_a_command_unless_it_is_a_word_of_the_model(
    run: Run, models: dict[str, Path]
) -> None:
    result = run("shell", models["glove"], input="help\nking queen\n")
    assert result.exit_code == 0
    assert ":quit" in result.stdout


def test_what_is_known_by_its_ngrams_is_marked(run: Run, models: dict[str, Path]) -> None:
    result = run("shell", models["fasttext"], "-n", "1", input="KING\n")
    noted = "'KING' is not in the vocabulary; its vector is from character n-grams"
    assert result.stdout.splitlines()[:2] == ["KING", noted]
    both = run(
        "shell", models["glove"], models["fasttext"], input=":compare KING\n:json\n:compare KING"
    )
    assert both.stderr.splitlines() == [
        f"fasttext: {noted}", "json: on", f"fasttext: {noted}", "glove: KING unknown",
    ]  # fmt: skip


def test_a_pipe_needs_no_prompt_toolkit(
    run: Run, models: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prompt_toolkit", None)
    assert run("shell", models["glove"], input="king\n:quit\nkingg\n").exit_code == 0


def test_what_is_no_model_is_refused_at_the_start(run: Run, tmp_path: Path) -> None:
    result = run("shell", tmp_path / "none", input="king\n")
    assert (result.exit_code, result.stderr) == (1, f"Error: {tmp_path / 'none'}: no such model\n")
    assert run("shell").exit_code == 2


# what a line may say


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (":similar", "similar needs words, as in: :similar king queen prince"),
        (":similar -n 2", "similar needs words, as in: :similar king queen prince"),
        (":odd -", "odd-one-out needs words, as in: :odd-one-out king queen prince"),
        ("-", "analogy needs words, as in: :analogy king queen prince"),
        (":compare", "compare needs a query, as in: :compare king"),
        (":)", "no command ':)': :help lists them; a word that begins so is queried with "
               ":similar"),
        (":me king", ":method: 'king' is not one of '3cosadd', '3cosmul'"),
        (":m", "':m' may be :models, :model, :method, :min-count"),
        (":n 0", ":n: 0 is not in the range x>=1"),
        (":n off", ":n: 'off' is not a valid integer"),
        (":method best", ":method: 'best' is not one of '3cosadd', '3cosmul'"),
        (":json maybe", ":json: 'maybe' is neither on nor off"),
        (":model glove", "no model 'glove': :load opens one; open: word2vec"),
        (":load /nowhere", "/nowhere: no such model"),
        (":odd king queen", "at least three words are needed"),
        (":similar king --best", "No such option"),
        ("a b c d", "'a b c d' is not an expression: "),
        ("king-man+woman", "'king-man+woman' is not an expression: "),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_in_one_line(
    open_session: OpenSession,
    capsys: pytest.CaptureFixture[str],
    line: str,
    message: str,
) -> None:
    assert open_session().answer(line) != 0
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"Error: {message}")
    assert err.count("\n") == 1


def test_settings_hold_until_they_are_changed(
    open_session: OpenSession,
    capsys: pytest.CaptureFixture[str],
    run: Run,
    models: dict[str, Path],
    tmp_path: Path,
) -> None:
    session = open_session()
    words = tmp_path / "some words.txt"
    words.write_text("paris\nberlin\n")

    def answers(*lines: str) -> list[str]:
        for line in lines:
            assert session.answer(line) == 0
        capsys.readouterr()
        assert session.answer("king - man + woman") == 0
        return [row.split("\t")[1] for row in capsys.readouterr().out.splitlines()[1:]]

    assert len(answers(":json", ":tsv")) == 3
    assert len(answers(":n 5")) == 5
    assert sorted(answers(f":words {words}")) == ["berlin", "paris"]
    assert "king" in answers(":words off", ":include-query-words")
    assert "king" not in answers(":include-query-words")
    expected = run(
        "analogy", models["word2vec"], "king - man + woman", "--tsv", "-n", 5,
        "--method", "3cosmul", "--restrict-vocab", 500,
    )  # fmt: skip
    session.answer(":method 3cosmul")
    session.answer(":restrict-vocab 500")
    capsys.readouterr()
    session.answer("king - man + woman")
    assert capsys.readouterr().out == expected.stdout


def test_a_setting_without_a_value_is_shown_or_toggled(
    open_session: OpenSession, capsys: pytest.CaptureFixture[str]
) -> None:
    session = open_session()
    for line in (":n", ":min-count", ":json", ":tsv", ":json", ":json", ":min-count 9",
                 ":min-count off", ":approximate off"):  # fmt: skip
        assert session.answer(line) == 0
    assert capsys.readouterr().err.splitlines() == [
        "n: 3", "min-count: off", "json: on", "tsv: on", "json: on", "json: off", "min-count: 9",
        "min-count: off", "approximate: off",
    ]  # fmt: skip
    assert session.settings == SETTINGS


def test_help_names_every_command_and_setting(
    open_session: OpenSession, capsys: pytest.CaptureFixture[str]
) -> None:
    session = open_session()
    session.answer(":help")
    text = capsys.readouterr().out
    for name in {*session.names} - {"help", "analogy", "similarity"}:
        assert f":{name}" in text


def test_the_help_of_a_command_needs_no_words(
    open_session: OpenSession, capsys: pytest.CaptureFixture[str]
) -> None:
    assert open_session().answer(":similar --help") == 0
    assert capsys.readouterr().out.startswith("Usage: embedtool similar [OPTIONS] MODEL")


@pytest.mark.parametrize(
    "line",
    ["exit", "quit", "exit()", "quit()", ":quit", "EXIT", "Quit", "q", "bye", ":exit", ":q"],
)
def test_a_terminal_is_left_by_the_words_of_other_shells(
    open_session: OpenSession, line: str
) -> None:
    with pytest.raises(EOFError):
        open_session().answer(line)


def test_help_is_shown_in_a_terminal(
    open_session: OpenSession, capsys: pytest.CaptureFixture[str]
) -> None:
    assert open_session().answer(":help") == 0
    expected = capsys.readouterr().out
    for line in ("help", "Help", "?", "help()", ":?"):
        assert open_session().answer(line) == 0
        assert capsys.readouterr().out == expected
    assert open_session().answer(":similar help") == 1


# several models


def test_the_current_model_can_be_chosen(
    open_session: OpenSession,
    capsys: pytest.CaptureFixture[str],
    run: Run,
    models: dict[str, Path],
) -> None:
    session = open_session("word2vec", "glove")
    session.answer(":models")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[1][:2] == ["*", "word2vec"]
    assert rows[2][0] == "glove"
    session.answer(":model glove")
    session.answer("king")
    assert capsys.readouterr().out == run("similar", models["glove"], "king", "-n", 3).stdout
    session.answer(f":load {models['fasttext']}")
    assert session.name == "fasttext"
    session.answer("kingsy queen")
    assert (
        capsys.readouterr().out == run("similarity", models["fasttext"], "kingsy", "queen").stdout
    )


def test_models_of_one_name_are_told_apart_by_their_paths(
    models: dict[str, Path], tmp_path: Path
) -> None:
    again = tmp_path / "word2vec"
    again.symlink_to(models["word2vec"])
    session = ShellSession([models["word2vec"], again, again], dict(SETTINGS))
    assert list(session.models) == ["word2vec", str(again)]


def test_compare_puts_answers_side_by_side(
    open_session: OpenSession, capsys: pytest.CaptureFixture[str]
) -> None:
    session = open_session("word2vec", "fasttext")
    session.settings["n"] = 1
    session.answer(":compare king - man + woman")
    header, row = capsys.readouterr().out.splitlines()
    assert header.split() == ["word2vec", "fasttext"]
    assert row.split()[::2] == ["1", "0." + row.split()[2][2:], row.split()[4]]
    assert row.split()[1::2] == ["queen", "queen"]
    session.answer(":compare kingsy")
    header, row = capsys.readouterr().out.splitlines()
    assert row.startswith("1  (kingsy unknown)  ")
    session.answer(":json")
    session.answer(":compare king queen")
    found = json.loads(capsys.readouterr().out)
    assert [(each["model"], each["query"], each["word"]) for each in found] == [
        ("word2vec", "king queen", "queen"), ("fasttext", "king queen", "queen"),
    ]  # fmt: skip
    session.answer(":tsv")
    session.answer(":compare king")
    assert [line.split("\t")[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["model", "query"], ["word2vec", "king"], ["fasttext", "king"],
    ]  # fmt: skip


# how a line may go on


@pytest.mark.parametrize(
    ("text", "n_typed", "first"),
    [
        ("quee", 4, "queen"),
        ("king - man + quee", 4, "queen"),
        ("king - 0.5*quee", 4, "queen"),
        ("QUEE", 4, "queen"),
        (":odd king quee", 4, "queen"),
        (":compare quee", 4, "queen"),
        (":od", 2, "odd-one-out"),
        (":model g", 1, "glove"),
        (":method ", 0, "3cosadd"),
        (":json o", 1, "on"),
    ],
)
def test_completions_of_a_line(
    open_session: OpenSession, text: str, n_typed: int, first: str
) -> None:
    found = next(open_session("word2vec", "glove").completions(text))
    assert (found.text, found.n_typed) == (first, n_typed)


@pytest.mark.parametrize("text", [":n ", ":quit ", ":m k", ":nothing k", "qqqq", ":load k"])
def test_no_completion_is_offered_if_none_fits(open_session: OpenSession, text: str) -> None:
    assert list(open_session().completions(text)) == []


def test_frequent_words_come_first_with_their_counts(open_session: OpenSession) -> None:
    session = open_session()
    vectors = session.vectors
    assert vectors.counts is not None
    expected = [i for i, word in enumerate(vectors.words) if word.startswith("qu")]
    found = list(session.completions("qu"))
    assert [each.text for each in found] == [vectors.words[i] for i in expected]
    assert [each.note for each in found] == [f"{vectors.counts[i]:,}" for i in expected]


# in a terminal


def test_a_session_ends_if_nobody_reads_the_answers(models: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "embedtool", "shell", str(models["glove"]), "--tsv"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        with suppress(BrokenPipeError):
            while process.poll() is None:
                process.stdin.write(b"king\n")
                process.stdin.flush()
        assert process.stderr.read() == b""
        with suppress(BrokenPipeError):
            process.stdin.close()
    assert process.returncode == 141
