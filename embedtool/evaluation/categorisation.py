"""How well the clusters that vectors form agree with the categories that people put words in.

In: WordVectors and a CategorySet. Out: purity and two measures beside it, for two clusterings.
"""

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import RESTRICT_VOCAB
from embedtool.evaluation.tasks import CategorySet
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import WordVectors

N_STARTS = 10
"""Times that k-means begins anew; the tightest clusters count. It was scikit-learn's default."""

SEED = 1
"""The seed of k-means unless another is asked for."""


@dataclass(frozen=True)
class Clustering:
    """How the clusters of one algorithm agree with the categories.

    purity            : over the words found
    purity_over_total : over all words, those without a vector in wrong clusters
    v_measure         : harmonic mean of homogeneity and completeness (Rosenberg & Hirschberg 2007)
    adjusted_rand     : pairs of words on which both agree, 0 by chance (Hubert & Arabie 1985)
    """

    purity: float
    purity_over_total: float
    v_measure: float
    adjusted_rand: float


@dataclass(frozen=True)
class CategoryResult:
    """The agreement of two clusterings with people's categories, and what it depends on.

    found        : words that are known
    total        : all words
    n_categories : categories of the words found; as many clusters are made
    kmeans, agglomerative : None where the words found are of fewer than two categories
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


def evaluate_categories(
    vectors: WordVectors,
    categories: CategorySet,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
    seed: int = SEED,
) -> CategoryResult:
    """Cluster the words by their vectors, all of length 1, and compare with their categories.

    There are as many clusters as categories: by k-means, the best of N_STARTS, and by agglomeration
    with Ward's criterion, which needs no seed. The options are those of
    `embedtool.evaluation.analogy.answer_analogies`.
    """
    known = index_words(vectors, restrict_vocab, case_insensitive)
    ids = known.word_ids(word for word, _ in categories.words)
    found = ids >= 0
    all_labels = np.unique([name for _, name in categories.words], return_inverse=True)[1]
    used, labels = np.unique(all_labels[found], return_inverse=True)
    kmeans = agglomerative = None
    if len(used) > 1:
        unit = unit_rows(vectors.matrix[ids[found]]).astype(np.float64)
        share = len(labels) / len(found)
        clusters = _clusters(unit, len(used), seed)
        kmeans, agglomerative = (_agreement(labels, each, share) for each in clusters)
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
    """The share of items that are of the category most frequent in their cluster.

    labels, clusters : int64 (n,), n > 0; the category and the cluster of each item
    (1/N) sum over clusters of max over categories of their common items (Manning, Raghavan &
    Schuetze 2008, "Introduction to Information Retrieval", section 16.3).
    """
    _, rows = np.unique(clusters, return_inverse=True)
    _, columns = np.unique(labels, return_inverse=True)
    common = np.zeros((rows.max() + 1, columns.max() + 1), dtype=np.int64)
    np.add.at(common, (rows, columns), 1)
    return float(common.max(axis=1).sum() / len(labels))


def _clusters(
    unit: NDArray[np.float64], k: int, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cluster of each row by k-means and by agglomeration."""
    from sklearn.cluster import AgglomerativeClustering, KMeans  # takes a second
    from sklearn.exceptions import ConvergenceWarning

    with warnings.catch_warnings():
        # A word that stands in several categories has one vector: there may be fewer than k.
        warnings.simplefilter("ignore", ConvergenceWarning)
        by_means = KMeans(k, n_init=N_STARTS, random_state=seed).fit_predict(unit)
    return by_means, AgglomerativeClustering(k, linkage="ward").fit_predict(unit)


def _agreement(labels: NDArray[np.int64], clusters: NDArray[np.int64], share: float) -> Clustering:
    from sklearn.metrics import adjusted_rand_score, v_measure_score

    found = purity(labels, clusters)
    return Clustering(
        found,
        found * share,
        float(v_measure_score(labels, clusters)),
        float(adjusted_rand_score(labels, clusters)),
    )
