"""What a training on a cluster is said to cost, and the simulation that follows it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from benchmarks.simulation import Function, Put, Simulation, Step, Wait, lane_steps, steps_of
from embedtool.config.training import (
    ClusterConfig,
    FastTextConfig,
    GloveConfig,
    TrainerConfig,
    Word2VecConfig,
)
from embedtool.corpus.corpus import Corpus
from embedtool.distributed import cluster as clusters
from embedtool.distributed import local_sgd, partition_reading
from embedtool.distributed import measured as of
from embedtool.distributed.cluster import Cluster, Node
from embedtool.distributed.cost import Cost, Sizes, check, cost, lane_of, parts_of, sizes_of
from embedtool.distributed.local_sgd import MAX_STORE_FRACTION, sync_schedule
from embedtool.errors import ResourceError
from embedtool.trainers.training import estimate_for
from tests.conftest import Run

GiB = 2**30
WIKI = Sizes(n_bytes=10**8, n_tokens=16 * 10**6, n_words=90_000, n_rows=90_000, kept=0.6)
CONFIGS = [
    Word2VecConfig(),
    Word2VecConfig(mode="skipgram", loss="hierarchical-softmax"),
    FastTextConfig(),
    GloveConfig(),
]
each_config = pytest.mark.parametrize("config", CONFIGS, ids=["cbow", "hs", "fasttext", "glove"])


def nodes(n: int, n_cores: int = 1, store: int = GiB, memory: int = GiB) -> list[Node]:
    return [Node(str(i), f"10.0.0.{i}", n_cores, memory, store) for i in range(n)]


def lanes(n: int, rounds: int = 16) -> ClusterConfig:
    return ClusterConfig("here", n, rounds)


def sizes(config: TrainerConfig, of_all: Sizes = WIKI) -> Sizes:
    n_ngrams = 400_000 if isinstance(config, FastTextConfig) else 0
    return replace(of_all, n_rows=of_all.n_words + n_ngrams)


@each_config
def test_tables_are_those_of_one_machine(config: TrainerConfig, kingdoms: Path) -> None:
    needs, vocabulary = estimate_for(Corpus([str(kingdoms)]), config)
    n_tokens = int(vocabulary.counts.sum())
    found = sizes_of(config, vocabulary, n_tokens, kingdoms.stat().st_size)
    assert cost(config, lanes(1), found, nodes(1)).tables == needs.tables
    assert (found.n_words, found.n_tokens) == (vocabulary.n_words, n_tokens)
    assert 0 < found.kept <= 1
    assert (found.rows_a_token > 1) == (found.n_rows > found.n_words)


@each_config
def test_cost_grows_with_the_text(config: TrainerConfig) -> None:
    found = [
        cost(config, lanes(2), sizes(config, replace(WIKI, n_tokens=n, n_bytes=6 * n)), nodes(2))
        for n in (10**6, 10**7, 10**8, 10**9)
    ]
    for less, more in pairwise(found):
        assert less.reading < more.reading
        assert less.counting < more.counting or not isinstance(config, GloveConfig)
        assert less.learning < more.learning
        assert less.training < more.training
        assert less.store < more.store
        assert less.network < more.network
        assert less.tables == more.tables


@each_config
def test_cost_grows_with_the_vectors(config: TrainerConfig) -> None:
    found = [
        cost(replace(config, vector_size=size), lanes(2), sizes(config), nodes(2))
        for size in (50, 100, 300)
    ]
    for less, more in pairwise(found):
        for name in ("tables", "store", "memory", "held", "driver", "network", "learning"):
            assert getattr(less, name) < getattr(more, name), name


@each_config
def test_nodes_share_the_work(config: TrainerConfig) -> None:
    found = [cost(config, lanes(n), sizes(config), nodes(n)) for n in (1, 2, 4)]
    assert found[0].network == 0
    for fewer, more in pairwise(found):
        assert more.learning == pytest.approx(fewer.learning / 2)
        assert more.reading < fewer.reading
        assert more.exchange > fewer.exchange / 2
        assert more.network > fewer.network / 2


def test_a_faster_network_takes_less() -> None:
    slow, fast = (cost(CONFIGS[0], lanes(4), WIKI, nodes(4), link) for link in (1e8, 1e9))
    assert slow.network == fast.network
    assert slow.exchange > fast.exchange
    assert slow.learning == fast.learning


def test_a_text_on_one_node() -> None:
    """Sums that can be followed by hand."""
    small = Sizes(n_bytes=3_000_000, n_tokens=500_000, n_words=9_000, n_rows=9_000, kept=0.5)
    config = Word2VecConfig(epochs=2)
    found = cost(config, lanes(1, rounds=10), small, nodes(1))
    speed = of.SPEEDS["cbow", "negative-sampling"]
    assert found.reading == of.BEGIN + of.START + 3_000_000 / of.READ
    assert found.learning == pytest.approx(500_000 * 2 * 0.5 / speed.rate)
    assert found.tables == 2 * 9_000 * 112 * 4
    assert (found.counting, found.network, found.whole) == (0, 0, True)
    lane = lane_of(config, small, 1, 100_000, 1)
    assert found.held == int(2 * lane.rows + lane.steps)  # rows are float32 while they are learnt
    gathering = 1 + (2 * 4 + 2) * (2 * 9_000 * 100) / of.LINK / 60
    assert found.training == pytest.approx(
        10 * (lane.learning + lane.around + lane.joining) * gathering
    )
    assert found.seconds == found.reading + found.training


def test_more_lanes_than_cores_take_turns() -> None:
    two, four = (cost(CONFIGS[0], lanes(n), WIKI, nodes(2)) for n in (2, 4))
    assert four.learning == pytest.approx(two.learning)
    assert four.exchange > two.exchange


def test_cores_of_a_lane_train_together() -> None:
    one, four = (cost(CONFIGS[0], lanes(2), WIKI, nodes(2, n_cores)) for n_cores in (1, 4))
    assert four.learning == pytest.approx(one.learning / 4**of.THREADS)


@pytest.mark.parametrize("config", CONFIGS[:3], ids=["cbow", "hs", "fasttext"])
def test_tables_too_large_for_a_node_are_not_given_whole(config: TrainerConfig) -> None:
    text = sizes(config)
    assert isinstance(config, Word2VecConfig)
    shards = (text.n_rows + text.n_words) * config.vector_size * 4
    fits = int(shards / MAX_STORE_FRACTION) + 1
    whole, rows = (cost(config, lanes(8), text, nodes(8, 1, store)) for store in (fits, fits - 9))
    assert whole.whole
    assert not rows.whole
    assert rows.at_once < whole.at_once
    assert rows.network < whole.network


def test_what_a_node_cannot_have_is_refused() -> None:
    config = Word2VecConfig(vector_size=10_000)
    needed = cost(config, lanes(2), WIKI, nodes(2))
    check(needed, nodes(2, 1, needed.at_once, needed.held))
    with pytest.raises(ResourceError, match=r"node 10\.0\.0\.0: .* of Ray's store, it has 1 MiB"):
        check(needed, nodes(2, 1, 2**20, needed.held))
    with pytest.raises(ResourceError, match=r"node 10\.0\.0\.0: .* of memory, it has 1 MiB"):
        check(needed, nodes(2, 1, needed.at_once, 2**20))


def test_a_law_ends_at_all_there_are() -> None:
    law = of.Law(10.0, 0.5)
    assert law.met(10_000, 10**12) == pytest.approx(1_000, rel=1e-6)
    assert law.met(10_000, 1_000) == pytest.approx(632, abs=1)
    assert law.met(10**12, 1_000) == 1_000
    assert law.met(0, 1_000) == 0


def test_parts_are_neither_large_nor_small() -> None:
    assert parts_of(0) == (1, 0)
    assert parts_of(2**22) == (1, 2**22)
    assert parts_of(2**22 * 64) == (64, 2**22)
    assert parts_of(2**26 * 1000) == (1000, 2**26)


def simulated(n_nodes: int, steps: Sequence[Step], machine_cores: int | None = None) -> Simulation:
    """A simulation that has run, on a link of 50 bytes a second and with a driver that is quick."""
    simulation = Simulation(
        nodes(n_nodes), machine_cores, link=50, call=0, handing=0, pull=0, elsewhere=0
    )
    simulation.run(steps)
    return simulation


def test_one_node_takes_the_sum() -> None:
    steps = [Function(i, [], {("result", i): 100}) for i in range(5)]
    last = Function(1, [("result", i) for i in range(5)], {})
    assert simulated(1, [*steps, last]).now == 11


def test_two_nodes_take_half_where_nothing_waits() -> None:
    steps = [Function(1, [], {("result", i): 100}) for i in range(6)]
    assert simulated(2, steps).now == 3


def test_what_another_node_has_must_come() -> None:
    steps: list[Step] = [Put(("table",), 100)]
    steps += [Function(1, [("table",)], {("result", i): 0}) for i in range(2)]
    simulation = simulated(2, steps)
    assert (simulation.now, simulation.received) == (3, 100)


def test_a_node_keeps_what_came() -> None:
    steps: list[Step] = [Put(("table",), 100)]
    steps += [Function(5, [("table",)], {("result", i): 0}) for i in range(4)]
    simulation = simulated(2, steps)
    assert (simulation.now, simulation.received) == (12, 100)


def test_a_function_goes_where_its_arguments_are() -> None:
    steps: list[Step] = [Function(1, [], {("result", i): 100}) for i in range(2)]
    steps += [Wait(("result", i)) for i in range(2)]
    steps += [Function(1, [("result", i)], {("next", i): 100}) for i in (1, 0)]
    simulation = simulated(2, steps)
    assert (simulation.now, simulation.received) == (2, 0)


def test_nodes_share_the_cores_of_their_machine() -> None:
    steps = [Function(1, [], {("result", i): 0}) for i in range(4)]
    assert simulated(4, steps).now == 1
    assert simulated(4, steps, machine_cores=2).now == 2
    uneven = [Function(seconds, [], {("result", seconds): 0}) for seconds in (1, 3)]
    assert simulated(2, uneven, machine_cores=1).now == 4


def test_the_driver_takes_its_time() -> None:
    simulation = Simulation(nodes(1), call=1, handing=0.5)
    assert simulation.run([Function(0, [], {("result", i): 0}) for i in range(4)]) == 4.5


@pytest.mark.parametrize("config", CONFIGS[:3], ids=["cbow", "hs", "fasttext"])
def test_lanes_on_one_node_take_the_sum_of_their_parts(config: Word2VecConfig) -> None:
    text = sizes(config)
    simulation = Simulation(nodes(1), call=0, handing=0)
    parts = [Put(("part", i), 0) for i in range(parts_of(text.n_bytes)[0])]
    seconds = simulation.run([*parts, *lane_steps(config, lanes(1, 12), text, whole=True)])
    pieces = [
        lane_of(config, text, 1, text.n_tokens * (each.end - each.begin), 1)
        for each in sync_schedule(12, config.epochs)
    ]
    assert seconds == pytest.approx(sum(p.learning + p.around + p.joining for p in pieces))
    assert simulation.received == 0


@each_config
@pytest.mark.parametrize(("n", "most_shards"), [(1, 64), (2, 64), (4, 64), (4, 2)])
def test_formulas_and_simulation_agree(
    config: TrainerConfig, n: int, most_shards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_sgd, "MAX_SHARDS", most_shards)
    text = sizes(config)
    simulation = Simulation(nodes(n), begin=of.BEGIN, start=of.START)
    followed = simulation.run(steps_of(config, lanes(n), text, nodes(n)))
    assert cost(config, lanes(n), text, nodes(n)).seconds == pytest.approx(followed, rel=0.15)


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

    monkeypatch.setattr(clusters, "connect", connect)
    monkeypatch.setattr(partition_reading, "current_node_id", lambda: "10.0.0.0")
    return there


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
    named = [line.split("  ")[0] for line in lines]
    assert ("counting pairs" in named) == (algorithm == "glove")
    assert {"reading, as it was", "training", "network of a node, in all"} <= set(named)
    assert not list(tmp_path.iterdir())


def test_many_nodes_are_one_line(
    here: list[Node], run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    here += nodes(15)
    result = run("train", "glove", kingdoms, "-o", tmp_path / "m", "--cluster", "x", "--dry-run")
    assert result.exit_code == 0, result.output
    assert "17 nodes, least" in result.stdout
    assert "10.0.0.1" not in result.stdout


def test_a_node_that_is_too_small_is_told(
    here: list[Node], run: Run, kingdoms: Path, tmp_path: Path
) -> None:
    here[1] = replace(here[1], object_store=2**16)
    result = run("train", "word2vec", kingdoms, "-o", tmp_path / "m", "--cluster", "x", "--dry-run")
    assert result.exit_code == 1
    assert "node 10.0.0.1: a function needs" in result.stderr


def test_costs_add_up() -> None:
    found = Cost(0, True, 0, 0, 0, 0, 0, 0, 1.0, 2.0, 4.0, 8.0)
    assert (found.training, found.seconds) == (12.0, 15.0)
