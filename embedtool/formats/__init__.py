"""Vector files of all tools: one module a format.

docs/formats.md describes the bytes of each format; `registry` lists them, and what a module has.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from embedtool.errors import ConfigError, FormatError
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import FORMAT_OPTIONS, FORMATS, READERS, SUFFIXES, WRITERS
from embedtool.formats.word_checks import check_words
from embedtool.io.atomic import STANDARD_OUTPUT
from embedtool.io.progress import Report, silent

if TYPE_CHECKING:
    from embedtool.formats.source import Source
    from embedtool.model.vectors import AnyVectors, VectorTable


def read(
    path: str | Path, format: str | None = None, options: ReadOptions | None = None
) -> "tuple[VectorTable, str]":
    """Read vectors from a file or folder; return them and the format.

    Parameters
    ----------
    path : str or Path
        The file or folder. A file may be compressed or in an archive, a URL of http or https, or
        `-` for standard input.
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
    CorpusError
        If a URL cannot be fetched.
    """
    vectors, description = _read(path, format, options or ReadOptions())
    return vectors, str(description["read_as"])


def read_described(
    path: str | Path, format: str | None = None, options: ReadOptions | None = None
) -> "tuple[VectorTable, dict[str, Any]]":
    """Read vectors, and describe the model that they become; parameters and errors as `read`.

    Returns
    -------
    vectors : VectorTable
        By decreasing count, if counts are known.
    description : dict
        Where they are from, under "read_as" the format, and what the file says of how they were
        made.

    Raises
    ------
    ConfigError
        If the format has no use for an option.
    """
    return _read(path, format, options or ReadOptions(), check=_check_read_options)


def _read(
    path: str | Path,
    format: str | None,
    options: ReadOptions,
    check: "Callable[[Source, str, ReadOptions], None]" = lambda *_: None,
) -> "tuple[VectorTable, dict[str, Any]]":
    from embedtool.formats.source import open_source, plain_path

    if format is not None:
        _module(format, READERS, "read")
    with ExitStack() as stack, read_errors(path):
        source = stack.enter_context(open_source(path, options, format))
        format = _detected(source, format, options)
        check(source, format, options)
        facts = FORMATS[format]
        module = import_module(f"{__name__}.{facts.module}")
        readable = source if facts.is_sequential else plain_path(source, options, stack)
        if facts.is_folder and (source.path is None or not source.path.is_dir()):
            raise FormatError(f"{source}: is a file, but {format} is a folder")
        description = {"algorithm": "imported", "source": source.name, "read_as": format}
        if "encoding" in facts.read_options:
            description["encoding"] = options.encoding
        vectors: VectorTable
        if hasattr(module, "read_described"):
            vectors, found = module.read_described(readable, options, **facts.arguments)
            description |= found
        else:
            if hasattr(module, "describe"):
                description |= module.describe(readable)
            vectors = module.read(readable, options, **facts.arguments)
    if options.limit is not None and options.limit < vectors.n_words:
        from numpy import arange  # the names of formats, which the command line reads, need none

        vectors = vectors.select(arange(options.limit))
    known = vectors.by_frequency and facts.by_frequency
    return replace(vectors, by_frequency=known).sorted_by_count(), description


@contextmanager
def read_errors(path: str | Path) -> Iterator[None]:
    """Raise the errors of the system as FormatError."""
    try:
        yield
    except OSError as error:
        raise FormatError(f"{path}: cannot be read: {error.strerror or error}") from None


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
    from embedtool.formats.source import open_source

    options = options or ReadOptions()
    with read_errors(path), open_source(path, options, format) as source:
        return _detected(source, format, options)


def _detected(source: "Source", format: str | None, options: ReadOptions) -> str:
    from embedtool.formats.foreign import check_is_not_foreign
    from embedtool.formats.sniffing import sniff

    if source.path is None or not source.path.is_dir():
        if not source.head:
            raise FormatError(f"{source}: the file is empty")
        check_is_not_foreign(source, format)
    return format or sniff(source, options)


def _check_read_options(source: "Source", format: str, options: ReadOptions) -> None:
    """Raise ConfigError if an option is set that the reader of a format would ignore."""
    from embedtool.io.encodings import is_utf8

    for field in FORMAT_OPTIONS:
        value = getattr(options, field)
        is_default = is_utf8(value) if field == "encoding" else value == getattr(ReadOptions, field)
        if not is_default and field not in FORMATS[format].read_options:
            formats = ", ".join(each for each in FORMATS if field in FORMATS[each].read_options)
            raise ConfigError(
                f"{field} is only for {formats}; {source} is read as {format}", parameters=(field,)
            )
    if options.member and not source.is_member and "member" not in FORMATS[format].read_options:
        raise ConfigError(f"member is only for archives; {source} is none", parameters=("member",))


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
