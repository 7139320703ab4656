"""Discrete-event simulation of a training on a cluster, function by function.

A function goes to a free core on the node that has most of its arguments, receives what that node
does not have, and takes its seconds, or longer where nodes share the cores of one machine. How long
each takes by itself is the formulas' (`benchmarks.cost_model`).
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count

from benchmarks import cost_constants as constants
from benchmarks.cost_model import Sizes, cost, pair_cost, partitions_of, replica_cost
from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.distributed.cluster import Cluster, Node
from embedtool.distributed.glove import QUEUED_AHEAD
from embedtool.distributed.local_sgd import shard_count, sync_schedule
from embedtool.distributed.resources import BFLOAT16_BYTES
from embedtool.trainers.resources import FLOAT_BYTES, PAIR_BYTES, RUN_ENTRY_BYTES

ObjectName = tuple[object, ...]
"""Identifies an object in the object stores."""


@dataclass(frozen=True)
class Task:
    """A task that the driver submits: seconds of a core, its arguments, the results' bytes."""

    seconds: float
    arguments: Sequence[ObjectName]
    results: Mapping[ObjectName, float]


@dataclass(frozen=True)
class Wait:
    """The driver waits for an object."""

    name: ObjectName


@dataclass(frozen=True)
class Put:
    """The driver puts so many bytes into the first node's store."""

    name: ObjectName
    n_bytes: float


Action = Task | Wait | Put


@dataclass
class NodeState:
    """A node: free cores, cores without a process yet, when its network is free, what it stores."""

    free: int
    unstarted: int
    network_free: float = 0.0
    stored: set[ObjectName] = field(default_factory=set)


class Simulation:
    """A cluster, and the machine that its nodes run on.

    Parameters
    ----------
    nodes
        Of the cluster.
    machine_cores
        Cores that all nodes share, if they are on one machine.
    link
        Bytes per second into a node.
    connect_s, worker_start_s
        Seconds of the driver before its first action, of a core before its first task.
    call_s, object_s
        Seconds of the driver for a task, and for each argument and result.
    pull_s
        Seconds of a core for each argument that comes from another node.
    remote_start_s
        Seconds of waiting for the first of them.
    """

    def __init__(
        self, nodes: Sequence[Node], machine_cores: int | None = None, link: float = constants.LINK,
        connect_s: float = 0.0, worker_start_s: float = 0.0, call_s: float = constants.CALL_S,
        object_s: float = constants.OBJECT_S, pull_s: float = constants.PULL_S,
        remote_start_s: float = constants.REMOTE_START_S,
    ) -> None:  # fmt: skip
        self.nodes = [NodeState(node.n_cores, node.n_cores) for node in nodes]
        n_cores = sum(node.n_cores for node in nodes)
        self.machine_cores = machine_cores or n_cores
        self.link, self.worker_start_s = link, worker_start_s
        self.pull_s, self.remote_start_s = pull_s, remote_start_s
        self.call_s, self.object_s = call_s, object_s
        self.sizes: dict[ObjectName, float] = {}
        self.now = self.received = self.worked = 0.0
        self.driver_free = connect_s
        self.blocked: dict[int, tuple[Task, set[ObjectName]]] = {}
        self.ready: deque[Task] = deque()
        self.transferring: list[tuple[float, int, Task, NodeState]] = []
        self.running: list[tuple[float, int, Task, NodeState]] = []
        self.numbers = count()

    def run(self, actions: Iterable[Action]) -> float:
        """Have the driver go through its actions; return the seconds until all is done."""
        waiting = iter(actions)
        action = next(waiting, None)
        while action or self.blocked or self.ready or self.transferring or self.running:
            self._begin_ready()
            able = action is not None and not (
                isinstance(action, Wait) and action.name not in self.sizes
            )
            speed = min(1.0, self.machine_cores / max(1, len(self.running)))
            times = [
                max(self.now, self.driver_free) if able else None,
                self.transferring[0][0] if self.transferring else None,
                self.now + (self.running[0][0] - self.worked) / speed if self.running else None,
            ]
            then = min(time for time in times if time is not None)
            self.worked += (then - self.now) * speed
            self.now = then
            if able and times[0] == then:
                self._act(action)
                action = next(waiting, None)
            elif times[1] == then:
                _, _, task, node = heappop(self.transferring)
                self._start(task, node)
            else:
                self._finish(*heappop(self.running)[2:])
        return self.now

    def _act(self, action: Action | None) -> None:
        """Take the driver's next action; a task is submitted when all its arguments are passed."""
        if isinstance(action, Put):
            self.sizes[action.name] = action.n_bytes
            self.nodes[0].stored.add(action.name)
        elif isinstance(action, Task):
            self.driver_free = self.now + self.call_s
            self.driver_free += self.object_s * (len(action.arguments) + len(action.results))
            missing = {name for name in action.arguments if name not in self.sizes}
            if missing:
                self.blocked[next(self.numbers)] = action, missing
            else:
                self.ready.append(action)

    def _begin_ready(self) -> None:
        """Give each task that has its arguments a free core, in the order of the driver."""
        while self.ready:
            free = [node for node in self.nodes if node.free]
            if not free:
                return
            task = self.ready.popleft()
            node = max(free, key=lambda node: (self._stored_bytes(task, node), node.free))
            missing = [name for name in task.arguments if name not in node.stored]
            n_bytes = sum(self.sizes[name] for name in missing)
            node.free -= 1
            node.stored.update(missing)
            self.received += n_bytes
            node.network_free = max(self.now, node.network_free) + n_bytes / self.link
            arrives = node.network_free + self.remote_start_s if n_bytes else self.now
            task = replace(task, seconds=task.seconds + self.pull_s * len(missing))
            heappush(self.transferring, (arrives, next(self.numbers), task, node))

    def _stored_bytes(self, task: Task, node: NodeState) -> float:
        return sum(self.sizes[name] for name in task.arguments if name in node.stored)

    def _start(self, task: Task, node: NodeState) -> None:
        seconds = task.seconds + (self.worker_start_s if node.unstarted else 0.0)
        node.unstarted = max(0, node.unstarted - 1)
        heappush(self.running, (self.worked + seconds, next(self.numbers), task, node))

    def _finish(self, task: Task, node: NodeState) -> None:
        node.free += 1
        self.sizes |= task.results
        node.stored.update(task.results)
        for key, (waiting, missing) in list(self.blocked.items()):
            missing.difference_update(task.results)
            if not missing:
                self.ready.append(waiting)
                del self.blocked[key]


def simulated_seconds(
    config: TrainerConfig,
    settings: ClusterConfig,
    sizes: Sizes,
    nodes: Sequence[Node],
    machine_cores: int,
) -> float:
    """Return the seconds of a training from the text to the vectors, task by task."""
    simulation = Simulation(
        nodes, machine_cores, connect_s=constants.CONNECT_S, worker_start_s=constants.WORKER_START_S
    )
    return simulation.run(actions_of(config, settings, sizes, nodes))


def actions_of(
    config: TrainerConfig, settings: ClusterConfig, sizes: Sizes, nodes: Sequence[Node]
) -> Iterator[Action]:
    """Yield what the driver of a training does."""
    n_partitions, n_bytes = partitions_of(sizes.n_bytes)
    for i in range(n_partitions):
        partition = FLOAT_BYTES * sizes.n_tokens / n_partitions
        yield Task(n_bytes / constants.BYTES_READ, [], {("partition", i): partition})
    for i in range(n_partitions):
        yield Wait(("partition", i))
    if isinstance(config, GloveConfig):
        yield from glove_actions(config, sizes, nodes)
    elif isinstance(config, Word2VecConfig):
        replicated = cost(config, settings, sizes, nodes).tables_replicated
        yield from local_sgd_actions(config, settings, sizes, replicated)


def local_sgd_actions(
    config: Word2VecConfig, settings: ClusterConfig, sizes: Sizes, replicated: bool
) -> Iterator[Action]:
    """Yield interval after interval of replicas of one core, each with its merge."""
    n_replicas, (n_partitions, _) = settings.replicas or 1, partitions_of(sizes.n_bytes)
    tables = sizes.n_rows + sizes.n_words
    replicas, shards = range(n_replicas), range(shard_count(n_replicas))
    shard, copy = (
        each * tables * config.vector_size / len(shards) for each in (FLOAT_BYTES, BFLOAT16_BYTES)
    )
    for k in shards:
        yield Put(("shard", 0, k), shard)
        yield Put(("copy", 0, k), copy)
    intervals = sync_schedule(settings.syncs or 1, config.epochs)
    for number, each in enumerate(intervals):
        n_tokens = sizes.n_tokens / n_replicas * (each.end - each.begin)
        replica = replica_cost(config, sizes, n_replicas, n_tokens, n_threads=1)
        for i in replicas:
            first, last = (
                (i + share) / n_replicas * n_partitions for share in (each.begin, each.end)
            )
            partitions = [
                ("partition", partition)
                for partition in range(int(first), min(int(last) + 1, n_partitions))
            ]
            given: list[ObjectName] = [("copy", number, k) for k in shards]
            if not replicated:
                given = [("gathered", number, i, k) for k in shards]
                for k in shards:
                    yield Task(
                        0, [("copy", number, k)], {given[k]: replica.row_bytes / len(shards)}
                    )
            results: dict[ObjectName, float] = {
                ("deltas", number, i, k): replica.delta_bytes / len(shards) for k in shards
            }
            results["moments", number, i] = replica.moment_bytes
            yield Task(replica.computation_s + replica.overhead_s, [*partitions, *given], results)
        for k in shards:
            arguments: list[ObjectName] = [("shard", number, k)]
            arguments += [
                name
                for i in replicas
                for name in (("moments", number, i), ("deltas", number, i, k))
            ]
            yield Task(
                replica.merging_s,
                arguments,
                {("shard", number + 1, k): shard, ("copy", number + 1, k): copy},
            )
        if number:  # the driver is one interval ahead
            for i in replicas:
                yield Wait(("moments", number - 1, i))
    for k in shards:
        yield Wait(("shard", len(intervals), k))


def glove_actions(config: GloveConfig, sizes: Sizes, nodes: Sequence[Node]) -> Iterator[Action]:
    """Yield counting, merging, and then epoch after epoch of tasks of two groups each."""
    cluster = Cluster(nodes)
    pairs, (n_partitions, _) = pair_cost(config, sizes, cluster), partitions_of(sizes.n_bytes)
    n_groups, ranges = pairs.n_groups, range(pairs.n_ranges)
    n_cooccurrences, run = (
        sizes.n_tokens * config.window / n_partitions,
        pairs.n_partition_pairs / n_partitions,
    )
    for i in range(n_partitions):
        runs: dict[ObjectName, float] = {
            ("run", i, k): RUN_ENTRY_BYTES * run / pairs.n_ranges for k in ranges
        }
        yield Task(n_cooccurrences / constants.PAIRS_COUNTED, [("partition", i)], runs)
    for k in ranges:
        arguments = [("run", i, k) for i in range(n_partitions)]
        yield Task(
            pairs.n_partition_pairs / pairs.n_ranges / constants.PAIRS_MERGED,
            arguments,
            {("pairs", k): PAIR_BYTES * pairs.n_stored / pairs.n_ranges},
        )
    for k in ranges:
        yield Wait(("pairs", k))
    side = pairs.tables / 2 / n_groups
    for name in ("words", "contexts"):
        for group in range(n_groups):
            yield Put((name, group, 0), side)
    tasks = 0
    for turn in range(config.epochs * n_groups):
        for row in range(n_groups):
            column = row ^ turn % n_groups
            n = row * n_groups + column
            first = n * pairs.n_ranges // n_groups**2
            last = max(first + 1, -(-(n + 1) * pairs.n_ranges // n_groups**2))
            stored = [("pairs", k) for k in range(first, last)]
            yield Task(
                pairs.computation_s + pairs.overhead_s,
                [("words", row, turn), ("contexts", column, turn), *stored],
                {("words", row, turn + 1): side, ("contexts", column, turn + 1): side,
                 ("update", tasks): 0.0},
            )  # fmt: skip
            tasks += 1
            if tasks > QUEUED_AHEAD * n_groups:
                yield Wait(("update", tasks - 1 - QUEUED_AHEAD * n_groups))
    yield Wait(("update", tasks - 1))
