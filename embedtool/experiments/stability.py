"""How much scores and neighbours change where a training is done again.

In: the models of several runs, which have the same words. Out: the spread of their scores, how far
their neighbourhoods agree, and the neighbours of words over all runs.
"""

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
from embedtool.evaluation.scoring import evaluate, primary_metric
from embedtool.evaluation.statistics import Interval, correlation_mean_interval, t_interval
from embedtool.evaluation.tasks import Dataset, PairSet
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import WordVectors
from embedtool.search.index import nearest
from embedtool.search.lookup import cosines, lookup

log = logging.getLogger(__name__)

FETCHED = 5
"""So many times the neighbours wanted are sought in each run: all that may be near on average."""


@dataclass(frozen=True)
class Spread:
    """One score over the runs.

    deviation : the standard deviation of a run, with n - 1
    interval  : of the mean, by Student's t, no further than scores go, or None where all runs score
                the same; it is of the training, not of the dataset's questions
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
    """What several runs have in common.

    overlap : mean share of a word's k nearest neighbours that two runs have in common
    jaccard : mean of what both have divided by what either has
    Both over all pairs of runs and the most frequent words; `bands` is the overlap by frequency.
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

    score     : the mean cosine
    deviation : of the cosine in one run
    interval  : of the mean, by Student's t of Fisher's z, so within -1 and 1
    share     : of the runs in which the word is among the n nearest
    """

    word: str
    score: float
    deviation: float
    interval: Interval
    share: float


def stability(
    runs: Sequence[WordVectors], datasets: Sequence[Dataset], *, k: int = N_NEIGHBOURS
) -> Stability:
    """The spread of scores and neighbourhoods over runs (Antoniak & Mimno 2018).

    Raises EvaluationError on fewer than two runs.
    """
    _check(runs)
    n_words = runs[0].n_words
    k = min(k, n_words - 1)
    limit = min(N_FREQUENT, n_words)
    ranks = banded_ranks(n_words, limit)
    near = []
    for vectors in runs:
        queries = unit_rows(vectors.matrix[ranks])
        near.append(nearest(vectors.matrix, vectors.norms, queries, k, excluded=ranks[:, None]).ids)
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
    runs: Sequence[WordVectors],
    words: Sequence[str],
    n: int,
    *,
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
) -> list[tuple[StableNeighbour, ...]]:
    """The n words of the highest mean cosine with each word; options as for `similar_batch`.

    All that are among the FETCHED * n nearest in any run are looked at in all. Raises
    EvaluationError on fewer than two runs, NoAnswerError as `similar_batch`.
    """
    _check(runs)
    queries = [lookup(vectors, words, need_direction=True) for vectors in runs]
    excluded = runs[0].word_ids(words, -1)[:, None] if exclude_query_words else None
    near = [
        nearest(
            vectors.matrix, vectors.norms, unit_rows(rows), FETCHED * n,
            candidates=candidates, excluded=excluded,
        ).ids
        for vectors, rows in zip(runs, queries, strict=True)
    ]  # fmt: skip
    answers = []
    for i in range(len(words)):
        ids = np.unique(np.concatenate([each[i] for each in near]))
        ids = ids[ids >= 0]
        scores = np.array([
            cosines(vectors.matrix[ids], rows[i])
            for vectors, rows in zip(runs, queries, strict=True)
        ])  # fmt: skip
        among = np.mean([np.isin(ids, each[i][:n]) for each in near], axis=0)
        order = np.lexsort((ids, -scores.mean(axis=0)))[:n]
        answers.append(
            tuple(
                StableNeighbour(
                    runs[0].words[int(ids[j])], float(scores[:, j].mean()),
                    float(scores[:, j].std(ddof=1)), _of_cosines(scores[:, j]), float(among[j]),
                )
                for j in order.tolist()
            )
        )  # fmt: skip
    return answers


def _spread(runs: Sequence[WordVectors], dataset: Dataset) -> Spread | None:
    """The score of each run on a dataset; None where it is not defined, which is logged."""
    found = [primary_metric(evaluate(vectors, dataset)) for vectors in runs]
    scores = [part.score for part in found if part.score is not None]
    least = next((part for part in found if part.score is None), found[0])
    if fault := check_coverage(runs[0], dataset, least):
        log.warning("%s", fault.message)
    if len(scores) < len(runs):
        return None
    values = np.array(scores)
    interval = _of_scores(values, -1 if isinstance(dataset, PairSet) else 0)
    return Spread(
        dataset.name, found[0].name, tuple(scores), float(values.mean()),
        float(values.std(ddof=1)), interval, float(values.min()), float(values.max()),
    )  # fmt: skip


def _of_scores(values: NDArray[np.float64], lowest: float) -> Interval | None:
    """The interval of a mean score; None where runs do not differ, so that no spread is known."""
    if not np.ptp(values):
        return None
    n = len(values)
    return t_interval(values.mean(), values.std(ddof=1) / np.sqrt(n), n, lowest, 1)


def _of_cosines(values: NDArray[np.float64]) -> Interval:
    n = len(values)
    return correlation_mean_interval(values.mean(), values.std(ddof=1) / np.sqrt(n), n)


def _check(runs: Sequence[WordVectors]) -> None:
    if len(runs) < 2:
        raise EvaluationError("one run tells nothing of stability; make at least two")
