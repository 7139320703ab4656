"""A training that is interrupted, killed or told to stop goes on to the very same bytes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import ModuleType

import pytest

from embedtool.corpus import cooccurrence, pair_counting, sorted_runs
from embedtool.model import store
from embedtool.model.store import TRAINING_SUFFIX
from embedtool.trainers.training_dir import MANIFEST, lock_training_dir
from tests.conftest import Run, TrainOnce, sends_signals

PROGRAM = [sys.executable, "-m", "embedtool"]
LONG = {
    "word2vec": ["--epochs", "30", "--vector-size", "16"],
    "fasttext": ["--epochs", "12", "--vector-size", "16", "--bucket", "3000", "--mode", "cbow"],
    "glove": ["--epochs", "60", "--vector-size", "48", "--memory", "16"],
}
"""Options under which a training takes a second or two, in many rounds."""
KILLED = {"quick": 4, "all": 200}
SECONDS = 60


def start(*arguments: object) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [*PROGRAM, *map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )


def wait_for(process: "subprocess.Popen[bytes]", *beginnings: bytes) -> None:
    """Read standard error until a line begins so."""
    assert process.stderr is not None
    lines = []
    for line in process.stderr:
        if line.startswith(beginnings):
            return
        lines.append(line)
    raise AssertionError(f"no line begins with {beginnings} among {lines}")


def trained(path: Path) -> bytes:
    return (path / store.VECTORS).read_bytes()


@pytest.fixture(
    scope="module",
    params=["word2vec", pytest.param("fasttext", marks=pytest.mark.slow), "glove"],
)
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def whole(algorithm: str, train_once: TrainOnce, kingdoms: Path) -> Path:
    """The model of a training that nothing interrupts."""
    options = [*LONG[algorithm], "--workers", "2"]
    return train_once(f"uninterrupted-{algorithm}", "train", algorithm, kingdoms, *options)


def test_a_failure_after_the_last_epoch_costs_no_epoch(
    algorithm: str, whole: Path, run: Run, kingdoms: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Whatever fails between the last epoch and the model."""
    model = tmp_path / "model"

    def fail(*_: object) -> None:
        raise RuntimeError("what nobody thought of")

    with monkeypatch.context() as patch:
        patch.setattr("embedtool.trainers.session.TrainingSession._described", fail)
        with pytest.raises(RuntimeError, match="what nobody thought of"):
            run("train", algorithm, kingdoms, "-o", model, *LONG[algorithm], "--workers", 2)
    assert not model.exists()
    result = run("resume", model)
    assert result.exit_code == 0, result.output
    assert "epoch" not in result.stderr
    assert trained(model) == trained(whole)
    assert not model.with_name(model.name + TRAINING_SUFFIX).exists()


@sends_signals
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGINT, 130), pytest.param(signal.SIGTERM, 143, marks=pytest.mark.slow)],
)
def test_a_signal_saves_the_training_and_resume_ends_it(
    algorithm: str, number: signal.Signals, code: int, whole: Path, run: Run, kingdoms: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    model = tmp_path / "model"
    with start("train", algorithm, kingdoms, "-o", model, *LONG[algorithm], "--workers", 1) as p:
        wait_for(p, b"training")
        p.send_signal(number)
        stdout, stderr = p.communicate(timeout=SECONDS)
    assert p.returncode == code and stdout == b""
    lines = stderr.decode().splitlines()
    assert lines[-1] == f"Error: interrupted; resume with: embedtool resume {model}"
    assert "The training is being saved, then it stops; press again to exit immediately." in lines
    assert [path.name for path in tmp_path.iterdir()] == [f"model{TRAINING_SUFFIX}"]
    refused = run("train", algorithm, kingdoms, "-o", model)
    assert refused.exit_code == 1
    assert f"resume it with: embedtool resume {model}, or start over" in refused.stderr
    result = run("resume", model, "--workers", 3)
    assert result.exit_code == 0, result.output
    assert trained(model) == trained(whole)
    epochs = [
        [(e["epoch"], e["loss"]) for e in store.describe(path)["training"]["epochs"]]
        for path in (model, whole)
    ]
    assert epochs[0] == epochs[1]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize(
    ("module", "step"), [(pair_counting, "list_pairs"), (sorted_runs, "merge_runs")]
)
def test_glove_goes_on_with_what_it_has_counted(
    module: ModuleType, step: str, run: Run, kingdoms: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """Interrupted while it counts or merges, then killed."""
    options = ["--vector-size", 4, "--epochs", 4, "--memory", 16, "--workers", 1]
    whole, model = tmp_path / "whole", tmp_path / "model"
    assert run("train", "glove", kingdoms, "-o", whole, *options).exit_code == 0
    take, n_taken = getattr(module, step), 0

    def interrupt(*arguments: object) -> object:
        nonlocal n_taken
        n_taken += 1
        if n_taken == 1:
            signal.raise_signal(signal.SIGINT)
        return take(*arguments)

    monkeypatch.setattr(module, step, interrupt)
    result = run("train", "glove", kingdoms, "-o", model, *options)
    assert result.exit_code == 130
    assert result.stderr.splitlines()[-1].endswith(f"embedtool resume {model}")
    kept = {path.name for path in (tmp_path / f"model{TRAINING_SUFFIX}").iterdir()}
    assert pair_counting.COUNTED in kept and cooccurrence.SUMMARY not in kept
    monkeypatch.undo()
    with start("resume", model) as process:
        wait_for(process, b"merging pairs")
        process.kill()
        process.communicate(timeout=SECONDS)
    assert run("resume", model).exit_code == 0
    assert trained(model) == trained(whole)
    assert {path.name for path in tmp_path.iterdir()} == {"whole", "model"}


@sends_signals
def test_a_second_signal_leaves_at_once(algorithm: str, kingdoms: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    with start("train", algorithm, kingdoms, "-o", model, *LONG[algorithm]) as process:
        wait_for(process, b"training")
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        _, stderr = process.communicate(timeout=SECONDS)
    assert process.returncode == 130 and time.monotonic() - began < SECONDS
    assert b"Traceback" not in stderr
    assert stderr.decode().splitlines()[-1].endswith(f"embedtool resume {model}")


@sends_signals
def test_a_signal_before_there_is_anything_to_keep_leaves_nothing(tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    with start("train", "glove", fifo, "-o", tmp_path / "model") as p, fifo.open("wb") as text:
        text.write(b"the king\n" * 1000)
        text.flush()
        time.sleep(0.5)
        p.send_signal(signal.SIGINT)
        _, stderr = p.communicate(timeout=SECONDS)
    assert p.returncode == 130
    assert stderr.decode().splitlines()[-1] == "Error: interrupted; nothing was written"
    assert [path.name for path in tmp_path.iterdir()] == ["fifo"]


@sends_signals
@pytest.mark.stress  # killed at random times
@pytest.mark.parametrize("times", [
    pytest.param(KILLED["quick"], id="quick"),
    pytest.param(KILLED["all"], id="all", marks=pytest.mark.slow),
])  # fmt: skip
def test_killed_at_any_moment_it_goes_on_to_the_same_bytes(
    algorithm: str, times: int, whole: Path, kingdoms: Path, tmp_path: Path
) -> None:
    """kill -9, in saving too, for checkpoints are written all the time; resumed until it ends."""
    rng = random.Random(times)
    model = tmp_path / "model"
    train = ("train", algorithm, kingdoms, "-o", model, *LONG[algorithm], "--workers", 2)
    kept = ("--checkpoint-every", "1-epoch")
    killed = 0
    while killed < times:
        shutil.rmtree(model, ignore_errors=True)
        arguments = train
        while True:
            with start(*arguments, *kept) as process:
                wait_for(process, b"training", str(model).encode())
                try:
                    process.wait(None if killed >= times else rng.random() * 1.5)
                except subprocess.TimeoutExpired:
                    process.kill()
                    killed += 1
                _, stderr = process.communicate(timeout=SECONDS)
            assert process.returncode in (0, -signal.SIGKILL), stderr.decode()
            if model.exists():
                assert trained(model) == trained(whole)
            if (
                process.returncode == 0
                or not (tmp_path / f"model{TRAINING_SUFFIX}" / MANIFEST).exists()
            ):
                break
            arguments = ("resume", model)
        assert model.exists()
        left = {path.name for path in tmp_path.iterdir() if path.name[0] != "."}
        assert left <= {"model", f"model{TRAINING_SUFFIX}"}
        shutil.rmtree(tmp_path / f"model{TRAINING_SUFFIX}", ignore_errors=True)


def interrupted(run: Run, kingdoms: Path, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a training of which two epochs are saved."""
    from embedtool.trainers import checkpoint

    save, calls = checkpoint.save_state, []

    def save_two(*arguments: object) -> None:
        save(*arguments)
        calls.append(1)
        if len(calls) == 2:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(checkpoint, "save_state", save_two)
    options = ["--epochs", 5, "--vector-size", 8, "--checkpoint-every", "1-epoch"]
    result = run("train", "word2vec", kingdoms, "-o", model, *options)
    monkeypatch.undo()
    assert result.exit_code == 130, result.output


def test_changed_text_and_changed_options_are_refused_by_name(
    run: Run, kingdoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, model = tmp_path / "text.txt", tmp_path / "model"
    shutil.copy(kingdoms, text)
    interrupted(run, text, model, monkeypatch)
    request = tmp_path / f"model{TRAINING_SUFFIX}" / "training.json"
    before = request.read_text()

    changed = json.loads(before)
    changed["record"]["config"]["window"] = 7
    request.write_text(json.dumps(changed))
    result = run("resume", model)
    assert result.exit_code == 1
    assert result.stderr.endswith(
        "belongs to a training with other options: window was 5 and is now 7\n"
    )

    request.write_text(json.dumps(json.loads(before) | {"version": "0.0.1"}))
    assert "was started by embedtool 0.0.1" in run("resume", model).stderr
    request.write_text(before[:-20])
    assert "training.json: not JSON" in run("resume", model).stderr
    request.write_text(before)

    text.write_text(text.read_text() + "the king\n")
    result = run("resume", model)
    assert result.exit_code == 1 and f"{text}: has changed since the training" in result.stderr
    text.unlink()
    assert f"{text}: has changed since" in run("resume", model).stderr
    assert not model.exists()


def test_a_training_that_is_not_wanted_any_more(
    run: Run, kingdoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tmp_path / "model"
    interrupted(run, kingdoms, model, monkeypatch)
    options = ["--epochs", 1, "--vector-size", 8]
    assert run("train", "word2vec", kingdoms, "-o", model, *options).exit_code == 1
    assert run("train", "word2vec", kingdoms, "-o", model, *options, "--overwrite").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    result = run("resume", model)
    assert result.exit_code == 1
    assert "there is no interrupted training to resume" in result.stderr


def test_only_one_process_trains_a_model(run: Run, kingdoms: Path, tmp_path: Path) -> None:
    model = tmp_path / "model"
    with lock_training_dir(model) as training_dir:
        with start("train", "word2vec", kingdoms, "-o", model) as process:
            _, stderr = process.communicate(timeout=SECONDS)
        assert process.returncode == 1
        assert f"model: locked by PID {os.getpid()}, which trains it" in stderr.decode()
        assert training_dir.folder.is_dir()
    assert not training_dir.folder.exists()


def test_the_lock_of_a_dead_process_holds_nobody_up(
    run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    model = tmp_path / "model"
    with start("train", "word2vec", kingdoms, "-o", model, "--epochs", 1000) as process:
        wait_for(process, b"training")
        process.kill()
        process.communicate(timeout=SECONDS)
    leftover = tmp_path / f"model{TRAINING_SUFFIX}"
    assert (leftover / "lock").read_text() == f" {process.pid}\n"
    (leftover / "training.json").unlink()
    result = run("train", "word2vec", kingdoms, "-o", model, "--epochs", 1, "--vector-size", 8)
    assert result.exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
