"""Scores of several models on the same datasets, and paired tests of which model is better."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import combinations
from typing import TypeVar

import numpy as np

from embedtool.config.choices import METHODS, RESTRICT_VOCAB, AnalogyMethod
from embedtool.evaluation.analogy import AnalogyOutcomes, answer_analogies, score_analogies
from embedtool.evaluation.scoring import Result, evaluate
from embedtool.evaluation.similarity import Floats, pair_similarities, score_pairs
from embedtool.evaluation.statistics import (
    SIGNIFICANT,
    Difference,
    compare_correlations,
    compare_proportions,
    format_p,
    holm,
    stars,
)
from embedtool.evaluation.tasks import AnalogySet, Dataset, PairSet
from embedtool.model.vectors import VectorTable

Outcome = TypeVar("Outcome")
Differences = dict[tuple[str, str], Difference | None]
"""Score difference of each pair of models, by their names; None if there is no test."""


@dataclass(frozen=True)
class DatasetScores:
    """The result of each model on one dataset, in the order of the models."""

    dataset: str
    results: tuple[Result, ...]


@dataclass(frozen=True)
class PairedTest:
    """Which of two models is better on a dataset of analogies or of pairs.

    Attributes
    ----------
    dataset, first, second : str
        The dataset and the two models.
    measure : str
        The compared measure: ``"accuracy"`` or ``"Spearman"``.
    difference : Difference
        The difference over the questions that both models know.
    p_corrected : float
        The p-value by Holm's method, for all tests of the comparison.
    stars : str
        ``*``, ``**`` or ``***`` if it is below 0.05, 0.01 or 0.001.
    verdict : str
        The outcome in words.
    """

    dataset: str
    first: str
    second: str
    measure: str
    difference: Difference
    p_corrected: float
    stars: str
    verdict: str


def compare_scores(
    models: Mapping[str, VectorTable],
    datasets: Sequence[Dataset],
    *,
    method: AnalogyMethod = METHODS[0],
    include_query_words: bool = False,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> tuple[tuple[DatasetScores, ...], tuple[PairedTest, ...]]:
    """Score models on datasets, and test for each pair of models which is better.

    Parameters
    ----------
    datasets : sequence of Dataset
        Each pair of models is compared on the questions that both know.
    method, include_query_words, restrict_vocab, case_insensitive
        As for `evaluation.analogy.answer_analogies`.

    Returns
    -------
    scores : tuple of DatasetScores
        One for each dataset.
    tests : tuple of PairedTest
        For each dataset of analogies or pairs and each pair of models, if there is a test.
    """
    scores, untested = [], []
    for dataset in datasets:
        results, differences, measure = _score_dataset(
            models, dataset, method, include_query_words, restrict_vocab, case_insensitive
        )
        scores.append(DatasetScores(dataset.name, tuple(results)))
        untested += [
            (dataset.name, a, b, measure, d) for (a, b), d in differences.items() if d is not None
        ]
    corrected = holm([difference.p for *_, difference in untested])
    tests = tuple(
        PairedTest(
            dataset, a, b, measure, difference, p, stars(p), _verdict(dataset, a, b, difference, p)
        )
        for (dataset, a, b, measure, difference), p in zip(untested, corrected, strict=True)
    )
    return tuple(scores), tests


def _score_dataset(
    models: Mapping[str, VectorTable],
    dataset: Dataset,
    method: AnalogyMethod,
    include_query_words: bool,
    restrict_vocab: int | None,
    case_insensitive: bool,
) -> tuple[list[Result], Differences, str]:
    """Return the results of the models, their differences, and what was measured."""
    if isinstance(dataset, AnalogySet):
        outcomes = {
            name: answer_analogies(
                vectors, dataset, method=method, include_query_words=include_query_words,
                restrict_vocab=restrict_vocab, case_insensitive=case_insensitive,
            )
            for name, vectors in models.items()
        }  # fmt: skip
        return (
            [score_analogies(dataset, each) for each in outcomes.values()],
            _differences(outcomes, _compare_answers),
            "accuracy",
        )
    if isinstance(dataset, PairSet):
        cosines = {
            name: pair_similarities(
                vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
            )
            for name, vectors in models.items()
        }
        return (
            [
                score_pairs(
                    dataset, each, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive
                )
                for each in cosines.values()
            ],
            _differences(cosines, partial(_compare_cosines, dataset.scores)),
            "Spearman",
        )
    results = [
        evaluate(vectors, dataset, restrict_vocab=restrict_vocab, case_insensitive=case_insensitive)
        for vectors in models.values()
    ]
    return results, {}, ""


def _differences(
    outcomes: Mapping[str, Outcome], compare: Callable[[Outcome, Outcome], Difference | None]
) -> Differences:
    return {
        (a, b): compare(first, second)
        for (a, first), (b, second) in combinations(outcomes.items(), 2)
    }


def _compare_answers(first: AnalogyOutcomes, second: AnalogyOutcomes) -> Difference | None:
    both = first.known & second.known
    return compare_proportions(first.correct[both], second.correct[both], first.groups(both))


def _compare_cosines(scores: Floats, first: Floats, second: Floats) -> Difference | None:
    both = np.isfinite(first) & np.isfinite(second)
    return compare_correlations(scores[both], first[both], second[both], "spearman")


def _verdict(dataset: str, first: str, second: str, difference: Difference, p: float) -> str:
    scores = {first: difference.first, second: difference.second}
    better, worse = (second, first) if difference.difference > 0 else (first, second)
    p_value = f"p {format_p(p)}"
    if p >= SIGNIFICANT:
        return f"{dataset}: no significant difference between {first} and {second} ({p_value})"
    return (
        f"{dataset}: {better} is better than {worse} ({scores[better]:.3f} against "
        f"{scores[worse]:.3f}, {p_value})"
    )
