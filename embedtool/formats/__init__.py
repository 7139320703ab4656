"""Vector files of all tools: one module a format.

docs/formats.md describes the bytes of each format; `registry` lists them, and what a module has.
"""

from collections.abc import Mapping
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtool.errors import ConfigError, FormatError
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import FORMAT_OPTIONS, FORMATS, READERS, SUFFIXES, WRITERS
from embedtool.formats.word_checks import check_words
from embedtool.io.atomic import STANDARD_OUTPUT, is_special
from embedtool.io.encodings import UTF8
from embedtool.io.progress import Report, silent

if TYPE_CHECKING:
    from embedtool.model.vectors import AnyVectors, VectorTable


def read(
    path: str | Path, format: str | None = None, options: ReadOptions | None = None
) -> "tuple[VectorTable, str]":
    """Read vectors from a file or folder; return them and the format.

    Parameters
    ----------
    path : str or Path
        The file or folder.
    format : str, optional
        Name of the format; None to detect it by content.
    options : ReadOptions, optional
        How to read.

    Returns
    -------
    vectors : VectorTable
        By decreasing count, if counts are known.
    format : str
        Name of the format.

    Raises
    ------
    FormatError
        If the file is not valid; the message has the file and the line or byte.
    """
    path = Path(path)
    options = options or ReadOptions()
    format = detect_format(path, format, options)
    module = import_module(f"{__name__}.{_module(format, READERS, 'read')}")
    try:
        if FORMATS[format].is_folder and not path.is_dir():
            raise FormatError(f"{path}: is a file, but {format} is a folder")
        vectors: VectorTable = module.read(path, options, **FORMATS[format].arguments)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None
    if options.limit is not None and options.limit < vectors.n_words:
        from numpy import arange  # the names of formats, which the command line reads, need none

        vectors = vectors.select(arange(options.limit))
    known = vectors.by_frequency and FORMATS[format].by_frequency
    return replace(vectors, by_frequency=known).sorted_by_count(), format


def describe(path: str | Path, format: str) -> dict[str, Any]:
    """Return the training metadata in a file, as a model's description.

    Raises
    ------
    FormatError
        As `read`.
    """
    module = import_module(f"{__name__}.{READERS[format]}")
    description: dict[str, Any] = {}
    if hasattr(module, "describe"):
        description = module.describe(Path(path))
    return description


def imported_description(path: str | Path, format: str, encoding: str = UTF8) -> dict[str, Any]:
    """Return the description of a model whose vectors were read from a file.

    Parameters
    ----------
    encoding : str
        The encoding that the file was read with.
    """
    description = {"algorithm": "imported", "source": str(path), "read_as": format}
    if "encoding" in FORMATS[format].read_options:
        description["encoding"] = encoding
    return description | describe(path, format)


def recorded_options(description: Mapping[str, Any]) -> dict[str, Any]:
    """Return the training options in a model's description, for `write`."""
    origin = description.get("static", description)
    seen = origin.get("vocabulary", {}).get("tokens_seen")
    return {**origin.get("options", {}), **({} if seen is None else {"tokens_seen": seen})}


def detect_format(
    path: str | Path, format: str | None = None, options: ReadOptions | None = None
) -> str:
    """Return the format of an existing file or folder: the given one, or detected by content.

    Raises
    ------
    FormatError
        If the file is empty, or of an unsupported kind.
    """
    path = Path(path)
    from embedtool.formats.foreign import check_is_not_foreign
    from embedtool.formats.sniffing import sniff

    try:
        if path.is_dir():
            return format or sniff(path)
        if is_special(path):
            raise FormatError(
                f"{path}: is a pipe or a device, and vectors are read more than once; save them to "
                "a file first"
            )
        if not path.stat().st_size:
            raise FormatError(f"{path}: the file is empty")
        check_is_not_foreign(path, format)
        return format or sniff(path, options)
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None


def check_read_options(path: Path, format: str, options: ReadOptions) -> None:
    """Raise ConfigError if an option is set that the reader of a format would ignore."""
    from embedtool.io.encodings import is_utf8

    for field in FORMAT_OPTIONS:
        value = getattr(options, field)
        is_default = is_utf8(value) if field == "encoding" else value == getattr(ReadOptions, field)
        if not is_default and field not in FORMATS[format].read_options:
            formats = ", ".join(each for each in FORMATS if field in FORMATS[each].read_options)
            raise ConfigError(
                f"{field} is only for {formats}; {path} is read as {format}", parameters=(field,)
            )


def write(
    vectors: "AnyVectors",
    path: str | Path,
    format: str | None = None,
    training_options: Mapping[str, Any] | None = None,
    report: Report = silent,
) -> str:
    """Write vectors to a file or folder, completely or not at all.

    An existing file is replaced; an existing folder only if it is empty.

    Parameters
    ----------
    vectors : VectorTable or ModelRecord
        The vectors.
    path : str or Path
        The file or folder.
    format : str, optional
        Name of the format; None for the one implied by the suffix of `path`.
    training_options : mapping, optional
        Options of the training, for formats that store them; None for those in the model's
        description.
    report : Report
        Called with the progress.

    Returns
    -------
    str
        Name of the format.

    Raises
    ------
    FormatError
        If the format cannot hold the vectors.
    OutputError
        If the file cannot be written.
    """
    from embedtool.model.quantized import dequantized
    from embedtool.model.vectors import ModelRecord, vectors_of

    path = Path(path)
    if isinstance(vectors, ModelRecord) and training_options is None:
        training_options = recorded_options(vectors.description)
    vectors = vectors_of(vectors)
    format = format or format_from_name(path, vectors)
    if format in FORMATS and FORMATS[format].read_only_reason:
        raise FormatError(f"{path}: {format} cannot be written: {FORMATS[format].read_only_reason}")
    module = import_module(f"{__name__}.{_module(format, WRITERS, 'write')}")
    if path == STANDARD_OUTPUT and not FORMATS[format].streams:
        raise FormatError(
            f"{path}: {format} is several files, which standard output cannot hold; name a "
            f"{'folder' if FORMATS[format].is_folder else 'file'}"
        )
    check_words(vectors, path, FORMATS[format].forbidden)
    arguments = FORMATS[format].arguments
    module.write(dequantized(vectors), path, training_options or {}, report, **arguments)
    return format


def format_from_name(path: str | Path, vectors: "VectorTable") -> str:
    """Return the format implied by a file name, in upper or lower case.

    `.bin` is FastText's if there are subwords, and glove*.txt is GloVe's.

    Raises
    ------
    FormatError
        If the name implies no format.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix == ".bin":
        return "word2vec-binary" if vectors.subwords is None else "fasttext-bin"
    if suffix == ".txt" and path.name.lower().startswith("glove"):
        return "glove"
    if suffix not in SUFFIXES:
        raise FormatError(
            f"{path}: the suffix of the name is unknown; set format to one of: "
            f"{', '.join(WRITERS)}",
            parameters=("format",),
        )
    return SUFFIXES[suffix]


def _module(format: str, modules: Mapping[str, str], verb: str) -> str:
    if format not in modules:
        raise FormatError(f"{format}: no such format to {verb}; there are {', '.join(modules)}")
    return modules[format]
