"""The simulation of a cluster, by hand and beside the formulas."""

from collections.abc import Sequence

import pytest

from benchmarks import cost_constants as constants
from benchmarks.cost_model import cost, partitions_of, replica_cost
from benchmarks.simulation import (
    Action,
    Put,
    Simulation,
    Task,
    Wait,
    actions_of,
    local_sgd_actions,
)
from benchmarks.tests.small_clusters import CONFIGS, each_config, nodes, replicas, sizes
from embedtool.config.training import TrainerConfig, Word2VecConfig
from embedtool.distributed import local_sgd
from embedtool.distributed.local_sgd import sync_schedule


def simulated(
    n_nodes: int, actions: Sequence[Action], machine_cores: int | None = None
) -> Simulation:
    """Return a simulation that has run, on a link of 50 bytes a second with a driver of no cost."""
    simulation = Simulation(
        nodes(n_nodes), machine_cores, link=50, call_s=0, object_s=0, pull_s=0, remote_start_s=0
    )
    simulation.run(actions)
    return simulation


def test_one_node_takes_the_sum() -> None:
    actions = [Task(i, [], {("result", i): 100}) for i in range(5)]
    last = Task(1, [("result", i) for i in range(5)], {})
    assert simulated(1, [*actions, last]).now == 11


def test_two_nodes_take_half_where_nothing_waits() -> None:
    actions = [Task(1, [], {("result", i): 100}) for i in range(6)]
    assert simulated(2, actions).now == 3


def test_what_another_node_has_must_come() -> None:
    actions: list[Action] = [Put(("table",), 100)]
    actions += [Task(1, [("table",)], {("result", i): 0}) for i in range(2)]
    simulation = simulated(2, actions)
    assert (simulation.now, simulation.received) == (3, 100)


def test_a_node_keeps_what_came() -> None:
    actions: list[Action] = [Put(("table",), 100)]
    actions += [Task(5, [("table",)], {("result", i): 0}) for i in range(4)]
    simulation = simulated(2, actions)
    assert (simulation.now, simulation.received) == (12, 100)


def test_a_function_goes_where_its_arguments_are() -> None:
    actions: list[Action] = [Task(1, [], {("result", i): 100}) for i in range(2)]
    actions += [Wait(("result", i)) for i in range(2)]
    actions += [Task(1, [("result", i)], {("next", i): 100}) for i in (1, 0)]
    simulation = simulated(2, actions)
    assert (simulation.now, simulation.received) == (2, 0)


def test_nodes_share_the_cores_of_their_machine() -> None:
    actions = [Task(1, [], {("result", i): 0}) for i in range(4)]
    assert simulated(4, actions).now == 1
    assert simulated(4, actions, machine_cores=2).now == 2
    uneven = [Task(seconds, [], {("result", seconds): 0}) for seconds in (1, 3)]
    assert simulated(2, uneven, machine_cores=1).now == 4


def test_the_driver_takes_its_time() -> None:
    simulation = Simulation(nodes(1), call_s=1, object_s=0.5)
    assert simulation.run([Task(0, [], {("result", i): 0}) for i in range(4)]) == 4.5


@pytest.mark.parametrize("config", CONFIGS[:3], ids=["cbow", "hs", "fasttext"])
def test_replicas_on_one_node_take_the_sum_of_their_parts(config: Word2VecConfig) -> None:
    text = sizes(config)
    simulation = Simulation(nodes(1), call_s=0, object_s=0)
    partitions = [Put(("partition", i), 0) for i in range(partitions_of(text.n_bytes)[0])]
    seconds = simulation.run(
        [*partitions, *local_sgd_actions(config, replicas(1, 12), text, replicated=True)]
    )
    slices = [
        replica_cost(config, text, 1, text.n_tokens * (each.end - each.begin), 1)
        for each in sync_schedule(12, config.epochs)
    ]
    assert seconds == pytest.approx(
        sum(p.computation_s + p.overhead_s + p.merging_s for p in slices)
    )
    assert simulation.received == 0


@each_config
@pytest.mark.parametrize(
    ("n", "max_shards"),
    [(1, 64), (2, 64), (4, 64), pytest.param(4, 2, marks=pytest.mark.slow)],
)
def test_formulas_and_simulation_agree(
    config: TrainerConfig, n: int, max_shards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_sgd, "MAX_SHARDS", max_shards)
    text = sizes(config)
    simulation = Simulation(
        nodes(n), connect_s=constants.CONNECT_S, worker_start_s=constants.WORKER_START_S
    )
    followed = simulation.run(actions_of(config, replicas(n), text, nodes(n)))
    assert cost(config, replicas(n), text, nodes(n)).total_s == pytest.approx(followed, rel=0.15)
