"""Texts and systems at their limits: long lines, huge tokens, few files, little memory."""

import gzip
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from embedtool.model import store
from tests.conftest import CORPORA, Run

resource = pytest.importorskip("resource", reason="Windows has no such limits")

QUESTIONS = str(CORPORA / "kingdoms-questions.txt")
MiB = 2**20
SECONDS = 120


def limited(kind: int, value: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(kind, (value, value))


def program(*arguments: object, **options: object) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "embedtool", *map(str, arguments)], capture_output=True, text=True,
        timeout=SECONDS, check=False, **options,
    )  # fmt: skip


def clean(done: "subprocess.CompletedProcess[str]") -> str:
    """The last line of a failure that was said well."""
    assert done.returncode == 1 and done.stdout == ""
    assert "Traceback" not in done.stderr
    line = done.stderr.splitlines()[-1]
    assert line.startswith("Error: ")
    return line


def test_few_open_files_are_enough_to_merge_many_runs(kingdoms: Path, tmp_path: Path) -> None:
    options = ["--memory", 16, "--epochs", 1, "--vector-size", 8, "--window", 20]
    whole, few = tmp_path / "whole", tmp_path / "few"
    assert program("train", "glove", kingdoms, "-o", whole, *options).returncode == 0
    done = program(
        "train", "glove", kingdoms, "-o", few, *options,
        preexec_fn=limited(resource.RLIMIT_NOFILE, 16),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (whole / store.VECTORS).read_bytes() == (few / store.VECTORS).read_bytes()


def test_too_little_address_space_is_reported(kingdoms: Path, tmp_path: Path) -> None:
    done = program(
        "train", "glove", kingdoms, "-o", tmp_path / "model", "--vector-size", 10000,
        preexec_fn=limited(resource.RLIMIT_AS, 750 * MiB),
    )  # fmt: skip
    line = clean(done)
    assert "memory" in line and "--vector-size" in line
    assert not list(tmp_path.iterdir())


def test_less_address_space_than_the_program_needs_is_reported_at_once(tmp_path: Path) -> None:
    limit = limited(resource.RLIMIT_AS, 400 * MiB)
    line = clean(program("vocab", tmp_path / "text", preexec_fn=limit))
    assert "the limit of 400 MiB of address space (ulimit -v)" in line


def test_a_thread_that_cannot_be_started_is_reported(kingdoms: Path, tmp_path: Path) -> None:
    code = (
        "import sys, threading\nfrom embedtool.cli.main import cli\n"
        "threading.stack_size(2**40)\ncli(sys.argv[1:])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "vocab", str(kingdoms), "--output", str(tmp_path / "vocab")],
        capture_output=True, text=True, check=False,
        preexec_fn=limited(resource.RLIMIT_AS, 2**33),
    )  # fmt: skip
    assert "no thread can be started" in clean(done)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("megabytes", [
    pytest.param(20, id="20 MB"), pytest.param(1000, id="1 GB", marks=pytest.mark.slow),
])  # fmt: skip
def test_one_long_line_is_counted_in_bounded_memory(megabytes: int, tmp_path: Path) -> None:
    text = tmp_path / "line.txt"
    part = b"the king rules the land " * 43_690
    with text.open("wb") as file:
        for _ in range(megabytes):
            file.write(part)
    code = (
        "import sys\nfrom embedtool.cli.main import cli\n"
        "cli(sys.argv[1:], standalone_mode=False)\n"
        "status = open('/proc/self/status').read().split()\n"
        "print(status[status.index('VmHWM:') + 1], file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "vocab", str(text), "--output", str(tmp_path / "vocab")],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert int(done.stderr.split()[-1]) < 400 * 1024
    first = (tmp_path / "vocab").read_text().splitlines()[0]
    assert first.split() == ["the", str(2 * 43_690 * megabytes)]


DISTINCT = {
    "2 million": (2_000_000, 700, 1200),
    "30 million": (30_000_000, 1200, 3500),
}
"""Words; MiB of address space that are too few, and that are enough, of which the program itself
takes some 600."""


@pytest.mark.parametrize("size", [
    "2 million", pytest.param("30 million", marks=pytest.mark.slow),
])  # fmt: skip
def test_many_distinct_words_under_a_cap(size: str, tmp_path: Path) -> None:
    n_words, too_few, enough = DISTINCT[size]
    text = tmp_path / "text.txt"
    with text.open("w") as file:
        for first in range(0, n_words, 100):
            line = " ".join(f"w{i:x}" for i in range(first, first + 100))
            file.write(f"{line} the king of the road\n")
    result = tmp_path / "vocab"
    arguments = ("vocab", text, "--output", result)
    line = clean(program(*arguments, preexec_fn=limited(resource.RLIMIT_AS, too_few * MiB)))
    assert "out of memory" in line
    assert [path.name for path in tmp_path.iterdir()] == ["text.txt"]
    done = program(*arguments, preexec_fn=limited(resource.RLIMIT_AS, enough * MiB))
    assert done.returncode == 0, done.stderr
    n_lines = n_words // 100
    assert result.read_text().splitlines() == [
        f"the {2 * n_lines}", f"king {n_lines}", f"of {n_lines}", f"road {n_lines}"
    ]  # fmt: skip
    assert f"4 of {n_words + 4:,} types" in done.stderr


def test_a_token_of_a_megabyte_is_a_word(run: Run, tmp_path: Path) -> None:
    text, model = tmp_path / "text.txt", tmp_path / "model"
    text.write_text(f"king {'x' * MiB} queen\n" * 6)
    result = run("train", "glove", text, "-o", model, "--vector-size", 4)
    assert result.exit_code == 0, result.output
    assert sorted(map(len, store.load(model).vectors.words)) == [4, 5, MiB]


ODD = {
    "NUL": b"king \0 queen\n",
    "CRLF": b"king queen\r\n",
    "BOM": b"\xef\xbb\xbfking queen\n",
    "separators": "king queen\u2028 rex\u00a0regina\n".encode(),
    "forms": "k\u00f6nig ko\u0308nig\n".encode(),
    "marks": b"</s> <unk> king <s>\n",
    "escapes": b"\x1b[31mking \x07queen\n",
    "breaks": b"king\x0bqueen\x0crex\x85regina\n".replace(b"\x85", "\x85".encode()),
}


@pytest.mark.parametrize("name", ODD)
def test_odd_text_is_trained_on_and_exported(run: Run, name: str, tmp_path: Path) -> None:
    text, model = tmp_path / "text.txt", tmp_path / "model"
    text.write_bytes(ODD[name] * 40)
    options = ["--vector-size", 4, "--min-count", 1]
    result = run("train", "word2vec", text, "-o", model, *options)
    assert result.exit_code == 0, result.output
    words = list(store.load(model).vectors.words)
    assert len(words) == len(set(words)) > 1 and list(store.verify(model)) == []
    shown = run("similar", model, words[0])
    assert shown.exit_code == 0
    assert not set(shown.stdout) & {"\x1b", "\x07", "\0", "\r"}
    vectors = tmp_path / "vectors.safetensors"
    assert run("export", model, vectors).exit_code == 0
    again = tmp_path / "again"
    assert run("import", vectors, again).exit_code == 0
    assert list(store.load(again).vectors.words) == words


def test_a_pipe_by_name_is_text(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=lambda: pipe.write_bytes(b"the king and the queen\n" * 50))
    writer.start()
    done = program("train", "glove", pipe, "-o", tmp_path / "model", "--vector-size", 4)
    writer.join()
    assert done.returncode == 0, done.stderr
    assert store.load(tmp_path / "model").vectors.n_words == 4


def test_a_compressed_text_that_is_cut_short_is_named(tmp_path: Path) -> None:
    path = tmp_path / "text.gz"
    path.write_bytes(gzip.compress(b"the king and the queen\n" * 5000)[:-20])
    line = clean(program("train", "glove", path, "-o", tmp_path / "model"))
    assert str(path) in line
    assert [each.name for each in tmp_path.iterdir()] == ["text.gz"]


@pytest.mark.parametrize("command", [["similar", "king", "-n", "1000"], ["vector", "king"],
                                     ["info"], ["evaluate", "--analogies", QUESTIONS]])  # fmt: skip
def test_a_reader_that_goes_away_is_no_error(command: list[str], models: dict[str, Path]) -> None:
    arguments = [command[0], str(models["glove"]), *command[1:]]
    with subprocess.Popen(
        [sys.executable, "-m", "embedtool", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        stderr = process.stderr.read().decode()
    assert process.returncode in (0, 141)
    assert stderr == ""
