"""Interning tokens and mapping their ids: the kernels equal the references."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedtool.kernels import reference
from embedtool.kernels.text.ids import count_ids, filter_ids, remap_ids
from embedtool.kernels.text.tokens import (
    BATCH,
    GOLDEN,
    PADDING,
    WordTable,
    fill_slots,
    intern_tokens,
    new_batch,
)
from embedtool.kernels.text.words import space_words

SPACES = b" \t\n\v\f\r\0"
BITS = 2**64 - 1


class Table:
    """A table of words that is only as large as it has to be."""

    def __init__(self, n_slots: int, max_words: int, n_bytes: int) -> None:
        self.table = WordTable(
            np.zeros(n_slots, dtype=np.int32),
            np.empty((max_words, 2), dtype=np.uint64),
            np.zeros(max_words + 1, dtype=np.int64),
            np.empty(n_bytes + PADDING, dtype=np.uint8),
        )
        self.batch = new_batch()
        self.n_words = 0

    def intern(self, text: bytes) -> tuple[list[int], list[int]] | None:
        """Ids and ends, or None where there is no room."""
        padded = np.frombuffer(bytearray(text + bytes(PADDING)), np.uint8)
        ids = np.empty(len(text) // 2 + 1, dtype=np.int32)
        ends = np.empty(len(text) // 2 + 2, dtype=np.int64)
        self.n_words, n_tokens, n_ends = intern_tokens(
            padded, self.batch, self.table, self.n_words, ids, ends
        )
        return None if n_tokens < 0 else (ids[:n_tokens].tolist(), ends[:n_ends].tolist())

    def words(self) -> list[bytes]:
        chars = self.table.chars.tobytes()
        offsets = self.table.offsets[: self.n_words + 1].tolist()
        assert all(chars[end - 1 : end] == b"\n" for end in offsets[1:])
        return [chars[a : b - 1] for a, b in pairwise(offsets)]


def check(*texts: bytes) -> None:
    """Intern texts one after another, with no more room than it takes."""
    words: list[bytes] = []
    expected = [reference.intern_tokens(text, words) for text in texts]
    n_slots = 2 ** (len(words) + 1).bit_length()
    table = Table(n_slots, len(words), sum(map(len, words)) + len(words))
    assert [table.intern(text) for text in texts] == expected
    assert table.words() == words


@settings(deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=4))
def test_any_bytes(texts: list[bytes]) -> None:
    check(*texts)


TOKENS = st.integers(0, 40).flatmap(
    lambda size: st.binary(min_size=size, max_size=size).map(lambda b: b.translate(None, SPACES))
)
SIMILAR = st.builds(lambda start, size: (start * size)[: size + 1], TOKENS, st.integers(1, 33))


@settings(deadline=None)
@given(st.lists(st.tuples(TOKENS | SIMILAR, st.sampled_from([b" ", b"\n", b"\0", b"\r\n"]))))
def test_tokens_of_any_length(pieces: list[tuple[bytes, bytes]]) -> None:
    check(b"".join(map(b"".join, pieces)))


@pytest.mark.parametrize(
    "text",
    [
        b"", b" ", b"\n", b"a", b"a\n", b"\na", b"a b", SPACES, b"\n\n\na\n\n\nb\n\n",
        "我 é\n\u2028\xa0 \u0100\u2002".encode(), b"x" * 100_000, b"a\0b\0\0c",
    ],
)  # fmt: skip
def test_small_and_odd_texts(text: bytes) -> None:
    check(text)
    check(text, text)


def test_lengths_and_places_of_all_kinds() -> None:
    """Every length up to three loads of eight bytes, beginning at every place within eight."""
    for shift in range(8):
        tokens = [bytes([97 + n % 26]) * n for n in range(1, 34)]
        check(b" " * shift + b" ".join(tokens))
        check(b" " * shift + b"".join(token + b"\n" for token in tokens))


def test_tokens_that_differ_in_one_byte_only() -> None:
    for length in range(1, 34):
        token = b"a" * length
        others = [token[:i] + b"\xff" + token[i + 1 :] for i in range(length)]
        check(b" ".join([token, *others, token + b"a", token, *others]))


@pytest.mark.parametrize("n_tokens", [BATCH - 1, BATCH, BATCH + 1, 20_000])
@pytest.mark.parametrize("space", [b" ", b"\n", b" \n"])
def test_more_tokens_than_a_batch(n_tokens: int, space: bytes) -> None:
    rng = np.random.default_rng(n_tokens)
    check(space.join(b"%d" % word for word in rng.zipf(1.3, n_tokens) % 10**18))


def colliding(rng: np.random.Generator) -> tuple[bytes, bytes]:
    """Two tokens of 24 bytes with one hash, found by running its multiplications backwards."""
    inverse = pow(int(GOLDEN), -1, 2**64)

    def folded(key: int) -> int:
        return key ^ key >> 32

    def stirred(key: int, word: int) -> int:
        return (folded(key) ^ word) * int(GOLDEN) & BITS

    while True:
        first, second, third, other_first = (
            int(n) for n in rng.integers(2**64, size=4, dtype="u8")
        )
        low, other_low = stirred(1, first), stirred(1, other_first)
        next_low = stirred(low, second)
        other_next_low = next_low ^ folded(stirred(1, low)) ^ folded(stirred(1, other_low))
        other_second = folded(other_low) ^ (other_next_low * inverse & BITS)
        other_third = third ^ folded(next_low) ^ folded(other_next_low)
        tokens = [
            b"".join(word.to_bytes(8, "little") for word in words)
            for words in ((first, second, third), (other_first, other_second, other_third))
        ]
        if not set(SPACES) & set(b"".join(tokens)):
            return tokens[0], tokens[1]


def test_tokens_of_equal_hash_are_different_words() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        one, other = colliding(rng)
        table = Table(8, 2, 100)
        assert table.intern(one + b" " + other + b" " + one) == ([0, 1, 0], [])
        assert table.table.keys[0].tolist() == table.table.keys[1].tolist()
        check(b" ".join([one, other, one, other + b"x", one + b"x", other]))


def test_what_has_no_room_is_told_and_what_had_it_stays() -> None:
    few_words, few_chars = Table(8, 2, 100), Table(8, 4, 5)
    for table in (few_words, few_chars):
        assert table.intern(b"aa b aa ccc\n") is None
        assert table.words() == [b"aa", b"b"]
        assert table.intern(b"b aa\n") == ([1, 0], [2])


@settings(deadline=None)
@given(ids=st.lists(st.integers(0, 5)), numbers=st.permutations(range(9)))
def test_count_and_renumber(ids: list[int], numbers: list[int]) -> None:
    new_numbers = np.array(numbers[:6], dtype=np.int32)
    tokens, expected = np.array(ids, dtype=np.int32), np.array(ids, dtype=np.int32)
    counts, expected_counts = np.arange(9, dtype=np.int64), np.arange(9, dtype=np.int64)
    count_ids(tokens, counts)
    reference.count_ids(expected, expected_counts)
    assert counts.tolist() == expected_counts.tolist()
    remap_ids(tokens, new_numbers)
    reference.remap_ids(expected, new_numbers)
    assert tokens.tolist() == expected.tolist() == [numbers[i] for i in ids]


@pytest.mark.parametrize("n_words", [0, 1, BATCH - 1, BATCH, BATCH + 1, 1000])
def test_a_table_with_its_slots_filled_anew_knows_its_words(n_words: int) -> None:
    text = b" ".join(b"%d" % (3**n % 2**80) for n in range(n_words))
    table = Table(2048, n_words + 1, len(text) + 10)
    expected = table.intern(text)
    table.table.slots[:] = 0
    fill_slots(table.table, table.n_words, table.batch)
    assert table.intern(text) == expected
    assert table.intern(b"new") == ([n_words], [])


@settings(deadline=None)
@given(
    ids=st.lists(st.integers(0, 5), max_size=30),
    cuts=st.sets(st.integers(0, 30)),
    rows=st.lists(st.integers(-1, 3), min_size=6, max_size=6),
)
@example(ids=[], cuts=set(), rows=[0] * 6)
@example(ids=[1], cuts={0, 1}, rows=[-1] * 6)
def test_keep_rows(ids: list[int], cuts: set[int], rows: list[int]) -> None:
    tokens = np.array(ids, dtype=np.int32)
    tokens.flags.writeable = False
    ends = np.array(sorted(cut for cut in cuts if cut <= len(ids)), dtype=np.int64)
    kept, kept_ends = np.empty_like(tokens), np.empty_like(ends)
    n_kept = filter_ids(tokens, ends, np.array(rows, dtype=np.int32), kept, kept_ends)
    expected, expected_ends = reference.filter_ids(tokens, ends, np.array(rows, dtype=np.int32))
    assert kept[:n_kept].tolist() == expected.tolist()
    assert kept_ends.tolist() == expected_ends.tolist()


@settings(deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8"), max_size=50) | st.text("a\n é我\U00010000\u0301\0"),
    modulus=st.integers(1, 7),
)
def test_space_words(text: str, modulus: int) -> None:
    kinds = (np.arange(0x110000) % modulus % 3).astype(np.uint8)
    encoded = np.frombuffer(text.encode(), np.uint8)
    spaced = np.empty_like(encoded)
    space_words(encoded, kinds, spaced)
    assert spaced.tobytes().decode() == reference.space_words(text, kinds)
