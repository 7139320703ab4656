"""Download and location of public datasets; a file is verified at every use."""

from collections.abc import Iterable
from pathlib import Path

from embedtool.corpus.recipes import in_package
from embedtool.errors import Call, EvaluationError, OutputError
from embedtool.evaluation.dataset_readers import PARSERS
from embedtool.evaluation.registry import DatasetEntry
from embedtool.io.atomic import atomic_write
from embedtool.io.cache import user_cache
from embedtool.io.checksums import mismatch, sha256_of
from embedtool.io.download import download
from embedtool.io.mirror import mirrored
from embedtool.io.progress import Report, silent


def cache_folder() -> Path:
    """Return the cache of fetched datasets."""
    return user_cache("datasets")


def is_available(entry: DatasetEntry, folder: Path | None = None) -> bool:
    """Return whether a dataset can be used without fetching it."""
    path = _path(entry, folder)
    fetched = path.is_file() and _checksum(path).is_file()
    return fetched or _packaged(entry) is not None


def check_available(entries: Iterable[DatasetEntry], folder: Path | None = None) -> None:
    """Raise one EvaluationError for all the datasets that have to be fetched first."""
    names = [entry.name for entry in entries if not is_available(entry, folder)]
    if names:
        python = "; ".join(map(_call, names))
        get = Call(python, f"embedtool datasets get {' '.join(names)}")
        verb = "is" if len(names) == 1 else "are"
        raise EvaluationError(f"{', '.join(names)} {verb} not available; run: {get}", call=get)


def locate(entry: DatasetEntry, folder: Path | None = None) -> Path:
    """Return the file of a dataset, verified.

    Parameters
    ----------
    folder : Path, optional
        The cache; by default `cache_folder()`.

    Raises
    ------
    EvaluationError
        If it is not available, or has changed since it was fetched.
    """
    if packaged := _packaged(entry):
        return packaged
    check_available([entry], folder)
    path = _path(entry, folder)
    checksum = entry.sha256 or _saved_checksum(path)
    if fault := mismatch(path, {"bytes": None, "sha256": checksum}):
        again = Call(
            _call(entry.name, ", force=True"), f"embedtool datasets get --force {entry.name}"
        )
        raise EvaluationError(
            f"{path}: has changed since it was fetched: it {fault}; run: {again}", call=again
        )
    return path


def fetch(
    entry: DatasetEntry, *, folder: Path | None = None, force: bool = False, report: Report = silent
) -> Path:
    """Fetch a dataset unless it is available, and return the path of its file, verified.

    One that an installed package holds is never fetched. A fetched file must be readable and have
    the expected size. Its checksum is saved beside it and verified at every later use.

    Parameters
    ----------
    folder : Path, optional
        The cache; by default `cache_folder()`.
    force : bool
        Fetch it again. The earlier file is kept until the new one is verified.
    report : Report
        Receives the progress of the download.

    Raises
    ------
    CorpusError
        If it cannot be downloaded.
    EvaluationError
        If it is not the expected dataset.
    OutputError
        If it cannot be saved.
    """
    if _packaged(entry) or (is_available(entry, folder) and not force):
        return locate(entry, folder)
    path = _path(entry, folder)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{path.parent}: cannot be made: {error.strerror}; choose another with XDG_CACHE_HOME"
        ) from None
    fresh = path.with_name(f"new-{path.name}")
    download(mirrored(entry.url), fresh, sha256=entry.sha256, report=report)
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


def _path(entry: DatasetEntry, folder: Path | None) -> Path:
    """Return the path of a fetched dataset, which may not exist."""
    return (folder or cache_folder()) / entry.file


def _packaged(entry: DatasetEntry) -> Path | None:
    """Return the file of a dataset in an installed package, if it has the expected checksum.

    gensim's package for Windows has other line ends.
    """
    path = in_package(entry.wheel) if entry.wheel else None
    if path is None or mismatch(path, {"bytes": None, "sha256": entry.sha256}):
        return None
    return path


def _call(name: str, options: str = "") -> str:
    """Return the call that fetches a dataset."""
    return f"embedtool.fetch_dataset({name!r}{options})"


def _checksum(path: Path) -> Path:
    """Return the file with the checksum of a fetched file, in the format of `sha256sum -c`."""
    return path.with_name(f"{path.name}.sha256")


def _saved_checksum(path: Path) -> str | None:
    return (
        _checksum(path).read_text("utf-8").partition(" ")[0] if _checksum(path).is_file() else None
    )
