"""What a block of tokens learns.

In: BLOCK tokens of a lane and the tables. Out: a step for each row that they concern.

With h_i the hidden vector of token i and o_r the rows of the output table that the block concerns,
all scores are one product of matrices, s_ri = o_r.h_i (Ji et al. 2016), and so are all steps:

    step of h_i = -rate sum_r l'(s_ri) o_r      step of o_r = -rate sum_i l'(s_ri) h_i

where l is the loss of `logistic_steps`, of w_ri trials and t_ri meetings:

    skip-gram    h_i is the vector of token i, and t_ri counts r among its context
    CBOW         h_i is the mean, or the sum, over its context; t_ri is 1 for r = token i
    negative sampling   n_noise words are drawn for the block, and each stands for
                 negative / n_noise of a noise word of each pair: w_ri = t_ri + that share, times how
                 often r was drawn, times the pairs of i in which r is not the word itself
    hierarchical softmax  r is an inner node; w_ri counts the ways through it to the words that i
                 predicts, and t_ri those that go on to the left

The step of h_i goes to every row that it is the mean of, undivided, as in word2vec.c and fastText.

The Hessian of the loss is sum_i l''(s_ri) h_i h_i^T for o_r, and sum_r l''(s_ri) o_r o_r^T for
h_i. Its trace times the rate is the bend of a step; `moves` tells what it is for.
"""

import numpy as np

from embedtool.kernels.fetch import fetch_row
from embedtool.kernels.jit import jit
from embedtool.kernels.layout import (
    BLOCK,
    Floats,
    Ints,
    Noise,
    Options,
    Space,
    Steps,
    Stretch,
    Tables,
    Tree,
    Words,
)
from embedtool.kernels.logistic import logistic_steps
from embedtool.kernels.matrix import ROWS, multiply
from embedtool.kernels.random import fraction, mixed

SPREAD = 0x9E3779B1
"""A prime near 2**32 over the golden ratio: multiplying by it spreads rows over the hash table."""
SPREAD_SHIFT = 15


@jit
def train_block(
    lane: int,
    start: int,
    key: np.uint64,
    rate: np.float32,
    stretch: Stretch,
    words: Words,
    noise: Noise,
    tree: Tree,
    tables: Tables,
    options: Options,
    steps: Steps,
    space: Space,
) -> None:
    """Train the tokens of a lane from `start` on, as many as BLOCK or as are left.

    key : decides which noise words are drawn
    Changes `steps`, of this lane only, and `space`.
    """
    n = max(0, min(BLOCK, stretch.lengths[lane] - start))
    first, last = _surroundings(lane, start, n, stretch, options, space)
    steps.first_input[lane] = first if options.cbow else start
    steps.last_input[lane] = last if options.cbow else start + n
    steps.n_outputs[lane] = 0
    if n == 0:
        return
    _fetch_inputs(lane, stretch, words, tables.inputs, steps)
    if options.hierarchical:
        n_rows = _meet_nodes(
            lane, start, n, first, last, stretch, tree, tables.outputs, options, steps, space
        )
    else:
        n_rows = _meet_words(
            lane, start, n, first, last, key, stretch, noise, tables.outputs, options, steps, space
        )
    steps.n_outputs[lane] = n_rows
    steps.pairs[lane] += np.int64(space.n_pairs.sum())
    _hide(lane, start, n, stretch, words, tables.inputs, options, steps, space)
    steps.losses[lane] += _learn(lane, n_rows, rate, tables.outputs, steps, space)
    _show(lane, start, n, stretch, options, steps, space)


@jit
def _surroundings(
    lane: int, start: int, n: int, stretch: Stretch, options: Options, space: Space
) -> tuple[int, int]:
    """Count the pairs of each token; returns the first token of all contexts, and the last + 1."""
    first, last = start, start + n
    space.n_pairs[:] = 0
    for i in range(n):
        left, right = stretch.left[lane, start + i], stretch.right[lane, start + i]
        first, last = min(first, left), max(last, right)
        n_contexts = right - left - 1
        space.n_pairs[i] = min(n_contexts, 1) if options.cbow else n_contexts
    return first, last


@jit
def _fetch_inputs(
    lane: int, stretch: Stretch, words: Words, inputs: Floats, steps: Steps
) -> None:
    """Ask for the rows that `_hide` will read."""
    for token in range(steps.first_input[lane], steps.last_input[lane]):
        word = stretch.ids[lane, token]
        for k in range(words.starts[word], words.starts[word + 1]):
            fetch_row(inputs, words.rows[k])


@jit
def _hide(
    lane: int,
    start: int,
    n: int,
    stretch: Stretch,
    words: Words,
    inputs: Floats,
    options: Options,
    steps: Steps,
    space: Space,
) -> None:
    """Compute the hidden vectors, a scale times a sum of rows.

    The sum of the rows of each input token is left where its step will stand.
    """
    first, width = steps.first_input[lane], inputs.shape[1]
    for token in range(first, steps.last_input[lane]):
        word = stretch.ids[lane, token]
        begin = words.starts[word]
        row = words.rows[begin]
        for d in range(width):
            steps.inputs[lane, token - first, d] = inputs[row, d]
        for k in range(begin + 1, words.starts[word + 1]):
            row = words.rows[k]
            for d in range(width):
                steps.inputs[lane, token - first, d] += inputs[row, d]
    space.hidden[:] = 0
    for i in range(n):
        token = start + i
        left, right = token, token + 1
        if options.cbow:
            left, right = stretch.left[lane, token], stretch.right[lane, token]
        n_rows = 0
        for other in range(left, right):
            if options.cbow and other == token:
                continue
            word = stretch.ids[lane, other]
            n_rows += words.starts[word + 1] - words.starts[word]
            for d in range(width):
                space.hidden[i, d] += steps.inputs[lane, other - first, d]
        scale = np.float32(1)
        if n_rows and (options.mean or not options.cbow):
            scale = np.float32(1) / np.float32(n_rows)
        for d in range(width):
            space.hidden[i, d] *= scale
        space.reach[i] = scale * np.float32(n_rows)


@jit
def _place_of(
    row: int, n_rows: int, lane: int, outputs: Floats, steps: Steps, space: Space
) -> int:
    """The place of a row of the output table among those of the block, `n_rows` if it is new.

    A new row is asked for: `_learn` will read it.
    """
    mask = len(space.slots) - 1
    slot = (row * SPREAD >> SPREAD_SHIFT) & mask
    while space.slots[slot] >= 0:
        if steps.output_rows[lane, space.slots[slot]] == row:
            return space.slots[slot]
        slot = (slot + 1) & mask
    fetch_row(outputs, row)
    space.slots[slot] = n_rows
    steps.output_rows[lane, n_rows] = row
    space.draws[n_rows] = 0
    for i in range(BLOCK):
        space.targets[n_rows, i] = 0
        space.weights[n_rows, i] = 0
    return n_rows


@jit
def _meet_words(
    lane: int,
    start: int,
    n: int,
    first: int,
    last: int,
    key: np.uint64,
    stretch: Stretch,
    noise: Noise,
    outputs: Floats,
    options: Options,
    steps: Steps,
    space: Space,
) -> int:
    """Negative sampling: fill targets and weights; returns the number of rows."""
    space.slots[:] = -1
    n_rows = 0
    for token in range(start if options.cbow else first, start + n if options.cbow else last):
        place = _place_of(
            np.int64(stretch.ids[lane, token]), n_rows, lane, outputs, steps, space
        )
        n_rows = max(n_rows, place + 1)
        space.slot_of[token - first] = place
    for i in range(n):
        token = start + i
        if options.cbow:
            space.targets[space.slot_of[token - first], i] = space.n_pairs[i]
            continue
        for other in range(stretch.left[lane, token], stretch.right[lane, token]):
            if other != token:
                space.targets[space.slot_of[other - first], i] += 1
    n_words = len(noise.cumulative)
    for k in range(options.n_noise):
        share = fraction(mixed(key + np.uint64(k)))
        word = np.int64(noise.guide[np.int64(share * n_words)])
        while noise.cumulative[word] <= share:
            word += 1
        place = _place_of(word, n_rows, lane, outputs, steps, space)
        n_rows = max(n_rows, place + 1)
        space.draws[place] += np.float32(options.negative) / np.float32(options.n_noise)
    for r in range(n_rows):
        for i in range(BLOCK):
            meetings = space.targets[r, i]
            space.weights[r, i] = meetings + space.draws[r] * (space.n_pairs[i] - meetings)
    return n_rows


@jit
def _meet_nodes(
    lane: int,
    start: int,
    n: int,
    first: int,
    last: int,
    stretch: Stretch,
    tree: Tree,
    outputs: Floats,
    options: Options,
    steps: Steps,
    space: Space,
) -> int:
    """Hierarchical softmax: fill targets and weights; returns the number of rows."""
    space.slots[:] = -1
    root = len(tree.parents) - 1
    n_words = root // 2 + 1
    n_rows = 0
    for token in range(start if options.cbow else first, start + n if options.cbow else last):
        word = stretch.ids[lane, token]
        length = 0
        node = np.int64(word)
        while node != root:
            node = np.int64(tree.parents[node])
            place = _place_of(node - n_words, n_rows, lane, outputs, steps, space)
            n_rows = max(n_rows, place + 1)
            space.slot_of[length] = place
            length += 1
        for i in range(n):
            if options.cbow:
                predicted = start + i == token and space.n_pairs[i] > 0
            else:
                left, right = stretch.left[lane, start + i], stretch.right[lane, start + i]
                predicted = start + i != token and left <= token < right
            if not predicted:
                continue
            node = word
            for k in range(length):
                space.weights[space.slot_of[k], i] += 1
                space.targets[space.slot_of[k], i] += tree.left[node]
                node = tree.parents[node]
    return n_rows


@jit
def _learn(
    lane: int, n_rows: int, rate: np.float32, outputs: Floats, steps: Steps, space: Space
) -> float:
    """Compute the steps of hidden vectors and of output rows; returns the loss before them."""
    width = outputs.shape[1]
    n_padded = -(-n_rows // ROWS) * ROWS
    for r in range(n_rows):
        row = steps.output_rows[lane, r]
        norm = np.float32(0)
        for d in range(width):
            space.rows[r, d] = outputs[row, d]
            norm += outputs[row, d] * outputs[row, d]
        space.row_norms[r] = norm
    space.rows[n_rows:n_padded] = 0
    for i in range(BLOCK):
        norm = np.float32(0)
        for d in range(width):
            space.across[d, i] = space.hidden[i, d]
            norm += space.hidden[i, d] * space.hidden[i, d]
        space.hidden_norms[i] = norm
    rows, scores = space.rows[:n_padded], space.scores[:n_padded]
    multiply(rows, space.across, scores)
    n = n_rows * BLOCK
    loss = logistic_steps(
        scores.reshape(-1)[:n], space.targets.reshape(-1)[:n], space.weights.reshape(-1)[:n], rate,
        space.seconds.reshape(-1)[:n],
    )  # fmt: skip
    multiply(scores[:n_rows].T, rows[:n_rows], space.hidden_steps)
    multiply(scores, space.hidden, steps.outputs[lane, :n_padded])
    space.hidden_bends[:] = 0
    for r in range(n_rows):
        bend = np.float32(0)
        for i in range(BLOCK):
            bend += space.seconds[r, i] * space.hidden_norms[i]
            space.hidden_bends[i] += space.seconds[r, i] * space.row_norms[r]
        steps.output_bends[lane, r] = bend
    return loss


@jit
def _show(
    lane: int, start: int, n: int, stretch: Stretch, options: Options, steps: Steps, space: Space
) -> None:
    """Hand the steps of the hidden vectors on to the input tokens."""
    first, width = steps.first_input[lane], steps.inputs.shape[2]
    for k in range(steps.last_input[lane] - first):
        steps.input_bends[lane, k] = 0
        for d in range(width):
            steps.inputs[lane, k, d] = 0
    for i in range(n):
        token = start + i
        left, right = token, token + 1
        if options.cbow:
            left, right = stretch.left[lane, token], stretch.right[lane, token]
        for other in range(left, right):
            if options.cbow and other == token:
                continue
            steps.input_bends[lane, other - first] += space.hidden_bends[i] * space.reach[i]
            for d in range(width):
                steps.inputs[lane, other - first, d] += space.hidden_steps[i, d]
