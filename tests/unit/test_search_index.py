"""The index finds what sorting all scores finds, whatever the size of its blocks."""

import numpy as np
import pytest
from numpy.typing import NDArray

from embedtool.model.linalg import unit_rows
from embedtool.search import index
from embedtool.search.index import EPSILON, nearest, nearest_by_product


def random_unit(n_rows: int, seed: int = 0, vector_size: int = 12) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    return unit_rows(rng.standard_normal((n_rows, vector_size)).astype(np.float32))


def sorted_ids(scores, n, candidates=None, excluded=None) -> list[list[int]]:
    """The plain way: every score, sorted by falling score, then id."""
    found = []
    for i, row in enumerate(scores):
        allowed = range(len(row)) if candidates is None else candidates
        ids = [j for j in allowed if excluded is None or j not in excluded[i]]
        found.append(sorted(ids, key=lambda j, row=row: (-row[j], j))[:n])
    return found


def id_lists(found: index.Nearest) -> list[list[int]]:
    return [[i for i in row if i >= 0] for row in found.ids.tolist()]


@pytest.fixture(params=[(1 << 24, 1 << 14), (64, 7), (1, 1), (2000, 150)])
def blocks(request, monkeypatch):
    """Blocks of several sizes, from one score to all."""
    monkeypatch.setattr(index, "BLOCK_SCORES", request.param[0])
    monkeypatch.setattr(index, "BLOCK_CANDIDATES", request.param[1])


@pytest.mark.parametrize("n_words", [1, 2, 63, 64, 65, 700])
@pytest.mark.parametrize("n", [1, 2, 10, 1000])
def test_nearest_is_what_sorting_finds(blocks, n_words, n):
    unit, queries = random_unit(n_words), random_unit(9, seed=1)
    found = nearest(unit, None, queries, n)
    scores = queries @ unit.T
    assert id_lists(found) == sorted_ids(scores, n)
    expected = np.take_along_axis(scores, found.ids, axis=1)
    np.testing.assert_allclose(found.scores, expected, atol=1e-6)


def test_candidates_and_excluded_ids_restrict_the_answers(blocks):
    unit, queries = random_unit(300), random_unit(5, seed=1)
    candidates = np.arange(3, 300, 4)
    excluded = np.array([[7, 8, -1], [-1, -1, -1], [3, 7, 11], [299, 0, 15], [1, 2, 4]])
    found = nearest(unit, None, queries, 20, candidates=candidates, excluded=excluded)
    assert id_lists(found) == sorted_ids(queries @ unit.T, 20, candidates.tolist(), excluded)


def test_too_few_rows_are_filled_with_no_id():
    unit = random_unit(3)
    found = nearest(unit, None, unit, 5, excluded=np.array([[0, 1], [0, -1], [-1, -1]]))
    assert (found.ids >= 0).sum(axis=1).tolist() == [1, 2, 3]
    assert np.isneginf(found.scores[found.ids < 0]).all()
    only = nearest(unit[:1], None, unit[:1], 5, excluded=np.array([[0]]))
    assert only.ids.tolist() == [[-1]]


def test_rows_of_any_length_answer_as_their_directions_do(blocks):
    unit = random_unit(300)
    unit[7] = 0
    norms = np.random.default_rng(2).uniform(0.1, 9, 300).astype(np.float32)
    norms[7] = 0
    queries, matrix = random_unit(5, seed=1), unit * norms[:, None]
    found = nearest(matrix, norms, queries, 300)
    expected = nearest(unit, None, queries, 300)
    assert id_lists(found) == id_lists(expected)
    np.testing.assert_allclose(found.scores, expected.scores, atol=1e-6)
    slots, weights = np.array([[0, 1, 2]]), np.array([[1.0, -1.0, 1.0]])
    by_product = nearest_by_product(matrix, norms, queries, slots, weights, 300)
    assert id_lists(by_product) == id_lists(
        nearest_by_product(unit, None, queries, slots, weights, 300)
    )


def test_no_queries_and_no_rows():
    unit = random_unit(4)
    assert nearest(unit, None, unit[:0], 3).ids.shape == (0, 3)
    assert nearest(unit[:0], None, unit, 3).ids.shape == (4, 0)


@pytest.mark.parametrize("n", [1, 3, 5, 70])
def test_equal_scores_come_by_id(blocks, n):
    unit = np.zeros((200, 2), dtype=np.float32)
    unit[::3, 0] = 1
    unit[1::3, 1] = 1
    queries = np.array([[1, 0], [0, 1], [0, 0]], dtype=np.float32)
    assert id_lists(nearest(unit, None, queries, n)) == sorted_ids(queries @ unit.T, n)


@pytest.mark.parametrize("n", [1, 4, 500])
def test_products_are_what_sorting_finds(blocks, n):
    unit, terms = random_unit(300), random_unit(6, seed=2)
    slots = np.array([[0, 1, 2], [3, 3, 4], [5, 0, 0], [1, 2, 1]])
    weights = np.array([[1, -1, 1], [0.5, -2, -1], [1, 0, 0], [1, 1, -1]])
    shifted = (terms.astype(float) @ unit.T.astype(float) + 1) / 2
    products = np.array(
        [
            np.prod(
                [(shifted[s] + EPSILON * (w < 0)) ** w for s, w in zip(row, ws, strict=True)], 0
            )
            for row, ws in zip(slots, weights, strict=True)
        ]
    )
    excluded = np.array([[0, 5], [-1, -1], [299, 0], [1, 2]])
    found = nearest_by_product(unit, None, terms, slots, weights, n, excluded=excluded)
    assert id_lists(found) == sorted_ids(products, n, None, excluded)
    kept = found.ids >= 0
    expected = np.take_along_axis(products, found.ids, axis=1)
    np.testing.assert_allclose(found.scores[kept], expected[kept], rtol=1e-5)


def test_products_of_opposite_words_and_large_weights_are_finite():
    unit = np.array([[1, 0], [-1, 0], [0, 1]], dtype=np.float32)
    slots = np.array([[0, 1]])
    for weights in ([[-1000.0, 1.0]], [[1000.0, -1000.0]], [[0.5, 0.0]]):
        found = nearest_by_product(unit, None, unit, slots, np.array(weights), 3)
        assert np.isfinite(found.scores).all()
