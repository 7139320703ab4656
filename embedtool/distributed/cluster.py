"""A Ray cluster: connect to it, list its nodes, and submit functions to it."""

import logging
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from tempfile import TemporaryFile
from typing import Any

from embedtool import __version__
from embedtool.errors import ClusterError, EmbedtoolError, MissingExtraError

AUTO = "auto"
RETRIES = 32
"""Number of retries of a function after its process or node has died. Without a limit, a function
that kills its own process would be retried forever."""
COLLECT_INTERVAL_S = 60
"""Seconds between two collections of the tables on this machine. Objects lost with a node are
recomputed from there, which takes at most about as long."""
QUIET = ("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
"""Environment variable that keeps Ray from writing to standard output when a process has died; Ray
reads it when it is imported. Permanent failures are still raised as exceptions."""
STDERR = 2
WRONG_TOKEN = b"InvalidAuthToken"
"""Ray's message on standard error, repeated, when a cluster rejects our token."""

Ref = Any
"""Ray's ObjectRef: a reference to the future result of a function."""


@dataclass(frozen=True)
class Node:
    """A machine of the cluster.

    Attributes
    ----------
    node_id
        Ray's identifier.
    address
        Its host.
    n_cores
        Number of functions that Ray runs there concurrently.
    memory, object_store
        Bytes of memory for functions, and for their arguments and results.
    """

    node_id: str
    address: str
    n_cores: int
    memory: int
    object_store: int


@dataclass(eq=False)
class Cluster:
    """Runs functions on nodes.

    Attributes
    ----------
    nodes
        The nodes at the time of connecting.
    """

    nodes: Sequence[Node]
    _functions: dict[tuple[Any, ...], Any] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)

    @property
    def n_cores(self) -> int:
        """The cores of all nodes."""
        return sum(node.n_cores for node in self.nodes)

    def node_name(self, node_id: str) -> str:
        """Return the name of a node in messages: its host, numbered if several are on one host."""
        if node_id not in self._names:
            address = next(
                (node["NodeManagerAddress"] for node in _ray_nodes() if node["NodeID"] == node_id),
                "gone",
            )
            n_named = sum(name.partition("#")[0] == address for name in self._names.values())
            self._names[node_id] = f"{address}#{n_named + 1}" if n_named else address
        return self._names[node_id]

    def submit(
        self, function: Callable[..., Any], *arguments: Any, n_results: int = 1, n_cores: int = 1
    ) -> Any:
        """Submit a function to run on some node; return a reference to its future result.

        Parameters
        ----------
        function
            Importable on all nodes.
        *arguments
            Values and references; the function gets the referenced values when they are available.
        n_results
            If more than one, the length of the tuple that the function returns; then a list of
            references is returned.
        n_cores
            Number of cores that it occupies.
        """
        key = (function, n_results, n_cores)
        if key not in self._functions:
            self._functions[key] = _ray().remote(
                num_returns=n_results, num_cpus=n_cores, max_retries=RETRIES
            )(function)
        return self._functions[key].remote(*arguments)

    def put(self, value: Any) -> Ref:
        """Put a value into Ray's object store, and return a reference to it."""
        return _ray().put(value)

    def get(self, refs: Any) -> Any:
        """Wait for a result, or for a list of them.

        Raises
        ------
        EmbedtoolError
            If the function raised it.
        ClusterError
            If the function failed otherwise, or the cluster has lost the result permanently.
        """
        ray = _ray()
        try:
            return ray.get(refs)
        except ray.exceptions.RayTaskError as error:
            if isinstance(error.cause, EmbedtoolError):
                raise error.cause from None
            raise ClusterError(f"a function failed on a node: {_last_line(error)}") from error
        except ray.exceptions.RayError as error:
            raise ClusterError(f"the cluster lost a result: {_last_line(error)}") from error


def _ray() -> Any:
    """Import Ray on first use. Raises MissingExtraError if it is not installed."""
    os.environ.setdefault(*QUIET)
    try:
        import ray
    except ImportError:
        raise MissingExtraError("training on a cluster", "cluster") from None
    return ray


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1]


def current_node_id() -> str:
    """Return the identifier of the node that a function runs on."""
    return str(_ray().get_runtime_context().get_node_id())


def _ray_nodes() -> list[dict[str, Any]]:
    nodes: list[dict[str, Any]] = _ray().nodes()
    return nodes


def _version(address: str, warm_up: Callable[[], None]) -> tuple[str, str]:
    """Warm up a node, and return its address and the version of embedtool that it has."""
    warm_up()
    return address, __version__


@contextmanager
def connect(address: str, warm_up: Callable[[], None]) -> Iterator[Cluster]:
    """Connect to the cluster at an address until the end of the block.

    Parameters
    ----------
    address
        Host and port, or AUTO for the cluster of this machine.
    warm_up
        Called immediately here and on every node, to load modules and kernels before the first
        function.

    Raises
    ------
    MissingExtraError
        If Ray is not installed.
    ClusterError
        If there is no cluster, or a node has another version of embedtool.
    """
    ray = _ray()
    with TemporaryFile() as log:
        try:
            with _stderr_to(log.fileno()):
                ray.init(address, log_to_driver=False, logging_level=logging.CRITICAL)
        except (ray.exceptions.RayError, ConnectionError, RuntimeError, ValueError) as error:
            log.seek(0)
            if WRONG_TOKEN in log.read():
                reason = "it has another token; set RAY_AUTH_MODE and RAY_AUTH_TOKEN_PATH as there"
            else:
                reason = f"{_last_line(error)}; start one with ray start --head"
            raise ClusterError(f"Ray cluster {address}: {reason}") from None
    try:
        cluster = Cluster(_nodes())
        _check_versions(cluster, warm_up)
        yield cluster
    finally:
        ray.shutdown()


@contextmanager
def _stderr_to(descriptor: int) -> Iterator[None]:
    """Redirect standard error to an open file, including that of Ray's own threads."""
    sys.stderr.flush()
    before = os.dup(STDERR)
    os.dup2(descriptor, STDERR)
    try:
        yield
    finally:
        os.dup2(before, STDERR)
        os.close(before)


def _nodes() -> list[Node]:
    nodes = [
        Node(
            node["NodeID"], node["NodeManagerAddress"], int(node["Resources"]["CPU"]),
            int(node["Resources"].get("memory", 0)),
            int(node["Resources"].get("object_store_memory", 0)),
        )
        for node in _ray_nodes()
        if node["Alive"] and node["Resources"].get("CPU", 0) >= 1
    ]  # fmt: skip
    if not nodes:
        raise ClusterError("no node of the cluster has a core to work with")
    return sorted(nodes, key=lambda node: (node.address, node.node_id))


def _check_versions(cluster: Cluster, warm_up: Callable[[], None]) -> None:
    import ray
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    answers = [
        ray.remote(_version)
        .options(scheduling_strategy=NodeAffinitySchedulingStrategy(node.node_id, soft=False))
        .remote(node.address, warm_up)
        for node in cluster.nodes
    ]
    warm_up()
    for answer in answers:
        try:
            address, version = ray.get(answer)
        except ray.exceptions.RayError:
            continue  # the node has died since then
        if version != __version__:
            raise ClusterError(
                f"node {address} has embedtool {version}, this is {__version__}; all must be equal"
            )
