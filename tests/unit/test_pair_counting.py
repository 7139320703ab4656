"""Co-occurrences on disk equal the reference, whatever the memory, workers and stops."""

import math
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.config.training import GloveConfig
from embedtool.corpus import cells, pair_counting, sorted_runs
from embedtool.corpus.cells import Blocks
from embedtool.corpus.cooccurrence import Cooccurrence, distance_weights
from embedtool.corpus.pair_counting import CheckpointHooks, count_cooccurrence
from embedtool.errors import StoppedError, TrainingError
from embedtool.io.progress import Progress
from embedtool.kernels.text.cooccurrence import list_pairs
from tests.factories import encoded_corpus, zipf_corpus, zipf_sentences
from tests.kernels.sentences import (
    WINDOWS,
    Sentences,
    key_of,
    reference_sums,
)

LONGEST_EXACT = 22
"""The widest window within which every 1/d is a whole number of units."""


@pytest.mark.parametrize("window", range(1, 31))
def test_weights_are_one_over_the_distance(window: int) -> None:
    weights, unit = distance_weights(window, True)
    assert (len(weights), weights.dtype) == (window + 1, np.int64)
    for distance in range(1, window + 1):
        error = abs(Fraction(int(weights[distance]), unit) - Fraction(1, distance))
        assert error <= (0 if window <= LONGEST_EXACT else Fraction(1, 2 * unit))
    flat, one = distance_weights(window, False)
    assert flat[1:].tolist() == [one] * window


@pytest.fixture
def spilling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Space for 64 to 128 entries, samples of every second key, small pieces and stretches."""
    monkeypatch.setattr(pair_counting, "MiB", 1)
    monkeypatch.setattr(pair_counting, "MIN_ENTRIES", 64)
    monkeypatch.setattr(pair_counting, "CHUNK_TOKENS", 97)
    monkeypatch.setattr(sorted_runs, "SAMPLE_STEP", 2)


def stored(sentences: Sentences, n_words: int, folder: Path, **options: Any) -> Cooccurrence:
    config = GloveConfig(**{"workers": 1, **options})
    return count_cooccurrence(encoded_corpus(sentences, n_words), config, folder)


def block_of(blocks: Blocks, ids: np.ndarray) -> np.ndarray:
    return np.searchsorted(blocks.starts, ids, side="right") - 1


def all_pairs(pairs: Cooccurrence, blocks: Blocks) -> dict[tuple[int, int], np.float32]:
    """Every pair of every cell, after a look at whether it belongs there."""
    found: dict[tuple[int, int], np.float32] = {}
    for row_block in range(pairs.n_blocks):
        for column_block in range(pairs.n_blocks):
            rows, columns, counts = pairs.cell(row_block, column_block)
            assert (rows.dtype, columns.dtype, counts.dtype) == ("i4", "i4", "f4")
            assert (block_of(blocks, rows) == row_block).all()
            assert (block_of(blocks, columns) == column_block).all()
            size = pairs.cell_size(row_block, column_block)
            assert len(rows) <= size <= 2 * len(rows)
            for row, column, count in zip(rows, columns, counts, strict=True):
                assert (int(row), int(column)) not in found
                found[int(row), int(column)] = count
    assert len(found) == len(pairs)
    return found


def expected_pairs(
    sentences: Sentences, weights: Sequence[int | Fraction], symmetric: bool, unit: int = 1
) -> dict[tuple[int, int], np.float32]:
    """What the cells must hold: as Stanford's GloVe, a word beside itself counts on both sides."""
    sums = reference_sums(sentences, weights, symmetric)
    pairs: dict[tuple[int, int], np.float32] = {}
    for (row, column), total in sums.items():
        count = np.float32(float(Fraction(total) / unit))
        if symmetric:
            count = 2 * count if row == column else count
            pairs[column, row] = count
        pairs[row, column] = count
    return pairs


def check_stored(pairs: Cooccurrence, blocks: Blocks) -> None:
    """Stored pairs are sorted by key, and `bounds` say where cells begin."""
    assert pairs.n_blocks == blocks.n_blocks
    keys = [key_of(blocks, *pair) for pair in zip(pairs.rows, pairs.columns, strict=True)]
    assert keys == sorted(set(keys))
    if pairs.symmetric:
        assert (pairs.rows <= pairs.columns).all()
    cells = np.array(keys, np.int64) >> 2 * blocks.bits
    starts = np.searchsorted(cells, np.arange(blocks.n_blocks**2 + 1))
    assert pairs.bounds.tolist() == starts.tolist()


def check(
    pairs: Cooccurrence,
    sentences: Sentences,
    n_words: int,
    window: int,
    distance_weighting: bool = True,
) -> None:
    """Compare with what must be stored of these sentences."""
    corpus = encoded_corpus(sentences, n_words)
    blocks = Blocks.balanced(corpus.vocabulary.counts, corpus.n_tokens * window)
    weights, unit = distance_weights(window, distance_weighting)
    check_stored(pairs, blocks)
    found = all_pairs(pairs, blocks)
    assert found == expected_pairs(sentences, weights.tolist(), pairs.symmetric, unit)
    if distance_weighting and window <= LONGEST_EXACT:
        exact = [0, *(Fraction(1, d) for d in range(1, window + 1))]
        assert found == expected_pairs(sentences, exact, pairs.symmetric)


@pytest.mark.usefixtures("spilling")
@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("distance_weighting", [True, False])
def test_pairs_on_disk_equal_the_reference(
    window: int, symmetric: bool, distance_weighting: bool, tmp_path: Path
) -> None:
    sentences = zipf_sentences(1201, 61)
    pairs = stored(
        sentences, 61, tmp_path,
        window=window, symmetric=symmetric, distance_weighting=distance_weighting,
    )  # fmt: skip
    check(pairs, sentences, 61, window, distance_weighting)


@pytest.mark.parametrize("symmetric", [True, False])
def test_with_room_for_all_pairs_they_are_the_same(symmetric: bool, tmp_path: Path) -> None:
    sentences = zipf_sentences(4001, 300)
    check(stored(sentences, 300, tmp_path, window=7, symmetric=symmetric), sentences, 300, 7)


@settings(deadline=None)
@given(
    sentences=st.lists(st.lists(st.integers(0, 20), max_size=30), max_size=8),
    window=st.integers(1, 30),
    symmetric=st.booleans(),
    workers=st.integers(1, 3),
    chunk=st.integers(1, 50),
    min_blocks=st.integers(1, 21),
)
def test_any_corpus_on_disk(
    sentences: list[list[int]],
    window: int,
    symmetric: bool,
    workers: int,
    chunk: int,
    min_blocks: int,
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("MiB", 1), ("MIN_ENTRIES", 64), ("CHUNK_TOKENS", chunk),
        ):  # fmt: skip
            patch.setattr(pair_counting, name, value)
        patch.setattr(cells, "MIN_BLOCKS", min_blocks)
        patch.setattr(sorted_runs, "SAMPLE_STEP", 3)
        pairs = stored(
            sentences, 21, Path(folder), window=window, symmetric=symmetric, workers=workers
        )
        check(pairs, sentences, 21, window)


@pytest.mark.usefixtures("spilling")
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("window", [4, 25])
def test_workers_and_memory_do_not_change_a_byte(
    symmetric: bool, window: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = zipf_sentences(2003, 211)
    found = []
    for workers, min_entries in ((1, 64), (2, 64), (3, 64), (3, 512), (1, 2**20)):
        monkeypatch.setattr(pair_counting, "MIN_ENTRIES", min_entries)
        folder = tmp_path / f"{workers}-{min_entries}"
        folder.mkdir()
        pairs = stored(sentences, 211, folder, window=window, symmetric=symmetric, workers=workers)
        stored_arrays = (pairs.rows, pairs.columns, pairs.counts, pairs.bounds)
        found.append([each.tobytes() for each in stored_arrays])
        names = sorted(path.name for path in folder.iterdir())
        assert names == ["pair-columns", "pair-counts", "pair-rows", "pairs.json"]
    assert found[1:] == found[:1] * 4


@pytest.mark.usefixtures("spilling")
@pytest.mark.parametrize(("memory", "is_written"), [(2048, True), (10_000_000, False)])
def test_runs_are_written_only_if_they_exceed_the_memory(
    memory: int, is_written: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[int] = []
    save = pair_counting._save_checkpoint

    def watched(folder: Path, n_counted: int, runs: sorted_runs.SortedRuns) -> None:
        saved.append(n_counted)
        save(folder, n_counted, runs)

    monkeypatch.setattr(pair_counting, "MAX_ENTRIES", 128)
    monkeypatch.setattr(pair_counting, "_save_checkpoint", watched)
    sentences = zipf_sentences(1201, 61)
    pairs = stored(sentences, 61, tmp_path, memory=memory)
    assert bool(saved) == is_written
    check(pairs, sentences, 61, 10)


class Stopping:
    """Stops the counting after so many reports; `stages` are those of all reports."""

    def __init__(self, n_reports: int, stages: list[str]) -> None:
        self.n_left = n_reports
        self.stages = stages

    def report(self, progress: Progress) -> None:
        self.n_left -= 1
        self.stages.append(progress.stage)

    def hooks(self) -> CheckpointHooks:
        return CheckpointHooks(lambda: self.n_left <= 0, self.stop)

    def stop(self) -> None:
        raise StoppedError("interrupted")


@pytest.mark.usefixtures("spilling")
@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.parametrize("memory", [2048, 30_000, 10_000_000])
def test_stopped_again_and_again_it_goes_on_to_the_same_bytes(
    workers: int, memory: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No runs are kept in memory, some, or all; chunks that workers have begun are counted too."""
    monkeypatch.setattr(pair_counting, "MAX_ENTRIES", 128)
    sentences = zipf_sentences(3001, 61)
    corpus, config = encoded_corpus(sentences, 61), GloveConfig(workers=workers, memory=memory)
    stored(sentences, 61, tmp_path, workers=1)
    whole = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    for path in tmp_path.iterdir():
        path.unlink()
    stages: list[str] = []
    for n_reports in range(1, 10_000, 4):
        stopping = Stopping(n_reports, stages)
        try:
            count_cooccurrence(corpus, config, tmp_path, stopping.report, stopping.hooks())
        except StoppedError:
            assert (tmp_path / pair_counting.COUNTED).exists()
        else:
            break
    assert n_reports > 10
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole
    assert stages.count("counting pairs") == math.ceil(corpus.n_tokens / 97)


@pytest.mark.usefixtures("spilling")
def test_few_entries_are_spilled_many_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the tests above would not see what they are there for."""
    sizes = []
    append = sorted_runs.SortedRuns.append

    def watched(self: sorted_runs.SortedRuns, keys: np.ndarray, sums: np.ndarray) -> None:
        sizes.append(len(keys))
        append(self, keys, sums)

    monkeypatch.setattr(sorted_runs.SortedRuns, "append", watched)
    stored(zipf_sentences(1201, 61), 61, tmp_path, window=5)
    assert len(sizes) > 20
    assert max(sizes) <= 128


@pytest.mark.parametrize("sentences", [[], [[0]], [[0], [1], [2], [1]]])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("workers", [1, 3])
def test_corpora_without_pairs(
    sentences: list[list[int]], symmetric: bool, workers: int, tmp_path: Path
) -> None:
    pairs = stored(sentences, 3, tmp_path, symmetric=symmetric, workers=workers)
    assert len(pairs) == 0
    check(pairs, sentences, 3, 10)


def test_a_symmetric_pair_is_given_both_ways_and_a_word_beside_itself_once(tmp_path: Path) -> None:
    pairs = stored([[0, 1, 1]], 2, tmp_path, window=2)
    assert len(pairs) == 3
    assert all_pairs(pairs, Blocks(np.array([0, 1, 2]))) == {(0, 1): 1.5, (1, 0): 1.5, (1, 1): 2.0}


def test_without_symmetry_only_context_on_the_left_counts(tmp_path: Path) -> None:
    pairs = stored([[0, 1, 1]], 2, tmp_path, window=2, symmetric=False)
    assert all_pairs(pairs, Blocks(np.array([0, 1, 2]))) == {(1, 0): 1.5, (1, 1): 1.0}


@pytest.mark.usefixtures("spilling")
@pytest.mark.parametrize("workers", [1, 3])
def test_progress_comes_to_its_end(workers: int, tmp_path: Path) -> None:
    seen: list[Progress] = []
    config = GloveConfig(workers=workers, window=5)
    sentences = zipf_sentences(1201, 61)
    count_cooccurrence(encoded_corpus(sentences, 61), config, tmp_path, seen.append)
    for stage in ("counting pairs", "merging pairs"):
        messages = [message for message in seen if message.stage == stage]
        assert len(messages) > 10
        assert all(message.done <= (message.total or 0) for message in messages)
        assert max(message.done for message in messages) == messages[0].total


@pytest.mark.usefixtures("spilling")
def test_progress_only_grows_however_workers_take_turns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first stretch is made to end after another one has been reported."""
    seen: list[Progress] = []
    another_ended = Event()

    def count_first_last(*args: Any) -> tuple[int, int]:
        if args[2] == 0:
            assert another_ended.wait(60)
        return list_pairs(*args)

    def report(progress: Progress) -> None:
        seen.append(progress)
        another_ended.set()

    monkeypatch.setattr(pair_counting, "list_pairs", count_first_last)
    monkeypatch.setattr(pair_counting, "MIN_ENTRIES", 2**16)
    config = GloveConfig(workers=2, window=5)
    count_cooccurrence(zipf_corpus(970, 61), config, tmp_path, report)
    done = [message.done for message in seen if message.stage == "counting pairs"]
    assert done == sorted(done)


def test_too_many_words_for_a_key_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Blocks, "key_bits", 61)
    corpus = encoded_corpus([[0, 1, 2]], 3)
    count_cooccurrence(corpus, GloveConfig(window=7), tmp_path)
    with pytest.raises(
        TrainingError, match=r"3 words are too many .* window of 8; raise min_count"
    ):
        count_cooccurrence(corpus, GloveConfig(window=8), tmp_path)
