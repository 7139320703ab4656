"""Evaluation on outlier detection: which word does not belong to a group."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import RESTRICT_VOCAB
from embedtool.evaluation.results import EvaluationResult, Metric
from embedtool.evaluation.tasks import OutlierSet
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable

MIN_MEMBERS = 2
"""Minimum members of a group: of two words neither is an outlier."""


@dataclass(frozen=True)
class OutlierScore:
    """The scores over the questions of one group, or of all.

    Attributes
    ----------
    name : str
        Name of the group, or "total".
    correct : int
        Questions whose outlier is detected.
    found : int
        Questions whose outlier and at least two members of the group are known.
    accuracy, opp : float or None
        Accuracy and outlier position percentage over the questions found.
    accuracy_over_total, opp_over_total : float or None
        The same over all questions; the others count as wrong, at position 0.
    """

    name: str
    correct: int
    found: int
    total: int
    accuracy: float | None
    opp: float | None
    accuracy_over_total: float | None
    opp_over_total: float | None


@dataclass(frozen=True, repr=False)
class OutlierResult(EvaluationResult):
    """Accuracy and outlier position percentage, with the settings of the evaluation.

    Attributes
    ----------
    restrict_vocab, case_insensitive
        The settings of `evaluate_outliers`.
    unknown_members : int
        Number of unknown members, which are left out of their groups.
    groups : tuple of OutlierScore
        One for each group.
    total : OutlierScore
        The score over all groups.
    """

    dataset: str
    restrict_vocab: int | None
    case_insensitive: bool
    unknown_members: int
    groups: tuple[OutlierScore, ...]
    total: OutlierScore

    @property
    def metrics(self) -> list[Metric]:
        t, sizes = self.total, (self.total.found, self.total.total)
        return [
            Metric("accuracy", *sizes, t.accuracy, None, t.accuracy_over_total),
            Metric("OPP", *sizes, t.opp, None, t.opp_over_total),
        ]

    @property
    def settings(self) -> str:
        unknown = [f"members unknown: {self.unknown_members:,}"] if self.unknown_members else []
        return ", ".join([super().settings, *unknown])


def evaluate_outliers(
    vectors: VectorTable,
    outliers: OutlierSet,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> OutlierResult:
    """Rank the words of each group and an outlier by the compactness of the other words.

    An outlier is detected if the other words are most compact without it. Accuracy is the fraction
    of detected outliers; OPP is the mean of the outlier's position, counted from 0, divided by the
    number of members.

    Unknown members are left out of their group. A question whose outlier is unknown, or with fewer
    than two known members, is skipped, and counts as wrong over the total. The authors' program
    gives unknown words the zero vector instead, so that it detects every unknown outlier.

    Parameters
    ----------
    restrict_vocab, case_insensitive
        As for `analogy.answer_analogies`.

    References
    ----------
    Camacho-Collados & Navigli 2016, "Find the word that does not belong".
    """
    known = index_words(vectors, restrict_vocab, case_insensitive)
    groups: list[OutlierScore] = []
    all_positions: list[float] = []
    unknown_members = total = 0
    for group in outliers.groups:
        members = known.word_ids(group.members)
        outlier_ids = known.word_ids(group.outliers)
        unknown_members += int((members < 0).sum())
        members, outlier_ids = members[members >= 0], outlier_ids[outlier_ids >= 0]
        positions = _positions(vectors, members, outlier_ids) if len(members) >= MIN_MEMBERS else []
        groups.append(_score(group.name, positions, len(group.outliers)))
        all_positions += positions
        total += len(group.outliers)
    return OutlierResult(
        dataset=outliers.name,
        restrict_vocab=restrict_vocab,
        case_insensitive=case_insensitive,
        unknown_members=unknown_members,
        groups=tuple(groups),
        total=_score("total", all_positions, total),
    )


def compactness(unit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the compactness of a set of words without each of its words.

    c(w) is the mean cosine of all pairs of words in W without w (Camacho-Collados & Navigli 2016).

    Parameters
    ----------
    unit : ndarray of float64, shape (n, vector_size)
        Rows of length 1; n > 2.

    Returns
    -------
    ndarray of float64, shape (n,)
    """
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, 0)
    n_others = len(unit) - 1
    with_others = cosines.sum(axis=1)
    # each pair occurs twice in the sum over all, and so do those of w
    result: NDArray[np.float64] = (cosines.sum() - 2 * with_others) / (n_others * (n_others - 1))
    return result


def _positions(
    vectors: VectorTable, members: NDArray[np.int64], outliers: NDArray[np.int64]
) -> list[float]:
    """Return OP(W) / (|W| - 1) of each outlier: 1 if it is detected, 0 if it fits best of all."""
    unit = unit_rows(vectors.rows[np.concatenate([members, outliers])]).astype(np.float64)
    inside, outside = unit[: len(members)], unit[len(members) :]
    positions = []
    for row in outside:
        scores = compactness(np.vstack([inside, row]))
        positions.append(float((scores[:-1] < scores[-1]).mean()))
    return positions


def _score(name: str, positions: Sequence[float], total: int) -> OutlierScore:
    correct, found = sum(position == 1 for position in positions), len(positions)
    return OutlierScore(
        name,
        correct,
        found,
        total,
        accuracy=correct / found if found else None,
        opp=sum(positions) / found if found else None,
        accuracy_over_total=correct / total if total else None,
        opp_over_total=sum(positions) / total if total else None,
    )
