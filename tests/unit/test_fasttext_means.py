"""The vectors of FastText's words: the blocks of compiled code against the sums one by one."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.formats import fasttext_means
from embedtool.formats.fasttext_means import ngram_sums, word_means
from embedtool.formats.options import ReadOptions
from embedtool.kernels.text.row_means import mean_rows
from embedtool.model.subwords import Subwords

ODD = [b"", b"</s>", b"a", b"\xff\xfe", b"\x80", "größe".encode(), "日本語".encode()]


def reference(words: Sequence[bytes], subwords: Subwords) -> np.ndarray:
    """One word after another, as the paper and fastText have it."""
    rows = [
        (total + own) / (1 + n)
        for own, (total, n) in zip(subwords.word_rows, ngram_sums(words, subwords), strict=True)
    ]
    return np.array(rows, np.float32)


def some(words: Sequence[bytes], bucket: int, n_kept: int, size: int = 7) -> Subwords:
    rng = np.random.default_rng(5)
    buckets = np.sort(rng.choice(bucket, n_kept, replace=False))
    own = rng.standard_normal((len(words), size), np.float32)
    return Subwords(2, 4, bucket, own, buckets, rng.standard_normal((n_kept, size), np.float32))


@pytest.fixture
def words() -> list[bytes]:
    rng = np.random.default_rng(6)
    letters = ["abcdeö日"[i] for i in range(7)]
    drawn = ["".join(rng.choice(letters, rng.integers(1, 9))).encode() for _ in range(700)]
    return [*ODD, *drawn]


@pytest.mark.parametrize("pruned", [False, True])
@pytest.mark.parametrize("n_kept", [0, 1, 250, 300])
@pytest.mark.parametrize("slice_bytes", [4, 4 * 300 * 3, 2**20])
@pytest.mark.parametrize("on_disk", [False, True])
def test_means_in_blocks_are_those_word_by_word(
    pruned: bool, n_kept: int, slice_bytes: int, on_disk: bool, words: list[bytes],
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(fasttext_means, "BLOCK_WORDS", 64)
    monkeypatch.setattr(fasttext_means, "SLICE_BYTES", slice_bytes)
    subwords = replace(some(words, 300, n_kept), pruned=pruned)
    options = ReadOptions(scratch=tmp_path if on_disk else None)
    found = word_means(iter(words), subwords, options)
    np.testing.assert_array_max_ulp(found, reference(words, subwords), 1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("pruned", [False, True])
def test_few_rows_of_very_many_buckets(pruned: bool, words: list[bytes]) -> None:
    """A table of all buckets, which a header may say are two thousand million, is not made."""
    subwords = some(words, 3000, 900)
    huge = replace(subwords, bucket=2**31 - 1, pruned=pruned)
    rows = [g for w in words[7:40] for g in _buckets(w, huge)]
    chosen = np.unique(rows)[: len(huge.ngram_rows)]
    huge = replace(huge, buckets=chosen, ngram_rows=huge.ngram_rows[: len(chosen)])
    found = word_means(iter(words), huge, ReadOptions())
    np.testing.assert_array_max_ulp(found, reference(words, huge), 1)


def _buckets(word: bytes, subwords: Subwords) -> list[int]:
    from embedtool.model.subwords import ngram_hash, ngrams

    return [ngram_hash(g) % subwords.bucket for g in ngrams(word, 2, 4)]


def test_few_words_need_no_compiled_code(words: list[bytes]) -> None:
    few = words[:20]
    subwords = some(few, 300, 200)
    found = word_means(iter(few), subwords, ReadOptions())
    np.testing.assert_array_equal(found, reference(few, subwords))


def test_without_ngrams_the_vectors_are_the_rows(words: list[bytes]) -> None:
    subwords = replace(some(words, 300, 10), max_n=0)
    assert word_means(iter(words), subwords, ReadOptions()) is subwords.word_rows


@given(st.lists(st.lists(st.integers(-1, 4), max_size=6), max_size=5), st.integers(0, 9))
def test_the_kernel_equals_its_reference(lists: list[list[int]], n_columns: int) -> None:
    rng = np.random.default_rng(1)
    table = rng.standard_normal((5, n_columns), np.float32)
    own = rng.standard_normal((len(lists), n_columns), np.float32)
    ends = np.cumsum([0, *map(len, lists)])
    members = np.array([row for each in lists for row in each], np.int32)
    divisors = np.array([1 + len(each) for each in lists], np.int64)
    found = np.empty_like(own)
    mean_rows(ends, members, divisors, own, table, found)
    for i, each in enumerate(lists):
        total = own[i].astype(np.float64)
        for row in each:
            total += table[row] if row >= 0 else 0
        np.testing.assert_allclose(found[i], total / divisors[i], rtol=1e-6, atol=1e-7)
