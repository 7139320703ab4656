"""Vector files of every tool: one module a format, with `read`, `write` or both.

In: a path and, if the user says it, a format's name. Out: WordVectors read, or a file written.
docs/formats.md says of each format what its bytes are.
"""

from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from typing import Any

from embedtool.errors import FormatError
from embedtool.formats.sniffing import sniff
from embedtool.vectors import WordVectors

READERS = {
    "word2vec": "word2vec_text",
    "word2vec-binary": "word2vec_binary",
    "glove": "glove_text",
    "fasttext-vec": "word2vec_text",
    "fasttext-bin": "fasttext_bin",
    "safetensors": "safetensors_file",
    "npz": "npz",
}
WRITERS = {**READERS, "tensorboard": "tensorboard"}

SUFFIXES = {
    ".txt": "word2vec",
    ".w2v": "word2vec",
    ".glove": "glove",
    ".vec": "fasttext-vec",
    ".safetensors": "safetensors",
    ".npz": "npz",
    ".tsv": "tensorboard",
}
"""The format that a file's name stands for. `.bin` stands for two."""


def read(path: Path, name: str | None = None) -> tuple[WordVectors, str]:
    """Read a file; returns the vectors and the format's name, found by content where not given.

    Raises FormatError naming the file and the line or byte at which it is not what it should be.
    """
    try:
        if not path.stat().st_size:
            raise FormatError(f"{path}: the file is empty")
        name = name or sniff(path)
        module = import_module(f"{__name__}.{_known(name, READERS, 'read')}")
        vectors: WordVectors = module.read(path)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    return vectors, name


def write(
    vectors: WordVectors,
    path: Path,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
) -> str:
    """Write a file, all of it or nothing; returns the format's name, found by suffix if not given.

    options : those the vectors were trained with, for formats that keep them
    Raises FormatError where the format cannot hold the vectors, OutputError where the file cannot
    be written.
    """
    name = name or format_of(path, vectors)
    module = import_module(f"{__name__}.{_known(name, WRITERS, 'write')}")
    module.write(vectors, path, options or {})
    return name


def format_of(path: Path, vectors: WordVectors) -> str:
    """The format that a name stands for, in whatever case it is written.

    `.bin` is FastText's where there are subwords, and glove*.txt is GloVe's.

    Raises FormatError where it stands for none.
    """
    suffix = path.suffix.lower()
    if suffix == ".bin":
        return "word2vec-binary" if vectors.subwords is None else "fasttext-bin"
    if suffix == ".txt" and path.name.lower().startswith("glove"):
        return "glove"
    if suffix not in SUFFIXES:
        raise FormatError(
            f"{path}: the name does not tell the format; choose one with --format: "
            f"{', '.join(WRITERS)}"
        )
    return SUFFIXES[suffix]


def _known(name: str, modules: Mapping[str, str], verb: str) -> str:
    if name not in modules:
        raise FormatError(f"{name}: no format to {verb}; there are {', '.join(modules)}")
    return modules[name]
