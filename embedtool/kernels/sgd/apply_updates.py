"""How the steps of a round meet in the tables.

In: the copies of all lanes. Out: the tables after them, whichever thread moved which row.

All turns start from the same tables, so for a row that many of them move the sum of their steps
could go too far: each takes the same way, as if no other did. The bends of a turn's steps tell how
much of the way to where the row would come to rest they are (`block`): of bend 1 and more, a turn
has gone all of it. So where the turns have gone more than the whole way together, they take its
mean. Most rows are moved by one turn of a round, and become its copy.

With subwords that holds for the rows of each word: with b_wl the bend of word w in lane l, and
B_w = sum_l min(1, b_wl), its steps are divided by max(1, B_w), after which it has gone min(1, B_w)
of its way. A row that several words are made of then goes the sum of their ways, divided by

    max(1, damping sum_w min(1, B_w))

A row that a word has twice, as banana has that of "ana", moves twice, and counts twice in that sum.
With a damping of 1 it goes their mean where all have gone the whole way. But a row is one of the
many of a word, and two words seldom have more than a few in common, so that the loss curves much
less than the sum of the traces says, and training chooses less where it has far to go
(`trainers.word2vec`).
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import Floats, Options, RowCache, Scratch, Tables, WordRows
from embedtool.kernels.simd.prefetch import prefetch_row
from embedtool.kernels.simd.rows import axpy, copy_row, scal

ONE = np.float32(1)
PREFETCH_DISTANCE = 3
"""Rows are asked for this many moves before they are needed: they may stand in another core's
cache, a hundred nanoseconds away."""


@jit_inline
def assign_owners(
    stream: int, thread: int, words: WordRows, tables: Tables, cache: RowCache
) -> None:
    """Let a thread own the rows that a lane concerns, until another thread claims them.

    Who is last owns a row. That is one of those whose copies it gets: most rows have copies of one
    lane only, and then these need not come from another core's cache.
    """
    for number in range(cache.n_inputs[stream]):
        word = cache.input_words[stream, number]
        for k in range(words.indptr[word], words.indptr[word + 1]):
            tables.input_owners[words.indices[k]] = thread
    for number in range(cache.n_outputs[stream]):
        tables.output_owners[cache.output_rows[stream, number]] = thread


@jit_inline
def apply_updates(
    thread: int,
    first_stream: int,
    last_stream: int,
    damping: np.float32,
    words: WordRows,
    tables: Tables,
    options: Options,
    cache: RowCache,
    scratch: Scratch,
) -> None:
    """Move the rows of both tables by the copies of some lanes, in the order of lanes and places.

    Unless threads race, only those rows that are this thread's.
    """
    if options.subwords:
        _add_word_bends(first_stream, last_stream, cache, scratch)
    n = 0
    for stream in range(first_stream, last_stream):
        for number in range(cache.n_inputs[stream]):
            word = cache.input_words[stream, number]
            slot = stream * cache.input_words.shape[1] + number
            factor = ONE / max(ONE, scratch.word_curvature[word]) if options.subwords else ONE
            for k in range(words.indptr[word], words.indptr[word + 1]):
                row = words.indices[k]
                owned = options.hogwild or tables.input_owners[row] == thread
                if owned and not words.frozen[row]:
                    n = _append_delta(n, row, slot, factor, scratch.input_sums, scratch)
    if options.subwords:
        _clear_word_bends(first_stream, last_stream, cache, scratch)
    _apply(
        n,
        not options.subwords,
        damping if options.subwords else ONE,
        tables.inputs,
        scratch.input_sums,
        cache.inputs,
        cache.input_curvature,
        scratch,
    )
    n = 0
    for stream in range(first_stream, last_stream):
        for number in range(cache.n_outputs[stream]):
            row = cache.output_rows[stream, number]
            slot = stream * cache.output_rows.shape[1] + number
            if options.hogwild or tables.output_owners[row] == thread:
                n = _append_delta(n, row, slot, ONE, scratch.output_sums, scratch)
    _apply(
        n,
        True,
        ONE,
        tables.outputs,
        scratch.output_sums,
        cache.outputs,
        cache.output_curvature,
        scratch,
    )


@jit_inline
def _add_word_bends(first_stream: int, last_stream: int, cache: RowCache, scratch: Scratch) -> None:
    """Add up the bends of each word over the lanes."""
    for stream in range(first_stream, last_stream):
        for number in range(cache.n_inputs[stream]):
            slot = stream * cache.input_words.shape[1] + number
            scratch.word_curvature[cache.input_words[stream, number]] += min(
                ONE, cache.input_curvature[slot]
            )


@jit_inline
def _clear_word_bends(
    first_stream: int, last_stream: int, cache: RowCache, scratch: Scratch
) -> None:
    """Write zeros for the words of the lanes again."""
    for stream in range(first_stream, last_stream):
        for number in range(cache.n_inputs[stream]):
            scratch.word_curvature[cache.input_words[stream, number]] = 0


@jit_inline
def _append_delta(
    n: int, row: int, slot: int, factor: np.float32, sums: Floats, scratch: Scratch
) -> int:
    """Add a copy to the list of those that move rows, and ask for its row's sums."""
    scratch.delta_rows[n] = row
    scratch.delta_slots[n] = slot
    scratch.delta_factors[n] = factor
    prefetch_row(sums, row)
    return n + 1


@jit_inline
def _apply(
    n: int,
    replace: bool,
    damping: np.float32,
    table: Floats,
    sums: Floats,
    cache: Floats,
    curvature: Floats,
    scratch: Scratch,
) -> None:
    """Let the first n listed copies move their rows, by a part each where they go too far together.

    replace : the copies are rows, else steps of rows. With n copies c of row r and the factor f it
              becomes r + f sum (c - r), that is (1 - n f) r + f sum c; the copies' factors are 1.
    damping : what counts of the bends' sum
    sums    : zeros before and after, but for the third column, to which the bends are added
    """
    for k in range(n):
        row = scratch.delta_rows[k]
        bend = min(ONE, curvature[scratch.delta_slots[k]])
        sums[row, 0] += scratch.delta_factors[k] * bend
        sums[row, 1] += np.float32(replace)
        sums[row, 2] += bend
    for k in range(min(n, PREFETCH_DISTANCE)):
        prefetch_row(table, scratch.delta_rows[k])
        prefetch_row(cache, scratch.delta_slots[k])
    for k in range(n):
        if k + PREFETCH_DISTANCE < n:
            prefetch_row(table, scratch.delta_rows[k + PREFETCH_DISTANCE])
            prefetch_row(cache, scratch.delta_slots[k + PREFETCH_DISTANCE])
        row, slot = scratch.delta_rows[k], scratch.delta_slots[k]
        factor = scratch.delta_factors[k] / max(ONE, damping * sums[row, 0])
        n_copies = sums[row, 1]
        sums[row, 1] = 0
        if n_copies == 1:
            copy_row(table, row, cache, slot)
            continue
        if n_copies > 1:
            scal(table, row, ONE - n_copies * factor)
        axpy(table, row, cache, slot, factor)
    for k in range(n):
        sums[scratch.delta_rows[k], 0] = 0
