"""How well documents can be classified by their vectors, and by simpler means.

In: documents with their classes, and transformers that make rows of numbers of them. Out: accuracy
and macro-F1 of a logistic regression over each, with intervals from cross-validation.
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
"""What the baselines are called."""
ITERATIONS = 1000
"""Of the logistic regression, at most; scikit-learn's 100 are too few for many classes."""
STRENGTHS = (0.01, 0.1, 1.0, 10.0, 100.0)
"""Values of the logistic regression's C, of which the best is taken: one for all would favour some
representations. Vectors do best with small ones, TF-IDF of few documents with large ones."""
INNER_FOLDS = 3
"""Into which the documents learnt from are divided to choose among STRENGTHS."""
SHOWN = 5
"""Classes that a message names."""


@dataclass(frozen=True)
class LabelledDocuments:
    """Documents and their classes, in the order of their file.

    n_left_out : records without a text or without a class
    """

    __repr__ = brief

    name: str
    texts: tuple[str, ...]
    labels: tuple[str, ...]
    n_left_out: int

    def tokenized(self, tokenize: Tokenizer) -> "LabelledDocuments":
        """The same documents with spaces between their tokens and nowhere else."""
        return replace(self, texts=tuple(" ".join(tokenize(text)) for text in self.texts))


@dataclass(frozen=True)
class Estimate:
    """The mean over the folds, and an interval of 95% for it; see `corrected_interval`."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class RepresentationScore:
    """How well documents are classified by one representation.

    accuracy      : share of documents that get their class
    macro_f1      : the mean over classes of the harmonic mean of precision and recall, so that a
                    rare class counts as much as a frequent one
    against_words : accuracy minus that of the TF-IDF words in the same fold; None for baselines
    """

    name: str
    accuracy: Estimate
    macro_f1: Estimate
    against_words: Estimate | None


@dataclass(frozen=True)
class ClassificationResult:
    """The scores of all representations over the same folds, with what they depend on."""

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
    """Documents with their classes from CSV, TSV, JSONL or Parquet, compressed or not.

    Records without a text or without a class are left out. Raises CorpusError where the file cannot
    be read, ConfigError where text and class are the same column, EvaluationError where nothing is
    left.
    """
    if config.text_column == config.label_column:
        raise ConfigError("--text-column and --label-column are the same")
    columns = {"text_column": config.text_column, "label_column": config.label_column}
    texts, labels, n_left_out = [], [], 0
    text = TextConfig(encoding=encoding, encoding_errors=config.encoding_errors)
    corpus = Corpus(source, text)
    for where, (document, label) in corpus.records(columns):
        if document is None or label is None or label == "" or label != label:  # the last is NaN
            n_left_out += 1
            continue
        if not isinstance(label, str | int | float):
            raise EvaluationError(
                f"{where}: {config.label_column!r} holds {type(label).__name__}, not a class"
            )
        texts.append(check_text(document, where, config.text_column))
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
    """Classify documents by cross-validation, each fold by what was learnt from the others.

    documents   : their texts with spaces between tokens, so that all representations see the same
    vectorizers : scikit-learn transformers of texts, by name; each is fitted anew for each fold

    Three baselines follow: TF-IDF of the words themselves, in lower case; the same words one-hot, a
    column each, 1 where it occurs; and always the most frequent class. Folds are stratified and the
    same for all; there are at least 3. Raises EvaluationError where there are too few classes,
    documents of a class, or documents with words.
    """
    labels = np.array(documents.labels)
    splits = _splits(documents, labels, folds, seed)
    rarest = min(np.unique(labels[train], return_counts=True)[1].min() for train, _ in splits)
    pipelines = _pipelines(vectorizers, min(INNER_FOLDS, int(rarest)))
    found: dict[str, NDArray[np.float64]] = {}
    for i, (name, pipeline) in enumerate(pipelines.items()):
        scores = []
        for fold, split in enumerate(splits, 1):
            scores.append(_score(pipeline, documents.texts, labels, *split))
            report(Progress("classifying", i * folds + fold, len(pipelines) * folds, "folds"))
        found[name] = np.array(scores).T
    share = 1 / (folds - 1)
    rows = []
    for name, (accuracy, macro_f1) in found.items():
        against = corrected_interval(accuracy - found[WORDS][0], share, -1, 1)
        rows.append(
            RepresentationScore(
                name,
                corrected_interval(accuracy, share, 0, 1),
                corrected_interval(macro_f1, share, 0, 1),
                against if name in vectorizers else None,
            )
        )
    classes = dict(Counter(documents.labels).most_common())
    return ClassificationResult(
        documents.name, len(labels), documents.n_left_out, classes, folds, seed, tuple(rows)
    )


def corrected_interval(
    scores: NDArray[np.float64], share: float, low: float = -np.inf, high: float = np.inf
) -> Estimate:
    """The mean of the scores of folds, and its interval of 95%.

    scores : float64 (n_folds,), at least 2
    share  : documents tested over documents learnt from, 1 / (n_folds - 1) in cross-validation
    low, high : what the scores lie between, as for `t_interval`

    Folds share most of the documents that they learn from, so their scores differ less than those
    of independent experiments would, and variance / n_folds is far too small a variance for the
    mean. The corrected one is (1 / n_folds + share) * variance, with Student's t of n_folds - 1
    degrees of freedom (Nadeau & Bengio 2003, 'Inference for the Generalization Error', section 3).
    """
    n = len(scores)
    mean, error = float(scores.mean()), float(np.sqrt((1 / n + share) * scores.var(ddof=1)))
    interval = t_interval(mean, error, n, low, high)
    return Estimate(mean, interval.low, interval.high)


def _splits(
    documents: LabelledDocuments, labels: NDArray[np.str_], folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """The documents to learn from and to test of each fold, or EvaluationError."""
    from sklearn.model_selection import StratifiedKFold

    name, counts = documents.name, Counter(documents.labels)
    if len(counts) < 2:
        raise EvaluationError(f"{name}: all documents have one class, {next(iter(counts))!r}")
    few = [f"{label!r} ({n})" for label, n in counts.items() if n < folds]
    if few:
        more = f" and {len(few) - SHOWN:,} more" if len(few) > SHOWN else ""
        raise EvaluationError(
            f"{name}: classes with fewer documents than the {folds} folds: "
            f"{', '.join(few[:SHOWN])}{more}; leave them out, or choose fewer --folds"
        )
    splitter = StratifiedKFold(folds, shuffle=True, random_state=seed)
    splits = list(splitter.split(labels, labels))
    has_words = np.array([bool(split_spaces(text)) for text in documents.texts])
    if not all(has_words[train].any() for train, _ in splits):
        raise EvaluationError(f"{name}: too few of the documents hold words")
    return splits


def _pipelines(vectorizers: Mapping[str, Any], inner_folds: int) -> dict[str, Any]:
    """A classifier for each representation, the baselines last.

    Columns of vectors are brought to one scale, for weightings make vectors of different lengths.
    How strongly the regression is regularised is chosen among STRENGTHS from the documents that it
    learns from.
    """
    from sklearn.dummy import DummyClassifier
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import GridSearchCV
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    regression = GridSearchCV(
        LogisticRegression(max_iter=ITERATIONS), {"C": STRENGTHS}, cv=inner_folds
    )
    cut: dict[str, Any] = {"tokenizer": split_spaces, "token_pattern": None}
    return {
        **{
            name: make_pipeline(vectorizer, StandardScaler(), regression)
            for name, vectorizer in vectorizers.items()
        },
        WORDS: make_pipeline(TfidfVectorizer(**cut), regression),
        ONE_HOT: make_pipeline(CountVectorizer(binary=True, **cut), regression),
        MAJORITY: DummyClassifier(strategy="most_frequent"),
    }


def _score(
    pipeline: Any,
    texts: Sequence[str],
    labels: NDArray[np.str_],
    train: NDArray[np.int64],
    test: NDArray[np.int64],
) -> tuple[float, float]:
    """Accuracy and macro-F1 of a fold."""
    from sklearn.base import clone
    from sklearn.metrics import accuracy_score, f1_score
    from threadpoolctl import threadpool_limits

    # Products are so small that threads would wait for each other. That one is invalid is said by
    # BLAS of finite numbers too, now and then; scikit-learn itself refuses what is not finite.
    with threadpool_limits(1), np.errstate(invalid="ignore"):
        classifier = clone(pipeline).fit([texts[i] for i in train], labels[train])
        found = classifier.predict([texts[i] for i in test])
    return (
        float(accuracy_score(labels[test], found)),
        float(f1_score(labels[test], found, average="macro", zero_division=0)),
    )
