"""Counting pairs: the kernel, and the whole way to the pairs on disk, equal the plain version."""

import math
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.config.training import GloveConfig
from embedtool.corpus import cells as blocks_module
from embedtool.corpus import cooccurrence, sorted_runs
from embedtool.corpus.cells import Blocks
from embedtool.corpus.cooccurrence import (
    CheckpointHooks,
    Cooccurrence,
    count_cooccurrence,
    distance_weights,
)
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import StoppedError, TrainingError
from embedtool.io.progress import Progress
from embedtool.kernels import reference
from embedtool.kernels.text.cooccurrence import distance_bits, list_pairs, merge_sums, sum_entries

Sentences = Sequence[Sequence[int]]
UNTOUCHED = np.uint64(2**64 - 1)
BLOCKS_OF_97 = Blocks(np.array([0, 1, 4, 20, 50, 97]))
WINDOWS = [1, 2, 3, 5, 10, 22, 23, 30]
LONGEST_EXACT = 22
"""The widest window within which every 1/d is a whole number of units."""


def random_sentences(n_tokens: int, n_words: int, seed: int = 1) -> list[list[int]]:
    """Sentences of many lengths, their words spread as in text: few frequent, many rare."""
    rng = np.random.default_rng(seed)
    ids = np.minimum(rng.zipf(1.3, n_tokens) - 1, n_words - 1).tolist()
    ends = np.cumsum(rng.geometric(1 / 12, n_tokens))
    return [ids[a:b] for a, b in pairwise([0, *ends.tolist()]) if ids[a:b]]


def arrays(sentences: Sentences) -> tuple[np.ndarray, np.ndarray]:
    ids = np.array([word for sentence in sentences for word in sentence], np.int32)
    return ids, np.cumsum([len(sentence) for sentence in sentences], dtype=np.int64)


def encoded(sentences: Sentences, n_words: int) -> EncodedCorpus:
    filled = [sentence for sentence in sentences if len(sentence)]
    ids, ends = arrays(filled)
    counts = np.bincount(ids, minlength=n_words).astype(np.int64)
    words = [str(i) for i in range(n_words)]
    return EncodedCorpus(Vocabulary(words, counts, n_words, len(ids)), ids, ends, "")


def reference_sums(
    sentences: Sentences, weights: Sequence[int | Fraction], symmetric: bool
) -> Counter[tuple[int, int]]:
    """The weight of each pair, the plain way."""
    entries = reference.list_pairs(sentences, len(weights) - 1, symmetric)
    return reference.sum_entries(entries, weights)  # type: ignore[arg-type]


def counted(
    sentences: Sentences,
    weights: np.ndarray,
    symmetric: bool,
    blocks: Blocks,
    *,
    n_entries: int = 2**16,
    steps: Sequence[int] = (),
) -> Counter[tuple[int, int]]:
    """The sums by the kernels alone, with space for so many entries at a time.

    `steps` are tokens at which a stretch of the corpus ends.
    """
    ids, ends = arrays([sentence for sentence in sentences if len(sentence)])
    window = len(weights) - 1
    room = np.full(n_entries + 3, UNTOUCHED, np.uint64)
    values = np.empty(n_entries, np.int64)
    sums: Counter[tuple[int, int]] = Counter()
    for start, stop in pairwise([0, *steps, len(ids)]):
        while start < stop:
            before = start
            entries = room[:n_entries]
            start, n = list_pairs(
                ids, ends, start, stop, blocks.codes(), window, symmetric, entries
            )
            assert (room[n:] == UNTOUCHED).all()
            assert before < start <= stop
            entries = np.sort(entries[:n])
            n_keys = sum_entries(entries, weights, values)
            keys = entries[:n_keys]
            assert (np.diff(keys.astype(np.int64)) > 0).all()
            for row, column, value in zip(*blocks.pairs(keys), values, strict=False):
                sums[int(row), int(column)] += int(value)
            room[:] = UNTOUCHED
    return sums


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("distance_weighting", [True, False])
def test_the_kernels_equal_their_reference(
    window: int, symmetric: bool, distance_weighting: bool
) -> None:
    sentences = random_sentences(3001, 97)
    weights, _ = distance_weights(window, distance_weighting)
    expected = reference_sums(sentences, weights.tolist(), symmetric)
    assert counted(sentences, weights, symmetric, BLOCKS_OF_97, n_entries=2**17) == expected


@pytest.mark.parametrize(
    "sentences",
    [
        [],
        [[]],
        [[0]],
        [[0], [1], [2]],
        [[0, 1]],
        [[1, 0]],
        [[0, 0]],
        [[0, 0, 0, 0, 0]],
        [[0, 1], [], [1, 0], [2]],
        [[2, 1, 0], [0, 1, 2]],
    ],
)
@pytest.mark.parametrize("window", [1, 2, 30])
@pytest.mark.parametrize("symmetric", [True, False])
def test_small_corpora(sentences: list[list[int]], window: int, symmetric: bool) -> None:
    weights, _ = distance_weights(window, True)
    expected = reference_sums(sentences, weights.tolist(), symmetric)
    for starts in ([0, 3], [0, 1, 3], [0, 1, 2, 3]):
        assert counted(sentences, weights, symmetric, Blocks(np.array(starts))) == expected


@settings(deadline=None)
@given(
    sentences=st.lists(st.lists(st.integers(0, 40), max_size=40), max_size=8),
    window=st.integers(1, 30),
    symmetric=st.booleans(),
    distance_weighting=st.booleans(),
    room=st.integers(0, 33),
    steps=st.lists(st.integers(0, 320), max_size=5),
    cuts=st.sets(st.integers(1, 40), max_size=9),
)
def test_any_corpus_with_any_space_any_stretches_and_any_blocks(
    sentences: list[list[int]],
    window: int,
    symmetric: bool,
    distance_weighting: bool,
    room: int,
    steps: list[int],
    cuts: set[int],
) -> None:
    """From space that a single token fills to some that holds several."""
    weights, _ = distance_weights(window, distance_weighting)
    n_tokens = sum(map(len, sentences))
    found = counted(
        sentences, weights, symmetric, Blocks(np.array([0, *sorted(cuts), 41])),
        n_entries=window + room, steps=sorted(min(step, n_tokens) for step in steps),
    )  # fmt: skip
    assert found == reference_sums(sentences, weights.tolist(), symmetric)


KEYS = st.dictionaries(st.integers(0, 50) | st.integers(0, 2**63), st.integers(1, 2**40))


@settings(deadline=None)
@given(first=KEYS, second=KEYS)
def test_merging_equals_its_reference(first: dict[int, int], second: dict[int, int]) -> None:
    n = len(first) + len(second)
    keys, sums = np.empty(n, np.uint64), np.empty(n, np.int64)
    lists = []
    for each in (first, second):
        lists.append(np.array(sorted(each), np.uint64))
        lists.append(np.array([each[key] for key in sorted(each)], np.int64))
    n = merge_sums(*lists, keys, sums)
    assert keys[:n].tolist() == sorted(first.keys() | second.keys())
    found = dict(zip(keys[:n].tolist(), sums[:n].tolist(), strict=True))
    assert found == reference.merge_sums(first, second)


@pytest.mark.parametrize("window", [1, 2, 3, 4, 7, 8, 10, 1000])
def test_a_distance_fits_its_bits(window: int) -> None:
    assert distance_bits(window) == window.bit_length()


@pytest.mark.parametrize("n_words", [1, 2, 7, 8, 15, 16, 17, 1000, 8191, 8192, 8193, 20_001])
def test_keys_are_pairs_whatever_the_size_of_the_vocabulary(n_words: int) -> None:
    last = n_words - 1
    sentences = [[0, last], [last, 0], [last, last], [last // 2, last // 3, last // 5]]
    sentences += random_sentences(500, n_words)
    weights, _ = distance_weights(4, True)
    counts = np.bincount([word for sentence in sentences for word in sentence], minlength=n_words)
    blocks = Blocks.balanced(counts, 10**7)
    assert (blocks.starts[0], blocks.starts[-1]) == (0, n_words)
    assert blocks.n_blocks <= min(n_words, 8)
    for symmetric in (True, False):
        expected = reference_sums(sentences, weights.tolist(), symmetric)
        assert counted(sentences, weights, symmetric, blocks) == expected


def test_keys_of_a_vocabulary_of_a_hundred_million_words_fit() -> None:
    blocks = Blocks(np.array([0, 2**10, 2**25, 10**8]))
    assert blocks.key_bits + distance_bits(10) <= 64
    rows = np.array([0, 0, 2**10 - 1, 2**10, 2**25 - 1, 2**25, 10**8 - 1])
    columns = rows[::-1]
    keys = np.array([_key(blocks, *pair) for pair in zip(rows, columns, strict=True)], np.uint64)
    assert len(np.unique(keys)) == len(keys)
    found_rows, found_columns = blocks.pairs(keys)
    assert found_rows.tolist() == rows.tolist()
    assert found_columns.tolist() == columns.tolist()


def _key(blocks: Blocks, row: int, column: int) -> int:
    """A key by its definition: the cell, then the bits of row and column in turn."""
    row_block, column_block = np.searchsorted(blocks.starts, (row, column), side="right") - 1
    key = int(row_block) * blocks.n_blocks + int(column_block)
    row, column = row - blocks.starts[row_block], column - blocks.starts[column_block]
    for bit in reversed(range(blocks.bits)):
        key = key << 2 | (int(row) >> bit & 1) << 1 | int(column) >> bit & 1
    return key


def test_the_codes_of_row_and_column_add_up_to_the_key() -> None:
    blocks = Blocks(np.array([0, 3, 4, 40, 97]))
    codes = blocks.codes()
    for row, column in np.ndindex(97, 97):
        assert int(codes[row, 0] + codes[column, 1]) == _key(blocks, row, column)


def test_blocks_hold_equal_shares_of_the_neighbours() -> None:
    counts = 10**7 / np.arange(1, 50_001)
    blocks = Blocks.balanced(counts, 10**9)
    shares = np.add.reduceat(counts**0.7, blocks.starts[:-1]) / (counts**0.7).sum()
    assert blocks.n_blocks == 32
    np.testing.assert_allclose(shares, 1 / 32, atol=counts[0] ** 0.7 / (counts**0.7).sum())


@pytest.mark.parametrize(
    ("n_meetings", "n_blocks"), [(0, 8), (10**6, 8), (10**9, 32), (10**12, 64), (10**15, 64)]
)
def test_a_larger_corpus_has_more_blocks(n_meetings: int, n_blocks: int) -> None:
    assert Blocks.balanced(np.ones(10_000), n_meetings).n_blocks == n_blocks


def test_words_that_never_occur_are_in_a_block_too() -> None:
    for counts in ([0, 0, 0], [5, 0, 0], [0, 0, 5]):
        starts = Blocks.balanced(counts, 100).starts
        assert (starts[0], starts[-1]) == (0, 3)
        assert (np.diff(starts) > 0).all()


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
    monkeypatch.setattr(cooccurrence, "MiB", 1)
    monkeypatch.setattr(cooccurrence, "MIN_ENTRIES", 64)
    monkeypatch.setattr(cooccurrence, "CHUNK_TOKENS", 97)
    monkeypatch.setattr(sorted_runs, "SAMPLE_STEP", 2)


def stored(sentences: Sentences, n_words: int, folder: Path, **options: Any) -> Cooccurrence:
    config = GloveConfig(**{"workers": 1, **options})
    return count_cooccurrence(encoded(sentences, n_words), config, folder)


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
    keys = [_key(blocks, *pair) for pair in zip(pairs.rows, pairs.columns, strict=True)]
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
    corpus = encoded(sentences, n_words)
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
    sentences = random_sentences(1201, 61)
    pairs = stored(
        sentences, 61, tmp_path,
        window=window, symmetric=symmetric, distance_weighting=distance_weighting,
    )  # fmt: skip
    check(pairs, sentences, 61, window, distance_weighting)


@pytest.mark.parametrize("symmetric", [True, False])
def test_with_room_for_all_pairs_they_are_the_same(symmetric: bool, tmp_path: Path) -> None:
    sentences = random_sentences(4001, 300)
    check(stored(sentences, 300, tmp_path, window=7, symmetric=symmetric), sentences, 300, 7)


@settings(deadline=None)
@given(
    sentences=st.lists(st.lists(st.integers(0, 20), max_size=30), max_size=8),
    window=st.integers(1, 30),
    symmetric=st.booleans(),
    workers=st.integers(1, 3),
    chunk=st.integers(1, 50),
    least_blocks=st.integers(1, 21),
)
def test_any_corpus_on_disk(
    sentences: list[list[int]],
    window: int,
    symmetric: bool,
    workers: int,
    chunk: int,
    least_blocks: int,
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("MiB", 1), ("MIN_ENTRIES", 64), ("CHUNK_TOKENS", chunk),
        ):  # fmt: skip
            patch.setattr(cooccurrence, name, value)
        patch.setattr(blocks_module, "MIN_BLOCKS", least_blocks)
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
    sentences = random_sentences(2003, 211)
    found = []
    for workers, least_entries in ((1, 64), (2, 64), (3, 64), (3, 512), (1, 2**20)):
        monkeypatch.setattr(cooccurrence, "MIN_ENTRIES", least_entries)
        folder = tmp_path / f"{workers}-{least_entries}"
        folder.mkdir()
        pairs = stored(sentences, 211, folder, window=window, symmetric=symmetric, workers=workers)
        stored_arrays = (pairs.rows, pairs.columns, pairs.counts, pairs.bounds)
        found.append([each.tobytes() for each in stored_arrays])
        names = sorted(path.name for path in folder.iterdir())
        assert names == ["pair-columns", "pair-counts", "pair-rows", "pairs.json"]
    assert found[1:] == found[:1] * 4


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
def test_stopped_again_and_again_it_goes_on_to_the_same_bytes(workers: int, tmp_path: Path) -> None:
    sentences = random_sentences(1501, 61)
    corpus, config = encoded(sentences, 61), GloveConfig(workers=workers)
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
            assert (tmp_path / cooccurrence.COUNTED).exists()
        else:
            break
    assert n_reports > 10
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == whole
    assert stages.count("counting pairs") == math.ceil(corpus.n_tokens / 97)


@pytest.mark.usefixtures("spilling")
def test_a_small_space_is_emptied_many_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the tests above would not see what they are there for."""
    sizes = []
    append = sorted_runs.SortedRuns.append

    def watched(self: sorted_runs.SortedRuns, keys: np.ndarray, sums: np.ndarray) -> None:
        sizes.append(len(keys))
        append(self, keys, sums)

    monkeypatch.setattr(sorted_runs.SortedRuns, "append", watched)
    stored(random_sentences(1201, 61), 61, tmp_path, window=5)
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
    sentences = random_sentences(1201, 61)
    count_cooccurrence(encoded(sentences, 61), config, tmp_path, seen.append)
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

    monkeypatch.setattr(cooccurrence, "list_pairs", count_first_last)
    monkeypatch.setattr(cooccurrence, "MIN_ENTRIES", 2**16)
    config = GloveConfig(workers=2, window=5)
    count_cooccurrence(encoded(random_sentences(970, 61), 61), config, tmp_path, report)
    done = [message.done for message in seen if message.stage == "counting pairs"]
    assert done == sorted(done)


def test_too_many_words_for_a_key_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Blocks, "key_bits", 61)
    corpus = encoded([[0, 1, 2]], 3)
    count_cooccurrence(corpus, GloveConfig(window=7), tmp_path)
    with pytest.raises(
        TrainingError, match=r"3 words are too many .* window of 8; raise min_count"
    ):
        count_cooccurrence(corpus, GloveConfig(window=8), tmp_path)
