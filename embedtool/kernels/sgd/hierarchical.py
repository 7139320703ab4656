"""Train the output rows of a minibatch by hierarchical softmax: they are nodes of the Huffman tree.

The targets of a token are the distinct inner nodes above the words that it predicts. A node may be
above several of them: w_ri counts its trials, and t_ri those that continue to the rarer child
(`negative_sampling` has the equations). The tokens are trained one after another, group by group:
each starts from the nodes as the token before has left them.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import INDEX, Ints, SharedArrays, Step
from embedtool.kernels.sgd.curvature import HS_CURVATURE_SCALE, ONE
from embedtool.kernels.sgd.hidden import n_groups, target_tokens
from embedtool.kernels.sgd.logistic import logistic_residuals
from embedtool.kernels.sgd.row_lists import Upcoming, prefetch_step
from embedtool.kernels.sgd.scratch import NodeScratch, Scratch
from embedtool.kernels.simd.gathered import gather_gemv, gather_scatter_axpy
from embedtool.kernels.simd.integers import fill_run, split_halves, split_last_bit
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.kernels.simd.rows import axpy, clear_row, damp, dot

HS_MAX_SCORE = np.float32(6)
"""An inner node and a hidden vector with a score beyond this are not updated, as in word2vec.c."""
POSITIVE_SHIFT = 16
"""The trials of a node and the positive ones among them are counted in the halves of one number: a
token predicts at most two windows of words, fewer than 2**15."""
ROWS_SCORED = 4
"""Nodes are scored in multiples of so many."""


@jit_inline
def train_hierarchical_softmax(
    step: Step, lr: np.float32, upcoming: Upcoming, shared: SharedArrays, scratch: Scratch
) -> None:
    """Update the inner nodes of a minibatch, compute its hidden deltas, and add its losses."""
    n, groups = step.n, n_groups(step)
    for group in range(groups):
        for i in range(group, n, groups):
            _train_token(step, step.start + i * step.stride, lr, shared, scratch)
            prefetch_step(4 * step.n_done + n + 2 * i, upcoming, shared)
            prefetch_step(4 * step.n_done + n + 2 * i + 1, upcoming, shared)


@jit_inline
def _train_token(
    step: Step, token: int, lr: np.float32, shared: SharedArrays, scratch: Scratch
) -> None:
    """Update the inner nodes above the words that a token predicts; compute its hidden delta."""
    cache, mini, nodes = shared.cache, scratch.minibatch, scratch.nodes
    row = mini.own_rows[token - shared.slots.starts[step.stream]]
    n_nodes = 0
    if mini.n_pairs[row] > 0:
        n_nodes = _list_nodes(step.stream, token, shared, nodes)
    n_rows = (n_nodes + SIMD_WIDTH - 1) // SIMD_WIDTH
    n_scores = (n_nodes + ROWS_SCORED - 1) // ROWS_SCORED * ROWS_SCORED
    gather_gemv(cache.output_addresses, nodes.slots, mini.hidden, row, nodes.scores, 0, n_scores)
    cache.losses[step.stream] += logistic_residuals(
        nodes.scores, nodes.positives, nodes.trials, lr, nodes.hess_weights, n_rows, HS_MAX_SCORE
    )
    row_scale = ONE if shared.options.cbow else HS_CURVATURE_SCALE
    mini.hidden_curvature[row] += _damp_residuals(
        n_rows, row_scale, mini.hidden_sq_norms[row], nodes
    )
    for k in range(n_rows):
        for lane in range(SIMD_WIDTH):
            slot = INDEX(nodes.slots[k * SIMD_WIDTH + lane])
            cache.output_curvature[slot] = nodes.curvature[k, lane]
    clear_row(mini.hidden_delta, row)
    gather_scatter_axpy(
        cache.output_addresses, nodes.slots, nodes.scores, nodes.hess_weights, 0, n_nodes,
        mini.hidden, mini.hidden_delta, row,
    )  # fmt: skip


@jit_inline
def _list_nodes(stream: int, token: int, shared: SharedArrays, nodes: NodeScratch) -> int:
    """List the distinct inner nodes above the words that a token predicts; return their number.

    In rows of SIMD_WIDTH, with their trials, which are added to those of the stream, curvature and
    squared lengths. The slot of zeros, without trials, pads the last row.
    """
    cache, slots = shared.cache, shared.slots
    paths, ends, origin = slots.paths[stream], slots.path_ends[stream], slots.starts[stream]
    slot_of_zeros = (stream + 1) * cache.output_rows.shape[1] - 1
    first, skipped, after, last = target_tokens(stream, token, shared.tokens, shared.options)
    start, skip = ends[first - origin], ends[skipped - origin]
    rest, stop = ends[after - origin], ends[last - origin]
    cache.trials[stream] += skip - start + stop - rest
    if shared.options.cbow:
        n_nodes = skip - start
        n_rows = (n_nodes + SIMD_WIDTH - 1) // SIMD_WIDTH
        for k in range(n_rows):  # a path as it is, one trial each
            split_last_bit(
                paths, start, n_nodes, np.int32(slot_of_zeros),
                nodes.slots, nodes.positives, nodes.trials, k,
            )  # fmt: skip
    else:
        n_nodes = _count_trials(paths, start, skip, 0, nodes)
        n_nodes = _count_trials(paths, rest, stop, n_nodes, nodes)
        n_rows = (n_nodes + SIMD_WIDTH - 1) // SIMD_WIDTH
        fill_run(nodes.slots, n_nodes, np.int32(slot_of_zeros), n_rows * SIMD_WIDTH - n_nodes)
        _take_trials(n_rows, nodes)
    for k in range(n_rows):
        for lane in range(SIMD_WIDTH):
            slot = INDEX(nodes.slots[k * SIMD_WIDTH + lane])
            nodes.curvature[k, lane] = cache.output_curvature[slot]
            nodes.sq_norms[k, lane] = cache.output_sq_norms[slot]
    return int(n_nodes)


@jit_inline
def _count_trials(paths: Ints, first: int, last: int, n_nodes: int, nodes: NodeScratch) -> int:
    """Count the trials of the nodes [first, last) of the paths; append those that are new.

    Without a jump, which the processor could not predict.
    """
    n = INDEX(n_nodes)
    for k in range(INDEX(first), INDEX(last)):
        node = paths[k]
        slot = INDEX(node >> 1)
        trials = nodes.slot_trials[slot]
        nodes.slots[n] = slot
        n += INDEX(trials == 0)
        nodes.slot_trials[slot] = trials + 1 + ((node & 1) << POSITIVE_SHIFT)
    return int(n)


@jit_inline
def _take_trials(n_rows: int, nodes: NodeScratch) -> None:
    """Write the trials of the listed slots, and set them back to zero."""
    for k in range(n_rows):
        for lane in range(SIMD_WIDTH):
            slot = INDEX(nodes.slots[k * SIMD_WIDTH + lane])
            nodes.counts[k * SIMD_WIDTH + lane] = nodes.slot_trials[slot]
            nodes.slot_trials[slot] = 0
    for k in range(n_rows):
        split_halves(nodes.counts, nodes.trials, nodes.positives, k)


@jit_inline
def _damp_residuals(
    n_rows: int, row_scale: np.float32, hidden_sq_norm: np.float32, nodes: NodeScratch
) -> np.float32:
    """Accumulate the curvature of a token's nodes, eq. (2), and damp their residuals, eq. (3).

    The residuals stay in `scores`; the damped ones replace the Hessian's weights. Returns the
    curvature of the token.
    """
    hidden_curvature = np.float32(0)
    for row in range(n_rows):
        hidden_curvature += dot(nodes.hess_weights, row, nodes.sq_norms, row)
        axpy(nodes.curvature, row, nodes.hess_weights, row, row_scale * hidden_sq_norm)
        damp(nodes.hess_weights, row, nodes.scores, row, nodes.curvature, row)
    return HS_CURVATURE_SCALE * hidden_curvature
