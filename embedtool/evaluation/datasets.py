"""Questions with known answers, by the name of a public dataset or from a file of one's own.

In: a name in the registry, or a path. Out: an AnalogySet, PairSet, CategorySet or OutlierSet.
"""

from pathlib import Path

from embedtool.errors import EvaluationError
from embedtool.evaluation.dataset_readers import (
    parse_analogies,
    parse_categories,
    parse_outliers,
    parse_pairs,
)
from embedtool.evaluation.fetching import locate
from embedtool.evaluation.registry import DatasetEntry, Task, registry
from embedtool.evaluation.tasks import AnalogySet, CategorySet, OutlierSet, PairSet
from embedtool.io.encodings import UTF8


def read_analogies(source: str | Path, encoding: str = UTF8) -> AnalogySet:
    """Analogy questions; the shapes of files are those of `reading.parse_analogies`.

    source   : the name of a dataset that is here, or a path
    encoding : of the file; public datasets are in UTF-8
    Raises EvaluationError where there is neither, where the dataset has another task or is not here
    yet or has changed, and, with file and line, where a file is in none of the shapes.
    """
    name, path, entry = _located(source, "analogies")
    if entry is not None:
        return parse_analogies(path, name, entry.kind)
    return parse_analogies(path, name, encoding=encoding)


def read_pairs(source: str | Path, encoding: str = UTF8) -> PairSet:
    """Scored pairs, as `read_analogies`; the shapes are those of `reading.parse_pairs`."""
    name, path, entry = _located(source, "pairs")
    return parse_pairs(path, name, encoding=UTF8 if entry else encoding)


def read_analogies_or_pairs(source: str | Path, encoding: str = UTF8) -> AnalogySet | PairSet:
    """Analogies or pairs: what the name stands for; a file that is not of pairs is of analogies."""
    entry = registry().get(source) if isinstance(source, str) else None
    if entry is not None:
        return read_analogies(source) if entry.task == "analogies" else read_pairs(source)
    try:
        return read_pairs(source, encoding)
    except EvaluationError as error:
        as_pairs = error
    try:
        return read_analogies(source, encoding)
    except EvaluationError as error:
        if str(error) == str(as_pairs):
            raise
        raise EvaluationError(f"{as_pairs}; or, if these are analogies, {error}") from None


def read_categories(source: str | Path, encoding: str = UTF8) -> CategorySet:
    """Words with categories, as `read_analogies`; the shapes are of `reading.parse_categories`."""
    name, path, entry = _located(source, "categories")
    return parse_categories(path, name, encoding=UTF8 if entry else encoding)


def read_outliers(source: str | Path, encoding: str = UTF8) -> OutlierSet:
    """Groups with outliers, as `read_analogies`; the shapes are of `reading.parse_outliers`."""
    name, path, entry = _located(source, "outliers")
    return parse_outliers(path, name, encoding=UTF8 if entry else encoding)


def _located(source: str | Path, task: Task) -> tuple[str, Path, DatasetEntry | None]:
    """A dataset's name and its file, and its entry where it is a public one."""
    entry = registry().get(source) if isinstance(source, str) else None
    if entry is None:
        path = Path(source)
        if not path.exists():
            raise EvaluationError(
                f"{source}: no such file, nor a dataset of {task}; see: embedtool datasets "
                f"--task {task}"
            )
        return path.name if path.is_dir() else path.stem, path, None
    if entry.task != task:
        raise EvaluationError(f"{source} is a dataset of {entry.task}, not of {task}")
    return entry.name, locate(entry), entry
