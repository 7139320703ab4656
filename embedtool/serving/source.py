"""Where a served model comes from, and whether another has taken its place there.

In: a model's folder. Out: what is served of it, and again when the folder has been replaced.
"""

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
"""Inode, size and time of change of each file; None of one that is not there."""


@dataclass
class ModelSource:
    """A model on disk, and how it is to be served.

    has_index : whether searches use the model's index
    tried     : the files that were opened last, or could not be
    """

    path: Path
    has_index: bool
    max_words: int
    max_n: int
    tried: Identity = field(default=(), init=False)

    def identity(self) -> Identity:
        """What tells the files of a model from those of another under the same name."""
        names = [*store.FILES, *([ann.DESCRIPTION, ann.GRAPH] * self.has_index)]
        return tuple(_stamp(self.path / name) for name in names)

    def is_replaced(self) -> bool:
        """Whether there is a model that has not been tried yet."""
        there = self.identity()
        return there != self.tried and None not in there[: len(store.FILES)]

    def summary(self, served: ServedModel) -> str:
        """What is served, in one line."""
        vectors, search = served.vectors, "approximate" if self.has_index else "exact"
        size = f"{counted(vectors.n_words, 'word')} x {vectors.vector_size}"
        return f"{self.path}: {size}, {search} search"

    def open(self) -> ServedModel:
        """The model, and its index where that is wanted. Raises ModelError, MissingExtraError."""
        self.tried = self.identity()
        model = store.load(self.path)
        index = ann.open_index(model.vectors, self.path) if self.has_index else None
        return ServedModel(
            model.vectors, index, self.max_words, self.max_n,
            self.path.resolve().name, store.checksum(model.description),
        )  # fmt: skip

    def open_replacement(self) -> ServedModel:
        """The model, read whole and compared with its checksums. Raises as `open`."""
        self.tried = self.identity()
        fault = next(store.verify(self.path), None)
        if fault is None and self.has_index:
            fault = ann.verify(self.path)
        if fault:
            raise ModelError(fault if str(self.path) in fault else f"{self.path}: {fault}")
        return self.open()


@contextmanager
def log_failed_reload() -> Iterator[None]:
    """Log why a replacement cannot be opened: then it is not, and the model before it answers."""
    try:
        yield
    except (EmbedtoolError, OSError, MemoryError) as error:
        log.warning("%s; the model that was opened before still answers", error)


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        about = path.stat()
    except OSError:
        return None
    return about.st_ino, about.st_size, about.st_mtime_ns
