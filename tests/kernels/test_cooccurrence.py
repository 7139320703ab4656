"""Counting pairs: the kernels equal their reference."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.corpus.cells import Blocks
from embedtool.corpus.cooccurrence import (
    distance_weights,
)
from embedtool.kernels import reference
from embedtool.kernels.text.cooccurrence import distance_bits, list_pairs, merge_sums, sum_entries
from tests.factories import ids_and_ends, zipf_sentences
from tests.kernels.sentences import WINDOWS, Sentences, reference_sums

UNTOUCHED = np.uint64(2**64 - 1)


BLOCKS_OF_97 = Blocks(np.array([0, 1, 4, 20, 50, 97]))


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
    ids, ends = ids_and_ends([sentence for sentence in sentences if len(sentence)])
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
    sentences = zipf_sentences(3001, 97)
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
def test_any_corpus_with_any_number_of_entries_chunks_and_blocks(
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
    sentences += zipf_sentences(500, n_words)
    weights, _ = distance_weights(4, True)
    counts = np.bincount([word for sentence in sentences for word in sentence], minlength=n_words)
    blocks = Blocks.balanced(counts, 10**7)
    assert (blocks.starts[0], blocks.starts[-1]) == (0, n_words)
    assert blocks.n_blocks <= min(n_words, 8)
    for symmetric in (True, False):
        expected = reference_sums(sentences, weights.tolist(), symmetric)
        assert counted(sentences, weights, symmetric, blocks) == expected
