"""How often vectors tell which word does not belong to a group.

In: WordVectors and an OutlierSet. Out: accuracy and the position of the outlier, by group and over
all, under both rules for unknown words.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import RESTRICT_VOCAB
from embedtool.evaluation.tasks import OutlierSet
from embedtool.evaluation.vocabulary_lookup import index_words
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import WordVectors

LEAST_MEMBERS = 2
"""Members of a group without which its outlier cannot be told: two words have no odd one out."""


@dataclass(frozen=True)
class OutlierScore:
    """The questions of a group, or of all.

    found             : questions whose outlier is known, and at least two members of the group
    total             : all questions
    correct           : questions where the outlier is the one that fits least
    accuracy, opp     : over the questions found, or None
    accuracy_over_total, opp_over_total : over all questions; the others are wrong, at position 0
    """

    name: str
    correct: int
    found: int
    total: int
    accuracy: float | None
    opp: float | None
    accuracy_over_total: float | None
    opp_over_total: float | None


@dataclass(frozen=True)
class OutlierResult:
    """Accuracy and outlier position percentage, with the settings they depend on.

    unknown_members : members of groups that are not known, which are left out of their groups
    """

    dataset: str
    restrict_vocab: int | None
    case_insensitive: bool
    unknown_members: int
    groups: tuple[OutlierScore, ...]
    total: OutlierScore


def evaluate_outliers(
    vectors: WordVectors,
    outliers: OutlierSet,
    *,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> OutlierResult:
    """Rank the words of each group and an outlier by how compact the others are without them.

    The outlier is detected where the others are most compact without it. Accuracy is the share of
    those; OPP the mean of its position, counted from 0, divided by the number of members
    (Camacho-Collados & Navigli 2016).

    Members that are not known are left out of their group. A question whose outlier is not known,
    or of whose members fewer than two are, is passed over, and wrong over the total. The authors'
    program gives an unknown word the zero vector instead: then an unknown outlier is detected,
    for it is like no other word.

    The options are those of `embedtool.evaluation.analogy.answer_analogies`.
    """
    known = index_words(vectors, restrict_vocab, case_insensitive)
    groups: list[OutlierScore] = []
    all_positions: list[float] = []
    unknown_members = total = 0
    for group in outliers.groups:
        members = known.word_ids(group.members)
        odd = known.word_ids(group.outliers)
        unknown_members += int((members < 0).sum())
        members, odd = members[members >= 0], odd[odd >= 0]
        positions = _positions(vectors, members, odd) if len(members) >= LEAST_MEMBERS else []
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
    """How alike the other words are without each word of a set. float64 (n,).

    unit : float64 (n, vector_size), rows of length 1, n > 2
    c(w) is the mean cosine of all pairs of words in W but w (Camacho-Collados & Navigli 2016):
    what all pairs have together, less twice what w has with the others.
    """
    cosines = unit @ unit.T
    np.fill_diagonal(cosines, 0)
    n_others = len(unit) - 1
    with_others = cosines.sum(axis=1)
    result: NDArray[np.float64] = (cosines.sum() - 2 * with_others) / (n_others * (n_others - 1))
    return result


def _positions(
    vectors: WordVectors, members: NDArray[np.int64], outliers: NDArray[np.int64]
) -> list[float]:
    """OP(W) / (|W| - 1) of each outlier: 1 where it is detected, 0 where it fits best of all."""
    unit = unit_rows(vectors.matrix[np.concatenate([members, outliers])]).astype(np.float64)
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
