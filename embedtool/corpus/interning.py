"""Interning: words in UTF-8 become ids, in order of first appearance."""

from dataclasses import dataclass
from threading import local

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.text.ids import count_ids
from embedtool.kernels.text.tokens import PADDING, WordTable, fill_slots, intern_tokens, new_batch
from embedtool.messages import brief

MIN_SLOTS = 2**16
"""Initial size of a hash table: enough for the words of 1 MiB of most texts, small enough for a
level-2 cache. Tables that keep the words of earlier blocks took as long: fewer words are new, but
more look-ups leave that cache."""
SLOTS_PER_WORD = 2
"""Minimum number of slots per word; at this load look-ups are short."""
BYTES_PER_SLOT = 8
"""Bytes per word, including a line end: few texts average more than 16."""


class WordInterner:
    """Words and their ids, which are given in order of first appearance."""

    def __init__(self) -> None:
        self._table = _new_table(MIN_SLOTS)
        self._batch = new_batch()
        self.n_words = 0

    def clear(self) -> None:
        """Forget all words."""
        self.n_words = 0
        self._table.slots[:] = 0

    @property
    def text(self) -> bytes:
        """The words by id, in UTF-8, a line end after each."""
        return self._table.chars[: self._table.offsets[self.n_words]].tobytes()

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
        padded = np.zeros(len(text) + PADDING, dtype=np.uint8)
        padded[: len(text)] = np.frombuffer(text, dtype=np.uint8)
        ids = np.empty(len(text) // 2 + 1, dtype=np.int32)
        ends = np.empty(len(ids) + 1, dtype=np.int64)
        n_tokens = -1
        while n_tokens < 0:
            self.n_words, n_tokens, n_ends = intern_tokens(
                padded, self._batch, self._table, self.n_words, ids, ends
            )
            if n_tokens < 0:
                self._grow()
        return ids[:n_tokens], ends[:n_ends]

    def _grow(self) -> None:
        """Copy the words to a table with twice the slots."""
        old, n_words = self._table, self.n_words
        self._table = _new_table(2 * len(old.slots))
        self._table.keys[:n_words] = old.keys[:n_words]
        self._table.offsets[: n_words + 1] = old.offsets[: n_words + 1]
        n_bytes = old.offsets[n_words]
        self._table.chars[:n_bytes] = old.chars[:n_bytes]
        fill_slots(self._table, n_words, self._batch)


def _new_table(n_slots: int) -> WordTable:
    """Return a table without words."""
    max_words = n_slots // SLOTS_PER_WORD
    return WordTable(
        slots=np.zeros(n_slots, dtype=np.int32),
        keys=np.empty((max_words, 2), dtype=np.uint64),
        offsets=np.zeros(max_words + 1, dtype=np.int64),
        chars=np.empty(n_slots * BYTES_PER_SLOT, dtype=np.uint8),
    )


@dataclass(frozen=True, eq=False)
class InternedText:
    """A block of text with ids of its own.

    Attributes
    ----------
    words : bytes
        Its distinct tokens in UTF-8, in order of first appearance, each followed by a line end.
    ids : ndarray of int32, shape (n_tokens,)
        Its tokens, as indices of `words`.
    counts : ndarray of int64, shape (n_words,)
        The count of each word in the block.
    ends : ndarray of int64, shape (n_ends,)
        As `WordInterner.intern` returns them.
    """

    __repr__ = brief

    words: bytes
    ids: NDArray[np.int32]
    counts: NDArray[np.int64]
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
        counts = np.zeros(self.interner.n_words, dtype=np.int64)
        count_ids(ids, counts)
        return InternedText(self.interner.text, ids, counts, ends)
