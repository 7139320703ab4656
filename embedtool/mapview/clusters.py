"""Groups of words by k-means, the same for all models of a map, and words that name each group."""

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from embedtool.analysis.projection import Rows, finite_unit_rows

if TYPE_CHECKING:
    from embedtool.mapview.map_data import MapData

Ids = NDArray[np.int64]

N_GROUPS = 12
"""Number of colours that are easy to distinguish."""
FIT_WORDS = 10_000
"""Number of words that k-means is fitted to; others join the group of the nearest centre."""
MIN_COMMON_WORDS = 20 * N_GROUPS
"""Minimum common words: with fewer, two models are grouped separately."""
N_NAMES = 4
"""Number of words that name a group."""
NAMING_FRACTION, MIN_NAMING = 0.1, 20
"""Fraction and minimum number of most frequent words of a group that may name it: rare words are as
distinctive, but mean nothing to a reader."""


class Groups:
    """The groups of the words of a model, or of two that are compared.

    Two models are grouped by their common words: one k-means on the concatenation of the leading
    components in both, so that a word has the same group in both. Other words join the group with
    the nearest centre in their model. Models with fewer than MIN_COMMON_WORDS common words have
    half of the groups each.
    """

    def __init__(self, models: "Sequence[MapData]", seed: int) -> None:
        self._models = models
        self._seed = seed

    @cached_property
    def labels(self) -> list[NDArray[np.uint8]]:
        """For each model the group of each word, uint8 (n_words,), the largest group first."""
        leading = [_scaled(model.leading) for model in self._models]
        if len(leading) == 1:
            return [_by_size(self._clusters(leading[0], N_GROUPS))]
        common = self._common
        if len(common[0]) < MIN_COMMON_WORDS:
            half = N_GROUPS // len(leading)
            separate = [_by_size(self._clusters(rows, half)) for rows in leading]
            return [each + np.uint8(i * half) for i, each in enumerate(separate)]
        both = np.hstack([rows[ids] for rows, ids in zip(leading, common, strict=True)])
        groups = _by_size(self._clusters(both, N_GROUPS))
        return [_extended(rows, ids, groups) for rows, ids in zip(leading, common, strict=True)]

    @cached_property
    def names(self) -> list[list[str]]:
        """For each group its most distinctive words among its more frequent ones.

        Distinctiveness is the cosine with the group's centre minus that with the nearest other
        centre, by the leading components, in the first model that has words of the group.
        """
        names: dict[int, list[str]] = {}
        for model, groups in zip(self._models, self.labels, strict=True):
            for group, ids in _distinctive(_scaled(model.leading), groups).items():
                names.setdefault(group, [model.words[i] for i in ids])
        return [names.get(group, []) for group in range(max(names) + 1)]

    @property
    def _common(self) -> tuple[Ids, Ids]:
        """The ids of the common words in both models, in the first model's order."""
        first, second = ({word: i for i, word in enumerate(m.words)} for m in self._models)
        pairs = [(i, second[word]) for word, i in first.items() if word in second]
        ids = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return ids[:, 0], ids[:, 1]

    def _clusters(self, rows: Rows, n: int) -> NDArray[np.int32]:
        from sklearn.cluster import KMeans

        sample = rows[:FIT_WORDS]
        n = min(n, len(np.unique(sample, axis=0)))
        clusters: NDArray[np.int32] = (
            KMeans(n, random_state=self._seed, n_init=1).fit(sample).predict(rows)
        )
        return clusters


def _scaled(rows: Rows) -> Rows:
    """Scale rows to a root-mean-square length of 1, so that two models count equally."""
    length = np.sqrt(np.mean(np.square(rows, dtype=np.float64).sum(axis=1)))
    return (rows / length).astype(np.float32) if length > 0 else rows


def _by_size(clusters: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Renumber clusters, the largest first."""
    sizes = np.bincount(clusters)
    rank = np.empty(len(sizes), dtype=np.uint8)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes), dtype=np.uint8)
    return rank[clusters]


def _centres(rows: Rows, groups: NDArray[np.uint8], present: NDArray[np.uint8]) -> Rows:
    return np.stack([rows[groups == group].mean(axis=0) for group in present])


def _extended(rows: Rows, ids: Ids, groups: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Extend the groups of the rows `ids` to all rows, by the nearest centre."""
    present = np.unique(groups)
    centres = _centres(rows[ids], groups, present)
    # argmin |row - centre|^2, without |row|^2, which is the same for all centres
    extended: NDArray[np.uint8] = present[
        (np.square(centres).sum(axis=1) - 2 * rows @ centres.T).argmin(axis=1)
    ]
    extended[ids] = groups
    return extended


def _distinctive(rows: Rows, groups: NDArray[np.uint8]) -> dict[int, Ids]:
    """Return, for each group, the ids of its N_NAMES most distinctive words."""
    present = np.unique(groups)
    cosines = finite_unit_rows(rows) @ finite_unit_rows(_centres(rows, groups, present)).T
    distinctive = {}
    for column, group in enumerate(present):
        ids = np.flatnonzero(groups == group)
        ids = ids[: max(MIN_NAMING, int(NAMING_FRACTION * len(ids)))]
        others = np.delete(cosines[ids], column, axis=1).max(axis=1, initial=-1)
        margin = cosines[ids, column] - others
        distinctive[int(group)] = ids[np.argsort(-margin, kind="stable")[:N_NAMES]]
    return distinctive
