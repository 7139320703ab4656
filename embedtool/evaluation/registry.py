"""The public datasets of datasets.toml: task, size, source and licence of each."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Literal, get_args
from urllib.parse import urlsplit

from embedtool.errors import Call, EvaluationError
from embedtool.evaluation.tasks import Dataset

Task = Literal["analogies", "pairs", "categories", "outliers"]
TASKS: tuple[Task, ...] = get_args(Task)

REGISTRY = Path(__file__).with_name("datasets.toml")


@dataclass(frozen=True)
class DatasetEntry:
    """A public dataset; datasets.toml describes each field."""

    name: str
    task: Task
    title: str
    language: str
    licence: str
    source: str
    url: str
    wheel: str | None = None
    sha256: str | None = None
    items: int | None = None
    groups: int | None = None
    kind: str | None = None

    @property
    def file(self) -> str:
        """The file name of a download in the cache, with the suffix of its URL."""
        return self.name + PurePosixPath(urlsplit(self.url).path).suffix

    def check(self, dataset: Dataset) -> None:
        """Raise EvaluationError unless `dataset` has the expected size."""
        for size, expected, what in zip(
            dataset.sizes, (self.items, self.groups), ("items", "groups"), strict=True
        ):
            if expected is not None and size != expected:
                raise EvaluationError(
                    f"{self.name}: the file holds {size:,} {what}, {expected:,} were expected"
                )


@cache
def registry() -> Mapping[str, DatasetEntry]:
    """Return all public datasets by name, in the order of datasets.toml."""
    import tomllib

    with REGISTRY.open("rb") as file:
        entries = tomllib.load(file)
    return {name: DatasetEntry(name=name, **fields) for name, fields in entries.items()}


def find_dataset(name: str) -> DatasetEntry:
    """Return the dataset of this name; raise EvaluationError if there is none."""
    try:
        return registry()[name]
    except KeyError:
        call = Call("embedtool.list_datasets()", "embedtool datasets")
        raise EvaluationError(f"{name}: no such dataset; see: {call}", call=call) from None
