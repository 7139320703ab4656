"""A small replica for tests: words, text, tables, and what it learns from them."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import numpy as np
import pytest

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.distributed.merging import QuantizedDeltas, bf16, merge_shard
from embedtool.distributed.replica import ReplicaUpdate, train_slice
from embedtool.distributed.row_subset import RowSubset, rows_in_shard
from embedtool.distributed.slices import (
    RequiredRows,
    SharedContext,
    TextSlice,
    required_rows,
    shared_context,
)
from embedtool.kernels import reference
from embedtool.kernels.sgd.arrays import NegativeTable, Text
from embedtool.trainers.aligned import aligned_zeros
from embedtool.trainers.count_tables import NO_NEGATIVES, build_negative_table
from embedtool.trainers.kernel_job import build_job
from embedtool.trainers.kernel_threads import KernelJob
from embedtool.trainers.subwords import build_subword_index

N_WORDS = 90
SIZE, WIDTH = 20, 32
KEY = 2**64 - 1000
"""Made of seed and epoch; with the position of a slice it goes beyond 64 bits."""
RATES = (0.2, 0.1)
NGRAM_SCALE = 1.0
Sentences = tuple[np.ndarray, np.ndarray]
Tables = tuple[np.ndarray, np.ndarray]

ThreeReplicas = tuple[SharedContext, Tables, list[ReplicaUpdate]]

MODES = [
    (algorithm, mode, loss)
    for algorithm in ("word2vec", "fasttext")
    for mode in ("cbow", "skipgram")
    for loss in ("negative-sampling", "hierarchical-softmax")
]


def text(n_tokens: int, n_used: int = 50, seed: int = 0) -> Sentences:
    """Sentences of every second of the first words, some far more frequent than others."""
    rng = np.random.default_rng(seed)
    ids = (n_used * rng.random(n_tokens) ** 2).astype(np.int32) // 2 * 2
    ends = np.cumsum(rng.integers(1, 20, n_tokens))
    ends = np.append(ends[ends < n_tokens], n_tokens).astype(np.int64)
    return read_only(ids), read_only(ends)


def read_only(array: np.ndarray) -> np.ndarray:
    """As arrays come from Ray, and from a mapped file."""
    array.flags.writeable = False
    return array


def make(algorithm: str = "word2vec", n_words: int = N_WORDS, **options: Any) -> SharedContext:
    """Words of which some are frequent, and one row is frozen."""
    config: Word2VecConfig
    options = {"vector_size": SIZE, "sample": 0.005, "window": 3, "workers": 1, **options}
    if algorithm == "word2vec":
        config = Word2VecConfig(**options)
    else:
        config = FastTextConfig(**{"min_n": 2, "max_n": 3, "bucket": 500, **options})
    words = [f"w{'xyz'[i % 3]}{i}" for i in range(n_words)]
    rows = build_subword_index(words, config)
    frozen = np.zeros(rows.n_rows, np.bool_)
    frozen[[2, rows.n_rows - 1]] = True
    counts = 10_000 // np.arange(1, n_words + 1)
    vocabulary = Vocabulary(words, counts, n_words, int(counts.sum()))
    return shared_context(config, vocabulary, rows, frozen, config.streams)


def tables_of(context: SharedContext, seed: int = 1) -> Tables:
    """Tables of numbers that bfloat16 has."""
    rng = np.random.default_rng(seed)
    found = []
    for n_rows in (context.subwords.n_rows, context.n_words):
        table = aligned_zeros(n_rows, WIDTH)
        numbers = rng.normal(0, 0.3, (n_rows, SIZE)).astype(np.float32)
        table[:, :SIZE] = reference.float32(bf16(numbers))
        found.append(table)
    return found[0], found[1]


def copied(tables: Tables) -> Tables:
    """The same, where the kernels take them."""
    copies = aligned_zeros(*tables[0].shape), aligned_zeros(*tables[1].shape)
    for copy, table in zip(copies, tables, strict=True):
        copy[:] = table
    return copies


def unpadded(tables: Tables) -> Tables:
    """The same without what fills their rows up for the kernels."""
    return tables[0][:, :SIZE].copy(), tables[1][:, :SIZE].copy()


def in_replica(
    context: SharedContext,
    text_slice: TextSlice,
    sentences: Sentences,
    tables: Tables,
    n_threads: int = 1,
) -> tuple[RequiredRows, ReplicaUpdate]:
    required = required_rows(context, text_slice, sentences[0])
    inputs, outputs = unpadded(tables)
    given = (
        RowSubset(required.inputs, [bf16(inputs)], whole=True),
        RowSubset(required.outputs, [bf16(outputs)], whole=True),
    )
    return required, train_slice(context, text_slice, sentences, required, given, n_threads)


def job_on(
    context: SharedContext, sentences: Sentences, tables: Tables, negatives: NegativeTable
) -> KernelJob:
    return build_job(
        context.config, context.n_streams, Text(*sentences, context.keep_prob),
        (context.subwords.indptr, context.subwords.indices, context.frozen),
        negatives, context.tree, tables, sum_progress=True,
    )  # fmt: skip


def train(job: KernelJob, first: int, last: int, key: int = KEY) -> None:
    with ThreadPoolExecutor(1) as pool:
        job.train(pool, (first, last), last - first, np.uint64(key), RATES, NGRAM_SCALE)


def negatives_drawn(context: SharedContext, required: RequiredRows) -> NegativeTable:
    """The negatives of a slice, drawn from among all words."""
    if context.hierarchical:
        return NO_NEGATIVES
    draws = np.zeros(context.n_words, np.int32)
    draws[required.words] = required.negative_counts
    return build_negative_table(np.cumsum(draws) / draws.sum())


def dequantized(deltas: QuantizedDeltas) -> np.ndarray:
    """The deltas, float32."""
    return deltas.deltas * deltas.scales[:, None]


@cache
def three_replicas() -> ThreeReplicas:
    """What replicas have learned from different texts, of words that not all of them have."""
    context = make("fasttext")
    tables = tables_of(context)
    updates = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.trainers.streams.MIN_STREAM_TOKENS", 32)
        for i, n_used in enumerate((20, 50, 90)):
            text_slice = TextSlice(i * 500, (i + 1) * 500, KEY, RATES, NGRAM_SCALE)
            updates.append(in_replica(context, text_slice, text(500, n_used, seed=i), tables)[1])
    return context, unpadded(tables), updates


def merged(
    table: np.ndarray,
    deltas: Sequence[QuantizedDeltas],
    basis: tuple[np.ndarray, ...],
    n_shards: int = 1,
) -> np.ndarray:
    """A table after the deltas of replicas, merged in shards."""
    after = np.empty_like(table)
    for k in range(n_shards):
        shard = read_only(table[k::n_shards].copy())
        after[k::n_shards] = merge_shard(
            shard, [shard_of(each, k, n_shards) for each in deltas], *basis
        )
    return after


def shard_of(deltas: QuantizedDeltas, number: int, n_shards: int) -> QuantizedDeltas:
    slots, rows = rows_in_shard(deltas.rows, number, n_shards)
    return QuantizedDeltas(
        rows, deltas.deltas[slots], deltas.scales[slots], deltas.curvature[slots]
    )
