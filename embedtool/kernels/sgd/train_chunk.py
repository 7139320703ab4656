"""Train Word2Vec or FastText on a chunk of text, shared by any number of threads.

The chunk is cut into streams, and each stream's tokens, after subsampling, into minibatches. A
superstep, in the sense of bulk synchronous parallel (BSP, Valiant 1990), is one minibatch of every
stream: all start from the same parameters. First each stream lists its rows (`row_lists`); then it
trains those that it alone uses, and copies of those that it shares (`minibatch`); then the copies
are merged, those of a row in the order of the streams (`apply_updates`). Streams, then shared rows,
are divided among the threads; which thread does what does not change the result.

With Hogwild each thread has one stream, and trains all its rows in place, without waiting for the
others (Recht et al. 2011); what two threads write to a row at once is lost. With subwords it adds
the deltas of input rows after each minibatch.
"""

import numpy as np

from embedtool.kernels.jit import jit, jit_inline
from embedtool.kernels.random import splitmix64
from embedtool.kernels.sgd.apply_updates import apply_updates
from embedtool.kernels.sgd.arrays import MINIBATCH_TOKENS, Chunk, Minibatch, SharedArrays
from embedtool.kernels.sgd.barrier import barrier_wait
from embedtool.kernels.sgd.minibatch import train_minibatch
from embedtool.kernels.sgd.row_lists import list_rows, mark_shared, plan_prefetch, prefetch_step
from embedtool.kernels.sgd.scratch import Scratch
from embedtool.kernels.sgd.subsampling import subsample
from embedtool.kernels.sgd.subword_rows import apply_word_deltas, clear_uses, find_reused


@jit
def train_chunk(thread: int, chunk: Chunk, shared: SharedArrays, scratch: Scratch) -> None:
    """Train on the tokens of a chunk, as one of `chunk.n_threads` threads that all call this.

    Parameters
    ----------
    thread
        Index of the thread, from 0.
    chunk
        The tokens and the learning rate.
    shared
        The text and the tables, which are updated.
    scratch
        The memory of this thread.
    """
    n_streams, n_threads = len(shared.tokens.lengths), chunk.n_threads
    first_stream = thread * n_streams // n_threads
    stop_stream = (thread + 1) * n_streams // n_threads
    for stream in range(first_stream, stop_stream):
        start = min(chunk.start + stream * chunk.tokens_per_stream, chunk.stop)
        stop = min(start + chunk.tokens_per_stream, chunk.stop)
        subsample(stream, start, stop, chunk.key, shared.text, shared.options, shared.tokens)
    barrier_wait(chunk.counters, 0, thread, n_threads)
    longest = 0
    for length in shared.tokens.lengths:
        longest = max(longest, length)
    n_supersteps = (longest + MINIBATCH_TOKENS - 1) // MINIBATCH_TOKENS
    synchronous = not shared.options.hogwild
    for superstep in range(n_supersteps):
        n_barriers = 1 + superstep * (3 + int(shared.options.subwords))
        lr_change = chunk.last_lr - chunk.first_lr
        lr = np.float32(chunk.first_lr + lr_change * superstep / n_supersteps)
        if shared.options.subwords and synchronous:
            clear_uses(scratch.gather)
        for stream in range(first_stream, stop_stream):
            list_rows(_minibatch(stream, superstep, chunk, shared), shared, scratch.gather)
            if stream == first_stream:
                prefetch_step(0, plan_prefetch(stream, 1, shared), shared)
        if synchronous:
            barrier_wait(chunk.counters, n_barriers, thread, n_threads)
            for stream in range(first_stream, stop_stream):
                mark_shared(stream, shared, scratch.merge.delta_rows)
            if shared.options.subwords:
                find_reused(thread, n_threads, shared.tables)
            barrier_wait(chunk.counters, n_barriers + 1, thread, n_threads)
        for stream in range(first_stream, stop_stream):
            batch = _minibatch(stream, superstep, chunk, shared)
            next_stream = stream + 1 if stream + 1 < stop_stream else -1
            train_minibatch(batch, next_stream, lr, shared, scratch)
        if synchronous:  # the next lists may be made meanwhile: what is merged is not in them
            barrier_wait(chunk.counters, n_barriers + 2, thread, n_threads)
            apply_updates(thread, n_threads, chunk.ngram_scale, shared, scratch.merge)
            if shared.options.subwords:  # whose merging reads the lists of all streams
                barrier_wait(chunk.counters, n_barriers + 3, thread, n_threads)
        elif shared.options.subwords:
            apply_word_deltas(
                0, 1, first_stream, stop_stream, chunk.ngram_scale, shared, scratch.merge
            )


@jit_inline
def _minibatch(stream: int, superstep: int, chunk: Chunk, shared: SharedArrays) -> Minibatch:
    """Return the minibatch of a stream in a superstep."""
    length = shared.tokens.lengths[stream]
    start = min(superstep * MINIBATCH_TOKENS, length)
    stop = min(start + MINIBATCH_TOKENS, length)
    position = stream * chunk.tokens_per_stream + superstep * MINIBATCH_TOKENS
    key = splitmix64(chunk.key) + np.uint64(chunk.start) + np.uint64(position)
    return Minibatch(stream, start, stop, key)
