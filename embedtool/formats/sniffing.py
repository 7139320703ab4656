"""Detection of the format of a file or folder by its content."""

import codecs
import mmap
import os
import re
import struct
from pathlib import Path

from embedtool.errors import Call, FormatError
from embedtool.formats.floret import HEADER as FLORET
from embedtool.formats.foreign import GENSIM, saved_kind, what_else
from embedtool.formats.histwords import decades_in
from embedtool.formats.layout import BLANKS, NUMBER, SAMPLE_LINES, header_of, is_text, layout_of
from embedtool.formats.options import ReadOptions
from embedtool.formats.registry import FORMATS
from embedtool.formats.tensorboard import numbers_of, words_path
from embedtool.formats.word2vec_binary import FIRST_LINES, holds_text
from embedtool.io.encodings import is_utf8

HEAD_BYTES = 2**20
"""Enough for two lines of text vectors of ten thousand dimensions and more."""

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


def sniff(path: Path, options: ReadOptions | None = None) -> str:
    """Return the format of a file or folder; raise FormatError if it has none that can be read."""
    if path.is_dir():
        return _sniff_folder(path)
    options = options or ReadOptions()
    if saved_kind(path) is not None:
        return GENSIM
    if decades_in(path):
        return HISTWORDS
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
        for name, magic in MAGICS.items():
            if magic.match(head) and (name != "parquet" or _ends_like_parquet(path)):
                return name
        if head[8:9] == b"{" and struct.unpack("<Q", head[:8])[0] <= path.stat().st_size - 8:
            return "safetensors"
        first = head.partition(b"\n")[0]
        header = header_of(first)
        if header is not None:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                is_text_file = holds_text(data, len(first) + 1, *header)
            return "word2vec" if is_text_file else "word2vec-binary"
    return _sniff_text(path, _as_utf8(path, head, options))


def _ends_like_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-len(PARQUET), os.SEEK_END)
        return file.read() == PARQUET


def _as_utf8(path: Path, head: bytes, options: ReadOptions) -> bytes:
    """Return the beginning of a text file in UTF-8, without a byte order mark."""
    if is_utf8(options.encoding) and head.startswith(codecs.BOM_UTF8):
        return head.removeprefix(codecs.BOM_UTF8)
    with options.opened(path) as file:
        return file.read(HEAD_BYTES)


def _sniff_text(path: Path, head: bytes) -> str:
    """Return the format of a text by its first lines, one of which may be invalid."""
    lines = head.split(b"\n", SAMPLE_LINES)
    if len(head) >= HEAD_BYTES or len(lines) > SAMPLE_LINES:
        lines = lines[:-1] or lines
    first = lines[0]
    if FLORET.fullmatch(first.removesuffix(b"\r")):
        return "floret"
    is_table = b"\t" in first and all(map(numbers_of, filter(bytes.strip, lines[1:2])))
    if numbers_of(first) and (is_table or words_path(path).is_file()):
        return "tensorboard"
    if header_of(first):
        return "word2vec"
    rows = list(filter(bytes.strip, lines[:FIRST_LINES]))
    if not is_text(first) and 2 * sum(map(is_text, rows)) <= len(rows):
        raise FormatError(
            f"{path}: {_separated(first) or what_else(head) or UNKNOWN}", parameters=("format",)
        )
    if layout_of(lines, needs_header=False).vector_size == 1:
        raise FormatError(
            f"{path}: {_separated(first) or WORDS_AND_COUNTS}", parameters=("format",)
        )
    return "glove"


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
