"""What the lanes of a cluster cost in accuracy, by how they are put together and how often.

    python -m benchmarks.lanes TEXT [--tasks cbow fasttext] [--lanes 2 4 8] [--rounds 6]

Trains in this process what `embedtool train --cluster` trains on nodes, lane after lane, with the
settings of `benchmarks.run`; rounds are those of one lane. The rules:

    directions  the sum of the lanes' steps, shortened by how far they went in each direction: ours
    sum         the sum of their steps
    mean        the mean of their steps
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
from embedtool.distributed import merging, replica
from embedtool.distributed.local_sgd import rounds_of
from embedtool.io.machine import n_cores
from embedtool.io.progress import silent
from embedtool.model.vectors import WordVectors
from embedtool.trainers import TRAINERS
from embedtool.trainers.kernel_job import n_streams_for
from embedtool.trainers.subwords import build_subword_index
from embedtool.trainers.training import encode_text, read_text
from embedtool.trainers.word2vec import (
    epoch_key,
    init_state,
    learning_rate_at,
    ngram_curvature_scale_at,
    word_vectors,
)

Rule = Callable[..., NDArray[np.float32]]


def mean(
    sums: NDArray[np.float32], bends: NDArray[np.float32], *directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Let a row go the mean way of the lanes that moved it."""
    return sums / np.maximum(1, np.count_nonzero(bends, axis=0))[:, None].astype(np.float32)


def sum_of_all(sums: NDArray[np.float32], *others: NDArray[np.float32]) -> NDArray[np.float32]:
    """Let a row go the sum of the ways."""
    return sums


RULES: dict[str, Rule] = {"directions": merging.shortened, "sum": sum_of_all, "mean": mean}


def config_of(name: str, seed: int) -> Word2VecConfig:
    """The options of a task."""
    task = TASKS[name]
    kind: type[Word2VecConfig] = FastTextConfig if task.algorithm == "fasttext" else Word2VecConfig
    loss = "hierarchical-softmax" if task.hierarchical else "negative-sampling"
    return kind(
        mode=task.mode, loss=loss, learning_rate=task.rate, vector_size=SIZE, window=WINDOW,
        min_count=MIN_COUNT, negative=NEGATIVE, sample=SAMPLE, epochs=EPOCHS, seed=seed,
    )  # fmt: skip


def train(config: Word2VecConfig, text: EncodedCorpus, n_lanes: int, n_rounds: int) -> WordVectors:
    """Train all lanes, one after another."""
    rows = build_subword_index(text.vocabulary.words, config)
    state = init_state(config, text, rows)
    names = "inputs", "outputs"
    inputs, outputs = (state.tables[name][:, :SIZE].copy() for name in names)
    lexicon = replica.lexicon_of(
        config, text.vocabulary.counts, rows, state.tables["frozen"], n_streams_for(text.n_tokens)
    )
    for each in rounds_of(n_rounds, config.epochs):
        damping = ngram_curvature_scale_at(config, int((each.epoch + each.begin) * text.n_tokens))
        rates = [learning_rate_at(config, each.epoch + share) for share in (each.begin, each.end)]
        key = int(epoch_key(config.seed, each.epoch))
        copies, learnt = [merging.halved(each) for each in (inputs, outputs)], []
        for lane in range(n_lanes):
            first, last = (text.n_tokens * (lane + end) // n_lanes for end in range(2))
            begin, end = (first + int((last - first) * at) for at in (each.begin, each.end))
            piece = replica.Piece(begin, end, key, (rates[0], rates[1]), damping)
            ids = np.array(text.ids[begin:end])
            inside = slice(*np.searchsorted(text.ends, (begin, end), side="right"))
            needs = replica.needs_of(lexicon, piece, ids)
            tables = (
                replica.Borrowed(needs.inputs, [copies[0]], whole=True),
                replica.Borrowed(needs.outputs, [copies[1]], whole=True),
            )
            sentences = ids, np.array(text.ends[inside]) - begin
            learnt.append(replica.train_piece(lexicon, piece, sentences, needs, tables, n_cores()))
        found = merging.directions([each.moments for each in learnt])
        inputs = merging.join(inputs, [each.inputs[0] for each in learnt], *found[0])
        outputs = merging.join(outputs, [each.outputs[0] for each in learnt], *found[1])
    for name, table in zip(names, (inputs, outputs), strict=True):
        state.tables[name][:, :SIZE] = table
    return word_vectors(config, text, rows, state)


def main() -> None:
    """Read the command line, train, print a line a training."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.lanes", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=["cbow", "fasttext"])
    parser.add_argument("--lanes", nargs="+", type=int, default=[2, 4, 8])
    parser.add_argument("--rounds", nargs="+", type=int, default=[6], help="of one lane")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--rules", nargs="+", choices=RULES, default=["directions"])
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
                for n_lanes in options.lanes:
                    for n_rounds in (n_lanes * each for each in options.rounds):
                        for rule in options.rules:
                            began = time.monotonic()
                            with mock.patch.object(merging, "shortened", RULES[rule]):
                                vectors = train(config, text, n_lanes, n_rounds)
                            print(
                                f"{task:10} seed {seed}  {n_lanes} lanes, {n_rounds:3} rounds, "
                                f"{rule:10}  {score(vectors)['google']:.4f}  "
                                f"{time.monotonic() - began:.0f} s",
                                flush=True,
                            )


if __name__ == "__main__":
    main()
