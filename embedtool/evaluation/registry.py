"""The public datasets: what each asks, how large it is, where it lies and whose it is.

In: datasets.toml beside this file. Out: a DatasetEntry by name.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal, get_args
from urllib.parse import urlsplit

from embedtool.errors import EvaluationError
from embedtool.evaluation.tasks import Dataset

Task = Literal["analogies", "pairs", "categories", "outliers"]
TASKS: tuple[Task, ...] = get_args(Task)

REGISTRY = Path(__file__).with_name("datasets.toml")


@dataclass(frozen=True)
class DatasetEntry:
    """A public dataset; datasets.toml says what each field means."""

    name: str
    task: Task
    title: str
    language: str
    licence: str
    source: str
    wheel: str | None = None
    url: str | None = None
    sha256: str | None = None
    items: int | None = None
    groups: int | None = None
    kind: str | None = None

    @property
    def file(self) -> str:
        """The name that a download has in the cache, with the suffix that it has on the web."""
        return self.name + PurePosixPath(urlsplit(self.url or "").path).suffix

    def check(self, dataset: Dataset) -> None:
        """Raise EvaluationError unless `dataset` is as large as this one is known to be."""
        for there, known, what in zip(
            dataset.sizes, (self.items, self.groups), ("items", "groups"), strict=True
        ):
            if known is not None and there != known:
                raise EvaluationError(
                    f"{self.name}: the file holds {there:,} {what}, {known:,} were expected"
                )


@cache
def registry() -> Mapping[str, DatasetEntry]:
    """All public datasets by name, in the order of datasets.toml."""
    import tomllib

    with REGISTRY.open("rb") as file:
        return {
            name: DatasetEntry(name=name, **about) for name, about in tomllib.load(file).items()
        }


def find_dataset(name: str) -> DatasetEntry:
    """The dataset of this name; raises EvaluationError where there is none."""
    try:
        return registry()[name]
    except KeyError:
        raise EvaluationError(f"{name}: no such dataset; see: embedtool datasets") from None
