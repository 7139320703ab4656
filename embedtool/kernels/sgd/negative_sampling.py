"""Train the output rows of a minibatch by negative sampling.

With h_i the hidden vector of token i, o_r an output row and s_ri = o_r.h_i, the updates are

    delta h_i = -lr sum_r l'(s_ri) o_r        delta o_r = -lr sum_i l'(s_ri) h_i              (1)

where l is the loss of `logistic_residuals`, of w_ri trials (a weight), t_ri of them positive. A
target has t_ri = w_ri = 1: the words of the context (skip-gram), or the word of the token (CBOW).
The n_shared negatives of a group of tokens are drawn for all its pairs: each is weighted by
negative / n_shared,

    t_ri = 0,  w_ri = sum_k negative / n_shared * (pairs of i, target not r)                   (4)

over the draws k of word r, so that the expected gradient is that of `negative` draws for each pair.

All tokens of a group are scored against all its negatives, so scores and updates are products of
matrices (Ji et al. 2016). Targets are few, and go row by row. Their microbatches are consecutive
tokens, whose contexts are nearly the same rows.

The Hessian of the loss is sum_i l''(s_ri) h_i h_i^T for o_r and sum_r l''(s_ri) o_r o_r^T for h_i;
`curvature` has their traces (2) and how updates are damped (3). It is approximate in three ways:
rows are taken as independent; |o_r|^2 is that before the minibatch; and each input row is given the
curvature that h_i meets when all its rows move.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    Floats,
    RowCache,
    SharedArrays,
    Step,
)
from embedtool.kernels.sgd.curvature import ONE, curvature_term, damped
from embedtool.kernels.sgd.hidden import hidden_row, n_groups, target_tokens
from embedtool.kernels.sgd.logistic import logistic_residuals
from embedtool.kernels.sgd.row_lists import Upcoming, prefetch_step
from embedtool.kernels.sgd.scratch import MinibatchScratch, Scratch
from embedtool.kernels.simd.gathered import gather_axpy, gather_gemv, scatter_axpy
from embedtool.kernels.simd.gemm import (
    ROW_MULTIPLE,
    gather_gemm,
    gather_gemm_t,
    scatter_add_gemm,
    transpose,
)
from embedtool.kernels.simd.rows import axpy, clear_row, dot, scal

NO_LIMIT = np.float32(np.inf)


@jit_inline
def train_negative_sampling(
    step: Step, lr: np.float32, upcoming: Upcoming, shared: SharedArrays, scratch: Scratch
) -> None:
    """Update the output rows of a minibatch, compute its hidden deltas, and add its losses.

    First the negatives, one group of tokens after another; then the targets.
    """
    micro, cache, n = scratch.minibatch, shared.cache, step.n
    loss, trials = 0.0, 0.0
    for group in range(n_groups(step)):
        n_negatives = _list_negatives(step, group, shared, scratch)
        trials += _sum(micro.trials.reshape(-1), n_negatives * MICROBATCH_TOKENS)
        first = group * MICROBATCH_TOKENS
        rows = slice(first, first + MICROBATCH_TOKENS)
        loss += _train_negatives(
            n_negatives, lr, micro.hidden[rows], micro.hidden_delta[rows],
            micro.hidden_sq_norms[rows].reshape(1, -1),
            micro.hidden_curvature[rows].reshape(1, -1), cache, micro,
        )  # fmt: skip
        for i in range(first, min(first + MICROBATCH_TOKENS, n)):
            prefetch_step(4 * step.n_done + n + i, upcoming, shared)
    for first in range(0, n, MICROBATCH_TOKENS):
        last = min(first + MICROBATCH_TOKENS, n)
        n_targets = _list_targets(step, first, last, shared, scratch)
        trials += n_targets
        loss += _train_targets(step, first, last, lr, upcoming, shared, scratch)
    cache.losses[step.stream] += loss
    cache.trials[step.stream] += trials


@jit_inline
def _list_negatives(step: Step, group: int, shared: SharedArrays, scratch: Scratch) -> int:
    """List the distinct negatives of a group and their trials, eq. (4); return their number.

    Rows of zeros pad the list to a multiple of ROW_MULTIPLE.
    """
    options, micro, stream = shared.options, scratch.minibatch, step.stream
    n_negatives, n_drawn = 0, options.n_shared_negatives
    weight = np.float32(options.negative) / np.float32(n_drawn)
    first = (step.first_group + group) * n_drawn
    for k in range(first, first + n_drawn):
        slot = shared.slots.negatives[stream, k]
        index = micro.slot_index[slot]
        if index < 0:
            index = n_negatives
            micro.slot_index[slot] = n_negatives
            micro.negative_slots[n_negatives] = slot
            micro.negative_weights[n_negatives] = 0
            n_negatives += 1
        micro.negative_weights[index] += weight
    slot_of_zeros = (stream + 1) * shared.cache.output_rows.shape[1] - 1
    while n_negatives % ROW_MULTIPLE != 0:
        micro.negative_weights[n_negatives] = 0
        micro.negative_slots[n_negatives] = slot_of_zeros
        n_negatives += 1
    groups, first_row = n_groups(step), group * MICROBATCH_TOKENS
    pairs = micro.n_pairs[first_row : first_row + MICROBATCH_TOKENS].reshape(1, -1)
    for k in range(n_negatives):
        clear_row(micro.trials, k)
        axpy(micro.trials, k, pairs, 0, micro.negative_weights[k])
    for i in range(group, step.n, groups):
        lane = i // groups
        if pairs[0, lane] > 0:
            token = step.start + i * step.stride
            start, skipped, stop = target_tokens(stream, token, shared.tokens, options)
            for other in range(start, stop):
                index = micro.slot_index[_target_slot(stream, other, shared)]
                if other != skipped and index >= 0:
                    micro.trials[index, lane] -= micro.negative_weights[index]
    for k in range(n_negatives):
        micro.slot_index[micro.negative_slots[k]] = -1
    return n_negatives


@jit_inline
def _target_slot(stream: int, token: int, shared: SharedArrays) -> int:
    """Return the slot of the output row of a token."""
    return int(shared.slots.outputs[stream, token - shared.slots.starts[stream]])


@jit_inline
def _train_negatives(
    n_negatives: int,
    lr: np.float32,
    hidden: Floats,
    hidden_delta: Floats,
    sq_norms: Floats,
    hidden_curvature: Floats,
    cache: RowCache,
    micro: MinibatchScratch,
) -> float:
    """Update the listed negatives, write the hidden deltas of their group; return the loss."""
    slots, addresses = micro.negative_slots, cache.output_addresses
    transpose(hidden, micro.hidden_transposed)
    gather_gemm(addresses, slots, micro.hidden_transposed, micro.scores, n_negatives)
    loss = logistic_residuals(
        micro.scores, micro.no_positives, micro.trials, lr, micro.hess_weights, n_negatives,
        NO_LIMIT,
    )  # fmt: skip
    gather_gemm_t(micro.scores, addresses, slots, hidden_delta, n_negatives)
    for k in range(n_negatives):
        slot = slots[k]
        cache.output_curvature[slot] += dot(micro.hess_weights, k, sq_norms, 0)
        axpy(hidden_curvature, 0, micro.hess_weights, k, cache.output_sq_norms[slot])
        scal(micro.scores, k, damped(ONE, cache.output_curvature[slot]))
    scatter_add_gemm(micro.scores, hidden, addresses, slots, n_negatives)
    return loss


@jit_inline
def _list_targets(step: Step, first: int, last: int, shared: SharedArrays, scratch: Scratch) -> int:
    """List the slots of the targets of the tokens [first, last); return their number."""
    micro, stream, groups, n_targets = scratch.minibatch, step.stream, n_groups(step), 0
    for i in range(first, last):
        token = step.start + i * step.stride
        if micro.n_pairs[hidden_row(i, groups)] > 0:
            start, skipped, stop = target_tokens(stream, token, shared.tokens, shared.options)
            for other in range(start, stop):
                micro.target_slots[n_targets] = _target_slot(stream, other, shared)
                n_targets += int(other != skipped)
        micro.target_ends[i - first + 1] = n_targets
    return n_targets


@jit_inline
def _train_targets(
    step: Step,
    first: int,
    last: int,
    lr: np.float32,
    upcoming: Upcoming,
    shared: SharedArrays,
    scratch: Scratch,
) -> float:
    """Update the listed targets, add to the hidden deltas of their tokens; return the loss."""
    micro, cache, groups = scratch.minibatch, shared.cache, n_groups(step)
    addresses, slots, scores = cache.output_addresses, micro.target_slots, micro.target_scores
    ends, n = micro.target_ends, step.n
    for i in range(first, last):
        start, stop = ends[i - first], ends[i - first + 1]
        gather_gemv(addresses, slots, micro.hidden, hidden_row(i, groups), scores, start, stop)
        prefetch_step(4 * step.n_done + 2 * n + i, upcoming, shared)
    n_targets = ends[last - first]
    n_padded = -(-n_targets // MICROBATCH_TOKENS) * MICROBATCH_TOKENS
    for k in range(n_padded):
        micro.target_trials[k] = np.float32(k < n_targets)
        scores[k] = scores[k] if k < n_targets else np.float32(0)
    shape = (-1, MICROBATCH_TOKENS)
    trials = micro.target_trials.reshape(shape)
    loss = logistic_residuals(
        scores.reshape(shape), trials, trials, lr, micro.target_hess_weights.reshape(shape),
        n_padded // MICROBATCH_TOKENS, NO_LIMIT,
    )  # fmt: skip
    for i in range(first, last):
        row = hidden_row(i, groups)
        start, stop, sq_norm = ends[i - first], ends[i - first + 1], micro.hidden_sq_norms[row]
        curvature = np.float32(0)
        for k in range(start, stop):
            slot, hess_weight = slots[k], micro.target_hess_weights[k]
            curvature += curvature_term(ONE, hess_weight, cache.output_sq_norms[slot])
            cache.output_curvature[slot] += curvature_term(ONE, hess_weight, sq_norm)
        micro.hidden_curvature[row] += curvature
        gather_axpy(micro.hidden_delta, row, addresses, slots, scores, start, stop)
    for i in range(first, last):
        start, stop = ends[i - first], ends[i - first + 1]
        for k in range(start, stop):
            scores[k] = damped(scores[k], cache.output_curvature[slots[k]])
        row = hidden_row(i, groups)
        scatter_axpy(addresses, slots, scores, start, stop, micro.hidden, row)
    return loss


@jit_inline
def _sum(values: Floats, n: int) -> float:
    """Return the sum of the first n."""
    total = np.float32(0)
    for k in range(n):
        total += values[k]
    return np.float64(total)
