"""Evaluation of word vectors on a dataset of any task, and the metrics of its result."""

from dataclasses import dataclass, replace

from embedtool.config.choices import ANALOGY_METHODS, RESTRICT_VOCAB, AnalogyMethod
from embedtool.evaluation.analogy import AnalogyResult, evaluate_analogies
from embedtool.evaluation.categorisation import CategoryResult, evaluate_categories
from embedtool.evaluation.outliers import OutlierResult, evaluate_outliers
from embedtool.evaluation.similarity import PairResult, evaluate_pairs
from embedtool.evaluation.statistics import Interval
from embedtool.evaluation.tasks import AnalogySet, CategorySet, Dataset, PairSet
from embedtool.model.vectors import AnyVectors, vectors_of

Result = AnalogyResult | PairResult | CategoryResult | OutlierResult


@dataclass(frozen=True)
class Metric:
    """One number of a result.

    Attributes
    ----------
    name : str
        Name of the measure, or of the section or kind of analogies.
    found, total : int
        Questions that the vocabulary can answer, and all questions.
    score : float or None
        The score over the questions found; None if it is not defined.
    interval : Interval or None
        The confidence interval of the score.
    over_total : float or None
        The score with the other questions counted as wrong; None if it is not defined.
    """

    name: str
    found: int
    total: int
    score: float | None
    interval: Interval | None
    over_total: float | None


def evaluate(
    vectors: AnyVectors,
    dataset: Dataset,
    *,
    method: AnalogyMethod = ANALOGY_METHODS[0],
    include_query_words: bool = False,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> Result:
    """Evaluate vectors on a dataset of any task.

    Parameters
    ----------
    vectors : VectorTable or ModelRecord
        The vectors to evaluate.
    dataset : Dataset
        The questions.
    method, include_query_words
        For analogies, as for `analogy.answer_analogies`.
    restrict_vocab, case_insensitive
        Which words are known, as for `analogy.answer_analogies`.

    Returns
    -------
    AnalogyResult, PairResult, CategoryResult or OutlierResult
        According to the task.
    """
    vectors = vectors_of(vectors)
    if isinstance(dataset, AnalogySet):
        return evaluate_analogies(
            vectors,
            dataset,
            method=method,
            include_query_words=include_query_words,
            restrict_vocab=restrict_vocab,
            case_insensitive=case_insensitive,
        )
    if isinstance(dataset, PairSet):
        return evaluate_pairs(
            vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
        )
    if isinstance(dataset, CategorySet):
        return evaluate_categories(
            vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
        )
    return evaluate_outliers(
        vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
    )


def primary_metric(result: Result) -> Metric:
    """Return the usual metric of a dataset.

    Accuracy of analogies and outliers, Spearman's correlation of pairs, k-means purity of
    categories.
    """
    found = metrics(result)
    return replace(found[-1], name="accuracy") if isinstance(result, AnalogyResult) else found[0]


def metrics(result: Result) -> list[Metric]:
    """Return all metrics of a result.

    Those of analogies are by section, by kind and over all; other tasks have one per measure.
    """
    if isinstance(result, AnalogyResult):
        return [
            Metric(p.name, p.found, p.total, p.accuracy, p.interval, p.accuracy_over_total)
            for p in (*result.sections, *result.kinds, result.total)
        ]
    if isinstance(result, PairResult):
        r, sizes = result, (result.found, result.total)
        return [
            Metric("Spearman", *sizes, r.spearman, r.spearman_interval, r.spearman_over_total),
            Metric("Pearson", *sizes, r.pearson, r.pearson_interval, r.pearson_over_total),
        ]
    if isinstance(result, OutlierResult):
        t, sizes = result.total, (result.total.found, result.total.total)
        return [
            Metric("accuracy", *sizes, t.accuracy, None, t.accuracy_over_total),
            Metric("OPP", *sizes, t.opp, None, t.opp_over_total),
        ]
    return _category_metrics(result)


def _category_metrics(result: CategoryResult) -> list[Metric]:
    found: list[Metric] = []
    for name, clusters in (("k-means", result.kmeans), ("agglomerative", result.agglomerative)):
        sizes = result.found, result.total
        if clusters is None:
            found.append(Metric(f"{name} purity", *sizes, None, None, None))
            continue
        found += [
            Metric(f"{name} purity", *sizes, clusters.purity, None, clusters.purity_over_total),
            Metric(f"{name} V-measure", *sizes, clusters.v_measure, None, None),
            Metric(f"{name} adjusted Rand", *sizes, clusters.adjusted_rand, None, None),
        ]
    return found
