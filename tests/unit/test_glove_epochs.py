"""An epoch of GloVe: every pair once, and the same bytes with any number of workers."""

import math
import time
from collections import Counter
from itertools import pairwise
from threading import Event, Lock

import numpy as np
import pytest
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig
from embedtool.corpus.cooccurrence import Cell, Cooccurrence
from embedtool.io.progress import Progress, silent
from embedtool.trainers import glove, glove_cells
from embedtool.trainers.state import State
from tests.kernels.test_glove import table


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


CONFIG = GloveConfig(vector_size=5, epochs=3, workers=3)


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


def trained_in_order(
    n: int, seed: int, monkeypatch: pytest.MonkeyPatch
) -> tuple[NDArray[np.int32], list[int]]:
    """The pairs of a cell of `n`, in the order of training, and how many were trained at a time."""
    seen: list[NDArray[np.int32]] = []

    def update(
        rows: NDArray[np.int32], columns: NDArray[np.int32], logs: NDArray[np.float32], *_: object
    ) -> tuple[float, float]:
        assert (columns == n - rows).all()
        np.testing.assert_allclose(np.exp(logs), rows + 1, rtol=1e-5)
        seen.append(rows.copy())
        return 0.0, 0.0

    monkeypatch.setattr(glove, "adagrad_update_pairs", update)
    ids = np.arange(n, dtype=np.int32)
    pairs = ids, n - ids, (ids + 1).astype(np.float32)
    tables = random_state().tables
    glove.train_cell(GloveConfig(seed=seed), 1, (0, 0), pairs, *tables.values(), 1.0)
    return np.concatenate([ids[:0], *seen]), [len(each) for each in seen]


@pytest.mark.parametrize("n", [0, 1, 2047, 2048, 2049, 10_000, 70_000])
def test_the_order_of_pairs_is_random_and_has_each_pair_once(
    n: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (first, at_once), (second, _) = (trained_in_order(n, seed, monkeypatch) for seed in (1, 2))
    assert all(each <= glove.GROUP * glove.GROUPS_AT_ONCE for each in at_once)
    for order in (first, second):
        assert np.array_equal(np.sort(order), np.arange(n))
    if n > 1:
        assert not np.array_equal(first, second)
    groups = [group for group, _ in pairwise([*(first // glove.GROUP), -1])]
    changes = sum(a != b for a, b in pairwise(groups))
    assert changes == max(0, -(-n // glove.GROUP) - 1)


def order_of(pairs: Cooccurrence, epoch: int) -> list[Cell]:
    return glove_cells.cells_in_epoch(CONFIG, epoch, pairs.n_blocks, pairs.cell_size)


def test_each_cell_with_pairs_comes_once_an_epoch() -> None:
    pairs = cooccurrence(8, 100)
    found = order_of(pairs, 1)
    expected = [cell for cell in np.ndindex(8, 8) if pairs.cell_size(*cell)]
    assert 30 < len(expected) < 64
    assert sorted(found) == expected
    assert found != order_of(pairs, 2)


@pytest.mark.parametrize("n_groups", [2, 4, 8])
@pytest.mark.parametrize("n_blocks", [1, 3, 8, 16])
def test_each_pair_of_groups_comes_once_an_epoch(n_blocks: int, n_groups: int) -> None:
    found = glove_cells.cells_in_epoch(CONFIG, 1, n_blocks, lambda row, column: 1)
    assert sorted(found) == list(np.ndindex(n_blocks, n_blocks))
    indices = np.argsort(glove_cells.column_blocks_by_index(CONFIG, 1, n_blocks))
    groups = [(row % n_groups, int(indices[column]) % n_groups) for row, column in found]
    for side in range(2):
        for group in range(n_groups):
            others = [each[1 - side] for each in groups if each[side] == group]
            changes = sum(a != b for a, b in pairwise(others))
            assert changes == max(0, len(set(others)) - 1)


@pytest.mark.parametrize("workers", [1, 2, 3, 8])
def test_workers_share_no_rows_and_each_row_has_its_pairs_in_order(
    workers: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pairs, lock = cooccurrence(8, 1500), Lock()
    started: list[Cell] = []
    busy: list[Cell] = []
    at_once: Counter[int] = Counter()
    several = Event()

    def train_cell(*args: object) -> tuple[float, float]:
        row, column = cell = args[2]
        with lock:
            assert all(row != i and column != j for i, j in busy)
            busy.append(cell)
            started.append(cell)
            at_once[len(busy)] += 1
            if len(busy) > 1:
                several.set()
        if workers > 1:
            assert several.wait(60)
        time.sleep(0.0005 * (1 + (3 * row + column) % 5))
        with lock:
            busy.remove(cell)
        return 0.0, 1.0

    monkeypatch.setattr(glove, "train_cell", train_cell)
    config = GloveConfig(vector_size=5, epochs=1, workers=workers)
    glove.run_epoch(config, pairs, random_state(), silent)
    planned = order_of(pairs, 1)
    assert max(at_once) <= workers
    assert (max(at_once) > 1) == (workers > 1)
    for side, block in np.ndindex(2, 8):
        in_block = [[cell for cell in cells if cell[side] == block] for cells in (started, planned)]
        assert in_block[0] == in_block[1]


def test_an_epoch_has_the_same_bytes_with_any_number_of_workers() -> None:
    pairs = cooccurrence(8, 1500)
    results = []
    for workers in (1, 2, 3, 8):
        state = random_state()
        config = GloveConfig(vector_size=5, epochs=2, workers=workers)
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


def test_an_exception_in_a_worker_ends_the_epoch(monkeypatch: pytest.MonkeyPatch) -> None:
    def train_cell(*args: object) -> tuple[float, float]:
        raise MemoryError("here")

    monkeypatch.setattr(glove, "train_cell", train_cell)
    with pytest.raises(MemoryError, match="here"):
        glove.run_epoch(CONFIG, cooccurrence(8, 1500), random_state(), silent)


def test_an_exception_in_a_report_ends_the_epoch() -> None:
    def report(progress: Progress) -> None:
        raise KeyboardInterrupt

    state = random_state()
    with pytest.raises(KeyboardInterrupt):
        glove.run_epoch(CONFIG, cooccurrence(8, 1500), state, report)
    assert state.epoch == 0
