"""Words as one block of bytes, which may be mapped from disk, with a hash index."""

from array import array
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple, overload
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import ModelError
from embedtool.io.encodings import SURROGATE_ERRORS
from embedtool.messages import counted

BLOCK_WORDS = 2**13
"""Number of words decoded at a time when all are read."""


class HashIndex(NamedTuple):
    """A hash table of words: slot s holds the ids ``ids[starts[s] : starts[s + 1]]``.

    Attributes
    ----------
    starts : ndarray of int32, shape (n_slots + 1,)
        Start of the ids of each slot. `n_slots` is a power of two; the slot of a word is the
        CRC-32 of its bytes modulo `n_slots`.
    ids : ndarray of int32, shape (n_words,)
        The words, ascending in each slot.
    """

    starts: NDArray[np.int32]
    ids: NDArray[np.int32]


class StringTable(Sequence[str]):
    """Words by id; a look-up reads only the words of one slot.

    Parameters
    ----------
    text : ndarray of uint8, shape (n_bytes,)
        The words in UTF-8, one after another.
    ends : ndarray of int64, shape (n_words,)
        End of each word in `text`.
    hash_index : HashIndex, optional
        Their hash table; by default it is built on first use.
    """

    def __init__(
        self, text: NDArray[np.uint8], ends: NDArray[np.int64], hash_index: HashIndex | None = None
    ) -> None:
        self.text = text
        self.ends = ends
        self._hash_index = hash_index

    @classmethod
    def from_words(cls, words: Iterable[str]) -> "StringTable":
        """Encode words, one after the other: a list of them would take 60 bytes more for each."""
        text, ends = bytearray(), array("q")
        for word in words:
            text += word.encode("utf-8", SURROGATE_ERRORS)
            ends.append(len(text))
        return cls(np.frombuffer(text, np.uint8), np.array(ends, np.int64))

    @classmethod
    def from_lines(cls, text: NDArray[np.uint8]) -> "StringTable":
        """Wrap words in UTF-8, each followed by a line end."""
        is_end = text == ord("\n")
        ends = np.flatnonzero(is_end)
        ends -= np.arange(len(ends))
        return cls(text[~is_end], ends)

    @property
    def hash_index(self) -> HashIndex:
        """The hash table, built on first use."""
        if self._hash_index is None:
            self._hash_index = _build_hash_index(self)
        return self._hash_index

    def __len__(self) -> int:
        return len(self.ends)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            ids = range(len(self))[index]
            return [self[i] for i in ids] if ids.step != 1 else list(self._read(ids))
        try:
            return _decoded(self._bytes(range(len(self))[index]))
        except IndexError:
            raise IndexError(f"no word {index} among {len(self):,}") from None

    def __iter__(self) -> Iterator[str]:
        return self._read(range(len(self)))

    def __contains__(self, word: object) -> bool:
        return isinstance(word, str) and self.find(word) >= 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"<{counted(len(self), 'word')}>"

    def find(self, word: str) -> int:
        """Return the id of a word, or -1."""
        encoded = word.encode("utf-8", SURROGATE_ERRORS)
        starts, ids = self.hash_index
        slot = crc32(encoded) & (len(starts) - 2)
        for i in ids[starts[slot] : starts[slot + 1]].tolist():
            if 0 <= i < len(self) and self._bytes(i) == encoded:
                return int(i)
        return -1

    def take(self, ids: NDArray[np.int64]) -> "StringTable":
        """Return the words with these ids, in their order."""
        starts = np.where(ids > 0, self.ends[ids - 1], 0)
        lengths = self.ends[ids] - starts
        ends = np.cumsum(lengths)
        starts -= ends - lengths  # what a byte's position here is below that in self.text
        text = np.empty(lengths.sum(), np.uint8)
        for first in range(0, len(ids), BLOCK_WORDS):
            block = slice(first, first + BLOCK_WORDS)
            begin, end = ends[first] - lengths[first], ends[block][-1]
            text[begin:end] = self.text[
                np.arange(begin, end) + np.repeat(starts[block], lengths[block])
            ]
        return StringTable(text, ends)

    def non_ascii_ids(self) -> NDArray[np.int64]:
        """Return the ids of words with non-ASCII characters."""
        found = np.searchsorted(self.ends, np.flatnonzero(self.text >= 128), side="right")
        return np.unique(found)

    def _bytes(self, i: int) -> bytes:
        start = self.ends[i - 1] if i else 0
        return self.text[start : self.ends[i]].tobytes()

    def _read(self, ids: range) -> Iterator[str]:
        for word in self._encoded(ids):
            yield _decoded(word)

    def _encoded(self, ids: range) -> Iterator[bytes]:
        """Yield the bytes of words with successive ids."""
        for first in range(ids.start, ids.stop, BLOCK_WORDS):
            ends = self.ends[first : min(first + BLOCK_WORDS, ids.stop)].tolist()
            start = int(self.ends[first - 1]) if first else 0
            block = self.text[start : ends[-1]].tobytes()
            for begin, end in pairwise([0, *(end - start for end in ends)]):
                yield block[begin:end]


def _build_hash_index(words: StringTable) -> HashIndex:
    n_slots = 1 << max(1, len(words) - 1).bit_length()
    hashes = np.fromiter(map(crc32, words._encoded(range(len(words)))), np.uint32, len(words))
    slots = hashes & np.uint32(n_slots - 1)
    starts = np.zeros(n_slots + 1, np.int32)
    np.cumsum(np.bincount(slots, minlength=n_slots), out=starts[1:])
    return HashIndex(starts, np.argsort(slots, kind="stable").astype(np.int32))


def _decoded(encoded: bytes | memoryview) -> str:
    try:
        return str(encoded, "utf-8", SURROGATE_ERRORS)
    except UnicodeDecodeError:
        shown = bytes(encoded[:40])
        raise ModelError(f"broken model: a word is not UTF-8: {shown!r}") from None
