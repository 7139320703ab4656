"""Interning: words in UTF-8 become ids, in order of first appearance."""

from dataclasses import dataclass
from threading import local

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.text.tokens import WordTable, intern_tokens
from embedtool.messages import brief

MIN_SLOTS = 2**16
"""Initial size of a hash table: enough for the words of 1 MiB of most texts, small enough for a
level-2 cache."""
SLOTS_PER_WORD = 2
"""Minimum number of slots per word; at this load look-ups are short."""
GROWTH = 4
"""Growth factor of a table. Growing interns all words again; a large factor makes that rare."""
BYTES_PER_SLOT = 8
"""Bytes per word, including a line end: few texts average more than 16."""


class WordInterner:
    """Words and their ids, which are given in order of first appearance."""

    def __init__(self) -> None:
        self._allocate(MIN_SLOTS)

    def _allocate(self, n_slots: int) -> None:
        max_words = n_slots // SLOTS_PER_WORD
        self._table = WordTable(
            slots=np.empty(n_slots, dtype=np.int32),
            keys=np.empty((max_words, 2), dtype=np.uint64),
            offsets=np.zeros(max_words + 1, dtype=np.int64),
            chars=np.empty(n_slots * BYTES_PER_SLOT // 8, dtype=np.uint64),
        )
        self.clear()

    def clear(self) -> None:
        """Forget all words."""
        self.n_words = 0
        self._table.slots[:] = 0

    @property
    def text(self) -> bytes:
        """The words by id, in UTF-8, a line end after each."""
        return self._table.chars.view(np.uint8)[: self._table.offsets[self.n_words]].tobytes()

    def intern(self, text: bytes) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the id of each token of a text; a new word gets the next id.

        Parameters
        ----------
        text : bytes
            Text in UTF-8, whose tokens are separated by ASCII white space or NUL.

        Returns
        -------
        ids : ndarray of int32, shape (n_tokens,)
            The ids.
        ends : ndarray of int64, shape (n_ends,)
            The number of tokens before each line end. Line ends of lines without tokens are left
            out, except the first.
        """
        chars = np.frombuffer(text, dtype=np.uint8)
        ids = np.empty(len(chars) // 2 + 1, dtype=np.int32)
        ends = np.empty(len(ids) + 1, dtype=np.int64)
        n_tokens = -1
        while n_tokens < 0:
            self.n_words, n_tokens, n_ends = intern_tokens(
                chars, self._table, self.n_words, ids, ends
            )
            if n_tokens < 0:
                self._grow()
        return ids[:n_tokens], ends[:n_ends]

    def _grow(self) -> None:
        words = self.text
        self._allocate(GROWTH * len(self._table.slots))
        self.intern(words)


@dataclass(frozen=True, eq=False)
class InternedText:
    """A block of text with ids of its own.

    Attributes
    ----------
    words : bytes
        Its distinct tokens in UTF-8, in order of first appearance, each followed by a line end.
    ids : ndarray of int32, shape (n_tokens,)
        Its tokens, as indices of `words`.
    ends : ndarray of int64, shape (n_ends,)
        As `WordInterner.intern` returns them.
    """

    __repr__ = brief

    words: bytes
    ids: NDArray[np.int32]
    ends: NDArray[np.int64]


class Interner(local):
    """Interns blocks of text, each by itself, on any number of threads.

    Each thread has one table, which is reused for every block.
    """

    def __init__(self) -> None:
        self.interner = WordInterner()

    def __call__(self, text: bytes) -> InternedText:
        """Intern the tokens of a text in UTF-8, separated by ASCII white space."""
        self.interner.clear()
        ids, ends = self.interner.intern(text)
        return InternedText(self.interner.text, ids, ends)
