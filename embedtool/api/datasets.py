"""The public datasets, as a Python user lists and fetches them."""

from collections.abc import Iterator
from pathlib import Path

from embedtool.evaluation.fetching import fetch, is_available
from embedtool.evaluation.registry import DatasetEntry, Task, find_dataset, registry
from embedtool.io.progress import Report, silent
from embedtool.tables import Table, Tabular

COLUMNS = ("name", "task", "language", "items", "here", "licence")


class DatasetList(Tabular, tuple[DatasetEntry, ...]):
    """Public datasets, shown as a table; `here` says which can be used without a download."""

    def tables(self) -> Iterator[Table]:
        """Yield the table of the datasets."""
        rows = [
            (
                entry.name, entry.task, entry.language, entry.items,
                "yes" if is_available(entry) else "no", entry.licence,
            )
            for entry in self
        ]  # fmt: skip
        yield Table(COLUMNS, rows)


def list_datasets(task: Task | None = None) -> DatasetList:
    """Return the public datasets that `evaluate` and `compare` take by name.

    Parameters
    ----------
    task : {"analogies", "pairs", "categories", "outliers"}, optional
        Only datasets of this task.

    Returns
    -------
    DatasetList
        Entries with `name`, `task`, `title`, `source`, `url` and others, shown as a table.

    Examples
    --------
    >>> import embedtool
    >>> [dataset.name for dataset in embedtool.list_datasets("analogies")]
    ['google', 'msr', 'bats']
    """
    return DatasetList(entry for entry in registry().values() if task in (None, entry.task))


def fetch_dataset(name: str, *, force: bool = False, report: Report = silent) -> Path:
    """Download a public dataset unless it is available, and return the path of its file.

    Parameters
    ----------
    name : str
        A name of `list_datasets`.
    force : bool
        Download it again even if it is available.
    report : callable
        Called with the progress of the download.

    Raises
    ------
    EvaluationError
        If there is no such dataset, or the file is not the expected one.
    CorpusError
        If it cannot be downloaded.
    OutputError
        If it cannot be saved.
    """
    return fetch(find_dataset(name), force=force, report=report)
