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
STEP = {"train": 7, "vocab": 5}
"""In a quick run only each so many calls of a command that makes many."""
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


@pytest.mark.parametrize("every", [
    pytest.param(False, id="some"), pytest.param(True, id="each", marks=pytest.mark.slow),
])  # fmt: skip
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO], ids=["ENOSPC", "EIO"])
@pytest.mark.parametrize("command", COMMANDS)
def test_each_call_fails_in_turn(
    command: str, number: int, every: bool, shim: Path, run: Run, tmp_path: Path
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
    step = 1 if every else STEP.get(command, 2)
    for at in range(1, MOST_CALLS, step):
        env = os.environ | {
            "LD_PRELOAD": str(shim), "FAIL_FOLDER": str(folder), "FAIL_AT": str(at),
            "FAIL_ERRNO": str(number),
        }  # fmt: skip
        done = subprocess.run(
            [sys.executable, "-m", "embedtool", *arguments], capture_output=True, env=env,
            timeout=60, text=True,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, (at, done.stderr)
        there = {k: v for k, v in tree(folder).items() if ".training/" not in k}
        if done.returncode == 0:
            if "no checkpoint" not in done.stderr:
                break
        else:
            line = done.stderr.splitlines()[-1]
            assert done.returncode == 1 and line.startswith("Error: "), (at, done.stderr)
            assert os.strerror(number) in line, (at, line)
        if (folder / "model").is_dir():
            assert list(store.verify(folder / "model")) == [], at
        assert there.keys() == old.keys(), (at, there.keys())
    else:
        pytest.fail(f"still failing at call {MOST_CALLS}")
    assert there.keys() == old.keys()
