"""Time of a cluster beside that of as many workers of one machine, and beside the cost model's.

    python -m benchmarks.cluster TEXT [--nodes 1 2 4] [--seed 1] [--only glove ...]

Starts Ray's nodes, of one core each, on this machine, and trains on TEXT with each number of nodes,
alternating with as many workers, with the settings of `benchmarks.run`, from the text to a model on
disk. Beside the seconds are those of `benchmarks.simulation`, function by function, and those of
the formulas of `benchmarks.cost_model`; both know that the nodes share this machine's cores. Then
the formulas are printed for clusters that nobody has measured.
"""

import argparse
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.cost_model import Sizes, cost, sizes_of
from benchmarks.measure import CommandError, first_lines, machine, plain_text, run
from benchmarks.simulation import simulated_seconds
from benchmarks.tasks import (
    EPOCHS,
    GLOVE_EPOCHS,
    GLOVE_WINDOW,
    MIN_COUNT,
    NEGATIVE,
    SAMPLE,
    SIZE,
    TASKS,
    WINDOW,
    X_MAX,
    Task,
    embedtool,
)
from embedtool.config.training import (
    ClusterConfig,
    FastTextConfig,
    GloveConfig,
    TrainerConfig,
    Word2VecConfig,
)
from embedtool.corpus.corpus import Corpus
from embedtool.distributed.cluster import Cluster, Node
from embedtool.distributed.ray_backend import resolve_defaults
from embedtool.io.machine import n_cores
from embedtool.io.progress import silent
from embedtool.trainers.local_backend import encode_text, read_text

DEFAULT_TASKS = ("cbow", "skipgram", "fasttext", "glove")
STORE = 3 * 10**9
"""Bytes of a node's object store; one machine must have room for all of them."""
WARM_BYTES = 10**6
"""Text of the first training, in which kernels are compiled."""

EXTRAPOLATED_NODES = (1, 10, 100, 1000)
EXTRAPOLATED_TOKENS = (10**9, 10**10, 10**11, 10**12)
NODE_CORES, NODE_STORE, NODE_LINK = 16, 32 * 2**30, 1.25e9
"""Of each node, and bytes per second of 10 Gbit/s."""
EXTRAPOLATED_WORDS, EXTRAPOLATED_NGRAMS = 10**6, 2 * 10**6
"""With --max-vocab 1,000,000, and FastText's buckets."""
FEW_SYNCS = 100
"""Beside the default number; nobody knows what this costs in accuracy."""
BYTES_PER_TOKEN = 6
HOUR, GiB = 3600, 2**30


def config_of(task: Task) -> TrainerConfig:
    """Return the options that `benchmarks.tasks.embedtool` has."""
    if task.algorithm == "glove":
        return GloveConfig(
            vector_size=SIZE, min_count=MIN_COUNT, window=GLOVE_WINDOW, x_max=X_MAX,
            epochs=GLOVE_EPOCHS,
        )  # fmt: skip
    kind = FastTextConfig if task.algorithm == "fasttext" else Word2VecConfig
    return kind(
        vector_size=SIZE, min_count=MIN_COUNT, mode=task.mode,
        loss="hierarchical-softmax" if task.hierarchical else "negative-sampling",
        window=WINDOW, negative=NEGATIVE, sample=SAMPLE, epochs=EPOCHS, learning_rate=task.rate,
    )  # fmt: skip


def nodes_of(n_nodes: int, cores: int = 1, store: int = STORE) -> list[Node]:
    """Return nodes as the cost model takes them."""
    return [Node(str(i), str(i), cores, store, store) for i in range(n_nodes)]


@contextmanager
def started(n_nodes: int, folder: Path) -> Iterator[str]:
    """Start nodes of one core each; yields their address.

    They and who joins them have a token in common, which the environment names.
    """
    from ray.cluster_utils import Cluster as Nodes

    node = {"num_cpus": 1, "object_store_memory": STORE}
    folder.mkdir(exist_ok=True)  # where Ray leaves the address, and expects the folder to be
    os.environ["RAY_TMPDIR"] = str(folder.parent)
    head = {**node, "include_dashboard": False}
    nodes = Nodes(initialize_head=True, head_node_args=head)
    try:
        for _ in range(n_nodes - 1):
            nodes.add_node(**node)
        yield nodes.address
    finally:
        nodes.shutdown()


def set_token(path: Path) -> None:
    """Write a new token; to be called before Ray is imported."""
    path.write_text(secrets.token_hex())
    path.chmod(0o600)
    os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(path)}


def train(task: str, folder: Path, workers: int, seed: int, *more: str) -> float:
    """Return the seconds of a training."""
    with TemporaryDirectory(dir=folder) as name:
        return run(embedtool(TASKS[task], more)(workers, seed), Path(name)).seconds


def sizes(text: Path, config: TrainerConfig) -> Sizes:
    """Return the sizes of a text."""
    with TemporaryDirectory() as name:
        scanned = read_text(Corpus([str(text)]), Path(name), None, None, silent)
        encoded = encode_text(scanned, config, Path(name))
        n_bytes = text.stat().st_size
        return sizes_of(config, encoded.vocabulary, encoded.n_tokens, n_bytes)


def compare(task: str, address: str, folder: Path, n_nodes: int, seed: int, text: Sizes) -> str:
    """Format a line: trained by workers and by a cluster, simulated, and by the formulas."""
    local = train(task, folder, n_nodes, seed)
    remote = train(task, folder, 1, seed, "--cluster", address)
    config, nodes = config_of(TASKS[task]), nodes_of(n_nodes)
    settings = resolve_defaults(ClusterConfig(address), Cluster(nodes))
    simulated = simulated_seconds(config, settings, text, nodes, n_cores())
    formula = cost(config, settings, text, nodes[: n_cores()]).total_s
    return (
        f"{task:12}{n_nodes:6}{local:10.1f} s{remote:10.1f} s{local / remote:9.2f}"
        f"{simulated:10.1f} s{remote / simulated:7.2f}{formula:10.1f} s{remote / formula:7.2f}"
    )


def print_extrapolated(task: str, text: Sizes, syncs: int | None) -> None:
    """Print hours of trainings that nobody has measured, and the fraction of communication."""
    config = config_of(TASKS[task])
    name = f"{task}, {syncs} syncs" if syncs else task
    print(f"\n{name:24}" + "".join(f"{n:>18,}" for n in EXTRAPOLATED_NODES))
    n_rows = EXTRAPOLATED_WORDS + (EXTRAPOLATED_NGRAMS if task == "fasttext" else 0)
    for n_tokens in EXTRAPOLATED_TOKENS:
        cells = []
        for n_nodes in EXTRAPOLATED_NODES:
            sizes_there = replace(
                text, n_bytes=BYTES_PER_TOKEN * n_tokens, n_tokens=n_tokens,
                n_words=EXTRAPOLATED_WORDS, n_rows=n_rows,
            )  # fmt: skip
            nodes = nodes_of(n_nodes, NODE_CORES, NODE_STORE)
            settings = resolve_defaults(ClusterConfig("auto", syncs=syncs), Cluster(nodes))
            found = cost(config, settings, sizes_there, nodes, NODE_LINK)
            percent = 100 * found.communication_s / found.total_s
            cells.append(f"{found.total_s / HOUR:9,.1f} h ({percent:3.0f}%)")
        print(f"{n_tokens:<24,}" + "".join(f"{each:>18}" for each in cells))
    print(
        f"  the last: object store per node {found.object_store / GiB:,.0f} GiB, network per node "
        f"{found.received / GiB:,.0f} GiB, driver memory {found.driver_memory / GiB:,.0f} GiB"
    )


def main() -> None:
    """Read the command line, train, print a line for each task and number of nodes."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.cluster", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--nodes", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", nargs="+", choices=TASKS, default=list(DEFAULT_TASKS), metavar="TASK"
    )
    options = parser.parse_args()
    with TemporaryDirectory() as name, TemporaryDirectory() as ray:
        folder = Path(name)
        set_token(folder / "token")
        plain, n_tokens = plain_text(options.text, folder / "all")
        first_lines(plain, WARM_BYTES, folder / "warm")
        texts = {task: sizes(plain, config_of(TASKS[task])) for task in options.only}
        print(f"{machine()}; seed {options.seed}, once, in turn; nodes of one core each")
        print(f"{options.text.name}: {n_tokens:,} tokens")
        print(f"\n{'':12}{'nodes':>6}{'workers':>12}{'cluster':>12}{'ratio':>9}"
              f"{'simulated':>12}{'ratio':>7}{'formula':>12}{'ratio':>7}")  # fmt: skip
        for n_nodes in options.nodes:
            with started(n_nodes, Path(ray) / "ray") as address:
                for task in options.only:
                    try:
                        if n_nodes == options.nodes[0]:
                            train(task, folder / "warm", 1, options.seed, "--cluster", address)
                        line = compare(
                            task, address, folder / "all", n_nodes, options.seed, texts[task]
                        )
                    except CommandError as error:
                        line = f"{task:12}{n_nodes:6}  failed: {error}"
                    print(line, flush=True)
    print(
        "\nNot measured: hours by the formulas, in brackets the fraction of communication;\n"
        f"nodes of {NODE_CORES} cores, {NODE_STORE // GiB} GiB of object store and 10 Gbit/s, "
        f"{EXTRAPOLATED_WORDS:,} words"
    )
    for task in options.only:
        for syncs in (None,) if task == "glove" else (None, FEW_SYNCS):
            print_extrapolated(task, texts[task], syncs)


if __name__ == "__main__":
    main()
