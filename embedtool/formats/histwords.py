"""HistWords: the vectors of each decade, an array and a pickled list of words.

The list is parsed by our own code, and nothing of it is run.

References
----------
Hamilton et al. 2016, "Diachronic word embeddings reveal statistical laws of semantic change"; the
files `1990-w.npy` and `1990-vocab.pkl` in the folders `sgns` and `svd` of its archives.
"""

import logging
import re
import zipfile
import zlib
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.array_builder import ArrayBuilder, check_expansion
from embedtool.formats.named_arrays import from_arrays
from embedtool.formats.npz import file_array, member_array
from embedtool.formats.options import ReadOptions
from embedtool.formats.pickle_parser import load
from embedtool.io.blocks import BLOCK_BYTES, row_slices
from embedtool.io.file_types import ZIP
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

ROWS, WORDS = "-w.npy", "-vocab.pkl"
"""How the names of the two files end; both begin with the decade."""
DECADE = re.compile(rf"(?:.*/)?([^/]+){re.escape(ROWS)}")
FOLDERS = ("*", "*/*")
"""Where the files are in a folder: in itself, or in `sgns`."""
MAX_SHOWN = 30


def decades_in(path: Path) -> dict[str, str]:
    """Return the decades in a folder, a zip archive or a file of vectors.

    Returns
    -------
    dict of str to str
        The name of the file of vectors in `path` without its ending, such as `sgns/1990`, and the
        decade. Empty if these are no HistWords.
    """
    if path.is_dir():
        names = [
            file.relative_to(path).as_posix()
            for pattern in FOLDERS
            for file in sorted(path.glob(f"{pattern}{ROWS}"))
        ]
        known = {name for name in names if path.joinpath(_words_name(name)).is_file()}
    elif path.name.endswith(ROWS):
        names = [path.name]
        known = {name for name in names if path.with_name(_words_name(name)).is_file()}
    else:
        names = _member_names(path)
        known = {name for name in names if _words_name(name) in names}
    return {
        name.removesuffix(ROWS): match[1]
        for name in names
        if name in known and (match := DECADE.fullmatch(name))
    }


def _member_names(path: Path) -> list[str]:
    """Return the names in a zip archive; none if it is no such archive."""
    with path.open("rb") as file:
        if file.read(len(ZIP)) != ZIP:
            return []
        try:
            with zipfile.ZipFile(file) as archive:
                return sorted(archive.namelist())
        except (zipfile.BadZipFile, NotImplementedError, ValueError):
            return []


def _words_name(name: str) -> str:
    return name.removesuffix(ROWS) + WORDS


def read(path: Path, options: ReadOptions) -> VectorTable:
    """Read the vectors of the decade `options.member`. Words without one there are left out.

    Raises
    ------
    FormatError
        If the decade is not there or not chosen, or its files are damaged.
    """
    decades = decades_in(path)
    if not decades:
        raise FormatError(
            f"{path}: holds no pair of files such as 1990{ROWS} and 1990{WORDS}, as HistWords does"
        )
    stem = _chosen(path, decades, options.member)
    if path.is_dir():
        vocabulary = path / f"{stem}{WORDS}"
        content, rows = vocabulary.read_bytes(), file_array(path / f"{stem}{ROWS}")
    elif path.name.endswith(ROWS):
        vocabulary = path.with_name(f"{stem}{WORDS}")
        content, rows = vocabulary.read_bytes(), file_array(path)
    else:
        vocabulary = path / f"{stem}{WORDS}"
        content, rows = _from_archive(path, stem, options)
    words = _words(vocabulary, content, options)
    is_matrix = rows.ndim == 2 and rows.shape[1] > 0 and rows.dtype.kind == "f"
    if not is_matrix or len(rows) != len(words):
        raise FormatError(
            f"{path}: {counted(len(words), 'word')} in {stem}{WORDS}, but an array of the shape "
            f"{' x '.join(map(str, rows.shape))} in {stem}{ROWS}"
        )
    return _without_zeros(path, decades[stem], words, rows, options)


def _chosen(path: Path, decades: dict[str, str], member: str | None) -> str:
    """Return the name of the decade that is meant."""
    found = [
        stem
        for stem, decade in decades.items()
        if member is None
        or any(fnmatchcase(name, member) for name in (decade, stem, f"{stem}{ROWS}"))
    ]
    if len(found) == 1:
        return found[0]
    shown = found or list(decades)
    names = ", ".join(shown[:MAX_SHOWN]) + (", ..." if len(shown) > MAX_SHOWN else "")
    what = f"has no decade {member!r}" if not found else f"holds {len(found)} decades"
    raise FormatError(f"{path}: {what}; choose one with member: {names}", parameters=("member",))


def _from_archive(path: Path, stem: str, options: ReadOptions) -> tuple[bytes, NDArray[Any]]:
    """Return the pickled words and the array in a zip archive."""
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            member = archive.getinfo(f"{stem}{WORDS}")
            check_expansion(path, member.filename, member.compress_size, member.file_size)
            with archive.open(member) as stream:
                content = b"".join(iter(lambda: stream.read(BLOCK_BYTES), b""))
            name = f"{stem}{ROWS}".removesuffix(".npy")
            return content, member_array(path, file, archive, name, options)
    except (ValueError, zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError,
            RuntimeError) as error:  # fmt: skip
        raise FormatError(f"{path}: cannot be read as a zip archive: {error}") from None


def _words(path: Path, content: bytes, options: ReadOptions) -> list[str]:
    """Return the words of a pickled list, strings or bytes of Python 2."""
    values = load(path, content)
    if not isinstance(values, list) or not values:
        raise FormatError(f"{path}: is not a pickled list of words")
    words = []
    for number, word in enumerate(values, 1):
        if isinstance(word, bytes):
            word = options.text(word, f"{path}: word {number:,}")
        if not isinstance(word, str):
            raise FormatError(f"{path}: value {number:,} of the list is not a word")
        words.append(word)
    return words


def _without_zeros(
    path: Path, decade: str, words: list[str], rows: NDArray[Any], options: ReadOptions
) -> VectorTable:
    """Return the rows that are not all zeros: a word that a decade does not have has zeros."""
    used = np.empty(len(rows), np.bool_)
    with ArrayBuilder(options) as table:
        for block in row_slices(len(rows), rows[:1].nbytes):
            used[block] = rows[block].any(axis=1)
            table.append(rows[block][used[block]])
        matrix = table.array(rows.shape[1])
    n_left_out = int((~used).sum())
    if n_left_out == len(words):
        raise FormatError(f"{path}: no word has a vector in {decade}")
    if n_left_out:
        verbs = ("has", "is") if n_left_out == 1 else ("have", "are")
        log.warning(
            "%s: %s %s no vector in %s and %s left out",
            path, counted(n_left_out, "word"), verbs[0], decade, verbs[1],
        )  # fmt: skip
    kept = [words[row] for row in np.flatnonzero(used).tolist()]
    return from_arrays(path, kept, {"vectors": matrix}, options)
