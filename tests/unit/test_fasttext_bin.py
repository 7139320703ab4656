"""FastText's .bin where it is odd: n-grams from length 0, `</s>`, big tables, odd options."""

import tracemalloc
from pathlib import Path

import fasttext
import numpy as np
import pytest

from embedtool import formats
from embedtool.errors import FormatError
from embedtool.vectors import Subwords, WordVectors, ngram_hash, ngrams


def mean_of_rows(model: fasttext.FastText._FastText, word: str) -> np.ndarray:
    """What fastText calls a word's vector, before it is scaled to length 1."""
    _, ids = model.get_subwords(word)
    return np.mean([model.get_input_vector(i) for i in ids], axis=0)


def with_subwords(words: list[str], bucket: int = 50, size: int = 4) -> WordVectors:
    """Vectors whose every word has n-grams, `</s>` too, as gensim's trainer has it."""
    rng = np.random.default_rng(3)
    grams = [[ngram_hash(g) % bucket for g in ngrams(word, 3, 4)] for word in words]
    buckets = np.unique(np.concatenate(grams)).astype(np.int64)
    word_rows = rng.standard_normal((len(words), size), dtype=np.float32)
    ngram_rows = rng.standard_normal((len(buckets), size), dtype=np.float32)
    matrix = np.array(
        [
            np.vstack([row[None], ngram_rows[np.searchsorted(buckets, ids)]]).mean(axis=0)
            for row, ids in zip(word_rows, grams, strict=True)
        ]
    )
    subwords = Subwords(3, 4, bucket, word_rows, buckets, ngram_rows)
    return WordVectors(words, matrix, subwords=subwords)


@pytest.mark.parametrize(("minn", "maxn"), [(0, 3), (1, 2), (2, 2)])
def test_short_ngrams_are_those_of_fasttext(minn: int, maxn: int, tmp_path: Path) -> None:
    """Even where fastText is asked for n-grams from no character on, it has no empty ones."""
    (tmp_path / "text").write_text("the king rules the größe\nthe queen rules a sea\n" * 30)
    theirs = fasttext.train_unsupervised(
        str(tmp_path / "text"), dim=8, bucket=500, minCount=1, epoch=1, minn=minn, maxn=maxn,
        verbose=0, thread=1,
    )  # fmt: skip
    theirs.save_model(str(tmp_path / "m.bin"))
    ours, _ = formats.read(tmp_path / "m.bin")
    for word in [*theirs.words, "kings", "größer", "x"]:
        np.testing.assert_allclose(ours.vector(word), mean_of_rows(theirs, word), atol=1e-7)


def test_the_end_of_a_sentence_has_the_same_vector_in_fasttext(tmp_path: Path) -> None:
    """fastText takes its row alone, so that the row written must be the vector."""
    ours = with_subwords(["king", "</s>"])
    formats.write(ours, tmp_path / "m.bin")
    theirs = fasttext.load_model(str(tmp_path / "m.bin"))
    again, _ = formats.read(tmp_path / "m.bin")
    for word in ours.words:
        np.testing.assert_allclose(mean_of_rows(theirs, word), ours.vector(word), atol=1e-6)
        np.testing.assert_allclose(again.vector(word), ours.vector(word), atol=1e-6)


def test_buckets_of_zeros_take_no_memory(tmp_path: Path) -> None:
    bucket, size = 100_000, 50
    formats.write(with_subwords(["king", "queen"], bucket, size), tmp_path / "m.bin")
    tracemalloc.start()
    vectors, _ = formats.read(tmp_path / "m.bin")
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert vectors.subwords is not None
    assert len(vectors.subwords.ngram_rows) < 20
    assert kept < 4 * bucket * size / 4


def test_an_option_beyond_the_header_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="an option of the model does not fit the header"):
        formats.write(with_subwords(["king"]), tmp_path / "m.bin", None, {"window": 2**40})
    assert list(tmp_path.iterdir()) == []


def test_a_supervised_model_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("__label__a the king\n__label__b the queen\n" * 30)
    theirs = fasttext.train_supervised(
        str(tmp_path / "text"), dim=4, minCount=1, verbose=0, thread=1
    )
    theirs.save_model(str(tmp_path / "m.bin"))
    with pytest.raises(FormatError, match="supervised"):
        formats.read(tmp_path / "m.bin")
