"""The kernels that Word2Vec's and FastText's stand on, each against its slow twin."""

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.config import FastTextConfig
from embedtool.kernels import reference_word2vec as reference
from embedtool.kernels.huffman import build_tree
from embedtool.kernels.jit import jit
from embedtool.kernels.logistic import logistic_steps
from embedtool.kernels.matrix import add_noise, multiply, multiply_turned
from embedtool.kernels.random import fraction, mixed
from embedtool.trainers.subwords import rows_of_words
from embedtool.vectors import ngram_hash, ngrams


@given(st.integers(0, 2**64 - 1))
def test_random_bits(key: int) -> None:
    bits = int(mixed(np.uint64(key)))
    assert bits == reference.mixed(key)
    assert fraction(np.uint64(bits)) == reference.fraction(bits)


def test_random_bits_are_splitmix64s() -> None:
    """The first output for seed 0, as other implementations have it."""
    assert int(mixed(np.uint64(0))) == 0xE220A8397B1DCDAF


@jit
def products(
    a: np.ndarray, b: np.ndarray, product: np.ndarray, turned: np.ndarray, first: int, n_terms: int
) -> None:
    multiply(a, first, b, first, product, first, 16, n_terms)
    multiply_turned(a, b, first, turned, n_terms)


@pytest.mark.parametrize("n_columns", [16, 32, 48, 112])
@pytest.mark.parametrize("n_terms", [1, 7, 16])
@pytest.mark.parametrize("first", [0, 3])
def test_products_of_matrices(n_terms: int, n_columns: int, first: int) -> None:
    rng = np.random.default_rng(n_terms)
    a = rng.standard_normal((24, 16)).astype(np.float32)
    b = rng.standard_normal((24, n_columns)).astype(np.float32)
    product = np.full((24, n_columns), 9, np.float32)
    turned = np.full((16, n_columns), 9, np.float32)
    products(a, b, product, turned, first, n_terms)
    terms = b[first : first + n_terms]
    expected = a[first : first + 16, :n_terms] @ terms
    np.testing.assert_allclose(product[first : first + 16], expected, atol=1e-5)
    np.testing.assert_allclose(turned, a[:n_terms].T @ terms, atol=1e-5)
    assert (product[:first] == 9).all()
    assert (product[first + 16 :] == 9).all()


@jit
def with_noise(
    targets: np.ndarray, draws: np.ndarray, n_pairs: np.ndarray, weights: np.ndarray, n: int
) -> None:
    add_noise(targets, draws, n_pairs, weights, n)


@pytest.mark.parametrize("n_rows", [0, 1, 5])
def test_weights_of_noise(n_rows: int) -> None:
    rng = np.random.default_rng(0)
    targets, weights = rng.random((2, 6, 16)).astype(np.float32)
    draws, n_pairs = rng.random(6).astype(np.float32), rng.random(16).astype(np.float32)
    before = weights.copy()
    with_noise(targets, draws, n_pairs, weights, n_rows)
    expected = targets + draws[:, None] * (n_pairs - targets)
    np.testing.assert_allclose(weights[:n_rows], expected[:n_rows], rtol=1e-6)
    assert np.array_equal(weights[n_rows:], before[n_rows:])


@pytest.mark.parametrize("n_rows", [0, 1, 9])
@pytest.mark.parametrize("spread", [0.0, 1.0, 40.0])
def test_logistic_steps(spread: float, n_rows: int) -> None:
    rng = np.random.default_rng(n_rows)
    scores = (spread * rng.standard_normal((10, 16))).astype(np.float32)
    weights = rng.integers(0, 4, (10, 16)).astype(np.float32)
    targets = np.minimum(weights, 1)
    seconds, before = np.zeros_like(scores), scores.copy()
    loss = logistic_steps(scores, targets, weights, np.float32(0.1), seconds, n_rows)
    s = np.clip(before[:n_rows].astype(float), -30, 30)
    sigma, t, w = 1 / (1 + np.exp(-s)), targets[:n_rows], weights[:n_rows]
    assert loss == pytest.approx((w * np.logaddexp(0, s) - t * s).sum(), rel=1e-5, abs=1e-5)
    np.testing.assert_allclose(scores[:n_rows], 0.1 * (t - w * sigma), atol=1e-6)
    np.testing.assert_allclose(seconds[:n_rows], 0.1 * w * sigma * (1 - sigma), atol=1e-7)
    assert np.array_equal(scores[n_rows:], before[n_rows:])


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=60))
def test_the_huffman_tree_is_as_short_as_can_be(counts: list[int]) -> None:
    """Its mean way is that of a tree made with a heap, and each inner node has two below it."""
    falling = np.array(sorted(counts, reverse=True), np.int64)
    parents, left = np.empty(2 * len(counts) - 1, np.int32), np.empty(2 * len(counts) - 1, np.bool_)
    longest = build_tree(falling, parents, left)
    heap = sorted(counts)
    shortest = 0
    while len(heap) > 1:
        joined = heapq.heappop(heap) + heapq.heappop(heap)
        shortest += joined
        heapq.heappush(heap, joined)
    root = len(parents) - 1
    depths = np.zeros(len(parents), np.int64)
    for node in range(root - 1, -1, -1):
        depths[node] = depths[parents[node]] + 1
    assert (depths[: len(counts)] * falling).sum() == shortest
    assert depths.max() == longest
    below = [(parent, turn) for parent, turn in zip(parents[:-1], left[:-1], strict=True)]
    assert sorted(below) == [
        (node, turn) for node in range(len(counts), root + 1) for turn in (False, True)
    ]


WORDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True
)


@given(WORDS, st.integers(1, 4), st.integers(0, 3), st.integers(1, 500))
def test_the_rows_of_words(words: list[str], min_n: int, more: int, bucket: int) -> None:
    config = FastTextConfig(min_n=min_n, max_n=min_n + more, bucket=bucket)
    rows = rows_of_words(words, config)
    assert (np.diff(rows.buckets) > 0).all()
    for i, word in enumerate(words):
        own, *others = rows.rows[rows.starts[i] : rows.starts[i + 1]].tolist()
        assert own == i
        hashes = [ngram_hash(ngram) % bucket for ngram in ngrams(word, min_n, min_n + more)]
        assert rows.buckets[np.array(others, int) - len(words)].tolist() == hashes


def test_without_n_grams_a_word_is_its_own_row() -> None:
    rows = rows_of_words(["a", "b"], FastTextConfig(max_n=0))
    assert rows.rows.tolist() == [0, 1]
    assert rows.n_rows == 2
