"""DocumentVectorizer keeps scikit-learn's rules, and its numbers are those of plain NumPy."""

import doctest
import logging
import pickle
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.exceptions import NotFittedError, SkipTestWarning
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import Pipeline
from sklearn.utils.estimator_checks import check_estimator
from sklearn.utils.validation import validate_data

import embedtool.sklearn
from embedtool.errors import ConfigError, DocumentError, ModelError
from embedtool.model import store
from embedtool.model.subwords import Subwords, ngram_hash
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.sklearn import DocumentVectorizer
from tests.factories import saved_model, topic_vectors

WEIGHTINGS = ["mean", "sif", "tfidf"]
SEA, LAND = "ship wave sail fish", "plough field wheat cow"
WORDS = ["the", *f"{SEA} {LAND}".split()]


def topics(n: int, seed: int = 0) -> tuple[list[str], list[str]]:
    """n documents of five words, in turn of the sea and of the land, and what they are of."""
    rng = np.random.default_rng(seed)
    kinds = [("sea", SEA), ("land", LAND)]
    documents = [
        " ".join([*rng.choice(["the", *kinds[i % 2][1].split()], 4), "Unknown"]) for i in range(n)
    ]
    return documents, [kinds[i % 2][0] for i in range(n)]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    return saved_model(tmp_path / "model", topic_vectors())


class NumberVectorizer(DocumentVectorizer):
    """Writes each row of numbers as a text of words, for checks that know no other input.

    scikit-learn's checks are skipped for all that takes text; behind this they reach the same code.
    """

    def _texts(self, rows: object, reset: bool) -> list[str]:
        numbers = validate_data(self, rows, dtype=float, reset=reset)
        words = np.array(WORDS)
        places = np.round(numbers * 2).astype(int) + np.arange(numbers.shape[1])
        return [" ".join(row) for row in words[places % len(words)]]

    def fit(self, X, y=None):  # noqa: N803
        return super().fit(self._texts(X, True), y)

    def fit_transform(self, X, y=None):  # noqa: N803
        return super().fit_transform(self._texts(X, True), y)

    def transform(self, X):  # noqa: N803
        return super().transform(self._texts(X, False))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string = tags.input_tags.one_d_array = False
        tags.input_tags.two_d_array = True
        return tags


def test_scikit_learns_checks_pass_as_for_its_own_vectorizers() -> None:
    """What takes text has one check; the others are skipped by its tag, as for TfidfVectorizer."""
    with pytest.warns(SkipTestWarning, match="requires input"):
        done = check_estimator(DocumentVectorizer())
    with pytest.warns(SkipTestWarning):
        theirs = check_estimator(TfidfVectorizer())
    names = [(each["check_name"], each["status"]) for each in done]
    assert names == [(each["check_name"], each["status"]) for each in theirs]
    assert names == [("check_estimator_cloneable", "passed")]


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_all_checks_pass_on_numbers_written_as_text(weighting: str, model: Path) -> None:
    estimator = NumberVectorizer(model, weighting=weighting)
    with warnings.catch_warnings():
        warnings.simplefilter("error", SkipTestWarning)
        done = check_estimator(estimator, on_skip=None)
    status = {each["check_name"]: each["status"] for each in done}
    assert set(status.values()) <= {"passed", "skipped"}
    skipped = {name for name, each in status.items() if each == "skipped"}
    assert skipped <= {"check_array_api_input"}, skipped
    passed = status.keys() - skipped
    assert len(passed) > 35
    assert {
        "check_dict_unchanged", "check_dont_overwrite_parameters", "check_estimators_pickle",
        "check_fit_check_is_fitted", "check_fit_idempotent", "check_fit_score_takes_y",
        "check_get_params_invariance", "check_methods_sample_order_invariance",
        "check_methods_subset_invariance", "check_mixin_order", "check_n_features_in",
        "check_no_attributes_set_in_init", "check_parameters_default_constructible",
        "check_set_params", "check_transformer_general", "check_transformers_unfitted",
    } <= passed  # fmt: skip


def known(document: str) -> list[int]:
    return [WORDS.index(word) for word in document.lower().split() if word in WORDS]


def test_the_mean_is_that_of_the_known_words() -> None:
    vectors = topic_vectors()
    rows = DocumentVectorizer(vectors).fit_transform(["The ship, the SHIP-wave!", "none", "cow"])
    the, ship, wave, cow = (vectors.vector(word) for word in ("the", "ship", "wave", "cow"))
    expected = [(2 * the + 2 * ship + wave) / 5, np.zeros(5), cow]
    np.testing.assert_allclose(rows, expected, rtol=1e-6)
    assert rows.dtype == np.float32
    unit = DocumentVectorizer(vectors, normalize=True).fit_transform(["ship wave", "none"])
    np.testing.assert_allclose(np.linalg.norm(unit, axis=1), [1, 0], rtol=1e-6)


def plain_sif(documents: list[str], shares: np.ndarray, a: float) -> np.ndarray:
    """Algorithm 1 of the paper up to its line 3, a document after another."""
    matrix = topic_vectors().rows.astype(float)
    rows = [sum(a / (a + shares[i]) * matrix[i] for i in known(d)) / len(known(d))
            for d in documents]  # fmt: skip
    return np.array(rows)


@pytest.mark.parametrize("n_removed", [0, 1, 2])
@pytest.mark.parametrize("counts", [True, False])
def test_sif_is_that_of_the_paper(counts: bool, n_removed: int) -> None:
    vectors = topic_vectors(counts)
    train, _ = topics(40)
    test, _ = topics(7, seed=1)
    if vectors.counts is not None:
        shares = vectors.counts / 1440
    else:
        occurrences = np.bincount(
            [i for document in train for i in known(document)], minlength=len(WORDS)
        )
        shares = occurrences / occurrences.sum()
    rows, others = (plain_sif(documents, shares, 0.01) for documents in (train, test))
    if n_removed:
        svd = TruncatedSVD(n_removed, algorithm="arpack", random_state=0).fit(rows)
        common = svd.components_.T @ svd.components_
        rows, others = rows - rows @ common, others - others @ common
    vectorizer = DocumentVectorizer(
        vectors, weighting="sif", sif_a=0.01, remove_components=n_removed
    )
    np.testing.assert_allclose(vectorizer.fit_transform(train), rows, atol=1e-5)
    np.testing.assert_allclose(vectorizer.transform(test), others, atol=1e-5)
    assert vectorizer.components_.shape == (5, n_removed)
    assert bool(vectorizer.word_weights_) != counts


def test_a_sif_weight_by_hand() -> None:
    """`cow` is 20 of 1,440 tokens: 0.001 / (0.001 + 1 / 72) = 72 / 1072."""
    vectorizer = DocumentVectorizer(topic_vectors(), weighting="sif", remove_components=0)
    rows = vectorizer.fit_transform(["cow"])
    np.testing.assert_allclose(rows[0], topic_vectors().vector("cow") * 72 / 1072, rtol=1e-6)


def test_tfidf_is_scikit_learns_times_the_matrix() -> None:
    train, _ = topics(30)
    test = [*topics(6, seed=1)[0], "fish fish cow", "unknown"]
    train = [text for text in train if "fish" not in text]  # a word that is new to transform
    peer = TfidfVectorizer(vocabulary=WORDS, norm="l1").fit(train)
    vectorizer = DocumentVectorizer(topic_vectors(), weighting="tfidf").fit(train)
    for documents in (train, test):
        expected = peer.transform(documents) @ topic_vectors().rows
        np.testing.assert_allclose(vectorizer.transform(documents), expected, atol=1e-6)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_document_has_one_vector_whatever_stands_beside_it(weighting: str) -> None:
    documents, _ = topics(30)
    vectorizer = DocumentVectorizer(topic_vectors(), weighting=weighting)
    rows = vectorizer.fit_transform(documents)
    np.testing.assert_allclose(vectorizer.transform(documents[::-1])[::-1], rows, atol=1e-6)
    means = DocumentVectorizer(topic_vectors()).fit(documents)
    alone = [means.transform([document])[0] for document in documents]
    np.testing.assert_array_equal(means.transform(documents), alone)


def subword_vectors() -> VectorTable:
    """A model that knows `cow`, and two n-grams of what it does not know."""
    buckets = sorted(ngram_hash(ngram) % 1000 for ngram in (b"<co", b"ows"))
    rows = np.array([[1, 0], [0, 2]], np.float32)
    subwords = Subwords(3, 3, 1000, np.ones((1, 2), np.float32), np.array(buckets), rows)
    return VectorTable(["cow"], np.array([[3, 3]], np.float32), np.array([9]), subwords=subwords)


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_new_words_get_their_vectors_from_subwords(weighting: str) -> None:
    vectors = subword_vectors()
    options = {"weighting": weighting, "remove_components": 0}
    vectorizer = DocumentVectorizer(vectors, **options)
    rows = vectorizer.fit_transform(["cows cows", "xyz"])
    np.testing.assert_allclose(rows, [vectors.vector("cows"), [0, 0]], rtol=1e-6)
    assert vectorizer.coverage_.n_known == 2
    without = DocumentVectorizer(vectors, subwords=False, **options).fit_transform(["cows", "cow"])
    assert not without[0].any() and without[1].any()


def test_a_vector_that_is_not_finite_is_unknown() -> None:
    vectors = topic_vectors()
    vectors.rows[1, 2] = np.nan
    vectorizer = DocumentVectorizer(vectors)
    rows = vectorizer.fit_transform(["ship", "ship wave"])
    np.testing.assert_array_equal(rows, [np.zeros(5), vectors.vector("wave")])
    assert (vectorizer.coverage_.n_empty, vectorizer.coverage_.fraction) == (1, 1 / 3)


def test_case_goes_by_the_model() -> None:
    capitals = VectorTable(["Rome", "rome"], np.eye(2, dtype=np.float32))
    assert DocumentVectorizer(capitals).fit_transform(["Rome"])[0].tolist() == [1, 0]
    lower = DocumentVectorizer(capitals, lowercase=True)
    assert lower.fit_transform(["Rome"])[0].tolist() == [0, 1]
    small = VectorTable(["rome"], np.ones((1, 2), np.float32))
    assert DocumentVectorizer(small).fit_transform(["ROME"]).any()
    assert not DocumentVectorizer(small, lowercase=False).fit_transform(["ROME"]).any()


def test_tokenizers_by_name_and_by_function() -> None:
    vectors = topic_vectors()
    found = {
        tokenizer: DocumentVectorizer(vectors, tokenizer=tokenizer).fit(["ship-wave, sail"])
        for tokenizer in ("words", "whitespace", lambda text: text.split(","))
    }
    assert [each.coverage_.n_tokens for each in found.values()] == [3, 2, 2]
    assert [each.coverage_.n_known for each in found.values()] == [3, 1, 0]


@pytest.mark.parametrize("documents", [
    ["ship wave", "cow"], ("ship wave", "cow"), np.array(["ship wave", "cow"], object),
    np.array(["ship wave", "cow"]), pd.Series(["ship wave", "cow"], index=[7, 3]),
    pl.Series(["ship wave", "cow"]),
], ids=["list", "tuple", "objects", "strings", "pandas", "polars"])  # fmt: skip
def test_documents_come_in_any_box(documents: object) -> None:
    expected = DocumentVectorizer(topic_vectors()).fit_transform(iter(["ship wave", "cow"]))
    np.testing.assert_array_equal(
        DocumentVectorizer(topic_vectors()).fit_transform(documents), expected
    )


@pytest.mark.parametrize(("documents", "message"), [
    ("ship", "expected several documents, found one string; put it into a list"),
    (pd.DataFrame({"text": ["ship"]}), r"found a table of shape \(1, 1\)"),
    (np.ones((3, 2)), r"found a table of shape \(3, 2\)"),
    (["ship", None], "document 2 is NoneType, not text"),
    (pd.Series(["ship", np.nan], dtype=object), "document 2 is float, not text"),
    (5, "expected documents, found int"),
    ([], "there are no documents to learn from"),
])  # fmt: skip
def test_what_is_no_document_is_refused(documents: object, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        DocumentVectorizer(topic_vectors()).fit(documents)
    assert issubclass(DocumentError, ValueError)


@pytest.mark.parametrize(("options", "message"), [
    ({"weighting": "sum"}, "weighting must be one of mean, sif, tfidf, not sum"),
    ({"tokenizer": "letters"}, "tokenizer must be one of words, whitespace, icu, not letters"),
    ({"lowercase": "never"}, "lowercase must be True, False or 'auto', not 'never'"),
    ({"sif_a": 0.0}, "sif_a must be above 0"),
    ({"remove_components": -1}, "remove_components must be 0 or more"),
    ({"model": None}, "model must be a Model, a wv or the path of a model, not NoneType"),
])  # fmt: skip
def test_parameters_are_checked_in_fit(options: dict[str, object], message: str) -> None:
    vectorizer = DocumentVectorizer(topic_vectors()).set_params(**options)
    with pytest.raises(ConfigError, match=message):
        vectorizer.fit(["ship"])


def test_nothing_is_answered_before_fit(model: Path) -> None:
    with pytest.raises(NotFittedError):
        DocumentVectorizer(model).transform(["ship"])
    with pytest.raises(NotFittedError):
        DocumentVectorizer(model).get_feature_names_out()
    vectorizer = DocumentVectorizer(model).fit(["ship"])
    assert vectorizer.transform([]).shape == (0, 5)
    assert not hasattr(vectorizer, "n_features_in_")


def test_a_warning_about_unknown_words_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    vectors = topic_vectors()
    with caplog.at_level(logging.WARNING):
        DocumentVectorizer(vectors).fit(["ship none none", "none"]).transform(["nothing"])
        clone(DocumentVectorizer(vectors)).fit(["nothing"])
    assert caplog.messages == [
        "1 of 2 documents hold no word that the model knows and become zeros; of all tokens it "
        "knows 25.0%"
    ]


def test_vectors_are_not_copied_by_clone() -> None:
    vectors = topic_vectors()
    assert clone(DocumentVectorizer(vectors)).model is vectors


@pytest.mark.parametrize("weighting", WEIGHTINGS)
def test_a_pickle_holds_the_path_not_the_vectors(weighting: str, model: Path) -> None:
    documents, _ = topics(20)
    vectorizer = DocumentVectorizer(str(model), weighting=weighting)
    rows = vectorizer.fit_transform(documents)
    pickled = pickle.dumps(vectorizer)
    assert len(pickled) < 2000
    np.testing.assert_array_equal(pickle.loads(pickled).transform(documents), rows)


def test_a_model_that_was_replaced_is_noticed(model: Path) -> None:
    vectorizer = DocumentVectorizer(model).fit(["ship"])
    other = VectorTable(WORDS, np.ones((9, 3), np.float32))
    store.save(ModelRecord(other, {}), model, overwrite=True)
    with pytest.raises(ModelError, match="the model has 3 dimensions, and had 5 in fit; fit again"):
        vectorizer.transform(["ship"])
    assert vectorizer.fit_transform(["ship"]).tolist() == [[1, 1, 1]]
    with pytest.raises(ModelError, match="no such model"):
        DocumentVectorizer(model.with_name("none")).fit(["ship"])


def test_columns_have_names_in_pandas_and_polars() -> None:
    vectorizer = DocumentVectorizer(topic_vectors()).set_output(transform="pandas")
    table = vectorizer.fit_transform(pd.Series(["ship wave", "cow"], index=["a", "b"]))
    assert table.columns.tolist() == [f"documentvectorizer{i}" for i in range(5)]
    assert table.index.tolist() == ["a", "b"]
    assert vectorizer.get_feature_names_out().tolist() == table.columns.tolist()
    table = vectorizer.set_output(transform="polars").transform(pl.Series(["ship wave"]))
    assert isinstance(table, pl.DataFrame) and table.shape == (1, 5)


def test_a_search_over_weightings_in_a_pipeline(model: Path) -> None:
    documents, labels = topics(60)
    pipeline = Pipeline([("vectors", DocumentVectorizer(model)), ("classes", LogisticRegression())])
    search = GridSearchCV(pipeline, {"vectors__weighting": WEIGHTINGS}, cv=3, error_score="raise")
    search.fit(documents, labels)
    mean, sif, tfidf = search.cv_results_["mean_test_score"]
    assert min(mean, tfidf) > 0.9 > sif  # the topic is all that these have in common
    assert search.score(*topics(20, seed=2)) > 0.9


def test_the_example_of_the_docstring_runs() -> None:
    assert doctest.testmod(embedtool.sklearn) == (0, 7)


def test_an_opened_model_gives_the_vectors_of_its_wv(model: Path) -> None:
    opened = embedtool.load(model)
    given, expected = DocumentVectorizer(opened), DocumentVectorizer(opened.wv)
    texts, _ = topics(4)
    np.testing.assert_array_equal(given.fit_transform(texts), expected.fit_transform(texts))
