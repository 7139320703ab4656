"""Detection of the format of a file or folder by its content."""

import codecs
import mmap
import os
import re
import struct
from io import BufferedReader, BytesIO
from pathlib import Path
from typing import Any, cast

from embedtool.errors import Call, FormatError
from embedtool.formats.floret import HEADER as FLORET
from embedtool.formats.foreign import GENSIM, saved_kind, what_else
from embedtool.formats.histwords import decades_in
from embedtool.formats.layout import BLANKS, NUMBER, SAMPLE_LINES, header_of, is_text, layout_of
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import FORMATS
from embedtool.formats.source import HEAD_BYTES, Source
from embedtool.formats.tensorboard import numbers_of, words_path
from embedtool.formats.word2vec_binary import FIRST_LINES, holds_text
from embedtool.io.encodings import is_utf8
from embedtool.io.safetensors_io import MAX_HEADER_BYTES

PARQUET = b"PAR1"
MAGICS = {name: re.compile(each.magic) for name, each in FORMATS.items() if each.magic}
"""The first bytes of some formats. A word can be PAR1; Parquet also ends with it."""
MODEL = ("config.json", "vectors.safetensors")
"""The files of a model of embedtool."""
HISTWORDS = "histwords"
UNKNOWN = "is none of the known formats; name one with format"
WORDS_AND_COUNTS = (
    "most lines hold a word and one number, as a list of words and counts does; if these are "
    "vectors of one dimension, read them with format='glove'"
)


def sniff(source: Source, options: ReadOptions | None = None) -> str:
    """Return the format of a file or folder; raise FormatError if it has none that can be read."""
    path, head = source.path, source.head
    if path is not None and path.is_dir():
        return _sniff_folder(path)
    if path is not None and saved_kind(path) is not None:
        return GENSIM
    if path is not None and decades_in(path):
        return HISTWORDS
    for name, magic in MAGICS.items():
        if magic.match(head) and (name != "parquet" or _ends_like_parquet(source)):
            return name
    if head[8:9] == b"{" and _is_possible_header(source, struct.unpack("<Q", head[:8])[0]):
        return "safetensors"
    first = head.partition(b"\n")[0]
    header = header_of(first)
    if header is not None:
        return "word2vec" if _holds_text(source, len(first) + 1, header) else "word2vec-binary"
    return _sniff_text(source, _as_utf8(source, options or ReadOptions()))


def _holds_text(source: Source, offset: int, header: tuple[int, int]) -> bool:
    """Return whether text, not binary numbers, follows the header, of a stream by its head."""
    if source.path is None:
        return holds_text(source.head, offset, *header, is_cut=len(source.head) >= HEAD_BYTES)
    with (
        source.path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        return holds_text(data, offset, *header)


def _ends_like_parquet(source: Source) -> bool:
    """Return whether a file ends like Parquet; of a stream the end is not known."""
    if source.path is None:
        return True
    with source.path.open("rb") as file:
        file.seek(-len(PARQUET), os.SEEK_END)
        return file.read() == PARQUET


def _is_possible_header(source: Source, n_bytes: int) -> bool:
    return n_bytes <= (MAX_HEADER_BYTES if source.size is None else source.size - 8)


def _as_utf8(source: Source, options: ReadOptions) -> bytes:
    """Return the beginning of a text file in UTF-8, without a byte order mark."""
    head = source.head
    if is_utf8(options.encoding) and head.startswith(codecs.BOM_UTF8):
        return head.removeprefix(codecs.BOM_UTF8)
    if source.path is None:
        file = BufferedReader(cast(Any, BytesIO(head)))
        return options.as_utf8(source.name, file).read(len(head) // 2)
    with source.opened() as file:
        return options.as_utf8(source.name, file).read(HEAD_BYTES)


def _sniff_text(source: Source, head: bytes) -> str:
    """Return the format of a text by its first lines, one of which may be invalid."""
    lines = head.split(b"\n", SAMPLE_LINES)
    if len(head) >= HEAD_BYTES or len(lines) > SAMPLE_LINES:
        lines = lines[:-1] or lines
    first = lines[0]
    if FLORET.fullmatch(first.removesuffix(b"\r")):
        return "floret"
    is_table = b"\t" in first and all(map(numbers_of, filter(bytes.strip, lines[1:2])))
    if numbers_of(first) and (is_table or _has_words_beside(source)):
        return "tensorboard"
    if header_of(first):
        return "word2vec"
    rows = list(filter(bytes.strip, lines[:FIRST_LINES]))
    if not is_text(first) and 2 * sum(map(is_text, rows)) <= len(rows):
        raise FormatError(
            f"{source}: {_separated(first) or what_else(head) or UNKNOWN}", parameters=("format",)
        )
    if layout_of(lines, needs_header=False).vector_size == 1:
        raise FormatError(
            f"{source}: {_separated(first) or WORDS_AND_COUNTS}", parameters=("format",)
        )
    return "glove"


def _has_words_beside(source: Source) -> bool:
    return source.path is not None and words_path(source.path).is_file()


def _separated(first: bytes) -> str:
    """Return a message if the fields of the first line are separated by commas or semicolons."""
    for separator, name in ((b",", "commas"), (b";", "semicolons")):
        fields = [field.strip(BLANKS) for field in first.split(separator)[1:]]
        if fields and 2 * sum(1 for field in fields if NUMBER.fullmatch(field)) >= len(fields):
            return (
                f"has {name} between its fields; have it written with a single space between a "
                "word and its numbers, or as Parquet"
            )
    return ""


def _sniff_folder(path: Path) -> str:
    if all((path / name).is_file() for name in MODEL):
        call = Call("embedtool.load, and wv.write", "embedtool export")
        raise FormatError(
            f"{path}: is a model already; other formats are made of it with: {call}", call=call
        )
    for name, each in FORMATS.items():
        for files in each.folder_files:
            if all((path / file).is_file() for file in files):
                return name
    if decades_in(path):
        return HISTWORDS
    raise FormatError(f"{path}: is a folder without vectors of a kind that is known")
