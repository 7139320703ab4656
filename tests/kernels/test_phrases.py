"""Listing pairs that may be phrases: the kernel equals its reference."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.kernels import reference
from embedtool.kernels.text.phrases import (
    FIRST_CONNECTOR,
    KEY_BITS,
    NO_WORD,
    GapTrie,
    copy_gaps,
    list_phrase_pairs,
)
from tests.factories import ids_and_ends

UNTOUCHED = np.uint64(2**64 - 1)
ReferencePair = tuple[int, tuple[int, ...], int]


def empty_trie(max_gaps: int) -> GapTrie:
    arrays = [np.zeros(n, np.int32) for n in (4 * max_gaps, max_gaps, max_gaps)]
    return GapTrie(*arrays)


def listed(
    sentences: Sequence[Sequence[int]], codes: Sequence[int], word_bits: int, n_keys: int
) -> list[ReferencePair]:
    """Pairs by the kernel, with room for so many keys at a time and, first, for the empty gap."""
    ids, ends = ids_and_ends([sentence for sentence in sentences if len(sentence)])
    trie, n_gaps, start = empty_trie(1), 1, 0
    room = np.full(n_keys + 3, UNTOUCHED)
    found: list[int] = []
    while start < len(ids):
        before = start, n_gaps
        start, n, n_gaps = list_phrase_pairs(
            ids, ends, start, np.array(codes, np.int32), word_bits, trie, n_gaps, room[:n_keys]
        )
        assert (room[n:] == UNTOUCHED).all()
        found += room[:n].tolist()
        room[:] = UNTOUCHED
        if n < n_keys and start < len(ids):
            larger = empty_trie(2 * len(trie.parents))
            copy_gaps(trie, n_gaps, larger)
            trie = larger
        else:
            assert before < (start, n_gaps)
    return [decoded(key, word_bits, trie) for key in found]


def decoded(key: int, word_bits: int, trie: GapTrie) -> ReferencePair:
    gap_bits = KEY_BITS - 2 * word_bits
    node, within = key % 2**gap_bits, []
    while node:
        within.append(int(trie.connectors[node]))
        node = int(trie.parents[node])
    return key >> gap_bits + word_bits, tuple(within[::-1]), key >> gap_bits & 2**word_bits - 1


CODES = [0, 1, NO_WORD, FIRST_CONNECTOR, 2, FIRST_CONNECTOR - 1, FIRST_CONNECTOR - 2]


@settings(deadline=None)
@given(
    sentences=st.lists(st.lists(st.integers(0, 6), max_size=30), max_size=8),
    word_bits=st.integers(2, 30),
    n_keys=st.integers(1, 9),
)
def test_the_kernel_equals_its_reference(
    sentences: list[list[int]], word_bits: int, n_keys: int
) -> None:
    expected = reference.list_phrase_pairs(sentences, CODES)
    assert listed(sentences, CODES, word_bits, n_keys) == expected


@pytest.mark.parametrize("n_words", [1, 2, 3, 1000])
def test_texts_of_any_vocabulary(n_words: int) -> None:
    """Every third type is a connector word, every seventh too rare."""
    rng = np.random.default_rng(n_words)
    codes = [
        NO_WORD if i % 7 == 6 else FIRST_CONNECTOR - i if i % 3 == 2 else i for i in range(n_words)
    ]
    sentences = [rng.integers(0, n_words, rng.integers(40)).tolist() for _ in range(200)]
    expected = reference.list_phrase_pairs(sentences, codes)
    word_bits = max(1, (n_words - 1).bit_length())
    assert listed(sentences, codes, word_bits, 500) == expected


def test_a_gap_of_any_length_is_in_the_key() -> None:
    codes = [0, 1, FIRST_CONNECTOR]
    sentences = [[0, *[2] * n, 1] for n in (0, 500, 2, 500)] + [[2] * 500]
    pairs = listed(sentences, codes, 1, 10)
    assert [(first, len(gap), second) for first, gap, second in pairs] == [
        (0, n, 1) for n in (0, 500, 2, 500)
    ]
