"""Numbering the tokens of a text, and renumbering them.

In: a text in UTF-8, its tokens between white space of ASCII, and the words met before. Out: the
number of each token and the ends of lines; the words, with the new ones added.

Words are numbered as they appear, and stand one after another in `letters`, a line end after each;
word i begins at begins[i]. `slots` is a hash table with open addressing: 1 + the number of a word
whose key leads there, or 0.

The key of a word of up to 15 bytes, a row of `keys`, is made of these bytes, the first one lowest,
and zeros. No byte of a word is 0, so equal keys are equal words. A longer word has a hash for its
key, whose lowest byte is 0; where such keys are equal, the letters are compared.

Letters are read eight at a time, as 64-bit numbers (little-endian).
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit

LINE_END = ord("\n")
SPACE = ord(" ")
FIRST_SPACE, LAST_SPACE = ord("\t"), ord("\r")
"""What stands between these two in ASCII is white space."""

PADDING = 24
"""So many bytes after the last letter may be read with it."""
BATCH = 256
"""Tokens are found, then looked up, so many at a time: a search that waits for memory does not keep
the next one from beginning, and the batch stays in the fastest cache."""

ONE = np.uint64(1)
LOW_BYTE = np.uint64(0xFF)
EACH_BYTE = np.uint64(0x0101010101010101)
EACH_HIGH_BIT = np.uint64(0x8080808080808080)
LINE_ENDS = np.uint64(0x0A0A0A0A0A0A0A0A)
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplying by it spreads keys over the high bits (Knuth, The Art of
Computer Programming, volume 3, section 6.4)."""
HALF = np.uint64(32)


@jit
def number_tokens(
    text: NDArray[np.uint8],
    slots: NDArray[np.int32],
    keys: NDArray[np.uint64],
    begins: NDArray[np.int64],
    letters: NDArray[np.uint64],
    n_words: int,
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
) -> tuple[int, int, int]:
    """Give each token of a text the number of its word, and a new word the next number.

    text    : uint8 (n_bytes,), read-only; NUL counts as white space
    slots   : int32 (a power of two), more than there is room for words
    keys    : uint64 (most words, 2)
    begins  : int64 (most words + 1,), begins[n_words] being where the next word is to stand
    letters : uint64; how many there are bounds the length of all words
    ids     : int32 (n_bytes // 2 + 1,), filled with the number of each token
    ends    : int64 (n_bytes // 2 + 2,), filled with how many tokens stand before each line end; but
        for the first, those are left out that have no token since the one before
    Returns how many words, tokens and ends there are; -1 tokens where there is no room for a word,
    those before it having been added.
    """
    padded = _padded(text)
    found = np.empty((BATCH, 2), dtype=np.uint64)
    spans = np.empty((BATCH, 2), dtype=np.int64)
    n_tokens, n_ends, place = 0, 0, 0
    while place < len(text):
        place, n, n_ends = _find(padded, place, len(text), found, spans, n_tokens, ends, n_ends)
        n_words, done = _look_up(
            padded, found[:n], spans, slots, keys, begins, letters, n_words, ids[n_tokens:]
        )
        if not done:
            return n_words, -1, n_ends
        n_tokens += n
    return n_words, n_tokens, n_ends


@jit
def _padded(text: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """A copy in which all white space but line ends is 0, with zeros after it."""
    padded = np.empty((len(text) + PADDING) // 8 + 1, dtype=np.uint64)
    letters = padded.view(np.uint8)
    for i in range(len(text)):
        letter = text[i]
        space = FIRST_SPACE <= letter <= LAST_SPACE and letter != LINE_END
        letters[i] = 0 if space or letter == SPACE else letter
    letters[len(text) :] = 0
    return padded


@jit
def _find(
    padded: NDArray[np.uint64],
    place: int,
    stop: int,
    found: NDArray[np.uint64],
    spans: NDArray[np.int64],
    n_before: int,
    ends: NDArray[np.int64],
    n_ends: int,
) -> tuple[int, int, int]:
    """Find tokens from a place on, as many as there is room for; returns (place, tokens, ends).

    found : filled with the keys of tokens
    spans : filled with (where it begins, length)
    """
    letters = padded.view(np.uint8)
    n = 0
    while place < stop and n < len(found):
        first, second = _load(padded, place), _load(padded, place + 8)
        first_marks, second_marks = _marks(first), _marks(second)
        if first_marks | second_marks:
            in_first = _below(first_marks)
            in_second = _below(second_marks) & (np.uint64(first_marks != 0) - ONE)
            length = _count(in_first) + _count(in_second)
            found[n, 0] = first & in_first
            found[n, 1] = second & in_second
        else:
            length, found[n, 0], found[n, 1] = _long_key(padded, place)
        spans[n, 0] = place
        spans[n, 1] = length
        n += length > 0
        place += length + 1
        n_now = n_before + n
        if letters[place - 1] == LINE_END and (n_ends == 0 or n_now > ends[n_ends - 1]):
            ends[n_ends] = n_now
            n_ends += 1
    return place, n, n_ends


@jit
def _long_key(padded: NDArray[np.uint64], place: int) -> tuple[int, np.uint64, np.uint64]:
    """The length of a token of 16 bytes or more, and its key."""
    length = 0
    low, high = ONE, ONE
    marks = np.uint64(0)
    while not marks:
        word = _load(padded, place + length)
        marks = _marks(word)
        low = _stirred(low, word & _below(marks))
        high = _stirred(high, low)
        length += _count(_below(marks))
    return length, low & ~LOW_BYTE, high


@jit
def _look_up(
    padded: NDArray[np.uint64],
    found: NDArray[np.uint64],
    spans: NDArray[np.int64],
    slots: NDArray[np.int32],
    keys: NDArray[np.uint64],
    begins: NDArray[np.int64],
    letters: NDArray[np.uint64],
    n_words: int,
    ids: NDArray[np.int32],
) -> tuple[int, bool]:
    """Number the tokens found; returns how many words there are, and whether there was room."""
    source, target = padded.view(np.uint8), letters.view(np.uint8)
    mask = np.uint64(len(slots) - 1)
    for k in range(len(found)):
        low, high = found[k, 0], found[k, 1]
        start, length = spans[k, 0], spans[k, 1]
        slot = (_stirred(_stirred(np.uint64(0), low), high) >> HALF) & mask
        number = slots[slot] - 1
        while number >= 0 and not (
            keys[number, 0] == low
            and keys[number, 1] == high
            and (low & LOW_BYTE != 0 or _same(padded, start, length, letters, begins, number))
        ):
            slot = (slot + ONE) & mask
            number = slots[slot] - 1
        if number < 0:
            begin = begins[n_words]
            if n_words == len(keys) or begin + length + 1 + PADDING > len(target):
                return n_words, False
            for i in range(length):
                target[begin + i] = source[start + i]
            target[begin + length] = LINE_END
            keys[n_words, 0] = low
            keys[n_words, 1] = high
            number = n_words
            n_words += 1
            begins[n_words] = begin + length + 1
            slots[slot] = n_words
        ids[k] = number
    return n_words, True


@jit
def _same(
    padded: NDArray[np.uint64],
    start: int,
    length: int,
    letters: NDArray[np.uint64],
    begins: NDArray[np.int64],
    number: int,
) -> bool:
    """Whether a token of 8 bytes or more is the word of a number."""
    begin = begins[number]
    if begins[number + 1] - begin - 1 != length:
        return False
    last = length - 8
    for done in range(0, last, 8):
        if _load(padded, start + done) != _load(letters, begin + done):
            return False
    return bool(_load(padded, start + last) == _load(letters, begin + last))


@jit
def _load(letters: NDArray[np.uint64], place: int) -> np.uint64:
    """Eight bytes from a place on, the first one lowest."""
    bits = np.uint64(8 * (place & 7))
    low, high = letters[place >> 3], letters[(place >> 3) + 1]
    return np.uint64(low >> bits | (high << ONE) << (np.uint64(63) - bits))


@jit
def _marks(word: np.uint64) -> np.uint64:
    """The high bit of each byte that is 0 or a line end; right up to the lowest of them.

    (x - 1) & ~x & 0x80 is not 0 where a byte x is 0 (Warren, Hacker's Delight, section 6-1).
    """
    other = word ^ LINE_ENDS
    return ((word - EACH_BYTE) & ~word | (other - EACH_BYTE) & ~other) & EACH_HIGH_BIT


@jit
def _below(marks: np.uint64) -> np.uint64:
    """All bits of the bytes below the lowest mark; all bits where there is none."""
    return ((marks & (~marks + ONE)) >> np.uint64(7)) - ONE


@jit
def _count(bits: np.uint64) -> int:
    """How many bytes have all their bits, the others having none."""
    return int(np.int64((bits & EACH_BYTE) * EACH_BYTE >> np.uint64(56)))


@jit
def _stirred(key: np.uint64, word: np.uint64) -> np.uint64:
    """A hash of what was hashed before and of a word, most of it in the high bits."""
    return (key ^ key >> HALF ^ word) * GOLDEN


@jit
def renumber(ids: NDArray[np.int32], numbers: NDArray[np.int32], counts: NDArray[np.int64]) -> None:
    """Put numbers[i] in the place of each id i, and count it.

    ids     : int32 (n_tokens,), changed in place
    numbers : int32 (n_types,), the new number of each id
    counts  : int64, longer than the largest number; each token adds 1 to that of its new number
    """
    for k in range(len(ids)):
        number = numbers[ids[k]]
        ids[k] = number
        counts[number] += 1


@jit
def keep_rows(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    rows: NDArray[np.int32],
    kept: NDArray[np.int32],
    kept_ends: NDArray[np.int64],
) -> int:
    """Renumber tokens to rows, and leave out those that have none; returns how many are kept.

    ids       : int32 (n_tokens,), read-only
    ends      : int64 (n_ends,), rising, where in `ids` sentences end
    rows      : int32 (n_types,), the row of each id, or -1
    kept      : int32 (n_tokens,), filled with the rows of the tokens kept
    kept_ends : int64 (n_ends,), filled with where in `kept` the sentences end
    """
    n, start = 0, 0
    for k in range(len(ends)):
        n = _keep(ids[start : ends[k]], rows, kept, n)
        start = ends[k]
        kept_ends[k] = n
    return _keep(ids[start:], rows, kept, n)


@jit
def _keep(ids: NDArray[np.int32], rows: NDArray[np.int32], kept: NDArray[np.int32], n: int) -> int:
    for i in range(len(ids)):
        row = rows[ids[i]]
        kept[n] = row
        n += row >= 0
    return n
