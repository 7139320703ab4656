"""Fetching pretrained vectors: a file is downloaded, verified, and made a model.

The folder of installed models gets a complete model or none. What has been downloaded is kept until
the model is saved, so that an interrupted download is continued.
"""

import logging
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import Any
from urllib.parse import quote, urlsplit

from embedtool import formats
from embedtool.config.base import check_whole
from embedtool.errors import (
    ConfigError,
    EmbedtoolError,
    FormatError,
    ModelError,
    OutputError,
)
from embedtool.formats.foreign import PAGE, what_else
from embedtool.formats.options import ReadOptions
from embedtool.io.checksums import sha256_of
from embedtool.io.deletion import delete
from embedtool.io.download import download
from embedtool.io.file_types import HEAD_BYTES
from embedtool.io.locks import lock_file
from embedtool.io.mirror import mirrored
from embedtool.io.progress import Report, silent
from embedtool.messages import counted
from embedtool.model import store
from embedtool.model.vectors import ModelRecord
from embedtool.pretrained.hub import fetch_repository
from embedtool.pretrained.installed import (
    DOWNLOADS,
    FOLDER_VARIABLE,
    check_space,
    folder_of,
    is_installed,
    models_folder,
)
from embedtool.pretrained.registry import HUB, Pretrained, find_pretrained

log = logging.getLogger(__name__)

STREAMED = {"word2vec", "word2vec-binary", "glove", "fasttext-vec"}
"""Formats of which the beginning can be read without the rest."""
FLOAT_BYTES = 4
MIN_SHARE = 0.9
"""Share of the published words that a file has at least; their number is often rounded."""


@dataclass(frozen=True)
class _Source:
    """Where vectors are read from, and what the description of the model says of it."""

    path: Path | str
    facts: dict[str, Any]


def get(
    name: str,
    *,
    max_words: int | None = None,
    overwrite: bool = False,
    report: Report = silent,
) -> Path:
    """Fetch a pretrained model unless it is installed, and return its folder.

    Parameters
    ----------
    name : str
        A name of the registry, or hf:OWNER/NAME.
    max_words : int, optional
        Keep only the first words.
    overwrite : bool
        Fetch it again if it is installed.
    report : Report
        Called with the progress.

    Raises
    ------
    ModelError
        If there is no such model, it is installed with another number of words, or another process
        is fetching it.
    CorpusError, FormatError
        If it cannot be downloaded, or is not the expected file.
    ResourceError, OutputError
        If it cannot be saved.
    """
    if max_words is not None:
        check_whole("max_words", max_words)
    entry = find_pretrained(name)
    folder = folder_of(entry.name)
    if is_installed(entry.name) and not overwrite:
        _check_same(entry.name, folder, max_words)
        return folder
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(
            f"{folder.parent}: cannot be made: {error.strerror}; choose another folder with "
            f"{FOLDER_VARIABLE}"
        ) from None
    store.check_target(folder, overwrite)
    with _downloads(entry.name) as downloads:
        if is_installed(entry.name) and not overwrite:  # by another process, meanwhile
            _check_same(entry.name, folder, max_words)
            return folder
        _check_space(entry, max_words)
        source = _source(entry, downloads, max_words, report)
        _warn_of_order(entry, max_words)
        record = _read(entry, source, max_words, report)
        store.save(record, folder, report, overwrite=True)
        delete(downloads)
    return folder


def _check_same(name: str, folder: Path, max_words: int | None) -> None:
    """Raise ModelError if a model is installed with another number of words than is asked for."""
    had = store.describe(folder).get("max_words")
    if had != max_words:
        what = "all its words" if had is None else f"max_words={had}"
        raise ModelError(
            f"{name}: is installed with {what}; fetch it again with overwrite=True",
            parameters=("max_words", "overwrite"),
        )


@contextmanager
def _downloads(name: str) -> Iterator[Path]:
    """Yield the folder for the files of a model, locked for this process."""
    folder = models_folder() / DOWNLOADS / quote(name, safe="")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f"{folder.name}.lock").open("ab")
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be written: {error.strerror}; choose another folder with "
            f"{FOLDER_VARIABLE}"
        ) from None
    with lock:
        try:
            lock_file(lock.fileno())
        except BlockingIOError:
            raise ModelError(f"{name}: another process is fetching it; wait for it") from None
        yield folder


def _check_space(entry: Pretrained, max_words: int | None) -> None:
    """Raise ResourceError if the disk has no room for the file and the model, as far as known."""
    words = min(filter(None, (entry.words, max_words)), default=0)
    needed = words * (entry.dimensions or 0) * FLOAT_BYTES
    if not _is_streamed(entry, max_words):
        needed += entry.size or 0
    check_space(entry.name, models_folder(), needed)


def _is_streamed(entry: Pretrained, max_words: int | None) -> bool:
    """Return whether only the beginning of the file is transferred."""
    return (
        max_words is not None
        and entry.by_frequency
        and entry.format in STREAMED
        and len(entry.members) < 2
    )


def _source(entry: Pretrained, downloads: Path, max_words: int | None, report: Report) -> _Source:
    """Return what the vectors are read from; it is complete and verified, or read as it comes."""
    if entry.url.startswith(HUB):
        path, facts = fetch_repository(entry.url, downloads, report)
        return _Source(path, facts)
    url = mirrored(entry.url)
    if _is_streamed(entry, max_words):
        return _Source(url, {"source": entry.url, "verified": "no, only its beginning was read"})
    path = downloads / PurePosixPath(urlsplit(entry.url).path).name
    if not path.exists():
        size = entry.size if entry.md5 else None  # others are rounded
        download(url, path, size=size, md5=entry.md5, report=report)
    verified = f"md5 {entry.md5}" if entry.md5 else "no, its publisher gives no checksum"
    return _Source(
        path, {"source": entry.url, "source_sha256": sha256_of(path), "verified": verified}
    )


def _warn_of_order(entry: Pretrained, max_words: int | None) -> None:
    if max_words is not None and not entry.by_frequency:
        log.warning(
            "%s: its words are not known to be in order of frequency: the first %s need not be the "
            "most frequent ones", entry.name, f"{max_words:,}",
        )  # fmt: skip


def _read(entry: Pretrained, source: _Source, max_words: int | None, report: Report) -> ModelRecord:
    """Return the model that a file holds; a downloaded file that is not as expected is deleted."""
    options = ReadOptions(
        scratch=models_folder(), limit=max_words, member=_member(entry.members, source.path),
        word_prefix=entry.word_prefix, report=report,
    )  # fmt: skip
    try:
        vectors, description = formats.read_described(source.path, entry.format, options)
        if entry.dimensions not in (None, vectors.vector_size):
            raise FormatError(
                f"the vectors have {vectors.vector_size} dimensions, {entry.dimensions} were "
                "expected"
            )
    except (FormatError, ConfigError) as error:  # ConfigError: no archive, so no member
        raise FormatError(
            f"{entry.url}: refused: {_reason(error, source.path, keep=entry.md5 is not None)}"
        ) from None
    if max_words is None and len(vectors.words) < MIN_SHARE * (entry.words or 0):
        log.warning(
            "%s: has %s, %s were published", entry.name, counted(len(vectors.words), "word"),
            f"{entry.words:,}",
        )  # fmt: skip
    known = {
        "name": entry.name, "language": entry.language, "licence": entry.licence,
        "citation": list(entry.citation), "page": entry.page, "max_words": max_words,
    }  # fmt: skip
    facts = {name: value for name, value in known.items() if value}
    return ModelRecord(vectors, description | facts | source.facts)


def _reason(error: EmbedtoolError, path: Path | str, *, keep: bool) -> str:
    """Return why a file is refused, and delete it, so that it is fetched again.

    A file whose checksum is right is kept, as it would come no better.
    """
    if not isinstance(path, Path):
        return str(error)
    kind = None
    if path.is_file():  # not a folder of a repository
        with path.open("rb") as file:
            head = file.read(HEAD_BYTES)
        kind = what_else(head) if PAGE.match(head) else None
    if not keep:
        delete(path)
    return kind or str(error).removeprefix(str(path)).lstrip(":, ")


def _member(patterns: Sequence[str], path: Path | str) -> str | None:
    """Return the pattern of the file to read in an archive: the first that matches one."""
    if len(patterns) > 1 and isinstance(path, Path) and zipfile.is_zipfile(path):
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
        for pattern in patterns:
            if any(fnmatchcase(PurePosixPath(name).name, pattern) for name in names):
                return pattern
    return patterns[0] if patterns else None
