"""Stability over several runs of a training: spread of scores and overlap of neighbourhoods."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from embedtool.analysis.neighbours import (
    N_FREQUENT,
    N_NEIGHBOURS,
    Band,
    banded_ranks,
    count_common,
    means_by_band,
)
from embedtool.errors import EvaluationError
from embedtool.evaluation.coverage import check_coverage
from embedtool.evaluation.scoring import evaluate
from embedtool.evaluation.statistics import Interval, correlation_mean_interval, t_interval
from embedtool.evaluation.tasks import Dataset, PairSet
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from embedtool.search.index import nearest
from embedtool.search.lookup import cosines, lookup

log = logging.getLogger(__name__)

OVERSAMPLING = 5
"""Neighbours fetched in each run per returned one: all that may be near on average."""


@dataclass(frozen=True)
class Spread:
    """The scores of the runs on one dataset.

    Attributes
    ----------
    dataset, measure : str
        The dataset and the metric.
    values : tuple of float
        The score of each run.
    mean, deviation : float
        Mean and standard deviation (with n - 1) of the scores.
    interval : Interval or None
        Interval of the mean, by Student's t, within the bounds of the score; None if all scores are
        equal. It reflects the variation of the training, not of the dataset's questions.
    low, high : float
        The lowest and the highest score.
    """

    dataset: str
    measure: str
    values: tuple[float, ...]
    mean: float
    deviation: float
    interval: Interval | None
    low: float
    high: float


@dataclass(frozen=True)
class Stability:
    """The agreement of several runs.

    Attributes
    ----------
    n_runs, k, n_words : int
        Numbers of runs, of neighbours, and of most frequent words that are compared.
    overlap : float
        Mean fraction of common neighbours among a word's k nearest in two runs.
    jaccard : float
        Mean Jaccard index of the neighbours in two runs. Both means are over all pairs of runs.
    bands : tuple of Band
        The overlap by frequency.
    scores : tuple of Spread
        One for each dataset on which all runs have a score.
    """

    n_runs: int
    k: int
    n_words: int
    overlap: float
    jaccard: float
    bands: tuple[Band, ...]
    scores: tuple[Spread, ...]


@dataclass(frozen=True)
class StableNeighbour:
    """A neighbour over all runs.

    Attributes
    ----------
    score, deviation : float
        Mean and standard deviation of its cosine.
    interval : Interval
        Interval of the mean, by Student's t on Fisher's z, so within -1 and 1.
    share : float
        Fraction of the runs in which it is among the n nearest.
    """

    word: str
    score: float
    deviation: float
    interval: Interval
    share: float


def stability(
    runs: Sequence[VectorTable], datasets: Sequence[Dataset], *, k: int = N_NEIGHBOURS
) -> Stability:
    """Measure the spread of scores and neighbourhoods over runs (Antoniak & Mimno 2018).

    Parameters
    ----------
    runs : sequence of VectorTable
        The models, which have the same words.
    datasets : sequence of Dataset
        The datasets for scores.
    k : int
        Size of a neighbourhood.

    Raises
    ------
    EvaluationError
        For fewer than two runs.
    """
    _check(runs)
    n_words = runs[0].n_words
    k = min(k, n_words - 1)
    limit = min(N_FREQUENT, n_words)
    ranks = banded_ranks(n_words, limit)
    near = []
    for vectors in runs:
        queries = unit_rows(vectors.rows[ranks])
        near.append(nearest(vectors.rows, vectors.norms, queries, k, excluded=ranks[:, None]).ids)
    common = np.zeros(len(ranks))
    jaccard = np.zeros(len(ranks))
    pairs = list(combinations(near, 2))
    for first, second in pairs:
        shared = count_common(np.concatenate([first, second], axis=1))
        common += shared / k / len(pairs)
        jaccard += shared / (2 * k - shared) / len(pairs)
    frequent = ranks < limit
    return Stability(
        len(runs), k, int(frequent.sum()),
        float(common[frequent].mean()), float(jaccard[frequent].mean()),
        means_by_band(ranks, common, n_words),
        tuple(spread for dataset in datasets if (spread := _spread(runs, dataset)) is not None),
    )  # fmt: skip


def stable_neighbours(
    runs: Sequence[VectorTable],
    words: Sequence[str],
    n: int,
    *,
    candidates: NDArray[np.int64] | None = None,
    include_query_words: bool = False,
) -> list[tuple[StableNeighbour, ...]]:
    """Return the n words with the highest mean cosine with each word.

    Words that are among the OVERSAMPLING * n nearest in any run are compared in all runs.

    Parameters
    ----------
    runs : sequence of VectorTable
        The models, which have the same words.
    words : sequence of str
        The queries.
    n : int
        Answers to each.
    candidates, include_query_words
        As for `search.query.similar_batch`.

    Returns
    -------
    list of tuple of StableNeighbour
        One tuple for each word.

    Raises
    ------
    EvaluationError
        For fewer than two runs.
    NoAnswerError
        As `similar_batch`.
    """
    _check(runs)
    queries = [lookup(vectors, words, need_direction=True) for vectors in runs]
    excluded = None if include_query_words else runs[0].word_ids(words, -1)[:, None]
    near = [
        nearest(
            vectors.rows, vectors.norms, unit_rows(rows), OVERSAMPLING * n,
            candidates=candidates, excluded=excluded,
        ).ids
        for vectors, rows in zip(runs, queries, strict=True)
    ]  # fmt: skip
    return [
        _merge_neighbours(runs, [rows[i] for rows in queries], [each[i] for each in near], n)
        for i in range(len(words))
    ]


def _merge_neighbours(
    runs: Sequence[VectorTable],
    queries: Sequence[NDArray[np.float32]],
    near: Sequence[NDArray[np.int64]],
    n: int,
) -> tuple[StableNeighbour, ...]:
    """Return the neighbours of one word, given its vector and the nearest ids in each run."""
    ids = np.unique(np.concatenate(near))
    ids = ids[ids >= 0]
    scores = np.array([
        cosines(vectors.rows[ids], query) for vectors, query in zip(runs, queries, strict=True)
    ])  # fmt: skip
    fractions = np.mean([np.isin(ids, each[:n]) for each in near], axis=0)
    order = np.lexsort((ids, -scores.mean(axis=0)))[:n]
    return tuple(
        StableNeighbour(
            runs[0].words[int(ids[j])], float(scores[:, j].mean()),
            float(scores[:, j].std(ddof=1)), _cosine_interval(scores[:, j]), float(fractions[j]),
        )
        for j in order.tolist()
    )  # fmt: skip


def _spread(runs: Sequence[VectorTable], dataset: Dataset) -> Spread | None:
    """Return the score of each run on a dataset; log a warning and return None if it has none."""
    metrics = [evaluate(vectors, dataset).primary_metric for vectors in runs]
    scores = [metric.score for metric in metrics if metric.score is not None]
    worst = next((metric for metric in metrics if metric.score is None), metrics[0])
    if fault := check_coverage(runs[0], dataset, worst):
        log.warning("%s", fault.message)
    if len(scores) < len(runs):
        return None
    values = np.array(scores)
    interval = _score_interval(values, -1 if isinstance(dataset, PairSet) else 0)
    return Spread(
        dataset.name, metrics[0].name, tuple(scores), float(values.mean()),
        float(values.std(ddof=1)), interval, float(values.min()), float(values.max()),
    )  # fmt: skip


def _score_interval(values: NDArray[np.float64], lowest: float) -> Interval | None:
    """Return the interval of a mean score; None if the runs do not differ."""
    if not np.ptp(values):
        return None
    n = len(values)
    return t_interval(values.mean(), values.std(ddof=1) / np.sqrt(n), n, lowest, 1)


def _cosine_interval(values: NDArray[np.float64]) -> Interval:
    n = len(values)
    return correlation_mean_interval(values.mean(), values.std(ddof=1) / np.sqrt(n), n)


def _check(runs: Sequence[VectorTable]) -> None:
    if len(runs) < 2:
        raise EvaluationError("stability needs at least two runs")
