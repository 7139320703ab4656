"""Evaluation on word categories: how well clusters of the vectors agree with them."""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import RESTRICT_VOCAB
from embedtool.evaluation.results import EvaluationResult, Metric
from embedtool.evaluation.tasks import CategorySet
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable

N_STARTS = 10
"""Random initialisations of k-means; the result with the smallest inertia is used. Formerly
scikit-learn's default."""

SEED = 1
"""Default seed of k-means."""


@dataclass(frozen=True)
class Clustering:
    """How well the clusters of one algorithm agree with the categories.

    Attributes
    ----------
    purity : float
        Purity over the words found.
    purity_over_total : float
        Purity over all words; those without a vector count as wrongly clustered.
    v_measure : float
        Harmonic mean of homogeneity and completeness (Rosenberg & Hirschberg 2007).
    adjusted_rand : float
        Agreement on pairs of words, 0 by chance (Hubert & Arabie 1985).
    """

    purity: float
    purity_over_total: float
    v_measure: float
    adjusted_rand: float


@dataclass(frozen=True, repr=False)
class CategoryResult(EvaluationResult):
    """The agreement of two clusterings with the categories, with the settings of the evaluation.

    Attributes
    ----------
    restrict_vocab, case_insensitive, seed
        The settings of `evaluate_categories`.
    n_categories : int
        Categories of the words found, which is also the number of clusters.
    found, total : int
        Words that are known, and all words.
    kmeans, agglomerative : Clustering or None
        None if the words found have fewer than two categories.
    """

    dataset: str
    restrict_vocab: int | None
    case_insensitive: bool
    seed: int
    n_categories: int
    found: int
    total: int
    kmeans: Clustering | None
    agglomerative: Clustering | None

    @property
    def metrics(self) -> list[Metric]:
        found: list[Metric] = []
        sizes = self.found, self.total
        for name, clusters in (("k-means", self.kmeans), ("agglomerative", self.agglomerative)):
            if clusters is None:
                found.append(Metric(f"{name} purity", *sizes, None, None, None))
                continue
            found += [
                Metric(f"{name} purity", *sizes, clusters.purity, None, clusters.purity_over_total),
                Metric(f"{name} V-measure", *sizes, clusters.v_measure, None, None),
                Metric(f"{name} adjusted Rand", *sizes, clusters.adjusted_rand, None, None),
            ]
        return found

    @property
    def settings(self) -> str:
        return f"{super().settings}, seed {self.seed}"


def evaluate_categories(
    vectors: VectorTable,
    categories: CategorySet,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
    seed: int = SEED,
) -> CategoryResult:
    """Cluster the words by their unit vectors and compare the clusters with the categories.

    There are as many clusters as categories, made by k-means (the best of N_STARTS) and by
    agglomerative clustering with Ward's criterion, which needs no seed.

    Parameters
    ----------
    categories : CategorySet
        The words and their categories.
    restrict_vocab, case_insensitive
        As for `analogy.answer_analogies`.
    seed : int
        Seed of k-means.
    """
    known = index_words(vectors, restrict_vocab, case_insensitive)
    ids = known.word_ids(word for word, _ in categories.words)
    found = ids >= 0
    all_labels = np.unique([name for _, name in categories.words], return_inverse=True)[1]
    used, labels = np.unique(all_labels[found], return_inverse=True)
    kmeans = agglomerative = None
    if len(used) > 1:
        unit = unit_rows(vectors.rows[ids[found]]).astype(np.float64)
        coverage = len(labels) / len(found)
        clusters = _clusters(unit, len(used), seed)
        kmeans, agglomerative = (_agreement(labels, each, coverage) for each in clusters)
    return CategoryResult(
        dataset=categories.name,
        restrict_vocab=restrict_vocab,
        case_insensitive=case_insensitive,
        seed=seed,
        n_categories=len(used),
        found=len(labels),
        total=len(found),
        kmeans=kmeans,
        agglomerative=agglomerative,
    )


def purity(labels: NDArray[np.int64], clusters: NDArray[np.int64]) -> float:
    """Return the fraction of items whose category is the most frequent one of their cluster.

    purity = 1/N sum over clusters k of max over categories c of |k and c|.

    Parameters
    ----------
    labels, clusters : ndarray of int64, shape (n,)
        The category and the cluster of each of n > 0 items.

    References
    ----------
    Manning, Raghavan & Schuetze 2008, "Introduction to Information Retrieval", section 16.3.
    """
    _, rows = np.unique(clusters, return_inverse=True)
    _, columns = np.unique(labels, return_inverse=True)
    common = np.zeros((rows.max() + 1, columns.max() + 1), dtype=np.int64)
    np.add.at(common, (rows, columns), 1)
    return float(common.max(axis=1).sum() / len(labels))


def _clusters(
    unit: NDArray[np.float64], k: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the cluster of each row by k-means and by agglomerative clustering."""
    from sklearn.cluster import AgglomerativeClustering, KMeans  # takes a second
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # a word in several categories has one vector, so there may be fewer than k distinct ones
        warnings.simplefilter("ignore", ConvergenceWarning)
        kmeans = KMeans(k, n_init=N_STARTS, random_state=seed).fit_predict(unit)
    return kmeans, AgglomerativeClustering(k, linkage="ward").fit_predict(unit)


def _agreement(
    labels: NDArray[np.int64], clusters: NDArray[np.int64], coverage: float
) -> Clustering:
    from sklearn.metrics import adjusted_rand_score, v_measure_score

    found_purity = purity(labels, clusters)
    return Clustering(
        found_purity,
        found_purity * coverage,
        float(v_measure_score(labels, clusters)),
        float(adjusted_rand_score(labels, clusters)),
    )
