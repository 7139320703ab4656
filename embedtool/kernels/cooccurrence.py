"""Counting pairs of words that stand near each other.

In: ids of a corpus and a hash table. Out: the table with the pairs of a stretch of the corpus
added.

A pair (row, column) is one number, its key. The vocabulary is cut into blocks of 2**block_bits
ids, and the keys of one block of rows and one block of columns, a cell, follow each other:

    cell = (row >> block_bits) * n_blocks + (column >> block_bits)
    key  = cell << 2 * block_bits | row's low bits << block_bits | column's low bits

so that pairs sorted by key are sorted by cell, as training wants them. A slot of the table holds
key + 1 and a sum; key + 1 = 0 is an empty slot.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
"""2**64 over the golden ratio: multiplying by it spreads keys over the high bits (Knuth, The Art of
Computer Programming, volume 3, section 6.4)."""


@jit
def count_pairs(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    start: int,
    stop: int,
    weights: NDArray[np.int64],
    symmetric: bool,
    block_bits: int,
    n_blocks: int,
    table: NDArray[np.uint64],
    n_used: int,
    limit: int,
) -> tuple[int, int]:
    """Add each token of [start, stop) with the tokens to its left, in its sentence, to the table.

    ids     : int32 (n_tokens,)
    ends    : int64 (n_sentences,), where in `ids` each sentence ends
    weights : int64 (window + 1,), what a pair at each distance adds
    table   : uint64 (a power of two, 2), changed in place; (key + 1, sum) a slot
    n_used  : slots in use; no token is begun that could bring them above `limit`
    A symmetric pair is counted once, as (smaller id, larger id); else it is (word, word to its
    left). Returns the token to go on with, `stop` when all are done, and the slots in use.
    """
    window = len(weights) - 1
    mask = np.uint64(len(table) - 1)
    shift = np.uint64(64)
    size = len(table)
    while size > 1:
        size >>= 1
        shift -= np.uint64(1)
    low = (1 << block_bits) - 1
    sentence = np.searchsorted(ends, start, side="right")
    sentence_start = ends[sentence - 1] if sentence > 0 else 0
    for i in range(start, stop):
        while i >= ends[sentence]:
            sentence_start = ends[sentence]
            sentence += 1
        if n_used + window > limit:
            return i, n_used
        for j in range(max(sentence_start, i - window), i):
            row, column = ids[i], ids[j]
            if symmetric and row > column:
                row, column = column, row
            cell = (row >> block_bits) * n_blocks + (column >> block_bits)
            key = np.uint64(
                (np.int64(cell) << (2 * block_bits))
                + (np.int64(row & low) << block_bits)
                + (column & low)
                + 1
            )
            slot = (key * GOLDEN) >> shift
            while table[slot, 0] != key:
                if table[slot, 0] == 0:
                    table[slot, 0] = key
                    n_used += 1
                    break
                slot = (slot + np.uint64(1)) & mask
            table[slot, 1] += np.uint64(weights[i - j])
    return stop, n_used


@jit
def take_entries(
    table: NDArray[np.uint64], keys: NDArray[np.uint64], sums: NDArray[np.int64]
) -> None:
    """Copy the used slots of a table to `keys` and `sums`, in slot order, and empty the table.

    table : uint64 (n_slots, 2); keys : uint64 (n_used,); sums : int64 (n_used,)
    """
    n = 0
    for slot in range(len(table)):
        if table[slot, 0] != 0:
            keys[n] = table[slot, 0] - np.uint64(1)
            sums[n] = np.int64(table[slot, 1])
            table[slot, 0] = 0
            table[slot, 1] = 0
            n += 1
