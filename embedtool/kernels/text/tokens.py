"""Interning the tokens of a text, and mapping their ids.

Words get ids in the order in which they appear. Characters are read eight bytes at a time, as
64-bit integers (little-endian).
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit

LINE_END = ord("\n")
SPACE = ord(" ")
FIRST_SPACE, LAST_SPACE = ord("\t"), ord("\r")
"""ASCII characters from the first to the last are white space."""

PADDING = 24
"""Bytes after the last character that may be read with it."""
BATCH = 256
"""Tokens are found, then looked up, this many at a time: a look-up that waits for memory does not
delay the next one, and the batch stays in the fastest cache."""

ONE = np.uint64(1)
LOW_BYTE = np.uint64(0xFF)
EACH_BYTE = np.uint64(0x0101010101010101)
EACH_HIGH_BIT = np.uint64(0x8080808080808080)
LINE_ENDS = np.uint64(0x0A0A0A0A0A0A0A0A)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplying by it spreads keys over the high bits (Knuth, The Art of
Computer Programming, volume 3, section 6.4)."""
HALF = np.uint64(32)


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
        Where in the bytes of `chars` each word begins; offsets[n_words] is where the next one will.
    chars : ndarray of uint64
        The words in UTF-8, a line end after each. Its size bounds their total length.
    """

    slots: NDArray[np.int32]
    keys: NDArray[np.uint64]
    offsets: NDArray[np.int64]
    chars: NDArray[np.uint64]


@jit
def intern_tokens(
    text: NDArray[np.uint8],
    table: WordTable,
    n_words: int,
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Look up the id of each token of a text, adding new words to a table.

    Parameters
    ----------
    text : ndarray of uint8, shape (n_bytes,)
        Text in UTF-8, read-only, whose tokens are separated by white space; NUL counts as such.
    table : WordTable
        Known words; new ones are added in offset.
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
    padded = _padded(text)
    found = np.empty((BATCH, 2), dtype=np.uint64)
    spans = np.empty((BATCH, 2), dtype=np.int64)
    n_tokens, n_ends, offset = 0, 0, 0
    while offset < len(text):
        offset, n, n_ends = _find(padded, offset, len(text), found, spans, n_tokens, ends, n_ends)
        n_words, done = _look_up(padded, found[:n], spans, table, n_words, ids[n_tokens:])
        if not done:
            return n_words, -1, n_ends
        n_tokens += n
    return n_words, n_tokens, n_ends


@jit
def _padded(text: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Copy a text with zeros for all white space but line ends, and zeros after it."""
    padded = np.empty((len(text) + PADDING) // 8 + 1, dtype=np.uint64)
    chars = padded.view(np.uint8)
    for i in range(len(text)):
        char = text[i]
        space = FIRST_SPACE <= char <= LAST_SPACE and char != LINE_END
        chars[i] = 0 if space or char == SPACE else char
    chars[len(text) :] = 0
    return padded


@jit
def _find(
    padded: NDArray[np.uint64],
    offset: int,
    stop: int,
    found: NDArray[np.uint64],
    spans: NDArray[np.int64],
    n_before: int,
    ends: NDArray[np.int64],
    n_ends: int,
) -> tuple[int, int, int]:
    """Find the next tokens, as many as there is room for.

    Parameters
    ----------
    padded : ndarray of uint64
        The text, as `_padded` returns it.
    offset, stop : int
        Byte to begin with, and the length of the text.
    found : ndarray of uint64, shape (BATCH, 2)
        Output: the key of each token.
    spans : ndarray of int64, shape (BATCH, 2)
        Output: the offset and length of each token.
    n_before : int
        Number of tokens before these.
    ends : ndarray of int64
        As in `intern_tokens`.
    n_ends : int
        Number of `ends` so far.

    Returns
    -------
    offset : int
        Byte to go on with.
    n_tokens : int
        Number of tokens found.
    n_ends : int
        Number of `ends`.
    """
    chars = padded.view(np.uint8)
    n = 0
    while offset < stop and n < len(found):
        first, second = _load(padded, offset), _load(padded, offset + 8)
        first_marks, second_marks = _marks(first), _marks(second)
        if first_marks | second_marks:
            in_first = _below(first_marks)
            in_second = _below(second_marks) & (np.uint64(first_marks != 0) - ONE)
            length = _count(in_first) + _count(in_second)
            found[n, 0] = first & in_first
            found[n, 1] = second & in_second
        else:
            length, found[n, 0], found[n, 1] = _long_key(padded, offset)
        spans[n, 0] = offset
        spans[n, 1] = length
        n += length > 0
        offset += length + 1
        n_now = n_before + n
        if chars[offset - 1] == LINE_END and (n_ends == 0 or n_now > ends[n_ends - 1]):
            ends[n_ends] = n_now
            n_ends += 1
    return offset, n, n_ends


@jit
def _long_key(padded: NDArray[np.uint64], offset: int) -> tuple[int, np.uint64, np.uint64]:
    """Return the length of a token of 16 bytes or more, and its key."""
    length = 0
    low, high = ONE, ONE
    marks = np.uint64(0)
    while not marks:
        word = _load(padded, offset + length)
        marks = _marks(word)
        low = _hash_combine(low, word & _below(marks))
        high = _hash_combine(high, low)
        length += _count(_below(marks))
    return length, low & ~LOW_BYTE, high


@jit
def _look_up(
    padded: NDArray[np.uint64],
    found: NDArray[np.uint64],
    spans: NDArray[np.int64],
    table: WordTable,
    n_words: int,
    ids: NDArray[np.int32],
) -> tuple[int, bool]:
    """Write the ids of the tokens found; return the number of words and whether there was room."""
    slots, keys, offsets = table.slots, table.keys, table.offsets
    source, target = padded.view(np.uint8), table.chars.view(np.uint8)
    mask = np.uint64(len(slots) - 1)
    for k in range(len(found)):
        low, high = found[k, 0], found[k, 1]
        start, length = spans[k, 0], spans[k, 1]
        slot = (_hash_combine(_hash_combine(np.uint64(0), low), high) >> HALF) & mask
        word_id = slots[slot] - 1
        while word_id >= 0 and not (
            keys[word_id, 0] == low
            and keys[word_id, 1] == high
            and (low & LOW_BYTE != 0 or _same(padded, start, length, table, word_id))
        ):
            slot = (slot + ONE) & mask
            word_id = slots[slot] - 1
        if word_id < 0:
            begin = offsets[n_words]
            if n_words == len(keys) or begin + length + 1 + PADDING > len(target):
                return n_words, False
            for i in range(length):
                target[begin + i] = source[start + i]
            target[begin + length] = LINE_END
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
    padded: NDArray[np.uint64],
    start: int,
    length: int,
    table: WordTable,
    word_id: int,
) -> bool:
    """Return whether a token of 8 bytes or more is the word of an id."""
    begin = table.offsets[word_id]
    if table.offsets[word_id + 1] - begin - 1 != length:
        return False
    last = length - 8
    for done in range(0, last, 8):
        if _load(padded, start + done) != _load(table.chars, begin + done):
            return False
    return bool(_load(padded, start + last) == _load(table.chars, begin + last))


@jit
def _load(chars: NDArray[np.uint64], offset: int) -> np.uint64:
    """Return the eight bytes at an offset, the first one lowest."""
    bits = np.uint64(8 * (offset & 7))
    low, high = chars[offset >> 3], chars[(offset >> 3) + 1]
    return np.uint64(low >> bits | (high << ONE) << (np.uint64(63) - bits))


@jit
def _marks(word: np.uint64) -> np.uint64:
    """Return the high bit of each byte that is 0 or a line end; correct up to the lowest of them.

    (x - 1) & ~x & 0x80 is not 0 where a byte x is 0 (Warren, Hacker's Delight, section 6-1).
    """
    other = word ^ LINE_ENDS
    return ((word - EACH_BYTE) & ~word | (other - EACH_BYTE) & ~other) & EACH_HIGH_BIT


@jit
def _below(marks: np.uint64) -> np.uint64:
    """Return all bits of the bytes below the lowest mark, or all bits if there is none."""
    return ((marks & (~marks + ONE)) >> np.uint64(7)) - ONE


@jit
def _count(bits: np.uint64) -> int:
    """Count the bytes with all bits set, the others having none."""
    return int(np.int64((bits & EACH_BYTE) * EACH_BYTE >> np.uint64(56)))


@jit
def _hash_combine(key: np.uint64, word: np.uint64) -> np.uint64:
    """Return the hash of an earlier hash and eight bytes, with most entropy in the high bits."""
    return (key ^ key >> HALF ^ word) * GOLDEN


@jit
def remap_ids(
    ids: NDArray[np.int32], new_ids: NDArray[np.int32], counts: NDArray[np.int64]
) -> None:
    """Replace each id by its new id, and count these.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        Changed in offset.
    new_ids : ndarray of int32, shape (n_types,)
        The new id of each id.
    counts : ndarray of int64
        Longer than the largest new id; each token adds 1 to the count of its new id.
    """
    for k in range(len(ids)):
        new_id = new_ids[ids[k]]
        ids[k] = new_id
        counts[new_id] += 1


@jit
def filter_ids(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    rows: NDArray[np.int32],
    kept: NDArray[np.int32],
    kept_ends: NDArray[np.int64],
) -> int:
    """Replace ids by rows, dropping tokens that have none.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        Read-only.
    ends : ndarray of int64, shape (n_ends,)
        Where in `ids` each sentence ends, ascending.
    rows : ndarray of int32, shape (n_types,)
        The row of each id, or -1.
    kept : ndarray of int32, shape (n_tokens,)
        Output: the rows of the remaining tokens.
    kept_ends : ndarray of int64, shape (n_ends,)
        Output: where in `kept` each sentence ends.

    Returns
    -------
    int
        Number of remaining tokens.
    """
    n, start = 0, 0
    for k in range(len(ends)):
        n = _filter(ids[start : ends[k]], rows, kept, n)
        start = ends[k]
        kept_ends[k] = n
    return _filter(ids[start:], rows, kept, n)


@jit
def _filter(
    ids: NDArray[np.int32], rows: NDArray[np.int32], kept: NDArray[np.int32], n: int
) -> int:
    for i in range(len(ids)):
        row = rows[ids[i]]
        kept[n] = row
        n += row >= 0
    return n
