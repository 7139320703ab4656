"""The arrays of the Word2Vec and FastText kernels."""

import math
from typing import Any

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
from embedtool.kernels.sgd.scratch import ROW_SUMS
from embedtool.kernels.simd.gemm import ROW_MULTIPLE
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.trainers.aligned import CACHE_LINE_BYTES, aligned_zeros
from embedtool.trainers.kernel_scratch import Sizes, allocate_scratch, floats, ints, longs
from embedtool.trainers.kernel_threads import KernelJob
from embedtool.trainers.streams import chunk_tokens_for, n_threads_for, stream_tokens_for

SHARED_NEGATIVES_FACTOR = {"cbow": 3, "skipgram": 4.5}
"""Negatives drawn for a group of tokens, as a multiple of those of one pair, eq. (4). More are
closer to independent draws for each pair, and cost time. Measured: `python -m benchmarks.ablation
--vary negatives`."""

BITS_PER_TOKEN = 128
"""Bits for the rows of a superstep of FastText's, for each of its tokens, which have some twenty
rows."""

MARK_BYTES = 2
"""Bytes of a row's mark, at most."""


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
    used_tables = _tables(inputs, outputs, sizes, config.hogwild)
    shared = SharedArrays(
        text,
        WordRows(indptr, indices, frozen, _n_trainable(indptr, indices, frozen)),
        negatives,
        tree[0],
        used_tables,
        options,
        _allocate_tokens(sizes.n_streams),
        _allocate_cache(sizes),
        _allocate_slots(sizes),
    )
    return KernelJob(
        shared,
        [
            allocate_scratch(sizes, used_tables.row_uses[thread], *sums[thread % len(sums)])
            for thread in range(n_threads)
        ],
    )


def _row_bits(sizes: Sizes, hogwild: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return `Tables.row_uses` and `rows_reused`; with Hogwild all rows count as used again."""
    n_bits = sizes.n_streams * MINIBATCH_TOKENS * BITS_PER_TOKEN
    n = 1 << (n_bits // 64 - 1).bit_length() if sizes.n_words else 0
    return np.zeros((sizes.n_threads, 2, n), np.int64), np.full(n, -int(hogwild), np.int64)


def _tables(
    inputs: NDArray[np.float32], outputs: NDArray[np.float32], sizes: Sizes, hogwild: bool
) -> Tables:
    marks = np.min_scalar_type(sizes.n_streams)
    return Tables(
        inputs,
        outputs,
        np.zeros(len(inputs), marks),
        np.zeros(len(outputs), marks),
        *_row_bits(sizes, hogwild),
    )


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
    uses, reused = _row_bits(sizes, hogwild=False)
    scratch = allocate_scratch(sizes, uses[0], no_sums, no_sums)
    merge = scratch.merge
    lists = merge.delta_rows, merge.delta_slots, merge.previous  # threads divide the deltas
    return (
        sums + MARK_BYTES * n_rows + reused.nbytes + tokens + cache
        + n_threads * _n_bytes(scratch) - (n_threads - 1) * _n_bytes(lists)
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
) -> tuple[Options, int, Sizes]:
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
        max_shared_inputs=sizes.max_inputs * rows_per_word,
        n_threads=n_threads,
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


def _sizes(options: Options, n_streams: int, depth: int, outputs: tuple[int, ...]) -> Sizes:
    """Return the sizes, except those that depend on the rows of words."""
    with_context = MINIBATCH_TOKENS + 2 * options.window
    n_microbatches = MINIBATCH_TOKENS // MICROBATCH_TOKENS
    n_negatives = 0 if options.hierarchical else n_microbatches * options.n_shared_negatives
    max_inputs, max_predicted = MINIBATCH_TOKENS, with_context
    targets_per_token = 2 * options.window
    if options.cbow:
        max_inputs, max_predicted, targets_per_token = with_context, MINIBATCH_TOKENS, 1
    return Sizes(
        n_streams=n_streams,
        max_inputs=1 + max_inputs,
        max_outputs=1 + min(max_predicted * max(1, depth) + n_negatives, outputs[0]),
        max_tokens=with_context,
        max_targets=MINIBATCH_TOKENS * (1 + targets_per_token) + SIMD_WIDTH,
        max_nodes=SIMD_WIDTH * (1 + depth * targets_per_token // SIMD_WIDTH),
        depth=depth,
        max_deltas=0,
        max_shared_inputs=0,
        n_threads=0,
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


def _by_stream(n_streams: int, dtype: type) -> NDArray[Any]:
    """Return a number for each stream, in a cache line of its own: threads change them often.

    There is one more: numba has another type for one number, for which all would be compiled again.
    """
    return np.zeros((n_streams + 1, CACHE_LINE_BYTES // np.dtype(dtype).itemsize), dtype)[:, 0]


def _allocate_tokens(n_streams: int) -> StreamTokens:
    max_length = stream_tokens_for(chunk_tokens_for(n_streams), n_streams)
    ids, left, right = (ints(n_streams, max_length) for _ in range(3))
    return StreamTokens(ids, left, right, longs(n_streams))


def _allocate_cache(sizes: Sizes) -> RowCache:
    n_streams = sizes.n_streams
    n_inputs, n_outputs = n_streams * sizes.max_inputs, n_streams * sizes.max_outputs
    outputs = aligned_zeros(n_outputs, sizes.width)
    return RowCache(
        inputs=aligned_zeros(n_inputs, sizes.width),
        input_addresses=longs(n_inputs),
        input_curvature=floats(n_inputs),
        input_trainable=floats(n_inputs),
        input_words=ints(n_streams, sizes.max_inputs),
        input_rows=ints(n_streams, sizes.max_inputs),
        n_inputs=_by_stream(n_streams, np.int64),
        shared_inputs=ints(n_streams, sizes.max_shared_inputs),
        shared_input_slots=ints(n_streams, sizes.max_shared_inputs),
        n_shared_inputs=_by_stream(n_streams, np.int64),
        outputs=outputs,
        output_addresses=outputs.ctypes.data + outputs.strides[0] * np.arange(n_outputs),
        output_curvature=floats(n_outputs),
        output_sq_norms=floats(n_outputs),
        output_rows=ints(n_streams, sizes.max_outputs),
        n_outputs=_by_stream(n_streams, np.int64),
        shared_outputs=ints(n_streams, sizes.max_outputs),
        shared_output_slots=ints(n_streams, sizes.max_outputs),
        n_shared_outputs=_by_stream(n_streams, np.int64),
        losses=_by_stream(n_streams, np.float64),
        pairs=_by_stream(n_streams, np.int64),
        trials=_by_stream(n_streams, np.float64),
    )


def _allocate_slots(sizes: Sizes) -> TokenSlots:
    n_streams = sizes.n_streams
    by_token = n_streams, sizes.max_tokens + SIMD_WIDTH
    return TokenSlots(
        starts=_by_stream(n_streams, np.int64),
        stops=_by_stream(n_streams, np.int64),
        inputs=ints(*by_token),
        outputs=ints(*by_token),
        negatives=ints(n_streams, sizes.n_negatives),
        paths=ints(n_streams, sizes.max_tokens * sizes.depth + SIMD_WIDTH),
        path_ends=longs(n_streams, sizes.max_tokens + 1),
    )
