"""What a lane does in its turn: it trains blocks of tokens on its own copies of the rows.

In: a lane's tokens and the tables. Out: what they have made of each row that they concern.

At the beginning of a turn the rows are copied from the tables, which do not change in a round; the
blocks of the turn then learn one after the other, moving these copies (`block.train_block`). So a
row that many tokens of a turn concern is fetched and moved once, and none waits longer than a round
for what others have learnt.

Each block has every n-th token of the turn, n being the number of its blocks: tokens that share
their noise words then do not share their context too.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.random import splitmix64, uniform01
from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    MINIBATCH_TOKENS,
    Ints,
    NegativeTable,
    Options,
    RowCache,
    Scratch,
    StreamTokens,
    Tables,
    Tree,
    WordRows,
)
from embedtool.kernels.sgd.microbatch import train_microbatch
from embedtool.kernels.simd.prefetch import prefetch_element, prefetch_row
from embedtool.kernels.simd.rows import axpy, copy_row, dot, scaled_diff

NEAR_ROOT = 2**7
"""Inner nodes so near the root stay in the cache."""
HASH_MULTIPLIER = 0x9E3779B1
"""A prime near 2**32 over the golden ratio: multiplying by it spreads rows over the hash table."""
HASH_SHIFT = 15


@jit_inline
def train_minibatch(
    stream: int,
    start: int,
    next_stream: int,
    next_start: int,
    side: int,
    key: np.uint64,
    part: int,
    rate: np.float32,
    tokens: StreamTokens,
    words: WordRows,
    negatives: NegativeTable,
    tree: Tree,
    tables: Tables,
    options: Options,
    cache: RowCache,
    scratch: Scratch,
) -> None:
    """Train the tokens of a lane from `start` on, as many as TURN or as are left.

    lane      : -1 where only the next turn is to be prepared
    next_lane : what its turn from `next_start` needs is asked for meanwhile; -1 for none
    side      : 0 or 1, and the other one in the next turn
    key       : made of seed and epoch; with a token's position it decides all that is random
    Changes `copies`, of this lane only, and `space`.
    """
    stop = start
    origin = start
    if stream >= 0:
        stop = max(start, min(start + MINIBATCH_TOKENS, tokens.lengths[stream]))
        origin = _gather_rows(
            stream, start, stop, side, tokens, words, tree, tables, options, cache, scratch
        )
    for at in range(0, MINIBATCH_TOKENS, MICROBATCH_TOKENS):
        if next_stream >= 0:
            _prefetch_microbatch(
                next_stream, next_start, next_start + at, 1 - side,
                splitmix64(key + np.uint64(next_stream * part + next_start + at)),
                tokens, words, negatives, tree, tables, options, scratch,
            )  # fmt: skip
        if start + at < stop:
            number, n_blocks = (
                at // MICROBATCH_TOKENS,
                (stop - start + MICROBATCH_TOKENS - 1) // MICROBATCH_TOKENS,
            )
            train_microbatch(
                stream, origin, start + number, n_blocks, stop,
                number * options.n_shared_negatives, rate,
                tokens, words, options, cache, scratch,
            )  # fmt: skip
    if stream >= 0 and options.subwords:
        _store_deltas(stream, words, cache, scratch)


@jit_inline
def _prefetch_microbatch(
    stream: int,
    start: int,
    at: int,
    side: int,
    key: np.uint64,
    tokens: StreamTokens,
    words: WordRows,
    negatives: NegativeTable,
    tree: Tree,
    tables: Tables,
    options: Options,
    scratch: Scratch,
) -> None:
    """Draw the noise words of a block, and ask for the rows that its turn will copy.

    They come while the lane before is trained.
    """
    stop = min(at + MICROBATCH_TOKENS, tokens.lengths[stream])
    if at >= stop:
        return
    first, last = at, stop
    if at == start:
        first = tokens.left[stream, at]
    if stop == start + MINIBATCH_TOKENS:
        last = tokens.right[stream, stop - 1]
    for token in range(first if options.cbow else at, last if options.cbow else stop):
        word = tokens.ids[stream, token]
        for k in range(words.indptr[word], words.indptr[word + 1]):
            prefetch_row(tables.inputs, words.indices[k])
    if options.cbow:
        first, last = at, stop
    if options.hierarchical:
        root = len(tree.parents) - 1
        for token in range(first, last):
            node = int(tree.parents[tokens.ids[stream, token]])
            while node < root - NEAR_ROOT:
                prefetch_row(tables.outputs, node - (root // 2 + 1))
                node = int(tree.parents[node])
        return
    for token in range(first, last):
        prefetch_row(tables.outputs, tokens.ids[stream, token])
    n_shared_negatives = options.n_shared_negatives
    offset = (at - start) // MICROBATCH_TOKENS * n_shared_negatives
    _draw_negatives(key, side, offset, n_shared_negatives, negatives, scratch)
    for k in range(offset, offset + n_shared_negatives):
        prefetch_row(tables.outputs, scratch.negatives[side, k])


@jit_inline
def _draw_negatives(
    key: np.uint64,
    side: int,
    at: int,
    n_shared_negatives: int,
    negatives: NegativeTable,
    scratch: Scratch,
) -> None:
    """Draw the noise words of a block.

    In three loops, so that the first two wait for the memory only once.
    """
    n_words = len(negatives.guide_table)
    for k in range(n_shared_negatives):
        share = uniform01(splitmix64(key + np.uint64(k)))
        scratch.uniforms[k] = share
        scratch.negatives[side, at + k] = negatives.guide_table[int(share * n_words)]
    for k in range(n_shared_negatives):
        prefetch_element(negatives.cdf, scratch.negatives[side, at + k])
    for k in range(n_shared_negatives):
        word = scratch.negatives[side, at + k]
        while negatives.cdf[word] <= scratch.uniforms[k]:
            word += 1
        scratch.negatives[side, at + k] = word


@jit_inline
def _gather_rows(
    stream: int,
    start: int,
    stop: int,
    side: int,
    tokens: StreamTokens,
    words: WordRows,
    tree: Tree,
    tables: Tables,
    options: Options,
    cache: RowCache,
    scratch: Scratch,
) -> int:
    """Copy the rows that the tokens [start, stop) concern; returns the first token around them."""
    first, last = start, stop
    for token in range(start, stop):
        first = min(first, tokens.left[stream, token])
        last = max(last, tokens.right[stream, token])
    origin = first
    cache.n_inputs[stream] = 0
    cache.n_outputs[stream] = 0
    for slot in range(len(scratch.input_hash)):
        scratch.input_hash[slot] = -1
    for slot in range(len(scratch.output_hash)):
        scratch.output_hash[slot] = -1
    for token in range(first if options.cbow else start, last if options.cbow else stop):
        word = tokens.ids[stream, token]
        scratch.input_slot_of[token - origin] = _cache_input(
            stream, word, words, tables, options, cache, scratch
        )
    if options.cbow:
        first, last = start, stop
    if options.hierarchical:
        for token in range(first, last):
            _load_huffman_path(
                stream, token - origin, tokens.ids[stream, token], tree, tables, cache, scratch
            )
        return origin
    for token in range(first, last):
        row = tokens.ids[stream, token]
        scratch.output_slot_of[token - origin] = _cache_output(stream, row, tables, cache, scratch)
    for k in range(-(-(stop - start) // MICROBATCH_TOKENS) * options.n_shared_negatives):
        row = scratch.negatives[side, k]
        scratch.negative_slot_of[k] = _cache_output(stream, row, tables, cache, scratch)
    return origin


@jit_inline
def _cache_input(
    stream: int,
    word: int,
    words: WordRows,
    tables: Tables,
    options: Options,
    cache: RowCache,
    scratch: Scratch,
) -> int:
    """The place of the sum of a word's rows among the turn's copies."""
    number = _find_or_insert(
        word, stream, cache.n_inputs[stream], cache.input_words, scratch.input_hash
    )
    slot = int(stream * cache.input_words.shape[1] + number)
    if number == cache.n_inputs[stream]:
        cache.n_inputs[stream] += 1
        first = words.indptr[word]
        copy_row(cache.inputs, slot, tables.inputs, words.indices[first])
        for k in range(first + 1, words.indptr[word + 1]):
            axpy(cache.inputs, slot, tables.inputs, words.indices[k], np.float32(1))
        if options.subwords:
            copy_row(scratch.input_snapshot, number, cache.inputs, slot)
        cache.input_curvature[slot] = 0
    return slot


@jit_inline
def _cache_output(stream: int, row: int, tables: Tables, cache: RowCache, scratch: Scratch) -> int:
    """The place of a row of the output table among the turn's copies."""
    number = _find_or_insert(
        row, stream, cache.n_outputs[stream], cache.output_rows, scratch.output_hash
    )
    slot = int(stream * cache.output_rows.shape[1] + number)
    if number == cache.n_outputs[stream]:
        cache.n_outputs[stream] += 1
        copy_row(cache.outputs, slot, tables.outputs, row)
        cache.output_curvature[slot] = 0
        scratch.output_sq_norms[slot] = dot(cache.outputs, slot, cache.outputs, slot)
    return slot


@jit_inline
def _find_or_insert(row: int, stream: int, n_rows: int, rows: Ints, slots: Ints) -> int:
    """The number of a row in a lane's list of `n_rows` rows; a new one goes to its end."""
    mask = len(slots) - 1
    slot = (row * HASH_MULTIPLIER >> HASH_SHIFT) & mask
    while slots[slot] >= 0:
        if rows[stream, slots[slot]] == row:
            return int(slots[slot])
        slot = (slot + 1) & mask
    slots[slot] = n_rows
    rows[stream, n_rows] = row
    return n_rows


@jit_inline
def _load_huffman_path(
    stream: int,
    token: int,
    word: int,
    tree: Tree,
    tables: Tables,
    cache: RowCache,
    scratch: Scratch,
) -> None:
    """Copy the inner nodes above a word, and link their places, up to one that is there already."""
    root = len(tree.parents) - 1
    n_words = root // 2 + 1
    node = int(tree.parents[word])
    scratch.leaf_bit[token] = tree.bit[word]
    n_before = cache.n_outputs[stream]
    slot = _cache_output(stream, node - n_words, tables, cache, scratch)
    scratch.leaf_parent[token] = slot
    while cache.n_outputs[stream] > n_before and node != root:
        scratch.code_bit[slot] = tree.bit[node]
        node = int(tree.parents[node])
        n_before = cache.n_outputs[stream]
        scratch.parent_slot[slot] = _cache_output(stream, node - n_words, tables, cache, scratch)
        slot = int(scratch.parent_slot[slot])
    if cache.n_outputs[stream] > n_before:
        scratch.parent_slot[slot] = -1


@jit_inline
def _store_deltas(stream: int, words: WordRows, cache: RowCache, scratch: Scratch) -> None:
    """Write over the sums of rows the steps of each row: all rows of a word go the same way."""
    first = stream * cache.input_words.shape[1]
    for k in range(cache.n_inputs[stream]):
        share = np.float32(1) / np.float32(max(1, words.n_trainable[cache.input_words[stream, k]]))
        scaled_diff(cache.inputs, first + k, scratch.input_snapshot, k, share)
