r"""Packages that rest on gensim, with gensim and with `embedtool.gensim`, on the same walks.

    pip install --no-deps node2vec fastnode2vec genewalk pecanpy graspologic karateclub \
        numba_progress beartype tqdm networkx
    python -m benchmarks.gensim_packages [PACKAGE ...] [--graphs ...] [--seeds 1 2 3 4 5]

Each package makes random walks on a graph, of which a fifth of the edges are held out, and trains
Word2Vec on them, once as it is and once with the lines of its modules that import gensim changed,
and nothing else: `gensim` becomes `embedtool.gensim`. The walks are made with the same seed, and
are compared. The seed also chooses the held-out edges. Walks are 10 of 40 nodes from each node;
all other options are the package's own defaults, with one worker. Of the vectors are printed

- link prediction: ROC AUC of the cosine, held-out edges against pairs without an edge;
- neighbours: the part of the 10 nearest nodes, by cosine, that are in the node's own class;

as means over the seeds, and the mean of the differences with its 95% confidence interval over the
seeds; and the median seconds of everything but the walks. "worse" or "better" says that the
interval excludes zero. graspologic-1 has one epoch instead of three, and karateclub-hs one loss.
"""

import argparse
import hashlib
import importlib.abc
import importlib.machinery
import random
import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module, metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from types import CodeType, ModuleType
from typing import Any
from unittest.mock import MagicMock, patch

import numpy as np
from numpy.typing import NDArray

from benchmarks.gensim_graphs import GRAPHS, Graph, Split, lesmis, quality, split
from benchmarks.measure import machine
from embedtool.evaluation.statistics import t_interval

N_WALKS, LENGTH = 10, 40
"""Walks from each node, and nodes of a walk."""
SIZE = 128
WINDOW = 10
"""node2vec's window, for fastnode2vec, which has no default; pecanpy's default is the same."""
NITER = 10
"""GeneWalk's walks from a node for each of its edges; its default is 100."""
LIBRARIES = ("gensim", "embedtool")
ANNOTATIONS = "nptyping"
"""A library that PecanPy writes annotations with. It needs NumPy 1, so a stand-in is imported."""

Vectors = NDArray[np.float32]


class Walks:
    """The seconds in which walks are made, and a checksum of them."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._digest = hashlib.sha256()

    @contextmanager
    def making(self) -> Iterator[None]:
        """Add the seconds of a block."""
        start = time.perf_counter()
        yield
        self.seconds += time.perf_counter() - start

    def add(self, walks: Iterable[Sequence[Any]]) -> None:
        """Add walks to the checksum."""
        for walk in walks:
            self._digest.update(" ".join(map(str, walk)).encode() + b"\n")

    def made_by(
        self, function: Callable[..., Any], walks: Callable[[Any], Iterable[Sequence[Any]]]
    ) -> Callable[..., Any]:
        """Return a function that also adds its seconds, and the walks in what it returns."""

        def watched(*args: Any, **options: Any) -> Any:
            with self.making():
                result = function(*args, **options)
                self.add(walks(result))
            return result

        return watched

    def checksum(self) -> str:
        """Return the checksum of the walks, in their order."""
        return self._digest.hexdigest()


def one(walk: Sequence[Any]) -> list[Sequence[Any]]:
    """Return what a function that makes one walk returns, as walks."""
    return [walk]


def node2vec(module: ModuleType, graph: Any, seed: int, walks: Walks) -> Vectors:
    """Embed by node2vec; gensim's own default is 5 epochs and a window of 5."""
    with walks.making():
        walker = module.Node2Vec(
            graph, walk_length=LENGTH, num_walks=N_WALKS, quiet=True, seed=seed
        )
        walks.add(walker.walks)
    return vectors_of(walker.fit(seed=seed), graph)


def fastnode2vec(module: ModuleType, graph: Any, seed: int, walks: Walks) -> Vectors:
    """Embed by fastnode2vec, which is a subclass of Word2Vec; an epoch is a walk from each node."""
    with walks.making():
        edges = [(str(a), str(b)) for a, b in graph.edges]
        own = import_module("fastnode2vec.graph").Graph(edges, False, False, verbose=False)
    own.generate_random_walk = walks.made_by(own.generate_random_walk, one)
    model = module.Node2Vec(own, SIZE, LENGTH, WINDOW, seed=seed)
    model.train(N_WALKS, verbose=False)
    return vectors_of(model, graph)


def genewalk(module: ModuleType, graph: Any, seed: int, walks: Walks) -> Vectors:
    """Embed by GeneWalk: many short walks, a window of 1 and 8 dimensions."""
    import networkx

    with walks.making():
        random.seed(seed)
        model = module.DeepWalk(networkx.relabel_nodes(graph, str), niter=NITER)
        model.get_walks()
        walks.add(model.walks)
    model.word2vec()
    return vectors_of(model.model, graph)


def pecanpy(module: ModuleType, graph: Any, seed: int, walks: Walks) -> Vectors:
    """Embed by PecanPy."""
    import numba

    with walks.making(), TemporaryDirectory() as name:
        own = module.SparseOTF(random_state=seed)
        edges = Path(name, "edges")
        edges.write_text("".join(f"{a}\t{b}\n" for a, b in graph.edges))
        own.read_edg(str(edges), weighted=False, directed=False)
        n_threads = numba.get_num_threads()
        numba.set_num_threads(1)  # or the walks depend on which thread makes them
        made = own.simulate_walks(N_WALKS, LENGTH)
        numba.set_num_threads(n_threads)
        walks.add(made)
    own.simulate_walks = lambda n_walks, length: made
    vectors = own.embed(SIZE, N_WALKS, LENGTH)
    rows = {name: row for row, name in enumerate(own.nodes)}
    return vectors[[rows[str(node)] for node in sorted(graph)]]


def graspologic(
    module: ModuleType, graph: Any, seed: int, walks: Walks, iterations: int = 3
) -> Vectors:
    """Embed by graspologic, which shortens the walks of nodes with few edges."""
    graph_class = module._Node2VecGraph
    with (
        patch.object(
            graph_class, "_simulate_walks", walks.made_by(graph_class._simulate_walks, list)
        ),
        patch.object(
            graph_class,
            "_preprocess_transition_probabilities",
            walks.made_by(graph_class._preprocess_transition_probabilities, lambda _: ()),
        ),
    ):
        vectors, nodes = module.node2vec_embed(
            graph, N_WALKS, LENGTH, workers=1, iterations=iterations, random_seed=seed
        )
    return vectors[np.argsort(nodes)]


def karateclub(module: ModuleType, graph: Any, seed: int, walks: Walks, **options: int) -> Vectors:
    """Embed by karateclub's DeepWalk: CBOW with both losses in gensim, with one in embedtool."""
    walker = module.RandomWalker
    with (
        patch.object(walker, "do_walk", walks.made_by(walker.do_walk, one)),
        patch.object(module, "Word2Vec", partial(module.Word2Vec, **options)),
    ):
        model = module.DeepWalk(N_WALKS, LENGTH, workers=1, seed=seed)
        model.fit(graph)
    return model.get_embedding()


def vectors_of(model: Any, graph: Any) -> Vectors:
    """Return the vectors of the nodes, in their order."""
    return model.wv[[str(node) for node in sorted(graph)]]


@dataclass(frozen=True)
class Package:
    """A package: its module that imports Word2Vec, and how it embeds the nodes of a graph."""

    module: str
    embed: Callable[[ModuleType, Any, int, Walks], Vectors]

    @property
    def version(self) -> str:
        """The installed version."""
        return metadata.version(self.module.partition(".")[0])


DEEPWALK = "karateclub.node_embedding.neighbourhood.deepwalk"
PACKAGES = {
    "node2vec": Package("node2vec.node2vec", node2vec),
    "fastnode2vec": Package("fastnode2vec.node2vec", fastnode2vec),
    "genewalk": Package("genewalk.deepwalk", genewalk),
    "pecanpy": Package("pecanpy.pecanpy", pecanpy),
    "graspologic": Package("graspologic.embed.n2v", graspologic),
    "graspologic-1": Package("graspologic.embed.n2v", partial(graspologic, iterations=1)),
    "karateclub": Package(DEEPWALK, karateclub),
    "karateclub-hs": Package(DEEPWALK, partial(karateclub, negative=0)),
}


class SwappedLoader(importlib.machinery.SourceFileLoader):
    """Loads a module with other lines that import gensim."""

    def get_code(self, fullname: str) -> CodeType:
        """Compile the changed source, which is not cached."""
        source = Path(self.path).read_bytes()
        source = re.sub(rb"(?m)^from gensim\b", b"from embedtool.gensim", source)
        source = re.sub(rb"(?m)^import gensim$", b"import embedtool.gensim as gensim", source)
        return compile(source, self.path, "exec", dont_inherit=True)


class SwappedFinder(importlib.abc.MetaPathFinder):
    """Finds the modules of a package for `SwappedLoader`."""

    def __init__(self, package: str) -> None:
        self.package = package

    def find_spec(
        self, name: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Return the spec of a module of the package."""
        spec = importlib.machinery.PathFinder.find_spec(name, path, target)
        if name.partition(".")[0] != self.package or spec is None or spec.origin is None:
            return None
        spec.loader = SwappedLoader(name, spec.origin)
        return spec


def imported(name: str, library: str) -> ModuleType:
    """Import a module anew, without what the packages that it is in import beside it.

    Raises
    ------
    SystemExit
        If the package is not installed.
    """
    package = name.partition(".")[0]
    spec = importlib.machinery.PathFinder.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit(f"{package} is not installed; see the top of this benchmark")
    for loaded in [each for each in sys.modules if each.partition(".")[0] == package]:
        del sys.modules[loaded]
    folder, parts = Path(spec.submodule_search_locations[0]), name.split(".")
    for depth in range(1, len(parts)):
        parent = ModuleType(".".join(parts[:depth]))
        parent.__path__ = [str(folder.joinpath(*parts[1:depth]))]
        sys.modules[parent.__name__] = parent
    sys.modules[ANNOTATIONS] = MagicMock()
    finders = [] if library == "gensim" else [SwappedFinder(package)]
    with patch.object(sys, "meta_path", [*finders, *sys.meta_path]):
        return import_module(name)


@dataclass(frozen=True)
class Run:
    """The scores of the vectors, the seconds of training, and the checksum of the walks."""

    scores: tuple[float, float]
    seconds: float
    walks: str


def run(package: Package, module: ModuleType, graph: Graph, parts: Split, seed: int) -> Run:
    """Embed the nodes of a graph without the held-out edges."""
    import networkx

    left = networkx.Graph()
    left.add_nodes_from(range(len(graph.classes)))
    left.add_edges_from(parts.edges.tolist())
    walks = Walks()
    start = time.perf_counter()
    vectors = package.embed(module, left, seed, walks)
    seconds = time.perf_counter() - start - walks.seconds
    return Run(quality(np.asarray(vectors), graph.classes, parts), seconds, walks.checksum())


def compared(name: str, graph: Graph, seeds: Sequence[int]) -> dict[str, list[Run]]:
    """Run a package with both libraries in turn, after a small graph that is not counted.

    Raises
    ------
    SystemExit
        If the walks of the two are not the same.
    """
    package = PACKAGES[name]
    modules = {library: imported(package.module, library) for library in LIBRARIES}
    small = lesmis()
    for module in modules.values():
        run(package, module, small, split(small, 0), 0)  # compiles kernels
    runs: dict[str, list[Run]] = {library: [] for library in LIBRARIES}
    for seed in seeds:
        parts = split(graph, seed)
        for library, module in modules.items():
            runs[library].append(run(package, module, graph, parts, seed))
        if len({each[-1].walks for each in runs.values()}) > 1:
            raise SystemExit(f"{name}, seed {seed}: the walks of the two libraries differ")
    return runs


def rows(name: str, runs: dict[str, list[Run]]) -> Iterator[str]:
    """Format the scores and the seconds of a package."""
    seconds = [np.median([each.seconds for each in runs[library]]) for library in LIBRARIES]
    for column, score in enumerate(("links", "neighbours")):
        first, second = (
            np.array([each.scores[column] for each in runs[library]]) for library in LIBRARIES
        )
        gain, n_seeds = second - first, len(first)
        interval = t_interval(gain.mean(), gain.std(ddof=1) / np.sqrt(n_seeds), n_seeds, -1, 1)
        verdict = "better" if interval.low > 0 else "worse" if interval.high < 0 else ""
        yield "".join([
            f"{'' if column else name:22}{score:11}",
            *(f"{each.mean():.4f} +-{each.std(ddof=1):.4f}  " for each in (first, second)),
            f"{gain.mean():+.4f} [{interval.low:+.4f}, {interval.high:+.4f}]",
            *(" " * 10 if column else f"{each:10.2f}" for each in seconds),
            f"  {verdict}",
        ])  # fmt: skip


def main() -> None:
    """Read the command line, run the packages, print a table for each graph."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.gensim_packages", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("packages", nargs="*", metavar="PACKAGE", help=", ".join(PACKAGES))
    parser.add_argument("--graphs", nargs="+", choices=GRAPHS, default=list(GRAPHS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3, 4, 5])
    options = parser.parse_args()
    if unknown := set(options.packages) - set(PACKAGES):
        parser.error(f"no package {min(unknown)}; there are {', '.join(PACKAGES)}")
    if len(options.seeds) < 2:
        parser.error("an interval needs two --seeds")
    print(f"{machine()}; gensim {metadata.version('gensim')}, seeds {options.seeds}")
    for name in options.graphs:
        graph = GRAPHS[name]()
        print(f"\n{name}: {len(graph.classes):,} nodes, {len(graph.edges):,} edges; mean and "
              f"standard deviation, difference with 95% interval, seconds")  # fmt: skip
        print(
            f"{'':33}{'gensim':17}{'embedtool':17}{'difference':24}{'gensim':>11}{'embedtool':>10}"
        )
        for package in options.packages or PACKAGES:
            runs = compared(package, graph, options.seeds)
            for row in rows(f"{package} {PACKAGES[package].version}", runs):
                print(row, flush=True)


if __name__ == "__main__":
    main()
