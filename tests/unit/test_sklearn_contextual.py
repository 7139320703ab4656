"""DocumentVectorizer with the vectors that words have in their documents."""

import pickle
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

pytest.importorskip("torch")

from embedtool.contextual.loading import open_encoder
from embedtool.errors import ConfigError, ModelError
from embedtool.model import store
from embedtool.sklearn import DocumentVectorizer

TEXTS = ["river boat bank fish", "cash loan bank unheard", "", "bank"]


def test_a_document_is_the_mean_of_its_words_in_it(encoders: dict[str, Path]) -> None:
    vectorizer = DocumentVectorizer(encoders["masked"], mode="contextual").fit(TEXTS)
    rows = vectorizer.transform(TEXTS)
    assert rows.shape == (4, 32) and rows.dtype == np.float32
    for row, found in zip(rows, open_encoder(encoders["masked"]).encode(TEXTS), strict=True):
        expected = found.vectors.mean(axis=0) if found.tokens else np.zeros(32)
        np.testing.assert_allclose(row, expected, rtol=0, atol=1e-5)
    coverage = vectorizer.coverage_
    assert (coverage.n_documents, coverage.n_empty) == (4, 1)
    assert (coverage.n_tokens, coverage.n_known) == (9, 8)


@pytest.mark.parametrize("weighting", ["sif", "tfidf"])
def test_words_weigh_as_with_static_vectors(weighting: str, encoders: dict[str, Path]) -> None:
    options = {"weighting": weighting, "remove_components": 0}
    static = DocumentVectorizer(encoders["masked"], **options).fit(TEXTS)
    contextual = DocumentVectorizer(encoders["masked"], mode="contextual", **options)
    found = contextual.fit_transform(TEXTS)
    assert contextual.word_weights_ == static.word_weights_
    sentence = next(open_encoder(encoders["masked"]).encode(TEXTS[:1]))
    vectors = store.load(encoders["masked"]).vectors
    if weighting == "sif":
        shares = vectors.counts[vectors.word_ids(sentence.tokens)] / vectors.counts.sum()
        expected = (1e-3 / (1e-3 + shares)) @ sentence.vectors / 4
    else:
        weights = np.array([contextual.word_weights_[token] for token in sentence.tokens])
        expected = weights @ sentence.vectors / weights.sum()
    np.testing.assert_allclose(found[0], expected, rtol=1e-4, atol=1e-6)


def test_it_works_in_a_search(encoders: dict[str, Path], two_senses: Path) -> None:
    lines = two_senses.read_text().splitlines()[:60]
    pipeline = make_pipeline(DocumentVectorizer(encoders["masked"]), LogisticRegression())
    search = GridSearchCV(pipeline, {"documentvectorizer__mode": ["static", "contextual"]}, cv=3)
    search.fit(lines, [i % 2 for i in range(60)])
    assert search.best_score_ > 0.95
    again = pickle.loads(pickle.dumps(search.best_estimator_))
    assert np.array_equal(again.predict(lines), search.best_estimator_.predict(lines))


def test_an_opened_encoder_is_taken_and_not_copied(encoders: dict[str, Path]) -> None:
    encoder = open_encoder(encoders["causal"])
    vectorizer = clone(DocumentVectorizer(encoder, mode="contextual"))
    assert vectorizer.model is encoder
    by_path = DocumentVectorizer(encoders["causal"], mode="contextual")
    assert np.array_equal(vectorizer.fit_transform(TEXTS), by_path.fit_transform(TEXTS))


def test_what_cannot_be(encoders: dict[str, Path]) -> None:
    with pytest.raises(ModelError, match="is a static model"):
        DocumentVectorizer(encoders["static"], mode="contextual").fit(TEXTS)
    with pytest.raises(ConfigError, match="the path of an encoder, or an opened one"):
        DocumentVectorizer(7, mode="contextual").fit(TEXTS)
    with pytest.raises(ConfigError, match="must be one of static, contextual, not both"):
        DocumentVectorizer(encoders["masked"], mode="both").fit(TEXTS)


def test_a_folder_of_transformers(minilm: Path) -> None:
    vectorizer = DocumentVectorizer(minilm, mode="contextual", weighting="tfidf")
    rows = vectorizer.fit_transform(["a boat on the river", "money in the bank", ""])
    assert rows.shape == (3, 384) and not rows[2].any() and rows[:2].any(axis=1).all()
    assert vectorizer.coverage_.fraction == 1
