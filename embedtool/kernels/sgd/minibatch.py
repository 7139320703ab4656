"""Train one minibatch of a stream.

The tables do not change for a stream during a superstep but by itself: it trains the rows that it
alone uses in place, and copies of the others (`row_lists`). So gradients are never staler than one
superstep.

In the minibatch, all hidden vectors are computed from the same input rows (`hidden`), output rows
are updated one microbatch after another (`negative_sampling`, `hierarchical`), and input rows last.
With CBOW by sums, whose updates are as many times larger as a context has rows, that is done in
four steps: at once, trainings of FastText diverge. Each step has every fourth token.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import MICROBATCH_TOKENS, Minibatch, SharedArrays, Step
from embedtool.kernels.sgd.curvature import progress
from embedtool.kernels.sgd.hidden import compute_hidden, update_inputs
from embedtool.kernels.sgd.hierarchical import train_hierarchical_softmax
from embedtool.kernels.sgd.negative_sampling import train_negative_sampling
from embedtool.kernels.sgd.row_lists import plan_prefetch, prefetch_step
from embedtool.kernels.sgd.scratch import MergeScratch, Scratch
from embedtool.kernels.sgd.subword_rows import fetch_word_sums, update_word_rows
from embedtool.kernels.simd.rows import copy_row, dot, row_address


@jit_inline
def train_minibatch(
    batch: Minibatch,
    next_stream: int,
    lr: np.float32,
    shared: SharedArrays,
    scratch: Scratch,
) -> None:
    """Train a minibatch: rows that its stream alone uses in the tables, copies of the others.

    Parameters
    ----------
    batch
        The minibatch, whose rows are listed.
    next_stream
        The stream that the thread trains next, whose rows are prefetched meanwhile; -1 if there is
        none in this superstep.
    lr
        Learning rate.
    shared
        The tables and the row cache of this stream are written.
    scratch
        The memory of this thread.
    """
    stream, n = batch.stream, batch.stop - batch.start
    if shared.options.subwords:
        fetch_word_sums(stream, shared, scratch.gather)
    else:
        _fetch_inputs(stream, shared)
    _fetch_outputs(stream, shared)
    upcoming = plan_prefetch(next_stream, max(1, 4 * n), shared)
    if n == 0:
        prefetch_step(0, upcoming, shared)
    n_steps = 1
    if shared.options.cbow and not shared.options.mean:
        n_steps = (n + MICROBATCH_TOKENS - 1) // MICROBATCH_TOKENS
    n_done = 0
    for number in range(n_steps):
        n_tokens = (n - number + n_steps - 1) // n_steps
        step = Step(stream, batch.start + number, n_steps, n_tokens, number, n_done)
        n_done += n_tokens
        compute_hidden(step, upcoming, shared, scratch)
        if shared.options.hierarchical:
            train_hierarchical_softmax(step, lr, upcoming, shared, scratch)
        else:
            train_negative_sampling(step, lr, upcoming, shared, scratch)
        update_inputs(step, upcoming, shared, scratch)
    if shared.options.subwords:
        update_word_rows(stream, shared, scratch)
    if shared.options.sum_progress:
        _sum_progress(stream, shared, scratch.merge)


@jit_inline
def _fetch_inputs(stream: int, shared: SharedArrays) -> None:
    """Find the row of each word of a minibatch: in the table; a copy of one shared, or frozen."""
    words, tables, cache = shared.words, shared.tables, shared.cache
    n_shared, n_streams = 0, len(shared.tokens.lengths)
    for k in range(cache.n_inputs[stream]):
        word, row = cache.input_words[stream, k], cache.input_rows[stream, k]
        slot = stream * cache.input_words.shape[1] + k
        cache.input_curvature[slot] = 0
        cache.input_trainable[slot] = words.n_trainable[word]
        cache.input_addresses[slot] = row_address(tables.inputs, row)
        cache.shared_inputs[stream, n_shared] = row
        cache.shared_input_slots[stream, n_shared] = slot
        is_frozen = words.n_trainable[word] == 0
        n_shared += int((tables.input_marks[row] == n_streams) | is_frozen)
    n_copies, n_shared = n_shared, 0
    for k in range(n_copies):
        row, slot = cache.shared_inputs[stream, k], cache.shared_input_slots[stream, k]
        copy_row(cache.inputs, slot, tables.inputs, row)
        cache.input_addresses[slot] = row_address(cache.inputs, slot)
        cache.shared_inputs[stream, n_shared] = row
        cache.shared_input_slots[stream, n_shared] = slot
        n_shared += int(not words.frozen[row])  # the copy of a frozen row is dropped
    cache.n_shared_inputs[stream] = n_shared


@jit_inline
def _fetch_outputs(stream: int, shared: SharedArrays) -> None:
    """Find each output row of a minibatch: in the table, or a copy if streams share it."""
    tables, cache = shared.tables, shared.cache
    n_shared, n_streams = 0, len(shared.tokens.lengths)
    for k in range(cache.n_outputs[stream]):
        row = cache.output_rows[stream, k]
        slot = stream * cache.output_rows.shape[1] + k
        cache.output_curvature[slot] = 0
        cache.output_sq_norms[slot] = dot(tables.outputs, row, tables.outputs, row)
        cache.output_addresses[slot] = row_address(tables.outputs, row)
        cache.shared_outputs[stream, n_shared] = row
        cache.shared_output_slots[stream, n_shared] = slot
        n_shared += int(tables.output_marks[row] == n_streams)
    for k in range(n_shared):
        slot = cache.shared_output_slots[stream, k]
        copy_row(cache.outputs, slot, tables.outputs, cache.shared_outputs[stream, k])
        cache.output_addresses[slot] = row_address(cache.outputs, slot)
    cache.n_shared_outputs[stream] = n_shared


@jit_inline
def _sum_progress(stream: int, shared: SharedArrays, merge: MergeScratch) -> None:
    """Add the progress of the rows that were trained in place to the sums of all supersteps."""
    tables, cache, n_streams = shared.tables, shared.cache, len(shared.tokens.lengths)
    if not shared.options.subwords:
        for k in range(cache.n_inputs[stream]):
            row, slot = cache.input_rows[stream, k], stream * cache.input_words.shape[1] + k
            if not (tables.input_marks[row] == n_streams or shared.words.frozen[row]):
                merge.input_sums[row].total_progress += progress(cache.input_curvature[slot])
    for k in range(cache.n_outputs[stream]):
        row, slot = cache.output_rows[stream, k], stream * cache.output_rows.shape[1] + k
        if tables.output_marks[row] != n_streams:
            merge.output_sums[row].total_progress += progress(cache.output_curvature[slot])
