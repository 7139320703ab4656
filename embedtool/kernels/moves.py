"""How the steps of a round meet in the tables.

In: the steps of all lanes. Out: the tables after them, whichever thread moved which row.

All blocks start from the same tables, so for a row of many pairs the sum of their steps could go
too far: every block takes the same way, as if no other did. In no direction does the loss of a row
curve more than the trace of its Hessian; the bend of a step is that trace times the rate, and a
step of bend 1 cannot go beyond the minimum of the parabola. So a sum of steps whose bends come to
more than 1 is shortened until they do not. Most rows have few pairs in a round, and take their
steps as they are.
"""

import numpy as np

from embedtool.kernels.fetch import fetch_number, fetch_row
from embedtool.kernels.jit import inlined
from embedtool.kernels.layout import N_LANES, Floats, Space, Steps, Stretch, Tables, Words

SHARES = 1024
"""Rows are dealt out to threads by their number modulo this."""


@inlined
def move_rows(
    thread: int,
    n_threads: int,
    stretch: Stretch,
    words: Words,
    tables: Tables,
    steps: Steps,
    space: Space,
) -> None:
    """Move the rows of both tables that are this thread's, in the order of lanes and tokens."""
    begin, end = thread * SHARES // n_threads, (thread + 1) * SHARES // n_threads
    n = _take_inputs(begin, end, stretch, words, tables, steps, space)
    _move(n, tables.inputs, tables.input_bends, steps.inputs, steps.input_bends, space)
    n = _take_outputs(begin, end, tables, steps, space)
    _move(n, tables.outputs, tables.output_bends, steps.outputs, steps.output_bends, space)


@inlined
def _take_inputs(
    begin: int,
    end: int,
    stretch: Stretch,
    words: Words,
    tables: Tables,
    steps: Steps,
    space: Space,
) -> int:
    """List the steps of own rows of the input table, and ask for them."""
    n = 0
    for lane in range(N_LANES):
        first = steps.first_input[lane]
        for token in range(first, steps.last_input[lane]):
            word = stretch.ids[lane, token]
            for k in range(words.starts[word], words.starts[word + 1]):
                row = words.rows[k]
                if begin <= (row & (SHARES - 1)) < end and not words.frozen[row]:
                    space.move_rows[n] = row
                    space.move_lanes[n] = lane
                    space.move_steps[n] = token - first
                    fetch_row(tables.inputs, row)
                    fetch_number(tables.input_bends, row)
                    n += 1
    return n


@inlined
def _take_outputs(begin: int, end: int, tables: Tables, steps: Steps, space: Space) -> int:
    """List the steps of own rows of the output table, and ask for them."""
    n = 0
    for lane in range(N_LANES):
        for k in range(steps.n_outputs[lane]):
            row = steps.output_rows[lane, k]
            if begin <= (row & (SHARES - 1)) < end:
                space.move_rows[n] = row
                space.move_lanes[n] = lane
                space.move_steps[n] = k
                fetch_row(tables.outputs, row)
                fetch_number(tables.output_bends, row)
                n += 1
    return n


@inlined
def _move(
    n: int, table: Floats, sums: Floats, steps: Floats, bends: Floats, space: Space
) -> None:
    """Add the first n listed steps to their rows, shortened by the sum of the bends of each row.

    sums : zeros before and after
    """
    for k in range(n):
        sums[space.move_rows[k]] += bends[space.move_lanes[k], space.move_steps[k]]
    most = bends.shape[1]
    for k in range(n):
        row, step = space.move_rows[k], space.move_lanes[k] * most + space.move_steps[k]
        factor = np.float32(1) / max(np.float32(1), sums[row])
        for d in range(table.shape[1]):
            table[row, d] += factor * steps[step, d]
    for k in range(n):
        sums[space.move_rows[k]] = 0
