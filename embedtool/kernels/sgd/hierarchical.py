"""Train the output rows of a minibatch by hierarchical softmax: they are nodes of the Huffman tree.

The targets of a token are the distinct inner nodes above the words that it predicts. A node may be
above several of them: w_ri counts its trials, and t_ri those that continue to the rarer child
(`negative_sampling` has the equations). The tokens are trained one after another: each starts from
the nodes as the token before has left them.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.sgd.arrays import (
    POSITIVE_SHIFT,
    RowCache,
    SharedArrays,
    Step,
    TokenSlots,
)
from embedtool.kernels.sgd.curvature import HS_CURVATURE_SCALE, ONE
from embedtool.kernels.sgd.logistic import logistic_residuals
from embedtool.kernels.sgd.row_lists import Upcoming, prefetch_step
from embedtool.kernels.sgd.scratch import NodeScratch, Scratch
from embedtool.kernels.simd.gathered import gather_gemv, gather_scatter_axpy
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.kernels.simd.rows import axpy, clear_row, damp, dot

HS_MAX_SCORE = np.float32(6)
"""An inner node and a hidden vector with a score beyond this are not updated, as in word2vec.c."""
TRIALS_MASK = (1 << POSITIVE_SHIFT) - 1
INDEX = np.uintp
"""An index that is never negative: numba does not look whether it counts from the end."""


@jit_inline
def train_hierarchical_softmax(
    step: Step, lr: np.float32, upcoming: Upcoming, shared: SharedArrays, scratch: Scratch
) -> None:
    """Update the inner nodes of a minibatch, compute its hidden deltas, and add its losses."""
    cache, micro, nodes = shared.cache, scratch.minibatch, scratch.nodes
    row_scale = ONE if shared.options.cbow else HS_CURVATURE_SCALE
    loss, trials, n = 0.0, 0, step.n
    for i in range(n):
        row = micro.own_rows[step.start + i * step.stride - shared.slots.starts[step.stream]]
        n_nodes, n_trials = _list_nodes(step, i, row, shared, scratch)
        trials += n_trials
        n_rows = _look_up_nodes(n_nodes, cache, nodes)
        gather_gemv(
            cache.output_addresses, nodes.slots, micro.hidden, row, nodes.scores,
            0, n_rows * SIMD_WIDTH,
        )  # fmt: skip
        loss += logistic_residuals(
            nodes.scores, nodes.positives, nodes.trials, lr, nodes.hess_weights, n_rows,
            HS_MAX_SCORE,
        )  # fmt: skip
        prefetch_step(4 * step.n_done + n + i, upcoming, shared)
        micro.hidden_curvature[row] += _damp_residuals(
            n_rows, row_scale, micro.hidden_sq_norms[row], nodes
        )
        for k in range(n_nodes):
            curvature = nodes.curvature[k // SIMD_WIDTH, k % SIMD_WIDTH]
            cache.output_curvature[INDEX(nodes.slots[k])] = curvature
        clear_row(micro.hidden_delta, row)
        gather_scatter_axpy(
            cache.output_addresses, nodes.slots, nodes.scores, nodes.hess_weights, 0, n_nodes,
            micro.hidden, micro.hidden_delta, row,
        )  # fmt: skip
        prefetch_step(4 * step.n_done + 2 * n + i, upcoming, shared)
    cache.losses[step.stream] += loss
    cache.trials[step.stream] += trials


@jit_inline
def _list_nodes(
    step: Step, i: int, row: int, shared: SharedArrays, scratch: Scratch
) -> tuple[int, int]:
    """List the distinct inner nodes above the words that token i predicts, and count their trials.

    Returns the numbers of nodes and of trials.
    """
    if scratch.minibatch.n_pairs[row] == 0:
        return 0, 0
    stream, slots, nodes = step.stream, shared.slots, scratch.nodes
    ends, origin = slots.path_ends[stream], slots.starts[stream]
    token = step.start + i * step.stride - origin
    left, middle, after, right = token, token + 1, token + 1, token + 1
    if not shared.options.cbow:
        left, middle = shared.tokens.left[stream, token + origin] - origin, token
        right = shared.tokens.right[stream, token + origin] - origin
    n_nodes = _count_trials(stream, ends[left], ends[middle], 0, slots, nodes)
    n_nodes = _count_trials(stream, ends[after], ends[right], n_nodes, slots, nodes)
    return n_nodes, ends[middle] - ends[left] + ends[right] - ends[after]


@jit_inline
def _count_trials(
    stream: int, first: int, last: int, n_nodes: int, slots: TokenSlots, nodes: NodeScratch
) -> int:
    """Count the trials of the nodes [first, last) of the paths; append those that are new.

    Without a jump, which the processor could not predict.
    """
    paths, path_trials = slots.paths[stream], slots.path_trials[stream]
    n = INDEX(n_nodes)
    for k in range(INDEX(first), INDEX(last)):
        slot = INDEX(paths[k])
        trials = nodes.slot_trials[slot]
        nodes.slots[n] = slot
        n += INDEX(trials == 0)
        nodes.slot_trials[slot] = trials + path_trials[k]
    return int(n)


@jit_inline
def _look_up_nodes(n_nodes: int, cache: RowCache, nodes: NodeScratch) -> int:
    """Write what is known of the listed nodes, in the order of the list, in rows of SIMD_WIDTH.

    The trials of the slots are set back to zero. The first node, without trials, pads the last row.
    Returns the number of rows.
    """
    n_rows = (n_nodes + SIMD_WIDTH - 1) // SIMD_WIDTH
    for k in range(n_nodes, n_rows * SIMD_WIDTH):
        nodes.slots[k] = nodes.slots[0]
    for row in range(n_rows):
        for lane in range(SIMD_WIDTH):
            slot = INDEX(nodes.slots[row * SIMD_WIDTH + lane])
            trials = nodes.slot_trials[slot]
            nodes.slot_trials[slot] = 0
            nodes.trials[row, lane] = np.float32(trials & TRIALS_MASK)
            nodes.positives[row, lane] = np.float32(trials >> POSITIVE_SHIFT)
            nodes.curvature[row, lane] = cache.output_curvature[slot]
            nodes.sq_norms[row, lane] = cache.output_sq_norms[slot]
    return n_rows


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
