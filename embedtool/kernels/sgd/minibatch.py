"""What a lane does in its turn: it trains blocks of tokens on its own copies of the rows.

In: a lane's tokens and the tables. Out: what they have made of each row that they concern.

At the beginning of a turn the rows are copied from the tables, which do not change in a round; the
blocks of the turn then learn one after the other, moving these copies (`block.train_block`). So a
row that many tokens of a turn concern is fetched and moved once, and none waits longer than a round
for what others have learnt.

Each block has every n-th token of the turn, n being the number of its blocks: tokens that share
their noise words then do not share their context too.
"""

import numpy as np

from embedtool.kernels.jit import inlined
from embedtool.kernels.random import fraction, mixed
from embedtool.kernels.sgd.arrays import (
    BLOCK,
    TURN,
    Copies,
    Ints,
    Noise,
    Options,
    Space,
    Stretch,
    Tables,
    Tree,
    Words,
)
from embedtool.kernels.sgd.microbatch import train_block
from embedtool.kernels.simd.prefetch import fetch_number, fetch_row
from embedtool.kernels.simd.rows import add_row, copy_row, dot_rows, subtract_row

NEAR_ROOT = 2**7
"""Inner nodes so near the root stay in the cache."""
SPREAD = 0x9E3779B1
"""A prime near 2**32 over the golden ratio: multiplying by it spreads rows over the hash table."""
SPREAD_SHIFT = 15


@inlined
def train_turn(
    lane: int,
    start: int,
    next_lane: int,
    next_start: int,
    side: int,
    key: np.uint64,
    part: int,
    rate: np.float32,
    stretch: Stretch,
    words: Words,
    noise: Noise,
    tree: Tree,
    tables: Tables,
    options: Options,
    copies: Copies,
    space: Space,
) -> None:
    """Train the tokens of a lane from `start` on, as many as TURN or as are left.

    lane      : -1 where only the next turn is to be prepared
    next_lane : what its turn from `next_start` needs is asked for meanwhile; -1 for none
    side      : 0 or 1, and the other one in the next turn
    key       : made of seed and epoch; with a token's position it decides all that is random
    Changes `copies`, of this lane only, and `space`.
    """
    stop = start
    origin = start
    if lane >= 0:
        stop = max(start, min(start + TURN, stretch.lengths[lane]))
        origin = _copy_rows(
            lane, start, stop, side, stretch, words, tree, tables, options, copies, space
        )
    for at in range(0, TURN, BLOCK):
        if next_lane >= 0:
            _prepare_block(
                next_lane, next_start, next_start + at, 1 - side,
                mixed(key + np.uint64(next_lane * part + next_start + at)),
                stretch, words, noise, tree, tables, options, space,
            )  # fmt: skip
        if start + at < stop:
            number, n_blocks = at // BLOCK, (stop - start + BLOCK - 1) // BLOCK
            train_block(
                lane, origin, start + number, n_blocks, stop, number * options.n_noise, rate,
                stretch, words, options, copies, space,
            )  # fmt: skip
    if lane >= 0 and options.subwords:
        _write_steps(lane, words, copies, space)


@inlined
def _prepare_block(
    lane: int,
    start: int,
    at: int,
    side: int,
    key: np.uint64,
    stretch: Stretch,
    words: Words,
    noise: Noise,
    tree: Tree,
    tables: Tables,
    options: Options,
    space: Space,
) -> None:
    """Draw the noise words of a block, and ask for the rows that its turn will copy.

    They come while the lane before is trained.
    """
    stop = min(at + BLOCK, stretch.lengths[lane])
    if at >= stop:
        return
    first, last = at, stop
    if at == start:
        first = stretch.left[lane, at]
    if stop == start + TURN:
        last = stretch.right[lane, stop - 1]
    for token in range(first if options.cbow else at, last if options.cbow else stop):
        word = stretch.ids[lane, token]
        for k in range(words.starts[word], words.starts[word + 1]):
            fetch_row(tables.inputs, words.rows[k])
    if options.cbow:
        first, last = at, stop
    if options.hierarchical:
        root = len(tree.parents) - 1
        for token in range(first, last):
            node = int(tree.parents[stretch.ids[lane, token]])
            while node < root - NEAR_ROOT:
                fetch_row(tables.outputs, node - (root // 2 + 1))
                node = int(tree.parents[node])
        return
    for token in range(first, last):
        fetch_row(tables.outputs, stretch.ids[lane, token])
    n_noise = options.n_noise
    drawn = (at - start) // BLOCK * n_noise
    _draw(key, side, drawn, n_noise, noise, space)
    for k in range(drawn, drawn + n_noise):
        fetch_row(tables.outputs, space.drawn[side, k])


@inlined
def _draw(key: np.uint64, side: int, at: int, n_noise: int, noise: Noise, space: Space) -> None:
    """Draw the noise words of a block.

    In three loops, so that the first two wait for the memory only once.
    """
    n_words = len(noise.guide)
    for k in range(n_noise):
        share = fraction(mixed(key + np.uint64(k)))
        space.shares[k] = share
        space.drawn[side, at + k] = noise.guide[int(share * n_words)]
    for k in range(n_noise):
        fetch_number(noise.cumulative, space.drawn[side, at + k])
    for k in range(n_noise):
        word = space.drawn[side, at + k]
        while noise.cumulative[word] <= space.shares[k]:
            word += 1
        space.drawn[side, at + k] = word


@inlined
def _copy_rows(
    lane: int,
    start: int,
    stop: int,
    side: int,
    stretch: Stretch,
    words: Words,
    tree: Tree,
    tables: Tables,
    options: Options,
    copies: Copies,
    space: Space,
) -> int:
    """Copy the rows that the tokens [start, stop) concern; returns the first token around them."""
    first, last = start, stop
    for token in range(start, stop):
        first = min(first, stretch.left[lane, token])
        last = max(last, stretch.right[lane, token])
    origin = first
    copies.n_inputs[lane] = 0
    copies.n_outputs[lane] = 0
    for slot in range(len(space.input_slots)):
        space.input_slots[slot] = -1
    for slot in range(len(space.output_slots)):
        space.output_slots[slot] = -1
    for token in range(first if options.cbow else start, last if options.cbow else stop):
        word = stretch.ids[lane, token]
        space.input_places[token - origin] = _input_place(
            lane, word, words, tables, options, copies, space
        )
    if options.cbow:
        first, last = start, stop
    if options.hierarchical:
        for token in range(first, last):
            _copy_way(lane, token - origin, stretch.ids[lane, token], tree, tables, copies, space)
        return origin
    for token in range(first, last):
        row = stretch.ids[lane, token]
        space.output_places[token - origin] = _output_place(lane, row, tables, copies, space)
    for k in range(-(-(stop - start) // BLOCK) * options.n_noise):
        row = space.drawn[side, k]
        space.noise_places[k] = _output_place(lane, row, tables, copies, space)
    return origin


@inlined
def _input_place(
    lane: int,
    word: int,
    words: Words,
    tables: Tables,
    options: Options,
    copies: Copies,
    space: Space,
) -> int:
    """The place of the sum of a word's rows among the turn's copies."""
    number = _number_of(word, lane, copies.n_inputs[lane], copies.input_words, space.input_slots)
    place = int(lane * copies.input_words.shape[1] + number)
    if number == copies.n_inputs[lane]:
        copies.n_inputs[lane] += 1
        first = words.starts[word]
        copy_row(copies.inputs, place, tables.inputs, words.rows[first])
        for k in range(first + 1, words.starts[word + 1]):
            add_row(copies.inputs, place, tables.inputs, words.rows[k], np.float32(1))
        if options.subwords:
            copy_row(space.before, number, copies.inputs, place)
        copies.input_bends[place] = 0
    return place


@inlined
def _output_place(lane: int, row: int, tables: Tables, copies: Copies, space: Space) -> int:
    """The place of a row of the output table among the turn's copies."""
    number = _number_of(row, lane, copies.n_outputs[lane], copies.output_rows, space.output_slots)
    place = int(lane * copies.output_rows.shape[1] + number)
    if number == copies.n_outputs[lane]:
        copies.n_outputs[lane] += 1
        copy_row(copies.outputs, place, tables.outputs, row)
        copies.output_bends[place] = 0
        space.norms[place] = dot_rows(copies.outputs, place, copies.outputs, place)
    return place


@inlined
def _number_of(row: int, lane: int, n_rows: int, rows: Ints, slots: Ints) -> int:
    """The number of a row in a lane's list of `n_rows` rows; a new one goes to its end."""
    mask = len(slots) - 1
    slot = (row * SPREAD >> SPREAD_SHIFT) & mask
    while slots[slot] >= 0:
        if rows[lane, slots[slot]] == row:
            return int(slots[slot])
        slot = (slot + 1) & mask
    slots[slot] = n_rows
    rows[lane, n_rows] = row
    return n_rows


@inlined
def _copy_way(
    lane: int, token: int, word: int, tree: Tree, tables: Tables, copies: Copies, space: Space
) -> None:
    """Copy the inner nodes above a word, and link their places, up to one that is there already."""
    root = len(tree.parents) - 1
    n_words = root // 2 + 1
    node = int(tree.parents[word])
    space.way_sides[token] = tree.left[word]
    n_before = copies.n_outputs[lane]
    place = _output_place(lane, node - n_words, tables, copies, space)
    space.ways[token] = place
    while copies.n_outputs[lane] > n_before and node != root:
        space.sides[place] = tree.left[node]
        node = int(tree.parents[node])
        n_before = copies.n_outputs[lane]
        space.above[place] = _output_place(lane, node - n_words, tables, copies, space)
        place = int(space.above[place])
    if copies.n_outputs[lane] > n_before:
        space.above[place] = -1


@inlined
def _write_steps(lane: int, words: Words, copies: Copies, space: Space) -> None:
    """Write over the sums of rows the steps of each row: all rows of a word go the same way."""
    first = lane * copies.input_words.shape[1]
    for k in range(copies.n_inputs[lane]):
        share = np.float32(1) / np.float32(max(1, words.n_movable[copies.input_words[lane, k]]))
        subtract_row(copies.inputs, first + k, space.before, k, share)
