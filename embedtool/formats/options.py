"""The options of all readers of vector files, and the opening of text files."""

import codecs
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, Literal, cast

from embedtool.config.base import check_whole
from embedtool.errors import DamagedError, FormatError
from embedtool.io.encodings import UTF8, check_encoding, encoding_name, is_utf8
from embedtool.io.progress import Report, silent
from embedtool.io.utf8_stream import Utf8Stream

log = logging.getLogger(__name__)

EncodingErrors = Literal["strict", "replace", "backslashreplace", "ignore"]
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


@dataclass(frozen=True)
class ReadOptions:
    """How to read a file.

    Attributes
    ----------
    allow_nonfinite : bool
        Keep vectors that hold NaN or infinity; otherwise they are an error.
    encoding_errors : {"strict", "replace", "backslashreplace", "ignore"}
        What to do with bytes of a word that are not valid, as in Python's codecs.
    scratch : Path or None
        A folder for data that cannot be mapped from the file itself; None to hold it in memory.
    words : Path or None
        A file of words, one a line, for a format that has a vector for any word, but no words.
    encoding : str
        Python's name of the encoding of text files and of words in bytes.
    word_column : str or None
        Name of the column, array or tensor of words; None for the known names.
    vector_column : str or None
        Name of the column, array or tensor of vectors. A pattern may name one column for each
        dimension.
    limit : int or None
        Read only so many words, the first; None for all. Nothing after them is read or transferred.
    member : str or None
        Name or pattern of the member that is read, of an archive or folder that holds several
        files of vectors.
    word_prefix : str or None
        Read only words that begin with it, and without it.
    report : Report
        Called with the progress.
    """

    allow_nonfinite: bool = False
    encoding_errors: EncodingErrors = "strict"
    scratch: Path | None = None
    words: Path | None = None
    encoding: str = UTF8
    word_column: str | None = None
    vector_column: str | None = None
    limit: int | None = None
    member: str | None = None
    word_prefix: str | None = None
    report: Report = silent

    def __post_init__(self) -> None:
        """Raise ConfigError if the encoding is unknown, or the limit is not a number of rows."""
        check_encoding(self.encoding)
        if self.limit is not None:
            check_whole("limit", self.limit)

    def decoded(self, word: bytes, where: str, encoding: str | None = None) -> str:
        """Return a word as a string.

        Parameters
        ----------
        where : str
            File and line or byte, for errors.
        encoding : str, optional
            The encoding of the bytes, if they have been recoded.

        Raises
        ------
        FormatError
            If the word is empty or cannot be decoded.
        """
        decoded = self.text(word, where, encoding)
        if not decoded:
            raise FormatError(f"{where}: the word is missing")
        return decoded

    def text(self, word: bytes, where: str, encoding: str | None = None) -> str:
        """Return a word as a string, maybe empty; raise DamagedError if it cannot be decoded."""
        try:
            return word.decode(encoding or self.encoding, self.encoding_errors)
        except UnicodeError:
            name = encoding_name(encoding or self.encoding)
            raise DamagedError(
                f"{where}: the word is not {name}: {word[:40]!r}; text may need another "
                "encoding, and encoding_errors='replace' keeps the word",
                parameters=("encoding", "encoding_errors"),
            ) from None

    @contextmanager
    def opened(self, path: Path) -> Iterator[BinaryIO]:
        """Open a text file, as `as_utf8` reads it."""
        with path.open("rb") as file:
            yield self.as_utf8(str(path), file)

    def as_utf8(self, name: str, file: BufferedReader) -> BinaryIO:
        """Return the content of a text file as UTF-8, without a byte order mark.

        A mark is reported, because it may be meant as part of the first word.

        Parameters
        ----------
        name : str
            The file, in messages.
        file : BufferedReader
            The file at its start.

        Raises
        ------
        FormatError
            If the file is UTF-16 and is to be read as UTF-8.
        """
        if not is_utf8(self.encoding):
            return _recoded(name, file, self.encoding, self.encoding_errors)
        head = file.peek(len(codecs.BOM_UTF8))
        if head.startswith(UTF16_MARKS):
            raise FormatError(
                f"{name}: is UTF-16, not UTF-8; read it with encoding='utf-16'",
                parameters=("encoding",),
            )
        if head.startswith(codecs.BOM_UTF8):
            file.read(len(codecs.BOM_UTF8))
            if codecs.lookup(self.encoding).name == UTF8:  # utf-8-sig says that there is one
                log.warning("%s: begins with a byte order mark, which is ignored", name)
        return file


def _recoded(name: str, file: BinaryIO, encoding: str, errors: str) -> BinaryIO:
    """Return a file in another encoding as one in UTF-8, without a byte order mark."""

    def fault(error: UnicodeError, _: int, line: int) -> FormatError:
        if not isinstance(error, UnicodeDecodeError):
            return FormatError(f"{name}: is not {encoding}: {error}")
        return FormatError(f"{name}, line {line:,}: is not {encoding}: {error.reason}")

    stream = BufferedReader(Utf8Stream(file, encoding, errors, fault))
    if stream.peek().startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))
    return cast(BinaryIO, stream)
