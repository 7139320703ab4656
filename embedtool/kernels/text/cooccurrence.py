"""Counting co-occurrences by sorting.

A pair (row, column) is one integer, its key: the code of the row plus that of the column. Codes are
such that no two pairs have the same key, and that pairs sorted by key are in the order in which
they are trained. An entry is one co-occurrence of two words, ``key << distance_bits | distance``:
sorted entries of a pair follow each other, with the distance that gives the weight of each.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit


@jit
def distance_bits(window: int) -> int:
    """Return the number of bits that hold the distance in an entry."""
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
    """Write an entry for each token of [start, stop) with each to its left, within its sentence.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        The tokens.
    ends : ndarray of int64, shape (n_sentences,)
        Where in `ids` each sentence ends.
    start, stop : int
        The range of tokens.
    codes : ndarray of uint64, shape (n_words, 2)
        What a word adds to a key as a row, and as a column.
    window : int
        Largest distance.
    symmetric : bool
        Write a pair as (smaller id, larger id), instead of (word, word to its left).
    entries : ndarray of uint64
        Output. No token is begun whose pairs might not fit.

    Returns
    -------
    next_token : int
        The token to go on with, `stop` at the end.
    n_entries : int
        Number of entries.
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
    """Sum the weights of each pair, leaving the keys at the front of `entries`.

    Parameters
    ----------
    entries : ndarray of uint64, shape (n,)
        Ascending; changed in place.
    weights : ndarray of int64, shape (window + 1,)
        The weight of a pair at each distance.
    sums : ndarray of int64, shape (n,)
        Output.

    Returns
    -------
    int
        Number of pairs: of keys and of sums.
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
    """Merge two sorted runs of keys, adding up the sums of equal keys.

    Parameters
    ----------
    first_keys, first_sums : ndarray of uint64 and int64
        A run: keys, ascending and distinct, and their sums.
    second_keys, second_sums : ndarray of uint64 and int64
        Another run.
    keys, sums : ndarray of uint64 and int64
        Output, as long as both runs together.

    Returns
    -------
    int
        Number of keys.
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
