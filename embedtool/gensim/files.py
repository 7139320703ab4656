"""What the classes share when they save and load."""

import logging
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool import formats
from embedtool.errors import DamagedError, FormatError
from embedtool.formats.foreign import check_is_not_foreign, saved_kind
from embedtool.formats.options import EncodingErrors
from embedtool.formats.source import Source
from embedtool.gensim.errors import DamagedFileError, UnsupportedError
from embedtool.io.deletion import temporary_directory
from embedtool.model import store
from embedtool.model.vectors import VectorTable
from embedtool.pretrained.installed import model_path

log = logging.getLogger(__name__)

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
"""Suffixes of the files that gensim decompresses and compresses."""
NAMES = {
    ("format", "format='glove'"): ("no_header", "no_header=True"),
    ("encoding_errors", "encoding_errors"): ("unicode_errors", "unicode_errors"),
}
"""Parameters of embedtool's readers with the advice in messages, and those of gensim."""


def is_saved_by_gensim(path: str | Path) -> bool:
    """Return whether a file is one that gensim saved."""
    return Path(path).is_file() and saved_kind(Path(path)) is not None


def check_no_pickle(path: str | Path) -> None:
    """Raise FormatError if a file is a pickle, as gensim's are."""
    if is_saved_by_gensim(path):
        raise FormatError(
            f"{path}: is a file that gensim saved, whose training cannot be continued; read its "
            "vectors with KeyedVectors.load"
        )
    if Path(path).is_file():
        check_is_not_foreign(Source(Path(path)), None)


def saved_vectors(path: str | Path) -> VectorTable:
    """Return the vectors of a model of embedtool, or of a file that gensim saved."""
    if is_saved_by_gensim(path):
        return formats.read(path)[0]
    check_no_pickle(path)
    return store.load(model_path(path)).vectors


@contextmanager
def decompressed(path: str | Path) -> Iterator[Path]:
    """Yield a file, or a temporary copy of it that is not compressed."""
    path = Path(path)
    if path.suffix not in COMPRESSED or not path.is_file():
        yield path
        return
    from smart_open import open as open_any

    with temporary_directory() as folder:
        copy = folder / path.stem
        with open_any(path, "rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        yield copy


def with_names(error: DamagedError) -> DamagedFileError:
    """Return an error in a file of vectors with gensim's names of what it advises."""
    message, parameters = str(error), error.parameters
    for (ours, advice), (theirs, replacement) in NAMES.items():
        message = message.replace(advice, replacement)
        parameters = tuple(theirs if name == ours else name for name in parameters)
    return DamagedFileError(message, parameters=parameters)


def check_not_compressed(path: str | Path) -> None:
    """Raise UnsupportedError if the name of a file to write promises compression."""
    if Path(path).suffix in COMPRESSED:
        raise UnsupportedError(
            f"{path}: files are written uncompressed; leave out {Path(path).suffix}, and compress "
            "it afterwards",
            parameters=("fname",),
        )


def read_counts(
    path: Path, encoding: str, errors: EncodingErrors, words: Sequence[str]
) -> NDArray[np.int64]:
    """Return the counts of words in a vocabulary file, int64 (n_words,); 0 if one is missing.

    Unlike `corpus.vocabulary.read_vocabulary` it takes gensim's encodings, and any order of words.
    """
    counts: dict[str, int] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        columns = line.decode(encoding, errors).split()
        if len(columns) != 2 or not columns[1].isdecimal():
            raise DamagedFileError(f"{path}, line {number:,}: not a word and its count")
        counts[columns[0]] = int(columns[1])
    missing = [word for word in words if word not in counts]
    if missing:
        log.warning("%s: %s words have no count, the first %r", path, len(missing), missing[0])
    return np.array([counts.get(word, 0) for word in words], np.int64)


def warn_ignored(where: str, arguments: Mapping[str, Any]) -> None:
    """Log a warning about arguments that make no difference."""
    if arguments:
        log.warning("%s: ignored, as it makes no difference: %s", where, ", ".join(arguments))
