"""A model on disk: a folder of three files, none of them a pickle.

In: a Model. Out: its folder, written beside the target and renamed; or, the other way round, the
Model, its tables memory-mapped.

    config.json           what the model is and how it came about
    vocab.txt             a line a word: word, space, count; the most frequent first
    vectors.safetensors   the tables, float32: words; contexts; word_rows and ngram_rows (FastText),
                          with ngram_buckets, int64
"""

import json
import math
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool import __version__
from embedtool.corpus.vocabulary import read_vocabulary, vocabulary_lines
from embedtool.errors import EmbedtoolError, ModelError
from embedtool.files import check_writable, new_folder
from embedtool.vectors import Model, Subwords, WordVectors

FORMAT_VERSION = 1
LIBRARIES = ("numpy", "gensim", "numba")
CONFIG = "config.json"
VOCABULARY = "vocab.txt"
VECTORS = "vectors.safetensors"
KINDS: dict[str, np.dtype[Any]] = {"F32": np.dtype("<f4"), "I64": np.dtype("<i8")}
"""The number types of safetensors that a model uses."""


def check_target(path: Path, overwrite: bool) -> None:
    """Raise ModelError or OutputError unless a model can be saved as `path`.

    Only a model is ever overwritten, and only if asked.
    """
    if path.exists():
        try:
            describe(path)
        except ModelError:
            raise ModelError(
                f"{path}: is there already and is no model; choose another name"
            ) from None
        if not overwrite:
            raise ModelError(f"{path}: is there already; use --overwrite or another name")
    check_writable(path)


def save(model: Model, path: str | Path) -> None:
    """Save a model as the folder `path`, in place of the model there, all of it or nothing.

    Raises OutputError where the folder cannot be written.
    """
    from safetensors.numpy import save_file

    path = Path(path)
    vectors = model.vectors
    counts = np.zeros(vectors.n_words, np.int64) if vectors.counts is None else vectors.counts
    tables: dict[str, NDArray[Any]] = {"words": vectors.matrix}
    if vectors.contexts is not None:
        tables["contexts"] = vectors.contexts
    description = {"format": FORMAT_VERSION, **_stamp(), **model.description}
    description["counts_known"] = vectors.counts is not None
    if vectors.subwords is not None:
        subwords = vectors.subwords
        description["subwords"] = {
            "min_n": subwords.min_n,
            "max_n": subwords.max_n,
            "bucket": subwords.bucket,
        }
        tables["word_rows"] = subwords.word_rows
        tables["ngram_rows"] = subwords.ngram_rows
        tables["ngram_buckets"] = subwords.buckets
    for word in vectors.words:
        if not word or "\n" in word:
            raise ModelError(f"{path}: a model cannot hold the word {word!r}")
    with new_folder(path) as folder:
        with (folder / VOCABULARY).open("w", encoding="utf-8", newline="\n") as file:
            file.writelines(vocabulary_lines(vectors.words, counts.tolist()))
        save_file({name: np.ascontiguousarray(t) for name, t in tables.items()}, folder / VECTORS)
        text = json.dumps(description, ensure_ascii=False, indent=2)
        (folder / CONFIG).write_text(text + "\n", encoding="utf-8")


def _stamp() -> dict[str, Any]:
    """The date, and the versions of all that takes part."""
    versions = {name: version(name) for name in LIBRARIES}
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"embedtool": __version__, "python": platform.python_version(), **versions},
    }


def describe(path: Path) -> dict[str, Any]:
    """The contents of a model's config.json.

    Raises ModelError where `path` is no model, or one of a later version.
    """
    if not path.exists():
        raise ModelError(f"{path}: no such model")
    if not path.is_dir():
        raise ModelError(
            f"{path}: is a file, no model; make one of it with: embedtool import {path} MODEL"
        )
    try:
        description = json.loads((path / CONFIG).read_bytes())
        version = description["format"]
    except FileNotFoundError:
        raise ModelError(f"{path}: is no model: the folder holds no {CONFIG}") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError, RecursionError):
        raise ModelError(f"{path}: {CONFIG} is not a model's") from None
    if version != FORMAT_VERSION:
        raise ModelError(
            f"{path}: has format {version!r}, this embedtool reads {FORMAT_VERSION}; upgrade it"
        )
    return dict(description)


def load(path: str | Path) -> Model:
    """Open a model; its tables stay on disk until they are used.

    Raises ModelError where `path` is no model or its files do not fit each other.
    """
    path = Path(path)
    description = describe(path)
    try:
        words, counts = read_vocabulary(path / VOCABULARY)
    except EmbedtoolError as error:
        raise ModelError(f"{path}: broken model: {error}") from None
    tables = _read_tables(path / VECTORS)
    try:
        vectors = WordVectors(
            words,
            tables["words"],
            counts if description["counts_known"] else None,
            tables.get("contexts"),
            _subwords(description["subwords"], tables) if "subwords" in description else None,
        )
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: broken model: {error} is missing") from None
    if vectors.matrix.ndim != 2 or len(vectors.matrix) != len(words):
        raise ModelError(
            f"{path}: broken model: {len(words):,} words, but vectors of shape "
            f"{vectors.matrix.shape}"
        )
    return Model(vectors, description)


def _subwords(options: dict[str, int], tables: dict[str, NDArray[Any]]) -> Subwords:
    return Subwords(
        options["min_n"],
        options["max_n"],
        options["bucket"],
        tables["word_rows"],
        tables["ngram_buckets"],
        tables["ngram_rows"],
    )


def _read_tables(path: Path) -> dict[str, NDArray[Any]]:
    """Map the tensors of a safetensors file: u64 length, JSON header, data.

    The library that writes the file copies what it reads; a map costs nothing until it is used.
    """
    try:
        data = np.memmap(path, dtype=np.uint8, mode="r")
        first = 8 + int(data[:8].view("<u8")[0])
        header = json.loads(data[8:first].tobytes())
        tables = {}
        for name, entry in header.items():
            if name == "__metadata__":
                continue
            kind, (begin, end) = KINDS[entry["dtype"]], entry["data_offsets"]
            if end - begin != math.prod(entry["shape"]) * kind.itemsize:
                raise ValueError(name)
            table = data[first + begin : first + end].view(kind).reshape(entry["shape"])
            tables[name] = table
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, IndexError, AttributeError, RecursionError):
        raise ModelError(f"{path}: broken model: the tables are damaged or cut short") from None
    return tables
