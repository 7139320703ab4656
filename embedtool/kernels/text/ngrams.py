"""The hash buckets of the character n-grams of many words, as fastText computes them."""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit

OFFSET = np.uint32(2166136261)
PRIME = np.uint32(16777619)
"""Constants of the 32-bit FNV-1a hash."""


@jit
def hash_ngrams(
    text: NDArray[np.uint8],
    ends: NDArray[np.int64],
    min_n: int,
    max_n: int,
    bucket: int,
    buckets: NDArray[np.int32],
) -> int:
    """Write the buckets of all n-grams of `min_n` to `max_n` characters, word after word.

    Parameters
    ----------
    text : ndarray of uint8
        The words in UTF-8, each between its boundary marks, without gaps.
    ends : ndarray of int64, shape (n_words,)
        Where each word ends.
    min_n, max_n : int
        Lengths of the n-grams in characters.
    bucket : int
        Number of buckets.
    buckets : ndarray of int32
        Output, with room for all n-grams.

    Returns
    -------
    int
        Number of n-grams.
    """
    n = 0
    begin = 0
    for word in range(len(ends)):
        end = ends[word]
        for start in range(begin, end):
            if _continues(text[start]):
                continue
            h = OFFSET
            length = 0
            for i in range(start, end):
                if not _continues(text[i]):
                    length += 1
                    if length > max_n:
                        break
                h = np.uint32((h ^ np.uint32(np.int8(text[i]))) * PRIME)
                complete = i + 1 == end or not _continues(text[i + 1])
                is_mark = length == 1 and (start == begin or i + 1 == end)
                if complete and length >= min_n and not is_mark:
                    buckets[n] = h % np.uint32(bucket)
                    n += 1
        begin = end
    return n


@jit
def _continues(byte: np.uint8) -> bool:
    """Return whether a byte of UTF-8 continues the character before it."""
    return bool((byte & 0xC0) == 0x80)
