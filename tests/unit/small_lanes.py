"""A small lane for the tests of lanes: words, text, tables, and what it learns of them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.distributed.merging import Steps, halved
from embedtool.distributed.replica import (
    Borrowed,
    Learnt,
    Lexicon,
    Needs,
    Piece,
    lexicon_of,
    needs_of,
    train_piece,
)
from embedtool.kernels import reference
from embedtool.kernels.sgd.arrays import MOST_LANES, Noise, Text
from embedtool.trainers.aligned import zeros
from embedtool.trainers.kernel_job import NO_NOISE, Work, noise_of, prepare
from embedtool.trainers.subwords import rows_of_words

N_WORDS = 90
SIZE, WIDTH = 20, 32
KEY = 2**64 - 1000
"""Made of seed and epoch; with the place of a piece it goes beyond 64 bits."""
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


def make(algorithm: str = "word2vec", n_words: int = N_WORDS, **options: Any) -> Lexicon:
    """Words of which some are frequent, and one row is frozen."""
    config: Word2VecConfig
    options = {"vector_size": SIZE, "sample": 0.005, "window": 3, "workers": 1, **options}
    if algorithm == "word2vec":
        config = Word2VecConfig(**options)
    else:
        config = FastTextConfig(**{"min_n": 2, "max_n": 3, "bucket": 500, **options})
    rows = rows_of_words([f"w{'xyz'[i % 3]}{i}" for i in range(n_words)], config)
    frozen = np.zeros(rows.n_rows, np.bool_)
    frozen[[2, rows.n_rows - 1]] = True
    counts = 10_000 // np.arange(1, n_words + 1)
    return lexicon_of(config, counts, rows, frozen, MOST_LANES)


def tables_of(lexicon: Lexicon, seed: int = 1) -> Tables:
    """Tables of numbers that bfloat16 has."""
    rng = np.random.default_rng(seed)
    found = []
    for n_rows in (lexicon.rows.n_rows, lexicon.n_words):
        table = zeros(n_rows, WIDTH)
        numbers = rng.normal(0, 0.3, (n_rows, SIZE)).astype(np.float32)
        table[:, :SIZE] = reference.float32(halved(numbers))
        found.append(table)
    return found[0], found[1]


def copied(tables: Tables) -> Tables:
    """The same, where the kernels take them."""
    copies = zeros(*tables[0].shape), zeros(*tables[1].shape)
    for copy, table in zip(copies, tables, strict=True):
        copy[:] = table
    return copies


def as_sent(tables: Tables) -> Tables:
    """The same without what fills their rows up for the kernels."""
    return tables[0][:, :SIZE].copy(), tables[1][:, :SIZE].copy()


def in_lane(
    lexicon: Lexicon, piece: Piece, sentences: Sentences, tables: Tables, n_threads: int = 1
) -> tuple[Needs, Learnt]:
    needs = needs_of(lexicon, piece, sentences[0])
    inputs, outputs = as_sent(tables)
    given = (
        Borrowed(needs.inputs, [halved(inputs)], whole=True),
        Borrowed(needs.outputs, [halved(outputs)], whole=True),
    )
    return needs, train_piece(lexicon, piece, sentences, needs, given, n_threads)


def work_on(lexicon: Lexicon, sentences: Sentences, tables: Tables, noise: Noise) -> Work:
    return prepare(
        lexicon.config, lexicon.n_streams, Text(*sentences, lexicon.keep),
        (lexicon.rows.starts, lexicon.rows.rows, lexicon.frozen), noise, lexicon.tree, tables,
    )  # fmt: skip


def train(work: Work, first: int, last: int, key: int = KEY) -> None:
    with ThreadPoolExecutor(1) as pool:
        work.train(pool, (first, last), last - first, np.uint64(key), RATES, DAMPING)


def noise_drawn(lexicon: Lexicon, needs: Needs) -> Noise:
    """The noise words of a piece, drawn from among all words."""
    if lexicon.hierarchical:
        return NO_NOISE
    draws = np.zeros(lexicon.n_words, np.int32)
    draws[needs.words] = needs.draws
    return noise_of(np.cumsum(draws) / draws.sum())


def steps_made(steps: Steps) -> np.ndarray:
    """The steps, float32."""
    return steps.steps * steps.scales[:, None]
