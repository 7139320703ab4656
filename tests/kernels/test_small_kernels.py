"""The small kernels of Word2Vec and FastText, each against its reference."""

import heapq

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.config.training import FastTextConfig
from embedtool.kernels.jit import jit
from embedtool.kernels.random import splitmix64, uniform01
from embedtool.kernels.sgd import reference
from embedtool.kernels.sgd.huffman import build_tree
from embedtool.kernels.sgd.logistic import logistic_residuals
from embedtool.kernels.simd.gathered import (
    gather_cumsum,
    gather_dot,
    gather_gemv,
    gather_scal,
    gather_scatter_axpy,
    scatter_axpy,
    scatter_cumsum,
    window_sum,
)
from embedtool.kernels.simd.gemm import gather_gemm, gather_gemm_t, scatter_add_gemm, transpose
from embedtool.kernels.simd.integers import copy_run, fill_run, split_halves, split_last_bit
from embedtool.kernels.simd.rows import axpy, clear_row, copy_row, damp, dot, scal, scaled_diff
from embedtool.model.subwords import ngram_hash, ngrams
from embedtool.trainers.subwords import build_subword_index


@given(st.integers(0, 2**64 - 1))
def test_random_bits(key: int) -> None:
    bits = int(splitmix64(np.uint64(key)))
    assert bits == reference.splitmix64(key)
    assert uniform01(np.uint64(bits)) == reference.uniform01(bits)


def test_random_bits_are_splitmix64s() -> None:
    """The first output for seed 0, as other implementations have it."""
    assert int(splitmix64(np.uint64(0))) == 0xE220A8397B1DCDAF


def addresses(table: np.ndarray) -> np.ndarray:
    """Return where each row of a table is in memory."""
    return table.ctypes.data + table.strides[0] * np.arange(len(table))


@jit
def products(
    table: np.ndarray, slots: np.ndarray, columns: np.ndarray, n_rows: int,
    scores: np.ndarray, sums: np.ndarray, moved: np.ndarray, transposed: np.ndarray,
) -> None:  # fmt: skip
    gather_gemm(table, slots, columns, scores, n_rows)
    gather_gemm_t(scores, table, slots, sums, n_rows)
    transpose(sums, transposed)
    scatter_add_gemm(scores, sums, moved, slots, n_rows)


@pytest.mark.parametrize("n_columns", [16, 32, 48, 112])
@pytest.mark.parametrize("n_rows", [0, 8, 24])
def test_products_of_matrices(n_rows: int, n_columns: int) -> None:
    rng = np.random.default_rng(n_rows)
    table, moved = rng.standard_normal((2, 40, n_columns)).astype(np.float32)
    columns = rng.standard_normal((n_columns, 16)).astype(np.float32)
    slots = rng.permutation(40)[:24].astype(np.int32)
    scores = np.full((24, 16), 9, np.float32)
    sums, transposed = np.empty((16, n_columns), np.float32), np.empty((n_columns, 16), np.float32)
    before = moved.copy()
    products(addresses(table), slots, columns, n_rows, scores, sums, addresses(moved), transposed)
    listed = slots[:n_rows]
    np.testing.assert_allclose(scores[:n_rows], table[listed] @ columns, atol=1e-4)
    assert (scores[n_rows:] == 9).all()
    np.testing.assert_allclose(sums, scores[:n_rows].T @ table[listed], atol=1e-3)
    assert np.array_equal(transposed, sums.T)
    before[listed] += scores[:n_rows] @ sums
    np.testing.assert_allclose(moved, before, rtol=1e-4, atol=1e-2)


@jit
def with_rows(
    rows: np.ndarray, slots: np.ndarray, factors: np.ndarray, first: int, last: int,
    table: np.ndarray, numbers: np.ndarray, products: np.ndarray, dots: np.ndarray,
    sums: np.ndarray, moved: np.ndarray,
) -> float:  # fmt: skip
    gather_gemv(rows, slots, table, 3, products, first, last)
    gather_dot(rows, slots, table, numbers, dots, first, first + 16)
    scatter_axpy(moved, slots, factors, first, last, table, numbers)
    return gather_scal(sums, 2, rows, slots, 4, np.float32(0.5))


@pytest.mark.parametrize("n_columns", [16, 48, 112, 16 * 15])
@pytest.mark.parametrize("first", [0, 2])
@pytest.mark.parametrize("n", [0, 1, 3, 4, 6, 9])
def test_rows_of_a_list(n: int, first: int, n_columns: int) -> None:
    rng = np.random.default_rng(n)
    table, moved, sums = rng.standard_normal((3, 20, n_columns)).astype(np.float32)
    slots, numbers = rng.integers(0, 20, (2, 19)).astype(np.int32)
    factors = rng.standard_normal(19).astype(np.float32)
    products, dots = np.full((2, 19), 9, np.float32)
    moved_before, sums_before = moved.astype(float), sums.astype(float)
    last = first + n
    sq_norm = with_rows(
        addresses(table), slots, factors, first, last, table, numbers, products, dots, sums,
        addresses(moved),
    )  # fmt: skip
    chosen = slice(first, last)
    np.testing.assert_allclose(products[chosen], table[slots[chosen]] @ table[3], atol=1e-4)
    assert (np.delete(products, np.arange(first, last)) == 9).all()
    expected = (table[slots] * table[numbers]).sum(axis=1)
    expected[:first] = expected[first + 16 :] = 9
    np.testing.assert_allclose(dots, expected, atol=1e-4)
    sums_before[2] = table[slots[4]] / 2
    np.testing.assert_allclose(sums, sums_before, atol=1e-4)
    np.testing.assert_allclose(sq_norm, sums_before[2] @ sums_before[2], rtol=1e-5)
    np.add.at(moved_before, slots[chosen], factors[chosen, None] * table[numbers[chosen]])
    np.testing.assert_allclose(moved, moved_before, atol=1e-4)


@jit
def rows_both_ways(
    rows: np.ndarray, slots: np.ndarray, residuals: np.ndarray, factors: np.ndarray, n: int,
    source: np.ndarray, target: np.ndarray,
) -> None:  # fmt: skip
    gather_scatter_axpy(rows, slots, residuals, factors, 1, n, source, target, 2)


@pytest.mark.parametrize("n_columns", [16, 112, 16 * 15])
@pytest.mark.parametrize("n", [1, 2, 11])
def test_each_row_is_added_before_it_is_updated(n: int, n_columns: int) -> None:
    rng = np.random.default_rng(n)
    table, source, target = rng.standard_normal((3, 20, n_columns)).astype(np.float32)
    slots = rng.integers(0, 20, 11).astype(np.int32)
    slots[-1] = slots[1]
    residuals, factors = rng.standard_normal((2, 11)).astype(np.float32)
    expected, expected_target = table.astype(float), target.astype(float)
    rows_both_ways(addresses(table), slots, residuals, factors, n, source, target)
    for k in range(1, n):
        expected_target[2] += residuals[k] * expected[slots[k]]
        expected[slots[k]] += factors[k] * source[2]
    np.testing.assert_allclose(target, expected_target, atol=1e-4)
    np.testing.assert_allclose(table, expected, atol=1e-4)


@jit
def runs(target: np.ndarray, source: np.ndarray, n: int) -> None:
    copy_run(target, 3, source, 2, n)
    fill_run(target, 3 + n, 9, n)


@pytest.mark.parametrize("n", [0, 1, 16, 17])
def test_runs_of_integers(n: int) -> None:
    target, source = np.zeros(80, np.int32), np.arange(80, dtype=np.int32)
    runs(target, source, n)
    assert target[: 3 + 2 * n].tolist() == [0] * 3 + list(range(2, 2 + n)) + [9] * n
    assert not target[3 + 2 * n + 16 :].any()


@jit
def damp_row(table: np.ndarray) -> None:
    damp(table, 0, table, 1, table, 2)


def test_a_row_is_divided_by_totals_above_one() -> None:
    table = np.random.default_rng(0).normal(0, 2, (3, 32)).astype(np.float32)
    before = table.copy()
    damp_row(table)
    np.testing.assert_allclose(table[0], before[1] / np.maximum(1, before[2]), rtol=1e-6)
    assert np.array_equal(table[1:], before[1:])


@jit
def over_windows(
    rows: np.ndarray, slots: np.ndarray, factors: np.ndarray, n: int,
    cumulative: np.ndarray, sums: np.ndarray,
    moved: np.ndarray, steps: np.ndarray, own: np.ndarray, own_rows: np.ndarray,
) -> None:  # fmt: skip
    gather_cumsum(cumulative, rows, slots, n)
    window_sum(sums, 1, cumulative, 2, n, rows, slots, 4, np.float32(0.5))
    scatter_cumsum(moved, slots, factors, n, steps, own, own_rows)


@pytest.mark.parametrize("n_columns", [16, 48, 112, 16 * 15])
def test_sums_over_windows(n_columns: int) -> None:
    rng, n = np.random.default_rng(n_columns), 9
    table, moved, own = rng.standard_normal((3, 20, n_columns)).astype(np.float32)
    steps, cumulative = rng.standard_normal((2, 11, n_columns)).astype(np.float32)
    sums = np.zeros((3, n_columns), np.float32)
    slots, own_rows = rng.integers(0, 20, (2, 11)).astype(np.int32)
    factors = rng.standard_normal(11).astype(np.float32)
    expected, totals = moved.astype(float), np.cumsum(steps[:n], axis=0, dtype=float)
    over_windows(
        addresses(table),
        slots,
        factors,
        n,
        cumulative,
        sums,
        addresses(moved),
        steps,
        own,
        own_rows,
    )
    for k in range(n + 1):
        np.testing.assert_allclose(cumulative[k], table[slots[:k]].sum(axis=0), atol=1e-4)
    window = [k for k in range(2, n) if k != 4]
    np.testing.assert_allclose(sums[1], table[slots[window]].sum(axis=0) / 2, atol=1e-4)
    assert not sums[[0, 2]].any()
    np.add.at(expected, slots[:n], factors[:n, None] * (totals - own[own_rows[:n]]))
    np.testing.assert_allclose(moved, expected, atol=1e-4)
    assert not steps[:n].any()
    assert steps[n:].all()


@jit
def split_numbers(
    source: np.ndarray, n: int, halves: np.ndarray, bits: np.ndarray, ones: np.ndarray
) -> None:
    for row in range(len(bits)):
        split_last_bit(source, 3, n, np.int32(77), halves, bits, ones, row)


@jit
def split_counts(source: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> None:
    for row in range(len(lower)):
        split_halves(source, lower, upper, row)


@pytest.mark.parametrize("n", [0, 1, 16, 21, 32])
def test_numbers_are_split_into_half_and_last_bit(n: int) -> None:
    source = np.random.default_rng(n).integers(0, 1000, 40).astype(np.int32)
    halves, left = np.empty(32, np.int32), 32 - n
    bits, ones = np.empty((2, 2, 16), np.float32)
    split_numbers(source, n, halves, bits, ones)
    numbers = source[3 : 3 + n]
    assert halves.tolist() == [*(numbers // 2), *[77] * left]
    assert bits.ravel().tolist() == [*(numbers % 2), *[0] * left]
    assert ones.ravel().tolist() == [1] * n + [0] * left


def test_counts_are_split_into_halves() -> None:
    lower, upper = np.random.default_rng(0).integers(0, 2**15, (2, 32))
    split = np.empty((2, 2, 16), np.float32)
    split_counts((lower + (upper << 16)).astype(np.int32), *split)
    assert np.array_equal(split.reshape(2, -1), (lower, upper))


@jit
def one_by_one(table: np.ndarray) -> float:
    clear_row(table, 0)
    copy_row(table, 1, table, 5)
    axpy(table, 2, table, 5, np.float32(3))
    scaled_diff(table, 3, table, 5, np.float32(2))
    scal(table, 4, np.float32(0.5))
    return dot(table, 6, table, 5)


@pytest.mark.parametrize("n_columns", [16, 112])
def test_one_row_after_the_other(n_columns: int) -> None:
    table = np.random.default_rng(0).standard_normal((7, n_columns)).astype(np.float32)
    before = table.copy()
    product = one_by_one(table)
    assert product == pytest.approx(before[6] @ before[5], rel=1e-4)
    assert not table[0].any()
    assert np.array_equal(table[1], before[5])
    np.testing.assert_allclose(table[2], before[2] + 3 * before[5], atol=1e-5)
    np.testing.assert_allclose(table[3], 2 * (before[3] - before[5]), atol=1e-5)
    np.testing.assert_allclose(table[4], before[4] / 2, atol=1e-5)
    assert np.array_equal(table[5:], before[5:])


@pytest.mark.parametrize("n_rows", [0, 1, 9])
@pytest.mark.parametrize("spread", [0.0, 1.0, 40.0])
@pytest.mark.parametrize("limit", [np.inf, 6.0])
def test_logistic_residuals(limit: float, spread: float, n_rows: int) -> None:
    rng = np.random.default_rng(n_rows)
    scores = (spread * rng.standard_normal((10, 16))).astype(np.float32)
    trials = rng.integers(0, 4, (10, 16)).astype(np.float32)
    labels = np.minimum(trials, 1)
    hess_weights, before = np.zeros_like(scores), scores.copy()
    loss = logistic_residuals(
        scores, labels, trials, np.float32(0.1), hess_weights, n_rows, np.float32(limit)
    )
    s = np.clip(before[:n_rows].astype(float), -30, 30)
    sigma, t, w = 1 / (1 + np.exp(-s)), labels[:n_rows], trials[:n_rows]
    assert loss == pytest.approx((w * np.logaddexp(0, s) - t * s).sum(), rel=1e-5, abs=1e-5)
    lr = 0.1 * (np.abs(s) < limit)
    np.testing.assert_allclose(scores[:n_rows], lr * (t - w * sigma), atol=1e-6)
    np.testing.assert_allclose(hess_weights[:n_rows], lr * w * sigma * (1 - sigma), atol=1e-7)
    assert np.array_equal(scores[n_rows:], before[n_rows:])


@given(st.lists(st.integers(0, 1000), min_size=2, max_size=60))
def test_the_huffman_code_is_optimal(counts: list[int]) -> None:
    """Its mean length is that of a tree made with a heap, and each inner node has two children."""
    falling = np.array(sorted(counts, reverse=True), np.int64)
    parents, bit = np.empty(2 * len(counts) - 1, np.int32), np.empty(2 * len(counts) - 1, np.bool_)
    longest = build_tree(falling, parents, bit)
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
    below = [(parent, child) for parent, child in zip(parents[:-1], bit[:-1], strict=True)]
    assert sorted(below) == [
        (node, child) for node in range(len(counts), root + 1) for child in (False, True)
    ]


WORDS = st.lists(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1), min_size=1, unique=True
)


@given(WORDS, st.integers(1, 4), st.integers(0, 3), st.integers(1, 500))
def test_the_subword_index(words: list[str], min_n: int, more: int, bucket: int) -> None:
    config = FastTextConfig(min_n=min_n, max_n=min_n + more, bucket=bucket)
    rows = build_subword_index(words, config)
    assert (np.diff(rows.buckets) > 0).all()
    for i, word in enumerate(words):
        own, *others = rows.indices[rows.indptr[i] : rows.indptr[i + 1]].tolist()
        assert own == i
        hashes = [ngram_hash(ngram) % bucket for ngram in ngrams(word, min_n, min_n + more)]
        assert rows.buckets[np.array(others, int) - len(words)].tolist() == hashes


def test_without_n_grams_a_word_has_one_row() -> None:
    rows = build_subword_index(["a", "b"], FastTextConfig(max_n=0))
    assert rows.indices.tolist() == [0, 1]
    assert rows.n_rows == 2
