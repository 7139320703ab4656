"""The arrays of the Word2Vec and FastText kernels."""

import math
from functools import partial
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import MAX_STREAMS, Word2VecConfig
from embedtool.io.machine import n_cores
from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    MINIBATCH_TOKENS,
    NegativeTable,
    Options,
    RowCache,
    SharedArrays,
    StreamTokens,
    Tables,
    Text,
    TokenSlots,
    Tree,
    WordRows,
)
from embedtool.kernels.sgd.scratch import (
    ROW_SUMS,
    GatherScratch,
    MergeScratch,
    MinibatchScratch,
    NodeScratch,
    RowSums,
    Scratch,
)
from embedtool.kernels.simd.gemm import ROW_MULTIPLE
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.trainers.aligned import CACHE_LINE_BYTES, aligned_zeros
from embedtool.trainers.kernel_threads import KernelJob
from embedtool.trainers.streams import chunk_tokens_for, n_threads_for, stream_tokens_for

SHARED_NEGATIVES_FACTOR = {"cbow": 3, "skipgram": 4.5}
"""Negatives drawn for a group of tokens, as a multiple of those of one pair, eq. (4). More are
closer to independent draws for each pair, and cost time. Measured: `python -m benchmarks.ablation
--vary negatives`."""

MARK_BYTES = 2
"""Bytes of a row's mark, at most."""

BUCKETS_PER_ROW = 4
"""Of the hash tables of a minibatch's rows, a power of two."""


class _Sizes(NamedTuple):
    """How much memory a job needs; maxima are those of one minibatch."""

    n_streams: int
    max_inputs: int
    max_outputs: int
    max_tokens: int
    max_targets: int
    max_nodes: int
    depth: int
    max_deltas: int
    max_word_rows: int
    n_negatives: int
    n_shared_negatives: int
    n_words: int
    width: int


def build_job(
    config: Word2VecConfig,
    n_streams: int,
    text: Text,
    words: tuple[NDArray[np.int64], NDArray[np.int32], NDArray[np.bool_]],
    negatives: NegativeTable,
    tree: tuple[Tree, int],
    tables: tuple[NDArray[np.float32], NDArray[np.float32]],
    sum_progress: bool = False,
) -> KernelJob:
    """Allocate the arrays of the kernel.

    Parameters
    ----------
    config
        The options.
    n_streams
        The number of streams; with Hogwild each thread has one instead.
    text
        The tokens.
    words
        indptr, indices and frozen of `WordRows`.
    negatives
        The distribution of negatives.
    tree
        The Huffman tree and its depth.
    tables
        Inputs and outputs, which are trained in place.
    sum_progress
        Whether `KernelJob.curvature` will be asked for.
    """
    indptr, indices, frozen = words
    inputs, outputs = tables
    indices = _trainable_first(indptr, indices, frozen)
    options, n_threads, sizes = _plan(config, n_streams, indptr, tree[1], outputs.shape)
    options = options._replace(sum_progress=sum_progress)
    sums = [
        (np.zeros(len(inputs), ROW_SUMS), np.zeros(len(outputs), ROW_SUMS))
        for _ in range(n_threads if config.hogwild else 1)
    ]
    shared = SharedArrays(
        text,
        WordRows(indptr, indices, frozen, _n_trainable(indptr, indices, frozen)),
        negatives,
        tree[0],
        _tables(inputs, outputs, sizes.n_streams),
        options,
        _allocate_tokens(sizes.n_streams),
        _allocate_cache(sizes),
        _allocate_slots(sizes),
    )
    return KernelJob(
        shared, [_allocate_scratch(sizes, *sums[thread % len(sums)]) for thread in range(n_threads)]
    )


def _tables(inputs: NDArray[np.float32], outputs: NDArray[np.float32], n_streams: int) -> Tables:
    marks = np.min_scalar_type(n_streams)
    return Tables(inputs, outputs, np.zeros(len(inputs), marks), np.zeros(len(outputs), marks))


def job_bytes(
    config: Word2VecConfig,
    n_streams: int,
    indptr: NDArray[np.int64],
    depth: int,
    shapes: tuple[tuple[int, int], tuple[int, int]],
) -> int:
    """Return the memory of a job, beside text and tables, in bytes, at most.

    Parameters
    ----------
    config, n_streams
        As for `build_job`.
    indptr
        Of `WordRows`.
    depth
        The depth of the Huffman tree.
    shapes
        The shapes of inputs and outputs.
    """
    _, n_threads, sizes = _plan(config, n_streams, indptr, depth, shapes[1])
    n_rows = shapes[0][0] + shapes[1][0]
    sums = n_rows * ROW_SUMS.itemsize * (n_threads if config.hogwild else 1)
    tokens = _n_bytes(_allocate_tokens(sizes.n_streams))
    alone = sizes._replace(n_streams=1)
    cache = sizes.n_streams * _n_bytes((_allocate_cache(alone), _allocate_slots(alone)))
    no_sums = np.zeros(0, ROW_SUMS)
    scratch = _allocate_scratch(sizes, no_sums, no_sums)
    merge = scratch.merge
    lists = merge.delta_rows, merge.delta_slots, merge.delta_factors  # threads divide the deltas
    return (
        sums + MARK_BYTES * n_rows + tokens + cache + n_threads * _n_bytes(scratch)
        - (n_threads - 1) * _n_bytes(lists)
    )  # fmt: skip


def _n_bytes(arrays: Any) -> int:
    """Return the bytes of an array, or of all arrays in nested tuples."""
    return arrays.nbytes if isinstance(arrays, np.ndarray) else sum(map(_n_bytes, arrays))


def _plan(
    config: Word2VecConfig,
    n_streams: int,
    indptr: NDArray[np.int64],
    depth: int,
    outputs: tuple[int, ...],
) -> tuple[Options, int, _Sizes]:
    """Return the kernel's options, the number of threads, and the sizes of arrays.

    `outputs` is the shape of that table.
    """
    workers = min(config.workers or 1, n_cores(), MAX_STREAMS)
    n_threads = workers if config.hogwild else n_threads_for(workers, n_streams)
    rows_per_word = int(np.diff(indptr).max())
    options = _options(config, subwords=rows_per_word > 1)
    sizes = _sizes(options, n_threads if config.hogwild else n_streams, depth, outputs)
    sizes = sizes._replace(
        max_deltas=sizes.n_streams * max(sizes.max_inputs * rows_per_word, sizes.max_outputs),
        max_word_rows=sizes.max_inputs * rows_per_word if options.subwords else 0,
        n_words=len(indptr) - 1 if options.subwords else 0,
    )
    return options, n_threads, sizes


def _options(config: Word2VecConfig, subwords: bool) -> Options:
    factor = SHARED_NEGATIVES_FACTOR[config.mode]
    return Options(
        window=config.window,
        shrink_windows=config.shrink_windows,
        subwords=subwords,
        cbow=config.mode == "cbow",
        mean=config.cbow_mean,
        hierarchical=config.loss == "hierarchical-softmax",
        hogwild=config.hogwild,
        negative=config.negative,
        n_shared_negatives=math.ceil(factor * config.negative / ROW_MULTIPLE) * ROW_MULTIPLE,
        sum_progress=False,
    )


def _sizes(options: Options, n_streams: int, depth: int, outputs: tuple[int, ...]) -> _Sizes:
    """Return the sizes, except those that depend on the rows of words."""
    with_context = MINIBATCH_TOKENS + 2 * options.window
    n_microbatches = MINIBATCH_TOKENS // MICROBATCH_TOKENS
    n_negatives = 0 if options.hierarchical else n_microbatches * options.n_shared_negatives
    max_inputs, max_predicted = MINIBATCH_TOKENS, with_context
    targets_per_token = 2 * options.window
    if options.cbow:
        max_inputs, max_predicted, targets_per_token = with_context, MINIBATCH_TOKENS, 1
    return _Sizes(
        n_streams=n_streams,
        max_inputs=1 + max_inputs,
        max_outputs=1 + min(max_predicted * max(1, depth) + n_negatives, outputs[0]),
        max_tokens=with_context,
        max_targets=MINIBATCH_TOKENS * (1 + targets_per_token) + SIMD_WIDTH,
        max_nodes=SIMD_WIDTH * (1 + depth * targets_per_token // SIMD_WIDTH),
        depth=depth,
        max_deltas=0,
        max_word_rows=0,
        n_negatives=n_negatives,
        n_shared_negatives=options.n_shared_negatives,
        n_words=0,
        width=outputs[1],
    )


def _trainable_first(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], frozen: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Return the rows of each word with those that are trained first."""
    if not frozen.any():
        return indices
    words = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
    return indices[np.lexsort((frozen[indices], words))]


def _n_trainable(
    indptr: NDArray[np.int64], indices: NDArray[np.int32], frozen: NDArray[np.bool_]
) -> NDArray[np.int32]:
    """Return how many rows of each word are trained."""
    before = np.concatenate(([0], np.cumsum(~frozen[indices], dtype=np.int32)))
    return np.diff(before[indptr]).astype(np.int32)


def _floats(*shape: int) -> NDArray[np.float32]:
    return np.zeros(shape, np.float32)


def _ints(*shape: int) -> NDArray[np.int32]:
    return np.zeros(shape, np.int32)


def _longs(*shape: int) -> NDArray[np.int64]:
    return np.zeros(shape, np.int64)


def _by_stream(n_streams: int, dtype: type) -> NDArray[Any]:
    """Return a number for each stream, in a cache line of its own: threads change them often.

    There is one more: numba has another type for one number, for which all would be compiled again.
    """
    return np.zeros((n_streams + 1, CACHE_LINE_BYTES // np.dtype(dtype).itemsize), dtype)[:, 0]


def _allocate_tokens(n_streams: int) -> StreamTokens:
    max_length = stream_tokens_for(chunk_tokens_for(n_streams), n_streams)
    ids, left, right = (_ints(n_streams, max_length) for _ in range(3))
    return StreamTokens(ids, left, right, _longs(n_streams))


def _allocate_cache(sizes: _Sizes) -> RowCache:
    n_streams = sizes.n_streams
    n_inputs, n_outputs = n_streams * sizes.max_inputs, n_streams * sizes.max_outputs
    outputs = aligned_zeros(n_outputs, sizes.width)
    return RowCache(
        inputs=aligned_zeros(n_inputs, sizes.width),
        input_addresses=np.zeros(n_inputs, np.int64),
        input_curvature=_floats(n_inputs),
        input_trainable=_floats(n_inputs),
        input_words=_ints(n_streams, sizes.max_inputs),
        input_rows=_ints(n_streams, sizes.max_inputs),
        n_inputs=_by_stream(n_streams, np.int64),
        word_rows=_ints(n_streams, sizes.max_word_rows),
        n_word_rows=_by_stream(n_streams, np.int64),
        shared_inputs=_ints(n_streams, sizes.max_inputs),
        shared_input_slots=_ints(n_streams, sizes.max_inputs),
        n_shared_inputs=_by_stream(n_streams, np.int64),
        outputs=outputs,
        output_addresses=outputs.ctypes.data + outputs.strides[0] * np.arange(n_outputs),
        output_curvature=_floats(n_outputs),
        output_sq_norms=_floats(n_outputs),
        output_rows=_ints(n_streams, sizes.max_outputs),
        n_outputs=_by_stream(n_streams, np.int64),
        shared_outputs=_ints(n_streams, sizes.max_outputs),
        shared_output_slots=_ints(n_streams, sizes.max_outputs),
        n_shared_outputs=_by_stream(n_streams, np.int64),
        losses=_by_stream(n_streams, np.float64),
        pairs=_by_stream(n_streams, np.int64),
        trials=_by_stream(n_streams, np.float64),
    )


def _allocate_slots(sizes: _Sizes) -> TokenSlots:
    n_streams = sizes.n_streams
    by_token = n_streams, sizes.max_tokens + SIMD_WIDTH
    return TokenSlots(
        starts=_by_stream(n_streams, np.int64),
        stops=_by_stream(n_streams, np.int64),
        inputs=_ints(*by_token),
        outputs=_ints(*by_token),
        negatives=_ints(n_streams, sizes.n_negatives),
        paths=_ints(n_streams, sizes.max_tokens * sizes.depth + SIMD_WIDTH),
        path_ends=np.zeros((n_streams, sizes.max_tokens + 1), np.int64),
    )


def _allocate_scratch(sizes: _Sizes, input_sums: RowSums, output_sums: RowSums) -> Scratch:
    gather = GatherScratch(
        input_hash=_ints(BUCKETS_PER_ROW << sizes.max_inputs.bit_length()),
        output_hash=_ints(BUCKETS_PER_ROW << sizes.max_outputs.bit_length()),
        input_snapshot=aligned_zeros(sizes.max_inputs, sizes.width),
        negatives=_ints(sizes.n_shared_negatives),
        remainders=np.zeros(sizes.n_shared_negatives),
        path_position=_ints(sizes.max_outputs),
        path_number=_ints(sizes.max_outputs),
    )
    merge = MergeScratch(
        delta_rows=_ints(sizes.max_deltas),
        delta_slots=_ints(sizes.max_deltas),
        delta_factors=_floats(sizes.max_deltas),
        word_progress=_floats(sizes.n_words),
        input_sums=input_sums,
        output_sums=output_sums,
    )
    return Scratch(gather, _allocate_minibatch(sizes), _allocate_nodes(sizes), merge)


def _allocate_nodes(sizes: _Sizes) -> NodeScratch:
    vectors = partial(aligned_zeros, sizes.max_nodes // SIMD_WIDTH, SIMD_WIDTH)
    return NodeScratch(
        slot_trials=_ints(sizes.n_streams * sizes.max_outputs),
        slots=_ints(sizes.max_nodes),
        counts=_ints(sizes.max_nodes // SIMD_WIDTH, SIMD_WIDTH),
        scores=vectors(),
        positives=vectors(),
        trials=vectors(),
        hess_weights=vectors(),
        curvature=vectors(),
        sq_norms=vectors(),
    )


def _allocate_minibatch(sizes: _Sizes) -> MinibatchScratch:
    max_negatives, max_targets = sizes.n_shared_negatives + ROW_MULTIPLE, sizes.max_targets
    n_groups = MINIBATCH_TOKENS // MICROBATCH_TOKENS
    by_group = n_groups, max_negatives
    matrix = partial(aligned_zeros, max_negatives, MICROBATCH_TOKENS)
    return MinibatchScratch(
        n_pairs=_floats(MINIBATCH_TOKENS),
        hidden=aligned_zeros(MINIBATCH_TOKENS + 1, sizes.width),
        hidden_delta=aligned_zeros(MINIBATCH_TOKENS + 1, sizes.width),
        hidden_transposed=aligned_zeros(sizes.width, MICROBATCH_TOKENS),
        hidden_sq_norms=_floats(MINIBATCH_TOKENS + 1),
        hidden_curvature=_floats(MINIBATCH_TOKENS + 1),
        input_gain=_floats(MINIBATCH_TOKENS + 1),
        input_factors=_floats(sizes.max_tokens),
        cumulative=aligned_zeros(sizes.max_tokens + 1, sizes.width),
        delta_steps=aligned_zeros(sizes.max_tokens + 1, sizes.width),
        curvature_steps=_floats(sizes.max_tokens + 1),
        own_rows=_ints(sizes.max_tokens),
        negative_index=_ints(sizes.max_outputs, n_groups),
        negative_slots=_ints(*by_group),
        negative_weights=_floats(*by_group),
        n_negatives=_longs(n_groups),
        scores=matrix(),
        trials=aligned_zeros(n_groups * max_negatives, MICROBATCH_TOKENS).reshape(*by_group, -1),
        hess_weights=matrix(),
        no_positives=matrix(),
        target_slots=_ints(max_targets),
        target_rows=_ints(max_targets),
        target_starts=_longs(MINIBATCH_TOKENS),
        target_stops=_longs(MINIBATCH_TOKENS),
        target_scores=_floats(max_targets),
        target_trials=np.ones(max_targets, np.float32),
        target_hess_weights=_floats(max_targets),
        target_factors=_floats(max_targets),
        target_sq_norms=_floats(max_targets),
    )
