"""A Ray cluster: joined, asked what it has, and given functions to run.

In: an address. Out: Cluster, and what the functions return, or their errors.
"""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from tempfile import TemporaryFile
from typing import Any

from embedtool import __version__
from embedtool.errors import ClusterError, EmbedtoolError, MissingExtraError

AUTO = "auto"
RETRIES = 32
"""How often a function may be begun anew because its process or its node has gone. One that takes
its process down itself would be tried for ever."""
ROOT_SECONDS = 60
"""So often the tables are brought together on this machine. What is lost with a node is worked out
again from there, so it costs about as much time at most."""
SKIPPED = ("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
"""What keeps Ray from writing to standard output when a process has gone: it reads this when it is
imported. What failed for good comes as an exception all the same."""
STANDARD_ERROR = 2
WRONG_TOKEN = b"InvalidAuthToken"
"""What Ray writes to standard error, again and again, when a cluster does not know our token."""

Ref = Any
"""What will be the result of a function: Ray's ObjectRef."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster.

    key          : Ray's name for it
    address      : its host
    n_cores      : how many functions Ray runs there at once
    memory, store : bytes of memory for functions, and of it for what they return
    """

    key: str
    address: str
    n_cores: int
    memory: int
    store: int


@dataclass(eq=False)
class Cluster:
    """Runs functions. `nodes` are those that were there at the beginning."""

    nodes: Sequence[Node]
    functions: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)

    @property
    def n_cores(self) -> int:
        """The cores of all nodes."""
        return sum(node.n_cores for node in self.nodes)

    def name_of(self, key: str) -> str:
        """What messages call a node: its host, with a number where several are on one host."""
        if key not in self.names:
            described: list[dict[str, Any]] = _ray().nodes()
            address = next(
                (each["NodeManagerAddress"] for each in described if each["NodeID"] == key), "gone"
            )
            taken = sum(name.partition("#")[0] == address for name in self.names.values())
            self.names[key] = f"{address}#{taken + 1}" if taken else address
        return self.names[key]

    def run(
        self, function: Callable[..., Any], *arguments: Any, n_results: int = 1, n_cores: int = 1
    ) -> Any:
        """Have a function run somewhere; returns at once what its result will be.

        Arguments that are results to come are waited for, and given as what they are then.
        n_results : where more than one, the function returns so many, and so does this
        n_cores   : how many of a node it takes for itself
        """
        key = (function, n_results, n_cores)
        if key not in self.functions:
            self.functions[key] = _ray().remote(
                num_returns=n_results, num_cpus=n_cores, max_retries=RETRIES
            )(function)
        return self.functions[key].remote(*arguments)

    def put(self, value: Any) -> Ref:
        """Lay a value where all functions can take it from."""
        return _ray().put(value)

    def get(self, refs: Any) -> Any:
        """Wait for a result, or for a list of them. Raises what the function raised.

        Raises ClusterError where the cluster has lost it for good.
        """
        ray = _ray()
        try:
            return ray.get(refs)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, EmbedtoolError):
                raise error.cause from None
            raise ClusterError(f"a function failed on a node: {_last_line(error)}") from error
        except ray.exceptions.RayError as error:
            raise ClusterError(
                f"the cluster lost what was worked out: {_last_line(error)}"
            ) from error


def _ray() -> Any:
    """Ray, imported where it is used. Raises MissingExtraError where it is not installed."""
    os.environ.setdefault(*SKIPPED)
    try:
        import ray
    except ImportError:
        raise MissingExtraError("--cluster", "cluster") from None
    return ray


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def here() -> str:
    """The key of the node that a function runs on."""
    return str(_ray().get_runtime_context().get_node_id())


def _version(address: str) -> tuple[str, str]:
    """What a node has installed; `address` is only its name for messages."""
    _make_ready()
    return address, __version__


def _make_ready() -> None:
    """Load what functions need, and numba, here and on the nodes at once, not at the first use."""
    import_module("embedtool.distributed.training")
    import_module("embedtool.trainers.word2vec").key_of(0, 0)  # any kernel gets numba ready


@contextmanager
def joined(address: str) -> Iterator[Cluster]:
    """Join the cluster at an address; AUTO is the one that this machine is a node of.

    Raises MissingExtraError without Ray, ClusterError where there is no cluster, and where a node
    has another embedtool.
    """
    ray = _ray()
    with TemporaryFile() as said:
        try:
            with _standard_error_to(said.fileno()):
                ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
        except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError) as error:
            said.seek(0)
            if WRONG_TOKEN in said.read():
                reason = "it has another token; set RAY_AUTH_MODE and RAY_AUTH_TOKEN_PATH as there"
            else:
                reason = f"{_last_line(error)}; start one with ray start --head"
            raise ClusterError(f"--cluster {address}: {reason}") from None
    try:
        cluster = Cluster(_nodes())
        _check_versions(cluster)
        yield cluster
    finally:
        ray.shutdown()


@contextmanager
def _standard_error_to(descriptor: int) -> Iterator[None]:
    """Let what is written to standard error, by Ray's own threads too, go to an open file."""
    sys.stderr.flush()
    before = os.dup(STANDARD_ERROR)
    os.dup2(descriptor, STANDARD_ERROR)
    try:
        yield
    finally:
        os.dup2(before, STANDARD_ERROR)
        os.close(before)


def _nodes() -> list[Node]:
    described: list[dict[str, Any]] = _ray().nodes()
    nodes = [
        Node(
            each["NodeID"], each["NodeManagerAddress"], int(each["Resources"]["CPU"]),
            int(each["Resources"].get("memory", 0)),
            int(each["Resources"].get("object_store_memory", 0)),
        )
        for each in described
        if each["Alive"] and each["Resources"].get("CPU", 0) >= 1
    ]  # fmt: skip
    if not nodes:
        raise ClusterError("no node of the cluster has a core to work with")
    return sorted(nodes, key=lambda node: (node.address, node.key))


def _check_versions(cluster: Cluster) -> None:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    asked = [
        ray.remote(_version)
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.key, soft=False))
        .remote(node.address)
        for node in cluster.nodes
    ]
    _make_ready()
    for answer in asked:
        try:
            address, version = ray.get(answer)
        except ray.exceptions.RayError:
            continue  # a node that has gone since needs no check
        if version != __version__:
            raise ClusterError(
                f"node {address} has embedtool {version}, this is {__version__}; all must be equal"
            )
