"""Word2Vec and FastText on a stretch of text, shared by any number of threads.

In: ids of a corpus and the tables. Out: the tables after the stretch, the same for any number of
threads unless they race.

The stretch is cut into parts, one a lane, and each lane's kept tokens into turns. A round is one
turn of each lane. All turns of a round start from the same tables (`turn.train_turn`);
then the steps of all lanes are added, those of a row in the order of lanes (`moves.move_rows`).
Threads share out the lanes, and then the rows; which of them does what changes nothing.

Threads that race have a lane each, whose rows stay in the cache of their core, and move these after
each turn without a look at the others (Recht et al. 2011). Of two that move a row at once one may
be lost.
"""

import numpy as np

from embedtool.kernels.jit import jit
from embedtool.kernels.random import mixed
from embedtool.kernels.sgd.apply_updates import claim_rows, move_rows
from embedtool.kernels.sgd.arrays import (
    TURN,
    Copies,
    Longs,
    Noise,
    Options,
    Space,
    Stretch,
    Tables,
    Text,
    Tree,
    Words,
)
from embedtool.kernels.sgd.barrier import meet
from embedtool.kernels.sgd.minibatch import train_turn
from embedtool.kernels.sgd.subsampling import thin


@jit
def train_stretch(
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
    words: Words,
    noise: Noise,
    tree: Tree,
    tables: Tables,
    options: Options,
    stretch: Stretch,
    copies: Copies,
    space: Space,
) -> None:
    """Train on the tokens [start, stop), as one of `n_threads` threads that all call this.

    counters   : int64 zeros, shared: 1, and 2 for each round that there could be
    part       : tokens of a lane; all lanes together have at least stop - start
    key        : made of seed and epoch; with a token's position it decides all that is random
    first_rate, last_rate : the learning rate falls from one to the other
    damping    : of rows that several words are made of (`moves`)
    """
    n_lanes = len(stretch.lengths)
    first_lane, last_lane = thread * n_lanes // n_threads, (thread + 1) * n_lanes // n_threads
    n_own = last_lane - first_lane
    for lane in range(first_lane, last_lane):
        first = min(start + lane * part, stop)
        thin(lane, first, min(first + part, stop), key, text, options, stretch)
    meet(counters, 0, n_threads)
    n_rounds = (stretch.lengths.max() + TURN - 1) // TURN
    key = mixed(key)
    n_turns = n_rounds * n_own
    for turn in range(-1, n_turns):
        number, lane = turn // n_own, first_lane + turn % n_own
        next_number, next_lane = (turn + 1) // n_own, first_lane + (turn + 1) % n_own
        rate = np.float32(first_rate + (last_rate - first_rate) * number / n_rounds)
        train_turn(
            lane if turn >= 0 else -1, number * TURN,
            next_lane if turn + 1 < n_turns else -1, next_number * TURN, turn & 1,
            key + np.uint64(start), part, rate,
            stretch, words, noise, tree, tables, options, copies, space,
        )  # fmt: skip
        if turn < 0:
            continue
        if options.racing:
            move_rows(thread, lane, lane + 1, damping, words, tables, options, copies, space)
            continue
        claim_rows(lane, thread, words, tables, copies)
        if lane == last_lane - 1:
            meet(counters, 2 * number + 1, n_threads)
            move_rows(thread, 0, n_lanes, damping, words, tables, options, copies, space)
            meet(counters, 2 * number + 2, n_threads)
