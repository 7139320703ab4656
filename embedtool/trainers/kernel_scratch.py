"""The memory of one thread of the kernels of Word2Vec and FastText, and how much it is."""

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.sgd.arrays import MICROBATCH_TOKENS, MINIBATCH_TOKENS
from embedtool.kernels.sgd.scratch import (
    GatherScratch,
    MergeScratch,
    MinibatchScratch,
    NodeScratch,
    RowSums,
    Scratch,
)
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.trainers.aligned import aligned_zeros

BUCKETS_PER_ROW = 4
"""Of the hash tables of a minibatch's rows, a power of two."""


class Sizes(NamedTuple):
    """How much memory a job needs; maxima are those of one minibatch."""

    n_streams: int
    max_inputs: int
    max_outputs: int
    max_tokens: int
    max_targets: int
    max_nodes: int
    depth: int
    max_deltas: int
    max_shared_inputs: int
    n_threads: int
    n_negatives: int
    n_shared_negatives: int
    n_words: int
    width: int


def floats(*shape: int) -> NDArray[np.float32]:
    """Return zeros, float32."""
    return np.zeros(shape, np.float32)


def ints(*shape: int) -> NDArray[np.int32]:
    """Return zeros, int32."""
    return np.zeros(shape, np.int32)


def longs(*shape: int) -> NDArray[np.int64]:
    """Return zeros, int64."""
    return np.zeros(shape, np.int64)


def allocate_scratch(
    sizes: Sizes, uses: NDArray[np.int64], input_sums: RowSums, output_sums: RowSums
) -> Scratch:
    """Return the memory of a thread.

    Parameters
    ----------
    sizes
        How much.
    uses
        int64 (2, n), its part of `Tables.row_uses`.
    input_sums, output_sums
        ROW_SUMS (n_rows,), of all threads, or with Hogwild its own.
    """
    gather = GatherScratch(
        input_hash=ints(BUCKETS_PER_ROW << sizes.max_inputs.bit_length()),
        output_hash=ints(BUCKETS_PER_ROW << sizes.max_outputs.bit_length()),
        input_snapshot=aligned_zeros(sizes.max_inputs, sizes.width),
        used=uses[0],
        reused=uses[1],
        negatives=ints(sizes.n_shared_negatives),
        remainders=np.zeros(sizes.n_shared_negatives),
        path_position=ints(sizes.max_outputs),
        path_number=ints(sizes.max_outputs),
    )
    merge = MergeScratch(
        delta_rows=ints(sizes.max_deltas),
        delta_slots=ints(sizes.max_deltas),
        slot_factors=floats(sizes.n_streams * sizes.max_inputs),
        previous=ints(sizes.n_streams * max(sizes.max_inputs, sizes.max_outputs)),
        row_slots=ints(sizes.n_streams),
        word_progress=floats(sizes.n_words),
        input_sums=input_sums,
        output_sums=output_sums,
    )
    return Scratch(gather, _allocate_minibatch(sizes), _allocate_nodes(sizes), merge)


def _allocate_nodes(sizes: Sizes) -> NodeScratch:
    vectors = partial(aligned_zeros, sizes.max_nodes // SIMD_WIDTH, SIMD_WIDTH)
    return NodeScratch(
        slot_trials=ints(sizes.n_streams * sizes.max_outputs),
        slots=ints(sizes.max_nodes + SIMD_WIDTH),
        counts=ints(sizes.max_nodes),
        scores=vectors(),
        positives=vectors(),
        trials=vectors(),
        hess_weights=vectors(),
        curvature=vectors(),
        sq_norms=vectors(),
    )


def _allocate_minibatch(sizes: Sizes) -> MinibatchScratch:
    max_negatives, max_targets = sizes.n_shared_negatives, sizes.max_targets
    n_groups = MINIBATCH_TOKENS // MICROBATCH_TOKENS
    by_group = n_groups, max_negatives
    matrix = partial(aligned_zeros, max_negatives, MICROBATCH_TOKENS)
    return MinibatchScratch(
        n_pairs=floats(MINIBATCH_TOKENS),
        hidden=aligned_zeros(MINIBATCH_TOKENS + 1, sizes.width),
        hidden_delta=aligned_zeros(MINIBATCH_TOKENS + 1, sizes.width),
        hidden_transposed=aligned_zeros(sizes.width, MICROBATCH_TOKENS),
        hidden_sq_norms=floats(MINIBATCH_TOKENS + 1),
        hidden_curvature=floats(MINIBATCH_TOKENS + 1),
        input_gain=floats(MINIBATCH_TOKENS + 1),
        input_factors=floats(sizes.max_tokens),
        cumulative=aligned_zeros(sizes.max_tokens + 1, sizes.width),
        delta_steps=aligned_zeros(sizes.max_tokens + 1, sizes.width),
        curvature_steps=floats(sizes.max_tokens + 1),
        own_rows=ints(sizes.max_tokens),
        negative_index=ints(sizes.max_outputs if sizes.n_negatives else 0, n_groups) - 1,
        negative_slots=ints(*by_group),
        negative_weights=floats(*by_group),
        n_negatives=longs(n_groups),
        scores=matrix(),
        trials=aligned_zeros(n_groups * max_negatives, MICROBATCH_TOKENS).reshape(*by_group, -1),
        hess_weights=matrix(),
        no_positives=matrix(),
        target_slots=ints(max_targets),
        target_rows=ints(max_targets),
        target_starts=longs(MINIBATCH_TOKENS),
        target_stops=longs(MINIBATCH_TOKENS),
        target_scores=floats(max_targets),
        target_trials=np.ones(max_targets, np.float32),
        target_hess_weights=floats(max_targets),
        target_factors=floats(max_targets),
        target_sq_norms=floats(max_targets),
    )
