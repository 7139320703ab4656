"""Apply the streams' deltas to the tables at the end of a superstep.

`curvature` tells how far: eq. (5) across streams, eq. (6) across the words that share a row. Rows
that one stream alone has used were trained in place, and are not concerned (`row_lists`). Each row
is written by one thread, its owner, which applies the deltas in the order of streams and slots; so
the result does not depend on the threads.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import Floats, SharedArrays
from embedtool.kernels.sgd.curvature import ONE, damped, progress
from embedtool.kernels.sgd.owners import owner
from embedtool.kernels.sgd.scratch import MergeScratch, RowSums
from embedtool.kernels.sgd.subword_rows import apply_word_deltas
from embedtool.kernels.simd.prefetch import prefetch_element, prefetch_row
from embedtool.kernels.simd.rows import add_differences

PREFETCH_DISTANCE = 8
"""Rows are prefetched this many deltas before they are needed: they may be in the cache of another
core, a hundred nanoseconds away."""


@jit_inline
def apply_updates(
    thread: int,
    n_threads: int,
    ngram_scale: np.float32,
    shared: SharedArrays,
    merge: MergeScratch,
) -> None:
    """Apply the deltas of all streams to the rows of both tables that a thread owns.

    Parameters
    ----------
    thread
        Index of this thread.
    n_threads
        Threads that share the rows.
    ngram_scale
        Curvature scale of rows that several words share (eq. 6).
    shared
        The tables are updated from the row cache.
    merge
        The memory of this thread.
    """
    n_streams = len(shared.tokens.lengths)
    if shared.options.subwords:
        apply_word_deltas(thread, n_threads, 0, n_streams, ngram_scale, shared, merge)
    else:
        _apply_inputs(thread, n_threads, shared, merge)
    _apply_outputs(thread, n_threads, shared, merge)


@jit_inline
def _apply_inputs(thread: int, n_threads: int, shared: SharedArrays, merge: MergeScratch) -> None:
    """Apply the copies of input rows."""
    cache, frozen, n = shared.cache, shared.words.frozen, 0
    for stream in range(len(shared.tokens.lengths)):
        for k in range(cache.n_shared_inputs[stream]):
            row = cache.shared_inputs[stream, k]
            merge.delta_rows[n], merge.delta_slots[n] = row, cache.shared_input_slots[stream, k]
            n += int((owner(row, n_threads) == thread) & (not frozen[row]))
    _apply(n, shared.tables.inputs, merge.input_sums, cache.inputs, cache.input_curvature, merge)


@jit_inline
def _apply_outputs(thread: int, n_threads: int, shared: SharedArrays, merge: MergeScratch) -> None:
    """Apply the copies of output rows."""
    cache, n = shared.cache, 0
    for stream in range(len(shared.tokens.lengths)):
        for k in range(cache.n_shared_outputs[stream]):
            row = cache.shared_outputs[stream, k]
            merge.delta_rows[n], merge.delta_slots[n] = row, cache.shared_output_slots[stream, k]
            n += int(owner(row, n_threads) == thread)
    _apply(
        n, shared.tables.outputs, merge.output_sums, cache.outputs, cache.output_curvature, merge
    )


@jit_inline
def _apply(
    n: int,
    table: Floats,
    sums: RowSums,
    copies: Floats,
    curvature: Floats,
    merge: MergeScratch,
) -> None:
    """Apply the first n copies of the list, damped where a row's total progress exceeds 1.

    With the copies c of row r and the damping f the row becomes r + f sum (c - r). All copies of a
    row are taken together, when the last one in the list comes.

    Parameters
    ----------
    n
        Copies in the list of `merge`.
    table
        The rows.
    sums
        ROW_SUMS of the rows.
    copies, curvature
        By slot.
    merge
        The list.
    """
    for k in range(n):
        prefetch_element(sums, merge.delta_rows[k])
    for k in range(n):
        row_sums = sums[merge.delta_rows[k]]
        delta_progress = progress(curvature[merge.delta_slots[k]])
        row_sums.progress += delta_progress
        row_sums.total_progress += delta_progress
        merge.previous[k] = row_sums.last
        row_sums.last = k + 1
    for k in range(min(n, PREFETCH_DISTANCE)):
        prefetch_row(table, merge.delta_rows[k])
        prefetch_row(copies, merge.delta_slots[k])
    for k in range(n):
        if k + PREFETCH_DISTANCE < n:
            prefetch_row(table, merge.delta_rows[k + PREFETCH_DISTANCE])
            prefetch_row(copies, merge.delta_slots[k + PREFETCH_DISTANCE])
        row = merge.delta_rows[k]
        row_sums = sums[row]
        if row_sums.last == k + 1:
            n_copies, number = 0, k + 1
            while number > 0:
                merge.row_slots[n_copies] = merge.delta_slots[number - 1]
                n_copies, number = n_copies + 1, merge.previous[number - 1]
            factor = damped(ONE, row_sums.progress)
            add_differences(table, row, copies, merge.row_slots, n_copies, factor)
            row_sums.last, row_sums.progress = 0, 0
