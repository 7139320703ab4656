"""What a dry run says that a training on a cluster needs of the nodes."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from embedtool.config.training import (
    ClusterConfig,
    FastTextConfig,
    GloveConfig,
    TrainerConfig,
    Word2VecConfig,
)
from embedtool.corpus.corpus import Corpus
from embedtool.distributed import partition_reading, ray_backend
from embedtool.distributed.cluster import Cluster, Node
from embedtool.distributed.local_sgd import MAX_STORE_FRACTION
from embedtool.distributed.partition_reading import encode_text, read_text
from embedtool.distributed.resources import (
    DELTA_ROW_BYTES,
    ClusterResources,
    check_nodes,
    estimate_resources,
)
from embedtool.errors import ResourceError
from embedtool.io.progress import silent
from embedtool.trainers.local_backend import LocalBackend
from embedtool.trainers.resources import BASE_BYTES
from tests.conftest import Run

GiB = 2**30


def nodes(n: int, n_cores: int = 1, store: int = GiB, memory: int = GiB) -> list[Node]:
    return [Node(str(i), f"10.0.0.{i}", n_cores, memory, store) for i in range(n)]


class Here(Cluster):
    """A cluster whose functions run at once, in this process."""

    def submit(self, function: Any, *arguments: Any, n_results: int = 1, n_cores: int = 1) -> Any:
        return function(*arguments)

    def get(self, refs: Any) -> Any:
        return refs

    def node_name(self, node_id: str) -> str:
        return node_id


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    """The nodes of the cluster that a command joins; may be changed."""
    there = nodes(2, 4)

    @contextmanager
    def connect(address: str, warm_up: object) -> Iterator[Cluster]:
        yield Here(there)

    monkeypatch.setattr(ray_backend, "connect", connect)
    monkeypatch.setattr(partition_reading, "current_node_id", lambda: "10.0.0.0")
    return there


CONFIGS = {
    "cbow": Word2VecConfig(workers=1),
    "hs": Word2VecConfig(mode="skipgram", loss="hierarchical-softmax", workers=1),
    "fasttext": FastTextConfig(bucket=20_000, workers=1),
    "glove": GloveConfig(workers=1),
}
each_config = pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)


def replicas(n: int, syncs: int = 16) -> ClusterConfig:
    return ClusterConfig("here", n, syncs)


def needed(
    kingdoms: Path, config: TrainerConfig, n: int, on: list[Node] | None = None, copies: int = 1
) -> ClusterResources:
    """The resources of n replicas, on n nodes unless told which."""
    cluster = Here(on or nodes(n))
    corpus = Corpus([str(kingdoms)] * copies)
    text = encode_text(cluster, read_text(cluster, corpus, silent), config, None, None)
    return estimate_resources(cluster, replicas(n), config, text)


@each_config
def test_tables_are_those_of_one_machine(
    config: TrainerConfig, here: list[Node], kingdoms: Path
) -> None:
    local, _ = LocalBackend(config).estimate(Corpus([str(kingdoms)]), silent)
    assert needed(kingdoms, config, 1).tables == local.tables


@each_config
def test_a_single_node_receives_nothing(
    config: TrainerConfig, here: list[Node], kingdoms: Path
) -> None:
    found = [needed(kingdoms, config, n).received for n in (1, 2, 4)]
    assert found[0] == 0
    assert found[1] > 0
    assert found[2] > found[1] / 2


@each_config
def test_resources_grow_with_the_vectors(
    config: TrainerConfig, here: list[Node], kingdoms: Path
) -> None:
    found = [needed(kingdoms, replace(config, vector_size=size), 2) for size in (50, 100, 300)]
    names = (
        "tables", "object_store", "function_memory", "min_function_memory", "min_object_store",
        "driver_memory", "received",
    )  # fmt: skip
    for less, more in pairwise(found):
        for name in names:
            assert getattr(less, name) < getattr(more, name) or (
                name == "function_memory" and isinstance(config, GloveConfig)
            ), name


@each_config
def test_the_store_grows_with_the_text(
    config: TrainerConfig, here: list[Node], kingdoms: Path
) -> None:
    less, more = (needed(kingdoms, config, 2, copies=copies) for copies in (1, 3))
    assert less.object_store < more.object_store
    assert less.received < more.received
    assert less.tables == more.tables


def test_a_replica_is_given_all_tables_or_the_rows_it_needs(
    here: list[Node], kingdoms: Path
) -> None:
    """Sums that can be followed by hand; one replica's slice has nearly all words."""
    config = Word2VecConfig(workers=1, epochs=1)
    n_words = 2359
    shards = 2 * n_words * config.vector_size * 4
    fits = int(shards / MAX_STORE_FRACTION) + 1
    whole, rows = (needed(kingdoms, config, 8, nodes(8, store=store)) for store in (fits, fits - 9))
    assert whole.tables_replicated
    assert not rows.tables_replicated
    assert whole.driver_memory == BASE_BYTES + whole.tables == BASE_BYTES + 2 * n_words * 112 * 4
    deltas = whole.min_object_store - shards // 2
    n_rows, rest = divmod(deltas, config.vector_size + DELTA_ROW_BYTES)
    assert rest == 0
    assert 0.3 * 2 * n_words < n_rows < 2 * n_words
    assert rows.min_object_store == n_rows * (3 * config.vector_size + DELTA_ROW_BYTES)
    assert whole.min_function_memory == n_rows * (5 * config.vector_size + DELTA_ROW_BYTES)
    assert rows.received < whole.received


def test_what_a_node_cannot_have_is_refused() -> None:
    resources = ClusterResources(0, True, 0, 2**30, 0, 2**29, 0, 0)
    check_nodes(resources, nodes(2, 1, 2**30, 2**29))
    with pytest.raises(ResourceError, match=r"node 10\.0\.0\.0: .* of Ray's store, it has 1 MiB"):
        check_nodes(resources, nodes(2, 1, 2**20, 2**29))
    with pytest.raises(ResourceError, match=r"node 10\.0\.0\.0: .* of memory, it has 1 MiB"):
        check_nodes(resources, nodes(2, 1, 2**30, 2**20))


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext", "glove"])
def test_a_dry_run_on_a_cluster(
    algorithm: str, here: list[Node], run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    options = ["-o", tmp_path / "model", "--cluster", "there", "--dry-run"]
    result = run("train", algorithm, kingdoms, *options)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert lines[0] == "2,359 words, 452,936 of 452,936 tokens (100.0%)"
    assert ("2 replicas, 12 syncs; a node gets all tables" in lines) == (algorithm != "glove")
    assert any(line.split() == ["10.0.0.1", "4", "1,024", "MiB", "1,024", "MiB"] for line in lines)
    named = {line.split("  ")[0] for line in lines}
    assert {"memory per node, about", "object store per node, at most"} <= named
    assert {"network per node, at most", "memory here, about"} <= named
    assert not list(tmp_path.iterdir())


def test_many_nodes_are_one_line(
    here: list[Node], run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    here += nodes(15)
    result = run("train", "glove", kingdoms, "-o", tmp_path / "m", "--cluster", "x", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "17 nodes, at least" in result.stdout
    assert "10.0.0.1" not in result.stdout


def test_a_node_that_is_too_small_is_told(
    here: list[Node], run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    here[1] = replace(here[1], object_store=2**16)
    result = run("train", "word2vec", kingdoms, "-o", tmp_path / "m", "--cluster", "x", "--dry-run")
    assert result.exit_code == 1
    assert "node 10.0.0.1: a function needs" in result.stderr
