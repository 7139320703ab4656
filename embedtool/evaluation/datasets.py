"""Evaluation datasets, by the name of a public dataset or from a file."""

from collections.abc import Callable, Sequence
from pathlib import Path

from embedtool.errors import Call, EvaluationError
from embedtool.evaluation.analogy_reader import parse_analogies
from embedtool.evaluation.dataset_readers import parse_categories, parse_outliers, parse_pairs
from embedtool.evaluation.fetching import check_available, locate
from embedtool.evaluation.registry import TASKS, DatasetEntry, Task, registry
from embedtool.evaluation.tasks import AnalogySet, CategorySet, Dataset, OutlierSet, PairSet
from embedtool.io.encodings import UTF8

DEFAULT_ANALOGIES = ("google",)
DEFAULT_PAIRS = ("wordsim353", "simlex999")


def read_datasets(
    analogies: Sequence[str] = (),
    pairs: Sequence[str] = (),
    categories: Sequence[str] = (),
    outliers: Sequence[str] = (),
    encoding: str = UTF8,
) -> list[Dataset]:
    """Read datasets of several tasks; by default the Google analogies and two sets of pairs.

    Parameters
    ----------
    analogies, pairs, categories, outliers : sequence of str
        Names or files of datasets.
    encoding : str
        The codec of files; public datasets are in UTF-8.

    Returns
    -------
    list of Dataset
        Analogies first, then pairs, categories and outliers.

    Raises
    ------
    EvaluationError
        If a dataset cannot be read.
    """
    if not (analogies or pairs or categories or outliers):
        analogies, pairs = DEFAULT_ANALOGIES, DEFAULT_PAIRS
    asked = zip(TASKS, (analogies, pairs, categories, outliers), strict=True)
    public = [(task, registry().get(source)) for task, sources in asked for source in sources]
    check_available(entry for task, entry in public if entry and entry.task == task)
    return [
        *(read_analogies(source, encoding) for source in analogies),
        *(read_pairs(source, encoding) for source in pairs),
        *(read_categories(source, encoding) for source in categories),
        *(read_outliers(source, encoding) for source in outliers),
    ]


def read_dataset(source: str | Path, task: Task | None = None, encoding: str = UTF8) -> Dataset:
    """Read a dataset of any task.

    Parameters
    ----------
    source : str or Path
        The name of a public dataset, or a path.
    task : str, optional
        "analogies", "pairs", "categories" or "outliers"; by default that of the public dataset,
        and for a file analogies or pairs.
    encoding : str
        The codec of a file.

    Raises
    ------
    EvaluationError
        As `read_analogies`; if there is no such task.
    """
    entry = registry().get(source) if isinstance(source, str) else None
    if entry is not None and task is None:
        task = entry.task
    if task is None:
        return read_analogies_or_pairs(source, encoding)
    if task not in READERS:
        raise EvaluationError(
            f"task must be {', '.join(READERS)}, not {task!r}", parameters=("task",)
        )
    return READERS[task](source, encoding)


def read_analogies(source: str | Path, encoding: str = UTF8) -> AnalogySet:
    """Read analogy questions.

    Parameters
    ----------
    source : str or Path
        The name of a public dataset that was fetched, or a path; the formats of files are those of
        `analogy_reader.parse_analogies`.
    encoding : str
        The codec of the file; public datasets are in UTF-8.

    Returns
    -------
    AnalogySet

    Raises
    ------
    EvaluationError
        If there is no such dataset or file; if the dataset is for another task, is not fetched yet
        or has changed; if a file has none of the formats (with file and line).
    """
    name, path, entry = _located(source, "analogies")
    if entry is not None:
        return parse_analogies(path, name, entry.kind)
    return parse_analogies(path, name, encoding=encoding)


def read_pairs(source: str | Path, encoding: str = UTF8) -> PairSet:
    """Read word pairs, as `read_analogies`, in the format of `parse_pairs`."""
    name, path, entry = _located(source, "pairs")
    return parse_pairs(path, name, encoding=UTF8 if entry else encoding)


def read_analogies_or_pairs(source: str | Path, encoding: str = UTF8) -> AnalogySet | PairSet:
    """Read analogies or pairs, as `read_analogies`; a file is tried as pairs first."""
    entry = registry().get(source) if isinstance(source, str) else None
    if entry is not None:
        return read_analogies(source) if entry.task == "analogies" else read_pairs(source)
    if not Path(source).exists():
        call = Call("embedtool.list_datasets()", "embedtool datasets")
        raise _not_found(source, "analogies or pairs", call)
    try:
        return read_pairs(source, encoding)
    except EvaluationError as error:
        as_pairs = error
    try:
        return read_analogies(source, encoding)
    except EvaluationError as error:
        if str(error) == str(as_pairs):
            raise
        raise EvaluationError(
            f"{as_pairs}; or, if these are analogies, {error}",
            parameters=(*as_pairs.parameters, *error.parameters),
        ) from None


def read_categories(source: str | Path, encoding: str = UTF8) -> CategorySet:
    """Read categories, as `read_analogies`, in the formats of `parse_categories`."""
    name, path, entry = _located(source, "categories")
    return parse_categories(path, name, encoding=UTF8 if entry else encoding)


def read_outliers(source: str | Path, encoding: str = UTF8) -> OutlierSet:
    """Read outlier groups, as `read_analogies`, in the formats of `parse_outliers`."""
    name, path, entry = _located(source, "outliers")
    return parse_outliers(path, name, encoding=UTF8 if entry else encoding)


READERS: dict[str, Callable[[str | Path, str], Dataset]] = {
    "analogies": read_analogies,
    "pairs": read_pairs,
    "categories": read_categories,
    "outliers": read_outliers,
}
"""The function that reads a dataset of each task."""


def _not_found(source: str | Path, tasks: str, call: Call) -> EvaluationError:
    return EvaluationError(
        f"{source}: no such file, nor a dataset of {tasks}; see: {call}", call=call
    )


def _located(source: str | Path, task: Task) -> tuple[str, Path, DatasetEntry | None]:
    """Return the name of a dataset, its file and, for a public one, its entry."""
    entry = registry().get(source) if isinstance(source, str) else None
    if entry is None:
        path = Path(source)
        if not path.exists():
            call = Call(f"embedtool.list_datasets({task!r})", f"embedtool datasets --task {task}")
            raise _not_found(source, task, call)
        return path.name if path.is_dir() else path.stem, path, None
    if entry.task != task:
        raise EvaluationError(f"{source} is a dataset of {entry.task}, not of {task}")
    return entry.name, locate(entry), entry
