"""The words of FastText's binary files as bytes."""

import struct
from array import array
from collections.abc import Iterator

ENTRY = struct.Struct("<qb")
"""After a word and its NUL: count, and 0 for a word or 1 for a label."""


class Words:
    """The words of a file as bytes, in one block: a list would take ten times as much.

    Parameters
    ----------
    first : int
        The offset in the file at which the first one begins.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._text = bytearray()
        self._ends = array("q")

    def append(self, word: bytes) -> None:
        """Add the next word."""
        self._text += word
        self._ends.append(len(self._text))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, i: int) -> bytes:
        return bytes(self._text[self._ends[i - 1] if i else 0 : self._ends[i]])

    def __iter__(self) -> Iterator[bytes]:
        return map(self.__getitem__, range(len(self)))

    def start(self, i: int) -> int:
        """Return the offset in the file at which a word begins."""
        return self._first + (self._ends[i - 1] if i else 0) + i * (1 + ENTRY.size)
