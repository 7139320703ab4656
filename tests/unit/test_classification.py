"""Documents classified by their vectors: what is read, what is scored, how sure it is."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from embedtool.config.tasks import ClassifyConfig
from embedtool.errors import ConfigError, CorpusError, EvaluationError
from embedtool.evaluation.classification import (
    INVERSE_REGULARIZATION,
    MAJORITY,
    ONE_HOT,
    WORDS,
    LabelledDocuments,
    classify,
    corrected_interval,
    read_labelled,
)
from embedtool.sklearn import DocumentVectorizer
from tests.factories import topic_vectors
from tests.unit.test_sklearn import topics

RECORDS = [("ship, wave", "sea"), ("field\ncow", "land"), ('"the" sail', "sea")]


def write(path: Path) -> Path:
    """The same records in the format that the end of the name tells."""
    table = pd.DataFrame({"n": range(3), "text": [t for t, _ in RECORDS],
                          "label": [label for _, label in RECORDS]})  # fmt: skip
    if path.suffix == ".tsv":
        table.replace("\n", " ", regex=True).to_csv(path, index=False, sep="\t", quoting=3)
    elif path.suffix == ".parquet":
        table.to_parquet(path, index=False)
    elif path.suffix == ".jsonl":
        table.to_json(path, orient="records", lines=True)
    else:
        table.to_csv(path, index=False)
    return path


@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.tsv", "a.jsonl", "a.parquet"])
def test_documents_are_read_with_their_classes(name: str, tmp_path: Path) -> None:
    documents = read_labelled(write(tmp_path / name), ClassifyConfig())
    assert documents.labels == ("sea", "land", "sea")
    expected = tuple(text for text, _ in RECORDS)
    if name == "a.tsv":
        expected = tuple(text.replace("\n", " ") for text in expected)
    assert documents.texts == expected
    assert (documents.name, documents.n_left_out) == (name, 0)


def test_records_without_a_text_or_a_class_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    records = [
        {"text": "a", "label": 1}, {"text": None, "label": 1}, {"text": "b", "label": None},
        {"text": "c", "label": ""}, {"text": "", "label": True}, {"text": "d", "label": np.nan},
    ]  # fmt: skip
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    documents = read_labelled(path, ClassifyConfig())
    assert (documents.texts, documents.labels) == (("a", ""), ("1", "True"))
    assert documents.n_left_out == 4


@pytest.mark.parametrize(("name", "content", "error", "message"), [
    ("a.csv", "text,class\nship,sea\n", CorpusError,
     "a.csv: has no 'label'; set label_column to one of: 'text', 'class'"),
    ("a.jsonl", '{"text": "a", "label": 1}\n{"body": "b", "label": 1}\n', CorpusError,
     "a.jsonl, line 2: has no 'text'; set text_column to one of: 'body', 'label'"),
    ("a.csv", "text,label\nship\n", CorpusError, "a.csv, line 2: has no 'label' column"),
    ("a.csv", "", EvaluationError, "a.csv: holds no documents with a class"),
    ("a.csv", "text,label\n", EvaluationError, "a.csv: holds no documents with a class"),
    ("a.jsonl", '{"text": "a", "label": [1]}', EvaluationError,
     "a.jsonl, line 1: 'label' holds list, not a class"),
    ("a.jsonl", '{"text": 5, "label": 1}', CorpusError,
     "a.jsonl, line 1: 'text' holds int, not text"),
    ("a.txt", "ship", CorpusError, "a.txt: expected CSV, TSV, JSONL or Parquet, recognised by "
     "suffix: .jsonl, .ndjson, .csv, .tsv, .parquet"),
    (None, "", CorpusError, "none.csv: no such file or folder"),
])  # fmt: skip
def test_what_cannot_be_read_is_named(
    name: str | None, content: str, error: type[Exception], message: str, tmp_path: Path
) -> None:
    path = tmp_path / (name or "none.csv")
    if name:
        path.write_text(content)
    with pytest.raises(error) as caught:
        read_labelled(path, ClassifyConfig())
    assert str(caught.value) == f"{tmp_path}/{message}"


def test_invalid_utf8_is_an_error_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes("text,label\nMünchen,city\n".encode("latin-1"))
    with pytest.raises(CorpusError, match=r"byte 12: invalid UTF-8 .* use encoding_errors="):
        read_labelled(path, ClassifyConfig())
    documents = read_labelled(path, ClassifyConfig(encoding_errors="skip"))
    assert documents.texts == ("Mnchen",)


def test_text_and_class_are_two_columns(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="text_column and label_column are the same"):
        read_labelled(tmp_path / "a.csv", ClassifyConfig(text_column="x", label_column="x"))


def test_the_interval_by_hand() -> None:
    """Scores 0.8, 0.9, 1.0: mean 0.9, variance 0.01; (1/3 + 1/2) * 0.01; t(2) is 4.3027."""
    found = corrected_interval(np.array([0.8, 0.9, 1.0]), 1 / 2)
    width = 4.302653 * np.sqrt(5 / 600)
    assert found.mean == pytest.approx(0.9)
    assert found.high - 0.9 == 0.9 - found.low == pytest.approx(width, rel=1e-6)
    naive = stats.t.interval(0.95, 2, 0.9, stats.sem([0.8, 0.9, 1.0]))
    assert found.low < naive[0] and naive[1] < found.high


def documents_of(n: int, noise: int = 0) -> LabelledDocuments:
    """Documents on two topics; of the first `noise` the class is drawn by lot."""
    texts, labels = topics(n)
    labels[:noise] = np.random.default_rng(5).choice(["sea", "land"], noise).tolist()
    return LabelledDocuments("topics", tuple(texts), tuple(labels), 0)


def test_scores_are_those_of_scikit_learns_cross_validation() -> None:
    documents = documents_of(60, noise=20)
    vectorizer = DocumentVectorizer(topic_vectors(), weighting="tfidf", tokenizer="whitespace")
    messages = []
    result = classify(documents, {"vectors": vectorizer}, folds=4, seed=3, report=messages.append)
    regression = GridSearchCV(
        LogisticRegression(max_iter=1000), {"C": INVERSE_REGULARIZATION}, cv=3
    )
    peers = {
        "vectors": make_pipeline(vectorizer, StandardScaler(), regression),
        WORDS: make_pipeline(TfidfVectorizer(analyzer=lambda t: t.lower().split()), regression),
        ONE_HOT: make_pipeline(
            CountVectorizer(analyzer=lambda t: t.lower().split(), binary=True), regression
        ),
        MAJORITY: DummyClassifier(),
    }
    splitter = StratifiedKFold(4, shuffle=True, random_state=3)
    found = {}
    for score, (name, peer) in zip(result.scores, peers.items(), strict=True):
        expected = cross_validate(
            peer, documents.texts, documents.labels, cv=splitter, scoring=["accuracy", "f1_macro"]
        )
        found[name] = expected["test_accuracy"]
        assert score.name == name
        assert score.accuracy.mean == pytest.approx(expected["test_accuracy"].mean())
        assert score.macro_f1.mean == pytest.approx(expected["test_f1_macro"].mean())
        assert 0 <= score.accuracy.low <= score.accuracy.mean <= score.accuracy.high <= 1
    difference = corrected_interval(found["vectors"] - found[WORDS], 1 / 3)
    assert result.scores[0].against_words == difference
    assert all(score.against_words is None for score in result.scores[1:])
    assert 0.6 < result.scores[0].accuracy.mean < 0.95
    assert (result.n_documents, sum(result.classes.values())) == (60, 60)
    assert [(each.done, each.total) for each in messages] == [(i + 1, 16) for i in range(16)]


def test_one_seed_gives_one_result_and_another_another() -> None:
    documents, vectorizers = documents_of(40, noise=20), {"v": DocumentVectorizer(topic_vectors())}
    first, again, other = (
        classify(documents, vectorizers, folds=3, seed=seed) for seed in (1, 1, 2)
    )
    assert first == again
    assert first.scores[0].accuracy != other.scores[0].accuracy


def test_as_few_documents_as_folds_are_enough() -> None:
    texts, labels = topics(6)
    documents = LabelledDocuments("d", tuple(texts), tuple(labels), 0)
    result = classify(documents, {"v": DocumentVectorizer(topic_vectors())}, folds=3)
    assert result.scores[0].accuracy.mean > 0.6


def test_regularization_is_chosen_for_each_representation() -> None:
    """TF-IDF of few documents, regularised as by default, knows no more than the majority class."""
    rng = np.random.default_rng(2)
    texts = [" ".join([f"w{rng.integers(50)}" for _ in range(5)] + ["a" if i % 4 else "b"])
             for i in range(80)]  # fmt: skip
    documents = LabelledDocuments(
        "d", tuple(texts), tuple("x" if i % 4 else "y" for i in range(80)), 0
    )
    words, _, majority = classify(documents, {}, folds=3).scores
    assert words.accuracy.mean > 0.9 > majority.accuracy.mean
    plain = make_pipeline(TfidfVectorizer(token_pattern=r"\S+"), LogisticRegression())
    assert cross_validate(plain, texts, documents.labels, cv=3)["test_score"].mean() < 0.8


@pytest.mark.parametrize(("labels", "message"), [
    (["x"] * 8, "d: all documents have one class, 'x'"),
    (["x"] * 5 + ["y"] * 3, "d: classes with fewer than 5 documents: 'y' (3); leave "
     "them out, or choose fewer folds"),
    ([*"abcdefg", "x"], "d: classes with fewer than 5 documents: 'a' (1), 'b' (1), "
     "'c' (1), 'd' (1), 'e' (1) and 3 more; leave them out, or choose fewer folds"),
])  # fmt: skip
def test_too_few_documents_of_a_class(labels: list[str], message: str) -> None:
    documents = LabelledDocuments("d", ("ship",) * 8, tuple(labels), 0)
    with pytest.raises(EvaluationError) as caught:
        classify(documents, {})
    assert str(caught.value) == message


def test_documents_without_words() -> None:
    documents = LabelledDocuments("d", ("ship", *[" "] * 7), tuple("xxxxyyyy"), 0)
    with pytest.raises(EvaluationError, match="d: too few of the documents contain words"):
        classify(documents, {}, folds=4)
