"""The loss by compression: neighbours shared with the source model, and scores of both."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from embedtool.analysis.neighbours import neighbourhood_overlap
from embedtool.evaluation.scoring import evaluate
from embedtool.evaluation.tasks import Dataset
from embedtool.model.vectors import VectorTable

N_SAMPLED = 1000
"""Number of words whose neighbours are compared."""


@dataclass(frozen=True)
class ScoreChange:
    """The score on a dataset before and after compression.

    Attributes
    ----------
    before, after : float or None
        Accuracy or Spearman's correlation over the questions whose words are known; None if it is
        not defined.
    """

    dataset: str
    before: float | None
    after: float | None


def sample_words(vectors: VectorTable) -> list[str]:
    """Return words whose ranks are evenly spaced on a logarithmic scale."""
    ranks = np.unique(np.geomspace(1, vectors.n_words, N_SAMPLED).astype(np.int64)) - 1
    return [vectors.words[rank] for rank in ranks.tolist()]


def shared_neighbours(before: VectorTable, after: VectorTable) -> float | None:
    """Return the mean overlap@10 of the neighbours of `sample_words`, among the shared words."""
    return neighbourhood_overlap(before, after, words=sample_words(after)).mean


def score_changes(
    before: VectorTable, after: VectorTable, datasets: Sequence[Dataset]
) -> list[ScoreChange]:
    """Return the scores of both models on each dataset, with the default settings of `evaluate`."""
    return [
        ScoreChange(
            dataset.name,
            *(evaluate(vectors, dataset).primary_metric.score for vectors in (before, after)),
        )
        for dataset in datasets
    ]
