"""How the steps of a round meet in the tables.

In: the copies of all lanes. Out: the tables after them, whichever thread moved which row.

All turns start from the same tables, so for a row that many of them move the sum of their steps
could go too far: each takes the same way, as if no other did. The bends of a turn's steps tell how
much of the way to where the row would come to rest they are (`block`): of bend 1 and more, a turn
has gone all of it. So where the turns have gone more than the whole way together, they take its
mean. Most rows are moved by one turn of a round, and become its copy.

With subwords that holds for the rows of each word: with b_wl the bend of word w in lane l, and
B_w = sum_l min(1, b_wl), its steps are divided by max(1, B_w), after which it has gone min(1, B_w)
of its way. A row that several words are made of then goes the sum of their ways, divided by

    max(1, damping sum_w min(1, B_w))

A row that a word has twice, as banana has that of "ana", moves twice, and counts twice in that sum.
With a damping of 1 it goes their mean where all have gone the whole way. But a row is one of the
many of a word, and two words seldom have more than a few in common, so that the loss curves much
less than the sum of the traces says, and training chooses less where it has far to go
(`trainers.word2vec`).
"""

import numpy as np

from embedtool.kernels.jit import inlined
from embedtool.kernels.sgd.arrays import Copies, Floats, Options, Space, Tables, Words
from embedtool.kernels.simd.prefetch import fetch_row
from embedtool.kernels.simd.rows import add_row, copy_row, scale_row

ONE = np.float32(1)
AHEAD = 3
"""Rows are asked for this many moves before they are needed: they may stand in another core's
cache, a hundred nanoseconds away."""


@inlined
def claim_rows(lane: int, thread: int, words: Words, tables: Tables, copies: Copies) -> None:
    """Let a thread own the rows that a lane concerns, until another thread claims them.

    Who is last owns a row. That is one of those whose copies it gets: most rows have copies of one
    lane only, and then these need not come from another core's cache.
    """
    for number in range(copies.n_inputs[lane]):
        word = copies.input_words[lane, number]
        for k in range(words.starts[word], words.starts[word + 1]):
            tables.input_owners[words.rows[k]] = thread
    for number in range(copies.n_outputs[lane]):
        tables.output_owners[copies.output_rows[lane, number]] = thread


@inlined
def move_rows(
    thread: int,
    first_lane: int,
    last_lane: int,
    damping: np.float32,
    words: Words,
    tables: Tables,
    options: Options,
    copies: Copies,
    space: Space,
) -> None:
    """Move the rows of both tables by the copies of some lanes, in the order of lanes and places.

    Unless threads race, only those rows that are this thread's.
    """
    if options.subwords:
        _add_word_bends(first_lane, last_lane, copies, space)
    n = 0
    for lane in range(first_lane, last_lane):
        for number in range(copies.n_inputs[lane]):
            word = copies.input_words[lane, number]
            place = lane * copies.input_words.shape[1] + number
            factor = ONE / max(ONE, space.word_bends[word]) if options.subwords else ONE
            for k in range(words.starts[word], words.starts[word + 1]):
                row = words.rows[k]
                owned = options.racing or tables.input_owners[row] == thread
                if owned and not words.frozen[row]:
                    n = _list(n, row, place, factor, space.input_sums, space)
    if options.subwords:
        _clear_word_bends(first_lane, last_lane, copies, space)
    _move(
        n,
        not options.subwords,
        damping if options.subwords else ONE,
        tables.inputs,
        space.input_sums,
        copies.inputs,
        copies.input_bends,
        space,
    )
    n = 0
    for lane in range(first_lane, last_lane):
        for number in range(copies.n_outputs[lane]):
            row = copies.output_rows[lane, number]
            place = lane * copies.output_rows.shape[1] + number
            if options.racing or tables.output_owners[row] == thread:
                n = _list(n, row, place, ONE, space.output_sums, space)
    _move(
        n,
        True,
        ONE,
        tables.outputs,
        space.output_sums,
        copies.outputs,
        copies.output_bends,
        space,
    )


@inlined
def _add_word_bends(first_lane: int, last_lane: int, copies: Copies, space: Space) -> None:
    """Add up the bends of each word over the lanes."""
    for lane in range(first_lane, last_lane):
        for number in range(copies.n_inputs[lane]):
            place = lane * copies.input_words.shape[1] + number
            space.word_bends[copies.input_words[lane, number]] += min(
                ONE, copies.input_bends[place]
            )


@inlined
def _clear_word_bends(first_lane: int, last_lane: int, copies: Copies, space: Space) -> None:
    """Write zeros for the words of the lanes again."""
    for lane in range(first_lane, last_lane):
        for number in range(copies.n_inputs[lane]):
            space.word_bends[copies.input_words[lane, number]] = 0


@inlined
def _list(n: int, row: int, place: int, factor: np.float32, sums: Floats, space: Space) -> int:
    """Add a copy to the list of those that move rows, and ask for its row's sums."""
    space.move_rows[n] = row
    space.move_places[n] = place
    space.move_factors[n] = factor
    fetch_row(sums, row)
    return n + 1


@inlined
def _move(
    n: int,
    replace: bool,
    damping: np.float32,
    table: Floats,
    sums: Floats,
    copies: Floats,
    bends: Floats,
    space: Space,
) -> None:
    """Let the first n listed copies move their rows, by a part each where they go too far together.

    replace : the copies are rows, else steps of rows. With n copies c of row r and the factor f it
              becomes r + f sum (c - r), that is (1 - n f) r + f sum c; the copies' factors are 1.
    damping : what counts of the bends' sum
    sums    : zeros before and after, but for the third column, to which the bends are added
    """
    for k in range(n):
        row = space.move_rows[k]
        bend = min(ONE, bends[space.move_places[k]])
        sums[row, 0] += space.move_factors[k] * bend
        sums[row, 1] += np.float32(replace)
        sums[row, 2] += bend
    for k in range(min(n, AHEAD)):
        fetch_row(table, space.move_rows[k])
        fetch_row(copies, space.move_places[k])
    for k in range(n):
        if k + AHEAD < n:
            fetch_row(table, space.move_rows[k + AHEAD])
            fetch_row(copies, space.move_places[k + AHEAD])
        row, place = space.move_rows[k], space.move_places[k]
        factor = space.move_factors[k] / max(ONE, damping * sums[row, 0])
        n_copies = sums[row, 1]
        sums[row, 1] = 0
        if n_copies == 1:
            copy_row(table, row, copies, place)
            continue
        if n_copies > 1:
            scale_row(table, row, ONE - n_copies * factor)
        add_row(table, row, copies, place, factor)
    for k in range(n):
        sums[space.move_rows[k], 0] = 0
