"""A cluster at work, function by function: what waits for what, for a core, and for the network.

In: what a driver does, the nodes, and the cores of the machine that they stand on. Out: seconds.

A function goes to a free core on the node that has most of its arguments, gets what that node does
not have, and takes its seconds, or longer where nodes share the cores of one machine. How long each
takes by itself, `embedtool.distributed.cost` tells.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush
from itertools import count

from embedtool.config.training import ClusterConfig, GloveConfig, TrainerConfig, Word2VecConfig
from embedtool.distributed import measured as of
from embedtool.distributed.cluster import Cluster, Node
from embedtool.distributed.cost import COPY, Sizes, cost, lane_of, pairs_of, parts_of
from embedtool.distributed.glove import QUEUED_AHEAD
from embedtool.distributed.local_sgd import shard_count, sync_schedule
from embedtool.trainers.resources import FLOAT_BYTES, PAIR_BYTES, RUN_ENTRY_BYTES

Name = tuple[object, ...]
"""Of a result."""


@dataclass(frozen=True)
class Function:
    """What the driver has done somewhere: seconds of a core, what it needs, what it leaves."""

    seconds: float
    needs: Sequence[Name]
    leaves: Mapping[Name, float]


@dataclass(frozen=True)
class Wait:
    """The driver goes on when this is there."""

    name: Name


@dataclass(frozen=True)
class Put:
    """The driver lays down so many bytes, on the first node."""

    name: Name
    n_bytes: float


Step = Function | Wait | Put


@dataclass
class Place:
    """A node: its free cores, how many have begun at all, when its network is free, what it has."""

    free: int
    unused: int
    network_free: float = 0.0
    has: set[Name] = field(default_factory=set)


class Simulation:
    """A cluster and the machine below.

    machine_cores : what all nodes have together, where they stand on one machine
    link          : bytes a second into a node
    begin, start  : seconds of the driver before its first step, of a core before its first function
    call, handing : seconds of the driver for a function, and for each argument and result
    pull          : seconds of a core for each argument that comes from another node
    elsewhere     : seconds of waiting for the first of them
    """

    def __init__(
        self, nodes: Sequence[Node], machine_cores: int | None = None, link: float = of.LINK,
        begin: float = 0.0, start: float = 0.0, call: float = of.CALL, handing: float = of.OBJECT,
        pull: float = of.PULL, elsewhere: float = of.ELSEWHERE,
    ) -> None:  # fmt: skip
        self.places = [Place(node.n_cores, node.n_cores) for node in nodes]
        n_cores = sum(node.n_cores for node in nodes)
        self.machine_cores = machine_cores or n_cores
        self.link, self.start, self.pull, self.elsewhere = link, start, pull, elsewhere
        self.call, self.handing = call, handing
        self.sizes: dict[Name, float] = {}
        self.now = self.received = self.worked = 0.0
        self.driver_free = begin
        self.lacking: dict[int, tuple[Function, set[Name]]] = {}
        self.ready: deque[Function] = deque()
        self.coming: list[tuple[float, int, Function, Place]] = []
        self.running: list[tuple[float, int, Function, Place]] = []
        self.numbers = count()

    def run(self, steps: Iterable[Step]) -> float:
        """Have the driver go through its steps; returns the seconds until all is done."""
        waiting = iter(steps)
        step = next(waiting, None)
        while step or self.lacking or self.ready or self.coming or self.running:
            self._begin_ready()
            able = step is not None and not (isinstance(step, Wait) and step.name not in self.sizes)
            speed = min(1.0, self.machine_cores / max(1, len(self.running)))
            times = [
                max(self.now, self.driver_free) if able else None,
                self.coming[0][0] if self.coming else None,
                self.now + (self.running[0][0] - self.worked) / speed if self.running else None,
            ]
            then = min(time for time in times if time is not None)
            self.worked += (then - self.now) * speed
            self.now = then
            if able and times[0] == then:
                self._take(step)
                step = next(waiting, None)
            elif times[1] == then:
                _, _, function, place = heappop(self.coming)
                self._start(function, place)
            else:
                self._finish(*heappop(self.running)[2:])
        return self.now

    def _take(self, step: Step | None) -> None:
        """The driver's next step; a function is there when the driver has handed all over."""
        if isinstance(step, Put):
            self.sizes[step.name] = step.n_bytes
            self.places[0].has.add(step.name)
        elif isinstance(step, Function):
            self.driver_free = self.now + self.call
            self.driver_free += self.handing * (len(step.needs) + len(step.leaves))
            lacks = {name for name in step.needs if name not in self.sizes}
            if lacks:
                self.lacking[next(self.numbers)] = step, lacks
            else:
                self.ready.append(step)

    def _begin_ready(self) -> None:
        """Give each function that has its arguments a free core, in the order of the driver."""
        while self.ready:
            free = [place for place in self.places if place.free]
            if not free:
                return
            function = self.ready.popleft()
            place = max(free, key=lambda place: (self._there(function, place), place.free))
            lacks = [name for name in function.needs if name not in place.has]
            n_bytes = sum(self.sizes[name] for name in lacks)
            place.free -= 1
            place.has.update(lacks)
            self.received += n_bytes
            place.network_free = max(self.now, place.network_free) + n_bytes / self.link
            arrives = place.network_free + self.elsewhere if n_bytes else self.now
            function = replace(function, seconds=function.seconds + self.pull * len(lacks))
            heappush(self.coming, (arrives, next(self.numbers), function, place))

    def _there(self, function: Function, place: Place) -> float:
        return sum(self.sizes[name] for name in function.needs if name in place.has)

    def _start(self, function: Function, place: Place) -> None:
        seconds = function.seconds + (self.start if place.unused else 0.0)
        place.unused = max(0, place.unused - 1)
        heappush(self.running, (self.worked + seconds, next(self.numbers), function, place))

    def _finish(self, function: Function, place: Place) -> None:
        place.free += 1
        self.sizes |= function.leaves
        place.has.update(function.leaves)
        for key, (waiting, lacks) in list(self.lacking.items()):
            lacks.difference_update(function.leaves)
            if not lacks:
                self.ready.append(waiting)
                del self.lacking[key]


def seconds_of(
    config: TrainerConfig,
    settings: ClusterConfig,
    sizes: Sizes,
    nodes: Sequence[Node],
    machine_cores: int,
) -> float:
    """The seconds of a training from the text to the vectors, followed function by function."""
    simulation = Simulation(nodes, machine_cores, begin=of.BEGIN, start=of.START)
    return simulation.run(steps_of(config, settings, sizes, nodes))


def steps_of(
    config: TrainerConfig, settings: ClusterConfig, sizes: Sizes, nodes: Sequence[Node]
) -> Iterator[Step]:
    """What the driver of a training does."""
    n_parts, n_bytes = parts_of(sizes.n_bytes)
    for i in range(n_parts):
        part = FLOAT_BYTES * sizes.n_tokens / n_parts
        yield Function(n_bytes / of.READ, [], {("part", i): part})
    for i in range(n_parts):
        yield Wait(("part", i))
    if isinstance(config, GloveConfig):
        yield from glove_steps(config, sizes, nodes)
    elif isinstance(config, Word2VecConfig):
        whole = cost(config, settings, sizes, nodes).whole
        yield from lane_steps(config, settings, sizes, whole)


def lane_steps(
    config: Word2VecConfig, settings: ClusterConfig, sizes: Sizes, whole: bool
) -> Iterator[Step]:
    """Round after round of lanes of one core, each round joined."""
    n_lanes, (n_parts, _) = settings.replicas or 1, parts_of(sizes.n_bytes)
    tables = sizes.n_rows + sizes.n_words
    lanes, shards = range(n_lanes), range(shard_count(n_lanes))
    shard, copy = (each * tables * config.vector_size / len(shards) for each in (FLOAT_BYTES, COPY))
    for k in shards:
        yield Put(("shard", 0, k), shard)
        yield Put(("copy", 0, k), copy)
    rounds = sync_schedule(settings.syncs or 1, config.epochs)
    for number, each in enumerate(rounds):
        n_tokens = sizes.n_tokens / n_lanes * (each.end - each.begin)
        lane = lane_of(config, sizes, n_lanes, n_tokens, n_threads=1)
        for i in lanes:
            first, last = ((i + share) / n_lanes * n_parts for share in (each.begin, each.end))
            parts = [("part", part) for part in range(int(first), min(int(last) + 1, n_parts))]
            given = [("copy", number, k) for k in shards]
            if not whole:
                given = [("taken", number, i, k) for k in shards]
                for k in shards:
                    yield Function(0, [("copy", number, k)], {given[k]: lane.rows / len(shards)})
            leaves = {("steps", number, i, k): lane.steps / len(shards) for k in shards}
            leaves["moments", number, i] = lane.moments
            yield Function(lane.learning + lane.around, [*parts, *given], leaves)
        for k in shards:
            needs = [("shard", number, k)]
            needs += [
                name for i in lanes for name in (("moments", number, i), ("steps", number, i, k))
            ]
            joined = {("shard", number + 1, k): shard, ("copy", number + 1, k): copy}
            yield Function(lane.joining, needs, joined)
        if number:  # the driver is one round ahead
            for i in lanes:
                yield Wait(("moments", number - 1, i))
    for k in shards:
        yield Wait(("shard", len(rounds), k))


def glove_steps(config: GloveConfig, sizes: Sizes, nodes: Sequence[Node]) -> Iterator[Step]:
    """Counting, merging, and then epoch after epoch of visits of two groups each."""
    cluster = Cluster(nodes)
    pairs, (n_parts, _) = pairs_of(config, sizes, cluster), parts_of(sizes.n_bytes)
    n_groups, ranges = pairs.n_groups, range(pairs.n_ranges)
    n_meetings, run = sizes.n_tokens * config.window / n_parts, pairs.n_sums / n_parts
    for i in range(n_parts):
        leaves = {("run", i, k): RUN_ENTRY_BYTES * run / pairs.n_ranges for k in ranges}
        yield Function(n_meetings / of.COUNTED, [("part", i)], leaves)
    for k in ranges:
        needs = [("run", i, k) for i in range(n_parts)]
        leaves = {("pairs", k): PAIR_BYTES * pairs.n_stored / pairs.n_ranges}
        yield Function(pairs.n_sums / pairs.n_ranges / of.MERGED, needs, leaves)
    for k in ranges:
        yield Wait(("pairs", k))
    side = pairs.tables / 2 / n_groups
    for name in ("words", "contexts"):
        for group in range(n_groups):
            yield Put((name, group, 0), side)
    visits = 0
    for turn in range(config.iterations * n_groups):
        for row in range(n_groups):
            column = row ^ turn % n_groups
            n = row * n_groups + column
            first = n * pairs.n_ranges // n_groups**2
            last = max(first + 1, -(-(n + 1) * pairs.n_ranges // n_groups**2))
            stored = [("pairs", k) for k in range(first, last)]
            yield Function(
                pairs.learning + pairs.around,
                [("words", row, turn), ("contexts", column, turn), *stored],
                {("words", row, turn + 1): side, ("contexts", column, turn + 1): side,
                 ("visit", visits): 0.0},
            )  # fmt: skip
            visits += 1
            if visits > QUEUED_AHEAD * n_groups:
                yield Wait(("visit", visits - 1 - QUEUED_AHEAD * n_groups))
    yield Wait(("visit", visits - 1))
