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
    INDEX,
    MICROBATCH_TOKENS,
    Ints,
    Longs,
    Marks,
    Minibatch,
    SharedArrays,
)
from embedtool.kernels.sgd.scratch import GatherScratch
from embedtool.kernels.sgd.subword_rows import count_uses
from embedtool.kernels.simd.integers import copy_run
from embedtool.kernels.simd.prefetch import prefetch_row

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
    for token in range(start, min(start + options.window, stop)):
        first = min(first, tokens.left[stream, token])
    for token in range(max(start, stop - options.window), stop):
        last = max(last, tokens.right[stream, token])
    origin = first
    slots.starts[stream], slots.stops[stream] = origin, last
    _list_inputs(
        stream, first if options.cbow else start, last if options.cbow else stop, shared, gather
    )
    if options.subwords and not options.hogwild:
        count_uses(stream, shared, gather)
    if options.cbow:
        first, last = start, stop
    _clear(gather.output_hash, shared.cache.output_rows.shape[1] - 1)
    if options.hierarchical:
        _list_huffman_paths(stream, first, last, shared, gather)
    else:
        _list_outputs(batch, first, last, shared, gather)
    for k in range(cache.n_outputs[stream]):
        shared.tables.output_marks[cache.output_rows[stream, k]] = stream


@jit_inline
def _list_inputs(
    stream: int, first: int, last: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """List the distinct words of the tokens [first, last) and their rows, and mark the rows."""
    cache, slots, words = shared.cache, shared.slots.inputs[stream], shared.words
    listed, origin, n = cache.input_words[stream], shared.slots.starts[stream], 0
    _clear(gather.input_hash, len(listed) - 1)
    for token in range(first, last):
        index = _find_or_append(shared.tokens.ids[stream, token], n, listed, gather.input_hash)
        n += int(index == n)
        slots[token - origin] = stream * len(listed) + index
    cache.n_inputs[stream] = n
    if shared.options.subwords:
        return
    for k in range(n):
        row = words.indices[words.indptr[listed[k]]]
        cache.input_rows[stream, k] = row
        shared.tables.input_marks[row] = stream


@jit_inline
def _list_outputs(
    batch: Minibatch, first: int, last: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """List the distinct words of the tokens [first, last) and negatives."""
    stream, slots, cache = batch.stream, shared.slots, shared.cache
    listed, origin, n = cache.output_rows[stream], slots.starts[stream], 0
    first_slot, n_drawn = stream * len(listed), shared.options.n_shared_negatives
    for token in range(first, last):
        index = _find_or_append(shared.tokens.ids[stream, token], n, listed, gather.output_hash)
        n += int(index == n)
        slots.outputs[stream, token - origin] = first_slot + index
    for number in range(-(-(batch.stop - batch.start) // MICROBATCH_TOKENS)):
        _draw_negatives(batch, number, shared, gather)
        for k in range(n_drawn):
            index = _find_or_append(gather.negatives[k], n, listed, gather.output_hash)
            n += int(index == n)
            slots.negatives[stream, number * n_drawn + k] = first_slot + index
    cache.n_outputs[stream] = n


@jit_inline
def mark_shared(stream: int, shared: SharedArrays, others: Ints) -> None:
    """Mark the rows of a stream's minibatch that another stream uses too; `others` is overwritten.

    The number of streams is written to the marks of those that have another stream's number.
    """
    tables, cache = shared.tables, shared.cache
    if not shared.options.subwords:
        n = _list_others(stream, cache.n_inputs, cache.input_rows, tables.input_marks, others)
        for k in range(n):
            tables.input_marks[INDEX(others[k])] = len(shared.tokens.lengths)
    n = _list_others(stream, cache.n_outputs, cache.output_rows, tables.output_marks, others)
    for k in range(n):
        tables.output_marks[INDEX(others[k])] = len(shared.tokens.lengths)


@jit_inline
def _list_others(stream: int, n_rows: Longs, rows: Ints, marks: Marks, others: Ints) -> int:
    """List the rows whose mark is not the stream's, without a jump for each; return how many."""
    n = 0
    for k in range(n_rows[stream]):
        row = INDEX(rows[stream, k])
        others[INDEX(n)] = row
        n += int(marks[row] != stream)
    return n


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
    cache, stream = shared.cache, upcoming.stream
    for k in range(step * upcoming.rows_per_step, (step + 1) * upcoming.rows_per_step):
        n_inputs = _n_input_rows(stream, shared)
        if k < n_inputs:
            prefetch_row(shared.tables.inputs, cache.input_rows[stream, k])
        elif k < n_inputs + cache.n_outputs[stream]:
            prefetch_row(shared.tables.outputs, cache.output_rows[stream, k - n_inputs])


@jit_inline
def _n_input_rows(stream: int, shared: SharedArrays) -> int:
    """Return how many input rows are prefetched; with subwords `fetch_word_sums` does it."""
    return 0 if shared.options.subwords else int(shared.cache.n_inputs[stream])


@jit_inline
def _draw_negatives(
    batch: Minibatch, number: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """Draw the negatives of a group of tokens from the alias table."""
    accept, alias = shared.negatives
    n, n_words = shared.options.n_shared_negatives, len(accept)
    key = splitmix64(batch.key + np.uint64(number * MICROBATCH_TOKENS))
    for k in range(n):
        position = uniform01(splitmix64(key + np.uint64(k))) * n_words
        gather.negatives[k] = np.int32(position)
        gather.remainders[k] = position - np.floor(position)
    for k in range(n):
        word = INDEX(gather.negatives[k])
        other = alias[word]
        gather.negatives[k] = word if gather.remainders[k] < accept[word] else other


@jit_inline
def _clear(table: Ints, empty: int) -> None:
    """Make every bucket of a hash table empty."""
    for k in range(len(table)):
        table[k] = empty


@jit_inline
def _find_or_append(row: int, n: int, listed: Ints, table: Ints) -> int:
    """Return the index of a row in a list of n rows; n if it is new, and then it is appended.

    Open addressing with linear probing in `table`, which holds indices. An empty bucket holds the
    last index of the list, where the row itself is written first: so one comparison ends the search
    for listed and for new rows. Which it is the processor could not predict.
    """
    mask, empty = INDEX(len(table) - 1), len(listed) - 1
    listed[empty] = row
    bucket = INDEX(row * HASH_MULTIPLIER >> HASH_SHIFT) & mask
    while listed[INDEX(table[bucket])] != row:
        bucket = (bucket + INDEX(1)) & mask
    index = table[bucket]
    index = n if index == empty else index
    table[bucket] = index
    listed[INDEX(index)] = row
    return int(index)


@jit_inline
def _list_huffman_paths(
    stream: int, first: int, last: int, shared: SharedArrays, gather: GatherScratch
) -> None:
    """List the inner nodes above the words of the tokens [first, last), and write their paths.

    From a node that is listed already on, a path is copied: an earlier word has it too.
    """
    slots, cache, parents = shared.slots, shared.cache, shared.tree.parents
    n_words, n = len(parents) // 2 + 1, 0
    if first < last and n_words > 1:
        paths, ends, origin = slots.paths[stream], slots.path_ends[stream], slots.starts[stream]
        listed = cache.output_rows[stream]
        root = _find_or_append(n_words - 2, n, listed, gather.output_hash)
        n += 1
        ends[first - origin] = 0
        gather.path_position[root], gather.path_number[root] = -1, first - origin - 1
        for number in range(first - origin, last - origin):
            node, end = int(shared.tokens.ids[stream, origin + number]), ends[number]
            index, is_new = 0, True
            while is_new:
                parent = int(parents[node])
                index = _find_or_append(parent - n_words, n, listed, gather.output_hash)
                paths[end] = 2 * (stream * len(listed) + index) + shared.tree.bit[node]
                is_new = index == n
                if is_new:
                    gather.path_position[index], gather.path_number[index] = end, number
                    n += 1
                node = parent
                end += 1
            above = gather.path_position[index] + 1
            n_above = ends[gather.path_number[index] + 1] - above
            copy_run(paths, end, paths, above, n_above)
            ends[number + 1] = end + n_above
    cache.n_outputs[stream] = n
