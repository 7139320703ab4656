"""Word2Vec and FastText on a stretch of text, shared by any number of threads.

In: ids of a corpus and the tables. Out: the tables after the stretch, the same for any number of
threads unless they race.

The stretch is cut into parts, one a lane, and each lane's kept tokens into turns. A round is one
turn of each lane. All turns of a round start from the same tables (`turn.train_turn`);
then the steps of all lanes are added, those of a row in the order of lanes (`moves.apply_updates`).
Threads share out the lanes, and then the rows; which of them does what changes nothing.

Threads that race have a lane each, whose rows stay in the cache of their core, and move these after
each turn without a look at the others (Recht et al. 2011). Of two that move a row at once one may
be lost.
"""

import numpy as np

from embedtool.kernels.jit import jit
from embedtool.kernels.random import splitmix64
from embedtool.kernels.sgd.apply_updates import apply_updates, assign_owners
from embedtool.kernels.sgd.arrays import (
    MINIBATCH_TOKENS,
    Longs,
    NegativeTable,
    Options,
    RowCache,
    Scratch,
    StreamTokens,
    Tables,
    Text,
    Tree,
    WordRows,
)
from embedtool.kernels.sgd.barrier import barrier_wait
from embedtool.kernels.sgd.minibatch import train_minibatch
from embedtool.kernels.sgd.subsampling import subsample


@jit
def train_chunk(
    thread: int,
    n_threads: int,
    counters: Longs,
    start: int,
    stop: int,
    part: int,
    key: np.uint64,
    first_rate: float,
    last_rate: float,
    damping: np.float32,
    text: Text,
    words: WordRows,
    negatives: NegativeTable,
    tree: Tree,
    tables: Tables,
    options: Options,
    tokens: StreamTokens,
    cache: RowCache,
    scratch: Scratch,
) -> None:
    """Train on the tokens [start, stop), as one of `n_threads` threads that all call this.

    counters   : int64 zeros, shared: 1, and 2 for each round that there could be
    part       : tokens of a lane; all lanes together have at least stop - start
    key        : made of seed and epoch; with a token's position it decides all that is random
    first_rate, last_rate : the learning rate falls from one to the other
    damping    : of rows that several words are made of (`moves`)
    """
    n_streams = len(tokens.lengths)
    first_stream, last_stream = (
        thread * n_streams // n_threads,
        (thread + 1) * n_streams // n_threads,
    )
    n_own = last_stream - first_stream
    for stream in range(first_stream, last_stream):
        first = min(start + stream * part, stop)
        subsample(stream, first, min(first + part, stop), key, text, options, tokens)
    barrier_wait(counters, 0, n_threads)
    n_supersteps = (tokens.lengths.max() + MINIBATCH_TOKENS - 1) // MINIBATCH_TOKENS
    key = splitmix64(key)
    n_turns = n_supersteps * n_own
    for turn in range(-1, n_turns):
        number, stream = turn // n_own, first_stream + turn % n_own
        next_number, next_stream = (turn + 1) // n_own, first_stream + (turn + 1) % n_own
        rate = np.float32(first_rate + (last_rate - first_rate) * number / n_supersteps)
        train_minibatch(
            stream if turn >= 0 else -1, number * MINIBATCH_TOKENS,
            next_stream if turn + 1 < n_turns else -1, next_number * MINIBATCH_TOKENS, turn & 1,
            key + np.uint64(start), part, rate,
            tokens, words, negatives, tree, tables, options, cache, scratch,
        )  # fmt: skip
        if turn < 0:
            continue
        if options.hogwild:
            apply_updates(
                thread, stream, stream + 1, damping, words, tables, options, cache, scratch
            )
            continue
        assign_owners(stream, thread, words, tables, cache)
        if stream == last_stream - 1:
            barrier_wait(counters, 2 * number + 1, n_threads)
            apply_updates(thread, 0, n_streams, damping, words, tables, options, cache, scratch)
            barrier_wait(counters, 2 * number + 2, n_threads)
