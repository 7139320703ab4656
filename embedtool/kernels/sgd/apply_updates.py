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
from embedtool.kernels.sgd.owners import list_owned
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
    tables, cache, n_streams = shared.tables, shared.cache, len(shared.tokens.lengths)
    if shared.options.subwords:
        apply_word_deltas(thread, n_threads, 0, n_streams, ngram_scale, shared, merge)
    else:
        n = list_owned(
            thread, n_threads, 0, n_streams, cache.n_shared_inputs, cache.shared_inputs,
            cache.shared_input_slots, merge,
        )  # fmt: skip
        _apply(n, tables.inputs, merge.input_sums, cache.inputs, cache.input_curvature, merge)
    n = list_owned(
        thread, n_threads, 0, n_streams, cache.n_shared_outputs, cache.shared_outputs,
        cache.shared_output_slots, merge,
    )  # fmt: skip
    _apply(n, tables.outputs, merge.output_sums, cache.outputs, cache.output_curvature, merge)


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
