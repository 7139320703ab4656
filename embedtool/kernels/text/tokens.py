"""Interning the tokens of a text.

Words get ids in the order in which they appear. Characters are read eight bytes at a time, as
64-bit integers (little-endian).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit, jit_inline
from embedtool.kernels.simd.characters import (
    N_LANES,
    find_spaces,
    load_word,
    lowest_bit,
    store_word,
)
from embedtool.kernels.simd.prefetch import prefetch_element, prefetch_row

LINE_END = ord("\n")
KEY_BYTES = 16
"""Words of fewer bytes are their own key."""
PADDING = N_LANES
"""Bytes after the last character that may be read or written with it."""
BATCH = 256
"""Tokens are found, then hashed, then looked up, about this many at a time: a look-up that waits
for memory does not delay the next one, and the batch stays in the fastest cache."""

ONE = np.uint64(1)
LOW_BYTE = np.uint64(0xFF)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplying by it spreads keys over the high bits (Knuth, The Art of
Computer Programming, volume 3, section 6.4)."""
HALF = np.uint64(32)
FIRST_BYTES = np.array(
    [[2 ** (8 * min(n, 8)) - 1, 2 ** (8 * max(n - 8, 0)) - 1] for n in range(KEY_BYTES + 1)],
    dtype=np.uint64,
)
"""Masks of the first n bytes of two integers."""


class WordTable(NamedTuple):
    """The words met so far, with a hash table.

    The key of a word of up to 15 bytes consists of these bytes, the first one lowest, and zeros. No
    byte of a word is 0, so equal keys are equal words. The key of a longer word is a hash whose
    lowest byte is 0; where such keys are equal, the characters are compared.

    Attributes
    ----------
    slots : ndarray of int32, shape (n_slots,)
        Hash table with open addressing: 1 + the id of a word, or 0. `n_slots` is a power of two and
        larger than `max_words`.
    keys : ndarray of uint64, shape (max_words, 2)
        The key of each word.
    offsets : ndarray of int64, shape (max_words + 1,)
        Where in `chars` each word begins; offsets[n_words] is where the next one will.
    chars : ndarray of uint8
        The words in UTF-8, a line end after each, then at least PADDING bytes.
    """

    slots: NDArray[np.int32]
    keys: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    chars: NDArray[np.uint8]


class Tokens(NamedTuple):
    """A batch of tokens of a text.

    Attributes
    ----------
    starts, lengths : ndarray of int64, shape (BATCH + N_LANES,)
        The first byte of each token in the text, and its number of bytes.
    keys : ndarray of uint64, shape (BATCH + N_LANES, 2)
        The key of each token.
    slots : ndarray of int64, shape (BATCH + N_LANES,)
        The slot at which the search for it begins.
    """

    starts: NDArray[np.int64]
    lengths: NDArray[np.int64]
    keys: NDArray[np.uint64]
    slots: NDArray[np.int64]


def new_batch() -> Tokens:
    """Return memory for a batch.

    The kernel allocates none, and assigns no slice: numba compiles errors of shape with that, with
    texts, which took two thirds of the 2.3 s of this kernel.
    """
    size = BATCH + N_LANES
    starts, lengths, slots = (np.empty(size, np.int64) for _ in range(3))
    return Tokens(starts, lengths, np.empty((size, 2), np.uint64), slots)


@jit
def intern_tokens(
    padded: NDArray[np.uint8],
    batch: Tokens,
    table: WordTable,
    n_words: int,
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Look up the id of each token of a text, adding new words to a table.

    Parameters
    ----------
    padded : ndarray of uint8, shape (n_bytes + PADDING,)
        Text in UTF-8, whose tokens are separated by white space, and zeros; NUL is white space too.
    batch : Tokens
        Overwritten.
    table : WordTable
        Known words; new ones are added in place.
    n_words : int
        Number of words in the table.
    ids : ndarray of int32, shape (n_bytes // 2 + 1,)
        Output: the id of each token.
    ends : ndarray of int64, shape (n_bytes // 2 + 2,)
        Output: the number of tokens before each line end, without line ends (but for the first)
        that no token precedes on their line.

    Returns
    -------
    n_words : int
        Number of words in the table.
    n_tokens : int
        Number of tokens, or -1 if the table is full; then the words that fitted have been added.
    n_ends : int
        Number of line ends.
    """
    stop = len(padded) - PADDING
    n_tokens, n_ends, offset, start = 0, 0, 0, 0
    while offset <= stop:
        offset, start, n, n_ends = _find(padded, offset, start, stop, batch, n_tokens, ends, n_ends)
        _hash(padded, batch, n, table)
        _prefetch_keys(batch, n, table)
        n_words, done = _look_up(padded, batch, table, n_words, ids[n_tokens : n_tokens + n])
        if not done:
            return n_words, -1, n_ends
        n_tokens += n
    return n_words, n_tokens, n_ends


@jit
def _find(
    padded: NDArray[np.uint8],
    offset: int,
    start: int,
    stop: int,
    batch: Tokens,
    n_before: int,
    ends: NDArray[np.int64],
    n_ends: int,
) -> tuple[int, int, int, int]:
    """Find the next tokens, until there are BATCH or more, or the text ends.

    Parameters
    ----------
    padded : ndarray of uint8, shape (stop + PADDING,)
        The text, and zeros after it.
    offset, start, stop : int
        Byte to begin with, the first byte after the last white space before it, and the length of
        the text.
    batch : Tokens
        Output: the starts and lengths of the tokens.
    n_before : int
        Number of tokens before these.
    ends : ndarray of int64
        As in `intern_tokens`.
    n_ends : int
        Number of `ends` so far.

    Returns
    -------
    offset, start : int
        As the parameters, to go on with.
    n_tokens : int
        Number of tokens found.
    n_ends : int
        Number of `ends`.
    """
    starts, lengths = batch.starts, batch.lengths
    n = 0
    while offset <= stop and n < BATCH:
        spaces, line_ends = find_spaces(padded, offset)
        while spaces:
            space = offset + lowest_bit(spaces)
            starts[n] = start
            lengths[n] = space - start
            n += space > start
            start = space + 1
            if line_ends and padded[space] == LINE_END:
                n_now = n_before + n
                if n_ends == 0 or n_now > ends[n_ends - 1]:
                    ends[n_ends] = n_now
                    n_ends += 1
            spaces &= spaces - ONE
        offset += N_LANES
    return offset, start, n, n_ends


@jit
def _hash(padded: NDArray[np.uint8], batch: Tokens, n: int, table: WordTable) -> None:
    """Write the keys and slots of the first `n` tokens of a batch, and prefetch these slots."""
    for k in range(n):
        start, length = batch.starts[k], batch.lengths[k]
        if length < KEY_BYTES:
            low = load_word(padded, start) & FIRST_BYTES[length, 0]
            high = load_word(padded, start + 8) & FIRST_BYTES[length, 1]
        else:
            low, high = _long_key(padded, start, length)
        batch.keys[k, 0] = low
        batch.keys[k, 1] = high
        batch.slots[k] = _first_slot(table, low, high)
        prefetch_element(table.slots, batch.slots[k])


@jit
def _prefetch_keys(batch: Tokens, n: int, table: WordTable) -> None:
    """Prefetch the keys of the words in the slots of the first `n` tokens of a batch."""
    for k in range(n):
        word_id = table.slots[batch.slots[k]] - 1
        prefetch_row(table.keys, max(word_id, 0))


@jit
def _long_key(padded: NDArray[np.uint8], start: int, length: int) -> tuple[np.uint64, np.uint64]:
    """Return the key of a token of 16 bytes or more."""
    low, high = ONE, ONE
    for done in range(0, length + 1, 8):
        word = load_word(padded, start + done) & FIRST_BYTES[min(length - done, 8), 0]
        low = _hash_combine(low, word)
        high = _hash_combine(high, low)
    return low & ~LOW_BYTE, high


@jit
def _look_up(
    padded: NDArray[np.uint8],
    batch: Tokens,
    table: WordTable,
    n_words: int,
    ids: NDArray[np.int32],
) -> tuple[int, bool]:
    """Write the ids of the tokens found; return the number of words and whether there was room."""
    slots, keys, offsets, chars = table.slots, table.keys, table.offsets, table.chars
    last_slot = len(slots) - 1
    for k in range(len(ids)):
        low, high, slot = batch.keys[k, 0], batch.keys[k, 1], batch.slots[k]
        word_id = slots[slot] - 1
        while word_id >= 0 and not (
            keys[word_id, 0] == low
            and keys[word_id, 1] == high
            and (
                low & LOW_BYTE != 0
                or _same(padded, batch.starts[k], batch.lengths[k], table, word_id)
            )
        ):
            slot = (slot + 1) & last_slot
            word_id = slots[slot] - 1
        if word_id < 0:
            begin, start, length = offsets[n_words], batch.starts[k], batch.lengths[k]
            if n_words == len(keys) or begin + length + 1 + PADDING > len(chars):
                return n_words, False
            for done in range(0, length, 8):
                store_word(chars, begin + done, load_word(padded, start + done))
            chars[begin + length] = LINE_END
            keys[n_words, 0] = low
            keys[n_words, 1] = high
            word_id = n_words
            n_words += 1
            offsets[n_words] = begin + length + 1
            slots[slot] = n_words
        ids[k] = word_id
    return n_words, True


@jit
def _same(
    padded: NDArray[np.uint8],
    start: int,
    length: int,
    table: WordTable,
    word_id: int,
) -> bool:
    """Return whether a token of KEY_BYTES bytes or more is the word of an id."""
    begin = table.offsets[word_id]
    if table.offsets[word_id + 1] - begin - 1 != length:
        return False
    last = length - 8
    for done in range(0, last, 8):
        if load_word(padded, start + done) != load_word(table.chars, begin + done):
            return False
    return bool(load_word(padded, start + last) == load_word(table.chars, begin + last))


@jit_inline
def _first_slot(table: WordTable, low: np.uint64, high: np.uint64) -> int:
    """Return the slot at which the search for a key begins."""
    key_hash = _hash_combine(_hash_combine(np.uint64(0), low), high)
    return int(np.int64(key_hash >> HALF)) & (len(table.slots) - 1)


@jit_inline
def _hash_combine(key: np.uint64, word: np.uint64) -> np.uint64:
    """Return the hash of an earlier hash and eight bytes, with most entropy in the high bits."""
    return (key ^ key >> HALF ^ word) * GOLDEN


@jit
def fill_slots(table: WordTable, n_words: int, batch: Tokens) -> None:
    """Enter the first words of a table in its slots, which must be empty; overwrite a batch."""
    slots = table.slots
    last_slot = len(slots) - 1
    chosen = batch.slots
    for first in range(0, n_words, BATCH):
        last = min(first + BATCH, n_words)
        for word_id in range(first, last):
            slot = _first_slot(table, table.keys[word_id, 0], table.keys[word_id, 1])
            chosen[word_id - first] = slot
            prefetch_element(slots, slot)
        for word_id in range(first, last):
            slot = chosen[word_id - first]
            while slots[slot]:
                slot = (slot + 1) & last_slot
            slots[slot] = word_id + 1
