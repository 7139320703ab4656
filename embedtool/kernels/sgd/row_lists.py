"""List the rows that each minibatch of a superstep uses, and which of them others use too.

A row that one stream alone uses in a superstep is trained in place, in the table; of one that
several use, each stream trains a copy (`minibatch`), and the copies are merged (`apply_updates`).
So every stream starts from the parameters before the superstep, and most rows are never copied.

Which rows are shared is found out in two steps, with a barrier after each, and without atomic
operations: every stream writes its number to the mark of each of its rows (`list_rows`); whoever
then finds another number there writes that the row is shared (`mark_shared`). Whose number is left
is a benign race.
"""

from typing import NamedTuple

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.random import splitmix64, uniform01
from embedtool.kernels.sgd.arrays import (
    HASH_MULTIPLIER,
    MICROBATCH_TOKENS,
    POSITIVE_TRIAL,
    TRIAL,
    Ints,
    Minibatch,
    SharedArrays,
)
from embedtool.kernels.sgd.scratch import GatherScratch
from embedtool.kernels.sgd.subword_rows import list_word_rows
from embedtool.kernels.simd.prefetch import prefetch_element, prefetch_row

HASH_SHIFT = 15
"""Bits of the product below those that choose a bucket."""


class Upcoming(NamedTuple):
    """The minibatch that a thread trains next, whose rows are prefetched meanwhile.

    Attributes
    ----------
    stream
        Its stream.
    rows_per_step
        Rows that each step prefetches; 0 if there is no such minibatch in this superstep.
    """

    stream: int
    rows_per_step: int


@jit_inline
def list_rows(batch: Minibatch, shared: SharedArrays, gather: GatherScratch) -> None:
    """List the distinct rows of a minibatch, draw its negatives, and mark the rows.

    Parameters
    ----------
    batch
        The minibatch. The lists of its stream are written, in `shared.cache` and `shared.slots`.
    shared
        The tokens and the options.
    gather
        The hash tables of this thread.
    """
    stream, start, tokens, cache = batch.stream, batch.start, shared.tokens, shared.cache
    slots, options, stop = shared.slots, shared.options, batch.stop
    first, last = start, stop
    for token in range(start, stop):
        first = min(first, tokens.left[stream, token])
        last = max(last, tokens.right[stream, token])
    origin = first
    slots.starts[stream], slots.stops[stream] = origin, last
    cache.n_inputs[stream] = 0
    cache.n_outputs[stream] = 0
    for k in range(len(gather.input_hash)):
        gather.input_hash[k] = -1
    for k in range(len(gather.output_hash)):
        gather.output_hash[k] = -1
    for token in range(first if options.cbow else start, last if options.cbow else stop):
        word = tokens.ids[stream, token]
        slots.inputs[stream, token - origin] = _input_slot(stream, word, shared, gather)
    if options.subwords:
        list_word_rows(stream, shared)
    if options.cbow:
        first, last = start, stop
    if options.hierarchical:
        _list_huffman_paths(stream, first, last, shared, gather)
        return
    for token in range(first, last):
        row = tokens.ids[stream, token]
        slots.outputs[stream, token - origin] = _output_slot(stream, row, shared, gather)
    for number in range(-(-(stop - start) // MICROBATCH_TOKENS)):
        _draw_negatives(batch, number, shared, gather)


@jit_inline
def mark_shared(stream: int, shared: SharedArrays) -> None:
    """Mark the rows of a stream's minibatch that another stream uses too."""
    tables, cache = shared.tables, shared.cache
    if not shared.options.subwords:
        for k in range(cache.n_inputs[stream]):
            row = cache.input_rows[stream, k]
            if tables.input_marks[row] != stream:
                tables.input_shared[row] = 1
    for k in range(cache.n_outputs[stream]):
        row = cache.output_rows[stream, k]
        if tables.output_marks[row] != stream:
            tables.output_shared[row] = 1


@jit_inline
def plan_prefetch(stream: int, n_steps: int, shared: SharedArrays) -> Upcoming:
    """Return how the rows of a stream's minibatch are spread over n_steps; -1 for no stream."""
    if stream < 0:
        return Upcoming(0, 0)
    n_rows = _n_input_rows(stream, shared) + int(shared.cache.n_outputs[stream])
    return Upcoming(stream, (n_rows + n_steps - 1) // n_steps)


@jit_inline
def prefetch_step(step: int, upcoming: Upcoming, shared: SharedArrays) -> None:
    """Prefetch the rows of a step: input rows first, then output rows.

    Spread over the steps of another minibatch they come while it is trained: more at a time than
    the processor can wait for would stop it.
    """
    cache, stream, subwords = shared.cache, upcoming.stream, shared.options.subwords
    for k in range(step * upcoming.rows_per_step, (step + 1) * upcoming.rows_per_step):
        n_inputs = _n_input_rows(stream, shared)
        if k < n_inputs:
            row = cache.word_rows[stream, k] if subwords else cache.input_rows[stream, k]
            prefetch_row(shared.tables.inputs, row)
        elif k < n_inputs + cache.n_outputs[stream]:
            prefetch_row(shared.tables.outputs, cache.output_rows[stream, k - n_inputs])


@jit_inline
def _n_input_rows(stream: int, shared: SharedArrays) -> int:
    """Return how many rows of the input table a stream's minibatch has listed."""
    if shared.options.subwords:
        return int(shared.cache.n_word_rows[stream])
    return int(shared.cache.n_inputs[stream])


@jit_inline
def _draw_negatives(
    batch: Minibatch, number: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """Draw the negatives of a group of tokens by inversion.

    In three loops, so that the first two wait for memory only once.
    """
    cdf, guide_table = shared.negatives.cdf, shared.negatives.guide_table
    n, n_words = shared.options.n_shared_negatives, len(guide_table)
    key = splitmix64(batch.key + np.uint64(number * MICROBATCH_TOKENS))
    for k in range(n):
        uniform = uniform01(splitmix64(key + np.uint64(k)))
        gather.uniforms[k] = uniform
        gather.negatives[k] = guide_table[int(uniform * n_words)]
    for k in range(n):
        prefetch_element(cdf, gather.negatives[k])
    for k in range(n):
        word = gather.negatives[k]
        while cdf[word] <= gather.uniforms[k]:
            word += 1
        slot = _output_slot(batch.stream, word, shared, gather)
        shared.slots.negatives[batch.stream, number * n + k] = slot


@jit_inline
def _input_slot(stream: int, word: int, shared: SharedArrays, gather: GatherScratch) -> int:
    """Return the slot of a word, which is listed and marked if it is new."""
    cache = shared.cache
    n_inputs = cache.n_inputs[stream]
    index = _find_or_insert(word, stream, n_inputs, cache.input_words, gather.input_hash)
    if index == n_inputs:
        row = shared.words.indices[shared.words.indptr[word]]
        cache.n_inputs[stream] += 1
        cache.input_rows[stream, index] = row
        if not shared.options.subwords:
            shared.tables.input_marks[row] = stream
    return int(stream * cache.input_words.shape[1] + index)


@jit_inline
def _output_slot(stream: int, row: int, shared: SharedArrays, gather: GatherScratch) -> int:
    """Return the slot of an output row, which is listed and marked if it is new."""
    cache = shared.cache
    n_outputs = cache.n_outputs[stream]
    index = _find_or_insert(row, stream, n_outputs, cache.output_rows, gather.output_hash)
    if index == n_outputs:
        cache.n_outputs[stream] += 1
        shared.tables.output_marks[row] = stream
    return int(stream * cache.output_rows.shape[1] + index)


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
def _list_huffman_paths(
    stream: int, first: int, last: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """List the inner nodes above the words of the tokens [first, last), and write their paths."""
    slots, n_words = shared.slots, len(shared.tree.parents) // 2 + 1
    if first == last or n_words == 1:
        return
    root = _output_slot(stream, n_words - 2, shared, gather)
    end, ends = 0, slots.path_ends[stream]
    ends[first - slots.starts[stream]] = 0
    for token in range(first, last):
        word = shared.tokens.ids[stream, token]
        end = _list_huffman_path(stream, word, root, end, shared, gather)
        ends[token + 1 - slots.starts[stream]] = end


@jit_inline
def _list_huffman_path(
    stream: int, word: int, root: int, end: int, shared: SharedArrays, gather: GatherScratch
) -> int:
    """Append a word's path to the stream's paths, `end` slots so far; return their new number.

    From a node that is listed already on, the path is copied: an earlier word has it too.
    """
    parents, bit, n_outputs = shared.tree.parents, shared.tree.bit, shared.cache.n_outputs
    paths, trials = shared.slots.paths[stream], shared.slots.path_trials[stream]
    n_words = len(parents) // 2 + 1
    first_slot = stream * shared.cache.output_rows.shape[1]
    node, is_new = word, True
    while is_new:
        n_before = n_outputs[stream]
        parent = int(parents[node])
        slot = _output_slot(stream, parent - n_words, shared, gather)
        paths[end] = slot
        trials[end] = POSITIVE_TRIAL if bit[node] else TRIAL
        is_new = n_outputs[stream] > n_before
        if is_new:
            gather.path_position[slot - first_slot] = end
        node = parent
        end += 1
    position = gather.path_position[slot - first_slot]
    while slot != root:
        position += 1
        slot = int(paths[position])
        paths[end] = slot
        trials[end] = trials[position]
        end += 1
    return end
