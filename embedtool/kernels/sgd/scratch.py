"""The memory of one thread of the kernels of Word2Vec and FastText, as named tuples."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.sgd.arrays import Doubles, Floats, Ints, Longs

RowSums = NDArray[Any]
"""Records of ROW_SUMS."""

ROW_SUMS = np.dtype(
    [
        ("progress", np.float32),
        ("last", np.int32),
        ("total_progress", np.float32),
        ("padding", np.float32),
    ]
)
"""What is summed over the deltas of a row: `progress` (eqs. 5 and 6), zero between supersteps; and
`total_progress`, that of all supersteps, never reset: the curvature of a replica (eq. 7). `last` is
one more than the number of the row's last copy in the list of its owner, or 0. A record of four
numbers never crosses a cache line, so that a row costs one miss."""


class GatherScratch(NamedTuple):
    """What a thread needs to list and to copy the rows of a minibatch.

    Attributes
    ----------
    input_hash, output_hash
        int32 (a power of two,), hash tables of indices in a list; its last index is empty.
    input_snapshot
        float32 (max_inputs, width), with subwords, the sums of rows before the minibatch.
    used, reused
        int64 (n,), those of `Tables.row_uses` that are this thread's.
    negatives
        int32 (n_shared_negatives,), the bins of the negatives of a group, then the negatives.
    remainders
        float64 (n_shared_negatives,), what decides between a bin's word and its alias.
    path_position
        int32 (max_outputs,), where in the stream's `TokenSlots.paths` an inner node is first.
    path_number
        int32 (max_outputs,), the token whose path that is.
    """

    input_hash: Ints
    output_hash: Ints
    input_snapshot: Floats
    used: Longs
    reused: Longs
    negatives: Ints
    remainders: Doubles
    path_position: Ints
    path_number: Ints


class MinibatchScratch(NamedTuple):
    """The matrices and lists of one minibatch.

    Arrays by hidden vector have a row for each token, in the order of groups (`hidden`).

    Attributes
    ----------
    n_pairs
        float32 (MINIBATCH_TOKENS,), positive pairs of each token.
    hidden, hidden_delta
        float32 (MINIBATCH_TOKENS + 1, width), hidden vectors and their updates; the last row of
        the updates is zero.
    hidden_transposed
        float32 (width, MICROBATCH_TOKENS).
    hidden_sq_norms, hidden_curvature
        float32 (MINIBATCH_TOKENS + 1,), the last always zero.
    input_gain
        float32 (MINIBATCH_TOKENS + 1,), how far a hidden vector moves when each of its rows moves
        by one unit: 1 for a mean, the number of rows for a sum.
    input_factors
        float32 (max_tokens,), by how much of a hidden vector's delta the row of each token of the
        minibatch or of its context moves.
    cumulative
        float32 (max_tokens + 1, width), CBOW: the sums of the input rows of all tokens before each.
    delta_steps, curvature_steps
        float32 (max_tokens + 1, width) and (max_tokens + 1,), CBOW: by how much the sums over the
        windows that a token is in change at each token; zeros between minibatches.
    own_rows
        int32 (max_tokens,), the row of each token's hidden vector; MINIBATCH_TOKENS for a token of
        the context only.
    negative_index
        int32 (max_outputs, groups), the index of an output row in the list of negatives of each
        group of tokens, or -1.
    negative_slots
        int32 (groups, n_shared_negatives), the slots of the distinct negatives of
        each group.
    negative_weights
        float32, of that shape, the trials of each with a pair, eq. (4).
    n_negatives
        int64 (groups,), their number.
    trials
        float32 (groups, n_shared_negatives, MICROBATCH_TOKENS), of negatives.
    scores, hess_weights
        float32 (n_shared_negatives, MICROBATCH_TOKENS), as `logistic_residuals`
        takes and leaves them.
    no_positives
        float32, zeros of that shape: the positives among the trials of negatives.
    target_slots, target_rows
        int32 (max_targets,), the pairs of a target and a token: the target's slot, and the row of
        the token's hidden vector; those of one token after another.
    target_starts, target_stops
        int64 (MINIBATCH_TOKENS,), where in that list each token's targets begin and end.
    target_scores, target_trials, target_hess_weights
        float32 (max_targets,), as `logistic_residuals` takes and leaves them.
    target_factors, target_sq_norms
        float32 (max_targets,), the damped residuals, and the squared lengths of the targets.
    """

    n_pairs: Floats
    hidden: Floats
    hidden_delta: Floats
    hidden_transposed: Floats
    hidden_sq_norms: Floats
    hidden_curvature: Floats
    input_gain: Floats
    input_factors: Floats
    cumulative: Floats
    delta_steps: Floats
    curvature_steps: Floats
    own_rows: Ints
    negative_index: Ints
    negative_slots: Ints
    negative_weights: Floats
    n_negatives: Longs
    scores: Floats
    trials: Floats
    hess_weights: Floats
    no_positives: Floats
    target_slots: Ints
    target_rows: Ints
    target_starts: Longs
    target_stops: Longs
    target_scores: Floats
    target_trials: Floats
    target_hess_weights: Floats
    target_factors: Floats
    target_sq_norms: Floats


class NodeScratch(NamedTuple):
    """The inner nodes above the words that a token predicts; without them with negative sampling.

    Attributes
    ----------
    slot_trials
        int32 (n_streams * max_outputs,), skip-gram: the trials of each slot in the lower half of a
        number, and the positive ones among them in the upper half; zeros between tokens.
    slots
        int32 (max_nodes + SIMD_WIDTH,), the slots of the nodes; padded with that of zeros to whole
        rows of the arrays below.
    counts
        int32 (max_nodes,), skip-gram: `slot_trials` of these slots.
    scores, positives, trials, hess_weights
        float32 (max_nodes / SIMD_WIDTH, SIMD_WIDTH), as `logistic_residuals` takes and leaves them.
    curvature, sq_norms
        float32, of that shape, of the rows of the nodes.
    """

    slot_trials: Ints
    slots: Ints
    counts: Ints
    scores: Floats
    positives: Floats
    trials: Floats
    hess_weights: Floats
    curvature: Floats
    sq_norms: Floats


class MergeScratch(NamedTuple):
    """What a thread applies to the tables at the end of a superstep.

    Attributes
    ----------
    delta_rows, delta_slots
        int32 (max_deltas,), the row of the table and the slot of each delta.
    slot_factors
        float32 (n_streams * max_inputs,), with subwords, what the delta of each slot and its
        progress are multiplied by.
    previous
        int32 (n_streams * max(max_inputs, max_outputs),), one more than the number of the copy
        before of the same row, or 0.
    row_slots
        int32 (n_streams,), the slots of a row's copies.
    word_progress
        float32 (n_words,), with subwords, the progress of each word (eq. 5); zeros between
        supersteps.
    input_sums, output_sums
        ROW_SUMS (n_rows,); one array for all threads, but with Hogwild one for each.
    """

    delta_rows: Ints
    delta_slots: Ints
    slot_factors: Floats
    previous: Ints
    row_slots: Ints
    word_progress: Floats
    input_sums: RowSums
    output_sums: RowSums


class Scratch(NamedTuple):
    """The memory of one thread."""

    gather: GatherScratch
    minibatch: MinibatchScratch
    nodes: NodeScratch
    merge: MergeScratch
