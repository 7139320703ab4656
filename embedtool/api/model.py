"""A model in Python: its word vectors, and how they were made."""

from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from embedtool.api.arguments import check_names
from embedtool.api.word_vectors import WordVectors
from embedtool.messages import counted
from embedtool.model import store
from embedtool.model.description import facts
from embedtool.model.vectors import ModelRecord
from embedtool.pretrained.installed import model_path
from embedtool.tables import Table

OF_FILES = {"format", "files", "checksum", "versions"}
"""Entries of a description that a notebook does not show: they are about the files."""


@dataclass(frozen=True, eq=False, repr=False)
class Model(ModelRecord):
    """A model: its word vectors, how they were made, and its encoder if it has one.

    `embedtool.load` and training return it.

    Examples
    --------
    >>> import embedtool
    >>> model = embedtool.load("model")
    >>> model
    Model(algorithm='word2vec', n_words=2359, vector_size=100)
    >>> model.description["options"]["mode"]
    'skipgram'
    >>> model.wv.most_similar("king", topn=1)[0].word
    'queen'
    """

    @classmethod
    def of(cls, record: ModelRecord) -> Self:
        """Return the model of a record, whose vectors are shared."""
        return cls(record.vectors, record.description, record.encoder)

    @cached_property
    def wv(self) -> WordVectors:
        """The word vectors, which answer queries."""
        return WordVectors.of(self.vectors, self.description)

    @property
    def algorithm(self) -> str | None:
        """How the vectors were made: "word2vec", "fasttext", "glove", "imported" and others."""
        return self.description.get("algorithm")

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Save the model in a folder, completely or not at all.

        Parameters
        ----------
        path : str or Path
            The folder.
        overwrite : bool
            Replace the model there. Nothing that is not a model is ever replaced.

        Raises
        ------
        ModelError
            If something is there that is not a model, or a model that is not to be overwritten.
        OutputError
            If the folder cannot be written.
        """
        store.save(self, path, overwrite=overwrite)

    def __repr__(self) -> str:
        wv = self.vectors
        return (
            f"Model(algorithm={self.algorithm!r}, n_words={wv.n_words}, "
            f"vector_size={wv.vector_size})"
        )

    def _repr_html_(self) -> str:
        """Return what the model is and how it was made: the facts of `embedtool info`."""
        vectors = self.vectors
        title = f"{self.algorithm}: {counted(vectors.n_words, 'word')} x {vectors.vector_size}"
        known = {name: value for name, value in self.description.items() if name not in OF_FILES}
        description = {"sizes": store.sizes(vectors), **known}
        return Table(("", ""), facts(description), title).html()


def load(path: str | Path) -> Model:
    """Open a model; its vectors stay on disk until they are used.

    Parameters
    ----------
    path : str or Path
        The folder, or the name of an installed model.

    Raises
    ------
    ModelError
        If `path` is not a model, or its files do not fit each other.
    """
    return Model.of(store.load(model_path(path)))


def read(path: str | Path, format: str | None = None, **options: Any) -> WordVectors:
    """Read the vectors of a file that another tool wrote.

    Parameters
    ----------
    path : str or Path
        The file or folder.
    format : str, optional
        Name of the format; by default detected by content.
    **options
        The fields of `ReadOptions`, such as ``encoding="latin-1"``.

    Returns
    -------
    WordVectors
        By decreasing count, if counts are known.

    Raises
    ------
    FormatError
        If the file is not valid; the message has the file and the line or byte.
    ConfigError
        If the format has no use for an option.
    """
    from embedtool import formats
    from embedtool.formats.options import ReadOptions

    check_names("read", options, (each.name for each in fields(ReadOptions)))
    reading = ReadOptions(**options)
    vectors, description = formats.read_described(path, format, reading)
    return WordVectors.of(vectors, description)
