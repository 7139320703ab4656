"""Trainings on a Ray cluster of several nodes on this machine: the same bytes, whatever is lost."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import Result

from embedtool.distributed import local_sgd
from embedtool.model import store
from embedtool.model.vectors import WordVectors
from tests.conftest import Run

if find_spec("ray") is None:
    pytest.skip("Ray is not installed", allow_module_level=True)
pytestmark = pytest.mark.xdist_group("cluster")

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 3 * 10**8}
LANES = ["--replicas", "2", "--syncs", "12"]
QUICK = {
    "glove": ["--iterations", "3"],
    "word2vec": ["--epochs", "2", *LANES],
    "fasttext": ["--epochs", "1", "--bucket", "20000", *LANES],
}
LONG = {
    "glove": ["--iterations", "40"],
    "word2vec": ["--epochs", "12", "--replicas", "2", "--syncs", "40"],
    "fasttext": ["--epochs", "5", "--bucket", "20000", "--replicas", "2", "--syncs", "40"],
}
"""Options of trainings that something can happen to before they are over."""


def slow(*values: object) -> Any:
    """A case that only `make test-all` runs."""
    return pytest.param(*values, marks=pytest.mark.slow)


class Nodes:
    """A cluster of two nodes and more, each of one core."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        head = {**NODE, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.others = [self.cluster.add_node(**NODE)]

    @property
    def address(self) -> str:
        return str(self.cluster.address)

    def join(self) -> None:
        self.others.append(self.cluster.add_node(**NODE))

    def lose(self) -> None:
        self.cluster.remove_node(self.others.pop(), allow_graceful=False)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """The cluster; who joins it needs the token that this process has from now on.

    Ray reads the environment when it is imported.
    """
    token = tmp_path_factory.mktemp("token") / "token"
    token.write_text("none but this machine knows it, twice the least length")
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}
    found = Nodes()
    yield found
    found.cluster.shutdown()


Train = Callable[..., Result]


@pytest.fixture
def train(run: Run, nodes: Nodes, kingdoms: Path) -> Train:
    """Train in this process: `train("glove", output, "--seed", "2")`."""

    def begin(algorithm: str, output: Path, *options: object) -> Result:
        given = ["--output", output, "--vector-size", "20", "--cluster", nodes.address, *options]
        return run("train", algorithm, kingdoms, *given)

    return begin


def vectors(folder: Path) -> WordVectors:
    return store.load(folder).vectors


def assert_same(first: Path, second: Path) -> None:
    one, two = vectors(first), vectors(second)
    assert list(one.words) == list(two.words)
    assert one.counts is not None
    assert two.counts is not None
    assert np.array_equal(one.counts, two.counts)
    assert np.array_equal(one.matrix, two.matrix)
    for each in (one, two):
        assert np.isfinite(each.matrix).all()


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
def test_lanes_come_to_the_same_bytes_on_any_nodes_with_tables_whole_or_by_rows(
    algorithm: str, train: Train, nodes: Nodes, kingdoms: Path, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    log, longer = tmp_path / "log", [kingdoms] * 4  # so long that one node does not do all
    options = [*QUICK[algorithm], *longer]
    result = train(algorithm, tmp_path / "two", *options, "--json-log", log)
    assert result.exit_code == 0
    assert '"nodes": {"' in log.read_text().splitlines()[0]
    assert "words/s, " in result.stderr
    nodes.join()
    monkeypatch.setattr(local_sgd, "MAX_STORE_FRACTION", 0.0)
    assert train(algorithm, tmp_path / "three", *options).exit_code == 0
    nodes.lose()
    assert_same(tmp_path / "two", tmp_path / "three")
    description = store.load(tmp_path / "two").description
    assert description["cluster"] == {"replicas": 2, "syncs": 12}


def test_the_shards_of_the_tables_may_be_fewer_than_the_lanes(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--replicas", "3", "--syncs", "4", "--epochs", "1"]
    assert train("word2vec", tmp_path / "three", *options).exit_code == 0
    monkeypatch.setattr(local_sgd, "MAX_SHARDS", 2)
    assert train("word2vec", tmp_path / "two", *options).exit_code == 0
    assert_same(tmp_path / "three", tmp_path / "two")


def test_vocabulary_options_and_vectors_to_begin_with_are_as_on_one_machine(
    train: Train, run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    first = tmp_path / "first"
    assert run("train", "glove", kingdoms, "-o", first, "--vector-size", "20",
               "--min-count", "50", "--iterations", "1").exit_code == 0  # fmt: skip
    options = ["--init", first, "--min-count", "200", "--iterations", "2"]
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


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("algorithm", ["word2vec", slow("fasttext"), slow("glove")])
def test_killed_processes_are_begun_anew(
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
def test_a_driver_that_is_killed_or_interrupted_is_gone_on_with(
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


def test_what_a_cluster_cannot_do_is_one_line(train: Train, run: Run, tmp_path: Path) -> None:
    output = tmp_path / "m"
    for options, code, message in [
        (["--engine", "gensim"], 2, "--engine gensim trains on one machine; leave --cluster out"),
        (["--hogwild"], 2, "--hogwild is for the workers of one machine; leave --cluster out"),
    ]:
        result = train("word2vec", output, *options)
        assert (result.exit_code, result.stderr.splitlines()[-1]) == (code, f"Error: {message}")
    assert list(tmp_path.iterdir()) == []


def test_a_text_that_no_node_can_read_is_named(
    run: Run, nodes: Nodes, kingdoms: Path, tmp_path: Path
) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_bytes(b"king queen\n" * 10 + b"\xff\n")
    for text, message in [
        (bad, f"{bad}, byte 110: invalid UTF-8 (0xff)"),
        ("-", "standard input (-) cannot be read by a cluster; name files"),
        (tmp_path / "none", f"{tmp_path / 'none'}: no such file or folder"),
    ]:
        result = run("train", "glove", text, "-o", tmp_path / "m", "--cluster", nodes.address)
        assert result.exit_code == 1
        assert result.stderr.splitlines()[-1].startswith(f"Error: {message}")
        assert not (tmp_path / "m.training").exists()


def test_lists_of_tokens_and_other_encodings_are_read_as_by_one_machine(
    run: Run, nodes: Nodes, tmp_path: Path
) -> None:
    items, text = tmp_path / "items.jsonl", tmp_path / "text.txt"
    items.write_text('{"items": ["SKU 1", "b", "c"]}\n{"items": ["b", "SKU 1"]}\n' * 50)
    text.write_bytes("größe\nund hö-\nhe\n\n".encode("latin-1") * 50)
    for source, options in [
        (items, ["--field", "items"]),
        (text, ["--encoding", "latin-1", "--paragraphs"]),
    ]:
        models = []
        for name, more in (("one", []), ("two", ["--cluster", nodes.address])):
            output = tmp_path / f"{source.stem}-{name}"
            options = [*options, "--vector-size", "5", "--iterations", "2"]
            result = run("train", "glove", source, "-o", output, *options, *more)
            assert result.exit_code == 0, result.output
            models.append(store.load(output).vectors)
        assert list(models[0].words) == list(models[1].words)
        assert np.array_equal(models[0].matrix, models[1].matrix)


def test_a_text_of_one_token_a_line_is_refused_by_a_cluster(
    run: Run, nodes: Nodes, tmp_path: Path
) -> None:
    text = tmp_path / "text.txt"
    text.write_text("king\nqueen\n" * 50)
    for algorithm in QUICK:
        output = tmp_path / "model"
        result = run("train", algorithm, text, "-o", output, "--cluster", nodes.address)
        assert result.exit_code == 1
        message = result.stderr.splitlines()[-1]
        assert message.startswith("Error: no two words stand in one line, so that there is nothing")
        assert list(tmp_path.iterdir()) == [text]


@pytest.mark.slow
def test_a_cluster_with_another_token_is_told_from_none(nodes: Nodes, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("what nobody gave it, but twice the least length")
    done = subprocess.run(
        [sys.executable, "-m", "embedtool", "train", "glove", __file__, "-o", tmp_path / "m",
         "--cluster", nodes.address],
        env={**os.environ, "RAY_AUTH_TOKEN_PATH": str(tmp_path / "token")}, capture_output=True,
    )  # fmt: skip
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode().splitlines() == [
        f"Error: Ray cluster {nodes.address}: it has another token; set RAY_AUTH_MODE and "
        "RAY_AUTH_TOKEN_PATH as there"
    ]


def test_an_address_without_a_cluster_is_named(run: Run, kingdoms: Path, tmp_path: Path) -> None:
    result = run("train", "glove", kingdoms, "-o", tmp_path / "m", "--cluster", "nonsense")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: Ray cluster nonsense: ")
    assert len(result.stderr.splitlines()) == 1
