"""Evaluation on document classification: cross-validated accuracy and macro-F1 of document vectors.

A logistic regression is fitted to each representation of the documents; baselines are the words
themselves and the majority class.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import ClassifyConfig
from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.notes import warn_of_reading
from embedtool.corpus.records import check_text
from embedtool.corpus.tokens import Tokenizer, split_spaces
from embedtool.errors import ConfigError, EvaluationError
from embedtool.evaluation.statistics import t_interval
from embedtool.io.encodings import UTF8
from embedtool.io.progress import Progress, Report, silent
from embedtool.messages import brief

WORDS = "words: TF-IDF"
ONE_HOT = "words: one-hot"
MAJORITY = "majority class"
"""Names of the baselines."""
MAX_ITERATIONS = 1000
"""Iterations of the logistic regression; scikit-learn's 100 are too few for many classes."""
INVERSE_REGULARIZATION = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Values of the logistic regression's C, among which the best is chosen: a single value would
favour some representations. Vectors do best with small values, TF-IDF of few documents with large
ones."""
INNER_FOLDS = 3
"""Folds of the training documents, to choose C."""
N_NAMED = 5
"""Number of classes that a message names."""


@dataclass(frozen=True)
class LabelledDocuments:
    """Documents and their classes, in the order of their file.

    Attributes
    ----------
    texts, labels : tuple of str
        Text and class of each document.
    n_left_out : int
        Records without a text or without a class.
    """

    __repr__ = brief

    name: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    n_left_out: int

    def tokenized(self, tokenize: Tokenizer) -> "LabelledDocuments":
        """Return the documents with their tokens joined by spaces."""
        return replace(self, texts=tuple(" ".join(tokenize(text)) for text in self.texts))


@dataclass(frozen=True)
class Estimate:
    """The mean over the folds and its 95 % interval; see `corrected_interval`."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class RepresentationScore:
    """The scores of one representation.

    Attributes
    ----------
    accuracy : Estimate
        Fraction of documents classified correctly.
    macro_f1 : Estimate
        The unweighted mean of the F1 scores of the classes, so that a rare class counts as much as
        a frequent one.
    against_words : Estimate or None
        Accuracy minus that of TF-IDF words in the same fold; None for baselines.
    """

    name: str
    accuracy: Estimate
    macro_f1: Estimate
    against_words: Estimate | None


@dataclass(frozen=True)
class ClassificationResult:
    """The scores of all representations over the same folds, with the settings."""

    dataset: str
    n_documents: int
    n_left_out: int
    classes: dict[str, int]
    folds: int
    seed: int
    scores: tuple[RepresentationScore, ...]


def read_labelled(
    source: str | Path, config: ClassifyConfig, encoding: str = UTF8
) -> LabelledDocuments:
    """Read documents with their classes from CSV, TSV, JSONL or Parquet, compressed or not.

    Records without a text or without a class are left out.

    Parameters
    ----------
    config : ClassifyConfig
        The columns, and how invalid UTF-8 is handled.

    Raises
    ------
    CorpusError
        If the file cannot be read.
    ConfigError
        If text and class are the same column.
    EvaluationError
        If no document is left, or a class is not a string or number.
    """
    if config.text_column == config.label_column:
        raise ConfigError(
            "text_column and label_column are the same", parameters=("text_column", "label_column")
        )
    columns = {"text_column": config.text_column, "label_column": config.label_column}
    texts, labels, n_left_out = [], [], 0
    text = TextConfig(encoding=encoding, encoding_errors=config.encoding_errors)
    corpus = Corpus(source, text)
    for record, (document, label) in corpus.records(columns):
        if document is None or label is None or label == "" or label != label:  # the last is NaN
            n_left_out += 1
            continue
        if not isinstance(label, str | int | float):
            raise EvaluationError(
                f"{record}: {config.label_column!r} holds {type(label).__name__}, not a class"
            )
        texts.append(check_text(document, record, config.text_column))
        labels.append(str(label))
    warn_of_reading(text, corpus.notes)
    if not texts:
        raise EvaluationError(f"{source}: holds no documents with a class")
    return LabelledDocuments(Path(source).name, tuple(texts), tuple(labels), n_left_out)


def classify(
    documents: LabelledDocuments,
    vectorizers: Mapping[str, Any],
    *,
    folds: int = ClassifyConfig.folds,
    seed: int = ClassifyConfig.seed,
    report: Report = silent,
) -> ClassificationResult:
    """Classify documents with several representations by cross-validation.

    Folds are stratified and the same for all representations. Three baselines are added: TF-IDF of
    the lower-cased words, the same words one-hot (1 where a word occurs), and the most frequent
    class.

    Parameters
    ----------
    documents : LabelledDocuments
        The documents, with spaces between tokens, so that all representations have the same tokens.
    vectorizers : mapping of str to transformer
        scikit-learn transformers of texts by name; fitted for each fold.
    folds : int
        At least 3.
    seed : int
        Seed of the division into folds.

    Raises
    ------
    EvaluationError
        If there are too few classes, documents of a class, or documents with words.
    """
    labels = np.array(documents.labels)
    splits = _splits(documents, labels, folds, seed)
    rarest = min(np.unique(labels[train], return_counts=True)[1].min() for train, _ in splits)
    pipelines = _pipelines(vectorizers, min(INNER_FOLDS, int(rarest)))
    fold_scores: dict[str, NDArray[np.float64]] = {}
    for i, (name, pipeline) in enumerate(pipelines.items()):
        scores = []
        for fold, split in enumerate(splits, 1):
            scores.append(_score(pipeline, documents.texts, labels, *split))
            report(Progress("classifying", i * folds + fold, len(pipelines) * folds, "folds"))
        fold_scores[name] = np.array(scores).T
    ratio = 1 / (folds - 1)
    rows = []
    for name, (accuracy, macro_f1) in fold_scores.items():
        against = corrected_interval(accuracy - fold_scores[WORDS][0], ratio, -1, 1)
        rows.append(
            RepresentationScore(
                name,
                corrected_interval(accuracy, ratio, 0, 1),
                corrected_interval(macro_f1, ratio, 0, 1),
                against if name in vectorizers else None,
            )
        )
    classes = dict(Counter(documents.labels).most_common())
    return ClassificationResult(
        documents.name, len(labels), documents.n_left_out, classes, folds, seed, tuple(rows)
    )


def corrected_interval(
    scores: NDArray[np.float64], ratio: float, low: float = -np.inf, high: float = np.inf
) -> Estimate:
    """Return the mean of the scores of folds and its 95 % interval.

    The training sets of the folds overlap, so their scores vary less than those of independent
    experiments, and variance / n_folds severely underestimates the variance of the mean. The
    corrected one is (1 / n_folds + ratio) * variance, with Student's t of n_folds - 1 degrees of
    freedom.

    Parameters
    ----------
    scores : ndarray of float64, shape (n_folds,)
        At least 2.
    ratio : float
        Test documents over training documents, 1 / (n_folds - 1) in cross-validation.
    low, high : float
        Bounds of a score, as for `statistics.t_interval`.

    References
    ----------
    Nadeau & Bengio 2003, "Inference for the Generalization Error", section 3.
    """
    n = len(scores)
    mean, error = float(scores.mean()), float(np.sqrt((1 / n + ratio) * scores.var(ddof=1)))
    interval = t_interval(mean, error, n, low, high)
    return Estimate(mean, interval.low, interval.high)


def _splits(
    documents: LabelledDocuments, labels: NDArray[np.str_], folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return the training and the test documents of each fold, or raise EvaluationError."""
    from sklearn.model_selection import StratifiedKFold

    name, counts = documents.name, Counter(documents.labels)
    if len(counts) < 2:
        raise EvaluationError(f"{name}: all documents have one class, {next(iter(counts))!r}")
    few = [f"{label!r} ({n})" for label, n in counts.items() if n < folds]
    if few:
        more = f" and {len(few) - N_NAMED:,} more" if len(few) > N_NAMED else ""
        raise EvaluationError(
            f"{name}: classes with fewer than {folds} documents: "
            f"{', '.join(few[:N_NAMED])}{more}; leave them out, or choose fewer folds",
            parameters=("folds",),
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    splits = list(splitter.split(labels, labels))
    has_words = np.array([bool(split_spaces(text)) for text in documents.texts])
    if not all(has_words[train].any() for train, _ in splits):
        raise EvaluationError(f"{name}: too few of the documents contain words")
    return splits


def _pipelines(vectorizers: Mapping[str, Any], inner_folds: int) -> dict[str, Any]:
    """Return a classifier for each representation, the baselines last.

    Columns of vectors are standardised, because the weightings make vectors of different lengths.
    The regularisation is chosen among INVERSE_REGULARIZATION on the training documents.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = GridSearchCV(
        LogisticRegression(max_iter=MAX_ITERATIONS), {"C": INVERSE_REGULARIZATION}, cv=inner_folds
    )
    by_spaces: dict[str, Any] = {"tokenizer": split_spaces, "token_pattern": None}
    return {
        **{
            name: make_pipeline(vectorizer, StandardScaler(), regression)
            for name, vectorizer in vectorizers.items()
        },
        WORDS: make_pipeline(TfidfVectorizer(**by_spaces), regression),
        ONE_HOT: make_pipeline(CountVectorizer(binary=True, **by_spaces), regression),
        MAJORITY: DummyClassifier(strategy="most_frequent"),
    }


def _score(
    pipeline: Any,
    texts: Sequence[str],
    labels: NDArray[np.str_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> tuple[float, float]:
    """Return accuracy and macro-F1 of a fold."""
    from sklearn.base import clone
    from sklearn.metrics import accuracy_score, f1_score
    from threadpoolctl import threadpool_limits

    # The matrix products are so small that threads would wait for each other. BLAS now and then
    # flags finite numbers as invalid; scikit-learn itself rejects values that are not finite.
    with threadpool_limits(1), np.errstate(invalid="ignore"):
        classifier = clone(pipeline).fit([texts[i] for i in train], labels[train])
        predicted = classifier.predict([texts[i] for i in test])
    return (
        float(accuracy_score(labels[test], predicted)),
        float(f1_score(labels[test], predicted, average="macro", zero_division=0)),
    )
