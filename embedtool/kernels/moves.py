"""How the steps of a round meet in the tables.

In: the steps of all lanes. Out: the tables after them, whichever thread moved which row.

All turns start from the same tables, so for a row that many of them move the sum of their steps
could go too far: each takes the same way, as if no other did. The bends of a turn's steps tell how
much of the way to where the row would come to rest they are (`block`): of bend 1 and more, a turn
has gone all of it. So where the turns have gone more than the whole way together, they take its
mean. Most rows are moved by one turn of a round, and take its step as it is.
"""

import numpy as np

from embedtool.kernels.fetch import fetch_number, fetch_row
from embedtool.kernels.jit import inlined
from embedtool.kernels.layout import N_LANES, Floats, Space, Steps, Tables, Words
from embedtool.kernels.rows import add_row

AHEAD = 3
"""Rows are asked for this many moves before they are needed: they may stand in another core's
cache, a hundred nanoseconds away."""


@inlined
def claim_rows(lane: int, thread: int, words: Words, tables: Tables, steps: Steps) -> None:
    """Let a thread own the rows that a lane concerns, until another thread claims them.

    Who is last owns a row. That is one of those whose steps it gets: most rows have steps of one
    lane only, and then their steps need not come from another core's cache.
    """
    for place in range(steps.n_inputs[lane]):
        word = steps.input_words[lane, place]
        for k in range(words.starts[word], words.starts[word + 1]):
            tables.input_owners[words.rows[k]] = thread
    for place in range(steps.n_outputs[lane]):
        tables.output_owners[steps.output_rows[lane, place]] = thread


@inlined
def move_rows(thread: int, words: Words, tables: Tables, steps: Steps, space: Space) -> None:
    """Move the rows of both tables that are this thread's, in the order of lanes and places."""
    n = 0
    for lane in range(N_LANES):
        for place in range(steps.n_inputs[lane]):
            word = steps.input_words[lane, place]
            for k in range(words.starts[word], words.starts[word + 1]):
                row = words.rows[k]
                if tables.input_owners[row] == thread and not words.frozen[row]:
                    n = _list(n, row, lane, place, tables.input_bends, space)
    _move(n, tables.inputs, tables.input_bends, steps.inputs, steps.input_bends, space)
    n = 0
    for lane in range(N_LANES):
        for place in range(steps.n_outputs[lane]):
            row = steps.output_rows[lane, place]
            if tables.output_owners[row] == thread:
                n = _list(n, row, lane, place, tables.output_bends, space)
    _move(n, tables.outputs, tables.output_bends, steps.outputs, steps.output_bends, space)


@inlined
def _list(n: int, row: int, lane: int, step: int, sums: Floats, space: Space) -> int:
    """Add a step to the list of those to be added, and ask for its row's sum of bends."""
    space.move_rows[n] = row
    space.move_lanes[n] = lane
    space.move_steps[n] = step
    fetch_number(sums, row)
    return n + 1


@inlined
def _move(n: int, table: Floats, sums: Floats, steps: Floats, bends: Floats, space: Space) -> None:
    """Add the first n listed steps to their rows, divided by the ways that they are together.

    sums : zeros before and after
    """
    for k in range(n):
        bend = bends[space.move_lanes[k], space.move_steps[k]]
        sums[space.move_rows[k]] += min(np.float32(1), bend)
    most = bends.shape[1]
    for k in range(min(n, AHEAD)):
        fetch_row(table, space.move_rows[k])
        fetch_row(steps, space.move_lanes[k] * most + space.move_steps[k])
    for k in range(n):
        if k + AHEAD < n:
            fetch_row(table, space.move_rows[k + AHEAD])
            fetch_row(steps, space.move_lanes[k + AHEAD] * most + space.move_steps[k + AHEAD])
        row, step = space.move_rows[k], space.move_lanes[k] * most + space.move_steps[k]
        factor = np.float32(1) / max(np.float32(1), sums[row])
        add_row(table, row, steps, step, factor)
    for k in range(n):
        sums[space.move_rows[k]] = 0
