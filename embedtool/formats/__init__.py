"""Vector files of every tool: one module a format, with `read`, `write` or both.

In: a path and, if the user says it, a format's name. Out: WordVectors read, or a file written.
docs/formats.md says of each format what its bytes are. The command line's help lists the formats:
what is imported here must cost nothing.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from embedtool.errors import ConfigError, FormatError
from embedtool.formats.options import ReadOptions
from embedtool.io.atomic import STANDARD_OUTPUT, is_special
from embedtool.io.progress import Report, silent

if TYPE_CHECKING:
    from embedtool.model.vectors import AnyVectors, WordVectors


class Format(NamedTuple):
    """What is known of a format without opening its module.

    module        : its name in this package; it has `read`, `write` or both
    suffixes      : the ends of file names that stand for it on writing
    keeps         : what of a model it holds
    opened_by     : the tools that read it
    named         : what other names stand for it, in words
    is_folder     : whether it is a folder and not a file
    by_frequency  : whether the tools that write it put the most frequent word first
    read_only_reason : where it can only be read, the reason
    streams       : whether it is one file, which can be written to standard output
    read_options      : the fields of a ReadOptions, of FORMAT_OPTIONS, that its reader takes
    """

    module: str
    suffixes: tuple[str, ...]
    contents: str
    readers: str
    aliases: str = ""
    is_folder: bool = False
    by_frequency: bool = True
    read_only_reason: str = ""
    streams: bool = True
    read_options: tuple[str, ...] = ()


TEXT = ("encoding", "encoding_errors")
COLUMNS = ("word_column", "vector_column")
FORMAT_OPTIONS = ("words", *TEXT, *COLUMNS)
"""What a person may choose for some formats and not for others."""

FORMATS = {
    "word2vec": Format(
        "word2vec_text",
        (".txt", ".w2v"),
        "words, vectors",
        "word2vec.c, gensim, spaCy, fastText",
        read_options=TEXT,
    ),
    "word2vec-binary": Format(
        "word2vec_binary",
        (),
        "words, vectors",
        "word2vec.c, gensim",
        aliases=".bin without subwords",
        read_options=TEXT,
    ),
    "glove": Format(
        "glove_text",
        (".glove",),
        "words, vectors",
        "GloVe's scripts, gensim",
        aliases="glove*.txt",
        read_options=TEXT,
    ),
    "fasttext-vec": Format(
        "word2vec_text", (".vec",), "words, vectors", "fastText, gensim", read_options=TEXT
    ),
    "fasttext-bin": Format(
        "fasttext_bin",
        (),
        "words, counts, vectors, n-grams, contexts",
        "fastText, gensim",
        aliases=".bin with subwords",
        read_options=TEXT,
    ),
    "safetensors": Format(
        "safetensors_file",
        (".safetensors",),
        "words, counts, vectors",
        "safetensors",
        read_options=("encoding_errors", *COLUMNS),
        by_frequency=False,
    ),
    "npz": Format(
        "npz",
        (".npz",),
        "words, counts, vectors",
        "NumPy",
        by_frequency=False,
        read_options=(*TEXT, *COLUMNS),
    ),
    "parquet": Format(
        "parquet",
        (".parquet",),
        "words, counts, vectors",
        "pyarrow, DuckDB, polars",
        read_options=(*TEXT, *COLUMNS),
        by_frequency=False,
    ),
    "arrow": Format(
        "arrow",
        (".arrow", ".feather"),
        "words, counts, vectors",
        "pyarrow, polars, pandas",
        read_options=(*TEXT, *COLUMNS),
        by_frequency=False,
    ),
    "finalfusion": Format(
        "finalfusion",
        (".fifu",),
        "words, vectors, n-grams",
        "finalfusion in Rust and Python",
        read_options=("encoding_errors",),
    ),
    "floret": Format(
        "floret",
        (".floret",),
        "vectors of any word",
        "floret, spaCy",
        by_frequency=False,
        read_only_reason="floret finds n-grams by another hash than FastText and embedtool, so "
        "that only its own training fills its table",
        read_options=("words", *TEXT),
    ),
    "tensorboard": Format(
        "tensorboard",
        (".tsv",),
        "words, vectors",
        "TensorBoard's projector",
        by_frequency=False,
        aliases="with .metadata.tsv",
        streams=False,
        read_options=TEXT,
    ),
    "model2vec": Format(
        "model2vec",
        (),
        "words, vectors",
        "model2vec, Sentence Transformers",
        by_frequency=False,
        aliases="a folder",
        is_folder=True,
        streams=False,
    ),
    "spacy": Format(
        "spacy_vectors",
        (),
        "words, vectors",
        "spaCy",
        aliases="a folder",
        is_folder=True,
        streams=False,
    ),
}
READERS = {name: each.module for name, each in FORMATS.items()}
WRITERS = {name: each.module for name, each in FORMATS.items() if not each.read_only_reason}
SUFFIXES = {suffix: name for name, each in FORMATS.items() for suffix in each.suffixes}
"""The format that a file's name stands for. `.bin` stands for two."""


def read(
    path: str | Path, name: str | None = None, reading: ReadOptions | None = None
) -> "tuple[WordVectors, str]":
    """Read a file or folder; returns the vectors, by falling count where known, and the format.

    The content says the format where it is not given. Raises FormatError naming the file
    and the line or byte at which it is not what it should be.
    """
    path = Path(path)
    reading = reading or ReadOptions()
    name = detect_format(path, name, reading)
    module = import_module(f"{__name__}.{_known(name, READERS, 'read')}")
    try:
        if FORMATS[name].is_folder and not path.is_dir():
            raise FormatError(f"{path}: is a file, but {name} is a folder")
        vectors: WordVectors = module.read(path, reading)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    known = vectors.by_frequency and FORMATS[name].by_frequency
    return replace(vectors, by_frequency=known).sorted_by_count(), name


def describe(path: str | Path, name: str) -> dict[str, Any]:
    """What a file in a format tells of how its vectors came about, as a model's description has it.

    Raises FormatError as `read`.
    """
    path = Path(path)
    module = import_module(f"{__name__}.{READERS[name]}")
    told: dict[str, Any] = module.describe(path) if hasattr(module, "describe") else {}
    return told


def training_options(description: Mapping[str, Any]) -> dict[str, Any]:
    """What `write` takes as options, of a model's description."""
    origin = description.get("static", description)
    seen = origin.get("vocabulary", {}).get("tokens_seen")
    return {**origin.get("options", {}), **({} if seen is None else {"tokens_seen": seen})}


def detect_format(
    path: str | Path, name: str | None = None, reading: ReadOptions | None = None
) -> str:
    """The format of a file or folder that is there: the one that is named, else by its content.

    Raises FormatError where it is empty, or of a kind that is never read.
    """
    path = Path(path)
    from embedtool.formats.foreign import check_is_not_foreign
    from embedtool.formats.sniffing import sniff

    try:
        if path.is_dir():
            return name or sniff(path)
        if is_special(path):
            raise FormatError(
                f"{path}: is a pipe or a device, and vectors are read more than once; save them to "
                "a file first"
            )
        if not path.stat().st_size:
            raise FormatError(f"{path}: the file is empty")
        check_is_not_foreign(path, name)
        return name or sniff(path, reading)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None


def check_read_options(path: Path, name: str, reading: ReadOptions) -> None:
    """Raise ConfigError where something is chosen that the reader of a format would ignore."""
    from embedtool.io.encodings import is_utf8

    for field in FORMAT_OPTIONS:
        value = getattr(reading, field)
        is_default = is_utf8(value) if field == "encoding" else value == getattr(ReadOptions, field)
        if not is_default and field not in FORMATS[name].read_options:
            takers = ", ".join(each for each in FORMATS if field in FORMATS[each].read_options)
            raise ConfigError(
                f"{field} is only for {takers}; {path} is read as {name}", parameters=(field,)
            )


def write(
    vectors: "AnyVectors",
    path: str | Path,
    name: str | None = None,
    options: Mapping[str, Any] | None = None,
    report: Report = silent,
) -> str:
    """Write a file or folder, all of it or nothing; returns the format's name.

    The suffix of `path` says the format where it is not given. A file takes the place of one that
    is there; a folder only that of an empty folder.

    options : those the vectors were trained with, for formats that keep them, as of
              `training_options`; None: those of a Model, of vectors none
    report  : is told how far writing has come
    Raises FormatError where the format cannot hold the vectors, OutputError where the file cannot
    be written.
    """
    from embedtool.model.quantized import dequantized
    from embedtool.model.vectors import Model, vectors_of

    path = Path(path)
    if isinstance(vectors, Model) and options is None:
        options = training_options(vectors.description)
    vectors = vectors_of(vectors)
    name = name or format_from_name(path, vectors)
    if name in FORMATS and FORMATS[name].read_only_reason:
        raise FormatError(f"{path}: {name} cannot be written: {FORMATS[name].read_only_reason}")
    module = import_module(f"{__name__}.{_known(name, WRITERS, 'write')}")
    if path == STANDARD_OUTPUT and not FORMATS[name].streams:
        raise FormatError(
            f"{path}: {name} is several files, which standard output cannot hold; name a "
            f"{'folder' if FORMATS[name].is_folder else 'file'}"
        )
    module.write(dequantized(vectors), path, options or {}, report)
    return name


def format_from_name(path: str | Path, vectors: "WordVectors") -> str:
    """The format that a name stands for, in whatever case it is written.

    `.bin` is FastText's where there are subwords, and glove*.txt is GloVe's.

    Raises FormatError where it stands for none.
    """
    path = Path(path)
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
