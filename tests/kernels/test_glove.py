"""The GloVe update equals the plain one, at any vector size; an epoch visits every pair in turn."""

import math
import time
from collections import Counter
from itertools import pairwise
from threading import Lock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.config.training import GloveConfig
from embedtool.corpus.cooccurrence import Cooccurrence
from embedtool.io.progress import Progress, silent
from embedtool.kernels import reference
from embedtool.kernels.glove import adagrad_update_pairs
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.trainers import glove
from embedtool.trainers.state import State

SIZES = [1, 2, 3, 7, 8, 15, 16, 17, 33, 102]
"""Below, at and beyond the lanes of a vector register, and some that do not divide by them."""
N_WORDS = 6
RATE = 0.05
EPSILON = float(np.finfo(np.float32).eps)

Tables = list[np.ndarray]
Pairs = list[np.ndarray]


def filled(vector_size: int) -> int:
    """The length of a vector filled up to full registers."""
    return -(-vector_size // SIMD_WIDTH) * SIMD_WIDTH


def table(vectors: np.ndarray, squares: np.ndarray) -> np.ndarray:
    """A table of rows as the kernel has them; the last column of both is the bias's."""
    n_words, vector_size = vectors.shape[0], vectors.shape[1] - 1
    size = filled(vector_size)
    rows = np.zeros((n_words, 2 * size + SIMD_WIDTH), np.float32)
    rows[:, size : 2 * size] = 1
    for first, numbers in ((0, vectors), (size, squares)):
        rows[:, first : first + vector_size] = numbers[:, :-1]
    rows[:, 2 * size] = vectors[:, -1]
    rows[:, 2 * size + 1] = squares[:, -1]
    return rows


def tables(vector_size: int, seed: int = 1) -> Tables:
    """Words and contexts, as large as in the midst of training."""
    rng = np.random.default_rng(seed)
    shape = (N_WORDS, vector_size + 1)
    vectors = [rng.normal(0, 1 / math.sqrt(vector_size), shape) for _ in range(2)]
    squares = [1 + rng.random(shape) for _ in range(2)]
    return [table(*numbers) for numbers in zip(vectors, squares, strict=True)]


def pairs(n: int, seed: int = 2) -> Pairs:
    """Rows, columns, logarithms and weights; with N_WORDS words, pairs come often."""
    rng = np.random.default_rng(seed)
    rows, columns = (rng.integers(0, N_WORDS, n).astype(np.int32) for _ in range(2))
    numbers = rng.uniform(-2, 5, n), rng.random(n)
    return [rows, columns, *(each.astype(np.float32) for each in numbers)]


def in_order(visited: Pairs) -> np.ndarray:
    return np.arange(len(visited[0]), dtype=np.int32)


def fast(
    visited: Pairs, start: Tables, rate: float = RATE, order: np.ndarray | None = None
) -> tuple[float, Tables]:
    after = [each.copy() for each in start]
    order = in_order(visited) if order is None else order
    return adagrad_update_pairs(order, *visited, *after, np.float32(rate)), after


def plain(visited: Pairs, start: Tables, rate: float = RATE) -> tuple[float, Tables]:
    after = [each.astype(np.float64) for each in start]
    exact = [*visited[:2], *(each.astype(np.float64) for each in visited[2:])]
    loss = reference.adagrad_update_pairs(
        in_order(visited), *exact, *after, float(np.float32(rate))
    )
    return loss, after


def check_equal(
    found: tuple[float, Tables], expected: tuple[float, Tables], visited: Pairs, vector_size: int
) -> float:
    """Compare tables and losses, and return how far apart they may be.

    Single precision rounds each visit, and a visit builds on those before it.

    A visit makes about vector_size + 10 roundings (the dot product, then ten operations), each of
    at most EPSILON / 2 of numbers of size 1; a row sees as many visits as its word has pairs.
    """
    rows, columns = visited[:2]
    visits = max(int(np.bincount(ids, minlength=1).max(initial=1)) for ids in (rows, columns))
    tolerance = max(1, visits) * (vector_size + 10) * EPSILON / 2
    assert tolerance < 1e-3
    for each, expected_table in zip(found[1], expected[1], strict=True):
        assert each.dtype == np.float32
        np.testing.assert_allclose(each, expected_table, rtol=tolerance, atol=tolerance)
    assert found[0] == pytest.approx(expected[0], rel=tolerance, abs=tolerance)
    return tolerance


@pytest.mark.parametrize("vector_size", SIZES)
@pytest.mark.parametrize("n", [1, 2, 7, 100])
def test_visits_equal_the_reference(vector_size: int, n: int) -> None:
    start, visited = tables(vector_size), pairs(n)
    found, expected = fast(visited, start), plain(visited, start)
    tolerance = check_equal(found, expected, visited, vector_size)
    step = max(
        np.abs(after - before).max() for after, before in zip(expected[1], start, strict=True)
    )
    assert step > 50 * tolerance


@settings(deadline=None)
@given(
    vector_size=st.integers(1, 40),
    n=st.integers(0, 60),
    seed=st.integers(0, 2**32 - 1),
    rate=st.floats(0.001, 0.1),
)
def test_any_numbers(vector_size: int, n: int, seed: int, rate: float) -> None:
    start, visited = tables(vector_size, seed), pairs(n, seed + 1)
    check_equal(fast(visited, start, rate), plain(visited, start, rate), visited, vector_size)


@pytest.mark.parametrize("vector_size", SIZES)
def test_no_pairs_change_nothing(vector_size: int) -> None:
    start = tables(vector_size)
    loss, after = fast(pairs(0), start)
    assert loss == 0
    for each, before in zip(after, start, strict=True):
        assert np.array_equal(each, before)


def test_pairs_are_visited_in_the_order_given() -> None:
    start, visited = tables(9), pairs(50)
    order = np.random.default_rng(3).permutation(50).astype(np.int32)[:40]
    loss, after = fast(visited, start, order=order)
    loss_in_turn, after_in_turn = fast([each[order] for each in visited], start)
    assert loss == loss_in_turn
    for each, in_turn in zip(after, after_in_turn, strict=True):
        assert np.array_equal(each, in_turn)


@pytest.mark.parametrize("vector_size", SIZES)
def test_one_pair_again_and_again(vector_size: int) -> None:
    """Each visit sees what the one before it left, and the loss falls."""
    start, n = tables(vector_size), 40
    numbers = (np.full(n, number, np.float32) for number in (3.5, 0.75))
    visited = [np.full(n, 2, np.int32), np.full(n, 2, np.int32), *numbers]
    check_equal(fast(visited, start), plain(visited, start), visited, vector_size)
    once = [each[:1] for each in visited]
    first, _ = fast(once, start)
    last, _ = fast(once, fast(visited, start)[1])
    assert last < first / 2


def test_words_without_pairs_keep_their_bytes() -> None:
    start = tables(7)
    ones = np.ones(2, np.float32)
    visited = [np.array([1, 3], np.int32), np.array([0, 4], np.int32), ones, ones]
    _, after = fast(visited, start)
    for each, before, rows in zip(after, start, ([1, 3], [0, 4]), strict=True):
        changed = (each != before).any(axis=1)
        assert np.flatnonzero(changed).tolist() == rows
        assert np.array_equal(np.delete(each, rows, 0), np.delete(before, rows, 0))


@pytest.mark.parametrize("vector_size", SIZES)
def test_what_fills_a_row_up_stays_as_it_is(vector_size: int) -> None:
    _, after = fast(pairs(100), tables(vector_size))
    size = filled(vector_size)
    for each in after:
        assert (each[:, vector_size:size] == 0).all()
        assert (each[:, size + vector_size : 2 * size] == 1).all()
        assert (each[:, 2 * size + 2 :] == 0).all()


@pytest.mark.parametrize("vector_size", SIZES)
def test_a_frozen_vector_keeps_its_bytes_and_its_bias_learns(vector_size: int) -> None:
    """Zeros and the smallest numbers of a frozen vector stay, too."""
    start, visited = tables(vector_size), pairs(200)
    bias = 2 * filled(vector_size)
    for table, rows in zip(start, ([3], [1, 3]), strict=True):
        table[rows, 0] = (0, 1e-30)[: len(rows)]
        table[rows, bias + 2] = 1
    found = fast(visited, start)
    check_equal(found, plain(visited, start), visited, vector_size)
    for after, before, rows in zip(found[1], start, ([3], [1, 3]), strict=True):
        assert after[rows, :bias].tobytes() == before[rows, :bias].tobytes()
        assert (after[rows, bias] != before[rows, bias]).all()
        assert (after[0, :vector_size] != before[0, :vector_size]).all()


@pytest.mark.parametrize(("error", "clipped"), [(40, 80), (60, 100), (-60, -100)])
def test_a_component_of_a_gradient_is_clipped_as_by_the_authors_program(
    error: float, clipped: float
) -> None:
    """The gradient is twice the error; that of the bias, the error, is not clipped."""
    words, contexts = np.zeros((1, 2), np.float32), np.array([[2, 0]], np.float32)
    start = [table(each, np.ones((1, 2))) for each in (words, contexts)]
    zero = np.zeros(1, np.int32)
    visited = [zero, zero, np.array([-error], np.float32), np.ones(1, np.float32)]
    _, (after, _) = fast(visited, start, 0.1)
    assert after[0, 0] == pytest.approx(-0.1 * clipped, rel=1e-6)
    assert after[0, 2 * SIMD_WIDTH] == pytest.approx(-error, rel=1e-6)


def test_a_visit_by_hand() -> None:
    """Vector size 1, the word's row (2, 0.5), the context's (3, -1), ln x = 1.5, f(x) = 1/2.

    The difference is 2*3 + 0.5 - 1 - 1.5; sums of squares begin at 1, and at 4 for the word's
    vector.
    """
    error = 4 / 2
    words, contexts = (np.array([row], np.float32) for row in ([2, 0.5], [3, -1]))
    start = [table(words, np.array([[4, 1]])), table(contexts, np.array([[1, 1]]))]
    zero = np.zeros(1, np.int32)
    visited = [zero, zero, np.array([1.5], np.float32), np.array([0.5], np.float32)]
    loss, (words, contexts) = fast(visited, start, 0.1)
    vector, square, bias, bias_square = 0, SIMD_WIDTH, 2 * SIMD_WIDTH, 2 * SIMD_WIDTH + 1
    assert loss == pytest.approx(4 * error / 2, rel=1e-6)
    assert words[0, vector] == pytest.approx(2 - 0.1 * error * 3 / 2, rel=1e-6)
    assert words[0, square] == pytest.approx(4 + (0.1 * error * 3) ** 2, rel=1e-6)
    assert contexts[0, vector] == pytest.approx(3 - 0.1 * error * 2, rel=1e-6)
    assert contexts[0, square] == pytest.approx(1 + (0.1 * error * 2) ** 2, rel=1e-6)
    for each, before in ((words, 0.5), (contexts, -1)):
        assert each[0, bias] == pytest.approx(before - error, rel=1e-6)
        assert each[0, bias_square] == pytest.approx(1 + error**2, rel=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, 1e30])
@pytest.mark.parametrize("vector_size", [1, 8, 33])
def test_a_loss_that_is_not_finite_is_seen(value: float, vector_size: int) -> None:
    start = tables(vector_size)
    start[0][2, 0] = value
    start[1][2, :vector_size] = 1e30
    two, one = np.array([2], np.int32), np.ones(1, np.float32)
    loss, _ = fast([two, two, one, one], start)
    assert not math.isfinite(loss)


def cooccurrence(n_blocks: int, n_pairs: int, n_words: int = 40) -> Cooccurrence:
    """Pairs of random words, both ways, in cells of equal blocks; most cells hold some."""
    rng = np.random.default_rng(4)
    size = n_words // n_blocks
    rows, columns = np.unique(rng.integers(0, n_words, (n_pairs, 2)), axis=0).T
    cells = rows // size * n_blocks + columns // size
    order = np.argsort(cells, kind="stable")
    rows, columns = (each[order].astype(np.int32) for each in (rows, columns))
    counts = np.exp(rng.uniform(-2, 5, len(rows))).astype(np.float32)
    bounds = np.searchsorted(cells[order], np.arange(n_blocks**2 + 1))
    return Cooccurrence(False, rows, columns, counts, bounds, 0)


def random_state(n_words: int = 40, vector_size: int = 5) -> State:
    rng = np.random.default_rng(5)
    shape = (n_words, vector_size + 1)
    words, contexts = (table(rng.normal(0, 0.3, shape), np.ones(shape)) for _ in range(2))
    return State({"words": words, "contexts": contexts})


def copy(state: State) -> State:
    return State({name: each.copy() for name, each in state.tables.items()}, epoch=state.epoch)


CONFIG = GloveConfig(vector_size=5, iterations=3, workers=3)


@pytest.mark.parametrize(
    ("x", "exponent", "weight"),
    [(10, 0.75, 1), (11, 0.75, 1), (1e6, 0.75, 1), (5, 0.75, 0.5**0.75), (5, 0, 1), (0.1, 2, 1e-4)],
)
def test_counts_from_x_max_on_weigh_one(x: float, exponent: float, weight: float) -> None:
    """With vectors of zeros and biases of zero the loss is f(x) ln(x)^2 / 2."""
    seen: list[Progress] = []
    zero = np.zeros(1, np.int32)
    counts, bounds = np.array([x], np.float32), np.array([0, 1])
    state = State(
        {name: table(np.zeros((1, 3)), np.ones((1, 3))) for name in ("words", "contexts")}
    )
    config = GloveConfig(vector_size=2, x_max=10, weight_exponent=exponent)
    glove.run_epoch(config, Cooccurrence(False, zero, zero, counts, bounds, 1), state, seen.append)
    assert seen[-1].loss == pytest.approx(weight * math.log(x) ** 2 / 2, rel=1e-5)
    assert seen[-1].untrained == pytest.approx(seen[-1].loss, rel=1e-5)


@pytest.mark.parametrize("n", [0, 1, 2047, 2048, 2049, 10_000])
def test_the_order_of_visits_is_random_and_has_each_pair_once(n: int) -> None:
    first, second = (glove.update_order(n, np.random.default_rng(seed)) for seed in (1, 2))
    for order in (first, second):
        assert order.dtype == np.int32
        assert np.array_equal(np.sort(order), np.arange(n))
    if n > 1:
        assert not np.array_equal(first, second)
    groups = [group for group, _ in pairwise([*(first // glove.GROUP), -1])]
    changes = sum(a != b for a, b in pairwise(groups))
    assert changes == max(0, -(-n // glove.GROUP) - 1)


def order_of(pairs: Cooccurrence, epoch: int) -> list[glove.Cell]:
    return glove.cells_in_epoch(CONFIG, epoch, pairs.n_blocks, pairs.cell_size)


def test_each_cell_with_pairs_comes_once_an_epoch() -> None:
    pairs = cooccurrence(8, 100)
    found = order_of(pairs, 1)
    expected = [cell for cell in np.ndindex(8, 8) if pairs.cell_size(*cell)]
    assert 30 < len(expected) < 64
    assert sorted(found) == expected
    assert found != order_of(pairs, 2)


@pytest.mark.parametrize("n_groups", [2, 4, 8])
@pytest.mark.parametrize("n_blocks", [1, 3, 8, 16])
def test_groups_of_rows_and_of_columns_meet_once_an_epoch(n_blocks: int, n_groups: int) -> None:
    found = glove.cells_in_epoch(CONFIG, 1, n_blocks, lambda row, column: 1)
    assert sorted(found) == list(np.ndindex(n_blocks, n_blocks))
    places = np.argsort(glove.column_blocks_by_index(CONFIG, 1, n_blocks))
    groups = [(row % n_groups, int(places[column]) % n_groups) for row, column in found]
    for side in range(2):
        for group in range(n_groups):
            others = [each[1 - side] for each in groups if each[side] == group]
            changes = sum(a != b for a, b in pairwise(others))
            assert changes == max(0, len(set(others)) - 1)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_workers_never_meet_and_each_row_has_its_pairs_in_turn(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, lock = cooccurrence(8, 1500), Lock()
    begun: list[glove.Cell] = []
    busy: list[glove.Cell] = []
    at_once: Counter[int] = Counter()

    def visit(*args: object) -> tuple[float, float]:
        row, column = cell = args[2]
        with lock:
            assert all(row != i and column != j for i, j in busy)
            busy.append(cell)
            begun.append(cell)
            at_once[len(busy)] += 1
        time.sleep(0.0005 * (1 + (3 * row + column) % 5))
        with lock:
            busy.remove(cell)
        return 0.0, 1.0

    monkeypatch.setattr(glove, "train_cell", visit)
    config = GloveConfig(vector_size=5, iterations=1, workers=workers)
    glove.run_epoch(config, pairs, random_state(), silent)
    planned = order_of(pairs, 1)
    assert max(at_once) <= workers
    assert (max(at_once) > 1) == (workers > 1)
    for side, block in np.ndindex(2, 8):
        in_block = [[cell for cell in cells if cell[side] == block] for cells in (begun, planned)]
        assert in_block[0] == in_block[1]


def test_an_epoch_has_the_same_bytes_with_any_number_of_workers() -> None:
    pairs = cooccurrence(8, 1500)
    results = []
    for workers in (1, 2, 3, 8):
        state = random_state()
        config = GloveConfig(vector_size=5, iterations=2, workers=workers)
        seen: list[Progress] = []
        for _ in range(2):
            glove.run_epoch(config, pairs, state, seen.append)
        losses = [message.loss for message in seen]
        results.append((losses, *(each.tobytes() for each in state.tables.values())))
    assert results[1:] == results[:1] * 3


def test_training_goes_on_from_a_copy_of_its_state_to_the_same_bytes() -> None:
    pairs, state = cooccurrence(8, 1500), random_state()
    glove.run_epoch(CONFIG, pairs, state, silent)
    copied = copy(state)
    for each in (state, copied):
        assert each.epoch == 1
        for _ in range(2):
            glove.run_epoch(CONFIG, pairs, each, silent)
    for name, each in state.tables.items():
        assert np.array_equal(each, copied.tables[name])


def test_what_fails_in_a_worker_ends_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    def visit(*args: object) -> tuple[float, float]:
        raise MemoryError("here")

    monkeypatch.setattr(glove, "train_cell", visit)
    with pytest.raises(MemoryError, match="here"):
        glove.run_epoch(CONFIG, cooccurrence(8, 1500), random_state(), silent)


def test_who_listens_may_end_an_epoch() -> None:
    def report(progress: Progress) -> None:
        raise KeyboardInterrupt

    state = random_state()
    with pytest.raises(KeyboardInterrupt):
        glove.run_epoch(CONFIG, cooccurrence(8, 1500), state, report)
    assert state.epoch == 0
