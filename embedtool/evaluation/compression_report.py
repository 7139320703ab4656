"""What a smaller model has lost of the one that it was made of.

In: the WordVectors before and after, datasets. Out: how many neighbours they share, and the score
of each on each dataset.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedtool.analysis.neighbours import neighbourhood_overlap
from embedtool.evaluation.scoring import evaluate, headline
from embedtool.evaluation.tasks import Dataset
from embedtool.model.vectors import WordVectors

SAMPLE = 1000
"""Words whose neighbours are compared."""


def sample_words(vectors: WordVectors) -> list[str]:
    """Words at even steps of a logarithmic scale of ranks: frequent ones, and rarer and rarer."""
    ranks = np.unique(np.geomspace(1, vectors.n_words, SAMPLE).astype(np.int64)) - 1
    return [vectors.words[rank] for rank in ranks.tolist()]


@dataclass(frozen=True)
class Loss:
    """One measure of the two models; None where a model cannot be measured so.

    before, after : accuracy or Spearman's rho over the questions whose words are known
    """

    dataset: str
    before: float | None
    after: float | None


def shared_neighbours(before: WordVectors, after: WordVectors) -> float | None:
    """The overlap@10 of the neighbours of words at all ranks, among the words of both."""
    return neighbourhood_overlap(before, after, words=sample_words(after)).mean


def losses(before: WordVectors, after: WordVectors, datasets: Sequence[Dataset]) -> list[Loss]:
    """The scores of both models on each dataset, under the rules that `evaluate` has."""
    return [
        Loss(
            dataset.name,
            *(headline(evaluate(vectors, dataset)).score for vectors in (before, after)),
        )
        for dataset in datasets
    ]
