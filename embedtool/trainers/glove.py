"""GloVe.

In: an encoded corpus and a GloveConfig. Out: word vectors by weighted least squares on the
logarithm of the co-occurrence counts (Pennington, Socher & Manning 2014).
"""

import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config import GloveConfig
from embedtool.corpus.cooccurrence import Cooccurrence, count_cooccurrence
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.errors import TrainingError
from embedtool.kernels.glove import visit_pairs
from embedtool.progress import Progress, Report
from embedtool.vectors import WordVectors

Cell = tuple[int, int]


@dataclass(frozen=True)
class Tables:
    """What GloVe learns, each float32 (n_words, vector_size + 1), the last column the bias.

    words, contexts : the two vectors of each word
    words_sq, contexts_sq : AdaGrad's sums of squared gradients
    """

    words: NDArray[np.float32]
    contexts: NDArray[np.float32]
    words_sq: NDArray[np.float32]
    contexts_sq: NDArray[np.float32]


def train(config: GloveConfig, corpus: EncodedCorpus, folder: Path, report: Report) -> WordVectors:
    """Count the pairs of the corpus, fit the tables to them, and take the word vectors out.

    The result is the same whatever the number of workers. Raises TrainingError where no two words
    of the vocabulary ever meet, and where the loss is not finite.
    """
    pairs = count_cooccurrence(corpus, config, folder, report)
    n_pairs = len(pairs)
    if not n_pairs:
        raise TrainingError("no two words stand in one line; GloVe needs lines of several words")
    tables = start(config, corpus.vocabulary.n_words)
    total = n_pairs * config.iterations
    for epoch in range(1, config.iterations + 1):
        seen, loss = 0, 0.0
        for n_cell, cell_loss in _epoch(config, pairs, tables, epoch):
            seen += n_cell
            loss += cell_loss
            done = (epoch - 1) * n_pairs + seen
            report(Progress("training", done, total, "pairs", epoch, loss / max(seen, 1)))
        loss /= n_pairs
        if not math.isfinite(loss):
            raise TrainingError(
                f"the loss of epoch {epoch} is {loss}; choose a smaller --learning-rate "
                f"than {config.learning_rate:g}"
            )
        report(Progress("training", epoch * n_pairs, total, "pairs", epoch, loss, True))
    return word_vectors(config, corpus, tables)


def start(config: GloveConfig, n_words: int) -> Tables:
    """The tables before training: uniform in +-0.5 / vector_size, sums of squares 1."""
    rng = np.random.default_rng(config.seed)
    shape = (n_words, config.vector_size + 1)
    words, contexts = (
        (rng.random(shape, dtype=np.float32) - np.float32(0.5)) / np.float32(config.vector_size)
        for _ in range(2)
    )
    return Tables(words, contexts, np.ones_like(words), np.ones_like(contexts))


def _epoch(
    config: GloveConfig, pairs: Cooccurrence, tables: Tables, epoch: int
) -> Iterator[tuple[int, float]]:
    """Visit every pair once; yields the number of pairs and the sum of losses of each round.

    The cells of a round share no row and no column, so that workers cannot meet and their order
    does not matter (stratified SGD, Gemulla et al. 2011, section 4).
    """

    def visit(cell: Cell) -> tuple[int, float]:
        rows, columns, counts = pairs.cell(*cell)
        order = np.random.default_rng((config.seed, epoch, *cell)).permutation(len(rows))
        loss = visit_pairs(
            rows[order], columns[order], counts[order],
            tables.words, tables.contexts, tables.words_sq, tables.contexts_sq,
            np.float32(config.x_max), np.float32(config.weight_exponent),
            np.float32(config.learning_rate),
        )  # fmt: skip
        return len(rows), loss

    with ThreadPoolExecutor(config.workers) as pool:
        for cells in rounds(pairs, np.random.default_rng((config.seed, epoch))):
            visits = list(pool.map(visit, cells))
            yield sum(n for n, _ in visits), math.fsum(loss for _, loss in visits)


def rounds(pairs: Cooccurrence, rng: np.random.Generator) -> Iterator[list[Cell]]:
    """The cells of an epoch in rounds that share no row and no column, the largest cell first."""
    n = pairs.n_blocks
    rows, columns = rng.permutation(n), rng.permutation(n)
    for shift in rng.permutation(n):
        cells = [(int(rows[i]), int(columns[(i + shift) % n])) for i in range(n)]
        filled = [cell for cell in cells if pairs.cell_size(*cell)]
        yield sorted(filled, key=lambda cell: -pairs.cell_size(*cell))


def word_vectors(config: GloveConfig, corpus: EncodedCorpus, tables: Tables) -> WordVectors:
    """The vectors that `config.output_vectors` asks for, without the biases."""
    words, contexts = tables.words[:, :-1], tables.contexts[:, :-1]
    vocabulary = corpus.vocabulary
    return WordVectors(
        vocabulary.words,
        words + contexts if config.output_vectors == "sum" else np.ascontiguousarray(words),
        vocabulary.counts,
        contexts=np.ascontiguousarray(contexts) if config.output_vectors == "both" else None,
    )
