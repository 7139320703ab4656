"""Choosing words, and the vocabulary file."""

import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.config.training import VocabularyConfig
from embedtool.corpus.vocabulary import (
    Vocabulary,
    build_vocabulary,
    merge_vocabularies,
    read_vocabulary,
    vocabulary_lines,
)
from embedtool.errors import ConfigError, VocabularyError

WORDS = ["a", "b", "c", "d", "e", "f"]
COUNTS = np.array([3, 9, 3, 1, 9, 3], dtype=np.int64)


def chosen(only: list[str] | None = None, **options: int) -> list[str]:
    return list(build_vocabulary(WORDS, COUNTS, VocabularyConfig(**options), only)[0].words)


@pytest.mark.parametrize(
    ("options", "only", "expected"),
    [
        ({"min_count": 1}, None, ["b", "e", "a", "c", "f", "d"]),
        ({"min_count": 3}, None, ["b", "e", "a", "c", "f"]),
        ({"min_count": 4}, None, ["b", "e"]),
        ({"min_count": 1, "max_vocab": 3}, None, ["b", "e", "a"]),
        ({"min_count": 1, "max_vocab": 99}, None, ["b", "e", "a", "c", "f", "d"]),
        ({"min_count": 1}, ["f", "zebra", "a", "a", "d"], ["a", "f", "d"]),
        ({"min_count": 2}, ["f", "a", "d"], ["a", "f"]),
        ({"min_count": 1, "max_vocab": 2}, ["f", "c", "d"], ["c", "f"]),
    ],
)
def test_words_by_falling_count_then_by_first_appearance(
    options: dict[str, int], only: list[str] | None, expected: list[str]
) -> None:
    assert chosen(only, **options) == expected


@settings(deadline=None)
@given(
    counts=st.lists(st.integers(1, 9), min_size=2, max_size=40),
    min_count=st.integers(1, 9),
    max_vocab=st.none() | st.integers(2, 40),
    data=st.data(),
)
def test_the_choice_equals_the_plain_one(
    counts: list[int], min_count: int, max_vocab: int | None, data: st.DataObject
) -> None:
    words = [f"w{i}" for i in range(len(counts))]
    only = data.draw(st.none() | st.lists(st.sampled_from(words)))
    plain = sorted(
        (i for i in range(len(words)) if counts[i] >= min_count),
        key=lambda i: (-counts[i], i),
    )
    if only is not None:
        plain = [i for i in plain if words[i] in only]
    plain = plain[:max_vocab]
    config = VocabularyConfig(min_count=min_count, max_vocab=max_vocab)
    if len(plain) < 2:
        with pytest.raises(VocabularyError):
            build_vocabulary(words, np.array(counts), config, only)
        return
    vocabulary, places = build_vocabulary(words, np.array(counts), config, only)
    assert places.tolist() == plain
    assert list(vocabulary.words) == [words[i] for i in plain]
    assert vocabulary.counts.tolist() == [counts[i] for i in plain]
    assert (vocabulary.types_seen, vocabulary.tokens_seen) == (len(words), sum(counts))


@pytest.mark.parametrize(
    ("words", "counts", "options", "only", "message"),
    [
        ([], [], {}, None, "the input contains no tokens"),
        (WORDS, COUNTS, {"min_count": 10}, None,
         r"no word is left: of 6 distinct tokens \(28 in all\), 0 occur 10 times or more; lower "
         "min_count"),
        (["a", "b"], [9, 4], {}, None,
         r"only 'a' is left: of 2 .* \(13 in all\), 1 occur 5 times or more; lower min_count"),
        (["a"], [1234], {}, None, "only 'a' is left: of 1 .*1,234 in all"),
        (WORDS, COUNTS, {"min_count": 1}, ["x"],
         "no word is left: .* 6 occur 1 time or more, 0 of them are in the vocabulary file"),
        (WORDS, COUNTS, {"min_count": 1}, [], "no word is left: "),
        (WORDS, COUNTS, {"min_count": 1}, ["c"], "only 'c' is left: .* in the vocabulary file"),
    ],
)  # fmt: skip
def test_fewer_than_two_words_are_refused_with_the_numbers(
    words: list[str],
    counts: list[int],
    options: dict[str, int],
    only: list[str] | None,
    message: str,
) -> None:
    with pytest.raises(VocabularyError, match=message):
        build_vocabulary(words, np.array(counts, np.int64), VocabularyConfig(**options), only)


def test_where_max_vocab_leaves_one_word_the_error_names_it() -> None:
    with pytest.raises((ConfigError, VocabularyError), match="max_vocab"):
        chosen(min_count=1, max_vocab=1)


def test_what_a_vocabulary_tells() -> None:
    vocabulary, _ = build_vocabulary(WORDS, COUNTS, VocabularyConfig(min_count=9))
    assert vocabulary.n_words == 2
    assert vocabulary.n_tokens == 18
    assert list(vocabulary.words) == ["b", "e"]
    assert vocabulary.summary() == {
        "types_seen": 6,
        "types_kept": 2,
        "tokens_seen": 28,
        "tokens_kept": 18,
        "share_kept": pytest.approx(18 / 28),
    }


def test_counts_beyond_32_bits() -> None:
    counts = np.array([2**40, 2**40, 3], dtype=np.int64)
    vocabulary = build_vocabulary(["a", "b", "c"], counts, VocabularyConfig())[0]
    assert isinstance(vocabulary, Vocabulary)
    assert vocabulary.n_tokens == 2**41


TOKEN = st.text(st.characters(exclude_characters=" \t\n\r\v\f\0", codec="utf-8"), min_size=1)


@settings(deadline=None)
@given(st.lists(st.tuples(TOKEN, st.integers(0, 2**63 - 1)), unique_by=lambda pair: pair[0]))
def test_the_file_gives_back_what_was_written(
    tmp_path_factory: pytest.TempPathFactory, entries: list[tuple[str, int]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.txt"
    words, counts = [word for word, _ in entries], [count for _, count in entries]
    path.write_bytes("".join(vocabulary_lines(words, counts)).encode())
    read_words, read_counts = read_vocabulary(path)
    assert read_words == words
    assert read_counts.tolist() == counts


def read(path: Path, data: bytes) -> tuple[list[str], list[int]]:
    path.write_bytes(data)
    words, counts = read_vocabulary(path)
    assert counts.dtype == np.int64
    return words, counts.tolist()


@pytest.mark.parametrize(
    "data",
    [b"the 12\nking 3\n", b"the 12\nking 3", b"the 12\r\nking 3\r\n"],
)
def test_vocabulary_files_of_other_programs_and_systems(data: bytes, tmp_path: Path) -> None:
    assert read(tmp_path / "v", data) == (["the", "king"], [12, 3])


def test_spaces_that_are_no_ascii_spaces_stay_in_the_word(tmp_path: Path) -> None:
    assert read(tmp_path / "v", "New\xa0York\u2028 7\n\u2009 1\n".encode()) == (
        ["New\xa0York\u2028", "\u2009"],
        [7, 1],
    )


def test_an_empty_vocabulary_file(tmp_path: Path) -> None:
    assert read(tmp_path / "v", b"") == ([], [])


@pytest.mark.parametrize(
    "line",
    [
        b"king", b"5", b" 5", b"", b"king five", b"king\t5", b"king 5 ", b"king -5", b"king 1.5",
        b"king 1_000", b"king +5", b"king nan", b"king 99999999999999999999", b"\xff 5",
    ],
)  # fmt: skip
def test_a_line_that_is_no_word_and_count_is_named(line: bytes, tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"v\.txt, line 2: not a word, a space and its count"):
        read(tmp_path / "v.txt", b"the 12\n" + line + b"\nsea 1\n")


def test_a_word_that_stands_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match=r"v\.txt: a word occurs twice"):
        read(tmp_path / "v.txt", b"the 12\nking 1\nthe 3\n")


def test_a_vocabulary_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(VocabularyError, match="gone: cannot be read: No such file"):
        read_vocabulary(tmp_path / "gone")
    with pytest.raises(VocabularyError, match="cannot be read: Is a directory"):
        read_vocabulary(tmp_path)


def test_the_share_kept_is_a_share() -> None:
    vocabulary = Vocabulary(["a", "b"], np.array([1, 1]), 3, 3)
    assert math.isclose(float(vocabulary.summary()["share_kept"]), 2 / 3)


def test_a_vocabulary_grows_by_that_of_an_earlier_training() -> None:
    words, counts = ["a", "b", "c", "rare"], np.array([5, 3, 2, 1])
    chosen = build_vocabulary(words, counts, VocabularyConfig(min_count=2))
    vocabulary, places = merge_vocabularies(
        *chosen, words, counts, ["old", "c", "rare"], np.array([4, 9, 7])
    )
    assert dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True)) == {
        "c": 11, "rare": 8, "a": 5, "old": 4, "b": 3,
    }  # fmt: skip
    assert vocabulary.counts.tolist() == sorted(vocabulary.counts.tolist(), reverse=True)
    assert places.tolist() == [2, 3, 0, -1, 1]
    assert (vocabulary.types_seen, vocabulary.tokens_seen) == (5, 31)
    assert vocabulary.summary()["share_kept"] == 1


def test_a_vocabulary_grows_by_words_without_counts() -> None:
    words, counts = ["a", "b"], np.array([5, 3])
    chosen = build_vocabulary(words, counts, VocabularyConfig(min_count=2))
    vocabulary, places = merge_vocabularies(*chosen, words, counts, ["old", "a"], None)
    assert list(vocabulary.words) == ["a", "b", "old"]
    assert vocabulary.counts.tolist() == [5, 3, 0]
    assert places.tolist() == [0, 1, -1]


def test_a_byte_order_mark_is_no_part_of_the_first_word(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read(tmp_path / "v", b"\xef\xbb\xbfthe 5\nof 3\n") == (["the", "of"], [5, 3])
    assert caplog.messages == [f"{tmp_path / 'v'}: begins with a byte order mark, which is ignored"]
