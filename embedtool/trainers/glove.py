"""GloVe.

In: an encoded corpus and a GloveConfig. Out: word vectors by weighted least squares on the
logarithm of the co-occurrence counts (Pennington, Socher & Manning 2014).
"""

import math
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config import GloveConfig
from embedtool.corpus.cooccurrence import Cooccurrence, count_cooccurrence
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import TrainingError
from embedtool.kernels.glove import visit_pairs
from embedtool.kernels.jit import announce
from embedtool.kernels.registers import SIMD_WIDTH
from embedtool.progress import Progress, Report
from embedtool.trainers.checkpoint import State
from embedtool.trainers.initial import Initial
from embedtool.trainers.tables import filled_up, zeros
from embedtool.vectors import WordVectors

GROUP = 2048
"""Pairs that follow each other in a cell, and so concern few rows, are visited in groups of this
many in random order. Smaller groups visit a row again before others have moved (the loss falls more
slowly); larger ones need more rows than the cache holds."""
FROZEN = 1e30
"""Where AdaGrad's sums of squares begin for a vector that is to stay: its steps are too short for a
float32 to show them."""

Cell = tuple[int, int]
"""A block of rows and a block of columns."""
Visit = tuple[int, float]
"""The number of pairs of a cell, and the sum of their losses."""


def train(
    config: GloveConfig,
    corpus: EncodedCorpus,
    folder: Path,
    report: Report,
    initial: Initial | None = None,
) -> WordVectors:
    """Count the pairs of the corpus, fit the tables to them, and take the word vectors out.

    The result is the same whatever the number of workers. Raises TrainingError where no two words
    of the vocabulary ever meet, and where the loss is not finite.
    """
    announce(visit_pairs)
    pairs = count_cooccurrence(corpus, config, folder, report)
    if not len(pairs):
        raise TrainingError("no two words stand in one line; GloVe needs lines of several words")
    state = start(config, corpus.vocabulary, initial)
    while state.epoch < config.iterations:
        run_epoch(config, pairs, state, report)
    return word_vectors(config, corpus, state)


def start(config: GloveConfig, vocabulary: Vocabulary, initial: Initial | None = None) -> State:
    """Before training: vectors and biases uniform in +-0.5 / vector_size, sums of squares 1.

    words, contexts : float32 (n_words, width), in rows as `kernels.glove` has them: the two vectors
                      of each word, their biases, and AdaGrad's sums
    """
    rng = np.random.default_rng(config.seed)
    words, contexts = (_start_table(rng, vocabulary.n_words, config.vector_size) for _ in range(2))
    if initial is not None:
        _begin_with(initial, config, vocabulary, words, contexts)
    return State({"words": words, "contexts": contexts})


def _begin_with(
    initial: Initial,
    config: GloveConfig,
    vocabulary: Vocabulary,
    words: NDArray[np.float32],
    contexts: NDArray[np.float32],
) -> None:
    """Write the vectors that are there to the tables.

    Without context vectors, both get a half, for their sum is what is known.
    """
    new, old = initial.rows(vocabulary)
    size, vectors = config.vector_size, initial.vectors
    squares = slice(filled_up(size), 2 * filled_up(size))
    known = vectors.matrix[old]
    kept = vectors.contexts
    words[new, :size] = known if kept is not None else known / 2
    contexts[new, :size] = kept[old] if kept is not None else known / 2
    if initial.freeze:
        words[new, squares] = FROZEN
        contexts[new, squares] = FROZEN


def _start_table(rng: np.random.Generator, n_words: int, vector_size: int) -> NDArray[np.float32]:
    """One table: vectors and biases at random, sums of squares 1."""
    size = filled_up(vector_size)
    table = zeros(n_words, 2 * size + SIMD_WIDTH)
    numbers = rng.random((n_words, vector_size + 1), dtype=np.float32) - np.float32(0.5)
    numbers /= np.float32(vector_size)
    table[:, :vector_size] = numbers[:, :-1]
    table[:, size : 2 * size] = 1
    table[:, 2 * size] = numbers[:, -1]
    table[:, 2 * size + 1] = 1
    return table


def run_epoch(config: GloveConfig, pairs: Cooccurrence, state: State, report: Report) -> None:
    """Visit every pair once. Raises TrainingError where the loss is not finite."""
    epoch, n_pairs = state.epoch + 1, len(pairs)
    before, total = state.epoch * n_pairs, config.iterations * n_pairs
    seen, loss = 0, 0.0
    for n_cell, cell_loss in _visit_cells(config, pairs, state, epoch):
        seen += n_cell
        loss += cell_loss
        report(Progress("training", before + seen, total, "pairs", epoch, loss / seen))
    loss /= n_pairs
    if not math.isfinite(loss):
        raise TrainingError(
            f"the loss of epoch {epoch} is {loss}; choose a smaller --learning-rate "
            f"than {config.learning_rate:g}"
        )
    state.end_epoch()
    report(Progress("training", before + seen, total, "pairs", epoch, loss, True))


def _visit_cells(
    config: GloveConfig, pairs: Cooccurrence, state: State, epoch: int
) -> Iterator[Visit]:
    """Visit every cell; yields what came of each, in a fixed order.

    A cell waits for those before it in the same rows and in the same columns, and for no others: so
    workers cannot meet, and each row is changed by the same pairs in the same order, however many
    workers there are (stratified SGD, Gemulla et al. 2011, section 4, without its barriers). As
    cells are begun in their order, the first that is unfinished has none to wait for.
    """

    def visit(cell: Cell, before: list[Future[Visit]]) -> Visit:
        for earlier in before:
            earlier.result()
        return _visit_cell(config, pairs, state, epoch, cell)

    last_in_rows: dict[int, Future[Visit]] = {}
    last_in_columns: dict[int, Future[Visit]] = {}
    visits = []
    pool = ThreadPoolExecutor(config.workers)
    try:
        for row, column in cells(pairs, np.random.default_rng((config.seed, epoch))):
            before = [last_in_rows.get(row), last_in_columns.get(column)]
            future = pool.submit(visit, (row, column), [each for each in before if each])
            last_in_rows[row] = last_in_columns[column] = future
            visits.append(future)
        for future in visits:
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def cells(pairs: Cooccurrence, rng: np.random.Generator) -> Iterator[Cell]:
    """The cells of an epoch that hold pairs, in random order.

    They come in rounds that share no row and no column, so that there are always some that wait for
    none; of each round the largest first.
    """
    n = pairs.n_blocks
    rows, columns = rng.permutation(n).tolist(), rng.permutation(n).tolist()
    for shift in rng.permutation(n).tolist():
        in_round = [(rows[i], columns[(i + shift) % n]) for i in range(n)]
        filled = [cell for cell in in_round if pairs.cell_size(*cell)]
        yield from sorted(filled, key=lambda cell: -pairs.cell_size(*cell))


def _visit_cell(
    config: GloveConfig, pairs: Cooccurrence, state: State, epoch: int, cell: Cell
) -> Visit:
    """Visit the pairs of a cell.

    f(x) = min(1, (x / x_max)^a) is exp(min(0, a (ln x - ln x_max))), worked out in place: to get
    memory for what lies between would take longer.
    """
    rows, columns, counts = pairs.cell(*cell)
    order = visiting_order(len(counts), np.random.default_rng((config.seed, epoch, *cell)))
    logs = np.log(counts)
    weights = logs - np.float32(math.log(config.x_max))
    weights *= np.float32(config.weight_exponent)
    np.exp(np.minimum(weights, 0, out=weights), out=weights)
    loss = visit_pairs(
        order, rows, columns, logs, weights,
        state.tables["words"], state.tables["contexts"], np.float32(config.learning_rate),
    )  # fmt: skip
    return len(counts), loss


def visiting_order(n: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """0 to n - 1, int32 (n,): groups in random order, and each shuffled by the same permutation."""
    firsts = rng.permutation(np.arange(0, n, GROUP, dtype=np.int32))
    order = (firsts[:, None] + rng.permutation(GROUP).astype(np.int32)).ravel()
    return order[order < n]


def word_vectors(config: GloveConfig, corpus: EncodedCorpus, state: State) -> WordVectors:
    """The vectors that `config.output_vectors` asks for, without the biases."""
    words, contexts = (
        state.tables[name][:, : config.vector_size] for name in ("words", "contexts")
    )
    vocabulary = corpus.vocabulary
    return WordVectors(
        vocabulary.words,
        words + contexts if config.output_vectors == "sum" else np.ascontiguousarray(words),
        vocabulary.counts,
        contexts=np.ascontiguousarray(contexts) if config.output_vectors == "both" else None,
    )
