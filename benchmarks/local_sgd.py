"""Accuracy of local SGD, by how replicas are merged and how often.

    python -m benchmarks.local_sgd TEXT [--tasks cbow fasttext] [--replicas 2 4 8] [--syncs 6]

Trains in this process what `embedtool train --cluster` trains on nodes, replica after replica, with
the settings of `benchmarks.run`; syncs are those of one replica. The rules:

    curvature  the sum of the replicas' deltas, damped by curvature along each direction: ours
    sum        the sum of their deltas
    mean       the mean of their deltas (federated averaging)
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import machine, score
from benchmarks.tasks import EPOCHS, MIN_COUNT, NEGATIVE, SAMPLE, SIZE, TASKS, WINDOW
from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.distributed import merging
from embedtool.distributed.local_sgd import sync_schedule
from embedtool.distributed.replica import train_slice
from embedtool.distributed.row_subset import RowSubset
from embedtool.distributed.slices import (
    TextSlice,
    position_of,
    required_rows,
    shared_context,
)
from embedtool.io.machine import n_cores
from embedtool.io.progress import silent
from embedtool.kernels.sgd.curvature import ngram_scale_at
from embedtool.model.vectors import VectorTable
from embedtool.trainers import TRAINERS
from embedtool.trainers.kernel_threads import sum_losses
from embedtool.trainers.local_backend import encode_text, read_text
from embedtool.trainers.streams import n_streams_for
from embedtool.trainers.subwords import build_subword_index
from embedtool.trainers.word2vec import (
    epoch_key,
    init_state,
    learning_rate_at,
    word_vectors,
)

Rule = Callable[..., NDArray[np.float32]]
"""Takes sums of deltas and the replicas' curvature, as `merging.damp_sums` does."""


def mean(
    sums: NDArray[np.float32], curvature: NDArray[np.float32], *basis: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Return the mean of the deltas of the replicas that changed a row."""
    n_replicas = np.maximum(1, np.count_nonzero(curvature, axis=0))
    return sums / n_replicas[:, None].astype(np.float32)


def sum_of_all(sums: NDArray[np.float32], *others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the sum of the deltas."""
    return sums


RULES: dict[str, Rule] = {"curvature": merging.damp_sums, "sum": sum_of_all, "mean": mean}


def config_of(name: str, seed: int) -> Word2VecConfig:
    """Return the options of a task."""
    task = TASKS[name]
    kind: type[Word2VecConfig] = FastTextConfig if task.algorithm == "fasttext" else Word2VecConfig
    return kind(
        mode=task.mode, loss="hierarchical-softmax" if task.hierarchical else "negative-sampling",
        learning_rate=task.rate, vector_size=SIZE, window=WINDOW,
        min_count=MIN_COUNT, negative=NEGATIVE, sample=SAMPLE, epochs=EPOCHS, seed=seed,
    )  # fmt: skip


def train(
    config: Word2VecConfig, text: EncodedCorpus, n_replicas: int, n_syncs: int
) -> VectorTable:
    """Train all replicas, one after another."""
    subwords = build_subword_index(text.vocabulary.words, config)
    state = init_state(config, text.vocabulary, subwords)
    names = "inputs", "outputs"
    tables = [state.tables[name][:, :SIZE].copy() for name in names]
    context = shared_context(
        config, text.vocabulary, subwords, state.tables["frozen"],
        n_streams_for(config, text.n_tokens),
    )  # fmt: skip
    for interval in sync_schedule(n_syncs, config.epochs):
        scale = ngram_scale_at(
            int((interval.epoch + interval.begin) * text.n_tokens), config.hogwild
        )
        first_rate, last_rate = (
            learning_rate_at(config, interval.epoch + fraction)
            for fraction in (interval.begin, interval.end)
        )
        key = int(epoch_key(config.seed, interval.epoch))
        copies, updates = [merging.bf16(table) for table in tables], []
        for replica in range(n_replicas):
            begin, end = (
                position_of(text.n_tokens, n_replicas, replica, fraction)
                for fraction in (interval.begin, interval.end)
            )
            text_slice = TextSlice(begin, end, key, (first_rate, last_rate), scale)
            ids = np.array(text.ids[begin:end])
            inside = slice(*np.searchsorted(text.ends, (begin, end), side="right"))
            required = required_rows(context, text_slice, ids)
            subsets = (
                RowSubset(required.inputs, [copies[0]], whole=True),
                RowSubset(required.outputs, [copies[1]], whole=True),
            )
            sentences = ids, np.array(text.ends[inside]) - begin
            updates.append(
                train_slice(context, text_slice, sentences, required, subsets, n_cores())
            )
        bases = merging.curvature_basis([update.moments for update in updates])
        deltas = zip(*((update.inputs[0], update.outputs[0]) for update in updates), strict=True)
        tables = [
            merging.merge_shard(table, of_replicas, *basis)
            for table, of_replicas, basis in zip(tables, deltas, bases, strict=True)
        ]
        ended = interval.end == 1
        done = int(interval.end * text.n_tokens)
        state.end_chunk(*sum_losses(each.losses for each in updates), done=done, last=ended)
        if ended:
            state.end_epoch()
    for name, table in zip(names, tables, strict=True):
        state.tables[name][:, :SIZE] = table
    return word_vectors(config, text, subwords, state)


def main() -> None:
    """Read the command line, train, print a line a training."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.local_sgd", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=["cbow", "fasttext"])
    parser.add_argument("--replicas", nargs="+", type=int, default=[2, 4, 8])
    parser.add_argument("--syncs", nargs="+", type=int, default=[6], help="of one replica")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--rules", nargs="+", choices=RULES, default=["curvature"])
    options = parser.parse_args()
    print(machine())
    with TemporaryDirectory() as name:
        folder = Path(name)
        scanned = read_text(Corpus([options.text]), folder, None, None, silent)
        for task in options.tasks:
            for seed in options.seeds:
                config = config_of(task, seed)
                text = encode_text(scanned, config, folder)
                one = TRAINERS[TASKS[task].algorithm].train(config, text, folder)
                print(f"{task:10} seed {seed}  one machine  {score(one)['google']:.4f}", flush=True)
                for n_replicas in options.replicas:
                    for n_syncs in (n_replicas * each for each in options.syncs):
                        for rule in options.rules:
                            began = time.monotonic()
                            with mock.patch.object(merging, "damp_sums", RULES[rule]):
                                vectors = train(config, text, n_replicas, n_syncs)
                            print(
                                f"{task:10} seed {seed}  {n_replicas} replicas, {n_syncs:3} syncs, "
                                f"{rule:10}  {score(vectors)['google']:.4f}  "
                                f"{time.monotonic() - began:.0f} s",
                                flush=True,
                            )


if __name__ == "__main__":
    main()
