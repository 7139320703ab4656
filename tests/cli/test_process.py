"""The installed program as a real process: started, piped, interrupted."""

import logging
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from tests.conftest import Run

pty = pytest.importorskip("pty", reason="Windows has no such terminals")

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


def test_the_log_is_printed_only_while_a_command_runs(run: Run) -> None:
    """Importing the program installs nothing, and a program that calls it keeps its own log."""
    log = logging.getLogger("embedtool")
    assert (log.handlers, log.level) == ([], logging.NOTSET)
    assert run("--version").exit_code == 0
    assert (log.handlers, log.level) == ([], logging.NOTSET)


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


UNREAD = [
    "--help", "--version", "similar --help", "similar MODEL king", "similar MODEL king --json",
    "similar MODEL king --tsv", "similar MODEL", "vector MODEL king", "shell MODEL",
    "shell MODEL --json", "odd-one-out MODEL king queen paris", "info MODEL", "check MODEL",
    "formats --json",
    "evaluate MODEL --analogies QUESTIONS --json", "completion bash", "datasets", "plot MODEL king",
    "phrases TEXT", "vocab TEXT --output /dev/stdout", "export MODEL /dev/stdout --format glove",
]  # fmt: skip


@pytest.mark.parametrize("line", UNREAD)
def test_a_command_whose_output_nobody_reads_ends_silently(
    line: str, models: dict[str, Path], questions: Path, text: Path, tmp_path: Path
) -> None:
    """As `| head -1` leaves it; exit code 141 is what a shell gives to those that SIGPIPE ends."""
    asked = tmp_path / "asked.txt"
    asked.write_text("king\nqueen\n")
    names = {"MODEL": models["glove"], "QUESTIONS": questions, "TEXT": text}
    command = [*PROGRAM, *(str(names.get(word, word)) for word in line.split())]
    reading, writing = os.pipe()
    os.close(reading)
    with asked.open("rb") as stdin:
        done = subprocess.run(command, stdin=stdin, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)
    progress = rb"((reading|counting pairs|merging pairs) .*\n)*"
    assert done.returncode == 141
    assert re.fullmatch(progress, done.stderr), done.stderr


def test_work_goes_on_if_nobody_reads_standard_error(text: Path, tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    command = [*PROGRAM, "train", "glove", text, "-o", tmp_path / "m", "--vector-size", "4"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing)
    os.close(writing)
    assert (done.returncode, done.stdout) == (0, b"")
    assert (tmp_path / "m").is_dir()


def test_nothing_is_written_after_the_reader_stops(models: dict[str, Path]) -> None:
    with start("similar", models["glove"], "king", "-n", "1000000", "--tsv") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"query\tword\tscore\n"
        process.stdout.close()
        stderr = process.stderr.read()
    assert stderr == b""
    assert process.returncode == 141


def in_terminal(*arguments: object, **environment: str) -> str:
    """What a command shows on a terminal of 80 columns that is its standard error."""
    leader, follower = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", **environment}
    shown = bytearray()

    def read() -> None:
        with suppress(OSError):  # the terminal is gone when the program is
            while part := os.read(leader, 65536):
                shown.extend(part)

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read)
        subprocess.run([*PROGRAM, *map(str, arguments)], stderr=follower, env=env, check=True)
        os.close(follower)
        reading.result()
    os.close(leader)
    return shown.decode()


@pytest.mark.parametrize("no_color", [None, "1"])
def test_a_terminal_gets_a_bar(no_color: str | None, kingdoms: Path, tmp_path: Path) -> None:
    environment = {"NO_COLOR": no_color} if no_color else {}
    text = in_terminal(
        "train", "glove", kingdoms, "-o", tmp_path / "m", "--epochs", 3, **environment
    )
    for piece in ("reading", "counting pairs", "merging pairs", "epoch 3", "pairs/s", "━"):
        assert piece in text
    assert ("\x1b[38;5;" in text) == (no_color is None)


def test_a_note_stands_above_the_bar_and_not_in_its_line(text: Path, tmp_path: Path) -> None:
    shown = in_terminal("train", "word2vec", text, "-o", tmp_path / "m", "--workers", 9)
    before, note, _ = shown.partition("--workers 9: this text is read in 1 stream,")
    assert note and before.endswith(("\n", "\r", "\x1b[2K"))


def test_text_comes_through_a_pipe(tmp_path: Path) -> None:
    done = subprocess.run(
        [*PROGRAM, "train", "glove", "-", "-o", tmp_path / "m", "--vector-size", "4"],
        input=b"the king and the queen\n" * 50,
        capture_output=True,
        check=True,
    )
    assert done.stdout == b""
    assert done.stderr.splitlines()[-1].startswith(str(tmp_path / "m: 4 words x 4").encode())
