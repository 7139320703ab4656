"""A model that is none, or is broken, is refused by every command in one line."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import CORPORA, Run

COMMANDS = {
    "similar": ["king"],
    "similarity": ["king", "queen"],
    "analogy": ["king - man + woman"],
    "odd-one-out": ["king", "queen", "man"],
    "vector": ["king"],
    "info": [],
    "evaluate": ["--analogies", str(CORPORA / "kingdoms-questions.txt")],
    "export": ["out.txt"],
}


@pytest.fixture
def broken(models: dict[str, Path], tmp_path: Path) -> Path:
    """A copy of a model, for breaking."""
    return Path(shutil.copytree(models["word2vec"], tmp_path / "broken"))


def fails(run: Run, command: str, model: Path) -> str:
    result = run(command, model, *COMMANDS[command])
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1
    return result.stderr.removeprefix("Error: ").removesuffix("\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_no_such_model(run: Run, command: str, tmp_path: Path) -> None:
    assert fails(run, command, tmp_path / "none") == f"{tmp_path / 'none'}: no such model"


@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_is_no_model(run: Run, command: str, text: Path) -> None:
    assert fails(run, command, text) == (
        f"{text}: is a file, not a model; vectors become one with: embedtool import {text} MODEL, "
        "a text with: embedtool train"
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_a_folder_is_no_model(run: Run, command: str, tmp_path: Path) -> None:
    assert fails(run, command, tmp_path) == (
        f"{tmp_path}: is not a model: the folder has no config.json"
    )


def test_a_later_version_says_to_upgrade(run: Run, broken: Path) -> None:
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps(config | {"format": 99}))
    assert fails(run, "similar", broken) == (
        f"{broken}: has format 99, this embedtool reads 2; upgrade embedtool"
    )


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def empty(path: Path) -> None:
    path.write_bytes(b"")


def scramble(path: Path) -> None:
    path.write_bytes(bytes(reversed(path.read_bytes())))


@pytest.mark.parametrize("name", ["config.json", "vectors.safetensors"])
@pytest.mark.parametrize("damage", [cut, empty, scramble, Path.unlink])
def test_a_damaged_file_is_named_or_harmless(
    run: Run, broken: Path, name: str, damage: Callable[[Path], None]
) -> None:
    """Cutting the last line end off a text file changes nothing; all else must be noticed."""
    damage(broken / name)
    if damage is cut and name != "vectors.safetensors":
        assert run("similar", broken, "king").exit_code == 0
    else:
        assert str(broken) in fails(run, "similar", broken)


def test_a_missing_word_is_named_with_the_nearest_spellings(
    run: Run, models: dict[str, Path]
) -> None:
    result = run("similar", models["word2vec"], "kinq")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: 'kinq' is not in the vocabulary; nearest spellings: k")
    assert "king" in result.stderr
