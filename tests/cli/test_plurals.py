"""One of a thing is told in the singular."""

import re
from pathlib import Path

import numpy as np
import pytest

from embedtool.corpus.string_table import StringTable
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable
from tests.conftest import Run
from tests.factories import saved_model

ONE_OF_MANY = re.compile(
    r"(?<![\d,.])1 (words|rows|tokens|types|pairs|lines|phrases|times|dimensions|numbers|vectors|"
    r"trials|documents|uses|bytes|questions|models|runs|counts)\b(?!/s)"
)


def test_a_number_and_its_noun() -> None:
    assert [counted(n, "word") for n in (0, 1, 2, 1000)] == [
        "0 words", "1 word", "2 words", "1,000 words"
    ]  # fmt: skip
    assert [counted(n, "row is", "rows are") for n in (1, 2)] == ["1 row is", "2 rows are"]


@pytest.fixture
def one(tmp_path: Path) -> Path:
    """A model of one word in one dimension."""
    vectors = VectorTable(["king"], np.ones((1, 1), np.float32), np.array([5]))
    return saved_model(tmp_path / "one", vectors)


def test_no_command_prints_1_words(run: Run, one: Path, tmp_path: Path) -> None:
    text = tmp_path / "text.txt"
    text.write_text("king")
    (tmp_path / "twins.txt").write_text("king 1 2\nking 3 4\n")
    (tmp_path / "rows.txt").write_text("1 1\nking 1\nqueen 2\n")
    (tmp_path / "pair.txt").write_text("king king\n")
    (tmp_path / "asked.txt").write_text("king queen 5\n")
    lines = [
        ["vocab", text, "--min-count", 1],
        ["phrases", text],
        ["export", one, tmp_path / "out.txt", "--format", "glove"],
        ["import", tmp_path / "out.txt", tmp_path / "again", "--format", "glove"],
        ["import", tmp_path / "twins.txt", tmp_path / "twins"],
        ["import", tmp_path / "rows.txt", tmp_path / "rows"],
        ["check", tmp_path / "out.txt"],
        ["check", tmp_path / "rows.txt"],
        ["transform", one, tmp_path / "scaled", "--normalize"],
        ["transform", one, tmp_path / "cut", "--pca", 2],
        ["compress", one, tmp_path / "small", "--precision", "int8"],
        ["translate", one, one, "king", "--dictionary", tmp_path / "pair.txt"],
        ["translate", one, one, "king", "--dictionary", tmp_path / "asked.txt"],
        ["evaluate", one, "--pairs", tmp_path / "asked.txt"],
        ["align", one, one, tmp_path / "turned"],
        ["train", "glove", text, "-o", tmp_path / "m", "--min-count", 1, "--dry-run"],
        ["info", one],
    ]
    for line in lines:
        result = run(*line)
        assert not ONE_OF_MANY.search(result.output), (line, result.output)


def test_what_is_written_names_one_word(run: Run, one: Path, tmp_path: Path) -> None:
    path = tmp_path / "out.txt"
    result = run("export", one, path, "--format", "glove")
    assert result.stderr.splitlines()[-1] == f"{path}: glove, 1 word x 1"
    result = run("import", path, tmp_path / "again", "--format", "glove")
    assert result.stderr.splitlines()[-1] == f"{tmp_path / 'again'}: glove, 1 word x 1"
    assert run("check", path, "--format", "glove").stdout.startswith(f"{path}: glove, 1 row x 1: ")
    assert repr(StringTable.from_words(["king"])) == "<1 word>"
