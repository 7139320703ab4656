"""The graphs of `gensim_packages.py`, and the quality of vectors of their nodes."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree

HELD_OUT = 0.2
"""Part of the edges that is held out."""
N_NEIGHBORS = 10
"""Nearest neighbours that are compared, and edges of an image of a digit to its nearest."""
N_BLOCKS, BLOCK, WITHIN, BETWEEN = 20, 50, 0.16, 0.004
"""The graph `blocks`: so many groups of so many nodes, and the probabilities of an edge: a node has
about eight edges within its group and four to others."""

Edges = NDArray[np.int64]


@dataclass(frozen=True)
class Graph:
    """An undirected graph: its edges, the smaller node first, and the class of each node."""

    edges: Edges
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """The edges that are left, those held out, and as many pairs without an edge."""

    edges: Edges
    held_out: Edges
    without: Edges


def digits() -> Graph:
    """Return scikit-learn's images of digits, each with edges to its nearest ones."""
    from sklearn.datasets import load_digits
    from sklearn.neighbors import kneighbors_graph

    images, classes = load_digits(return_X_y=True)
    near = kneighbors_graph(images, N_NEIGHBORS).tocoo()
    pairs = np.sort(np.column_stack([near.row, near.col]).astype(np.int64), axis=1)
    return Graph(np.unique(pairs, axis=0), classes.astype(np.int64))


def blocks() -> Graph:
    """Return a stochastic block model."""
    rng = np.random.default_rng(1)
    classes = np.repeat(np.arange(N_BLOCKS), BLOCK)
    first, second = np.triu_indices(len(classes), 1)
    probability = np.where(classes[first] == classes[second], WITHIN, BETWEEN)
    chosen = rng.random(len(first)) < probability
    return Graph(np.column_stack([first[chosen], second[chosen]]), classes)


def lesmis() -> Graph:
    """Return the characters of Les Misérables that meet (networkx), in communities."""
    import networkx

    named = networkx.les_miserables_graph()
    graph = networkx.convert_node_labels_to_integers(named)
    classes = np.zeros(len(graph), np.int64)
    for number, nodes in enumerate(networkx.community.greedy_modularity_communities(graph)):
        classes[list(nodes)] = number
    return Graph(np.sort(np.array(graph.edges), axis=1), classes)


GRAPHS: dict[str, Callable[[], Graph]] = {"digits": digits, "blocks": blocks, "lesmis": lesmis}


def split(graph: Graph, seed: int) -> Split:
    """Hold out edges at random, but none of a spanning forest, so that no node is cut off."""
    rng = np.random.default_rng(seed)
    n_nodes, n_edges = len(graph.classes), len(graph.edges)
    first, second = graph.edges.T
    order = rng.permutation(n_edges)
    ends = first.astype(np.int32), second.astype(np.int32)
    forest = minimum_spanning_tree(csr_array((order + 1.0, ends), (n_nodes, n_nodes)))
    kept = np.rint(forest.data).astype(np.int64) - 1
    loose = np.flatnonzero(~np.isin(order, kept))
    chosen = np.zeros(n_edges, np.bool_)
    chosen[rng.permutation(loose)[: int(HELD_OUT * n_edges)]] = True
    codes = set((first * n_nodes + second).tolist())
    without: list[tuple[int, int]] = []
    while len(without) < chosen.sum():
        a, b = sorted(rng.integers(n_nodes, size=2).tolist())
        if a != b and a * n_nodes + b not in codes:
            without.append((a, b))
    return Split(graph.edges[~chosen], graph.edges[chosen], np.array(without))


def quality(
    vectors: NDArray[np.float32], classes: NDArray[np.int64], parts: Split
) -> tuple[float, float]:
    """Return the ROC AUC of the held-out edges, and the part of neighbours of the same class.

    Parameters
    ----------
    vectors : ndarray, shape (n_nodes, vector_size)
        The vectors of the nodes.
    classes : ndarray of int, shape (n_nodes,)
        Their classes.
    parts : Split
        The held-out edges, and pairs without an edge.
    """
    from sklearn.metrics import roc_auc_score

    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    pairs = np.concatenate([parts.held_out, parts.without])
    is_edge = np.arange(len(pairs)) < len(parts.held_out)
    links = roc_auc_score(is_edge, (unit[pairs[:, 0]] * unit[pairs[:, 1]]).sum(axis=1))
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, -np.inf)
    nearest = np.argpartition(-cosines, N_NEIGHBORS, axis=1)[:, :N_NEIGHBORS]
    return float(links), float((classes[nearest] == classes[:, None]).mean())
