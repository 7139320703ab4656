"""Trainings on a Ray cluster of several nodes on this machine: the same bytes, whatever is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.distributed import local_sgd
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from tests.conftest import Run
from tests.faults.conftest import Nodes, Train

if find_spec("ray") is None:
    pytest.skip("Ray is not installed", allow_module_level=True)
if sys.platform == "win32":
    pytest.skip("Ray has clusters of several nodes on POSIX only", allow_module_level=True)
pytestmark = pytest.mark.xdist_group("cluster")

REPLICAS = ["--replicas", "2", "--syncs", "12"]
QUICK = {
    "glove": ["--epochs", "3"],
    "word2vec": ["--epochs", "2", *REPLICAS],
    "fasttext": ["--epochs", "1", "--bucket", "20000", *REPLICAS],
}
LONG = {
    "glove": ["--epochs", "40"],
    "word2vec": ["--epochs", "12", "--replicas", "2", "--syncs", "40"],
    "fasttext": ["--epochs", "5", "--bucket", "20000", "--replicas", "2", "--syncs", "40"],
}
"""Options of trainings that something can happen to before they are over."""


def slow(*values: object) -> Any:
    """A case that only `make test-all` runs."""
    return pytest.param(*values, marks=pytest.mark.slow)


def vectors(folder: Path) -> VectorTable:
    return store.load(folder).vectors


def assert_same(first: Path, second: Path) -> None:
    one, two = vectors(first), vectors(second)
    assert list(one.words) == list(two.words)
    assert one.counts is not None
    assert two.counts is not None
    assert np.array_equal(one.counts, two.counts)
    assert np.array_equal(one.rows, two.rows)
    for each in (one, two):
        assert np.isfinite(each.rows).all()


def test_glove_comes_to_the_bytes_of_one_machine(
    train: Train, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    result = train("glove", tmp_path / "there", *QUICK["glove"])
    assert result.exit_code == 0, result.output
    options = ["--output", tmp_path / "here", "--vector-size", "20", *QUICK["glove"]]
    assert run("train", "glove", kingdoms, *options).exit_code == 0
    assert_same(tmp_path / "here", tmp_path / "there")
    here, there = (store.load(tmp_path / name).description for name in ("here", "there"))
    assert there["vocabulary"] == here["vocabulary"]
    assert there["corpus"]["sentences"] == here["corpus"]["sentences"]
    assert [each["loss"] for each in there["training"]["epochs"]] == [
        each["loss"] for each in here["training"]["epochs"]
    ]
    assert not (tmp_path / "there.training").exists()


@pytest.mark.parametrize("algorithm", ["word2vec", slow("fasttext")])
def test_replicas_come_to_the_same_bytes_on_any_nodes_with_tables_whole_or_by_rows(
    algorithm: str, train: Train, nodes: Nodes, kingdoms: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    for n_texts in (4, 12, 36, 108):  # until one node does not do all before the other has started
        log, options = tmp_path / f"log{n_texts}", [*QUICK[algorithm], *[kingdoms] * n_texts]
        result = train(algorithm, tmp_path / "two", *options, "--json-log", log, "--overwrite")
        assert result.exit_code == 0
        assert '"nodes": {"' in log.read_text().splitlines()[0]
        if "words/s, " in result.stderr:
            break
    assert "words/s, " in result.stderr
    nodes.join()
    monkeypatch.setattr(local_sgd, "MAX_STORE_FRACTION", 0.0)
    assert train(algorithm, tmp_path / "three", *options).exit_code == 0
    nodes.lose()
    assert_same(tmp_path / "two", tmp_path / "three")
    description = store.load(tmp_path / "two").description
    assert description["cluster"] == {"replicas": 2, "syncs": 12}


@pytest.mark.slow
def test_the_shards_of_the_tables_may_be_fewer_than_the_replicas(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--replicas", "3", "--syncs", "4", "--epochs", "1"]
    assert train("word2vec", tmp_path / "three", *options).exit_code == 0
    monkeypatch.setattr(local_sgd, "MAX_SHARDS", 2)
    assert train("word2vec", tmp_path / "two", *options).exit_code == 0
    assert_same(tmp_path / "three", tmp_path / "two")


@pytest.mark.slow
def test_fasttext_begins_with_all_rows_of_a_model(
    train: Train, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    """Its vocabulary, cut short, lacks words of the text whose n-grams it has."""
    whole, cut, new = (tmp_path / name for name in ("whole", "cut", "new"))
    assert run("train", "fasttext", kingdoms, "-o", whole, "--vector-size", "20", "--bucket",
               "3000", "--epochs", "1").exit_code == 0  # fmt: skip
    store.save(ModelRecord(vectors(whole).select(np.arange(50)), {}), cut)
    still = ["--learning-rate", "1e-9", "--min-learning-rate", "0", "--epochs", "1"]
    result = train("fasttext", new, "--init", cut, "--min-count", "1000", *still, *REPLICAS)
    assert result.exit_code == 0, result.output
    before, after = vectors(cut), vectors(new)
    for word in [*before.words, "unheard", "kingdomless"]:
        np.testing.assert_allclose(after.vector(word), before.vector(word), atol=1e-5)


@pytest.mark.slow
def test_vocabulary_options_and_vectors_to_begin_with_are_as_on_one_machine(
    train: Train, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    first = tmp_path / "first"
    assert run("train", "glove", kingdoms, "-o", first, "--vector-size", "20",
               "--min-count", "50", "--epochs", "1").exit_code == 0  # fmt: skip
    options = ["--init", first, "--min-count", "200", "--epochs", "2"]
    cache = ["--cache", tmp_path / "cache"]
    for name in ("once", "again"):
        assert train("glove", tmp_path / name, *options, *cache).exit_code == 0
    assert run("train", "glove", kingdoms, "-o", tmp_path / "here", "--vector-size", "20",
               *options).exit_code == 0  # fmt: skip
    for name in ("once", "again"):
        assert_same(tmp_path / "here", tmp_path / name)
    assert len(list((tmp_path / "cache").iterdir())) == 1


class Training:
    """The installed program, training on the cluster as a process of its own."""

    def __init__(self, nodes: Nodes, kingdoms: Path, algorithm: str, output: Path) -> None:
        self.output = output
        command = [
            "train", algorithm, kingdoms, "--output", output, "--vector-size", "20",
            "--cluster", nodes.address, "--checkpoint-every", "1s", *LONG[algorithm],
        ]  # fmt: skip
        self.process = self._start(command)

    def _start(self, command: list[object]) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-m", "embedtool", *map(str, command)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def resume(self) -> None:
        self.process = self._start(["resume", self.output])

    def end(self) -> int:
        self.stdout, self.stderr = self.process.communicate(timeout=120)
        return self.process.returncode

    @property
    def has_checkpoint(self) -> bool:
        return any(self.output.with_name(self.output.name + ".training").glob("state-*/*.json"))

    def wait_for(self, condition: Callable[[], object]) -> None:
        while not condition():
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.02)


def busy() -> list[int]:
    """The processes in which Ray runs a function of a training, on all nodes."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            name = (folder / "cmdline").read_bytes().partition(b"\0")[0]
            if name in (
                b"ray::train_replica",
                b"ray::merge_replicas",
                b"ray::train_cells",
                b"ray::_count",
            ):
                found.append(int(folder.name))
    return found


def kill_one(rng: random.Random) -> bool:
    """Kill one of them, if there is any."""
    for pid in rng.sample(found := busy(), len(found)):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            return True
    return False


@pytest.fixture(scope="module")
def undisturbed(
    nodes: Nodes, kingdoms: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """What a long training of an algorithm comes to when nothing happens to it."""
    folder = tmp_path_factory.mktemp("undisturbed")

    def output(algorithm: str) -> Path:
        if not (folder / algorithm).exists():
            training = Training(nodes, kingdoms, algorithm, folder / algorithm)
            assert training.end() == 0, training.stderr
        return folder / algorithm

    return output


@pytest.mark.stress  # what is killed, and when, depends on what runs at the moment
@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("algorithm", ["word2vec", slow("fasttext"), slow("glove")])
def test_killed_processes_are_restarted(
    algorithm: str, nodes: Nodes, undisturbed: Callable[[str], Path], kingdoms: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    training = Training(nodes, kingdoms, algorithm, tmp_path / "m")
    rng = random.Random(algorithm)
    for _ in range(2):
        training.wait_for(lambda: kill_one(rng))
        time.sleep(0.4)
    assert training.end() == 0, training.stderr
    assert_same(undisturbed(algorithm), tmp_path / "m")
    assert training.stdout == b""
    assert b"raylet" not in training.stderr


@pytest.mark.slow
@pytest.mark.stress  # a node is lost and another joins while something runs
@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext", "glove"])
def test_a_node_that_is_lost_and_one_that_joins_change_nothing(
    algorithm: str, nodes: Nodes, undisturbed: Callable[[str], Path], kingdoms: Path,
    tmp_path: Path,
) -> None:  # fmt: skip
    training = Training(nodes, kingdoms, algorithm, tmp_path / "m")
    training.wait_for(busy)
    nodes.lose()
    time.sleep(0.5)
    nodes.join()
    assert training.end() == 0, training.stderr
    assert_same(undisturbed(algorithm), tmp_path / "m")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("algorithm", "number", "code"),
    [
        ("fasttext", signal.SIGKILL, -9),
        ("glove", signal.SIGKILL, -9),
        ("word2vec", signal.SIGINT, 130),
    ],
)
def test_a_driver_that_is_killed_or_interrupted_is_resumed(
    algorithm: str, number: int, code: int, nodes: Nodes, undisturbed: Callable[[str], Path],
    kingdoms: Path, tmp_path: Path,
) -> None:  # fmt: skip
    training = Training(nodes, kingdoms, algorithm, tmp_path / "m")
    training.wait_for(lambda: training.has_checkpoint)
    training.process.send_signal(number)
    assert training.end() == code
    assert not (tmp_path / "m").exists()
    training.resume()
    assert training.end() == 0, training.stderr
    assert_same(undisturbed(algorithm), tmp_path / "m")


@pytest.mark.slow
@pytest.mark.stress  # killed at random times
def test_twenty_kills_at_random_moments(
    nodes: Nodes, undisturbed: Callable[[str], Path], kingdoms: Path, tmp_path: Path
) -> None:
    rng = random.Random(1)
    killed = 0
    for number in range(60):
        algorithm = sorted(LONG)[number % len(LONG)]
        training = Training(nodes, kingdoms, algorithm, tmp_path / f"{number}")
        while training.process.poll() is None and killed < 20:
            time.sleep(rng.uniform(0.2, 2))
            killed += kill_one(rng)
        assert training.end() == 0, training.stderr
        assert_same(undisturbed(algorithm), training.output)
        if killed == 20 and number % len(LONG) == len(LONG) - 1:
            break
    assert killed == 20
