"""The input rows of words that are made of several: FastText's rows of words and n-grams.

A word has some twenty rows, scattered over a table that no cache holds, so moving them takes most
of FastText's time. A stream's rows are listed with its words (`row_lists`), prefetched a few at a
time while another minibatch is trained, and summed word by word; and at the end of a superstep the
delta of a word is added to all of its rows.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import RowCache, SharedArrays, WordRows
from embedtool.kernels.sgd.curvature import ONE, damped, progress
from embedtool.kernels.sgd.owners import owner
from embedtool.kernels.sgd.scratch import GatherScratch, MergeScratch
from embedtool.kernels.simd.prefetch import prefetch_row
from embedtool.kernels.simd.rows import axpy, copy_row, row_address, scaled_diff, sum_rows

PREFETCH_DISTANCE = 16
"""Rows between a prefetch and the update of the row."""


@jit_inline
def list_word_rows(stream: int, shared: SharedArrays) -> None:
    """List the rows of a stream's words, one word after another."""
    words, cache = shared.words, shared.cache
    n = 0
    for k in range(cache.n_inputs[stream]):
        word = cache.input_words[stream, k]
        for i in range(words.indptr[word], words.indptr[word + 1]):
            cache.word_rows[stream, n] = words.indices[i]
            n += 1
    cache.n_word_rows[stream] = n


@jit_inline
def fetch_word_sums(stream: int, shared: SharedArrays, gather: GatherScratch) -> None:
    """Write the sum of each word's rows to its slot, and to `input_snapshot`."""
    words, cache = shared.words, shared.cache
    n = 0
    for k in range(cache.n_inputs[stream]):
        word = cache.input_words[stream, k]
        slot = stream * cache.input_words.shape[1] + k
        stop = n + words.indptr[word + 1] - words.indptr[word]
        sum_rows(cache.inputs, slot, shared.tables.inputs, cache.word_rows[stream], n, stop)
        copy_row(gather.input_snapshot, k, cache.inputs, slot)
        n = stop
        cache.input_curvature[slot] = 0
        cache.input_trainable[slot] = words.n_trainable[word]
        cache.input_addresses[slot] = row_address(cache.inputs, slot)


@jit_inline
def sums_to_deltas(stream: int, words: WordRows, cache: RowCache, gather: GatherScratch) -> None:
    """Replace the sum of a word's rows by the delta of each: all trainable rows share it equally.

    The cached sum moves n_trainable times as far as each row (`hidden.update_inputs`).
    """
    first = stream * cache.input_words.shape[1]
    for k in range(cache.n_inputs[stream]):
        n_trainable = np.float32(max(1, words.n_trainable[cache.input_words[stream, k]]))
        factor = np.float32(1) / n_trainable
        scaled_diff(cache.inputs, first + k, gather.input_snapshot, k, factor)


@jit_inline
def apply_word_deltas(
    thread: int,
    n_threads: int,
    first_stream: int,
    stop_stream: int,
    scale: np.float32,
    shared: SharedArrays,
    merge: MergeScratch,
) -> None:
    """Add the deltas of words to those of their rows that a thread owns: eqs. (5) and (6).

    Parameters
    ----------
    thread
        Index of this thread.
    n_threads
        Threads that share the rows.
    first_stream, stop_stream
        The streams [first_stream, stop_stream).
    scale
        Curvature scale of rows that several words share.
    shared
        The input table is updated from the row cache.
    merge
        The memory of this thread.
    """
    inputs, cache, sums = shared.tables.inputs, shared.cache, merge.input_sums
    _accumulate_word_progress(first_stream, stop_stream, cache, merge)
    n = _list_deltas(thread, n_threads, first_stream, stop_stream, shared, merge)
    for k in range(min(n, PREFETCH_DISTANCE)):
        prefetch_row(inputs, merge.delta_rows[k])
    for k in range(n):
        if k + PREFETCH_DISTANCE < n:
            prefetch_row(inputs, merge.delta_rows[k + PREFETCH_DISTANCE])
        row = merge.delta_rows[k]
        factor = damped(merge.delta_factors[k], scale * sums[row].progress)
        axpy(inputs, row, cache.inputs, merge.delta_slots[k], factor)
    for k in range(n):
        sums[merge.delta_rows[k]].progress = 0
    if shared.options.sum_progress:
        for k in range(n):
            delta_progress = progress(cache.input_curvature[merge.delta_slots[k]])
            sums[merge.delta_rows[k]].total_progress += delta_progress
    _clear_word_progress(first_stream, stop_stream, cache, merge)


@jit_inline
def _accumulate_word_progress(
    first_stream: int, stop_stream: int, cache: RowCache, merge: MergeScratch
) -> None:
    """Sum the progress of each word over the streams: P of eq. (5)."""
    for stream in range(first_stream, stop_stream):
        for k in range(cache.n_inputs[stream]):
            slot = stream * cache.input_words.shape[1] + k
            word = cache.input_words[stream, k]
            merge.word_progress[word] += progress(cache.input_curvature[slot])


@jit_inline
def _clear_word_progress(
    first_stream: int, stop_stream: int, cache: RowCache, merge: MergeScratch
) -> None:
    """Set the progress of the streams' words back to zero, without a pass over all words."""
    for stream in range(first_stream, stop_stream):
        for k in range(cache.n_inputs[stream]):
            merge.word_progress[cache.input_words[stream, k]] = 0


@jit_inline
def _list_deltas(
    thread: int,
    n_threads: int,
    first_stream: int,
    stop_stream: int,
    shared: SharedArrays,
    merge: MergeScratch,
) -> int:
    """List the deltas of a thread's rows and sum the progress of each row; return their number."""
    words, cache, sums = shared.words, shared.cache, merge.input_sums
    n = 0
    for stream in range(first_stream, stop_stream):
        for k in range(cache.n_inputs[stream]):
            word = cache.input_words[stream, k]
            slot = stream * cache.input_words.shape[1] + k
            factor = damped(ONE, merge.word_progress[word])
            delta_progress = progress(cache.input_curvature[slot])
            start, first = n, words.indptr[word]
            for i in range(first, first + words.n_trainable[word]):
                row = words.indices[i]
                merge.delta_rows[n] = row
                merge.delta_slots[n] = slot
                merge.delta_factors[n] = factor
                n += int(owner(row, n_threads) == thread)
            for i in range(start, n):
                sums[merge.delta_rows[i]].progress += factor * delta_progress
    return n
