"""What a block of tokens learns.

In: at most BLOCK tokens of a lane, and its copies of the rows. Out: the copies, moved.

With h_i the hidden vector of token i, o_r a row of the output table and s_ri = o_r.h_i,

    step of h_i = -rate sum_r l'(s_ri) o_r      step of o_r = -rate sum_i l'(s_ri) h_i

where l is the loss of `logistic_steps`, of w_ri trials of which t_ri were meetings:

    skip-gram    h_i is the vector of token i, which meets the words of its context
    CBOW         h_i is the mean, or the sum, over the context of token i, and meets its word
    negative sampling   t_ri = w_ri = 1 for each word met. n_noise words are drawn for the block,
                 and each stands for negative / n_noise of a noise word of each pair: t_ri = 0, and
                 w_ri is that share times the pairs of i in which r is not the word itself
    hierarchical softmax  instead of a word come the inner nodes on the way to it: w_ri counts
                 them, and t_ri those where the way goes on to the left

All tokens meet all noise words, so their scores are one product of matrices, and so are their steps
(Ji et al. 2016); the words met are few, and go row by row. With negative sampling all tokens of a
block start from the same rows, with hierarchical softmax, where they share the nodes next to the
root, each starts from where the one before has left the output rows.

The step of h_i goes to every row that it is the mean of, undivided, as in word2vec.c and fastText.

The Hessian of the loss is sum_i l''(s_ri) h_i h_i^T for o_r, and sum_r l''(s_ri) o_r o_r^T for
h_i. Its trace times the rate is the bend of a step: a step of bend 1 cannot go beyond the minimum
of the parabola. The bends of a row add up over its turn, and where they come to more than 1 a step
is divided by their sum so far. So a rare word moves at the full rate, and a frequent one comes to
rest within a turn as stochastic approximation does (Robbins & Monro 1951).
"""

import numpy as np

from embedtool.kernels.jit import inlined
from embedtool.kernels.sgd.arrays import BLOCK, Copies, Floats, Options, Space, Stretch, Words
from embedtool.kernels.sgd.logistic import logistic_steps
from embedtool.kernels.simd.gemm import ROWS, add_product, multiply_rows, multiply_turned, transpose
from embedtool.kernels.simd.rows import (
    add_row,
    add_rows,
    add_to_rows,
    clear_row,
    dot_rows,
    multiply_by_row,
)

ONE = np.float32(1)
ANY_SCORE = np.float32(np.inf)
SCORE_OF_NODES = np.float32(6)
"""An inner node and a hidden vector whose score is beyond this do not move, as in word2vec.c."""
SHARE_OF_BENDS = np.float32(1 / 16)
"""What counts of the bends of hidden vectors with hierarchical softmax, and with skip-gram of those
of inner nodes too: the ways to many words meet in a node, so the loss curves much less in any
direction than the trace says. Where it counted in full, skip-gram's nodes near the root would stay
so small that all words' vectors had to have a long part in common."""


@inlined
def train_block(
    lane: int,
    origin: int,
    start: int,
    stride: int,
    stop: int,
    noise: int,
    rate: np.float32,
    stretch: Stretch,
    words: Words,
    options: Options,
    copies: Copies,
    space: Space,
) -> None:
    """Train every stride-th token of a lane from start, before stop.

    origin : the token whose place is the first in the turn's lists
    noise  : where the block's noise words begin in the turn's list
    """
    n = (stop - start + stride - 1) // stride
    _hide(lane, origin, start, stride, n, stretch, words, options, copies, space)
    trials = 0.0
    if options.hierarchical:
        loss = 0.0
        for i in range(n):
            n_met = _list_nodes(lane, origin, i, start + i * stride, stretch, options, space)
            clear_row(space.hidden_steps, i)
            _score(i, 0, n_met, copies, space)
            trials += _sum(space.met_weights, n_met)
            loss += _learn_met(n_met, rate, SCORE_OF_NODES, space)
            node_share = ONE if options.cbow else SHARE_OF_BENDS
            _bend(i, 0, n_met, SHARE_OF_BENDS, node_share, copies, space)
            _move_hidden(i, 0, n_met, copies, space)
            _move_met(i, 0, n_met, copies, space)
    else:
        n_rows = _list_noise(lane, noise, options, copies, space)
        ends = space.met_ends
        for i in range(n):
            token = start + i * stride
            ends[i + 1] = _list_words(lane, origin, i, token, ends[i], stretch, options, space)
        trials = ends[n] + _sum(space.weights.reshape(-1), n_rows * BLOCK)
        loss = _learn_noise(n_rows, rate, copies, space)
        for i in range(n):
            _score(i, ends[i], ends[i + 1], copies, space)
        loss += _learn_met(ends[n], rate, ANY_SCORE, space)
        for i in range(n):
            _bend(i, ends[i], ends[i + 1], ONE, ONE, copies, space)
            _move_hidden(i, ends[i], ends[i + 1], copies, space)
        _move_noise(n_rows, copies, space)
        for i in range(n):
            _move_met(i, ends[i], ends[i + 1], copies, space)
    copies.losses[lane] += loss
    copies.trials[lane] += trials
    _show(lane, origin, start, stride, n, stretch, words, options, copies, space)


@inlined
def _hidden_from(lane: int, token: int, stretch: Stretch, options: Options) -> tuple[int, int]:
    """The tokens around, and perhaps at, a token whose vectors make up its hidden vector."""
    if options.cbow:
        return int(stretch.left[lane, token]), int(stretch.right[lane, token])
    return token, token + 1


@inlined
def _predicted(lane: int, token: int, stretch: Stretch, options: Options) -> tuple[int, int]:
    """The tokens around, or at, a token that it predicts, if it is not alone."""
    if options.cbow:
        return token, token + 1
    return int(stretch.left[lane, token]), int(stretch.right[lane, token])


@inlined
def _hide(
    lane: int,
    origin: int,
    start: int,
    stride: int,
    n: int,
    stretch: Stretch,
    words: Words,
    options: Options,
    copies: Copies,
    space: Space,
) -> None:
    """Compute the hidden vectors; columns without a token get zeros."""
    for i in range(BLOCK):
        space.n_pairs[i] = 0
        space.hidden_bends[i] = 0
        clear_row(space.hidden, i)
    for i in range(n):
        token = start + i * stride
        n_around = stretch.right[lane, token] - stretch.left[lane, token] - 1
        space.n_pairs[i] = min(n_around, 1) if options.cbow else n_around
        copies.pairs[lane] += int(space.n_pairs[i])
        first, last = _hidden_from(lane, token, stretch, options)
        n_rows = 0
        for other in range(first, last):
            if (other == token) != options.cbow:
                word = stretch.ids[lane, other]
                n_rows += words.starts[word + 1] - words.starts[word]
        share = ONE
        if n_rows > 0 and (options.mean or not options.cbow):
            share = ONE / np.float32(n_rows)
        space.reach[i] = share * np.float32(n_rows)
        for other in range(first, last):
            if (other == token) != options.cbow:
                add_row(space.hidden, i, copies.inputs, space.input_places[other - origin], share)
        space.hidden_norms[i] = dot_rows(space.hidden, i, space.hidden, i)


@inlined
def _list_noise(lane: int, noise: int, options: Options, copies: Copies, space: Space) -> int:
    """List the rows of the block's noise words, and how often each is met; returns their number.

    Rows of zeros fill it up to a multiple of ROWS.
    """
    n_rows = 0
    share = np.float32(options.negative) / np.float32(options.n_noise)
    for k in range(noise, noise + options.n_noise):
        place = space.noise_places[k]
        number = space.numbers[place]
        if number < 0:
            number = n_rows
            space.numbers[place] = n_rows
            space.listed[n_rows] = place
            space.draws[n_rows] = 0
            n_rows += 1
        space.draws[number] += share
    while n_rows % ROWS != 0:
        space.draws[n_rows] = 0
        space.listed[n_rows] = (lane + 1) * copies.output_rows.shape[1] - 1
        n_rows += 1
    for row in range(n_rows):
        for i in range(BLOCK):
            space.weights[row, i] = space.draws[row] * space.n_pairs[i]
    return n_rows


@inlined
def _list_words(
    lane: int,
    origin: int,
    i: int,
    token: int,
    n_met: int,
    stretch: Stretch,
    options: Options,
    space: Space,
) -> int:
    """List the words that a token meets after the first n_met; returns how many are listed."""
    if space.n_pairs[i] == 0:
        return n_met
    first, last = _predicted(lane, token, stretch, options)
    for other in range(first, last):
        if (other == token) == options.cbow:
            place = space.output_places[other - origin]
            space.met_places[n_met] = place
            space.met_targets[n_met] = ONE
            space.met_weights[n_met] = ONE
            n_met += 1
            number = space.numbers[place]
            if number >= 0:
                space.weights[number, i] -= space.draws[number]
    return n_met


@inlined
def _list_nodes(
    lane: int,
    origin: int,
    i: int,
    token: int,
    stretch: Stretch,
    options: Options,
    space: Space,
) -> int:
    """List the inner nodes on the ways to the words that a token meets; returns their number."""
    n_met = 0
    if space.n_pairs[i] == 0:
        return n_met
    first, last = _predicted(lane, token, stretch, options)
    for other in range(first, last):
        if (other == token) == options.cbow:
            place = int(space.ways[other - origin])
            left = space.way_sides[other - origin]
            while place >= 0:
                number = space.numbers[place]
                if number < 0:
                    number = n_met
                    space.numbers[place] = n_met
                    space.met_places[n_met] = place
                    space.met_targets[n_met] = 0
                    space.met_weights[n_met] = 0
                    n_met += 1
                space.met_targets[number] += np.float32(left)
                space.met_weights[number] += ONE
                left = space.sides[place]
                place = int(space.above[place])
    for k in range(n_met):
        space.numbers[space.met_places[k]] = -1
    return n_met


@inlined
def _sum(numbers: Floats, n: int) -> float:
    """The sum of the first n."""
    total = np.float32(0)
    for k in range(n):
        total += numbers[k]
    return np.float64(total)


@inlined
def _learn_noise(n_rows: int, rate: np.float32, copies: Copies, space: Space) -> float:
    """Scores, steps and bends of the noise words; returns their loss."""
    transpose(space.hidden, space.across)
    multiply_rows(copies.outputs, space.listed, space.across, space.scores, n_rows)
    loss = logistic_steps(
        space.scores, space.never, space.weights, rate, space.seconds, n_rows * BLOCK, ANY_SCORE
    )
    multiply_turned(space.scores, copies.outputs, space.listed, space.hidden_steps, n_rows)
    for row in range(n_rows):
        place = space.listed[row]
        bend = np.float32(0)
        for i in range(BLOCK):
            bend += space.seconds[row, i] * space.hidden_norms[i]
            space.hidden_bends[i] += space.seconds[row, i] * space.norms[place]
        copies.output_bends[place] += bend
        space.numbers[place] = -1
    return loss


@inlined
def _move_noise(n_rows: int, copies: Copies, space: Space) -> None:
    """Move the rows of the noise words. Uses their scores up."""
    for row in range(n_rows):
        factor = ONE / max(ONE, copies.output_bends[space.listed[row]])
        for i in range(BLOCK):
            space.scores[row, i] *= factor
    add_product(space.scores, space.hidden, copies.outputs, space.listed, n_rows)


@inlined
def _score(i: int, first: int, last: int, copies: Copies, space: Space) -> None:
    """Score token i against the rows that it meets, [first, last) of their list."""
    multiply_by_row(
        copies.outputs, space.met_places, space.hidden, i, space.met_scores, first, last
    )  # fmt: skip


@inlined
def _learn_met(n_met: int, rate: np.float32, limit: np.float32, space: Space) -> float:
    """Turn the first n_met scores into steps; returns the loss. Zeros fill up a vector."""
    n = n_met
    while n % BLOCK != 0:
        space.met_scores[n] = 0
        space.met_targets[n] = 0
        space.met_weights[n] = 0
        n += 1
    return logistic_steps(
        space.met_scores, space.met_targets, space.met_weights, rate, space.met_seconds, n, limit
    )


@inlined
def _bend(
    i: int,
    first: int,
    last: int,
    hidden_share: np.float32,
    row_share: np.float32,
    copies: Copies,
    space: Space,
) -> None:
    """Add the bends of token i and of the rows that it meets, or shares of them."""
    for k in range(first, last):
        place, second = space.met_places[k], space.met_seconds[k]
        space.hidden_bends[i] += hidden_share * second * space.norms[place]
        copies.output_bends[place] += row_share * second * space.hidden_norms[i]


@inlined
def _move_hidden(i: int, first: int, last: int, copies: Copies, space: Space) -> None:
    """Add the steps of token i on the rows that it meets."""
    add_rows(
        space.hidden_steps, i, copies.outputs, space.met_places, space.met_scores, first, last
    )  # fmt: skip


@inlined
def _move_met(i: int, first: int, last: int, copies: Copies, space: Space) -> None:
    """Move the rows that token i meets. Uses their scores up."""
    for k in range(first, last):
        space.met_scores[k] /= max(ONE, copies.output_bends[space.met_places[k]])
    add_to_rows(copies.outputs, space.met_places, space.met_scores, first, last, space.hidden, i)


@inlined
def _show(
    lane: int,
    origin: int,
    start: int,
    stride: int,
    n: int,
    stretch: Stretch,
    words: Words,
    options: Options,
    copies: Copies,
    space: Space,
) -> None:
    """Move the copies of the words that made up the hidden vectors."""
    for i in range(n):
        token = start + i * stride
        bend = space.hidden_bends[i] * space.reach[i]
        first, last = _hidden_from(lane, token, stretch, options)
        for other in range(first, last):
            if (other == token) != options.cbow:
                copies.input_bends[space.input_places[other - origin]] += bend
    for i in range(n):
        token = start + i * stride
        first, last = _hidden_from(lane, token, stretch, options)
        for other in range(first, last):
            if (other == token) != options.cbow:
                place = int(space.input_places[other - origin])
                n_rows = np.float32(words.n_movable[stretch.ids[lane, other]])
                factor = n_rows / max(ONE, copies.input_bends[place])
                add_row(copies.inputs, place, space.hidden_steps, i, factor)
