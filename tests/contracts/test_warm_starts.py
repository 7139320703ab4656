"""Every trainer starts from the vectors of a model, and keeps those that are frozen."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.config.tasks import CompressConfig
from embedtool.corpus.corpus import Corpus
from embedtool.errors import ConfigError
from embedtool.model.compression import compress
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.trainers import TRAINERS
from embedtool.training import train
from tests.contracts.small_trainings import config, trained


@pytest.fixture(params=TRAINERS)
def algorithm(request: pytest.FixtureRequest) -> str:
    return str(request.param)


INITIAL = [("word2vec", {}), ("word2vec", {"mode": "skipgram"}), ("fasttext", {}), ("glove", {})]


def grown(
    algorithm: str, model: ModelRecord, path: Path, freeze: bool = False, **options: Any
) -> VectorTable:
    """Vectors that start from those of a model."""
    chosen = config(algorithm, **options)
    return train(chosen, Corpus([str(path)]), init=model, freeze=freeze).vectors


@pytest.mark.parametrize(("algorithm", "options"), INITIAL)
def test_training_starts_from_a_model(
    algorithm: str, options: dict[str, Any], text: Path, tmp_path: Path
) -> None:
    """Old words keep their place and their counts are added up; new ones join them."""
    model = trained(algorithm, text, **options)
    more = tmp_path / "more.txt"
    more.write_text("the prince rules the land\n" * 40 + "rare king\n")
    slow = {"learning_rate": 1e-6, **({} if algorithm == "glove" else {"min_learning_rate": 1e-7})}
    vectors = grown(algorithm, model, more, **slow, **options)
    assert vectors.counts is not None
    counts = dict(zip(vectors.words, vectors.counts.tolist(), strict=True))
    assert counts == {
        "the": 320, "rules": 160, "land": 100, "king": 61, "queen": 60, "sea": 60, "prince": 40,
    }  # fmt: skip
    for word in model.vectors.words:
        np.testing.assert_allclose(vectors.vector(word), model.vectors.vector(word), atol=2e-4)


@pytest.mark.parametrize(("algorithm", "options"), INITIAL)
def test_frozen_words_stay_and_new_words_are_trained(
    algorithm: str, options: dict[str, Any], text: Path, tmp_path: Path
) -> None:
    model = trained(algorithm, text, **options)
    more = tmp_path / "more.txt"
    more.write_text("the xylophone rules the land\n" * 40)
    vectors = grown(algorithm, model, more, freeze=True, **options)
    for word in model.vectors.words:
        np.testing.assert_allclose(vectors.vector(word), model.vectors.vector(word), atol=1e-6)
    again = grown(algorithm, model, more, freeze=True, **options, epochs=6)
    assert np.abs(again.vector("xylophone") - vectors.vector("xylophone")).max() > 1e-4


FORMS = [
    ("word2vec", {}),
    ("word2vec", {"loss": "hierarchical-softmax"}),
    ("fasttext", {}),
    ("fasttext", {"loss": "hierarchical-softmax"}),
    ("glove", {"output_vectors": "sum"}),
    ("glove", {"output_vectors": "words"}),
    ("glove", {"output_vectors": "both"}),
]
"""What a model can be that a training starts from, and that comes of it."""


def _form(each: tuple[str, dict[str, Any]]) -> str:
    return " ".join([each[0], *each[1].values()])


@pytest.mark.parametrize("begin", FORMS, ids=_form)
@pytest.mark.parametrize("after", FORMS, ids=_form)
def test_frozen_words_of_any_model_keep_their_bytes_in_any_training(
    begin: tuple[str, dict[str, Any]], after: tuple[str, dict[str, Any]], text: Path, tmp_path: Path
) -> None:
    if after[0] == "fasttext" != begin[0]:
        pytest.skip("FastText begins with n-grams only")
    model = trained(begin[0], text, **begin[1])
    more = tmp_path / "more.txt"
    more.write_text("the xylophone rules the land\n" * 40)
    rate = 0.1 if after[0] == "glove" else 0.05
    vectors = grown(after[0], model, more, freeze=True, learning_rate=rate, **after[1])
    for word in model.vectors.words:
        assert np.array_equal(vectors.vector(word), model.vectors.vector(word)), word
    untrained = grown(after[0], model, more, freeze=True, learning_rate=1e-6,
                      **({} if after[0] == "glove" else {"min_learning_rate": 1e-7}),
                      **after[1])  # fmt: skip
    assert not np.allclose(vectors.vector("xylophone"), untrained.vector("xylophone"), atol=1e-4)


@pytest.mark.parametrize(("algorithm", "options"), FORMS[:4])
def test_inner_nodes_are_not_taken_for_the_words_of_a_training(
    algorithm: str, options: dict[str, Any], text: Path
) -> None:
    """Two models that differ in their inner nodes alone begin the same training."""
    model = trained(algorithm, text, loss="hierarchical-softmax")
    assert model.vectors.output_rows == "inner-nodes"
    assert model.vectors.context_vectors is None
    without = replace(model, vectors=replace(model.vectors, output_matrix=None))
    for target in ({"algorithm": algorithm, **options}, {"algorithm": "glove"}):
        one, other = (grown(path=text, model=each, **target) for each in (model, without))
        assert np.array_equal(one.rows, other.rows)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
def test_the_inner_nodes_of_gensim_are_left_out(algorithm: str, text: Path) -> None:
    """They are those of another Huffman tree, where counts are equal."""
    pytest.importorskip("gensim")
    model = trained(algorithm, text, loss="hierarchical-softmax", engine="gensim")
    assert model.vectors.output_matrix is None
    assert model.vectors.context_vectors is None


@pytest.mark.parametrize("precision", ["float16", "int8"])
@pytest.mark.parametrize("ngrams", [None, 0, 5])
def test_frozen_words_of_a_compressed_fasttext_stay(
    precision: str, ngrams: int | None, text: Path, tmp_path: Path
) -> None:
    """Even where n-grams that the compression left out are those of new words as well."""
    vectors = trained("fasttext", text).vectors
    small = compress(vectors, CompressConfig(ngrams=ngrams, precision=precision))
    more = tmp_path / "more.txt"
    more.write_text("the kings rule the lands\n" * 40)
    after = grown("fasttext", ModelRecord(small, {}), more, freeze=True)
    for word in small.words:
        assert np.array_equal(after.vector(word), small.vector(word))


def test_what_a_model_must_have_to_start_from_it(algorithm: str, text: Path) -> None:
    model = trained(algorithm, text)
    with pytest.raises(ConfigError, match="init has vectors of 12 dimensions"):
        grown(algorithm, model, text, vector_size=13)


def test_fasttext_starts_from_the_same_n_grams_only(text: Path) -> None:
    model = trained("fasttext", text)
    with pytest.raises(ConfigError, match="use min_n=3 max_n=6 bucket=1000"):
        grown("fasttext", model, text, bucket=999)
    with pytest.raises(ConfigError, match="init has no n-grams"):
        grown("fasttext", trained("word2vec", text), text)


def test_gensim_does_not_start_from_a_model(text: Path) -> None:
    pytest.importorskip("gensim")
    with pytest.raises(ConfigError, match="init needs engine='native'"):
        grown("word2vec", trained("word2vec", text), text, engine="gensim")
