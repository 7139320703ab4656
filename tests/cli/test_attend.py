"""embedtool attend."""

import json
import sys
from pathlib import Path

import pytest

from tests.conftest import Run

SENTENCE = "the king ruled"


def test_the_table(models: dict[str, Path], run: Run) -> None:
    result = run("attend", models["word2vec"], SENTENCE)
    assert result.exit_code == 0 and result.stderr == ""
    head, *rows = (line.split() for line in result.stdout.splitlines())
    assert head == [row[0] for row in rows] == SENTENCE.split()
    for row in rows:
        assert sum(map(float, row[1:])) == pytest.approx(1, abs=2e-4)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext", "glove"])
def test_json(algorithm: str, models: dict[str, Path], run: Run) -> None:
    result = run("attend", models[algorithm], "the zorbian king", "--json", "--causal")
    report = json.loads(result.stdout)
    makes_new_words = algorithm == "fasttext"
    assert report["tokens"] == ["the", *["zorbian"] * makes_new_words, "king"]
    assert ("all zeros: zorbian" in result.stderr) is not makes_new_words
    for i, row in enumerate(report["weights"]):
        assert sum(row) == pytest.approx(1, abs=1e-6) and not any(row[i + 1 :])


def test_a_long_sentence_fits_the_terminal(
    models: dict[str, Path], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    sentence = "the king ruled the realm in his doublet and the queen gave wine to the guests"
    lines = run("attend", models["word2vec"], sentence, "--no-itself").stdout.splitlines()
    assert len(lines) == 1 + len(sentence.split()) and max(map(len, lines)) <= 80
    word, *strongest = lines[2].split()
    assert word == "king" and len(strongest) == 8 and strongest[0] != "king"


def test_heat_maps(models: dict[str, Path], run: Run, tmp_path: Path) -> None:
    beginnings = {"a.png": b"\x89PNG", "a.svg": b"<?xml", "a.HTML": b"<!doctype html>"}
    for name, beginning in beginnings.items():
        result = run("attend", models["word2vec"], SENTENCE, "-o", tmp_path / name)
        assert result.exit_code == 0, result.output
        assert (tmp_path / name).read_bytes().startswith(beginning)
    page = (tmp_path / "a.HTML").read_text()
    assert "http" not in page and page.count("<td style") == 9
    for token in SENTENCE.split():
        assert f'<th scope="row">{token}</th>' in page


def test_words_in_a_page_are_no_markup(run: Run, tmp_path: Path) -> None:
    text, model = tmp_path / "text", tmp_path / "model"
    text.write_text("<b>&amp; king <b>&amp; queen\n" * 20)
    options = ("--vector-size", 4, "--epochs", 1)
    assert run("train", "word2vec", text, "-o", model, *options).exit_code == 0
    page = tmp_path / "page.html"
    arguments = ("<b>&amp; king", "--tokenizer", "whitespace", "-o", page)
    assert run("attend", model, *arguments).exit_code == 0
    assert "&lt;b&gt;&amp;amp;" in page.read_text() and "<b>" not in page.read_text()


def test_what_cannot_be_written(
    models: dict[str, Path], run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = run("attend", models["glove"], SENTENCE, "-o", tmp_path / "map.jpg")
    assert result.exit_code == 1 and "is written as .png, .svg, .pdf or .html" in result.stderr
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    result = run("attend", models["glove"], SENTENCE, "-o", tmp_path / "map.png")
    assert result.exit_code == 1
    assert result.stderr.endswith("needs: pip install 'embedtool[plots]'\n")
    assert not list(tmp_path.iterdir())
