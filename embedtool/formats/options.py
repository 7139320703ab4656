"""How a vector file is to be read.

In: what a person chose. Out: ReadOptions, which every reader takes, and which open files of text.
"""

import codecs
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

from embedtool.errors import DamagedError, FormatError
from embedtool.io.encodings import BYTE_ORDER_MARK, UTF8, encoding_name, is_utf8
from embedtool.io.progress import Report, silent

log = logging.getLogger(__name__)

EncodingErrors = Literal["strict", "replace", "backslashreplace", "ignore"]
UTF16_MARKS = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
RECODED_BYTES = 2**20
"""Bytes of another encoding that become UTF-8 in one go."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read.

    allow_nonfinite : keep vectors that hold NaN or infinity, else they are an error
    encoding        : the codec, as Python names it, of files of text and of words in bytes
    encoding_errors : what becomes of bytes of a word that are not of that encoding, as Python's
                      codecs name it
    scratch         : a folder in which a reader may keep what it cannot map from the file itself;
                      None: in memory
    words           : a file of words, one a line, for a format that has vectors for any word and
                      holds none
    word_column     : the name of the column, array or tensor of words, where it is not known
    vector_column   : that of the vectors; of columns a pattern may name one for each dimension
    report          : is told how far reading has come
    """

    allow_nonfinite: bool = False
    encoding_errors: EncodingErrors = "strict"
    scratch: Path | None = None
    words: Path | None = None
    encoding: str = UTF8
    word_column: str | None = None
    vector_column: str | None = None
    report: Report = silent

    def decoded(self, word: bytes, where: str, encoding: str | None = None) -> str:
        """A word as a string. Raises FormatError where it is empty or cannot be one.

        encoding : of the bytes, where they have been recoded
        """
        decoded = self.text(word, where, encoding)
        if not decoded:
            raise FormatError(f"{where}: the word is missing")
        return decoded

    def text(self, word: bytes, where: str, encoding: str | None = None) -> str:
        """A word as a string, be it empty. Raises DamagedError where it cannot be one."""
        try:
            return word.decode(encoding or self.encoding, self.encoding_errors)
        except UnicodeError:
            name = encoding_name(encoding or self.encoding)
            raise DamagedError(
                f"{where}: the word is not {name}: {word[:40]!r}; text may need another "
                "--encoding, and --encoding-errors replace keeps the word"
            ) from None

    @contextmanager
    def opened(self, path: Path) -> "Iterator[BinaryIO | Recoded]":
        """Open a file of text; what is read of it is UTF-8, without a byte order mark.

        A mark is reported, for it may be meant as part of the first word. Raises FormatError
        where the file is UTF-16 and is to be read as UTF-8.
        """
        with path.open("rb") as file:
            if not is_utf8(self.encoding):
                yield Recoded(path, file, self.encoding, self.encoding_errors)
                return
            head = file.read(len(codecs.BOM_UTF8))
            if head.startswith(UTF16_MARKS):
                raise FormatError(f"{path}: is UTF-16, not UTF-8; read it with --encoding utf-16")
            if head != codecs.BOM_UTF8:
                file.seek(0)
            elif codecs.lookup(self.encoding).name == UTF8:  # utf-8-sig says that there is one
                log.warning("%s: begins with a byte order mark, which is left out", path)
            yield file


class Recoded:
    """A file of text in another encoding, read as if it were UTF-8."""

    def __init__(self, path: Path, file: BinaryIO, encoding: str, errors: EncodingErrors) -> None:
        self._path, self._file, self._encoding = path, file, encoding
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._waiting = b""
        self._n_lines = 0

    def read(self, n_bytes: int) -> bytes:
        """The next bytes, as many as are asked for unless the file ends."""
        pieces = [self._waiting]
        n_found = len(self._waiting)
        while n_found < n_bytes and (piece := self._more()):
            pieces.append(piece)
            n_found += len(piece)
        found = b"".join(pieces)
        self._waiting = found[n_bytes:]
        return found[:n_bytes]

    def readline(self) -> bytes:
        """The rest of the line, with its end."""
        pieces = [self._waiting]
        while b"\n" not in pieces[-1] and (piece := self._more()):
            pieces.append(piece)
        line, end, self._waiting = b"".join(pieces).partition(b"\n")
        return line + end

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.readline, b"")

    def _more(self) -> bytes:
        """The next bytes in UTF-8, none at the end of the file."""
        while raw := self._file.read(RECODED_BYTES):
            if text := self._decoded(raw):
                return text
        return self._decoded(b"")

    def _decoded(self, raw: bytes) -> bytes:
        try:
            text = self._decoder.decode(raw, final=not raw)
            found = text.removeprefix("" if self._n_lines else BYTE_ORDER_MARK).encode()
        except UnicodeDecodeError as error:
            line = self._n_lines + 1 + error.object[: error.start].count(b"\n")
            raise FormatError(
                f"{self._path}, line {line:,}: is not {self._encoding}: {error.reason}"
            ) from None
        except UnicodeError as error:
            raise FormatError(f"{self._path}: is not {self._encoding}: {error}") from None
        self._n_lines += found.count(b"\n")
        return found
