"""The model folder: two or three files, none of them a pickle.

A model is written beside its target, which is then replaced. The words and matrices of an opened
model are memory-mapped.

    config.json           what the model is and how it was made
    vectors.safetensors   all tensors, by name:
        vectors, norms, counts          the rows, their lengths, and how often each word occurs
        word_text, word_ends            the words as one block of bytes (`string_table`)
        slot_starts, slot_ids           their hash index
        contexts                        the output layer; config.json says what its rows belong to
        word_rows, ngram_rows, ngram_buckets   FastText's own rows
        ngram_offset                    added to their means, after a transformation
        NAME_scales, NAME_centroids     parts of quantized matrices (`quantized`)
    encoder.safetensors   the parameters of a sentence encoder, if there is one
"""

import json
import platform
from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from embedtool import __version__
from embedtool.errors import (
    Call,
    FormatError,
    ModelError,
    OutputError,
    VocabularyError,
    resume_call,
)
from embedtool.io.atomic import (
    atomic_directory,
    check_writable,
    text_bytes,
)
from embedtool.io.checksums import HashingWriter, mismatch
from embedtool.io.json_file import parse_json
from embedtool.io.paths import exists
from embedtool.io.progress import Report, ReportingWriter, silent
from embedtool.io.safetensors_io import map_tensors, write_tensors
from embedtool.messages import counted
from embedtool.model.linalg import row_norms
from embedtool.model.migrations import migrate_v1, with_current_names
from embedtool.model.quantized import CENTROIDS, to_tensors
from embedtool.model.vector_tensors import UNKNOWN_ORDER, vectors_from_tensors, vectors_to_tensors
from embedtool.model.vectors import ModelRecord, VectorTable

FORMAT_VERSION = 2
LIBRARIES = ("numpy", "gensim", "numba")
CONFIG = "config.json"
VECTORS = "vectors.safetensors"
ENCODER = "encoder.safetensors"
TRAINING_SUFFIX = ".training"
"""Ending of the folder of a training, beside the model."""
FILES = (CONFIG, VECTORS)
RESERVED_KEYS = {"format", "sizes", "order", "contexts", "subwords", "files", "checksum"}
"""Entries of the description that `save` computes."""
NORM_TOLERANCE = 1e-3
"""Tolerance of stored norms: another order of summation changes them by less."""


def is_model(path: str | Path) -> bool:
    """Return whether a folder holds the files of a model, valid or not."""
    path = Path(path)
    return all((path / name).exists() for name in FILES)


def training_folder(path: Path) -> Path:
    """Return the folder of the training of a model; raise ModelError if the model has no name."""
    if not path.name:
        raise ModelError(f"{path}: is no name for a model; choose another")
    return path.with_name(path.name + TRAINING_SUFFIX)


def check_target(path: Path, overwrite: bool) -> None:
    """Raise an error unless a model can be saved as `path`.

    Only a model is ever overwritten, and only if asked.

    Raises
    ------
    ModelError
        If something is there that is not a model, or a model that is not to be overwritten.
    OutputError
        If the folder cannot be written.
    """
    if exists(path, OutputError):
        try:
            describe(path)
        except ModelError:
            raise ModelError(
                f"{path}: already exists and is not a model; choose another name"
            ) from None
        if not overwrite:
            raise ModelError(
                f"{path}: already exists; use overwrite=True or another name",
                parameters=("overwrite",),
            )
    check_writable(path)


def _full_description(model: ModelRecord) -> dict[str, Any]:
    """Return what `config.json` says, without the files and their checksums."""
    vectors = model.vectors
    metadata = {k: v for k, v in model.description.items() if k not in RESERVED_KEYS}
    description = {"format": FORMAT_VERSION, **_provenance(), "sizes": sizes(vectors), **metadata}
    if not vectors.is_by_frequency:
        description["order"] = UNKNOWN_ORDER
    if vectors.output_matrix is not None:
        description["contexts"] = vectors.output_rows
    if (subwords := vectors.subwords) is not None:
        names = ("min_n", "max_n", "bucket")
        description["subwords"] = {name: getattr(subwords, name) for name in names}
        if subwords.pruned:
            description["subwords"]["pruned"] = True
    return description


def save(
    model: ModelRecord, path: str | Path, report: Report = silent, *, overwrite: bool = False
) -> None:
    """Save a model as a folder, completely or not at all.

    Parameters
    ----------
    model : ModelRecord
        The model.
    path : str or Path
        The folder.
    report : callable
        Called with the progress.
    overwrite : bool
        Replace the model there. Nothing that is not a model is ever replaced.

    Raises
    ------
    ModelError
        If something is there that is not a model, or a model that is not to be overwritten.
    OutputError
        If the folder cannot be written.
    TypeError
        If `model` is not a Model.
    """
    path = Path(path)
    if not isinstance(model, ModelRecord):
        raise TypeError(
            f"expected a Model, not {type(model).__name__}; wrap vectors as Model(vectors, {{}})"
        )
    check_target(path, overwrite)
    files = {VECTORS: vectors_to_tensors(model.vectors)} | (
        {ENCODER: model.encoder} if model.encoder else {}
    )
    description = _full_description(model)
    description["files"] = {}
    with atomic_directory(path) as folder:
        for name, contents in files.items():
            with (folder / name).open("wb") as file:
                hashed = HashingWriter(file)
                n_bytes = sum(tensor.nbytes for tensor in contents.values())
                write_tensors(ReportingWriter(hashed.write, n_bytes, report), contents)
            description["files"][name] = hashed.checksum()
        description["checksum"] = _checksum(description)
        text = json.dumps(description, ensure_ascii=False, indent=2)
        (folder / CONFIG).write_bytes(text_bytes(text + "\n"))


def checksum(description: Mapping[str, Any]) -> str:
    """Return the checksum in a model's config.json, which identifies the model."""
    return str(description.get("checksum") or _checksum(description))


def sizes(vectors: VectorTable) -> dict[str, Any]:
    """Return the sizes of a model; `bytes_per_vector` are those on disk of a word's vector."""
    tensors = to_tensors("", vectors.rows).items()
    per_row = [tensor for name, tensor in tensors if name != CENTROIDS]
    facts: dict[str, Any] = {
        "words": vectors.n_words,
        "vector_size": vectors.vector_size,
        "bytes_per_vector": sum(tensor[:1].nbytes for tensor in per_row),
        "counts": vectors.counts is not None,
    }
    if vectors.subwords is not None:
        facts["ngrams"] = len(vectors.subwords.buckets)
    return facts


def _checksum(description: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all other entries of config.json."""
    from hashlib import sha256

    covered = {name: value for name, value in description.items() if name != "checksum"}
    return sha256(json.dumps(covered, sort_keys=True).encode()).hexdigest()


def _provenance() -> dict[str, Any]:
    """Return the date, and the versions of all libraries involved that are installed."""
    from importlib.metadata import PackageNotFoundError, version  # takes a tenth of a query's time

    versions = {}
    for name in LIBRARIES:
        with suppress(PackageNotFoundError):
            versions[name] = version(name)
    return {
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"embedtool": __version__, "python": platform.python_version(), **versions},
    }


def describe(path: str | Path) -> dict[str, Any]:
    """Return the contents of a model's config.json.

    Raises
    ------
    ModelError
        If `path` is not a model, or has a later format.
    """
    return with_current_names(_description(Path(path)))


def _description(path: Path) -> dict[str, Any]:
    """Return the contents of config.json as they are on disk, which the checksum covers."""
    if not exists(path, ModelError):
        if exists(training_folder(path), ModelError):
            call = resume_call(path)
            raise ModelError(f"{path}: no such model; resume its training with: {call}", call=call)
        raise ModelError(f"{path}: no such model")
    if not path.is_dir():
        call = Call(
            "embedtool.read, a text with: embedtool.train",
            f"embedtool import {path} MODEL, a text with: embedtool train",
        )
        raise ModelError(
            f"{path}: is a file, not a model; vectors become one with: {call}", call=call
        )
    try:
        description = parse_json((path / CONFIG).read_bytes())
        version = description["format"]
    except FileNotFoundError:
        raise ModelError(f"{path}: is not a model: the folder has no {CONFIG}") from None
    except OSError as error:
        raise ModelError(f"{path}: cannot be read: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise ModelError(f"{path}: {CONFIG} is not that of a model") from None
    if version not in (1, FORMAT_VERSION):
        raise ModelError(
            f"{path}: has format {version!r}, this embedtool reads {FORMAT_VERSION}; upgrade "
            "embedtool"
        )
    return dict(description)


def load(path: str | Path) -> ModelRecord:
    """Open a model; its tensors stay on disk until they are used.

    A model that is replaced meanwhile is opened again, so that its files belong together.

    Raises
    ------
    ModelError
        If `path` is not a model or its files do not fit each other.
    """
    path = Path(path)
    while True:
        identity = _identity(path)
        try:
            model = _load(path)
        except ModelError:
            if identity == _identity(path):
                raise
        else:
            if identity == _identity(path):
                return model


def has_encoder(path: str | Path) -> bool:
    """Return whether a model has a sentence encoder.

    Raises
    ------
    ModelError
        If `path` is not a model.
    """
    path = Path(path)
    return ENCODER in describe(path).get("files", {})


def _identity(path: Path) -> int | None:
    """Return an identifier that changes if the folder is replaced by another."""
    try:
        return path.stat().st_ino
    except (OSError, ValueError):  # no path has a NUL
        return None


def verify(path: str | Path) -> Iterator[str]:
    """Yield all faults of a model, one per line.

    Its files are read completely and compared with the checksums in config.json, if the checksum of
    config.json itself is right. Models of versions that wrote no checksums are checked only for
    visible faults.
    """
    path = Path(path)
    try:
        description = _description(path)
    except ModelError as error:
        yield str(error)
        return
    has_sums = {"files", "checksum"} & description.keys()
    if has_sums and description.get("checksum") != _checksum(description):
        yield f"{CONFIG} has been changed: its checksum does not match"
        return
    for name, facts in dict(description.get("files", {})).items():
        fault = mismatch(path / Path(name).name, facts)
        if fault:
            yield f"{name} {fault}"
    try:
        vectors = load(path).vectors
        words = list(vectors.words)
    except (ModelError, UnicodeDecodeError) as error:
        yield str(error)
        return
    if not np.array_equal(vectors.word_ids(words, -1), np.arange(len(words))):
        yield "words are duplicate, or the hash index does not find them"
    suspects = np.flatnonzero(~np.isfinite(vectors.norms))
    n_bad = sum(not np.isfinite(vectors.rows[row]).all() for row in suspects)
    if n_bad:
        yield f"{counted(n_bad, 'vector holds', 'vectors hold')} numbers that are not finite"
    norms = row_norms(vectors.rows)
    if not np.allclose(norms, vectors.norms, rtol=NORM_TOLERANCE, equal_nan=True):
        yield "the stored norms are not those of the vectors"


def _load(path: Path) -> ModelRecord:
    description = describe(path)
    try:
        tensors = map_tensors(path / VECTORS)
        if description["format"] == 1:
            migrate_v1(tensors, path, description)
        vectors = vectors_from_tensors(tensors, description)
        encoder = map_tensors(path / ENCODER) if ENCODER in description.get("files", {}) else None
    except OSError as error:
        where = error.filename or path / VECTORS
        raise ModelError(f"{where}: cannot be read: {error.strerror}") from None
    except (FormatError, VocabularyError) as error:
        raise ModelError(f"{path}: broken model: {error}") from None
    except (KeyError, TypeError) as error:
        raise ModelError(f"{path}: broken model: {error} is missing") from None
    for name in sorted({"vectors", "norms", "counts", "contexts", "slot_ids"} & tensors.keys()):
        n_axes = 2 if name in ("vectors", "contexts") else 1
        if tensors[name].ndim != n_axes or len(tensors[name]) != vectors.n_words:
            raise ModelError(
                f"{path}: broken model: {counted(vectors.n_words, 'word')}, but {name} of shape "
                f"{tensors[name].shape}"
            )
    return ModelRecord(vectors, description, encoder)
