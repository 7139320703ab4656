"""A model in Python: its word vectors, and how they were made."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Self

from embedtool.api.word_vectors import WordVectors
from embedtool.formats import read as read_table
from embedtool.model import store
from embedtool.model.vectors import ModelRecord


@dataclass(frozen=True, eq=False, repr=False)
class Model(ModelRecord):
    """A model: its word vectors, how they were made, and its encoder if it has one."""

    @classmethod
    def of(cls, record: ModelRecord) -> Self:
        """Return the model of a record, whose vectors are shared."""
        return cls(record.vectors, record.description, record.encoder)

    @cached_property
    def wv(self) -> WordVectors:
        """The word vectors."""
        return WordVectors.of(self.vectors)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the model in a folder; see `embedtool.model.store.save`."""
        store.save(self, path, overwrite=overwrite)


def load(path: str | Path) -> Model:
    """Load a model from its folder; see `embedtool.model.store.load`."""
    return Model.of(store.load(path))


def read(path: str | Path) -> WordVectors:
    """Read the vectors of a file in any format; see `embedtool.formats.read`."""
    return WordVectors.of(read_table(path)[0])
