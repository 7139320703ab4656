"""What a map shows of a model: its most frequent words, where they stand, and their groups.

In: WordVectors. Out: a MapData, each of whose arrays is worked out when it is first asked for.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.analysis.projection import (
    LEADING,
    Rows,
    finite_unit_rows,
    layout,
    principal_components,
)
from embedtool.analysis.projection_cache import cached_layout
from embedtool.config.choices import Layout
from embedtool.errors import QueryError
from embedtool.io.progress import Report, silent
from embedtool.mapview.groups import Groups
from embedtool.model.linalg import int8_rows
from embedtool.model.vectors import WordVectors


class MapData:
    """A model on a map.

    name    : how the map calls it
    n_words : how many of the model's words are shown, the most frequent first
    method  : of `layout`
    folder  : the model's, beside whose files the layout is kept; None: it is not
    """

    def __init__(
        self,
        name: str,
        vectors: WordVectors,
        most: int,
        method: Layout,
        seed: int,
        folder: Path | None = None,
        report: Report = silent,
    ) -> None:
        if not vectors.n_words:
            raise QueryError(f"{name}: a model without words has no map")
        vectors.check_order(most)
        self.name = name
        self.n_words = min(most, vectors.n_words)
        self.n_words_of_model = vectors.n_words
        self.method = method
        self.seed = seed
        self._vectors = vectors
        self._folder = folder
        self._report = report
        self._grouping, self._place = Groups([self], seed), 0

    @property
    def vector_size(self) -> int:
        """The numbers of a vector."""
        return self._vectors.vector_size

    @property
    def words(self) -> list[str]:
        """The words, most frequent first."""
        return list(self._vectors.words[: self.n_words])

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """How often the words occur, int64 (n_words,), where it is known."""
        counts = self._vectors.counts
        return None if counts is None else counts[: self.n_words]

    @cached_property
    def units(self) -> Rows:
        """The directions of the words, float32 (n_words, vector_size)."""
        return finite_unit_rows(np.asarray(self._vectors.matrix[: self.n_words], dtype=np.float32))

    @property
    def int8_directions(self) -> NDArray[np.int8]:
        """The directions in 255 levels, int8 (n_words, vector_size), a row's largest number 127.

        Cosines of such rows are those of the vectors to about 0.001.
        """
        return int8_rows(self.units)[0]

    @cached_property
    def leading(self) -> Rows:
        """The first principal components of the directions, float32 (n_words, at most LEADING)."""
        return principal_components(self.units, max(2, min(LEADING, self.vector_size)))

    @cached_property
    def pca_2d(self) -> Rows:
        """The words in the plane of the first two of them, float32 (n_words, 2)."""
        return self.leading[:, :2].copy()

    @cached_property
    def points(self) -> Rows:
        """Where the words stand by `method`, float32 (n_words, 2)."""
        if self.method == "pca":
            return self.pca_2d
        if self._folder is None:
            return layout(self.units, self.method, self.seed, self._report)
        return cached_layout(self.units, self.method, self.seed, self._folder, self._report)

    @property
    def groups(self) -> NDArray[np.uint8]:
        """The group of each word, uint8 (n_words,), the largest group first."""
        return self._grouping.of_words[self._place]

    @property
    def group_names(self) -> list[list[str]]:
        """For each group of this model and those it shares groups with, the words that name it."""
        return self._grouping.names


def share_groups(models: Sequence[MapData]) -> None:
    """Have the models of a map one grouping of words, so that a colour means one thing."""
    grouping = Groups(models, models[0].seed)
    for i, model in enumerate(models):
        model._grouping, model._place = grouping, i
