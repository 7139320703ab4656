"""The installed program as a real process: started, piped, interrupted."""

import os
import pty
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Run

PROGRAM = [sys.executable, "-m", "embedtool"]


def start(*args: object, **options: object) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*PROGRAM, *map(str, args)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options
    )


def test_the_program_runs_as_a_module_and_as_a_script() -> None:
    script = Path(sys.executable).with_name("embedtool")
    for command in (PROGRAM, [str(script)]):
        done = subprocess.run([*command, "--version"], capture_output=True, check=True)
        assert done.stdout.startswith(b"embedtool, version ")


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys\nfrom embedtool.cli.main import cli\ncli(['--help'], standalone_mode=False)\n"
        "print(*sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    heavy = {"numpy", "scipy", "numba", "gensim", "rich", "safetensors", "smart_open"}
    assert heavy.isdisjoint(done.stdout.split())


@pytest.mark.parametrize("more", [[], ["--approximate"]])
def test_a_query_imports_no_trainer(more: list[str], models: dict[str, Path], run: Run) -> None:
    if more:
        assert run("index", models["fasttext"]).exit_code == 0
    command = ["similar", str(models["fasttext"]), "king", *more]
    code = (
        "import sys\nfrom embedtool.cli.main import cli\n"
        f"cli({command!r}, standalone_mode=False)\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    heavy = {"scipy", "numba", "gensim", "smart_open", "pandas", "matplotlib", "torch"}
    assert heavy.isdisjoint(done.stderr.split())


def test_a_reader_that_stops_gets_one_line_of_error(models: dict[str, Path]) -> None:
    with start("similar", models["glove"], "king", "-n", "1000000", "--tsv") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"query\tword\tscore\n"
        process.stdout.close()
        stderr = process.stderr.read()
    assert stderr.decode().splitlines() == [
        "Error: standard output was closed by its reader; the rest was not written"
    ]
    assert process.returncode == 1


@pytest.mark.parametrize("no_color", [None, "1"])
def test_a_terminal_gets_a_bar(no_color: str | None, kingdoms: Path, tmp_path: Path) -> None:
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    env |= {"NO_COLOR": no_color} if no_color else {}
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # the terminal is gone when the program is
            while part := os.read(leader, 65536):
                shown.extend(part)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        subprocess.run(
            [*PROGRAM, "train", "glove", kingdoms, "-o", tmp_path / "m", "--iterations", "3"],
            stderr=follower, env=env, check=True,
        )  # fmt: skip
        os.close(follower)
        reading.result()
    os.close(leader)
    text = shown.decode()
    for piece in ("reading", "counting pairs", "merging pairs", "training epoch 3", "pairs/s", "━"):
        assert piece in text
    assert ("\x1b[38;5;" in text) == (no_color is None)


def test_text_comes_through_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "train", "glove", "-", "-o", tmp_path / "m", "--vector-size", "4"],
        input=b"the king and the queen\n" * 50,
        capture_output=True,
        check=True,
    )
    assert done.stdout == b""
    assert done.stderr.splitlines()[-1].startswith(str(tmp_path / "m: 4 words x 4").encode())
