"""A Ray cluster of several nodes on this machine, started once for a run."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from tests.conftest import Run

NODE: dict[str, Any] = {"num_cpus": 1, "object_store_memory": 3 * 10**8}


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


@pytest.fixture(scope="session")
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
