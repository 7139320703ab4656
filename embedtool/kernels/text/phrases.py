"""Listing the pairs of words that may be phrases, to be counted by sorting.

Connector words may stand between the two words of a pair: they are its gap. A gap is a node of a
trie: node 0 is the empty gap, any other is the gap of its parent and one more connector word. A
pair is one integer, its key: from the high bits, the first word, the second word and the gap.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit
from embedtool.kernels.text.tokens import GOLDEN, HALF, ONE

KEY_BITS = 64
NO_WORD = -1
"""Code of a token that is in no pair and in no gap."""
FIRST_CONNECTOR = -2
"""Code of connector word 0; connector word c has the code FIRST_CONNECTOR - c."""


class GapTrie(NamedTuple):
    """The gaps met so far, with a hash table.

    Attributes
    ----------
    slots : ndarray of int32, shape (n_slots,)
        Hash table with open addressing: a node, or 0. `n_slots` is a power of two and larger than
        `max_gaps`.
    parents : ndarray of int32, shape (max_gaps,)
        The gap without its last connector word.
    connectors : ndarray of int32, shape (max_gaps,)
        The last connector word of each gap.
    """

    slots: NDArray[np.int32]
    parents: NDArray[np.int32]
    connectors: NDArray[np.int32]


@jit
def list_phrase_pairs(
    ids: NDArray[np.int32],
    ends: NDArray[np.int64],
    start: int,
    codes: NDArray[np.int32],
    word_bits: int,
    trie: GapTrie,
    n_gaps: int,
    keys: NDArray[np.uint64],
) -> tuple[int, int, int]:
    """Write the key of each pair whose second word is token `start` or a later one.

    Parameters
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        The tokens.
    ends : ndarray of int64, shape (n_sentences,)
        Where in `ids` each sentence ends.
    start : int
    codes : ndarray of int32, shape (n_types,)
        The word of each type, from 0; or NO_WORD, or the code of a connector word.
    word_bits : int
        Bits of a key for each word, at least 1.
    trie : GapTrie
        Known gaps; new ones are added in place.
    n_gaps : int
        Number of gaps in the trie, with the empty one.
    keys : ndarray of uint64

    Returns
    -------
    next_token : int
        The token to go on with, if `keys` or the trie is full, else the number of tokens.
    n_keys, n_gaps : int
        Numbers of keys and of gaps in the trie.
    """
    first_shift = np.uint64(KEY_BITS - word_bits)
    second_shift = np.uint64(KEY_BITS - 2 * word_bits)
    n = 0
    sentence = np.searchsorted(ends, start, side="right")
    sentence_start = ends[sentence - 1] if sentence > 0 else 0
    for i in range(start, len(ids)):
        while i >= ends[sentence]:
            sentence_start = ends[sentence]
            sentence += 1
        second = codes[ids[i]]
        if second < 0:
            continue
        left = _word_before(ids, codes, i, sentence_start)
        if left < 0:
            continue
        if n == len(keys) or n_gaps + (i - left - 1) > len(trie.parents):
            return i, n, n_gaps
        gap = 0
        for j in range(left + 1, i):
            gap, n_gaps = _extend(trie, gap, FIRST_CONNECTOR - codes[ids[j]], n_gaps)
        first = np.uint64(codes[ids[left]])
        keys[n] = first << first_shift | np.uint64(second) << second_shift | np.uint64(gap)
        n += 1
    return len(ids), n, n_gaps


@jit
def _word_before(
    ids: NDArray[np.int32], codes: NDArray[np.int32], token: int, sentence_start: int
) -> int:
    """Return the first token of the pair whose second is `token`, or -1 if there is none."""
    left = token - 1
    while left >= sentence_start and codes[ids[left]] <= FIRST_CONNECTOR:
        left -= 1
    return -1 if left < sentence_start or codes[ids[left]] == NO_WORD else left


@jit
def copy_gaps(trie: GapTrie, n_gaps: int, larger: GapTrie) -> None:
    """Copy the gaps of a trie to an empty one, where they have the same nodes."""
    for node in range(1, n_gaps):
        _extend(larger, trie.parents[node], trie.connectors[node], node)


@jit
def _extend(trie: GapTrie, gap: int, connector: int, n_gaps: int) -> tuple[int, int]:
    """Return the node of a gap and one more connector word, and the number of gaps."""
    mask = np.uint64(len(trie.slots) - 1)
    slot = (np.uint64(gap) << HALF | np.uint64(connector)) * GOLDEN >> HALF & mask
    node = trie.slots[slot]
    while node and (trie.parents[node] != gap or trie.connectors[node] != connector):
        slot = (slot + ONE) & mask
        node = trie.slots[slot]
    if node == 0:
        node = n_gaps
        trie.slots[slot] = node
        trie.parents[node] = gap
        trie.connectors[node] = connector
        n_gaps += 1
    return node, n_gaps
