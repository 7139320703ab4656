"""Groups of words, the same for all models of a map.

In: the models of a map. Out: the group of each word, and the words that tell a group from others.
"""

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
"""As many colours as can be told apart."""
GROUPED = 10_000
"""Words whose groups k-means finds; the others come to the nearest."""
LEAST_IN_COMMON = 20 * N_GROUPS
"""Of fewer words in common nothing is known of two models' other words."""
N_NAMES = 4
"""Words that name a group."""
NAMING, LEAST_NAMING = 0.1, 20
"""The share of a group, its most frequent words, that may name it, and how many at least: rare
words tell groups apart as well, but tell a reader nothing."""


class Groups:
    """The groups of the words of a model, or of two that are compared.

    Two models are grouped by the words they have in common, whose leading components in both stand
    side by side: one k-means for both, and a word has the same group in both. A word of one model
    alone has the group whose middle among the words of its model is nearest. Of models that have
    hardly a word in common each has half of the groups for itself.
    """

    def __init__(self, models: "Sequence[MapData]", seed: int) -> None:
        self._models = models
        self._seed = seed

    @cached_property
    def of_words(self) -> list[NDArray[np.uint8]]:
        """For each model the group of each word, uint8 (n_words,), the largest group first."""
        leading = [_scaled(model.leading) for model in self._models]
        if len(leading) == 1:
            return [_by_size(self._clusters(leading[0], N_GROUPS))]
        common = self._common
        if len(common[0]) < LEAST_IN_COMMON:
            half = N_GROUPS // len(leading)
            found = [_by_size(self._clusters(rows, half)) for rows in leading]
            return [each + np.uint8(i * half) for i, each in enumerate(found)]
        both = np.hstack([rows[ids] for rows, ids in zip(leading, common, strict=True)])
        groups = _by_size(self._clusters(both, N_GROUPS))
        return [_extended(rows, ids, groups) for rows, ids in zip(leading, common, strict=True)]

    @cached_property
    def names(self) -> list[list[str]]:
        """For each group, of its more frequent words those that are nearest to its middle.

        Nearest against the nearest of the other middles, by cosines of the leading components, in
        the first model that has words of the group.
        """
        named: dict[int, list[str]] = {}
        for model, groups in zip(self._models, self.of_words, strict=True):
            for group, ids in _distinctive(_scaled(model.leading), groups).items():
                named.setdefault(group, [model.words[i] for i in ids])
        return [named.get(group, []) for group in range(max(named) + 1)]

    @property
    def _common(self) -> tuple[Ids, Ids]:
        """The ids of the words in common, in the first model's order."""
        first, second = ({word: i for i, word in enumerate(m.words)} for m in self._models)
        pairs = [(i, second[word]) for word, i in first.items() if word in second]
        ids = np.array(pairs, dtype=np.int64).reshape(-1, 2)
        return ids[:, 0], ids[:, 1]

    def _clusters(self, rows: Rows, n: int) -> NDArray[np.int32]:
        from sklearn.cluster import KMeans

        seen = rows[:GROUPED]
        n = min(n, len(np.unique(seen, axis=0)))
        found: NDArray[np.int32] = (
            KMeans(n, random_state=self._seed, n_init=1).fit(seen).predict(rows)
        )
        return found


def _scaled(rows: Rows) -> Rows:
    """Rows whose mean square length is 1, so that none of two models counts more."""
    length = np.sqrt(np.mean(np.square(rows, dtype=np.float64).sum(axis=1)))
    return (rows / length).astype(np.float32) if length > 0 else rows


def _by_size(found: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Groups renumbered, the largest first."""
    sizes = np.bincount(found)
    rank = np.empty(len(sizes), dtype=np.uint8)
    rank[np.argsort(-sizes, kind="stable")] = np.arange(len(sizes), dtype=np.uint8)
    return rank[found]


def _middles(rows: Rows, groups: NDArray[np.uint8], present: NDArray[np.uint8]) -> Rows:
    return np.stack([rows[groups == group].mean(axis=0) for group in present])


def _extended(rows: Rows, ids: Ids, groups: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The groups of some rows, and for all others the group of the nearest middle."""
    present = np.unique(groups)
    middles = _middles(rows[ids], groups, present)
    # argmin |row - middle|^2; a row's own length is the same for all middles
    found: NDArray[np.uint8] = present[
        (np.square(middles).sum(axis=1) - 2 * rows @ middles.T).argmin(axis=1)
    ]
    found[ids] = groups
    return found


def _distinctive(rows: Rows, groups: NDArray[np.uint8]) -> dict[int, Ids]:
    """For each group the ids of its N_NAMES words that its middle has most to itself."""
    present = np.unique(groups)
    cosines = finite_unit_rows(rows) @ finite_unit_rows(_middles(rows, groups, present)).T
    found = {}
    for column, group in enumerate(present):
        ids = np.flatnonzero(groups == group)
        ids = ids[: max(LEAST_NAMING, int(NAMING * len(ids)))]
        others = np.delete(cosines[ids], column, axis=1).max(axis=1, initial=-1)
        margin = cosines[ids, column] - others
        found[int(group)] = ids[np.argsort(-margin, kind="stable")[:N_NAMES]]
    return found
