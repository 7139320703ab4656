"""The folder of a served model, which is reopened when its files are replaced."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from embedtool.errors import EmbedtoolError, ModelError
from embedtool.messages import counted
from embedtool.model import store
from embedtool.search import ann
from embedtool.serving.endpoints import ServedModel

log = logging.getLogger(__name__)

Identity = tuple[tuple[int, int, int] | None, ...]
"""Inode, size and modification time of each file; None for a missing file."""


@dataclass
class ModelSource:
    """A model on disk, and its settings for serving.

    Attributes
    ----------
    has_index : bool
        Whether searches use the model's index.
    max_words, max_n : int
        As in `ServedModel`.
    last_tried : Identity
        The files that were last opened, or failed to open.
    """

    path: Path
    has_index: bool
    max_words: int
    max_n: int
    last_tried: Identity = field(default=(), init=False)

    def identity(self) -> Identity:
        """Return an identifier that changes if the model's files are replaced."""
        names = [*store.FILES, *([ann.DESCRIPTION, ann.GRAPH] * self.has_index)]
        return tuple(_stamp(self.path / name) for name in names)

    def is_replaced(self) -> bool:
        """Return whether there is a complete model that has not been opened yet."""
        identity = self.identity()
        return identity != self.last_tried and None not in identity[: len(store.FILES)]

    def summary(self, served: ServedModel) -> str:
        """Return a one-line description of the served model."""
        vectors, search = served.vectors, "approximate" if self.has_index else "exact"
        size = f"{counted(vectors.n_words, 'word')} x {vectors.vector_size}"
        return f"{self.path}: {size}, {search} search"

    def open(self) -> ServedModel:
        """Open the model, and its index if it has one.

        Raises
        ------
        ModelError
            If the model or its index cannot be opened.
        MissingExtraError
            If the index needs a package that is not installed.
        """
        self.last_tried = self.identity()
        model = store.load(self.path)
        index = ann.open_index(model.vectors, self.path) if self.has_index else None
        return ServedModel(
            model.vectors, index, self.max_words, self.max_n,
            self.path.resolve().name, store.checksum(model.description),
        )  # fmt: skip

    def open_replacement(self) -> ServedModel:
        """Verify the checksums of a new model, and open it. Raises as `open`."""
        self.last_tried = self.identity()
        fault = next(store.verify(self.path), None)
        if fault is None and self.has_index:
            fault = ann.verify(self.path)
        if fault:
            raise ModelError(fault if str(self.path) in fault else f"{self.path}: {fault}")
        return self.open()


@contextmanager
def log_failed_reload() -> Iterator[None]:
    """Log why a replacement cannot be opened, instead of raising: the previous model answers."""
    try:
        yield
    except (EmbedtoolError, OSError, MemoryError) as error:
        log.warning("%s; the previous model still answers", error)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns
