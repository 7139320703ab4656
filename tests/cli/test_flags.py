"""Parameters in messages of the library stand as flags on the command line."""

import ast
from pathlib import Path

import click
import pytest

from embedtool.cli.flags import flag, renamed_parameter, with_flags
from embedtool.errors import ConfigError
from tests.cli.test_help import PATHS, command_at
from tests.conftest import Run

PACKAGE = Path(__file__).parents[2] / "embedtool"

MESSAGES = {
    ("min_count must be 1 or more", ("min_count",)): "--min-count must be 1 or more",
    ("max_n=3 is below min_n=4", ("max_n", "min_n")): "--max-n 3 is below --min-n 4",
    ("use encoding='latin-1', or skip", ("encoding",)): "use --encoding latin-1, or skip",
    ("delimiter=';' splits; set delimiter", ("delimiter",)): (
        "--delimiter ';' splits; set --delimiter"
    ),
    ('field="a b"', ("field",)): "--field 'a b'",
    ("use overwrite=True or header=False", ("overwrite", "header")): (
        "use --overwrite or --no-header"
    ),
    ("n must be 1 or more", ("n",)): "-n must be 1 or more",
    ("min_n is not n, nor in x.min_n or a/min_n", ("n", "min_n")): (
        "--min-n is not -n, nor in x.min_n or a/min_n"
    ),
    ("encoding, encoding_errors=skip", ("encoding", "encoding_errors")): (
        "--encoding, --encoding-errors skip"
    ),
    ("min_count is said of itself", ()): "min_count is said of itself",
}


@pytest.mark.parametrize(("message", "parameters"), MESSAGES)
def test_parameters_become_flags(message: str, parameters: tuple[str, ...]) -> None:
    assert with_flags(message, parameters, None) == MESSAGES[message, parameters]


@pytest.mark.parametrize(
    ("message", "typed", "shown"),
    [
        ("overwrite: already exists; use overwrite=True", "overwrite",
         "overwrite: already exists; use --overwrite"),
        ("a overwrite b: already exists; use overwrite=True", "a overwrite b",
         "a overwrite b: already exists; use --overwrite"),
        ("overwrite, byte 0: invalid; overwrite it", "overwrite",
         "overwrite, byte 0: invalid; --overwrite it"),
        ("x: has 'overwrite' (1) and \"overwrite\"; use overwrite", "x",
         "x: has 'overwrite' (1) and \"overwrite\"; use --overwrite"),
        ("the file's overwrite, the user's", "x", "the file's --overwrite, the user's"),
    ],
)  # fmt: skip
def test_what_the_user_calls_like_a_parameter_stays(message: str, typed: str, shown: str) -> None:
    assert with_flags(message, ("overwrite",), None, [typed]) == shown


def test_a_model_may_be_called_like_an_option(run: Run, tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        (tmp_path / "overwrite").mkdir()
        result = run("train", "glove", "text", "--output", "overwrite")
    assert (
        result.output
        == "Error: overwrite: already exists and is not a model; choose another name\n"
    )


def test_an_option_is_named_as_its_command_names_it() -> None:
    command = click.Command("similar", params=[
        click.Option(["--words", "word_file"]), click.Argument(["model"]),
    ])  # fmt: skip
    message = with_flags("word_file=x of model is empty", ("word_file", "model"), command)
    assert message == "--words x of --model is empty"


def test_a_parameter_can_have_another_name_in_one_command() -> None:
    with pytest.raises(ConfigError) as caught, renamed_parameter("delimiter", "csv_delimiter"):
        raise ConfigError("delimiter must be one character", parameters=("delimiter", "header"))
    assert str(caught.value) == "csv_delimiter must be one character"
    assert caught.value.parameters == ("csv_delimiter", "header")
    with pytest.raises(ConfigError, match=r"^delimiter"), renamed_parameter("header", "head"):
        raise ConfigError("delimiter must be one character", parameters=("delimiter",))


def test_phrases_names_its_delimiter_of_csv(run: Run, text: Path) -> None:
    result = run("phrases", text, "--csv-delimiter", "ab")
    assert (result.exit_code, result.stderr) == (
        2, "Error: --csv-delimiter must be one character, not 'ab'\n"
    )  # fmt: skip


ONLY_PYTHON = {"api", "estimators.py", "gensim"}
"""What the command line does not call."""


def test_every_parameter_that_a_message_names_is_an_option() -> None:
    """Of the parameters written out in `parameters=(...)` and `extra={"parameters": (...)}`."""
    parameters = [each for path in PATHS for each in command_at(path).params]
    options = {name for each in parameters for name in (*each.opts, flag(str(each.name)))}
    named = set()
    for file in PACKAGE.rglob("*.py"):
        if file.relative_to(PACKAGE).parts[0] in ONLY_PYTHON:
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.keyword) and node.arg == "parameters":
                named |= _strings(node.value)
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and key.value == "parameters":
                        named |= _strings(value)
    assert len(named) > 20
    only_python = {"callbacks", "text", "vocabulary_words"}  # objects, and what a file holds
    assert {name for name in named - only_python if flag(name) not in options} == set()


def _strings(value: ast.expr) -> set[str]:
    """The strings of a tuple."""
    elements = value.elts if isinstance(value, ast.Tuple) else []
    return {str(e.value) for e in elements if isinstance(e, ast.Constant)}
