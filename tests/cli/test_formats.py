"""The list of formats, and formats named on the command line."""

import json
from pathlib import Path

import pytest

from embedtool.formats.registry import FORMATS
from tests.conftest import Run


def test_every_format_is_listed(run: Run) -> None:
    rows = json.loads(run("formats", "--json").stdout)
    assert [row["format"] for row in rows] == list(FORMATS)
    assert rows[0] == {
        "format": "word2vec",
        "names": ".txt, .w2v",
        "use": "read, write",
        "keeps": "words, vectors",
        "opened by": "word2vec.c, gensim, spaCy, fastText",
    }
    tsv = run("formats", "--tsv").stdout.splitlines()
    assert tsv[0].split("\t") == list(rows[0])
    assert [line.split("\t") for line in tsv[1:]] == [list(row.values()) for row in rows]
    assert len(run("formats").stdout.splitlines()) == 1 + len(FORMATS)


def test_the_list_fits_a_narrow_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (("FORCE_COLOR", "1"), ("NO_COLOR", "1"), ("COLUMNS", "80")):
        monkeypatch.setenv(name, value)
    lines = run("formats").stdout.splitlines()
    assert len(lines) > 1 + len(FORMATS)
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("command", ["export", "import"])
def test_an_unknown_format(command: str, run: Run, tmp_path: Path) -> None:
    result = run(command, tmp_path / "a", tmp_path / "b", "--format", "word2vex")
    assert result.exit_code == 2
    assert "'word2vex' is not one of 'word2vec', " in result.stderr
