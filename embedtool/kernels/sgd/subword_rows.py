"""The input rows of words that are made of several: FastText's rows of words and n-grams.

A word has some twenty rows, scattered over a table that no cache holds, so moving them takes most
of FastText's time. The rows of a minibatch's words are summed word by word, into copies that are
trained, and then the delta of a word is added to all of its rows: at the end of the minibatch to
those that are used once in the superstep, half of them, which are still in the level-2 cache; and
at the end of the superstep to the others, damped by eqs. (5) and (6). For a row that is used once
both are the same.

Which rows are used once is counted in bits. Each thread has a bit for the rows that its streams
use, and one for those that they use again; rows of equal number modulo the number of bits share
theirs. So they stay in the level-1 cache. A row that is taken to be used more than once because of
another one is not trained otherwise, only later.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import RowCache, SharedArrays, Tables
from embedtool.kernels.sgd.curvature import ONE, damped, progress
from embedtool.kernels.sgd.owners import list_owned
from embedtool.kernels.sgd.scratch import GatherScratch, MergeScratch, Scratch
from embedtool.kernels.simd.prefetch import prefetch_element, prefetch_row
from embedtool.kernels.simd.rows import axpy, copy_row, row_address, scaled_diff, sum_rows

WORDS_AHEAD = 2
"""Words between a prefetch and the sum of a word's rows."""
PREFETCH_DISTANCE = 16
"""Rows between a prefetch and the update of the row."""
LOG2_LONG_BITS = 6
"""Of the bits of a number in which rows have one each."""


@jit_inline
def clear_uses(gather: GatherScratch) -> None:
    """Forget which rows the streams of a thread use."""
    for i in range(len(gather.used)):
        gather.used[i] = 0
        gather.reused[i] = 0


@jit_inline
def count_uses(stream: int, shared: SharedArrays, gather: GatherScratch) -> None:
    """Count the uses of the rows of a stream's words.

    The words are prefetched first, so that memory is waited for only once.
    """
    words, cache, n_bits = shared.words, shared.cache, len(gather.used)
    n_words = cache.n_inputs[stream]
    for k in range(n_words):
        prefetch_element(words.indptr, cache.input_words[stream, k])
    for k in range(n_words):
        word = cache.input_words[stream, k]
        prefetch_element(words.indices, words.indptr[word])
        prefetch_element(words.indices, words.indptr[word + 1] - 1)
    for k in range(n_words):
        word = cache.input_words[stream, k]
        for i in range(words.indptr[word], words.indptr[word + 1]):
            place, bit = _bit_of(words.indices[i], n_bits)
            gather.reused[place] |= gather.used[place] & bit
            gather.used[place] |= bit


@jit_inline
def find_reused(thread: int, n_threads: int, tables: Tables) -> None:
    """Find the rows that all threads together use more than once; each looks at a part."""
    uses, n = tables.row_uses, len(tables.rows_reused)
    for i in range(thread * n // n_threads, (thread + 1) * n // n_threads):
        used, reused = np.int64(0), np.int64(0)
        for other in range(n_threads):
            reused |= uses[other, 1, i] | used & uses[other, 0, i]
            used |= uses[other, 0, i]
        tables.rows_reused[i] = reused


@jit_inline
def _bit_of(row: int, n: int) -> tuple[int, np.int64]:
    """Return which of n numbers has the bit of a row, and that bit; n is a power of two."""
    return row >> LOG2_LONG_BITS & n - 1, np.int64(1) << np.int64(row & (1 << LOG2_LONG_BITS) - 1)


@jit_inline
def fetch_word_sums(stream: int, shared: SharedArrays, gather: GatherScratch) -> None:
    """Write the sum of each word's rows to its slot, and to `input_snapshot`."""
    words, table, cache = shared.words, shared.tables.inputs, shared.cache
    listed, n_words = cache.input_words[stream], cache.n_inputs[stream]
    for k in range(-WORDS_AHEAD, n_words):
        if k + WORDS_AHEAD < n_words:
            ahead = listed[k + WORDS_AHEAD]
            for i in range(words.indptr[ahead], words.indptr[ahead + 1]):
                prefetch_row(table, words.indices[i])
        if k >= 0:
            word, slot = listed[k], stream * len(listed) + k
            first, last = words.indptr[word], words.indptr[word + 1]
            sum_rows(cache.inputs, slot, table, words.indices, first, last)
            copy_row(gather.input_snapshot, k, cache.inputs, slot)
            cache.input_curvature[slot] = 0
            cache.input_trainable[slot] = words.n_trainable[word]
            cache.input_addresses[slot] = row_address(cache.inputs, slot)


@jit_inline
def delta_factor(n_trainable: int) -> np.float32:
    """Return the part of the change of a word's sum that each of its trainable rows gets.

    The sum moves n_trainable times as far as each row (`hidden.update_inputs`).
    """
    return ONE / np.float32(max(1, n_trainable))


@jit_inline
def update_word_rows(stream: int, shared: SharedArrays, scratch: Scratch) -> None:
    """Add the delta of each word to those of its rows that are used once; list the others."""
    words, tables, cache, merge = shared.words, shared.tables, shared.cache, scratch.merge
    n_reused, n = 0, 0
    for k in range(cache.n_inputs[stream]):
        word, slot = cache.input_words[stream, k], stream * cache.input_words.shape[1] + k
        n_trainable, first = words.n_trainable[word], words.indptr[word]
        factor = delta_factor(n_trainable)
        scaled_diff(cache.inputs, slot, scratch.gather.input_snapshot, k, factor)
        for i in range(first, first + n_trainable):
            row = words.indices[i]
            place, bit = _bit_of(row, len(tables.rows_reused))
            reused = int(tables.rows_reused[place] & bit != 0)
            cache.shared_inputs[stream, n_reused] = row
            cache.shared_input_slots[stream, n_reused] = slot
            merge.delta_rows[n] = row
            merge.delta_slots[n] = slot
            n_reused += reused
            n += 1 - reused
    cache.n_shared_inputs[stream] = n_reused
    for k in range(-PREFETCH_DISTANCE, n):
        if k + PREFETCH_DISTANCE < n:
            prefetch_row(tables.inputs, merge.delta_rows[k + PREFETCH_DISTANCE])
        if k >= 0:
            axpy(tables.inputs, merge.delta_rows[k], cache.inputs, merge.delta_slots[k], ONE)
    if shared.options.sum_progress:
        _sum_progress(n, cache, merge)


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
    """Add the deltas of words to those of their listed rows that a thread owns: eqs. (5) and (6).

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
    table, cache, sums = shared.tables.inputs, shared.cache, merge.input_sums
    _damp_words(first_stream, stop_stream, cache, merge)
    n = list_owned(
        thread, n_threads, first_stream, stop_stream, cache.n_shared_inputs, cache.shared_inputs,
        cache.shared_input_slots, merge,
    )  # fmt: skip
    for k in range(n):
        prefetch_element(sums, merge.delta_rows[k])
    for k in range(n):
        slot = merge.delta_slots[k]
        delta_progress = merge.slot_factors[slot] * progress(cache.input_curvature[slot])
        sums[merge.delta_rows[k]].progress += delta_progress
    for k in range(-PREFETCH_DISTANCE, n):
        if k + PREFETCH_DISTANCE < n:
            prefetch_row(table, merge.delta_rows[k + PREFETCH_DISTANCE])
        if k >= 0:
            row, slot = merge.delta_rows[k], merge.delta_slots[k]
            factor = damped(merge.slot_factors[slot], scale * sums[row].progress)
            axpy(table, row, cache.inputs, slot, factor)
    for k in range(n):
        sums[merge.delta_rows[k]].progress = 0
    if shared.options.sum_progress:
        _sum_progress(n, cache, merge)


@jit_inline
def _sum_progress(n: int, cache: RowCache, merge: MergeScratch) -> None:
    """Add the progress of the n listed deltas to the sums of all supersteps."""
    for k in range(n):
        delta_progress = progress(cache.input_curvature[merge.delta_slots[k]])
        merge.input_sums[merge.delta_rows[k]].total_progress += delta_progress


@jit_inline
def _damp_words(first_stream: int, stop_stream: int, cache: RowCache, merge: MergeScratch) -> None:
    """Compute the factor of each word's deltas, from its progress in all streams: eq. (5)."""
    words = cache.input_words
    for stream in range(first_stream, stop_stream):
        for k in range(cache.n_inputs[stream]):
            slot_progress = progress(cache.input_curvature[stream * words.shape[1] + k])
            merge.word_progress[words[stream, k]] += slot_progress
    for stream in range(first_stream, stop_stream):
        for k in range(cache.n_inputs[stream]):
            factor = damped(ONE, merge.word_progress[words[stream, k]])
            merge.slot_factors[stream * words.shape[1] + k] = factor
    for stream in range(first_stream, stop_stream):
        for k in range(cache.n_inputs[stream]):
            merge.word_progress[words[stream, k]] = 0
