"""A dataset of which a model knows nothing is an error, one of which it knows little a warning."""

import json
from pathlib import Path

import numpy as np
import pytest

from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from tests.conftest import Run
from tests.factories import saved_model, vectors_on_circle

WORDS = [f"w{i}" for i in range(40)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """Forty words, w0 to w39, whose neighbours are those of like number."""
    vectors = vectors_on_circle(WORDS, np.linspace(0, 3, len(WORDS)))
    return saved_model(tmp_path / "model", vectors)


UNKNOWN = {
    "pairs": ("x y 1\ny z 2\nx z 3\n", "none of 3 pairs known, no score; not in the vocabulary: "
              "'x', 'y', 'z'"),
    "analogies": ("x y z u\n", "none of 1 question known, no score; not in the vocabulary: "
                  "'x', 'y', 'z'"),
    "categories": ("x a\ny a\nz b\n", "none of 3 words known, no score; not in the vocabulary: "
                   "'x', 'y', 'z'"),
    "outliers": ("x\ny\n\nz\n", "none of 1 question known, no score; not in the vocabulary: "
                 "'x', 'y', 'z'"),
}  # fmt: skip


@pytest.mark.parametrize("task", UNKNOWN)
@pytest.mark.parametrize("how", ["", "--json", "--tsv"])
def test_nothing_known_is_an_error(
    run: Run, model: Path, tmp_path: Path, task: str, how: str
) -> None:
    text, message = UNKNOWN[task]
    path = tmp_path / "mine.txt"
    path.write_text(text)
    result = run("evaluate", model, f"--{task}", path, *([how] if how else []))
    assert result.exit_code == 1
    assert result.stderr == f"Error: mine: {message}\n"
    assert "mine" in result.stdout
    if how == "--json":
        assert json.loads(result.stdout)[0]["dataset"] == "mine"


LITTLE = {
    "pairs": "w1 w2 9\nw1 w9 5\nw2 w30 1\n" + "".join(f"x{i} y 1\n" for i in range(40)),
    "analogies": "w1 w2 w3 w4\n" + "".join(f"w1 w2 x{i} w4\n" for i in range(40)),
    "categories": "w1 a\nw2 a\nw30 b\n" + "".join(f"x{i} b\n" for i in range(40)),
    "outliers": "w1\nw2\n\nw30\n" + "".join(f"x{i}\n" for i in range(40)),
}
FOUND = {"pairs": "3 of 43 pairs", "analogies": "1 of 41 questions", "categories": "3 of 43 words",
         "outliers": "1 of 41 questions"}  # fmt: skip


@pytest.mark.parametrize("task", LITTLE)
def test_little_known_is_a_warning(run: Run, model: Path, tmp_path: Path, task: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(LITTLE[task])
    result = run("evaluate", model, f"--{task}", path)
    assert result.exit_code == 0
    assert result.stderr.startswith(
        f"Warning: mine: only {FOUND[task]} known, the score says little; not in the vocabulary: "
    )
    path.write_text("\n".join(LITTLE[task].split("\n")[: 4 if task == "outliers" else 3]))
    assert run("evaluate", model, f"--{task}", path).stderr == ""


def test_pairs_without_differences_have_no_score(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("w1 w2 5\nw3 w4 5\nw5 w6 5\n")
    result = run("evaluate", model, "--pairs", path)
    assert (result.exit_code, result.stderr) == (
        1, "Error: mine: only 3 of 3 pairs known, no score\n"
    )  # fmt: skip


def test_one_dataset_of_several_that_is_unknown_is_a_warning(
    run: Run, model: Path, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_text("w1 w2 9\nw1 w9 5\nw2 w30 1\n")
    (tmp_path / "b.txt").write_text("W1 W2 9\nW1 W9 5\nW2 W30 1\n")
    both = ["--pairs", tmp_path / "a.txt", "--pairs", tmp_path / "b.txt", "--case-sensitive"]
    result = run("evaluate", model, *both)
    assert (result.exit_code, result.stderr) == (
        0,
        "Warning: b: none of 3 pairs known, no score; not in the vocabulary: 'W1', 'W2', 'W9'\n",
    )


def test_each_variant_and_method_warns_once(run: Run, model: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text(UNKNOWN["analogies"][0])
    more = ["--variant", "center", "--method", "3cosadd", "--method", "3cosmul"]
    result = run("evaluate", model, "--analogies", path, *more)
    assert result.exit_code == 1
    assert result.stderr == f"Error: mine: {UNKNOWN['analogies'][1]}\n"


def test_compare_warns_of_each_model(run: Run, model: Path, tmp_path: Path) -> None:
    words = [f"v{i}" for i in range(10)] + WORDS[:2]
    vectors = VectorTable(words, np.eye(len(words), 2, dtype=np.float32) + 1)
    store.save(ModelRecord(vectors, {}), tmp_path / "other")
    path = tmp_path / "mine.txt"
    path.write_text(LITTLE["pairs"])
    result = run("compare", model, tmp_path / "other", "--pairs", path, "--json")
    assert result.exit_code == 0
    warnings = [line.split(";")[0] for line in result.stderr.splitlines()]
    assert warnings == [
        "Warning: model: mine: only 3 of 43 pairs known, the score says little",
        "Warning: other: mine: none of 43 pairs known, no score",
    ]


def test_translate_warns_of_its_test(run: Run, model: Path, tmp_path: Path) -> None:
    seeds, test = tmp_path / "seeds.txt", tmp_path / "test.txt"
    seeds.write_text("".join(f"{word} {word}\n" for word in WORDS))
    base = ["translate", model, model, "--dictionary", seeds, "--test", test]
    test.write_text("x y\nw1 z\n")
    result = run(*base)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        f"Error: {test}: none of 2 words known, no score; not in the vocabulary: 'x', 'y', 'z'"
    )
    test.write_text("w1 w1\n" + "".join(f"x{i} w1\n" for i in range(20)))
    result = run(*base)
    assert result.exit_code == 0
    assert result.stderr.splitlines()[-1] == (
        f"Warning: {test}: only 1 of 21 words known, the score says little; not in the "
        "vocabulary: 'x0', 'x1', 'x2'"
    )


def test_an_alignment_on_too_few_words_gets_a_warning(
    run: Run, model: Path, tmp_path: Path
) -> None:
    vectors = VectorTable(["w1", "v1", "v2"], np.eye(3, 2, dtype=np.float32))
    store.save(ModelRecord(vectors, {}), tmp_path / "other")
    result = run("align", model, tmp_path / "other", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr.splitlines()[0] == (
        "Warning: aligned on only 1 pair: a rotation of 2 dimensions needs as many pairs"
    )


def test_documents_without_a_known_word_are_not_classified(
    run: Run, model: Path, tmp_path: Path
) -> None:
    path = tmp_path / "texts.csv"
    rows = [f"unknown{i % 5} words here,{'ab'[i % 2]}" for i in range(20)]
    path.write_text("\n".join(["text,label", *rows]))
    result = run("evaluate", model, "--classify", path, "--folds", 3)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines()[-1] == ("Error: texts.csv: none of 60 tokens known, no score")
    path.write_text("\n".join(["text,label", "w1 w2,a", *rows]))
    result = run("evaluate", model, "--classify", path, "--folds", 3)
    assert result.exit_code == 0
    assert "Warning: texts.csv: only 2 of 62 tokens known, the score says little\n" in result.stderr


def test_stability_warns_of_a_dataset_without_a_score(run: Run, text: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text("x y 1\ny z 2\n")
    options = ["--vector-size", 4, "--min-count", 1, "--runs", 2, "--output", tmp_path / "runs"]
    result = run("stability", "glove", text, *options, "--pairs", path)
    assert result.exit_code == 0
    assert (
        "Warning: mine: none of 2 pairs known, no score; not in the vocabulary: 'x', 'y', 'z'\n"
        in result.stderr
    )
