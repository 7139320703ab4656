"""One replica of local SGD: functions that nodes run, from a slice of the text to its deltas.

They are stateless, so that results lost with a process or a node can be recomputed.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.distributed.cluster import current_node_id
from embedtool.distributed.merging import (
    Bf16Shard,
    Moments,
    QuantizedDeltas,
    Shard,
    bf16,
    curvature_basis,
    merge_shard,
    one_blas_thread,
)
from embedtool.distributed.moments import second_moments
from embedtool.distributed.partition_reading import Encoded
from embedtool.distributed.row_subset import RowSubset, rows_in_shard
from embedtool.distributed.slices import (
    RequiredRows,
    SharedContext,
    TextSlice,
    required_rows,
    rows_of,
)
from embedtool.kernels.sgd.arrays import Text, Tree
from embedtool.trainers.count_tables import NO_NEGATIVES, NO_TREE, build_negative_table
from embedtool.trainers.kernel_job import build_job
from embedtool.trainers.kernel_threads import KernelJob, Losses, sum_losses
from embedtool.trainers.subwords import SubwordIndex


@dataclass(frozen=True, eq=False)
class ReplicaUpdate:
    """The result of training a replica on a slice.

    Attributes
    ----------
    inputs, outputs
        Deltas of the rows of each shard.
    moments
        Second moments of its training vectors.
    losses
        Losses, summed over the slice.
    """

    inputs: Sequence[QuantizedDeltas]
    outputs: Sequence[QuantizedDeltas]
    moments: Moments
    losses: Losses


def text_of_slice(text_slice: TextSlice, begin: int, partitions: Sequence[Encoded]) -> Encoded:
    """Return the ids of a slice, and the ends of its sentences.

    Parameters
    ----------
    text_slice
        The range of tokens.
    begin
        Position of the first partition's first token in the whole text.
    partitions
        The partitions that contain the slice.
    """
    ids, ends = [], []
    for partition_ids, partition_ends in partitions:
        first = max(text_slice.first - begin, 0)
        last = min(text_slice.last - begin, len(partition_ids))
        ids.append(partition_ids[first:last])
        inside = partition_ends[np.searchsorted(partition_ends, first, "right") :]
        inside = inside[: np.searchsorted(inside, last, "right")]
        ends.append(inside + begin - text_slice.first)
        begin += len(partition_ids)
    return np.concatenate(ids), np.concatenate(ends)


def required_rows_by_shard(
    context: SharedContext, text_slice: TextSlice, begin: int, n_shards: int, *partitions: Encoded
) -> tuple[Any, ...]:
    """Return the RequiredRows of a slice, and the indices of these rows in each shard."""
    required = required_rows(context, text_slice, text_of_slice(text_slice, begin, partitions)[0])
    tables = required.inputs, required.outputs
    return required, *(
        tuple(rows_in_shard(rows, k, n_shards)[1] for rows in tables) for k in range(n_shards)
    )


def take_rows(shard: Bf16Shard, rows: tuple[NDArray[np.int32], NDArray[np.int32]]) -> Bf16Shard:
    """Return the rows of a shard with these indices."""
    return shard[0][rows[0]], shard[1][rows[1]]


def train_replica(
    context: SharedContext,
    text_slice: TextSlice,
    begin: int,
    n_threads: int,
    n_partitions: int,
    *arguments: Any,
) -> tuple[Any, ...]:
    """Train a replica on a slice.

    Parameters
    ----------
    context, text_slice, begin
        As for `required_rows_by_shard`.
    n_threads
        Threads to train with.
    n_partitions
        Number of arguments that are partitions of the text.
    *arguments
        The partitions; then all shards, or the RequiredRows and only these rows of each shard.

    Returns
    -------
    tuple
        (losses, number of tokens, node), the moments, and the deltas of each shard.
    """
    text = text_of_slice(text_slice, begin, arguments[:n_partitions])
    shards = arguments[n_partitions:]
    whole = not isinstance(shards[0], RequiredRows)
    required = required_rows(context, text_slice, text[0]) if whole else shards[0]
    shards = shards if whole else shards[1:]
    inputs, outputs = (
        RowSubset(rows, [shard[side] for shard in shards], whole)
        for side, rows in enumerate((required.inputs, required.outputs))
    )
    update = train_slice(context, text_slice, text, required, (inputs, outputs), n_threads)
    summary = update.losses, text_slice.last - text_slice.first, current_node_id()
    return summary, update.moments, *zip(update.inputs, update.outputs, strict=True)


def merge_replicas(shard: Shard, *moments_and_deltas: Any) -> tuple[Shard, Bf16Shard]:
    """Return a shard with the deltas of all replicas applied, and the same rounded to bfloat16.

    Parameters
    ----------
    shard
        The shard after the last sync.
    *moments_and_deltas
        The moments of each replica, then the deltas of each.
    """
    n_replicas = len(moments_and_deltas) // 2
    moments: Sequence[Moments] = moments_and_deltas[:n_replicas]
    deltas: Sequence[tuple[QuantizedDeltas, QuantizedDeltas]] = moments_and_deltas[n_replicas:]
    bases = curvature_basis(moments)
    inputs, outputs = (
        merge_shard(shard[side], [each[side] for each in deltas], *bases[side]) for side in range(2)
    )
    return (inputs, outputs), (bf16(inputs), bf16(outputs))


def train_slice(
    context: SharedContext,
    text_slice: TextSlice,
    text: Encoded,
    required: RequiredRows,
    tables: tuple[RowSubset, RowSubset],
    n_threads: int,
) -> ReplicaUpdate:
    """Train the rows that a slice needs on its text.

    Parameters
    ----------
    context
        The context shared by all replicas.
    text_slice
        The range of tokens, and how to train on them.
    text
        The ids of the slice, and the ends of its sentences.
    required
        The rows that the slice needs.
    tables
        The required rows of inputs and outputs.
    n_threads
        Threads to train with.
    """
    config = replace(context.config, workers=n_threads)
    ids, ends = text
    local_ids = np.empty(context.n_words, np.int32)
    local_ids[required.words] = np.arange(len(required.words), dtype=np.int32)
    subwords = _local_subwords(context.subwords, required)
    inputs, outputs = tables[0].gather(), tables[1].gather()
    counts = required.negative_counts
    job = build_job(
        config,
        context.n_streams,
        _read_only(
            Text(local_ids[ids], np.append(ends, len(ids)), context.keep_prob[required.words])
        ),
        (subwords.indptr, subwords.indices, context.frozen[required.inputs]),
        NO_NEGATIVES
        if context.hierarchical
        else build_negative_table(np.cumsum(counts) / counts.sum()),
        _local_tree(context, required) if context.hierarchical else NO_TREE,
        (inputs, outputs),
        sum_progress=True,
    )
    with one_blas_thread():
        moments = second_moments(context, ids, required, local_ids, subwords, (inputs, outputs))
    losses = _train_chunks(job, text_slice, len(ids), n_threads)
    input_curvature, output_curvature = job.curvature()
    return ReplicaUpdate(
        tables[0].deltas(inputs, input_curvature), tables[1].deltas(outputs, output_curvature),
        moments, sum_losses(losses),
    )  # fmt: skip


def _train_chunks(job: KernelJob, text_slice: TextSlice, n: int, n_threads: int) -> list[Losses]:
    """Train on the n tokens of a slice in chunks of equal size; return the losses of each."""
    size = job.chunk_size(n)
    losses = []
    with ThreadPoolExecutor(n_threads) as pool:
        for begin in range(0, n, size):
            end = min(begin + size, n)
            first, last = (
                float(np.interp(position, (0, n), text_slice.learning_rates))
                for position in (begin, end)
            )
            key = np.uint64((text_slice.key + text_slice.first) % 2**64)
            job.train(pool, (begin, end), size, key, (first, last), text_slice.ngram_scale)
            losses.append(job.take_losses())
    return losses


def _read_only(text: Text) -> Text:
    """Make arrays read-only, like those of a mapped file, for which the kernels are compiled."""
    for array in text[:2]:
        array.flags.writeable = False
    return text


def _local_subwords(subwords: SubwordIndex, required: RequiredRows) -> SubwordIndex:
    """Return the rows of the required words, as indices of the required input rows.

    Negatives that do not occur in the text have no rows.
    """
    numbers = np.empty(subwords.n_rows, np.int32)
    numbers[required.inputs] = np.arange(len(required.inputs), dtype=np.int32)
    starts, words = subwords.indptr, required.words
    lengths = (starts[words + 1] - starts[words]) * required.in_text
    rows = numbers[rows_of(subwords, words[required.in_text])]
    return SubwordIndex(np.concatenate(([0], np.cumsum(lengths))), rows, np.empty(0, np.int64))


def _local_tree(context: SharedContext, required: RequiredRows) -> tuple[Tree, int]:
    """Return the tree without the nodes that are not required, in the same order.

    A node may be left with one child, so there can be as many nodes as words or more. Nodes are
    numbered after the words, so the tree gets words without a path.
    """
    (parents, bit), depth = context.tree
    n_nodes = len(required.outputs)
    n_words = n_nodes + 1
    numbers = np.empty(len(parents), np.int32)
    nodes = required.outputs + context.n_words
    numbers[nodes] = n_words + np.arange(n_nodes, dtype=np.int32)
    local = Tree(np.zeros(n_words + n_nodes, np.int32), np.zeros(n_words + n_nodes, np.bool_))
    for first, old in ((0, required.words), (n_words, nodes[:-1])):
        local.parents[first : first + len(old)] = numbers[parents[old]]
        local.bit[first : first + len(old)] = bit[old]
    return local, depth
