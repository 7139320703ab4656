"""The hidden vectors of a minibatch, and the update of the input rows that they are made of.

With skip-gram the hidden vector h_i is the vector of token i; with CBOW it is the mean, or the sum,
of the vectors of its context. All hidden vectors of a step (`minibatch`) are computed before
anything is updated, and the input rows are updated after all of them are trained: eqs. (1) and (3).
The update of h_i goes undivided to every row that it is the mean of, as in word2vec.c and fastText.

Hidden vectors are stored by group: those of tokens that share their negatives
(`negative_sampling`) are contiguous.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    MINIBATCH_TOKENS,
    Options,
    SharedArrays,
    Step,
    StreamTokens,
)
from embedtool.kernels.sgd.curvature import ONE, damped
from embedtool.kernels.sgd.row_lists import Upcoming, prefetch_step
from embedtool.kernels.sgd.scratch import MinibatchScratch, Scratch
from embedtool.kernels.simd.gathered import (
    gather_cumsum,
    gather_scal,
    scatter_axpy,
    scatter_cumsum,
    window_sum,
)
from embedtool.kernels.simd.rows import axpy, clear_row


@jit_inline
def n_groups(step: Step) -> int:
    """Return the number of groups of tokens that share their negatives."""
    return (step.n + MICROBATCH_TOKENS - 1) // MICROBATCH_TOKENS


@jit_inline
def target_tokens(
    stream: int, token: int, tokens: StreamTokens, options: Options
) -> tuple[int, int, int, int]:
    """Return the tokens that a token's hidden vector predicts: of [a, b) and [c, d), the bounds.

    With skip-gram they are the tokens of its context; with CBOW it is the token itself.
    """
    if options.cbow:
        return token, token + 1, token + 1, token + 1
    return int(tokens.left[stream, token]), token, token + 1, int(tokens.right[stream, token])


@jit_inline
def compute_hidden(step: Step, upcoming: Upcoming, shared: SharedArrays, scratch: Scratch) -> None:
    """Compute the hidden vectors of a step; the rows of groups without a token get zeros."""
    stream, tokens, options, cache = step.stream, shared.tokens, shared.options, shared.cache
    mini, slot_of = scratch.minibatch, shared.slots.inputs[step.stream]
    origin, n = shared.slots.starts[stream], step.n
    _assign_rows(step, origin, shared.slots.stops[stream] - origin, mini)
    if options.cbow:
        stop = shared.slots.stops[stream]
        gather_cumsum(mini.cumulative, cache.input_addresses, slot_of, stop - origin)
    for i in range(n):
        token = step.start + i * step.stride
        row = mini.own_rows[token - origin]
        n_context = tokens.right[stream, token] - tokens.left[stream, token] - 1
        n_pairs = min(n_context, 1) if options.cbow else n_context
        mini.n_pairs[row] = n_pairs
        cache.pairs[stream] += n_pairs
        first, last = int(tokens.left[stream, token]), int(tokens.right[stream, token])
        if not options.cbow:
            first, last = token, token + 1
        n_rows = _n_rows(stream, token, first, last, shared)
        weight = ONE
        if n_rows > 0 and (options.mean or not options.cbow):
            weight = ONE / np.float32(n_rows)
        mini.input_gain[row] = weight * np.float32(n_rows)
        mini.hidden_curvature[row] = 0
        if options.cbow:
            mini.hidden_sq_norms[row] = window_sum(
                mini.hidden, row, mini.cumulative, first - origin, last - origin,
                cache.input_addresses, slot_of, token - origin, weight,
            )  # fmt: skip
        else:
            mini.hidden_sq_norms[row] = gather_scal(
                mini.hidden, row, cache.input_addresses, slot_of, token - origin, weight
            )
        prefetch_step(4 * step.n_done + i, upcoming, shared)


@jit_inline
def _assign_rows(step: Step, origin: int, n_all: int, mini: MinibatchScratch) -> None:
    """Give each token of a step its row of the hidden vectors; rows without a token are cleared.

    A group has every n-th token: those that share negatives have fewer contexts in common.
    """
    for k in range(n_all):
        mini.own_rows[k] = MINIBATCH_TOKENS  # a row of zeros
    group, lane, groups = 0, 0, n_groups(step)
    for i in range(groups * MICROBATCH_TOKENS):
        row = group * MICROBATCH_TOKENS + lane
        if i < step.n:
            mini.own_rows[step.start + i * step.stride - origin] = row
        else:
            mini.n_pairs[row] = 0
            mini.hidden_sq_norms[row] = 0
            clear_row(mini.hidden, row)
        group += 1
        if group == groups:
            group, lane = 0, lane + 1


@jit_inline
def _n_rows(stream: int, token: int, first: int, last: int, shared: SharedArrays) -> int:
    """Return how many rows of the table a hidden vector is made of."""
    cbow = shared.options.cbow
    if not shared.options.subwords:
        return last - first - int(cbow)
    words, n_rows = shared.words, 0
    for other in range(first, last):
        if other != token or not cbow:
            word = shared.tokens.ids[stream, other]
            n_rows += words.indptr[word + 1] - words.indptr[word]
    return n_rows


@jit_inline
def update_inputs(step: Step, upcoming: Upcoming, shared: SharedArrays, scratch: Scratch) -> None:
    """Back-propagate the hidden deltas to the input rows: eqs. (1) and (3).

    With subwords a slot is the sum of a word's rows, of which n_trainable get the delta each. When
    all of them move by it, the hidden vector moves `input_gain` times as far; so its curvature is
    multiplied by the same gain (2).
    """
    if shared.options.cbow:
        _update_contexts(step, upcoming, shared, scratch.minibatch)
        return
    stream, cache, mini = step.stream, shared.cache, scratch.minibatch
    slot_of, origin = shared.slots.inputs[stream], shared.slots.starts[stream]
    first, n = step.start - origin, step.n
    for k in range(first, first + n):
        row = mini.own_rows[k]
        cache.input_curvature[slot_of[k]] += mini.hidden_curvature[row] * mini.input_gain[row]
    for k in range(first, first + n):
        slot = slot_of[k]
        mini.input_factors[k] = damped(cache.input_trainable[slot], cache.input_curvature[slot])
    scatter_axpy(
        cache.input_addresses, slot_of, mini.input_factors, first, first + n, mini.hidden_delta,
        mini.own_rows,
    )  # fmt: skip
    for i in range(n):
        prefetch_step(4 * step.n_done + 3 * n + i, upcoming, shared)


@jit_inline
def _update_contexts(
    step: Step, upcoming: Upcoming, shared: SharedArrays, mini: MinibatchScratch
) -> None:
    """Back-propagate the hidden deltas of CBOW.

    A row gets the sum of the deltas of the windows that its token is in: a sum that runs over the
    tokens, to which a delta is added where its window begins, and subtracted where it ends.
    """
    stream, tokens, cache = step.stream, shared.tokens, shared.cache
    slot_of, origin = shared.slots.inputs[stream], shared.slots.starts[stream]
    n, n_all = step.n, shared.slots.stops[stream] - origin
    for i in range(n):
        token = step.start + i * step.stride
        row = mini.own_rows[token - origin]
        first, last = tokens.left[stream, token] - origin, tokens.right[stream, token] - origin
        curvature = mini.hidden_curvature[row] * mini.input_gain[row]
        mini.curvature_steps[first] += curvature
        mini.curvature_steps[last] -= curvature
        axpy(mini.delta_steps, first, mini.hidden_delta, row, ONE)
        axpy(mini.delta_steps, last, mini.hidden_delta, row, -ONE)
        prefetch_step(4 * step.n_done + 3 * n + i, upcoming, shared)
    total = np.float32(0)
    for k in range(n_all):
        total += mini.curvature_steps[k]
        own = mini.hidden_curvature[mini.own_rows[k]] * mini.input_gain[mini.own_rows[k]]
        cache.input_curvature[slot_of[k]] += total - own
        mini.curvature_steps[k] = 0
    for k in range(n_all):
        slot = slot_of[k]
        mini.input_factors[k] = damped(cache.input_trainable[slot], cache.input_curvature[slot])
    scatter_cumsum(
        cache.input_addresses, slot_of, mini.input_factors, n_all, mini.delta_steps,
        mini.hidden_delta, mini.own_rows,
    )  # fmt: skip
    mini.curvature_steps[n_all] = 0
    clear_row(mini.delta_steps, n_all)
