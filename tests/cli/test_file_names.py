"""Files whose names are not UTF-8, which Linux allows: nothing is lost, and all is told."""

import json
import os
from pathlib import Path

import pytest

from embedtool.messages import display_names
from embedtool.model import store
from tests.conftest import Run

NAME = os.fsdecode(b"na\xffme")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, run: Run) -> Path:
    """A folder of such a name, with a model of a vector file of such a name."""
    folder = tmp_path_factory.mktemp("names") / NAME
    folder.mkdir()
    (folder / f"{NAME}.txt").write_text("a 1 2\nb 3 4\nc 5 1\nd 2 2\n")
    (folder / f"{NAME}.pairs").write_text("a\tb\t1\nc\td\t2\na\td\t1\n")
    result = run("import", folder / f"{NAME}.txt", folder / NAME)
    assert result.exit_code == 0
    assert result.stderr.endswith("/na\\udcffme: glove, 4 words x 2\n")
    return folder


def test_the_source_of_a_model_keeps_its_bytes(folder: Path, run: Run) -> None:
    source = store.describe(folder / NAME)["source"]
    assert os.fsencode(source) == os.fsencode(folder / f"{NAME}.txt")
    assert list(store.verify(folder / NAME)) == []
    info = json.loads(run("info", folder / NAME, "--json").stdout)
    assert info["source"] == source
    assert "na\\udcffme.txt" in run("info", folder / NAME).stdout


@pytest.mark.parametrize("suffix", [".txt", ".glove", ".npz", ".parquet", ".tsv", ".bin", ".fifu"])
def test_export_and_check(suffix: str, folder: Path, run: Run) -> None:
    out = folder / f"{NAME}-out{suffix}"
    assert run("export", folder / NAME, out).exit_code == 0
    checked = run("check", out, "--json")
    assert checked.exit_code == 0
    assert json.loads(checked.stdout)["file"] == str(out)
    assert "na\\udcffme-out" in run("check", out).stdout


@pytest.mark.parametrize("form", [[], ["--json"], ["--tsv"]])
def test_evaluate(form: list[str], folder: Path, run: Run) -> None:
    (folder / f"{NAME}.questions").write_text(": x\na b c d\n")
    result = run("evaluate", folder / NAME, "--pairs", folder / f"{NAME}.pairs",
                 "--analogies", folder / f"{NAME}.questions", *form)  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "na\\udcffme" in result.stdout


def test_compare_writes_its_page(folder: Path, run: Run) -> None:
    assert run("import", folder / f"{NAME}.txt", folder / f"{NAME}2").exit_code == 0
    page = folder / f"{NAME}.html"
    pairs = folder / f"{NAME}.pairs"
    result = run("compare", folder / NAME, folder / f"{NAME}2", "--pairs", pairs, "--html", page)
    assert result.exit_code == 0, result.stderr
    assert "na\\xffme2" in page.read_text()


def test_a_model_in_this_folder_has_its_name(
    folder: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("one", "two"):
        assert run("import", folder / f"{NAME}.txt", folder / name).exit_code == 0
    monkeypatch.chdir(folder / "one")
    result = run("compare", ".", "../two", "--pairs", folder / f"{NAME}.pairs", "--json")
    assert result.exit_code == 0, result.stderr
    assert json.loads(result.stdout)["models"] == ["one", "two"]


def test_training_keeps_the_model(folder: Path, run: Run) -> None:
    text = folder / f"{NAME}.text"
    text.write_text("the king rules the land\n" * 100)
    result = run("train", "word2vec", text, "--output", folder / f"{NAME}.w2v", "--epochs", 1,
                 "--json-log", folder / f"{NAME}.log")  # fmt: skip
    assert result.exit_code == 0, result.stderr
    described = json.loads(run("info", folder / f"{NAME}.w2v", "--json").stdout)
    assert str(text) in json.dumps(described, ensure_ascii=False)


def test_names_that_pictures_and_pages_show() -> None:
    assert display_names([Path(f"{NAME}.txt"), Path("größe.txt")]) == ["na\\xffme", "größe"]
