"""Formulas of what a training on a cluster costs."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks import cost_constants as constants
from benchmarks.cost_model import Cost, Sizes, cost, partitions_of, replica_cost, sizes_of
from benchmarks.tests.small_clusters import CONFIGS, WIKI, each_config, nodes, replicas, sizes
from embedtool.config.training import GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.distributed.local_sgd import MAX_STORE_FRACTION
from embedtool.io.progress import silent
from embedtool.trainers.local_backend import LocalBackend

KINGDOMS = Path(__file__).parents[2] / "corpora" / "kingdoms.txt"


@each_config
def test_tables_are_those_of_one_machine(config: TrainerConfig) -> None:
    needed, vocabulary = LocalBackend(config).estimate(Corpus([str(KINGDOMS)]), silent)
    n_tokens = int(vocabulary.counts.sum())
    found = sizes_of(config, vocabulary, n_tokens, KINGDOMS.stat().st_size)
    assert cost(config, replicas(1), found, nodes(1)).tables == needed.tables
    assert (found.n_words, found.n_tokens) == (vocabulary.n_words, n_tokens)
    assert 0 < found.keep_fraction <= 1
    assert (found.rows_per_token > 1) == (found.n_rows > found.n_words)


@each_config
def test_cost_grows_with_the_text(config: TrainerConfig) -> None:
    found = [
        cost(config, replicas(2), sizes(config, replace(WIKI, n_tokens=n, n_bytes=6 * n)), nodes(2))
        for n in (10**6, 10**7, 10**8, 10**9)
    ]
    for less, more in pairwise(found):
        assert less.reading_s < more.reading_s
        assert less.counting_s < more.counting_s or not isinstance(config, GloveConfig)
        assert less.computation_s < more.computation_s
        assert less.training_s < more.training_s
        assert less.object_store < more.object_store
        assert less.received < more.received
        assert less.tables == more.tables


@each_config
def test_cost_grows_with_the_vectors(config: TrainerConfig) -> None:
    found = [
        cost(replace(config, vector_size=size), replicas(2), sizes(config), nodes(2))
        for size in (50, 100, 300)
    ]
    for less, more in pairwise(found):
        for name in (
            "tables",
            "object_store",
            "function_memory",
            "min_function_memory",
            "driver_memory",
            "received",
            "computation_s",
        ):
            assert getattr(less, name) < getattr(more, name), name


@each_config
def test_nodes_share_the_work(config: TrainerConfig) -> None:
    found = [cost(config, replicas(n), sizes(config), nodes(n)) for n in (1, 2, 4)]
    assert found[0].received == 0
    for fewer, more in pairwise(found):
        assert more.computation_s == pytest.approx(fewer.computation_s / 2)
        assert more.reading_s < fewer.reading_s
        assert more.communication_s > fewer.communication_s / 2
        assert more.received > fewer.received / 2


def test_a_faster_network_takes_less() -> None:
    slow, fast = (cost(CONFIGS[0], replicas(4), WIKI, nodes(4), link) for link in (1e8, 1e9))
    assert slow.received == fast.received
    assert slow.communication_s > fast.communication_s
    assert slow.computation_s == fast.computation_s


def test_a_text_on_one_node() -> None:
    """Sums that can be followed by hand."""
    small = Sizes(
        n_bytes=3_000_000, n_tokens=500_000, n_words=9_000, n_rows=9_000, keep_fraction=0.5
    )
    config = Word2VecConfig(epochs=2)
    found = cost(config, replicas(1, syncs=10), small, nodes(1))
    speed = constants.TRAINED["cbow", "negative-sampling"]
    assert (
        found.reading_s
        == constants.CONNECT_S + constants.WORKER_START_S + 3_000_000 / constants.BYTES_READ
    )
    assert found.computation_s == pytest.approx(500_000 * 2 * 0.5 / speed.rate)
    assert found.tables == 2 * 9_000 * 112 * 4
    assert (found.counting_s, found.received, found.tables_replicated) == (0, 0, True)
    replica = replica_cost(config, small, 1, 100_000, 1)
    assert found.min_function_memory == int(
        2 * replica.row_bytes + replica.delta_bytes
    )  # rows are float32 in training
    gathering = 1 + (2 * 4 + 2) * (2 * 9_000 * 100) / constants.LINK / 60
    assert found.training_s == pytest.approx(
        10 * (replica.computation_s + replica.overhead_s + replica.merging_s) * gathering
    )
    assert found.total_s == found.reading_s + found.training_s


def test_more_replicas_than_cores_take_turns() -> None:
    two, four = (cost(CONFIGS[0], replicas(n), WIKI, nodes(2)) for n in (2, 4))
    assert four.computation_s == pytest.approx(two.computation_s)
    assert four.communication_s > two.communication_s


def test_cores_of_a_replica_train_together() -> None:
    one, four = (cost(CONFIGS[0], replicas(2), WIKI, nodes(2, n_cores)) for n_cores in (1, 4))
    assert four.computation_s == pytest.approx(one.computation_s / 4**constants.THREAD_EXPONENT)


@pytest.mark.parametrize("config", CONFIGS[:3], ids=["cbow", "hs", "fasttext"])
def test_tables_too_large_for_a_node_are_not_replicated(config: Word2VecConfig) -> None:
    text = sizes(config)
    shards = (text.n_rows + text.n_words) * config.vector_size * 4
    fits = int(shards / MAX_STORE_FRACTION) + 1
    whole, rows = (
        cost(config, replicas(8), text, nodes(8, 1, store)) for store in (fits, fits - 9)
    )
    assert whole.tables_replicated
    assert not rows.tables_replicated
    assert rows.min_object_store < whole.min_object_store
    assert rows.received < whole.received


def test_a_law_ends_at_all_there_are() -> None:
    law = constants.HeapsLaw(10.0, 0.5)
    assert law.distinct(10_000, 10**12) == pytest.approx(1_000, rel=1e-6)
    assert law.distinct(10_000, 1_000) == pytest.approx(632, abs=1)
    assert law.distinct(10**12, 1_000) == 1_000
    assert law.distinct(0, 1_000) == 0


def test_partitions_are_neither_large_nor_small() -> None:
    assert partitions_of(0) == (1, 0)
    assert partitions_of(2**22) == (1, 2**22)
    assert partitions_of(2**22 * 64) == (64, 2**22)
    assert partitions_of(2**26 * 1000) == (1000, 2**26)


def test_costs_add_up() -> None:
    found = Cost(0, True, 0, 0, 0, 0, 0, 0, 1.0, 2.0, 4.0, 8.0)
    assert (found.training_s, found.total_s) == (12.0, 15.0)
