"""Train Word2Vec or FastText on a chunk of text, shared by any number of threads.

The chunk is cut into streams, and each stream's tokens, after subsampling, into minibatches. A
superstep, in the sense of bulk synchronous parallel (BSP, Valiant 1990), is one minibatch of every
stream: all start from the same parameters (`minibatch.train_minibatch`), then the deltas of all
streams are applied, those of a row in the order of the streams (`apply_updates`). Streams, then
rows, are divided among the threads; which thread does what does not change the result.

With Hogwild each thread has a stream to itself, whose rows stay in the cache of its core, and
applies its updates after each minibatch without waiting for the others (Recht et al. 2011). Its
copy of a row replaces the row, and what others have done to it since the minibatch began is lost.
With subwords, deltas are added to input rows, and only concurrent ones are lost.
"""

import numpy as np

from embedtool.kernels.jit import jit, jit_inline
from embedtool.kernels.random import splitmix64
from embedtool.kernels.sgd.apply_updates import apply_updates, assign_owners
from embedtool.kernels.sgd.arrays import MINIBATCH_TOKENS, Chunk, Minibatch, SharedArrays
from embedtool.kernels.sgd.barrier import barrier_wait
from embedtool.kernels.sgd.minibatch import train_minibatch
from embedtool.kernels.sgd.scratch import Scratch
from embedtool.kernels.sgd.subsampling import subsample


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
    n_supersteps = (shared.tokens.lengths.max() + MINIBATCH_TOKENS - 1) // MINIBATCH_TOKENS
    n_own_streams = stop_stream - first_stream
    n_minibatches = n_supersteps * n_own_streams
    for index in range(-1, n_minibatches):  # the first pass only prepares the first minibatch
        superstep = index // n_own_streams
        batch = _minibatch(index, n_minibatches, first_stream, n_own_streams, chunk)
        upcoming = _minibatch(index + 1, n_minibatches, first_stream, n_own_streams, chunk)
        lr_change = chunk.last_lr - chunk.first_lr
        lr = np.float32(chunk.first_lr + lr_change * superstep / n_supersteps)
        train_minibatch(batch, upcoming, lr, shared, scratch)
        if index < 0:
            continue
        stream = batch.stream
        if shared.options.hogwild:
            apply_updates(thread, stream, stream + 1, chunk.ngram_scale, shared, scratch.merge)
            continue
        assign_owners(stream, thread, shared.words, shared.tables, shared.cache)
        if stream == stop_stream - 1:
            barrier_wait(chunk.counters, 2 * superstep + 1, thread, n_threads)
            apply_updates(thread, 0, n_streams, chunk.ngram_scale, shared, scratch.merge)
            barrier_wait(chunk.counters, 2 * superstep + 2, thread, n_threads)


@jit_inline
def _minibatch(
    index: int, n_minibatches: int, first_stream: int, n_own_streams: int, chunk: Chunk
) -> Minibatch:
    """Return one of a thread's minibatches; an empty one, of stream -1, if there is none."""
    stream = first_stream + index % n_own_streams
    start = index // n_own_streams * MINIBATCH_TOKENS
    position = stream * chunk.tokens_per_stream + start
    key = splitmix64(chunk.key) + np.uint64(chunk.start) + np.uint64(position)
    return Minibatch(stream if 0 <= index < n_minibatches else -1, start, index & 1, key)
