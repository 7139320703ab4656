"""Each write, sync and rename fails in turn: the old or the new is there, whole, and one line."""

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from embedtool.model import store
from tests.conftest import Run

SOURCE = Path(__file__).with_name("failing.c")
MOST_CALLS = 400
COMMANDS: dict[str, list[str]] = {
    "train": ["train", "glove", "TEXT", "-o", "OUT", "--vector-size", "4", "--epochs", "2",
              "--checkpoint-every", "1-epoch", "--overwrite"],
    "import": ["import", "VECTORS", "OUT", "--overwrite"],
    "export": ["export", "MODEL", "OUT"],
    "compress": ["compress", "MODEL", "OUT", "--precision", "float16", "--no-report",
                 "--overwrite"],
    "transform": ["transform", "MODEL", "OUT", "--center", "--overwrite"],
    "vocab": ["vocab", "TEXT", "--output", "OUT"],
}  # fmt: skip


PROGRAM = """
import os, sys
from embedtool.cli.main import main
errors, *sys.argv[1:] = sys.argv[1:]
codes = os.fdopen(os.dup(1), "w")
for number in (1, 2):
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_APPEND), number)
try:
    main()
except SystemExit:
    pass
for failing in sys.stdin:
    if child := os.fork():
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=codes, flush=True)
    else:
        os.environ["FAIL_AT"] = failing.strip()
        os.truncate(errors, 0)
        main()
"""
"""Runs a command, which loads what it needs, then once in a copy of the process for each number
that it reads: the call of that number fails."""


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("no C compiler to make calls fail with")
    path = tmp_path_factory.mktemp("shim") / "failing.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-o", path, SOURCE, "-ldl"], check=True)
    return path


def tree(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.mark.parametrize("number", [
    pytest.param(errno.ENOSPC, id="ENOSPC"),
    pytest.param(errno.EIO, id="EIO", marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.parametrize(("command", "step"), [
    *((command, 1) for command in COMMANDS if command != "train"),
    ("train", 7),  # which makes many calls
    pytest.param("train", 1, marks=pytest.mark.slow),
])  # fmt: skip
def test_each_call_fails_in_turn(
    command: str, step: int, number: int, shim: Path, run: Run, tmp_path: Path
) -> None:
    folder, work = tmp_path / "out", tmp_path / "work"
    folder.mkdir()
    work.mkdir()
    text = work / "text.txt"
    text.write_text("the king rules the land\nthe queen rules the sea\n" * 60)
    model = work / "model"
    assert run("train", "glove", text, "-o", model, "--vector-size", 4).exit_code == 0
    assert run("export", model, work / "vectors.txt").exit_code == 0
    places = {"TEXT": text, "MODEL": model, "VECTORS": work / "vectors.txt",
              "OUT": folder / ("model" if command != "export" else "vectors.bin")}  # fmt: skip
    arguments = [str(places.get(each, each)) for each in COMMANDS[command]]
    assert run(*arguments).exit_code == 0
    old = tree(folder)
    errors = work / "errors"
    env = {"LD_PRELOAD": str(shim), "FAIL_FOLDER": str(folder), "FAIL_ERRNO": str(number)}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, errors, *arguments], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, env=os.environ | env, text=True,
    ) as process:  # fmt: skip
        check_calls(process, range(1, MOST_CALLS, step), number, errors, folder, old)
    assert tree(folder).keys() == old.keys()


def check_calls(
    process: "subprocess.Popen[str]", calls: range, number: int, errors: Path, folder: Path,
    old: dict[str, bytes],
) -> None:  # fmt: skip
    """Have one of the calls after another fail, until there is none of that number."""
    assert process.stdin is not None and process.stdout is not None
    for at in calls:
        print(at, file=process.stdin, flush=True)
        code, said = int(process.stdout.readline()), errors.read_text()
        assert "Traceback" not in said, (at, said)
        there = {k: v for k, v in tree(folder).items() if ".training/" not in k}
        if code == 0:
            if "no checkpoint" not in said:
                break
        else:
            line = said.splitlines()[-1]
            assert code == 1 and line.startswith("Error: "), (at, said)
            assert os.strerror(number) in line, (at, line)
        if (folder / "model").is_dir():
            assert list(store.verify(folder / "model")) == [], at
        assert there.keys() == old.keys(), (at, there.keys())
    else:
        pytest.fail(f"still failing at call {MOST_CALLS}")
