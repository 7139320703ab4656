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
    INDEX,
    MICROBATCH_TOKENS,
    RowCache,
    SharedArrays,
    Step,
)
from embedtool.kernels.sgd.curvature import ONE, curvature_term, damped
from embedtool.kernels.sgd.hidden import n_groups, target_tokens
from embedtool.kernels.sgd.logistic import logistic_residuals
from embedtool.kernels.sgd.row_lists import Upcoming, prefetch_step
from embedtool.kernels.sgd.scratch import MinibatchScratch, Scratch
from embedtool.kernels.simd.gathered import gather_dot, gather_scatter_axpy
from embedtool.kernels.simd.gemm import (
    ROW_MULTIPLE,
    gather_gemm,
    gather_gemm_t,
    scatter_add_gemm,
    transpose,
)
from embedtool.kernels.simd.integers import copy_run, fill_run
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.kernels.simd.rows import axpy, clear_row, dot, scal

NO_LIMIT = np.float32(np.inf)


@jit_inline
def train_negative_sampling(
    step: Step, lr: np.float32, upcoming: Upcoming, shared: SharedArrays, scratch: Scratch
) -> None:
    """Update the output rows of a step, compute its hidden deltas, and add its losses.

    First the negatives, one group of tokens after another; then the targets.
    """
    mini, cache, n = scratch.minibatch, shared.cache, step.n
    _list_negatives(step, shared, scratch)
    trials = _list_targets(step, shared, scratch)
    loss = 0.0
    for group in range(n_groups(step)):
        loss += _train_negatives(group, lr, cache, mini)
        first = group * MICROBATCH_TOKENS
        for i in range(first, min(first + MICROBATCH_TOKENS, n)):
            prefetch_step(4 * step.n_done + n + i, upcoming, shared)
    for first in range(0, n, MICROBATCH_TOKENS):
        last = min(first + MICROBATCH_TOKENS, n)
        loss += _train_targets(step, first, last, lr, shared, scratch)
        for i in range(first, last):
            prefetch_step(4 * step.n_done + 2 * n + i, upcoming, shared)
    cache.losses[step.stream] += loss
    cache.trials[step.stream] += trials


@jit_inline
def _list_negatives(step: Step, shared: SharedArrays, scratch: Scratch) -> None:
    """List the distinct negatives of each group and their trials, as if none were a target.

    Rows of zeros pad each list to a multiple of ROW_MULTIPLE.
    """
    options, mini, stream = shared.options, scratch.minibatch, step.stream
    n_drawn, drawn = options.n_shared_negatives, shared.slots.negatives[stream]
    weight = np.float32(options.negative) / np.float32(n_drawn)
    first_slot = stream * shared.cache.output_rows.shape[1]
    slot_of_zeros = first_slot + shared.cache.output_rows.shape[1] - 1
    for k in range(shared.cache.n_outputs[stream]):
        for group in range(mini.negative_index.shape[1]):
            mini.negative_index[k, group] = -1
    for group in range(n_groups(step)):
        slots, weights, n = mini.negative_slots[group], mini.negative_weights[group], 0
        for k in range(
            (step.first_group + group) * n_drawn, (step.first_group + group + 1) * n_drawn
        ):
            index = mini.negative_index[drawn[k] - first_slot, group]
            is_new = index < 0
            index = n if is_new else index
            mini.negative_index[drawn[k] - first_slot, group] = index
            slots[index] = drawn[k]
            weights[index] = weight + (np.float32(0) if is_new else weights[index])
            n += int(is_new)
        while n % ROW_MULTIPLE != 0:
            slots[n], weights[n] = slot_of_zeros, 0
            n += 1
        mini.n_negatives[group] = n
        first_row, trials = group * MICROBATCH_TOKENS, mini.trials[group]
        pairs = mini.n_pairs[first_row : first_row + MICROBATCH_TOKENS].reshape(1, -1)
        for k in range(n):
            clear_row(trials, k)
            axpy(trials, k, pairs, 0, weights[k])


@jit_inline
def _list_targets(step: Step, shared: SharedArrays, scratch: Scratch) -> float:
    """List the targets of each token; return the number of trials of the step.

    Where a target is a negative of its token too, its trials are taken back: eq. (4). Pairs of a
    row of zeros pad the targets of each microbatch to a multiple of SIMD_WIDTH.
    """
    mini, stream, options = scratch.minibatch, step.stream, shared.options
    outputs, origin = shared.slots.outputs[stream], shared.slots.starts[stream]
    first_slot = stream * shared.cache.output_rows.shape[1]
    slots, rows, trials = mini.target_slots, mini.target_rows, mini.target_trials
    slot_of_zeros = first_slot + shared.cache.output_rows.shape[1] - 1
    n, n_targets, n_taken_back = 0, 0, 0.0
    for i in range(step.n):
        token = step.start + i * step.stride
        row = mini.own_rows[token - origin]
        mini.target_starts[i] = n
        if mini.n_pairs[row] > 0:
            a, b, c, d = target_tokens(stream, token, shared.tokens, options)
            copy_run(slots, n, outputs, a - origin, b - a)
            copy_run(slots, n + b - a, outputs, c - origin, d - c)
            fill_run(rows, n, row, b - a + d - c)
            n += b - a + d - c
        mini.target_stops[i] = n
        n_targets += mini.target_stops[i] - mini.target_starts[i]
        if i % MICROBATCH_TOKENS == MICROBATCH_TOKENS - 1 or i == step.n - 1:
            while n % SIMD_WIDTH != 0:
                slots[n], rows[n], trials[n] = slot_of_zeros, 0, 0
                n += 1
    for k in range(n):
        row = INDEX(rows[k])
        group, lane = row // INDEX(MICROBATCH_TOKENS), row % INDEX(MICROBATCH_TOKENS)
        index = mini.negative_index[INDEX(slots[k] - first_slot), group]
        if index >= 0:
            mini.trials[group, index, lane] -= mini.negative_weights[group, index]
            n_taken_back += mini.negative_weights[group, index]
    return n_targets * (1.0 + options.negative) - n_taken_back


@jit_inline
def _train_negatives(group: int, lr: np.float32, cache: RowCache, mini: MinibatchScratch) -> float:
    """Update the negatives of a group, write the hidden deltas of its tokens; return the loss."""
    rows = slice(group * MICROBATCH_TOKENS, (group + 1) * MICROBATCH_TOKENS)
    hidden, n = mini.hidden[rows], mini.n_negatives[group]
    sq_norms = mini.hidden_sq_norms[rows].reshape(1, -1)
    hidden_curvature = mini.hidden_curvature[rows].reshape(1, -1)
    addresses, slots = cache.output_addresses, mini.negative_slots[group]
    transpose(hidden, mini.hidden_transposed)
    gather_gemm(addresses, slots, mini.hidden_transposed, mini.scores, n)
    loss = logistic_residuals(
        mini.scores, mini.no_positives, mini.trials[group], lr, mini.hess_weights, n, NO_LIMIT
    )
    gather_gemm_t(mini.scores, addresses, slots, mini.hidden_delta[rows], n)
    for k in range(n):
        slot = slots[k]
        cache.output_curvature[slot] += dot(mini.hess_weights, k, sq_norms, 0)
        axpy(hidden_curvature, 0, mini.hess_weights, k, cache.output_sq_norms[slot])
        scal(mini.scores, k, damped(ONE, cache.output_curvature[slot]))
    scatter_add_gemm(mini.scores, hidden, addresses, slots, n)
    return loss


@jit_inline
def _train_targets(
    step: Step, first: int, last: int, lr: np.float32, shared: SharedArrays, scratch: Scratch
) -> float:
    """Update the targets of the tokens [first, last), and their hidden deltas; return the loss."""
    mini, cache = scratch.minibatch, shared.cache
    addresses, slots, rows = cache.output_addresses, mini.target_slots, mini.target_rows
    starts, stops, scores = mini.target_starts, mini.target_stops, mini.target_scores
    start, hess_weights = starts[first], mini.target_hess_weights
    n_registers = (stops[last - 1] - start + SIMD_WIDTH - 1) // SIMD_WIDTH
    stop = start + n_registers * SIMD_WIDTH
    gather_dot(addresses, slots, mini.hidden, rows, scores, start, stop)
    trials = mini.target_trials[start:].reshape(-1, SIMD_WIDTH)
    loss = logistic_residuals(
        scores[start:].reshape(-1, SIMD_WIDTH), trials, trials, lr,
        hess_weights[start:].reshape(-1, SIMD_WIDTH), n_registers, NO_LIMIT,
    )  # fmt: skip
    for k in range(stops[last - 1], stop):
        mini.target_trials[k] = 1
    for k in range(start, stop):
        sq_norm = mini.hidden_sq_norms[INDEX(rows[k])]
        slot = INDEX(slots[k])
        cache.output_curvature[slot] += curvature_term(hess_weights[k], sq_norm)
    for k in range(start, stop):
        slot = INDEX(slots[k])
        mini.target_factors[k] = cache.output_curvature[slot]
        mini.target_sq_norms[k] = cache.output_sq_norms[slot]
    for k in range(start, stop):
        mini.target_factors[k] = damped(scores[k], mini.target_factors[k])
        hess_weights[k] *= mini.target_sq_norms[k]
    for i in range(first, last):
        row = mini.own_rows[step.start + i * step.stride - shared.slots.starts[step.stream]]
        curvature = np.float32(0)
        for k in range(starts[i], stops[i]):
            curvature += hess_weights[k]
        mini.hidden_curvature[row] += curvature
        gather_scatter_axpy(
            addresses, slots, scores, mini.target_factors, starts[i], stops[i], mini.hidden,
            mini.hidden_delta, row,
        )  # fmt: skip
    return loss
