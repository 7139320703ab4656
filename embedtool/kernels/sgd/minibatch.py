"""Train one minibatch of a stream on cached copies of the rows that it uses.

At the beginning of a minibatch the rows are copied from the tables, which do not change during a
superstep; its microbatches then train one after another on these copies
(`microbatch.train_microbatch`). So a row that many tokens of a minibatch use is fetched and written
once, and gradients are never staler than one superstep.

Each microbatch has every n-th token of the minibatch, n being the number of its microbatches:
tokens that share their negatives then do not share their contexts too.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.random import splitmix64, uniform01
from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    MINIBATCH_TOKENS,
    Ints,
    Microbatch,
    Minibatch,
    RowCache,
    SharedArrays,
    WordRows,
)
from embedtool.kernels.sgd.microbatch import train_microbatch
from embedtool.kernels.sgd.scratch import GatherScratch, Scratch
from embedtool.kernels.simd.prefetch import prefetch_element, prefetch_row
from embedtool.kernels.simd.rows import axpy, copy_row, dot, scaled_diff

NEAR_ROOT = 2**7
"""Inner nodes so near the root stay in the cache and need no prefetch."""
HASH_MULTIPLIER = 0x9E3779B1
"""A prime near 2**32 over the golden ratio (Knuth 1998, section 6.4): multiplicative hashing."""
HASH_SHIFT = 15


@jit_inline
def train_minibatch(
    batch: Minibatch, upcoming: Minibatch, lr: np.float32, shared: SharedArrays, scratch: Scratch
) -> None:
    """Train a minibatch on copies of its rows, which are left in the row cache.

    Parameters
    ----------
    batch
        The minibatch; of stream -1 in the first pass, which only prepares the next one.
    upcoming
        The thread's next minibatch, whose negatives are drawn and whose rows are prefetched
        meanwhile; of stream -1 after the last.
    lr
        Learning rate.
    shared
        The row cache of this stream is written.
    scratch
        The memory of this thread.
    """
    stream, start, stop, origin = batch.stream, batch.start, batch.start, batch.start
    if stream >= 0:
        stop = max(start, min(start + MINIBATCH_TOKENS, shared.tokens.lengths[stream]))
        origin = _gather_rows(batch, stop, shared, scratch.gather)
    n_microbatches = (stop - start + MICROBATCH_TOKENS - 1) // MICROBATCH_TOKENS
    for number in range(MINIBATCH_TOKENS // MICROBATCH_TOKENS):
        if upcoming.stream >= 0:
            _prepare_microbatch(upcoming, number, shared, scratch.gather)
        if number < n_microbatches:
            first = start + number
            n = (stop - first + n_microbatches - 1) // n_microbatches
            negatives_start = number * shared.options.n_shared_negatives
            microbatch = Microbatch(stream, origin, first, n_microbatches, n, negatives_start)
            train_microbatch(microbatch, lr, shared, scratch)
    if stream >= 0 and shared.options.subwords:
        _sums_to_deltas(stream, shared.words, shared.cache, scratch.gather)


@jit_inline
def _prepare_microbatch(
    batch: Minibatch, number: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """Draw the negatives of a microbatch of the next minibatch, and prefetch the rows to copy.

    They arrive while the current minibatch is trained.
    """
    stream, tokens, tables, options = batch.stream, shared.tokens, shared.tables, shared.options
    start = batch.start + number * MICROBATCH_TOKENS
    stop = min(start + MICROBATCH_TOKENS, tokens.lengths[stream])
    if start >= stop:
        return
    first, last = start, stop
    if number == 0:
        first = tokens.left[stream, start]
    if stop == batch.start + MINIBATCH_TOKENS:
        last = tokens.right[stream, stop - 1]
    for token in range(first if options.cbow else start, last if options.cbow else stop):
        word = tokens.ids[stream, token]
        for k in range(shared.words.indptr[word], shared.words.indptr[word + 1]):
            prefetch_row(tables.inputs, shared.words.indices[k])
    if options.cbow:
        first, last = start, stop
    if options.hierarchical:
        parents = shared.tree.parents
        root = len(parents) - 1
        for token in range(first, last):
            node = int(parents[tokens.ids[stream, token]])
            while node < root - NEAR_ROOT:
                prefetch_row(tables.outputs, node - (root // 2 + 1))
                node = int(parents[node])
        return
    for token in range(first, last):
        prefetch_row(tables.outputs, tokens.ids[stream, token])
    _draw_negatives(batch, number, shared, gather)


@jit_inline
def _draw_negatives(
    batch: Minibatch, number: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """Draw the negatives of a microbatch by inversion, and prefetch their rows.

    In three loops, so that the first two wait for memory only once.
    """
    cdf, guide_table = shared.negatives.cdf, shared.negatives.guide_table
    n, n_words = shared.options.n_shared_negatives, len(guide_table)
    key = splitmix64(batch.key + np.uint64(number * MICROBATCH_TOKENS))
    negatives, first = gather.negatives, number * n
    for k in range(n):
        uniform = uniform01(splitmix64(key + np.uint64(k)))
        gather.uniforms[k] = uniform
        negatives[batch.buffer, first + k] = guide_table[int(uniform * n_words)]
    for k in range(n):
        prefetch_element(cdf, negatives[batch.buffer, first + k])
    for k in range(n):
        word = negatives[batch.buffer, first + k]
        while cdf[word] <= gather.uniforms[k]:
            word += 1
        negatives[batch.buffer, first + k] = word
    for k in range(first, first + n):
        prefetch_row(shared.tables.outputs, negatives[batch.buffer, k])


@jit_inline
def _gather_rows(batch: Minibatch, stop: int, shared: SharedArrays, gather: GatherScratch) -> int:
    """Cache the rows that a minibatch uses; return the leftmost token of its contexts."""
    stream, start, tokens, cache = batch.stream, batch.start, shared.tokens, shared.cache
    options = shared.options
    first, last = start, stop
    for token in range(start, stop):
        first = min(first, tokens.left[stream, token])
        last = max(last, tokens.right[stream, token])
    origin = first
    cache.n_inputs[stream] = 0
    cache.n_outputs[stream] = 0
    for k in range(len(gather.input_hash)):
        gather.input_hash[k] = -1
    for k in range(len(gather.output_hash)):
        gather.output_hash[k] = -1
    for token in range(first if options.cbow else start, last if options.cbow else stop):
        slot = _cache_input(stream, tokens.ids[stream, token], shared, gather)
        gather.input_slot_of[token - origin] = slot
    if options.cbow:
        first, last = start, stop
    if options.hierarchical:
        for token in range(first, last):
            word = tokens.ids[stream, token]
            _cache_huffman_path(stream, token - origin, word, shared, gather)
        return origin
    for token in range(first, last):
        row = tokens.ids[stream, token]
        gather.output_slot_of[token - origin] = _cache_output(stream, row, shared, gather)
    for k in range(-(-(stop - start) // MICROBATCH_TOKENS) * options.n_shared_negatives):
        row = gather.negatives[batch.buffer, k]
        gather.negative_slot_of[k] = _cache_output(stream, row, shared, gather)
    return origin


@jit_inline
def _cache_input(stream: int, word: int, shared: SharedArrays, gather: GatherScratch) -> int:
    """Return the slot of the sum of a word's rows, copying them if they are not cached yet."""
    words, inputs, cache = shared.words, shared.tables.inputs, shared.cache
    index = _find_or_insert(
        word, stream, cache.n_inputs[stream], cache.input_words, gather.input_hash
    )
    slot = int(stream * cache.input_words.shape[1] + index)
    if index == cache.n_inputs[stream]:
        cache.n_inputs[stream] += 1
        first = words.indptr[word]
        copy_row(cache.inputs, slot, inputs, words.indices[first])
        for k in range(first + 1, words.indptr[word + 1]):
            axpy(cache.inputs, slot, inputs, words.indices[k], np.float32(1))
        if shared.options.subwords:
            copy_row(gather.input_snapshot, index, cache.inputs, slot)
        cache.input_curvature[slot] = 0
    return slot


@jit_inline
def _cache_output(stream: int, row: int, shared: SharedArrays, gather: GatherScratch) -> int:
    """Return the slot of an output row, copying it if it is not cached yet."""
    cache = shared.cache
    index = _find_or_insert(
        row, stream, cache.n_outputs[stream], cache.output_rows, gather.output_hash
    )
    slot = int(stream * cache.output_rows.shape[1] + index)
    if index == cache.n_outputs[stream]:
        cache.n_outputs[stream] += 1
        copy_row(cache.outputs, slot, shared.tables.outputs, row)
        cache.output_curvature[slot] = 0
        cache.output_sq_norms[slot] = dot(cache.outputs, slot, cache.outputs, slot)
    return slot


@jit_inline
def _find_or_insert(row: int, stream: int, n_rows: int, rows: Ints, table: Ints) -> int:
    """Return the index of a row in a stream's list of `n_rows` rows; a new one is appended.

    Open addressing with linear probing in `table`, which holds indices, or -1.
    """
    mask = len(table) - 1
    bucket = (row * HASH_MULTIPLIER >> HASH_SHIFT) & mask
    while table[bucket] >= 0:
        if rows[stream, table[bucket]] == row:
            return int(table[bucket])
        bucket = (bucket + 1) & mask
    table[bucket] = n_rows
    rows[stream, n_rows] = row
    return n_rows


@jit_inline
def _cache_huffman_path(
    stream: int, offset: int, word: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """Cache the inner nodes above a word and link their slots, up to one that is cached already.

    `offset` is the index of the word's token in arrays by token.
    """
    parents, bit, n_outputs = shared.tree.parents, shared.tree.bit, shared.cache.n_outputs
    root = len(parents) - 1
    n_words = root // 2 + 1
    node = int(parents[word])
    gather.leaf_bit[offset] = bit[word]
    n_before = n_outputs[stream]
    slot = _cache_output(stream, node - n_words, shared, gather)
    gather.leaf_parent[offset] = slot
    while n_outputs[stream] > n_before and node != root:
        gather.code_bit[slot] = bit[node]
        node = int(parents[node])
        n_before = n_outputs[stream]
        gather.parent_slot[slot] = _cache_output(stream, node - n_words, shared, gather)
        slot = int(gather.parent_slot[slot])
    if n_outputs[stream] > n_before:
        gather.parent_slot[slot] = -1


@jit_inline
def _sums_to_deltas(stream: int, words: WordRows, cache: RowCache, gather: GatherScratch) -> None:
    """Replace the sum of a word's rows by the delta of each: all trainable rows share it equally.

    The cached sum moves n_trainable times as far as each row (`microbatch._update_inputs`).
    """
    first = stream * cache.input_words.shape[1]
    for k in range(cache.n_inputs[stream]):
        n_trainable = np.float32(max(1, words.n_trainable[cache.input_words[stream, k]]))
        factor = np.float32(1) / n_trainable
        scaled_diff(cache.inputs, first + k, gather.input_snapshot, k, factor)
