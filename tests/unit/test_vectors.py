"""Word vectors in memory, and the subwords of FastText against gensim's own."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.errors import UnknownWordError
from embedtool.model.linalg import row_norms, unit_rows
from embedtool.model.subwords import Subwords, ngram_hash, ngrams
from embedtool.model.vectors import VectorTable

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)


def vectors(*words: str, subwords: Subwords | None = None) -> VectorTable:
    matrix = np.arange(1, 2 * len(words) + 1, dtype=np.float32).reshape(-1, 2)
    return VectorTable(words, matrix, subwords=subwords)


@pytest.fixture(scope="module")
def peer() -> Any:
    """What gensim compiles of fastText."""
    return pytest.importorskip("gensim.models.fasttext_inner")


@given(word=TEXT, min_n=st.integers(1, 5), more=st.integers(0, 4))
def test_ngrams_are_those_of_fasttext_in_its_order(
    peer: Any, word: str, min_n: int, more: int
) -> None:
    expected = peer.compute_ngrams_bytes(word, min_n, min_n + more)
    assert ngrams(word, min_n, min_n + more) == expected


@given(ngram=st.binary(max_size=30))
def test_hashes_are_those_of_fasttext(peer: Any, ngram: bytes) -> None:
    assert ngram_hash(ngram) == peer.ft_hash_bytes(ngram)


def test_ngrams_by_hand() -> None:
    assert ngrams("où", 2, 3) == [
        b"<o",
        "<où".encode(),
        "où".encode(),
        "où>".encode(),
        "ù>".encode(),
    ]
    assert ngrams("a", 1, 1) == [b"a"]
    assert ngrams("king", 3, 0) == []


def test_a_new_words_vector_is_the_sum_of_known_rows_over_all_its_ngrams() -> None:
    grams = ngrams("ab", 2, 3)
    bucket = 50
    known = sorted({ngram_hash(gram) % bucket for gram in grams[:2]})
    rows = np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32)[: len(known)]
    subwords = Subwords(2, 3, bucket, np.zeros((1, 2), np.float32), np.array(known), rows)
    hashes = [ngram_hash(gram) % bucket for gram in grams]
    expected = sum(rows[known.index(h)] for h in hashes if h in known) / len(grams)
    np.testing.assert_allclose(subwords.vector("ab"), expected, rtol=1e-6)


def test_a_word_without_known_ngrams_has_no_vector() -> None:
    none = Subwords(
        3, 6, 10, np.zeros((1, 2), np.float32), np.empty(0, np.int64), np.empty((0, 2), np.float32)
    )
    model = vectors("king", subwords=none)
    assert not model.has_vector("queen")
    with pytest.raises(UnknownWordError, match=r"'queen' is not in the vocabulary$"):
        model.vector("queen")


@pytest.mark.parametrize("sign", ["+", "-"])
def test_a_sign_alone_is_a_word_like_others(sign: str) -> None:
    with pytest.raises(UnknownWordError, match=r"^'[+-]' is not in the vocabulary$"):
        vectors("king").vector(sign)
    with pytest.raises(UnknownWordError, match=r"nearest spellings: x-$"):
        raise UnknownWordError(sign, ["x-"])


def test_words_have_rows_and_the_unknown_a_hint() -> None:
    model = vectors("king", "queen", "kind")
    assert model.vector("queen").tolist() == [3, 4]
    assert model.has_vector("queen")
    assert "queen" in model
    assert "King" not in model
    with pytest.raises(UnknownWordError) as caught:
        model.vector("kinq")
    assert caught.value.word == "kinq"
    assert sorted(caught.value.suggestions) == ["kind", "king"]


def test_ids_of_unknown_words_are_an_error_unless_a_default_is_given() -> None:
    model = vectors("king", "queen")
    assert model.word_ids(["queen", "king"]).tolist() == [1, 0]
    assert model.word_ids(iter(["queen"])).tolist() == [1]
    assert model.word_ids(["queen", "kin"], default=-1).tolist() == [1, -1]
    assert model.word_ids(["queen", "kin"], default=7).tolist() == [1, 7]
    assert model.word_ids([]).tolist() == []
    with pytest.raises(UnknownWordError) as caught:
        model.rows[model.word_ids(["queen", "kin", "x"])]
    assert str(caught.value) == (
        "'kin' is not in the vocabulary; nearest spellings: king; 'x' is not in the vocabulary"
    )
    assert {index: each.word for index, each in caught.value.failures.items()} == {1: "kin", 2: "x"}


def test_a_word_where_words_are_meant_is_refused() -> None:
    with pytest.raises(TypeError, match="expected several words, not the one str 'king'"):
        vectors("k", "i", "n", "g").word_ids("king")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("King", ["king", "ing", "ying"]),
        ("KING", ["king", "ing", "ying"]),
        ("kINGG", ["king", "ing"]),
        ("paris", ["Paris"]),
        ("Usa", ["USA"]),
        ("IPHONE", ["iPhone"]),
        ("new york", ["New York"]),
        ("Straße", ["straße"]),
        ("ΑΘΗΝΑ", ["Αθηνα"]),
    ],
)
def test_spellings_that_differ_by_case_come_first(word: str, expected: list[str]) -> None:
    words = ["ing", "ying", "xing", "king", "Paris", "USA", "iPhone", "New York", "straße", "Αθηνα"]
    assert vectors(*words).suggest(word)[: len(expected)] == expected


def test_a_rare_word_of_another_case_is_found_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedtool.model.vectors.SUGGESTION_CANDIDATES", 2)
    assert vectors("sing", "ring", "king").suggest("KING") == ["king", "sing", "ring"]


def test_unit_rows_have_length_one_and_zero_rows_stay() -> None:
    rows = np.array([[3, 4], [0, 0], [1e-20, 0], [1e20, 1e20]], dtype=np.float32)
    unit = unit_rows(rows)
    assert unit.dtype == np.float32
    np.testing.assert_allclose(unit[0], [0.6, 0.8], rtol=1e-6)
    assert unit[1].tolist() == [0, 0]
    np.testing.assert_allclose(np.linalg.norm(unit[2:], axis=1), 1, rtol=1e-6)


@pytest.mark.filterwarnings("error")
def test_rows_beyond_float32_have_length_1_and_rows_that_are_not_finite_become_zeros() -> None:
    rows = np.array([[3e38, 3e38], [0, 0], [3, 4], [np.inf, 1], [np.nan, 1]], np.float32)
    unit = unit_rows(rows)
    expected = [[0.5**0.5] * 2, [0, 0], [0.6, 0.8], [0, 0], [0, 0]]
    np.testing.assert_allclose(unit, expected, rtol=1e-6)
    assert np.isinf(row_norms(rows)).tolist() == [True, False, False, True, False]
