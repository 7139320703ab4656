"""Word2Vec and FastText on a stretch of text, shared by any number of threads.

In: ids of a corpus and the tables. Out: the tables after the stretch, the same for any number of
threads.

The stretch is cut into N_LANES parts, one a lane, and each lane's kept tokens into blocks. A round
is one block of each lane. All blocks of a round start from the same tables (`block.train_block`);
then the steps of all lanes are added (`moves.move_rows`). Threads take lanes as they come, and
between rounds each adds to its own rows, in the order of lanes: nothing depends on who was first.
"""

import numpy as np

from embedtool.kernels.block import prepare_block, train_block
from embedtool.kernels.jit import jit
from embedtool.kernels.layout import (
    BLOCK,
    N_LANES,
    Longs,
    Noise,
    Options,
    Space,
    Steps,
    Stretch,
    Tables,
    Text,
    Tree,
    Words,
)
from embedtool.kernels.moves import move_rows
from embedtool.kernels.random import mixed
from embedtool.kernels.rounds import meet, take
from embedtool.kernels.thinning import thin


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
    text: Text,
    words: Words,
    noise: Noise,
    tree: Tree,
    tables: Tables,
    options: Options,
    stretch: Stretch,
    steps: Steps,
    space: Space,
) -> None:
    """Train on the tokens [start, stop), as one of `n_threads` threads that all call this.

    counters   : int64 zeros, shared: 2, and 3 for each round that there could be
    part       : tokens of a lane, N_LANES * part of them being enough
    key        : made of seed and epoch; with a token's position it decides all that is random
    first_rate, last_rate : the learning rate falls from one to the other
    """
    lane = take(counters, 0)
    while lane < N_LANES:
        first = min(start + lane * part, stop)
        thin(lane, first, min(first + part, stop), key, text, options, stretch)
        lane = take(counters, 0)
    meet(counters, 1, n_threads)
    n_rounds = (stretch.lengths.max() + BLOCK - 1) // BLOCK
    for number in range(n_rounds):
        counter = 2 + 3 * number
        at = number * BLOCK
        rate = np.float32(first_rate + (last_rate - first_rate) * number / n_rounds)
        lane, turn = N_LANES, 1
        following = take(counters, counter)
        while lane < N_LANES or following < N_LANES:
            if following < N_LANES:
                prepare_block(
                    following, at, _block_key(key, start + following * part + at), 1 - turn,
                    stretch, words, noise, tables, options, space,
                )  # fmt: skip
            if lane < N_LANES:
                train_block(
                    lane, at, turn, rate, stretch, words, tree, tables, options, steps, space
                )
            lane, turn = following, 1 - turn
            following = take(counters, counter) if lane < N_LANES else lane
        meet(counters, counter + 1, n_threads)
        move_rows(thread, n_threads, stretch, words, tables, steps, space)
        meet(counters, counter + 2, n_threads)


@jit
def _block_key(key: np.uint64, position: int) -> np.uint64:
    """The key of a block of a lane's kept tokens; a lane has no more of them than positions."""
    return mixed(mixed(key) + np.uint64(position))
