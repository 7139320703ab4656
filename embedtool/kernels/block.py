"""What a block of tokens learns.

In: BLOCK tokens of a lane and the tables. Out: a step for each row that they concern.

With h_i the hidden vector of token i and o_r the rows of the output table that the block concerns,
all scores are one product of matrices, s_ri = o_r.h_i (Ji et al. 2016), and so are all steps:

    step of h_i = -rate sum_r l'(s_ri) o_r      step of o_r = -rate sum_i l'(s_ri) h_i

where l is the loss of `logistic_steps`, of w_ri trials and t_ri meetings:

    skip-gram    h_i is the vector of token i, and t_ri counts r among its context
    CBOW         h_i is the mean, or the sum, over its context; t_ri is 1 for r = token i
    negative sampling   n_noise words are drawn for the block, and each stands for
                 negative / n_noise of a noise word of each pair: w_ri = t_ri + that share times
                 how often r was drawn, times the pairs of i in which r is not the word itself
    hierarchical softmax  r is an inner node; w_ri counts the ways through it to the words that i
                 predicts, and t_ri those that go on to the left

The step of h_i goes to every row that it is the mean of, undivided, as in word2vec.c and fastText.

The Hessian of the loss is sum_i l''(s_ri) h_i h_i^T for o_r, and sum_r l''(s_ri) o_r o_r^T for
h_i. Its trace times the rate is the bend of a step; `moves` tells what it is for.
"""

import numpy as np

from embedtool.kernels.fetch import fetch_number, fetch_row
from embedtool.kernels.jit import inlined
from embedtool.kernels.layout import (
    BLOCK,
    Floats,
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
from embedtool.kernels.matrix import ROWS, add_noise, multiply, multiply_turned
from embedtool.kernels.random import fraction, mixed

SPREAD = 0x9E3779B1
"""A prime near 2**32 over the golden ratio: multiplying by it spreads rows over the hash table."""
SPREAD_SHIFT = 15


@inlined
def train_block(
    lane: int,
    start: int,
    rate: np.float32,
    stretch: Stretch,
    words: Words,
    tree: Tree,
    tables: Tables,
    options: Options,
    steps: Steps,
    space: Space,
) -> None:
    """Train the tokens of a lane from `start` on, as many as BLOCK or as are left.

    `prepare_block` has been called for it. Changes `steps`, of this lane only, and `space`.
    """
    n = max(0, min(BLOCK, stretch.lengths[lane] - start))
    first, last = _surroundings(lane, start, n, stretch, options, space)
    steps.first_input[lane] = first if options.cbow else start
    steps.last_input[lane] = last if options.cbow else start + n
    steps.n_outputs[lane] = 0
    if n == 0:
        return
    for slot in range(len(space.slots)):
        space.slots[slot] = -1
    if options.cbow:
        first, last = start, start + n
    if options.hierarchical:
        n_rows = _meet_nodes(lane, start, n, first, last, stretch, tree, options, steps, space)
    else:
        n_rows = _meet_words(lane, start, n, first, last, stretch, options, steps, space)
    steps.n_outputs[lane] = n_rows
    for i in range(n):
        steps.pairs[lane] += np.int64(space.n_pairs[i])
    _hide(lane, start, n, stretch, words, tables.inputs, options, steps, space)
    steps.losses[lane] += _learn(lane, n_rows, rate, tables.outputs, steps, space)
    _show(lane, steps, space)


@inlined
def prepare_block(
    lane: int,
    start: int,
    key: np.uint64,
    stretch: Stretch,
    words: Words,
    noise: Noise,
    tables: Tables,
    options: Options,
    space: Space,
) -> None:
    """Draw the noise words of a block, and ask for the rows that `train_block` will read.

    They come while the block before is trained. Not inner nodes: most blocks share theirs.
    """
    stop = min(start + BLOCK, stretch.lengths[lane])
    if start >= stop:
        return
    if not options.hierarchical:
        _draw(key, lane & 1, options.n_noise, noise, space)
    first, last = stretch.left[lane, start], stretch.right[lane, stop - 1]
    for token in range(first if options.cbow else start, last if options.cbow else stop):
        word = stretch.ids[lane, token]
        for k in range(words.starts[word], words.starts[word + 1]):
            fetch_row(tables.inputs, words.rows[k])
    if options.hierarchical:
        return
    for token in range(start if options.cbow else first, stop if options.cbow else last):
        fetch_row(tables.outputs, stretch.ids[lane, token])
    for k in range(options.n_noise):
        fetch_row(tables.outputs, space.drawn[lane & 1, k])


@inlined
def _draw(key: np.uint64, turn: int, n_noise: int, noise: Noise, space: Space) -> None:
    """Draw the noise words of a block.

    In three loops, so that the first two wait for the memory only once.
    """
    n_words = len(noise.guide)
    for k in range(n_noise):
        share = fraction(mixed(key + np.uint64(k)))
        space.shares[k] = share
        space.drawn[turn, k] = noise.guide[np.int64(share * n_words)]
    for k in range(n_noise):
        fetch_number(noise.cumulative, space.drawn[turn, k])
    for k in range(n_noise):
        word = space.drawn[turn, k]
        while noise.cumulative[word] <= space.shares[k]:
            word += 1
        space.drawn[turn, k] = word


@inlined
def _surroundings(
    lane: int, start: int, n: int, stretch: Stretch, options: Options, space: Space
) -> tuple[int, int]:
    """Count the pairs of each token; returns the first token of all contexts, and the last + 1."""
    first, last = start, start + n
    for i in range(BLOCK):
        space.n_pairs[i] = 0
    for i in range(n):
        left, right = stretch.left[lane, start + i], stretch.right[lane, start + i]
        first, last = min(first, left), max(last, right)
        n_contexts = right - left - 1
        space.n_pairs[i] = min(n_contexts, 1) if options.cbow else n_contexts
    return first, last


@inlined
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
    n_inputs = steps.last_input[lane] - first
    at = lane * steps.input_bends.shape[1]
    for k in range(n_inputs):
        word = stretch.ids[lane, first + k]
        begin = words.starts[word]
        row = words.rows[begin]
        for d in range(width):
            steps.inputs[at + k, d] = inputs[row, d]
        for place in range(begin + 1, words.starts[word + 1]):
            row = words.rows[place]
            for d in range(width):
                steps.inputs[at + k, d] += inputs[row, d]
    for k in range(-(-n_inputs // ROWS) * ROWS):
        for i in range(BLOCK):
            space.parts[k, i] = 0
    for i in range(BLOCK):
        space.scale[i] = 0
    for i in range(n):
        token = start + i
        left, right = token, token + 1
        if options.cbow:
            left, right = stretch.left[lane, token], stretch.right[lane, token]
        for other in range(left, right):
            if options.cbow and other == token:
                continue
            space.parts[other - first, i] = 1
            word = stretch.ids[lane, other]
            space.scale[i] += words.starts[word + 1] - words.starts[word]
        n_rows = space.scale[i]
        space.scale[i] = np.float32(1)
        if n_rows > 0 and (options.mean or not options.cbow):
            space.scale[i] = np.float32(1) / n_rows
        space.reach[i] = n_rows * space.scale[i]
    multiply_turned(space.parts, steps.inputs, at, space.hidden, n_inputs)
    for i in range(BLOCK):
        for d in range(width):
            space.hidden[i, d] *= space.scale[i]


@inlined
def _place_of(row: int, n_rows: int, lane: int, steps: Steps, space: Space) -> int:
    """The place of a row of the output table among those of the block, `n_rows` if it is new."""
    mask = len(space.slots) - 1
    slot = (row * SPREAD >> SPREAD_SHIFT) & mask
    while space.slots[slot] >= 0:
        if steps.output_rows[lane, space.slots[slot]] == row:
            return int(space.slots[slot])
        slot = (slot + 1) & mask
    space.slots[slot] = n_rows
    steps.output_rows[lane, n_rows] = row
    space.draws[n_rows] = 0
    for i in range(BLOCK):
        space.targets[n_rows, i] = 0
    return n_rows


@inlined
def _meet_words(
    lane: int,
    start: int,
    n: int,
    first: int,
    last: int,
    stretch: Stretch,
    options: Options,
    steps: Steps,
    space: Space,
) -> int:
    """Negative sampling: fill targets and weights; returns the number of rows.

    first, last : the tokens [first, last) are predicted
    """
    n_rows = 0
    for token in range(first, last):
        place = _place_of(int(stretch.ids[lane, token]), n_rows, lane, steps, space)
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
    for k in range(options.n_noise):
        word = int(space.drawn[lane & 1, k])
        place = _place_of(word, n_rows, lane, steps, space)
        n_rows = max(n_rows, place + 1)
        space.draws[place] += np.float32(options.negative) / np.float32(options.n_noise)
    add_noise(space.targets, space.draws, space.n_pairs, space.weights, n_rows)
    return n_rows


@inlined
def _meet_nodes(
    lane: int,
    start: int,
    n: int,
    first: int,
    last: int,
    stretch: Stretch,
    tree: Tree,
    options: Options,
    steps: Steps,
    space: Space,
) -> int:
    """Hierarchical softmax: fill targets and weights; returns the number of rows.

    first, last : the tokens [first, last) are predicted
    """
    root = len(tree.parents) - 1
    n_words = root // 2 + 1
    n_rows = 0
    for token in range(first, last):
        word = stretch.ids[lane, token]
        length = 0
        node = int(word)
        while node != root:
            node = int(tree.parents[node])
            place = _place_of(node - n_words, n_rows, lane, steps, space)
            if place == n_rows:
                n_rows += 1
                for i in range(BLOCK):
                    space.weights[place, i] = 0
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


@inlined
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
    for r in range(n_rows, n_padded):
        for d in range(width):
            space.rows[r, d] = 0
    for i in range(BLOCK):
        norm = np.float32(0)
        for d in range(width):
            space.across[d, i] = space.hidden[i, d]
            norm += space.hidden[i, d] * space.hidden[i, d]
        space.hidden_norms[i] = norm
        space.hidden_bends[i] = 0
    multiply(space.rows, 0, space.across, 0, space.scores, 0, n_padded, width)
    loss = logistic_steps(space.scores, space.targets, space.weights, rate, space.seconds, n_rows)
    multiply_turned(space.scores, space.rows, 0, space.hidden_steps, n_rows)
    multiply(
        space.scores, 0, space.hidden, 0,
        steps.outputs, lane * steps.output_bends.shape[1], n_padded, BLOCK,
    )  # fmt: skip
    for r in range(n_rows):
        bend = np.float32(0)
        for i in range(BLOCK):
            bend += space.seconds[r, i] * space.hidden_norms[i]
            space.hidden_bends[i] += space.seconds[r, i] * space.row_norms[r]
        steps.output_bends[lane, r] = bend
    return loss


@inlined
def _show(lane: int, steps: Steps, space: Space) -> None:
    """Hand the steps of the hidden vectors on to the input tokens."""
    n_inputs = steps.last_input[lane] - steps.first_input[lane]
    n_padded = -(-n_inputs // ROWS) * ROWS
    multiply(
        space.parts, 0, space.hidden_steps, 0,
        steps.inputs, lane * steps.input_bends.shape[1], n_padded, BLOCK,
    )  # fmt: skip
    for k in range(n_inputs):
        bend = np.float32(0)
        for i in range(BLOCK):
            bend += space.parts[k, i] * space.hidden_bends[i] * space.reach[i]
        steps.input_bends[lane, k] = bend
