"""embedtool corpus."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from embedtool.cli.main import cli
from embedtool.corpus.recipes import recipes
from tests.unit import conftest

small_lee = conftest.small_lee


@pytest.fixture(autouse=True)
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "data"
    monkeypatch.setenv("EMBEDTOOL_DATA", str(folder))
    return folder


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["corpus", *map(str, arguments)])


def fails(result: Result, code: int, message: str) -> None:
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"Error: {message}\n")


def test_get_prints_the_path_and_nothing_else(data: Path, small_lee: Path) -> None:
    result = run("get", "lee")
    assert result.exit_code == 0
    assert result.stdout == f"{data}/corpora/lee.txt\n"
    assert "Lee background corpus" in result.stderr
    assert run("path", "lee").stdout == result.stdout


def test_get_shipped() -> None:
    path = Path(run("get", "kingdoms").stdout.strip())
    assert path.name == "kingdoms.txt"
    assert run("path", "kingdoms").stdout == f"{path}\n"


def test_get_bible(data: Path) -> None:
    assert run("get", "bible").stdout == f"{data}/corpora/bible.txt\n"


def test_output_and_force(tmp_path: Path, data: Path, small_lee: Path) -> None:
    there = tmp_path / "text"
    assert run("get", "lee", "-o", there).stdout == f"{there}\n"
    assert not data.exists()
    run("get", "lee")
    (data / "corpora" / "lee.txt").write_text("changed")
    run("get", "lee", "--force")
    assert (data / "corpora" / "lee.txt").read_bytes() == there.read_bytes()


def test_path_of_a_missing_corpus() -> None:
    fails(run("path", "lee"), 1, "lee is not here; run: embedtool corpus get lee")
    fails(
        run("path", "wikipedia", "--language", "de"),
        1,
        "wikipedia is not here; run: embedtool corpus get wikipedia --language de",
    )


@pytest.mark.parametrize("command", ["get", "path"])
def test_wrong_usage(command: str) -> None:
    fails(run(command, "gutenberg"), 2, "gutenberg needs --book, such as --book 1342")
    fails(run(command, "lee", "--book", "1"), 2, "lee takes no --book")
    fails(
        run(command, "nosuch"),
        1,
        f"nosuch: no such corpus; there are {', '.join(recipes())}",
    )


def test_list(data: Path) -> None:
    (data / "corpora").mkdir(parents=True)
    for name in ("wikipedia-de", "wikipedia-fr"):
        (data / "corpora" / f"{name}.txt").write_text("text")
    header, *lines = run("list").stdout.splitlines()
    assert header.split() == ["name", "language", "tokens", "here", "licence", "title"]
    cells = {line.split()[0]: line.split() for line in lines}
    assert list(cells) == list(recipes())
    assert cells["kingdoms"][1:5] == ["en", "about", "450,000", "yes"]
    assert cells["lee"][1:4] == ["en", "61,260", "no"]
    assert cells["enwik9"][1:5] == ["en", "about", "100,000,000", "no"]
    assert cells["wikipedia"][1:5] == ["any", "-", "de,", "fr"]


def test_list_as_json(data: Path, small_lee: Path) -> None:
    run("get", "lee")
    found = {entry["name"]: entry for entry in json.loads(run("list", "--json").stdout)}
    assert list(found) == list(recipes())
    assert found["lee"]["here"] == f"{data}/corpora/lee.txt"
    assert found["bible"]["here"] is None
    assert found["wikipedia"]["here"] == {}
    assert found["wikipedia"]["parameters"]["language"]["example"] == "de"
    assert found["text8"]["bytes"] == 31_344_016
