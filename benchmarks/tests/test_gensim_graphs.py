"""What is measured on the nodes of graphs: held-out edges, and the scores of vectors."""

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from benchmarks.gensim_graphs import HELD_OUT, blocks, quality, split


def n_components(edges: np.ndarray, n_nodes: int) -> int:
    return connected_components(csr_array((np.ones(len(edges)), edges.T), (n_nodes, n_nodes)))[0]


def test_a_fifth_of_the_edges_is_held_out_and_no_node_is_cut_off() -> None:
    graph = blocks()
    parts = split(graph, seed=1)
    assert len(parts.held_out) == len(parts.without) == int(HELD_OUT * len(graph.edges))
    everything = np.concatenate([parts.edges, parts.held_out])
    np.testing.assert_array_equal(np.unique(everything, axis=0), np.unique(graph.edges, axis=0))
    n_nodes = len(graph.classes)
    assert n_components(parts.edges, n_nodes) == n_components(graph.edges, n_nodes)
    edges = set(map(tuple, graph.edges.tolist()))
    assert not any((a, b) in edges or a >= b for a, b in parts.without.tolist())
    assert not np.array_equal(parts.held_out, split(graph, seed=2).held_out)


def test_vectors_of_the_classes_score_high_and_vectors_of_others_low() -> None:
    graph = blocks()
    parts = split(graph, seed=1)
    n_classes = graph.classes.max() + 1
    rng = np.random.default_rng(0)
    noise = rng.normal(0, 0.01, (len(graph.classes), n_classes)).astype(np.float32)
    of_classes = np.eye(n_classes, dtype=np.float32)[graph.classes]
    links, neighbours = quality(of_classes + noise, graph.classes, parts)
    assert links > 0.8
    assert neighbours == 1.0
    links, neighbours = quality(noise, graph.classes, parts)
    assert 0.45 < links < 0.55
    assert neighbours < 0.1
