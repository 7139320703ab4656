"""The data of a map: a model's most frequent words, their positions in the plane, their groups."""

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
from embedtool.mapview.clusters import Groups
from embedtool.model.linalg import int8_rows
from embedtool.model.vectors import VectorTable


class MapData:
    """A model on a map; arrays are computed on first use.

    Parameters
    ----------
    name : str
        The name that the map shows.
    max_words : int
        Number of most frequent words shown.
    method, seed
        As for `analysis.projection.layout`.
    folder : Path
        The model's folder, where the layout is cached; None to not cache it.
    """

    def __init__(
        self,
        name: str,
        vectors: VectorTable,
        max_words: int,
        method: Layout,
        seed: int,
        folder: Path | None = None,
        report: Report = silent,
    ) -> None:
        if not vectors.n_words:
            raise QueryError(f"{name}: a model without words has no map")
        vectors.check_order(max_words)
        self.name = name
        self.n_words = min(max_words, vectors.n_words)
        self.n_words_of_model = vectors.n_words
        self.method = method
        self.seed = seed
        self._vectors = vectors
        self._folder = folder
        self._report = report
        self._grouping, self._index = Groups([self], seed), 0

    @property
    def vector_size(self) -> int:
        return self._vectors.vector_size

    @property
    def words(self) -> list[str]:
        """The words, most frequent first."""
        return list(self._vectors.words[: self.n_words])

    @property
    def counts(self) -> NDArray[np.int64] | None:
        """The frequencies of the words, int64 (n_words,), if they are known."""
        counts = self._vectors.counts
        return None if counts is None else counts[: self.n_words]

    @cached_property
    def units(self) -> Rows:
        """The unit vectors of the words, float32 (n_words, vector_size)."""
        return finite_unit_rows(np.asarray(self._vectors.rows[: self.n_words], dtype=np.float32))

    @property
    def int8_directions(self) -> NDArray[np.int8]:
        """The vectors, each scaled to a maximum of 127 and rounded, int8 (n_words, vector_size).

        Their cosines are accurate to about 0.001.
        """
        return int8_rows(self.units)[0]

    @cached_property
    def leading(self) -> Rows:
        """The first principal components of the unit vectors, float32 (n_words, <= LEADING)."""
        return principal_components(self.units, max(2, min(LEADING, self.vector_size)))

    @cached_property
    def pca_2d(self) -> Rows:
        """The first two principal components, float32 (n_words, 2)."""
        return self.leading[:, :2].copy()

    @cached_property
    def points(self) -> Rows:
        """The positions of the words by the layout `method`, float32 (n_words, 2)."""
        if self.method == "pca":
            return self.pca_2d
        if self._folder is None:
            return layout(self.units, self.method, self.seed, self._report)
        return cached_layout(self.units, self.method, self.seed, self._folder, self._report)

    @property
    def groups(self) -> NDArray[np.uint8]:
        """The group of each word, uint8 (n_words,), the largest group first."""
        return self._grouping.labels[self._index]

    @property
    def group_names(self) -> list[list[str]]:
        """The words that name each group of the map."""
        return self._grouping.names


def share_groups(models: Sequence[MapData]) -> None:
    """Give the models of a map the same groups, so that colours mean the same in both."""
    grouping = Groups(models, models[0].seed)
    for i, model in enumerate(models):
        model._grouping, model._index = grouping, i
