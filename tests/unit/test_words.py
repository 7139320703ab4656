"""Words in a block of bytes: a sequence like any other, and each is found at its id."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.corpus.string_table import BLOCK_WORDS, HashIndex, StringTable
from embedtool.errors import ModelError

ANY = st.lists(st.text(min_size=1), unique=True)


@given(ANY)
def test_words_are_a_sequence(words: list[str]) -> None:
    """Lone surrogates, line ends and NUL among them."""
    block = StringTable.from_words(words)
    assert len(block) == len(words)
    assert list(block) == words == block
    assert [block[i] for i in range(len(words))] == words
    assert [block[-i] for i in range(1, len(words) + 1)] == words[::-1]
    assert block[1:3] == words[1:3]
    assert block[::-2] == words[::-2]


@given(ANY, st.text())
def test_a_word_is_found_at_its_id(words: list[str], other: str) -> None:
    block = StringTable.from_words(words)
    assert [block.find(word) for word in words] == list(range(len(words)))
    assert (other in block) == (other in words)
    assert block.find(other) == (words.index(other) if other in words else -1)
    assert 5 not in block


def test_more_words_than_are_read_in_one_go() -> None:
    words = [f"w{i}" for i in range(2 * BLOCK_WORDS + 1)]
    block = StringTable.from_words(words)
    assert list(block) == words
    assert block[BLOCK_WORDS - 1 : BLOCK_WORDS + 1] == words[BLOCK_WORDS - 1 : BLOCK_WORDS + 1]
    assert block.find(words[-1]) == len(words) - 1


def test_words_differ_from_others_and_from_a_string() -> None:
    block = StringTable.from_words(["a", "b"])
    assert block != ["a"]
    assert block != ["a", "c"]
    assert block != "ab"
    with pytest.raises(IndexError, match="no word 2 among 2"):
        block[2]


def test_a_damaged_block_is_told_and_a_damaged_table_finds_nothing() -> None:
    text, ends = np.frombuffer(b"\xffb", np.uint8), np.array([1, 2])
    with pytest.raises(ModelError, match="a word is not UTF-8"):
        list(StringTable(text, ends))
    slots = HashIndex(np.array([0, 9], np.int32), np.array([7, -1], np.int32))
    assert StringTable(text, ends, slots).find("c") == -1


def test_words_are_taken_in_any_order() -> None:
    words = ["king", "é", "", "我我", "\ud800", "z"]
    table = StringTable.from_words(words)
    for ids in ([], [0], [5, 0, 3, 3, 1, 2, 4]):
        assert table.take(np.array(ids, np.int64)) == [words[i] for i in ids]
