"""A corpus as ids: every token by first appearance, then as rows of a vocabulary."""

import bz2
import gzip
import io
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embedtool.config.text import TextConfig
from embedtool.config.training import VocabularyConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus, encode, sentences_of
from embedtool.corpus.interning import WordInterner
from embedtool.corpus.scanning import open_scan, scan, scan_vocabulary
from embedtool.corpus.vocabulary import Vocabulary, build_vocabulary
from embedtool.errors import CorpusError, VocabularyError
from embedtool.io.array_file import map_file
from tests.factories import scanned_text, write

Sentences = list[list[str]]


WORDS = ["a", "b", "é", "我", "New\xa0York", "</s>", "x\u2028y", "\x1c"]


SENTENCES = st.lists(st.lists(st.sampled_from(WORDS), max_size=12), max_size=12)


def text_of(sentences: Sentences) -> str:
    return "\n".join(" ".join(sentence) for sentence in sentences)


def cut(ids: np.ndarray, ends: np.ndarray) -> list[list[int]]:
    assert len(ids) == (ends[-1] if len(ends) else 0)
    return [piece.tolist() for piece in np.split(ids, ends[:-1])] if len(ends) else []


@settings(deadline=None)
@given(sentences=SENTENCES, block=st.integers(16, 64))
def test_a_scan_holds_every_token_by_first_appearance(sentences: Sentences, block: int) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.corpus.text_blocks.BLOCK_BYTES", block)
        scanned = scanned_text(Path(folder), text_of(sentences))
        filled = [sentence for sentence in sentences if sentence]
        counts = Counter(word for sentence in filled for word in sentence)
        assert scanned.words == list(counts)
        assert scanned.counts.tolist() == list(counts.values())
        read = [[scanned.words[i] for i in ids] for ids in cut(scanned.ids, scanned.ends)]
        assert read == filled
        assert (scanned.counts.dtype, scanned.ids.dtype, scanned.ends.dtype) == ("i8", "i4", "i8")


LINES = st.lists(
    st.text("aAbΣσé. ,-\t\r\0\xa0\u0301我\U0001f600", max_size=12).map(str.encode)
    | st.binary(max_size=8),
    max_size=12,
)


@settings(deadline=None)
@given(
    files=st.lists(LINES, min_size=1, max_size=3),
    tokenizer=st.sampled_from(["whitespace", "words", "icu"]),
    lowercase=st.booleans(),
    normalize=st.sampled_from(["none", "nfc", "nfkc"]),
    encoding_errors=st.sampled_from(["strict", "replace", "skip"]),
    block=st.integers(16, 64),
)
def test_a_scan_is_the_same_on_any_number_of_threads(
    files: list[list[bytes]], block: int, **options: Any
) -> None:
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.corpus.text_blocks.BLOCK_BYTES", block)
        patch.setattr("embedtool.corpus.interning.MIN_SLOTS", 2)
        paths = [
            str(write(Path(folder) / str(i), b"\n".join(lines))) for i, lines in enumerate(files)
        ]
        corpus = Corpus(paths, TextConfig(**options))
        try:
            sentences = list(corpus.sentences())
        except CorpusError as error:
            for workers in (1, 3):
                with pytest.raises(CorpusError) as raised:
                    scan(Corpus(paths, corpus.text), Path(folder), workers=workers)
                assert str(raised.value) == str(error)
            return
        counts = Counter(word for sentence in sentences for word in sentence)
        fingerprints = set()
        for workers in (1, 3):
            scanned = scan(Corpus(paths, corpus.text), Path(folder), workers=workers)
            assert scanned.words == list(counts)
            assert scanned.counts.tolist() == list(counts.values())
            ids = cut(scanned.ids, scanned.ends)
            assert [[scanned.words[i] for i in line] for line in ids] == sentences
            assert scanned.n_invalid == corpus.n_invalid
            fingerprints.add(scanned.fingerprint)
        assert len(fingerprints) == 1


@settings(deadline=None)
@given(
    sentences=SENTENCES,
    min_count=st.integers(1, 4),
    max_vocab=st.none() | st.integers(2, 6),
    only=st.none() | st.lists(st.sampled_from([*WORDS, "unseen"])),
    block_tokens=st.integers(1, 40),
)
def test_encoding_equals_the_plain_way(
    sentences: Sentences,
    min_count: int,
    max_vocab: int | None,
    only: list[str] | None,
    block_tokens: int,
) -> None:
    counts = Counter(word for sentence in sentences for word in sentence)
    words = [
        word for word in counts if counts[word] >= min_count and (only is None or word in only)
    ]
    words = sorted(words, key=lambda word: -counts[word])[:max_vocab]
    with TemporaryDirectory() as name, pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.corpus.encoding.BLOCK_TOKENS", block_tokens)
        folder = Path(name)
        scanned = scanned_text(folder, text_of(sentences))
        config = VocabularyConfig(min_count=min_count, max_vocab=max_vocab)
        if len(words) < 2:
            with pytest.raises(VocabularyError):
                build_vocabulary(scanned.words, scanned.counts, config, only)
            return
        vocabulary, places = build_vocabulary(scanned.words, scanned.counts, config, only)
        encoded = encode(scanned, vocabulary, places, folder)
        assert list(vocabulary.words) == words
        kept = [[words.index(word) for word in line if word in words] for line in sentences]
        assert cut(encoded.ids, encoded.ends) == [line for line in kept if line]
        assert encoded.n_tokens == vocabulary.n_tokens
        assert np.bincount(encoded.ids).tolist() == vocabulary.counts.tolist()
        assert encoded.fingerprint == scanned.fingerprint


@pytest.mark.parametrize("block_tokens", range(1, 14))
def test_sentences_that_lose_all_their_words_are_left_out_wherever_blocks_end(
    block_tokens: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("embedtool.corpus.encoding.BLOCK_TOKENS", block_tokens)
    scanned = scanned_text(tmp_path, "x\ny\na b\nz\nb a\nw\nv u\na t b\ns\n")
    vocabulary, places = build_vocabulary(
        scanned.words, scanned.counts, VocabularyConfig(min_count=2)
    )
    encoded = encode(scanned, vocabulary, places, tmp_path)
    assert cut(encoded.ids, encoded.ends) == [[0, 1], [1, 0], [0, 1]]


def test_a_line_of_20_000_tokens_is_counted_and_one_sentence(tmp_path: Path) -> None:
    words = [f"word{i % 700}" for i in range(20_000)]
    scanned = scanned_text(tmp_path, " ".join(words))
    assert scanned.counts.sum() == 20_000
    assert scanned.ends.tolist() == [20_000]
    assert [scanned.words[i] for i in scanned.ids] == words


@pytest.mark.parametrize("text", ["", "\n\n\n", " \t\0\r\n"])
def test_text_without_tokens(text: str, tmp_path: Path) -> None:
    scanned = scanned_text(tmp_path, text)
    assert (scanned.words, len(scanned.counts)) == ([], 0)
    assert (len(scanned.ids), len(scanned.ends)) == (0, 0)
    assert (scanned.ids.dtype, scanned.ends.dtype) == ("i4", "i8")
    with pytest.raises(VocabularyError, match="the input contains no tokens"):
        build_vocabulary(scanned.words, scanned.counts, VocabularyConfig())


def test_a_scan_is_memory_mapped_and_cannot_be_changed(tmp_path: Path) -> None:
    scanned = scanned_text(tmp_path, "a b\n")
    for array in (scanned.ids, scanned.ends):
        assert isinstance(array, np.memmap)
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 7


def test_the_fingerprint_is_of_tokens_in_sentences_whatever_holds_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "the king rules\nthe land\n"
    same = [
        text,
        text.rstrip("\n"),
        "\ufeff" + text.replace("\n", "\r\n\n"),
        " the\tking  rules \n\n\nthe\0land ",
        gzip.compress(text.encode()),
        bz2.compress(text.encode()),
    ]
    fingerprints = {scanned_text(tmp_path, each).fingerprint for each in same}
    records = write(tmp_path / "a.csv", f'text\n"{text}"\n')
    (tmp_path / "records").mkdir()
    fingerprints.add(scan(Corpus([str(records)]), tmp_path / "records").fingerprint)
    monkeypatch.setattr("embedtool.corpus.text_blocks.BLOCK_BYTES", 16)
    fingerprints.add(scanned_text(tmp_path, text).fingerprint)
    assert len(fingerprints) == 1
    others = [
        "the king rules the\nland\n",
        "the king rules\nthe land the\n",
        "the queen rules\nthe land\n",
        "The king rules\nthe land\n",
        "",
    ]
    fingerprints |= {scanned_text(tmp_path, each).fingerprint for each in others}
    assert len(fingerprints) == 1 + len(others)


def test_a_scan_opened_again_is_the_same(tmp_path: Path) -> None:
    first = scan(Corpus([str(write(tmp_path / "text", "b a b\nx\u2028y\n"))]), tmp_path)
    again = open_scan(tmp_path)
    assert (again.words, again.fingerprint) == (first.words, first.fingerprint)
    for name in ("counts", "ids", "ends"):
        assert np.array_equal(getattr(again, name), getattr(first, name))


def test_count_words_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = write(tmp_path / "text", "b a b\na b c\n")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    vocabulary = scan_vocabulary(Corpus([str(text)]), VocabularyConfig(min_count=2))
    assert list(vocabulary.words) == ["b", "a"]
    assert vocabulary.counts.tolist() == [3, 2]
    assert (vocabulary.types_seen, vocabulary.tokens_seen) == (3, 6)
    assert list((tmp_path / "temporary").iterdir()) == []


@settings(deadline=None)
@given(sizes=st.lists(st.integers(1, 20)), longest=st.integers(1, 21))
def test_long_sentences_come_in_pieces(sizes: list[int], longest: int) -> None:
    ends = np.cumsum(sizes, dtype=np.int64)
    ids = np.arange(sum(sizes), dtype=np.int32)
    vocabulary = Vocabulary([str(i) for i in ids], np.ones(len(ids), np.int64), len(ids), len(ids))
    pieces = list(sentences_of(EncodedCorpus(vocabulary, ids, ends, ""), longest))
    expected = []
    for end, size in zip(ends.tolist(), sizes, strict=True):
        line = list(range(end - size, end))
        expected += [line[i : i + longest] for i in range(0, size, longest)]
    assert [piece.tolist() for piece in pieces] == expected


def test_an_empty_file_is_an_empty_array(tmp_path: Path) -> None:
    array = map_file(write(tmp_path / "a", b""), np.dtype("<f4"))
    assert (array.shape, array.dtype) == ((0,), np.float32)


def test_standard_input_is_scanned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(gzip.compress(b"a b a\n"))))
    assert scan(Corpus(["-"]), tmp_path).counts.tolist() == [2, 1]


def test_numbers_stay_when_the_table_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("embedtool.corpus.interning.MIN_SLOTS", 2)
    interner = WordInterner()
    words = [f"{'x' * (i % 40)}{i}" for i in range(3_000)]
    for start in range(0, len(words), 500):
        part = words[start : start + 500]
        ids, ends = interner.intern("\n".join([*part, *part, ""]).encode())
        assert ids.tolist() == [*range(start, start + 500)] * 2
        assert ends.tolist() == [*range(1, 1_001)]
    assert interner.text.decode().split() == words
    assert interner.intern(words[7].encode())[0].tolist() == [7]
    interner.clear()
    assert interner.text == b""
    assert interner.intern(b"b a b")[0].tolist() == [0, 1, 0]
