"""A small replica for tests: words, text, tables, and what it learns from them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.distributed.merging import QuantizedDeltas, bf16
from embedtool.distributed.replica import ReplicaUpdate, train_slice
from embedtool.distributed.row_subset import RowSubset
from embedtool.distributed.slices import (
    RequiredRows,
    SharedContext,
    TextSlice,
    required_rows,
    shared_context,
)
from embedtool.kernels import reference
from embedtool.kernels.sgd.arrays import MAX_STREAMS, NegativeTable, Text
from embedtool.trainers.aligned import aligned_zeros
from embedtool.trainers.kernel_job import NO_NEGATIVES, KernelJob, build_job, build_negative_table
from embedtool.trainers.subwords import build_subword_index

N_WORDS = 90
SIZE, WIDTH = 20, 32
KEY = 2**64 - 1000
"""Made of seed and epoch; with the position of a slice it goes beyond 64 bits."""
RATES = (0.2, 0.1)
DAMPING = 1.0
Sentences = tuple[np.ndarray, np.ndarray]
Tables = tuple[np.ndarray, np.ndarray]

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
    rows = build_subword_index([f"w{'xyz'[i % 3]}{i}" for i in range(n_words)], config)
    frozen = np.zeros(rows.n_rows, np.bool_)
    frozen[[2, rows.n_rows - 1]] = True
    counts = 10_000 // np.arange(1, n_words + 1)
    return shared_context(config, counts, rows, frozen, MAX_STREAMS)


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
    context: SharedContext, sentences: Sentences, tables: Tables, noise: NegativeTable
) -> KernelJob:
    return build_job(
        context.config, context.n_streams, Text(*sentences, context.keep_prob),
        (context.subwords.indptr, context.subwords.indices, context.frozen),
        noise, context.tree, tables,
    )  # fmt: skip


def train(work: KernelJob, first: int, last: int, key: int = KEY) -> None:
    with ThreadPoolExecutor(1) as pool:
        work.train(pool, (first, last), last - first, np.uint64(key), RATES, DAMPING)


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
