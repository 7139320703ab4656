"""Packages that rest on gensim, as they are and with their imports of gensim swapped.

    pip install --no-deps --target build/packages node2vec fastnode2vec karateclub
    python -m benchmarks.gensim_packages [--packages build/packages] [--seeds 1 2 3]

Each embeds the nodes of a graph with groups, of which a fifth of the edges are held out, and tells
the held-out edges from pairs without an edge by the cosine of the nodes' vectors. The ROC AUC of
each seed and the seconds of all seeds are printed as a Markdown table, a row for each package and
library. A swap changes the lines that import gensim, and nothing else.
"""

import argparse
import importlib.abc
import importlib.machinery
import json
import os
import random
import re
import subprocess
import sys
import time
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

N_GROUPS, GROUP_SIZE, WITHIN, BETWEEN = 20, 25, 0.35, 0.004
"""The graph: groups and their size, and the probability of an edge within and between them."""
HELD_OUT = 0.2
SIZE, WINDOW, WALK_LENGTH, WALKS, EPOCHS = 64, 5, 20, 10, 5
"""Dimensions, window, steps of a walk, walks from each node, and passes over them."""

FROM, IMPORT = re.compile(rb"^from gensim\b", re.MULTILINE), re.compile(rb"^import gensim$", re.M)
Vectors = Mapping[str, NDArray[np.float32]]


class SwappedLoader(importlib.machinery.SourceFileLoader):
    """Loads a module with other lines that import gensim."""

    def get_code(self, fullname: str) -> types.CodeType:
        """Compile the changed source, which is not cached."""
        source = Path(self.path).read_bytes()
        source = FROM.sub(b"from embedtool.gensim", source)
        source = IMPORT.sub(b"import embedtool.gensim as gensim", source)
        return compile(source, self.path, "exec", dont_inherit=True)


class SwappedFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of packages in a folder, for `SwappedLoader`."""

    def __init__(self, folder: Path) -> None:
        self.folder = str(folder)

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module whose source is in the folder."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if spec is not None and spec.origin and spec.origin.startswith(self.folder):
            spec.loader = SwappedLoader(name, spec.origin)
            return spec
        return None


def split_graph() -> tuple[Any, list[tuple[str, str]], list[tuple[str, str]]]:
    """Return a connected graph, the edges held out of it, and as many pairs without an edge."""
    import networkx as nx

    rng = random.Random(0)
    whole = nx.planted_partition_graph(N_GROUPS, GROUP_SIZE, WITHIN, BETWEEN, seed=1)
    graph = nx.relabel_nodes(whole, str)
    edges = sorted(graph.edges())
    rng.shuffle(edges)
    held_out: list[tuple[str, str]] = []
    without: list[tuple[str, str]] = []
    n_held_out = int(HELD_OUT * len(edges))
    left = graph.copy()
    for edge in edges:
        left.remove_edge(*edge)
        if len(held_out) < n_held_out and nx.is_connected(left):
            held_out.append(edge)
        else:
            left.add_edge(*edge)
    nodes = sorted(graph)
    while len(without) < n_held_out:
        pair = tuple(rng.sample(nodes, 2))
        if not graph.has_edge(*pair):
            without.append(pair)
    return left, held_out, without


def embed_by_node2vec(graph: Any, seed: int) -> Vectors:
    from node2vec import Node2Vec

    walks = Node2Vec(
        graph, dimensions=SIZE, walk_length=WALK_LENGTH, num_walks=WALKS, quiet=True, seed=seed
    )
    model = walks.fit(window=WINDOW, min_count=1, sg=1, workers=2, seed=seed, epochs=EPOCHS)
    return {node: model.wv[node] for node in graph}


def embed_by_fastnode2vec(graph: Any, seed: int) -> Vectors:
    from fastnode2vec import Graph, Node2Vec

    edges = Graph(list(graph.edges()), directed=False, weighted=False)
    model = Node2Vec(edges, SIZE, WALK_LENGTH, window=WINDOW, workers=2)
    model.train(epochs=WALKS * EPOCHS, verbose=False)
    return {node: model.wv[node] for node in graph}


def embed_by_karateclub(graph: Any, seed: int) -> Vectors:
    """Embed by DeepWalk, whose module is imported alone: karateclub itself imports old packages."""
    import networkx as nx

    folder = next(Path(path) for path in sys.path if (Path(path) / "karateclub").is_dir())
    for name in ("", ".utils", ".node_embedding", ".node_embedding.neighbourhood"):
        module = types.ModuleType(f"karateclub{name}")
        module.__path__ = [str(folder / f"karateclub{name.replace('.', os.sep)}")]
        sys.modules[module.__name__] = module
    from karateclub.node_embedding.neighbourhood.deepwalk import DeepWalk

    numbered = nx.convert_node_labels_to_integers(graph)
    model = DeepWalk(WALKS, WALK_LENGTH, SIZE, 2, WINDOW, EPOCHS, seed=seed)
    model.fit(numbered)
    return dict(zip(graph, model.get_embedding(), strict=True))


PACKAGES: dict[str, Callable[[Any, int], Vectors]] = {
    "node2vec": embed_by_node2vec,
    "fastnode2vec": embed_by_fastnode2vec,
    "karateclub": embed_by_karateclub,
}
LIBRARIES = ("gensim", "embedtool.gensim")


def measure(package: str, seeds: Sequence[int]) -> dict[str, Any]:
    """Return the ROC AUC of each seed, and the seconds of all."""
    from sklearn.metrics import roc_auc_score

    graph, held_out, without = split_graph()
    embed = PACKAGES[package]
    embed(graph, 0)  # kernels are compiled before the clock runs
    scores, start = [], time.perf_counter()
    for seed in seeds:
        vectors = embed(graph, seed)
        first, second = (
            np.array([vectors[pair[side]] for pair in (*held_out, *without)]) for side in (0, 1)
        )
        lengths = np.linalg.norm(first, axis=1) * np.linalg.norm(second, axis=1)
        cosines = (first * second).sum(axis=1) / lengths
        truth = [1] * len(held_out) + [0] * len(without)
        scores.append(round(float(roc_auc_score(truth, cosines)), 4))
    return {"scores": scores, "seconds": round(time.perf_counter() - start, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--packages", type=Path, default=Path("build/packages"), metavar="FOLDER")
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    parser.add_argument("--one", nargs=2, metavar=("PACKAGE", "LIBRARY"), help=argparse.SUPPRESS)
    args = parser.parse_args()
    folder = args.packages.resolve()
    if args.one:
        package, library = args.one
        sys.path.append(str(folder))
        if library != "gensim":
            sys.meta_path.insert(0, SwappedFinder(folder))
        print(json.dumps(measure(package, args.seeds)))
        return
    print("| package | library | ROC AUC | seconds |\n| --- | --- | --- | --- |")
    for package in PACKAGES:
        for library in LIBRARIES:
            command = [
                sys.executable, "-m", "benchmarks.gensim_packages", "--packages", str(folder),
                "--seeds", *map(str, args.seeds), "--one", package, library,
            ]  # fmt: skip
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            found = json.loads(done.stdout.splitlines()[-1])
            scores = ", ".join(f"{score:.3f}" for score in found["scores"])
            print(f"| {package} | {library} | {scores} | {found['seconds']} |", flush=True)


if __name__ == "__main__":
    main()
