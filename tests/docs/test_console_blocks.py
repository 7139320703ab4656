"""README and docs show what the program and Python print.

Console blocks under `<!-- run -->` are run, those of a page one after another in one folder and
one shell. In what a page shows, a line `...` stands for any lines; durations, and what a terminal
shows only while the work goes on, are not compared. Blocks of Python sessions are doctests.
"""

import doctest
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import TrainOnce

pytestmark = pytest.mark.slow  # `make check` runs them beside the site

PROJECT = Path(__file__).parents[2]
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"<!-- run -->\n```console\n(.*?)```", re.DOTALL)
DURATION = re.compile(r"\b\d+:\d\d\b")
PROGRESS = re.compile(
    r"^(?:[a-z]+(?: [a-z-]+)*  (?:epoch \d+  )?\d+%|.*compiling for this processor).*\n",
    re.MULTILINE,
)
DEMO = {
    "word2vec": ["--mode", "skipgram", "--learning-rate", "0.05"],
    "fasttext": ["--sample", "1e-3", "--bucket", "50000"],
    "glove": [],
}
"""The options of `make demo`."""
END = "the command has ended"


def commands(page: Path) -> list[tuple[str, str]]:
    """Return the commands of a page that are run, each with what the page shows below it."""
    found = []
    for block in BLOCK.findall(page.read_text()):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            lines = part.splitlines()
            n_lines = 1
            while lines[n_lines - 1].endswith("\\"):
                n_lines += 1
            found.append(("\n".join(lines[:n_lines]), "\n".join(lines[n_lines:])))
    return found


def comparable(printed: str) -> str:
    """Return what was printed without what differs from run to run."""
    return DURATION.sub("M:SS", PROGRESS.sub("", printed))


def pattern(shown: str) -> str:
    """Return the regular expression of what a page shows."""
    lines = [r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"\n"
             for line in comparable(f"{shown}\n" if shown else "").splitlines()]  # fmt: skip
    return "".join(lines)


RUN_PAGES = [page for page in PAGES if commands(page)]
SESSIONS = [page for page in PAGES if "```pycon\n" in page.read_text()]


@pytest.fixture(scope="session")
def demo(train_once: TrainOnce, kingdoms: Path) -> dict[str, Path]:
    """Return the models of `make demo`."""
    return {
        algorithm: train_once(f"demo-{algorithm}", "train", algorithm, kingdoms, *options)
        for algorithm, options in DEMO.items()
    }


@pytest.fixture
def demo_folder(demo: dict[str, Path], tmp_path: Path) -> Path:
    """Return a folder with the corpora and the models of `make demo`."""
    shutil.copytree(PROJECT / "corpora", tmp_path / "corpora")
    for algorithm, model in demo.items():
        shutil.copytree(model, tmp_path / "build" / "demo" / algorithm)
    return tmp_path


def test_blocks_are_run_in_readme_and_in_several_pages() -> None:
    assert PROJECT / "README.md" in RUN_PAGES
    assert len(RUN_PAGES) > 1
    assert PROJECT / "docs" / "python.md" in SESSIONS


@pytest.mark.parametrize("page", RUN_PAGES, ids=lambda page: page.name)
def test_what_a_page_shows_is_what_the_program_prints(page: Path, demo_folder: Path) -> None:
    program = demo_folder / "bin" / "embedtool"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\nexec {sys.executable} -m embedtool "$@"\n')
    program.chmod(0o755)
    variables = {**os.environ, "PATH": f"{program.parent}:{os.environ['PATH']}", "NO_COLOR": "1",
                 "COLUMNS": "100", "PYTHONPATH": str(PROJECT)}  # fmt: skip
    asked = commands(page)
    script = "".join(f"{command}\necho '{END}'\n" for command, _ in asked)
    done = subprocess.run(
        ["bash"], input=script, cwd=demo_folder, env=variables, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300, check=False,
    )  # fmt: skip
    printed = done.stdout.split(f"{END}\n")
    for (command, shown), text in zip(asked, printed, strict=False):
        got = comparable(text)
        assert re.fullmatch(pattern(shown), got), f"$ {command}\n{got}\nis shown as:\n{shown}"
    assert len(printed) == len(asked) + 1


@pytest.mark.parametrize("page", SESSIONS, ids=lambda page: page.name)
def test_what_a_page_shows_of_python_is_what_python_prints(
    page: Path, demo_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "to_pandas" in page.read_text():
        pytest.importorskip("pandas")
    monkeypatch.chdir(demo_folder)
    tested = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert tested.failed == 0
