"""Sums by key in sorted runs on disk, merged piece by piece."""

from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.corpus.sorted_runs import SAMPLE_STEP, SortedRuns

LARGEST_KEY = 2**63 - 1
LARGEST_SUM = 2**40

Piece = tuple[np.ndarray, np.ndarray]


def append(runs: SortedRuns, sums: dict[int, int]) -> None:
    keys = sorted(sums)
    runs.append(np.array(keys, np.uint64), np.array([sums[key] for key in keys], np.int64))


def total(batches: Iterable[dict[int, int]]) -> Counter[int]:
    sums: Counter[int] = Counter()
    for batch in batches:
        sums.update(batch)
    return sums


def check(pieces: list[Piece], sums: Counter[int]) -> None:
    """Keys rise from piece to piece, each once with its sum."""
    keys = np.concatenate([np.empty(0, np.uint64), *(keys for keys, _ in pieces)])
    values = np.concatenate([np.empty(0, np.int64), *(values for _, values in pieces)])
    assert (keys.dtype, values.dtype) == (np.uint64, np.int64)
    assert keys.tolist() == sorted(sums)
    assert dict(zip(keys.tolist(), values.tolist(), strict=True)) == sums


KEYS = st.integers(0, 40) | st.integers(0, 2000) | st.integers(0, LARGEST_KEY)
BATCHES = st.lists(st.dictionaries(KEYS, st.integers(1, LARGEST_SUM), max_size=30), max_size=12)


@settings(deadline=None)
@given(
    batches=BATCHES,
    sample_step=st.integers(1, 5),
    at_once=st.integers(0, 40),
)
def test_merging_sums_what_the_runs_hold(
    batches: list[dict[int, int]], sample_step: int, at_once: int
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.corpus.sorted_runs.SAMPLE_STEP", sample_step)
        with SortedRuns(Path(folder)) as runs:
            for batch in batches:
                append(runs, batch)
            pieces = list(runs.merge(at_once))
            assert runs.n_taken == sum(map(len, batches)) == runs.ends[-1]
            runs.remove()
        assert list(Path(folder).iterdir()) == []
    check(pieces, total(batches))


def random_batches(n_runs: int, n_keys: int, highest: int) -> list[dict[int, int]]:
    rng = np.random.default_rng(1)
    batches = []
    for _ in range(n_runs):
        keys = np.unique(rng.integers(0, highest, n_keys))
        batches.append(
            dict(zip(keys.tolist(), rng.integers(1, 99, len(keys)).tolist(), strict=True))
        )
    return batches


def test_many_runs_in_small_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedtool.corpus.sorted_runs.SAMPLE_STEP", 16)
    batches = random_batches(n_runs=60, n_keys=200, highest=2**16)
    with SortedRuns(tmp_path) as runs:
        for batch in batches:
            append(runs, batch)
        pieces = list(runs.merge(1))
    check(pieces, total(batches))
    assert len(pieces) > 20


@pytest.mark.parametrize("at_once", [1, 5000, 20_000, 10**9])
def test_pieces_are_about_as_large_as_asked(at_once: int, tmp_path: Path) -> None:
    """A piece ends at a sample, and of each run up to one sample's keys can come with it."""
    batches = random_batches(n_runs=5, n_keys=20_000, highest=2**40)
    with SortedRuns(tmp_path) as runs:
        for batch in batches:
            append(runs, batch)
        pieces = list(runs.merge(at_once))
    check(pieces, total(batches))
    largest = max(len(keys) for keys, _ in pieces)
    assert largest <= at_once + (len(batches) + 1) * SAMPLE_STEP
    n_entries = sum(map(len, batches))
    assert len(pieces) <= n_entries / max(at_once, SAMPLE_STEP) + 1 + len(batches)


def test_a_run_does_not_stay_in_memory(tmp_path: Path) -> None:
    """A sample that is a view of a run's keys would keep them all, however many runs there are."""
    with SortedRuns(tmp_path) as runs:
        append(runs, dict.fromkeys(range(10 * SAMPLE_STEP), 1))
        assert [len(sample) for sample in runs.samples] == [10]
        assert all(sample.base is None for sample in runs.samples)


def test_what_is_appended_may_be_used_again(tmp_path: Path) -> None:
    keys, sums = np.array([1, 2, 3], np.uint64), np.array([10, 20, 30], np.int64)
    with SortedRuns(tmp_path) as runs:
        for _ in range(3):
            runs.append(keys, sums)
            keys += np.uint64(1)
            sums += 1
        check(list(runs.merge(100)), Counter({1: 10, 2: 31, 3: 63, 4: 53, 5: 32}))


@pytest.mark.parametrize("n_empty", [0, 1, 3])
def test_empty_runs(n_empty: int, tmp_path: Path) -> None:
    with SortedRuns(tmp_path) as runs:
        for _ in range(n_empty):
            append(runs, {})
        assert list(runs.merge(1)) == []


def test_the_largest_key_and_sums_beyond_32_bits(tmp_path: Path) -> None:
    with SortedRuns(tmp_path) as runs:
        for _ in range(3):
            append(runs, {LARGEST_KEY: 2**40, 0: 2**61})
        check(list(runs.merge(1)), Counter({LARGEST_KEY: 3 * 2**40, 0: 3 * 2**61}))


@pytest.mark.parametrize("n_before", [0, 1, 4])
def test_runs_are_gone_on_with(n_before: int, tmp_path: Path) -> None:
    """What was written behind the last end that was kept does not count."""
    batches = random_batches(n_runs=5, n_keys=3000, highest=2**13)
    with SortedRuns(tmp_path) as runs:
        for batch in batches[:n_before]:
            append(runs, batch)
        ends = list(runs.ends)
        append(runs, {7: 1, 8: 1})
        runs.keys_file.write(b"cut")
    with SortedRuns(tmp_path, ends) as runs:
        assert runs.is_complete
        for batch in batches[n_before:]:
            append(runs, batch)
        check(list(runs.merge(500)), total(batches))
        runs.remove()
    assert list(tmp_path.iterdir()) == []


def test_runs_that_are_not_there_any_more(tmp_path: Path) -> None:
    assert not SortedRuns(tmp_path, [0, 2]).is_complete
    with SortedRuns(tmp_path) as runs:
        append(runs, {1: 1, 2: 2})
    assert SortedRuns(tmp_path, [0, 2]).is_complete
    assert not SortedRuns(tmp_path, [0, 2, 3]).is_complete
