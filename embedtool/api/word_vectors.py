"""Word vectors that answer queries: the object that `model.wv` and `embedtool.read` give."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from embedtool.model.vectors import VectorTable


@dataclass(frozen=True, eq=False, repr=False)
class WordVectors(VectorTable):
    """Word vectors, and the queries to them."""

    @classmethod
    def of(cls, table: VectorTable) -> Self:
        """Return the vectors of a table, whose arrays are shared."""
        vectors = cls.__new__(cls)
        vectors.__dict__.update(table.__dict__)
        return vectors

    def __getitem__(self, word: str) -> NDArray[np.float32]:
        return self.vector(word)
