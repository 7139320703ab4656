"""Text in other encodings than UTF-8.

In: a stream of bytes in one of Python's codecs. Out: the same text as a stream in UTF-8.
"""

import codecs
from io import RawIOBase
from typing import BinaryIO, Literal

from embedtool.errors import CorpusError

CHUNK_BYTES = 2**16
REPLACEMENT = "\ufffd"
LONE_SURROGATES = "surrogatepass"
"""Codecs of escapes can spell halves of characters; whoever reads UTF-8 finds them invalid."""


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
        self.stream, self.encoding, self.errors, self.name = stream, encoding, errors, name
        self.n_invalid = 0
        # What is skipped is replaced first, so that it can be counted.
        mode = "strict" if errors == "strict" else "replace"
        self._decoder = codecs.getincrementaldecoder(encoding)(mode)
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
        try:
            text = self._decoder.decode(chunk, final=self._ended)
        except UnicodeDecodeError as error:
            place = self._n_read - len(error.object) + error.start
            raise CorpusError(
                f"{self.name}, byte {place:,}: not {self.encoding} "
                f"(0x{error.object[error.start]:02x}); name its encoding with --encoding, or use "
                "--encoding-errors replace or skip"
            ) from None
        except UnicodeError as error:  # UTF-16 without a byte order mark, in some codecs
            raise CorpusError(f"{self.name}: not {self.encoding}: {error}") from None
        if self.errors != "strict":
            self.n_invalid += text.count(REPLACEMENT)
        if self.errors == "skip":
            text = text.replace(REPLACEMENT, "")
        return text.encode("utf-8", LONE_SURROGATES)
