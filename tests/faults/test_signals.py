"""Signals to processes that were started with some of them ignored, and to closed terminals."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embedtool.model import store
from embedtool.model.store import TRAINING_SUFFIX
from tests.conftest import Run, TrainOnce
from tests.factories import numbered_words, saved_model, word_vectors

pty = pytest.importorskip("pty", reason="Windows has no such terminals")

PROGRAM = [sys.executable, "-m", "embedtool"]
LONG = ["--epochs", "30", "--vector-size", "16", "--workers", "1"]
"""Options under which a training takes some seconds."""
SAVED = "The training is being saved, then it stops; press again to exit immediately."
SECONDS = 60


@contextmanager
def started(
    *arguments: object, ignoring: tuple[int, ...] = ()
) -> "Iterator[subprocess.Popen[str]]":
    """A process of the program, which ends with the block; some signals are ignored from birth."""

    def ignore() -> None:
        for number in (signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN if number in ignoring else signal.SIG_DFL)

    with subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True, preexec_fn=ignore,
    ) as process:  # fmt: skip
        try:
            yield process
        finally:
            process.kill()


def in_terminal(*arguments: object) -> tuple[int, int]:
    """Start the program in a terminal of its own: its process id, and our end of the terminal."""
    child, terminal = pty.fork()
    if child == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        os.execv(sys.executable, [*PROGRAM, *map(str, arguments)])
    return child, terminal


def wait_for(process: "subprocess.Popen[str]", beginning: str) -> None:
    """Read standard error until a line begins so."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        if line.startswith(beginning):
            return
        lines.append(line)
    raise AssertionError(f"no line begins with {beginning} among {lines}")


@pytest.fixture(scope="module")
def whole(train_once: TrainOnce, kingdoms: Path) -> Path:
    """The model of a training that nothing interrupts."""
    return train_once("without-signals", "train", "word2vec", kingdoms, *LONG)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of random vectors."""
    path = tmp_path_factory.mktemp("small") / "model"
    return saved_model(path, word_vectors(["king", *numbered_words(399)]), algorithm="random")


def trained(path: Path) -> bytes:
    return (path / store.VECTORS).read_bytes()


@pytest.mark.parametrize(
    ("number", "ignoring", "code"),
    [
        (signal.SIGHUP, (), 129),
        pytest.param(signal.SIGHUP, (signal.SIGINT,), 129, marks=pytest.mark.slow),
        pytest.param(signal.SIGINT, (signal.SIGINT,), 130, marks=pytest.mark.slow),
        (signal.SIGINT, (signal.SIGINT, signal.SIGHUP), 130),
        (signal.SIGTERM, (signal.SIGINT, signal.SIGHUP), 143),
    ],
)
def test_a_training_is_saved_whatever_was_ignored_when_it_began(
    number: signal.Signals, ignoring: tuple[int, ...], code: int, whole: Path, run: Run,
    kingdoms: Path, tmp_path: Path,
) -> None:  # fmt: skip
    model = tmp_path / "model"
    with started("train", "word2vec", kingdoms, "-o", model, *LONG, ignoring=ignoring) as process:
        wait_for(process, "training")
        process.send_signal(number)
        _, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == code
    assert SAVED in stderr.splitlines()
    assert stderr.splitlines()[-1] == f"Error: interrupted; resume with: embedtool resume {model}"
    assert run("resume", model).exit_code == 0
    assert trained(model) == trained(whole)


def test_resume_is_saved_too(whole: Path, run: Run, kingdoms: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    with started("train", "word2vec", kingdoms, "-o", model, *LONG) as process:
        wait_for(process, "training")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=SECONDS)
    with started("resume", model, ignoring=(signal.SIGINT,)) as process:
        wait_for(process, "training")
        process.send_signal(signal.SIGHUP)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 129
    assert run("resume", model).exit_code == 0
    assert trained(model) == trained(whole)


def test_sighup_twice_is_no_second_signal(
    whole: Path, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    """A shell passes it on to its jobs, and the system sends it too."""
    model = tmp_path / "model"
    with started("train", "word2vec", kingdoms, "-o", model, *LONG) as process:
        wait_for(process, "training")
        process.send_signal(signal.SIGHUP)
        wait_for(process, SAVED)
        for _ in range(3):
            process.send_signal(signal.SIGHUP)
        process.communicate(timeout=SECONDS)
    assert process.returncode == 129
    assert run("resume", model).exit_code == 0
    assert trained(model) == trained(whole)


def test_under_nohup_a_training_goes_on(whole: Path, kingdoms: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    ignoring = (signal.SIGHUP, signal.SIGINT)
    with started("train", "word2vec", kingdoms, "-o", model, *LONG, ignoring=ignoring) as process:
        wait_for(process, "training")
        process.send_signal(signal.SIGHUP)
        _, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == 0, stderr
    assert SAVED not in stderr
    assert trained(model) == trained(whole)


def test_a_closed_terminal_saves_the_training(
    whole: Path, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    """Nothing can be written to it any more, and the process is told by SIGHUP."""
    model = tmp_path / "model"
    child, terminal = in_terminal("train", "word2vec", kingdoms, "-o", model, *LONG)
    shown = b""
    while b"training" not in shown:
        shown += os.read(terminal, 4096)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 129
    assert [path.name for path in tmp_path.iterdir()] == [f"model{TRAINING_SUFFIX}"]
    assert run("resume", model).exit_code == 0
    assert trained(model) == trained(whole)


@pytest.mark.parametrize(
    ("number", "ignoring", "code"),
    [
        (signal.SIGINT, (signal.SIGINT,), 0),
        (signal.SIGINT, (signal.SIGINT, signal.SIGHUP), 0),
        (signal.SIGTERM, (signal.SIGINT,), 143),
        (signal.SIGHUP, (signal.SIGINT,), 129),
    ],
)
def test_the_map_stops_whatever_was_ignored_when_it_began(
    number: signal.Signals, ignoring: tuple[int, ...], code: int, small: Path
) -> None:
    arguments = ("explore", small, "--no-browser", "--max-words", 400)
    with started(*arguments, ignoring=ignoring) as process:
        wait_for(process, "Ctrl-C stops the map")
        process.send_signal(number)
        _, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == code
    assert "Traceback" not in stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_server_stops_whatever_was_ignored_when_it_began(
    number: signal.Signals, small: Path
) -> None:
    ignoring = (signal.SIGINT, signal.SIGHUP)
    with started("serve", small, "--port", 0, ignoring=ignoring) as process:
        assert process.stdout is not None and process.stdout.readline().startswith("http")
        process.send_signal(signal.SIGHUP)
        process.send_signal(number)
        _, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == 0
    assert stderr.splitlines()[-1] == "stopped"


def test_sighup_has_the_server_open_its_model_anew(small: Path) -> None:
    with started("serve", small, "--port", 0) as process:
        line = f"{small}: 400 words x 8, exact search\n"
        wait_for(process, line)
        process.send_signal(signal.SIGHUP)
        wait_for(process, f"Info: {line}")
        process.terminate()
        _, stderr = process.communicate(timeout=SECONDS)
    assert (process.returncode, stderr) == (0, "stopped\n")


def test_a_closed_terminal_stops_the_server(small: Path) -> None:
    """There SIGHUP does not mean that the model is to be opened anew."""
    child, terminal = in_terminal("serve", small, "--port", 0)
    shown = b""
    while b"exact search" not in shown:
        shown += os.read(terminal, 4096)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("command", ["similar", "shell"])
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 129), (signal.SIGTERM, 143)]
)
def test_a_command_that_waits_for_input_stops(
    number: signal.Signals, code: int, command: str, small: Path
) -> None:
    with started(command, small, ignoring=(signal.SIGINT,)) as process:
        assert process.stdin is not None
        process.stdin.write("\n" * 200_000)  # more than a pipe holds: some has been read now
        process.stdin.flush()
        process.send_signal(number)
        process.wait(SECONDS)
    assert process.returncode == code
