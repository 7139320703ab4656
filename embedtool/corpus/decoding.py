"""Text in other encodings than UTF-8.

In: a stream of bytes in one of Python's codecs. Out: the same text as a stream in UTF-8.
"""

import codecs
from io import RawIOBase
from threading import local
from typing import BinaryIO, Literal

from embedtool.corpus.string_table import SURROGATE_ERRORS
from embedtool.errors import CorpusError
from embedtool.io.encodings import REPLACEMENT

CHUNK_BYTES = 2**16
MODES = {"strict": "strict", "replace": "embedtool-replace", "skip": "embedtool-skip"}
"""The error handler of a codec for each choice. Python's own do not count, and a text may hold
U+FFFD itself."""


class _Counter(local):
    """Errors of decoding in a thread."""

    n = 0


COUNTER = _Counter()


def _replace(error: UnicodeError) -> tuple[str, int]:
    COUNTER.n += 1
    return REPLACEMENT, _end_of(error)


def _skip(error: UnicodeError) -> tuple[str, int]:
    COUNTER.n += 1
    return "", _end_of(error)


def _end_of(error: UnicodeError) -> int:
    """Where decoding goes on. Raises the error where it is not of decoding."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.end


codecs.register_error(MODES["replace"], _replace)
codecs.register_error(MODES["skip"], _skip)


class Utf8Stream(RawIOBase):
    """A stream in another encoding, read as UTF-8.

    n_invalid : places where bytes were replaced or skipped so far
    Reading raises CorpusError, which names the byte, where `errors` is "strict".
    """

    def __init__(
        self,
        stream: BinaryIO,
        encoding: str,
        errors: Literal["strict", "replace", "skip"],
        name: str,
    ) -> None:
        self.stream, self.encoding, self.name = stream, encoding, name
        self.n_invalid = 0
        self._decoder = codecs.getincrementaldecoder(encoding)(MODES[errors])
        self._n_read = 0
        self._ended = False
        self._pending = b""

    def readable(self) -> bool:
        """It is."""
        return True

    def readinto(self, buffer: "memoryview") -> int:  # type: ignore[override]
        """Fill a buffer as far as there is text; 0 at the end."""
        while not self._pending and not self._ended:
            self._pending = self._next()
        n = min(len(buffer), len(self._pending))
        buffer[:n] = self._pending[:n]
        self._pending = self._pending[n:]
        return n

    def _next(self) -> bytes:
        chunk = self.stream.read(CHUNK_BYTES)
        self._n_read += len(chunk)
        self._ended = not chunk
        n_before = COUNTER.n
        try:
            text = self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            place = self._n_read - len(error.object) + error.start
            raise CorpusError(
                f"{self.name}, byte {place:,}: not {self.encoding} "
                f"(0x{error.object[error.start]:02x}); set encoding, or use "
                "encoding_errors='replace' or encoding_errors='skip'",
                parameters=("encoding", "encoding_errors"),
            ) from None
        except UnicodeError as error:  # UTF-16 without a byte order mark, in some codecs
            raise CorpusError(f"{self.name}: not {self.encoding}: {error}") from None
        self.n_invalid += COUNTER.n - n_before
        # codecs of escapes can spell halves of characters; whoever reads UTF-8 finds them invalid
        return text.encode("utf-8", SURROGATE_ERRORS)
