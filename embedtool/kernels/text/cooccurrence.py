"""Counting pairs of words that stand near each other, by sorting.

In: ids of a corpus. Out: the pairs of a stretch of it, each once, with the sum of its weights.

A pair (row, column) is one number, its key: the row's code plus the column's. Codes are such that
no two pairs have the same key, and that pairs sorted by key stand as training wants them. An entry
is one meeting of two words, key << distance_bits | distance: sorted entries of a pair follow each
other, and tell what each adds.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit


@jit
def distance_bits(window: int) -> int:
    """How many bits of an entry hold the distance."""
    bits = 0
    while window >> bits:
        bits += 1
    return bits


@jit
def list_pairs(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    start: int,
    stop: int,
    codes: NDArray[np.uint64],
    window: int,
    symmetric: bool,
    entries: NDArray[np.uint64],
) -> tuple[int, int]:
    """Write an entry for each token of [start, stop) with each to its left, in its sentence.

    ids     : int32 (n_tokens,)
    ends    : int64 (n_sentences,), where in `ids` each sentence ends
    codes   : uint64 (n_words, 2), what a word adds to the key as a row, and as a column
    entries : uint64, written from its beginning on; no token is begun whose pairs might not fit
    A symmetric pair is written once, as (smaller id, larger id); else it is (word, word to its
    left). Returns the token to go on with, `stop` when all are done, and the number of entries.
    """
    shift = np.uint64(distance_bits(window))
    n = 0
    sentence = np.searchsorted(ends, start, side="right")
    sentence_start = ends[sentence - 1] if sentence > 0 else 0
    for i in range(start, stop):
        while i >= ends[sentence]:
            sentence_start = ends[sentence]
            sentence += 1
        if n + window > len(entries):
            return i, n
        word = ids[i]
        for j in range(max(sentence_start, i - window), i):
            left = ids[j]
            as_row = codes[word, 0] + codes[left, 1]
            as_column = codes[left, 0] + codes[word, 1]
            key = as_column if symmetric and left < word else as_row
            entries[n] = key << shift | np.uint64(i - j)
            n += 1
    return stop, n


@jit
def sum_entries(
    entries: NDArray[np.uint64], weights: NDArray[np.int64], sums: NDArray[np.int64]
) -> int:
    """Sum the weights of each pair, leaving the keys in the front of `entries`.

    entries : uint64 (n,), rising; changed in place
    weights : int64 (window + 1,), what a pair at each distance adds
    sums    : int64 (n,), written from its beginning on
    Returns the number of pairs: of keys and of sums.
    """
    shift = np.uint64(distance_bits(len(weights) - 1))
    low = (np.uint64(1) << shift) - np.uint64(1)
    n = 0
    for k in range(len(entries)):
        entry = entries[k]
        key = entry >> shift
        if n == 0 or key != entries[n - 1]:
            entries[n] = key
            sums[n] = 0
            n += 1
        sums[n - 1] += weights[entry & low]
    return n


@jit
def merge_sums(
    first_keys: NDArray[np.uint64],
    first_sums: NDArray[np.int64],
    second_keys: NDArray[np.uint64],
    second_sums: NDArray[np.int64],
    keys: NDArray[np.uint64],
    sums: NDArray[np.int64],
) -> int:
    """Merge two lists of keys, each rising and distinct, into one, adding up their sums.

    keys, sums : uint64 and int64, as long as both lists together, written from the beginning on
    Returns how many keys there are.
    """
    i = j = n = 0
    while i < len(first_keys) and j < len(second_keys):
        first, second = first_keys[i], second_keys[j]
        keys[n] = min(first, second)
        sums[n] = 0
        if first <= second:
            sums[n] += first_sums[i]
            i += 1
        if second <= first:
            sums[n] += second_sums[j]
            j += 1
        n += 1
    for rest in range(i, len(first_keys)):
        keys[n], sums[n] = first_keys[rest], first_sums[rest]
        n += 1
    for rest in range(j, len(second_keys)):
        keys[n], sums[n] = second_keys[rest], second_sums[rest]
        n += 1
    return n
