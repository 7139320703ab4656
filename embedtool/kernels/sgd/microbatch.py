"""What a block of tokens learns.

In: at most BLOCK tokens of a lane, and its copies of the rows. Out: the copies, moved.

With h_i the hidden vector of token i, o_r a row of the output table and s_ri = o_r.h_i,

    step of h_i = -rate sum_r l'(s_ri) o_r      step of o_r = -rate sum_i l'(s_ri) h_i

where l is the loss of `logistic_residuals`, of w_ri trials of which t_ri were meetings:

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

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    Floats,
    Options,
    RowCache,
    Scratch,
    StreamTokens,
    WordRows,
)
from embedtool.kernels.sgd.logistic import logistic_residuals
from embedtool.kernels.simd.gemm import (
    ROW_MULTIPLE,
    gather_gemm,
    gather_gemm_t,
    scatter_add_gemm,
    transpose,
)
from embedtool.kernels.simd.rows import (
    axpy,
    clear_row,
    dot,
    gather_axpy,
    gather_gemv,
    scatter_axpy,
)

ONE = np.float32(1)
ANY_SCORE = np.float32(np.inf)
HS_MAX_SCORE = np.float32(6)
"""An inner node and a hidden vector whose score is beyond this do not move, as in word2vec.c."""
HS_CURVATURE_SCALE = np.float32(1 / 16)
"""What counts of the bends of hidden vectors with hierarchical softmax, and with skip-gram of those
of inner nodes too: the ways to many words meet in a node, so the loss curves much less in any
direction than the trace says. Where it counted in full, skip-gram's nodes near the root would stay
so small that all words' vectors had to have a long part in common."""


@jit_inline
def train_microbatch(
    stream: int,
    origin: int,
    start: int,
    stride: int,
    stop: int,
    negatives: int,
    rate: np.float32,
    tokens: StreamTokens,
    words: WordRows,
    options: Options,
    cache: RowCache,
    scratch: Scratch,
) -> None:
    """Train every stride-th token of a lane from start, before stop.

    origin : the token whose place is the first in the turn's lists
    noise  : where the block's noise words begin in the turn's list
    """
    n = (stop - start + stride - 1) // stride
    _compute_hidden(stream, origin, start, stride, n, tokens, words, options, cache, scratch)
    trials = 0.0
    if options.hierarchical:
        loss = 0.0
        for i in range(n):
            n_targets = _gather_path(
                stream, origin, i, start + i * stride, tokens, options, scratch
            )
            clear_row(scratch.hidden_delta, i)
            _score_targets(i, 0, n_targets, cache, scratch)
            trials += _sum(scratch.target_trials, n_targets)
            loss += _targets_backward(n_targets, rate, HS_MAX_SCORE, scratch)
            node_share = ONE if options.cbow else HS_CURVATURE_SCALE
            _accumulate_curvature(i, 0, n_targets, HS_CURVATURE_SCALE, node_share, cache, scratch)
            _accumulate_hidden_delta(i, 0, n_targets, cache, scratch)
            _update_targets(i, 0, n_targets, cache, scratch)
    else:
        n_rows = _gather_negatives(stream, negatives, options, cache, scratch)
        ends = scratch.target_ends
        for i in range(n):
            token = start + i * stride
            ends[i + 1] = _gather_targets(
                stream, origin, i, token, ends[i], tokens, options, scratch
            )
        trials = ends[n] + _sum(scratch.weights.reshape(-1), n_rows * MICROBATCH_TOKENS)
        loss = _negatives_backward(n_rows, rate, cache, scratch)
        for i in range(n):
            _score_targets(i, ends[i], ends[i + 1], cache, scratch)
        loss += _targets_backward(ends[n], rate, ANY_SCORE, scratch)
        for i in range(n):
            _accumulate_curvature(i, ends[i], ends[i + 1], ONE, ONE, cache, scratch)
            _accumulate_hidden_delta(i, ends[i], ends[i + 1], cache, scratch)
        _update_negatives(n_rows, cache, scratch)
        for i in range(n):
            _update_targets(i, ends[i], ends[i + 1], cache, scratch)
    cache.losses[stream] += loss
    cache.trials[stream] += trials
    _update_inputs(stream, origin, start, stride, n, tokens, words, options, cache, scratch)


@jit_inline
def _hidden_from(
    stream: int, token: int, tokens: StreamTokens, options: Options
) -> tuple[int, int]:
    """The tokens around, and perhaps at, a token whose vectors make up its hidden vector."""
    if options.cbow:
        return int(tokens.left[stream, token]), int(tokens.right[stream, token])
    return token, token + 1


@jit_inline
def _predicted(stream: int, token: int, tokens: StreamTokens, options: Options) -> tuple[int, int]:
    """The tokens around, or at, a token that it predicts, if it is not alone."""
    if options.cbow:
        return token, token + 1
    return int(tokens.left[stream, token]), int(tokens.right[stream, token])


@jit_inline
def _compute_hidden(
    stream: int,
    origin: int,
    start: int,
    stride: int,
    n: int,
    tokens: StreamTokens,
    words: WordRows,
    options: Options,
    cache: RowCache,
    scratch: Scratch,
) -> None:
    """Compute the hidden vectors; columns without a token get zeros."""
    for i in range(MICROBATCH_TOKENS):
        scratch.n_pairs[i] = 0
        scratch.hidden_curvature[i] = 0
        clear_row(scratch.hidden, i)
    for i in range(n):
        token = start + i * stride
        n_around = tokens.right[stream, token] - tokens.left[stream, token] - 1
        scratch.n_pairs[i] = min(n_around, 1) if options.cbow else n_around
        cache.pairs[stream] += int(scratch.n_pairs[i])
        first, last = _hidden_from(stream, token, tokens, options)
        n_rows = 0
        for other in range(first, last):
            if (other == token) != options.cbow:
                word = tokens.ids[stream, other]
                n_rows += words.indptr[word + 1] - words.indptr[word]
        share = ONE
        if n_rows > 0 and (options.mean or not options.cbow):
            share = ONE / np.float32(n_rows)
        scratch.input_gain[i] = share * np.float32(n_rows)
        for other in range(first, last):
            if (other == token) != options.cbow:
                axpy(scratch.hidden, i, cache.inputs, scratch.input_slot_of[other - origin], share)
        scratch.hidden_sq_norms[i] = dot(scratch.hidden, i, scratch.hidden, i)


@jit_inline
def _gather_negatives(
    stream: int, negatives: int, options: Options, cache: RowCache, scratch: Scratch
) -> int:
    """List the rows of the block's noise words, and how often each is met; returns their number.

    Rows of zeros fill it up to a multiple of ROW_MULTIPLE.
    """
    n_rows = 0
    share = np.float32(options.negative) / np.float32(options.n_shared_negatives)
    for k in range(negatives, negatives + options.n_shared_negatives):
        slot = scratch.negative_slot_of[k]
        number = scratch.slot_index[slot]
        if number < 0:
            number = n_rows
            scratch.slot_index[slot] = n_rows
            scratch.negative_slots[n_rows] = slot
            scratch.negative_weights[n_rows] = 0
            n_rows += 1
        scratch.negative_weights[number] += share
    while n_rows % ROW_MULTIPLE != 0:
        scratch.negative_weights[n_rows] = 0
        scratch.negative_slots[n_rows] = (stream + 1) * cache.output_rows.shape[1] - 1
        n_rows += 1
    for row in range(n_rows):
        for i in range(MICROBATCH_TOKENS):
            scratch.weights[row, i] = scratch.negative_weights[row] * scratch.n_pairs[i]
    return n_rows


@jit_inline
def _gather_targets(
    stream: int,
    origin: int,
    i: int,
    token: int,
    n_targets: int,
    tokens: StreamTokens,
    options: Options,
    scratch: Scratch,
) -> int:
    """List the words that a token meets after the first n_met; returns how many are listed."""
    if scratch.n_pairs[i] == 0:
        return n_targets
    first, last = _predicted(stream, token, tokens, options)
    for other in range(first, last):
        if (other == token) == options.cbow:
            slot = scratch.output_slot_of[other - origin]
            scratch.target_slots[n_targets] = slot
            scratch.target_labels[n_targets] = ONE
            scratch.target_trials[n_targets] = ONE
            n_targets += 1
            number = scratch.slot_index[slot]
            if number >= 0:
                scratch.weights[number, i] -= scratch.negative_weights[number]
    return n_targets


@jit_inline
def _gather_path(
    stream: int,
    origin: int,
    i: int,
    token: int,
    tokens: StreamTokens,
    options: Options,
    scratch: Scratch,
) -> int:
    """List the inner nodes on the ways to the words that a token meets; returns their number."""
    n_targets = 0
    if scratch.n_pairs[i] == 0:
        return n_targets
    first, last = _predicted(stream, token, tokens, options)
    for other in range(first, last):
        if (other == token) == options.cbow:
            slot = int(scratch.leaf_parent[other - origin])
            left = scratch.leaf_bit[other - origin]
            while slot >= 0:
                number = scratch.slot_index[slot]
                if number < 0:
                    number = n_targets
                    scratch.slot_index[slot] = n_targets
                    scratch.target_slots[n_targets] = slot
                    scratch.target_labels[n_targets] = 0
                    scratch.target_trials[n_targets] = 0
                    n_targets += 1
                scratch.target_labels[number] += np.float32(left)
                scratch.target_trials[number] += ONE
                left = scratch.code_bit[slot]
                slot = int(scratch.parent_slot[slot])
    for k in range(n_targets):
        scratch.slot_index[scratch.target_slots[k]] = -1
    return n_targets


@jit_inline
def _sum(slot_index: Floats, n: int) -> float:
    """The sum of the first n."""
    total = np.float32(0)
    for k in range(n):
        total += slot_index[k]
    return np.float64(total)


@jit_inline
def _negatives_backward(n_rows: int, rate: np.float32, cache: RowCache, scratch: Scratch) -> float:
    """Scores, steps and bends of the noise words; returns their loss."""
    transpose(scratch.hidden, scratch.hidden_transposed)
    gather_gemm(
        cache.outputs, scratch.negative_slots, scratch.hidden_transposed, scratch.scores, n_rows
    )
    loss = logistic_residuals(
        scratch.scores,
        scratch.zero_labels,
        scratch.weights,
        rate,
        scratch.hess_weights,
        n_rows * MICROBATCH_TOKENS,
        ANY_SCORE,
    )
    gather_gemm_t(
        scratch.scores, cache.outputs, scratch.negative_slots, scratch.hidden_delta, n_rows
    )
    for row in range(n_rows):
        slot = scratch.negative_slots[row]
        bend = np.float32(0)
        for i in range(MICROBATCH_TOKENS):
            bend += scratch.hess_weights[row, i] * scratch.hidden_sq_norms[i]
            scratch.hidden_curvature[i] += (
                scratch.hess_weights[row, i] * scratch.output_sq_norms[slot]
            )
        cache.output_curvature[slot] += bend
        scratch.slot_index[slot] = -1
    return loss


@jit_inline
def _update_negatives(n_rows: int, cache: RowCache, scratch: Scratch) -> None:
    """Move the rows of the noise words. Uses their scores up."""
    for row in range(n_rows):
        factor = ONE / max(ONE, cache.output_curvature[scratch.negative_slots[row]])
        for i in range(MICROBATCH_TOKENS):
            scratch.scores[row, i] *= factor
    scatter_add_gemm(scratch.scores, scratch.hidden, cache.outputs, scratch.negative_slots, n_rows)


@jit_inline
def _score_targets(i: int, first: int, last: int, cache: RowCache, scratch: Scratch) -> None:
    """Score token i against the rows that it meets, [first, last) of their list."""
    gather_gemv(
        cache.outputs, scratch.target_slots, scratch.hidden, i, scratch.target_scores, first, last
    )  # fmt: skip


@jit_inline
def _targets_backward(
    n_targets: int, rate: np.float32, limit: np.float32, scratch: Scratch
) -> float:
    """Turn the first n_met scores into steps; returns the loss. Zeros fill up a vector."""
    n = n_targets
    while n % MICROBATCH_TOKENS != 0:
        scratch.target_scores[n] = 0
        scratch.target_labels[n] = 0
        scratch.target_trials[n] = 0
        n += 1
    return logistic_residuals(
        scratch.target_scores,
        scratch.target_labels,
        scratch.target_trials,
        rate,
        scratch.target_hess_weights,
        n,
        limit,
    )


@jit_inline
def _accumulate_curvature(
    i: int,
    first: int,
    last: int,
    hidden_share: np.float32,
    row_share: np.float32,
    cache: RowCache,
    scratch: Scratch,
) -> None:
    """Add the bends of token i and of the rows that it meets, or shares of them."""
    for k in range(first, last):
        slot, second = scratch.target_slots[k], scratch.target_hess_weights[k]
        scratch.hidden_curvature[i] += hidden_share * second * scratch.output_sq_norms[slot]
        cache.output_curvature[slot] += row_share * second * scratch.hidden_sq_norms[i]


@jit_inline
def _accumulate_hidden_delta(
    i: int, first: int, last: int, cache: RowCache, scratch: Scratch
) -> None:
    """Add the steps of token i on the rows that it meets."""
    gather_axpy(
        scratch.hidden_delta, i, cache.outputs, scratch.target_slots, scratch.target_scores,
        first, last,
    )  # fmt: skip


@jit_inline
def _update_targets(i: int, first: int, last: int, cache: RowCache, scratch: Scratch) -> None:
    """Move the rows that token i meets. Uses their scores up."""
    for k in range(first, last):
        scratch.target_scores[k] /= max(ONE, cache.output_curvature[scratch.target_slots[k]])
    scatter_axpy(
        cache.outputs, scratch.target_slots, scratch.target_scores, first, last, scratch.hidden, i
    )


@jit_inline
def _update_inputs(
    stream: int,
    origin: int,
    start: int,
    stride: int,
    n: int,
    tokens: StreamTokens,
    words: WordRows,
    options: Options,
    cache: RowCache,
    scratch: Scratch,
) -> None:
    """Move the copies of the words that made up the hidden vectors."""
    for i in range(n):
        token = start + i * stride
        bend = scratch.hidden_curvature[i] * scratch.input_gain[i]
        first, last = _hidden_from(stream, token, tokens, options)
        for other in range(first, last):
            if (other == token) != options.cbow:
                cache.input_curvature[scratch.input_slot_of[other - origin]] += bend
    for i in range(n):
        token = start + i * stride
        first, last = _hidden_from(stream, token, tokens, options)
        for other in range(first, last):
            if (other == token) != options.cbow:
                slot = int(scratch.input_slot_of[other - origin])
                n_rows = np.float32(words.n_trainable[tokens.ids[stream, other]])
                factor = n_rows / max(ONE, cache.input_curvature[slot])
                axpy(cache.inputs, slot, scratch.hidden_delta, i, factor)
