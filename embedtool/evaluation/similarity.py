"""Evaluation on word similarity: the correlation of cosines with human scores of word pairs."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import RESTRICT_VOCAB
from embedtool.evaluation.results import EvaluationResult, Metric
from embedtool.evaluation.statistics import Interval, correlation_interval
from embedtool.evaluation.tasks import PairSet
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.model.vectors import VectorTable
from embedtool.search.lookup import cosines

Floats = NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class PairResult(EvaluationResult):
    """Correlations of cosines with human scores, with the settings of the evaluation.

    A correlation is None if it is not defined: fewer than two pairs, or all scores equal.

    Attributes
    ----------
    restrict_vocab, case_insensitive
        The settings of `pair_similarities`.
    found, total : int
        Pairs with two known words, and all pairs.
    spearman, pearson : float or None
        Correlations over the pairs found.
    spearman_interval, pearson_interval : Interval or None
        Their intervals, by `statistics.correlation_interval`.
    spearman_over_total, pearson_over_total : float or None
        Correlations over all pairs; a pair with an unknown word has cosine 0.
    """

    dataset: str
    restrict_vocab: int | None
    case_insensitive: bool
    found: int
    total: int
    spearman: float | None
    pearson: float | None
    spearman_interval: Interval | None
    pearson_interval: Interval | None
    spearman_over_total: float | None
    pearson_over_total: float | None

    @property
    def metrics(self) -> list[Metric]:
        sizes = (self.found, self.total)
        return [
            Metric(
                "Spearman", *sizes, self.spearman, self.spearman_interval, self.spearman_over_total
            ),
            Metric("Pearson", *sizes, self.pearson, self.pearson_interval, self.pearson_over_total),
        ]


def pair_similarities(
    vectors: VectorTable,
    pairs: PairSet,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> Floats:
    """Return the cosine of each pair.

    Parameters
    ----------
    restrict_vocab, case_insensitive
        As for `analogy.answer_analogies`.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)
        NaN if a word is unknown.
    """
    known = index_words(vectors, restrict_vocab, case_insensitive)
    first = known.word_ids(pair[0] for pair in pairs.pairs)
    second = known.word_ids(pair[1] for pair in pairs.pairs)
    found = (first >= 0) & (second >= 0)
    similarities = np.full(len(first), np.nan)
    similarities[found] = cosines(vectors.rows[first[found]], vectors.rows[second[found]])
    return similarities


def evaluate_pairs(
    vectors: VectorTable,
    pairs: PairSet,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> PairResult:
    """Correlate the human scores with `pair_similarities`, which has the same parameters."""
    similarities = pair_similarities(
        vectors, pairs, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
    )
    return score_pairs(
        pairs, similarities, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
    )


def score_pairs(
    pairs: PairSet,
    similarities: Floats,
    *,
    restrict_vocab: int | None,
    case_insensitive: bool,
) -> PairResult:
    """Return the correlations of `similarities`, which were computed with these settings."""
    scores = pairs.scores
    found = ~np.isnan(similarities)
    spearman, pearson = _correlations(scores[found], similarities[found])
    spearman_over_total, pearson_over_total = _correlations(scores, np.nan_to_num(similarities))
    return PairResult(
        dataset=pairs.name,
        restrict_vocab=restrict_vocab,
        case_insensitive=case_insensitive,
        found=int(found.sum()),
        total=len(scores),
        spearman=spearman,
        pearson=pearson,
        spearman_interval=correlation_interval(scores[found], similarities[found], "spearman"),
        pearson_interval=correlation_interval(scores[found], similarities[found], "pearson"),
        spearman_over_total=spearman_over_total,
        pearson_over_total=pearson_over_total,
    )


def _correlations(
    scores: Floats, similarities: NDArray[np.float64]
) -> tuple[float, float] | tuple[None, None]:
    """Return Spearman's and Pearson's correlation, or None for both if they are not defined."""
    if len(scores) < 2 or not np.ptp(scores) or not np.ptp(similarities):
        return None, None
    from scipy.stats import pearsonr, spearmanr  # takes most of a second

    return (
        float(spearmanr(scores, similarities).statistic),
        float(pearsonr(scores, similarities).statistic),
    )
