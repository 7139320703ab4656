"""Words as numbers.

In: texts in UTF-8, block by block. Out: a number for each token, given by first appearance.
"""

from dataclasses import dataclass
from threading import local

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.text.tokens import number_tokens
from embedtool.messages import brief

MIN_SLOTS = 2**16
"""Of a hash table: enough for the words of 1 MiB of most texts, few enough for a level-2 cache."""
SLOTS_PER_WORD = 2
"""Searches are short in a hash table that has so many slots for each word, or more."""
GROWTH = 4
"""A table that grows so becomes large in a few steps, each of which numbers all words anew."""
BYTES_PER_SLOT = 8
"""Letters, with a line end after each word: in few texts do words have more than 16 on average."""


class WordInterner:
    """Words and their numbers, given in the order in which they first appear."""

    def __init__(self) -> None:
        self._make_room(MIN_SLOTS)

    def _make_room(self, n_slots: int) -> None:
        self._slots = np.empty(n_slots, dtype=np.int32)
        n_most = n_slots // SLOTS_PER_WORD
        self._keys = np.empty((n_most, 2), dtype=np.uint64)
        self._begins = np.zeros(n_most + 1, dtype=np.int64)
        self._letters = np.empty(n_slots * BYTES_PER_SLOT // 8, dtype=np.uint64)
        self.clear()

    def clear(self) -> None:
        """Forget all words."""
        self.n_words = 0
        self._slots[:] = 0

    @property
    def text(self) -> bytes:
        """The words in order, in UTF-8, a line end after each."""
        return self._letters.view(np.uint8)[: self._begins[self.n_words]].tobytes()

    def intern(self, text: bytes) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """The number of each token of a text in UTF-8, and how many stand before each line end.

        White space of ASCII and NUL separate tokens. A word that had no number gets the next one.
        Line ends that end no token are left out, but for the first.
        """
        letters = np.frombuffer(text, dtype=np.uint8)
        ids = np.empty(len(letters) // 2 + 1, dtype=np.int32)
        ends = np.empty(len(ids) + 1, dtype=np.int64)
        n_tokens = -1
        while n_tokens < 0:
            self.n_words, n_tokens, n_ends = number_tokens(
                letters, self._slots, self._keys, self._begins, self._letters, self.n_words,
                ids, ends,
            )  # fmt: skip
            if n_tokens < 0:
                self._grow()
        return ids[:n_tokens], ends[:n_ends]

    def _grow(self) -> None:
        """Make more room for the same words."""
        words = self.text
        self._make_room(GROWTH * len(self._slots))
        self.intern(words)


@dataclass(frozen=True, eq=False)
class InternedText:
    """A text whose tokens are numbered as if there were no other.

    words : its distinct tokens in UTF-8, in order of first appearance, a line end after each
    ids   : int32 (n_tokens,), rows of `words`
    ends  : int64 (n_ends,), rising: how many tokens stand before each line end that ends any, and
        before the first line end
    """

    __repr__ = brief

    words: bytes
    ids: NDArray[np.int32]
    ends: NDArray[np.int64]


class Interner(local):
    """Numbers texts on any number of threads; each has a table, which it uses again and again."""

    def __init__(self) -> None:
        self.interner = WordInterner()

    def __call__(self, text: bytes) -> InternedText:
        """Number the tokens of a text in UTF-8, which white space of ASCII separates."""
        self.interner.clear()
        ids, ends = self.interner.intern(text)
        return InternedText(self.interner.text, ids, ends)
