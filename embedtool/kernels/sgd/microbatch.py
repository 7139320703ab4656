"""Train one microbatch of tokens.

With h_i the hidden vector of token i, o_r an output row and s_ri = o_r.h_i, the updates are

    delta h_i = -lr sum_r l'(s_ri) o_r        delta o_r = -lr sum_i l'(s_ri) h_i              (1)

where l is the loss of `logistic_residuals`, of w_ri trials (a weight), t_ri of them positive:

    skip-gram    h_i is the vector of token i, whose targets are the words of its context
    CBOW         h_i is the mean, or the sum, over the context of token i; its target is its word
    negative sampling   t_ri = w_ri = 1 for each target. The n_shared negatives of a microbatch are
                 drawn for all its pairs: each is weighted by negative / n_shared,

                     t_ri = 0,  w_ri = sum_k negative / n_shared * (pairs of i, target not r)

                 over the draws k of word r, so that the expected gradient is that of `negative`
                 draws for each pair                                                           (4)
    hierarchical softmax   the targets are the inner nodes above the words instead: w_ri counts
                 them, and t_ri those where the code bit is 1

All tokens are scored against all negatives, so scores and updates are products of matrices (Ji et
al. 2016); targets are few, and go row by row. With negative sampling all tokens of a microbatch
start from the same rows; with hierarchical softmax, where they share the nodes near the root, each
token starts from the output rows as the token before has left them.

The update of h_i goes undivided to every row that it is the mean of, as in word2vec.c, fastText.

The Hessian of the loss is sum_i l''(s_ri) h_i h_i^T for o_r and sum_r l''(s_ri) o_r o_r^T for h_i;
`curvature` has their traces (2) and how updates are damped (3). It is approximate in four ways:
rows are taken as independent; |o_r|^2 is that before the minibatch, |h_i|^2 that before the
microbatch; each input row is given the curvature that h_i meets when all its rows move; and with
hierarchical softmax curvature is scaled (HS_CURVATURE_SCALE).
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    Floats,
    Microbatch,
    Options,
    RowCache,
    SharedArrays,
    StreamTokens,
)
from embedtool.kernels.sgd.curvature import ONE, curvature_term, damped
from embedtool.kernels.sgd.hierarchical import train_paths
from embedtool.kernels.sgd.logistic import logistic_residuals
from embedtool.kernels.sgd.row_lists import prefetch_rows
from embedtool.kernels.sgd.scratch import MicrobatchScratch, Scratch
from embedtool.kernels.sgd.subword_rows import prefetch_part
from embedtool.kernels.simd.gemm import (
    ROW_MULTIPLE,
    gather_gemm,
    gather_gemm_t,
    scatter_add_gemm,
    transpose,
)
from embedtool.kernels.simd.rows import (
    clear_row,
    dot,
    gather_axpy,
    gather_gemv,
    gather_sum,
    scatter_axpy,
)

NO_LIMIT = np.float32(np.inf)


@jit_inline
def train_microbatch(
    batch: Microbatch, lr: np.float32, shared: SharedArrays, scratch: Scratch
) -> None:
    """Train a microbatch: the rows of its slots are updated, and losses are added."""
    cache, micro = shared.cache, scratch.microbatch
    _compute_hidden(batch, shared, scratch)
    if shared.options.hierarchical:
        loss, trials = train_paths(batch, lr, shared, scratch)
    else:
        n_negatives = _gather_negatives(batch, shared, scratch)
        ends = micro.target_ends
        for i in range(batch.n):
            ends[i + 1] = _gather_targets(batch, i, ends[i], shared, scratch)
            prefetch_part(batch, i, 0, shared)
        trials = ends[batch.n] + _sum(
            micro.negative_trials.reshape(-1), n_negatives * MICROBATCH_TOKENS
        )
        loss = _negatives_forward_backward(n_negatives, lr, cache, micro)
        for i in range(batch.n):
            _score_targets(i, ends[i], ends[i + 1], cache, micro)
            prefetch_part(batch, i, 1, shared)
        loss += _targets_backward(ends[batch.n], lr, micro)
        for i in range(batch.n):
            _accumulate_curvature(i, ends[i], ends[i + 1], cache, micro)
            _accumulate_hidden_delta(i, ends[i], ends[i + 1], cache, micro)
            prefetch_part(batch, i, 2, shared)
        _update_negatives(n_negatives, cache, micro)
        for i in range(batch.n):
            _update_targets(i, ends[i], ends[i + 1], cache, micro)
            prefetch_part(batch, i, 3, shared)
    cache.losses[batch.stream] += loss
    cache.trials[batch.stream] += trials
    _update_inputs(batch, shared, scratch)


@jit_inline
def _input_tokens(
    stream: int, token: int, tokens: StreamTokens, options: Options
) -> tuple[int, int, int]:
    """Return first, skipped and last: the tokens [first, last) without one make the hidden vector.

    With CBOW they are those around the token; with skip-gram it is the token itself, and `skipped`
    is `last`.
    """
    if options.cbow:
        return int(tokens.left[stream, token]), token, int(tokens.right[stream, token])
    return token, token + 1, token + 1


@jit_inline
def _target_tokens(
    stream: int, token: int, tokens: StreamTokens, options: Options
) -> tuple[int, int, int]:
    """Return the tokens that a token's hidden vector predicts, as `_input_tokens`."""
    if options.cbow:
        return token, token + 1, token + 1
    return int(tokens.left[stream, token]), token, int(tokens.right[stream, token])


@jit_inline
def _compute_hidden(batch: Microbatch, shared: SharedArrays, scratch: Scratch) -> None:
    """Compute the hidden vectors; rows without a token get zeros."""
    stream, tokens, options, cache = batch.stream, shared.tokens, shared.options, shared.cache
    words, micro, slot_of = shared.words, scratch.microbatch, shared.slots.inputs[batch.stream]
    origin = shared.slots.starts[stream]
    for i in range(batch.n, MICROBATCH_TOKENS):
        micro.n_pairs[i] = 0
        micro.hidden_curvature[i] = 0
        clear_row(micro.hidden, i)
    for i in range(batch.n):
        micro.hidden_curvature[i] = 0
        token = batch.start + i * batch.stride
        n_context = tokens.right[stream, token] - tokens.left[stream, token] - 1
        micro.n_pairs[i] = min(n_context, 1) if options.cbow else n_context
        cache.pairs[stream] += int(micro.n_pairs[i])
        first, skipped, last = _input_tokens(stream, token, tokens, options)
        n_rows = last - first - int(skipped < last)
        if options.subwords:
            n_rows = 0
            for other in range(first, last):
                if other != skipped:
                    word = tokens.ids[stream, other]
                    n_rows += words.indptr[word + 1] - words.indptr[word]
        weight = ONE
        if n_rows > 0 and (options.mean or not options.cbow):
            weight = ONE / np.float32(n_rows)
        micro.input_gain[i] = weight * np.float32(n_rows)
        gather_sum(
            micro.hidden, i, cache.input_addresses, slot_of,
            first - origin, skipped - origin, last - origin, weight,
        )  # fmt: skip
        micro.hidden_sq_norms[i] = dot(micro.hidden, i, micro.hidden, i)
        if batch.next_stream >= 0:
            prefetch_rows(batch.next_stream, batch.n_done + i, batch.n_total, shared)


@jit_inline
def _gather_negatives(batch: Microbatch, shared: SharedArrays, scratch: Scratch) -> int:
    """List the distinct negatives and their trials, eq. (4); return the length of the list.

    Rows of zeros pad it to a multiple of ROW_MULTIPLE.
    """
    options, micro = shared.options, scratch.microbatch
    n_negatives = 0
    weight = np.float32(options.negative) / np.float32(options.n_shared_negatives)
    for k in range(batch.negatives_start, batch.negatives_start + options.n_shared_negatives):
        slot = shared.slots.negatives[batch.stream, k]
        index = micro.slot_index[slot]
        if index < 0:
            index = n_negatives
            micro.slot_index[slot] = n_negatives
            micro.negative_slots[n_negatives] = slot
            micro.negative_weights[n_negatives] = 0
            n_negatives += 1
        micro.negative_weights[index] += weight
    slot_of_zeros = (batch.stream + 1) * shared.cache.output_rows.shape[1] - 1
    while n_negatives % ROW_MULTIPLE != 0:
        micro.negative_weights[n_negatives] = 0
        micro.negative_slots[n_negatives] = slot_of_zeros
        n_negatives += 1
    for row in range(n_negatives):
        for i in range(MICROBATCH_TOKENS):
            micro.negative_trials[row, i] = micro.negative_weights[row] * micro.n_pairs[i]
    return n_negatives


@jit_inline
def _gather_targets(
    batch: Microbatch, i: int, n_targets: int, shared: SharedArrays, scratch: Scratch
) -> int:
    """Append the targets of token i to the list; return its new length.

    Negatives that are a target do not count as negatives of that pair, eq. (4).
    """
    micro, options = scratch.microbatch, shared.options
    if micro.n_pairs[i] == 0:
        return n_targets
    token = batch.start + i * batch.stride
    origin = shared.slots.starts[batch.stream]
    first, skipped, last = _target_tokens(batch.stream, token, shared.tokens, options)
    for other in range(first, last):
        if other != skipped:
            slot = shared.slots.outputs[batch.stream, other - origin]
            micro.target_slots[n_targets] = slot
            micro.target_positives[n_targets] = ONE
            micro.target_trials[n_targets] = ONE
            n_targets += 1
            index = micro.slot_index[slot]
            if index >= 0:
                micro.negative_trials[index, i] -= micro.negative_weights[index]
    return n_targets


@jit_inline
def _sum(values: Floats, n: int) -> float:
    """Return the sum of the first n."""
    total = np.float32(0)
    for k in range(n):
        total += values[k]
    return np.float64(total)


@jit_inline
def _negatives_forward_backward(
    n_negatives: int, lr: np.float32, cache: RowCache, micro: MicrobatchScratch
) -> float:
    """Score the negatives, compute residuals, curvature and hidden deltas; return the loss.

    The residuals are left in `negative_scores`.
    """
    slots, hess_weights = micro.negative_slots, micro.negative_hess_weights
    transpose(micro.hidden, micro.hidden_transposed)
    addresses = cache.output_addresses
    gather_gemm(addresses, slots, micro.hidden_transposed, micro.negative_scores, n_negatives)
    loss = logistic_residuals(
        micro.negative_scores, micro.negative_positives, micro.negative_trials, lr, hess_weights,
        n_negatives, NO_LIMIT,
    )  # fmt: skip
    gather_gemm_t(micro.negative_scores, addresses, slots, micro.hidden_delta, n_negatives)
    for row in range(n_negatives):
        slot = slots[row]
        row_curvature = np.float32(0)
        for i in range(MICROBATCH_TOKENS):
            row_curvature += curvature_term(ONE, hess_weights[row, i], micro.hidden_sq_norms[i])
            micro.hidden_curvature[i] += curvature_term(
                ONE, hess_weights[row, i], cache.output_sq_norms[slot]
            )
        cache.output_curvature[slot] += row_curvature
        micro.slot_index[slot] = -1
    return loss


@jit_inline
def _update_negatives(n_negatives: int, cache: RowCache, micro: MicrobatchScratch) -> None:
    """Update the negatives' rows: eqs. (1) and (3). Their residuals are overwritten."""
    for row in range(n_negatives):
        damping = damped(ONE, cache.output_curvature[micro.negative_slots[row]])
        for i in range(MICROBATCH_TOKENS):
            micro.negative_scores[row, i] *= damping
    scatter_add_gemm(
        micro.negative_scores, micro.hidden, cache.output_addresses, micro.negative_slots,
        n_negatives,
    )  # fmt: skip


@jit_inline
def _score_targets(
    i: int, first: int, last: int, cache: RowCache, micro: MicrobatchScratch
) -> None:
    """Score token i against its targets, [first, last) of the list."""
    gather_gemv(
        cache.output_addresses, micro.target_slots, micro.hidden, i, micro.target_scores,
        first, last,
    )  # fmt: skip


@jit_inline
def _targets_backward(n_targets: int, lr: np.float32, micro: MicrobatchScratch) -> float:
    """Turn the targets' scores into residuals; return the loss. Pads the list to a SIMD vector."""
    n = n_targets
    while n % MICROBATCH_TOKENS != 0:
        micro.target_scores[n] = 0
        micro.target_positives[n] = 0
        micro.target_trials[n] = 0
        n += 1
    shape = (-1, MICROBATCH_TOKENS)
    return logistic_residuals(
        micro.target_scores.reshape(shape), micro.target_positives.reshape(shape),
        micro.target_trials.reshape(shape), lr, micro.target_hess_weights.reshape(shape),
        n // MICROBATCH_TOKENS, NO_LIMIT,
    )  # fmt: skip


@jit_inline
def _accumulate_curvature(
    i: int, first: int, last: int, cache: RowCache, micro: MicrobatchScratch
) -> None:
    """Add the curvature of token i and of its targets, eq. (2)."""
    for k in range(first, last):
        slot, hess_weight = micro.target_slots[k], micro.target_hess_weights[k]
        micro.hidden_curvature[i] += curvature_term(ONE, hess_weight, cache.output_sq_norms[slot])
        cache.output_curvature[slot] += curvature_term(ONE, hess_weight, micro.hidden_sq_norms[i])


@jit_inline
def _accumulate_hidden_delta(
    i: int, first: int, last: int, cache: RowCache, micro: MicrobatchScratch
) -> None:
    """Add the terms of token i's targets to its hidden delta: eq. (1)."""
    gather_axpy(
        micro.hidden_delta, i, cache.output_addresses, micro.target_slots, micro.target_scores,
        first, last,
    )  # fmt: skip


@jit_inline
def _update_targets(
    i: int, first: int, last: int, cache: RowCache, micro: MicrobatchScratch
) -> None:
    """Update the rows of token i's targets: eqs. (1) and (3). Their residuals are overwritten."""
    for k in range(first, last):
        micro.target_scores[k] = damped(
            micro.target_scores[k], cache.output_curvature[micro.target_slots[k]]
        )
    scatter_axpy(
        cache.output_addresses, micro.target_slots, micro.target_scores, first, last, last,
        micro.hidden, i,
    )  # fmt: skip


@jit_inline
def _update_inputs(batch: Microbatch, shared: SharedArrays, scratch: Scratch) -> None:
    """Back-propagate the hidden deltas to the cached input rows: eqs. (1) and (3).

    What is cached is the sum of a word's rows, of which n_trainable get the delta each. When all of
    them move by it, the hidden vector moves `input_gain` times as far; so its curvature is
    multiplied by the same gain (2).
    """
    stream, tokens, options, cache = batch.stream, shared.tokens, shared.options, shared.cache
    micro, slot_of = scratch.microbatch, shared.slots.inputs[stream]
    origin = shared.slots.starts[stream]
    for i in range(batch.n):
        token = batch.start + i * batch.stride
        hidden_curvature = micro.hidden_curvature[i] * micro.input_gain[i]
        first, skipped, last = _input_tokens(stream, token, tokens, options)
        for other in range(first - origin, last - origin):
            if other != skipped - origin:
                cache.input_curvature[slot_of[other]] += hidden_curvature
    first, stop, step = batch.start, batch.start + batch.n * batch.stride, batch.stride
    if options.cbow:
        first, stop, step = origin, shared.slots.stops[stream], 1
    for k in range(first - origin, stop - origin, step):
        slot = slot_of[k]
        micro.input_factors[k] = damped(cache.input_trainable[slot], cache.input_curvature[slot])
    for i in range(batch.n):
        token = batch.start + i * batch.stride
        first, skipped, last = _input_tokens(stream, token, tokens, options)
        scatter_axpy(
            cache.input_addresses, slot_of, micro.input_factors,
            first - origin, skipped - origin, last - origin, micro.hidden_delta, i,
        )  # fmt: skip
