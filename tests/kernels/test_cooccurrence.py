"""Counting pairs: the kernel, and the whole way to the pairs on disk, equal the plain version."""

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

from embedtool.config import GloveConfig
from embedtool.corpus import cooccurrence, runs
from embedtool.corpus.cooccurrence import (
    Blocks,
    Cooccurrence,
    count_cooccurrence,
    distance_weights,
)
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.kernels import reference
from embedtool.kernels.cooccurrence import count_pairs, take_entries
from embedtool.progress import Progress

Sentences = Sequence[Sequence[int]]
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


def counted(
    sentences: Sentences,
    weights: np.ndarray,
    symmetric: bool,
    n_words: int,
    *,
    n_slots: int = 2**14,
    limit: int | None = None,
    steps: Sequence[int] = (),
) -> Counter[tuple[int, int]]:
    """The sums by the kernel alone, emptying the table whenever it is as full as `limit`.

    `steps` are tokens at which a stretch of the corpus ends.
    """
    ids, ends = arrays([sentence for sentence in sentences if len(sentence)])
    blocks = Blocks(n_words)
    table = np.zeros((n_slots, 2), np.uint64)
    limit = n_slots - 1 if limit is None else limit
    sums: Counter[tuple[int, int]] = Counter()
    used = 0

    def empty() -> None:
        keys, values = np.empty(used, np.uint64), np.empty(used, np.int64)
        take_entries(table, keys, values)
        assert not table.any()
        assert len(set(keys.tolist())) == used
        rows, columns = blocks.pairs(keys)
        for row, column, value in zip(rows, columns, values, strict=True):
            sums[int(row), int(column)] += int(value)

    for start, stop in pairwise([0, *steps, len(ids)]):
        while start < stop:
            before = start
            start, used = count_pairs(
                ids, ends, start, stop, weights, symmetric, blocks.bits, blocks.n_blocks,
                table, used, limit,
            )  # fmt: skip
            assert used <= limit
            assert used == np.count_nonzero(table[:, 0])
            if start < stop:
                assert start > before or used > 0
                empty()
                used = 0
    empty()
    return sums


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("distance_weighting", [True, False])
def test_the_kernel_equals_its_reference(
    window: int, symmetric: bool, distance_weighting: bool
) -> None:
    sentences = random_sentences(3001, 97)
    weights, _ = distance_weights(window, distance_weighting)
    expected = reference.count_pairs(sentences, weights.tolist(), symmetric)
    assert counted(sentences, weights, symmetric, 97) == expected


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
    expected = reference.count_pairs(sentences, weights.tolist(), symmetric)
    assert counted(sentences, weights, symmetric, 3) == expected


@settings(deadline=None)
@given(
    sentences=st.lists(st.lists(st.integers(0, 40), max_size=40), max_size=8),
    window=st.integers(1, 30),
    symmetric=st.booleans(),
    distance_weighting=st.booleans(),
    limit=st.integers(0, 33),
    steps=st.lists(st.integers(0, 320), max_size=5),
)
def test_any_corpus_with_any_table_and_any_stretches(
    sentences: list[list[int]],
    window: int,
    symmetric: bool,
    distance_weighting: bool,
    limit: int,
    steps: list[int],
) -> None:
    """From a table that a single token fills to one that is full but for a slot."""
    weights, _ = distance_weights(window, distance_weighting)
    n_tokens = sum(map(len, sentences))
    found = counted(
        sentences, weights, symmetric, 41, n_slots=64, limit=window + limit,
        steps=sorted(min(step, n_tokens) for step in steps),
    )  # fmt: skip
    assert found == reference.count_pairs(sentences, weights.tolist(), symmetric)


@pytest.mark.parametrize("n_words", [1, 2, 7, 8, 15, 16, 17, 1000, 8191, 8192, 8193, 20_001])
def test_keys_are_pairs_whatever_the_size_of_the_vocabulary(n_words: int) -> None:
    last = n_words - 1
    sentences = [[0, last], [last, 0], [last, last], [last // 2, last // 3, last // 5]]
    sentences += random_sentences(500, n_words)
    weights, _ = distance_weights(4, True)
    for symmetric in (True, False):
        expected = reference.count_pairs(sentences, weights.tolist(), symmetric)
        assert counted(sentences, weights, symmetric, n_words) == expected
    blocks = Blocks(n_words)
    assert blocks.n_blocks == -(-n_words // 2**blocks.bits)
    assert 2**blocks.bits <= max(1, min(n_words // 8, 1024))


def test_a_vocabulary_of_two_thousand_million_words_has_room_in_its_keys() -> None:
    n_words = 2**31 - 1
    weights, _ = distance_weights(1, False)
    sentences = [[n_words - 1, n_words - 2], [0, n_words - 1]]
    found = counted(sentences, weights, False, n_words)
    assert found == reference.count_pairs(sentences, [0, 1], False)


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
    """Tables of 64 slots, samples of every second key, pieces and stretches as small as can be."""
    monkeypatch.setattr(cooccurrence, "MiB", 1)
    monkeypatch.setattr(cooccurrence, "LEAST_SLOTS", 64)
    monkeypatch.setattr(cooccurrence, "CHUNK_TOKENS", 97)
    monkeypatch.setattr(runs, "SAMPLE_STEP", 2)


def stored(sentences: Sentences, n_words: int, folder: Path, **options: Any) -> Cooccurrence:
    config = GloveConfig(**{"workers": 1, **options})
    return count_cooccurrence(encoded(sentences, n_words), config, folder)


def all_pairs(pairs: Cooccurrence) -> dict[tuple[int, int], np.float32]:
    """Every pair of every cell, after a look at whether it belongs there."""
    found: dict[tuple[int, int], np.float32] = {}
    bits = Blocks(pairs.n_words).bits
    for row_block in range(pairs.n_blocks):
        for column_block in range(pairs.n_blocks):
            rows, columns, counts = pairs.cell(row_block, column_block)
            assert (rows.dtype, columns.dtype, counts.dtype) == ("i4", "i4", "f4")
            assert (rows >> bits == row_block).all()
            assert (columns >> bits == column_block).all()
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
    sums = reference.count_pairs(sentences, weights, symmetric)  # type: ignore[arg-type]
    pairs: dict[tuple[int, int], np.float32] = {}
    for (row, column), total in sums.items():
        count = np.float32(float(Fraction(total) / unit))
        if symmetric:
            count = 2 * count if row == column else count
            pairs[column, row] = count
        pairs[row, column] = count
    return pairs


def check_stored(pairs: Cooccurrence) -> None:
    """Stored pairs are sorted by cell, row and column, and `bounds` say where cells begin."""
    blocks = Blocks(pairs.n_words)
    assert pairs.n_blocks == blocks.n_blocks
    rows, columns = pairs.pairs["row"].astype(int), pairs.pairs["column"].astype(int)
    cells = (rows >> blocks.bits) * blocks.n_blocks + (columns >> blocks.bits)
    order = list(zip(cells.tolist(), rows.tolist(), columns.tolist(), strict=True))
    assert order == sorted(set(order))
    if pairs.symmetric:
        assert (rows <= columns).all()
    starts = np.searchsorted(cells, np.arange(blocks.n_blocks**2 + 1))
    assert pairs.bounds.tolist() == starts.tolist()


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
    weights, unit = distance_weights(window, distance_weighting)
    check_stored(pairs)
    assert all_pairs(pairs) == expected_pairs(sentences, weights.tolist(), symmetric, unit)
    if distance_weighting and window <= LONGEST_EXACT:
        exact = [0, *(Fraction(1, d) for d in range(1, window + 1))]
        assert all_pairs(pairs) == expected_pairs(sentences, exact, symmetric)


@pytest.mark.parametrize("symmetric", [True, False])
def test_with_room_for_all_pairs_they_are_the_same(symmetric: bool, tmp_path: Path) -> None:
    sentences = random_sentences(4001, 300)
    pairs = stored(sentences, 300, tmp_path, window=7, symmetric=symmetric)
    exact = [0, *(Fraction(1, d) for d in range(1, 8))]
    check_stored(pairs)
    assert all_pairs(pairs) == expected_pairs(sentences, exact, symmetric)


@settings(deadline=None)
@given(
    sentences=st.lists(st.lists(st.integers(0, 20), max_size=30), max_size=8),
    window=st.integers(1, 30),
    symmetric=st.booleans(),
    workers=st.integers(1, 3),
    chunk=st.integers(1, 50),
    block_bits=st.integers(0, 3),
)
def test_any_corpus_on_disk(
    sentences: list[list[int]],
    window: int,
    symmetric: bool,
    workers: int,
    chunk: int,
    block_bits: int,
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        for name, value in (
            ("MiB", 1), ("LEAST_SLOTS", 64), ("CHUNK_TOKENS", chunk), ("LEAST_BLOCKS", 1),
            ("BLOCK_BITS", block_bits),
        ):  # fmt: skip
            patch.setattr(cooccurrence, name, value)
        patch.setattr(runs, "SAMPLE_STEP", 3)
        pairs = stored(
            sentences, 21, Path(folder), window=window, symmetric=symmetric, workers=workers
        )
        weights, unit = distance_weights(window, True)
        check_stored(pairs)
        assert all_pairs(pairs) == expected_pairs(sentences, weights.tolist(), symmetric, unit)


@pytest.mark.usefixtures("spilling")
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("window", [4, 25])
def test_workers_and_memory_do_not_change_a_byte(
    symmetric: bool, window: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sentences = random_sentences(5003, 211)
    found = []
    for workers, least_slots in ((1, 64), (2, 64), (3, 64), (3, 512), (1, 2**16)):
        monkeypatch.setattr(cooccurrence, "LEAST_SLOTS", least_slots)
        folder = tmp_path / f"{workers}-{least_slots}"
        folder.mkdir()
        pairs = stored(sentences, 211, folder, window=window, symmetric=symmetric, workers=workers)
        found.append((pairs.pairs.tobytes(), pairs.bounds.tolist()))
        assert [path.name for path in folder.iterdir()] == ["pairs"]
    assert found[1:] == found[:1] * 4


@pytest.mark.usefixtures("spilling")
def test_small_tables_are_emptied_many_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else the tests above would not see what they are there for."""
    sizes = []
    append = runs.SortedRuns.append

    def watched(self: runs.SortedRuns, keys: np.ndarray, sums: np.ndarray) -> None:
        sizes.append(len(keys))
        append(self, keys, sums)

    monkeypatch.setattr(runs.SortedRuns, "append", watched)
    stored(random_sentences(1201, 61), 61, tmp_path, window=5)
    assert len(sizes) > 20
    assert max(sizes) <= int(0.7 * 64)


@pytest.mark.parametrize("sentences", [[], [[0]], [[0], [1], [2], [1]]])
@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("workers", [1, 3])
def test_corpora_without_pairs(
    sentences: list[list[int]], symmetric: bool, workers: int, tmp_path: Path
) -> None:
    pairs = stored(sentences, 3, tmp_path, symmetric=symmetric, workers=workers)
    assert len(pairs) == 0
    check_stored(pairs)
    assert all_pairs(pairs) == {}


def test_a_symmetric_pair_is_given_both_ways_and_a_word_beside_itself_once(tmp_path: Path) -> None:
    pairs = stored([[0, 1, 1]], 2, tmp_path, window=2)
    assert len(pairs) == 3
    assert all_pairs(pairs) == {(0, 1): 1.5, (1, 0): 1.5, (1, 1): 2.0}


def test_without_symmetry_only_context_on_the_left_counts(tmp_path: Path) -> None:
    pairs = stored([[0, 1, 1]], 2, tmp_path, window=2, symmetric=False)
    assert all_pairs(pairs) == {(1, 0): 1.5, (1, 1): 1.0}


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
        return count_pairs(*args)

    def report(progress: Progress) -> None:
        seen.append(progress)
        another_ended.set()

    monkeypatch.setattr(cooccurrence, "count_pairs", count_first_last)
    monkeypatch.setattr(cooccurrence, "LEAST_SLOTS", 2**16)
    config = GloveConfig(workers=2, window=5)
    count_cooccurrence(encoded(random_sentences(970, 61), 61), config, tmp_path, report)
    done = [message.done for message in seen if message.stage == "counting pairs"]
    assert done == sorted(done)
