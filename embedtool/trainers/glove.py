"""GloVe: weighted least squares on the logarithm of co-occurrence counts (Pennington et al. 2014).

The pairs are cut into cells, blocks of rows by blocks of columns, which are trained in parallel:
stratified SGD (Gemulla et al. 2011). The result does not depend on the number of workers.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig
from embedtool.corpus.cells import ID
from embedtool.corpus.cooccurrence import Cell, Cooccurrence, Pairs, open_cooccurrence
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.pair_counting import CheckpointHooks, count_cooccurrence, counting_bytes
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import DivergedError
from embedtool.io.progress import Progress, Report
from embedtool.kernels.glove import BIAS, FROZEN, adagrad_update_pairs, shuffle_pairs
from embedtool.kernels.jit import load
from embedtool.model.vectors import VectorTable
from embedtool.trainers.aligned import aligned_zeros, pad_to_simd
from embedtool.trainers.checkpoint import Checkpointer
from embedtool.trainers.glove_cells import cells_in_epoch
from embedtool.trainers.resources import (
    FLOAT_BYTES,
    PAIR_BYTES,
    RUN_ENTRY_BYTES,
    ResourceEstimate,
)
from embedtool.trainers.state import State
from embedtool.trainers.warm_start import WarmStart

GROUP = 2048
"""Consecutive pairs of a cell, which concern few rows, are trained in groups of this many in random
order. With smaller groups a row is updated again before others are (the loss falls more slowly);
larger ones need more rows than the cache holds."""
GROUPS_AT_ONCE = 32
"""Groups that are shuffled at a time: their pairs fit in the cache. With 8 or 128 of them an epoch
takes 1.1 or 1.2 times as long."""

MAX_MEAN_LOSS = 300
"""Zero vectors have a loss of f(x) ln(x)^2 / 2 per pair, which is less for any count to 4e10."""

CellLoss = tuple[int, float, float]
"""The approximate number of pairs of a cell; the sum of their losses, and that of zero vectors."""


def train(
    config: GloveConfig,
    corpus: EncodedCorpus,
    folder: Path,
    report: Report,
    warm_start: WarmStart | None = None,
    checkpointer: Checkpointer | None = None,
) -> VectorTable:
    """Count the co-occurrences of a corpus and fit word vectors to them.

    The counts of an interrupted training are reused, and it is resumed from its last checkpoint.

    Parameters
    ----------
    config
        The options.
    corpus
        The text, with at least two words in some line (`check_pairs`).
    folder
        Folder for the counts.
    report
        Called with a `Progress` (see `io.progress`).
    warm_start
        Vectors to start from.
    checkpointer
        Restores and saves the state.

    Returns
    -------
    VectorTable
        The vectors that `config.output_vectors` asks for.

    Raises
    ------
    TrainingError
        If the training diverges.
    StoppedError
        If the checkpointer asks it to stop.
    """
    checkpointer = checkpointer or Checkpointer()
    state = checkpointer.restore()
    pairs = open_cooccurrence(folder) if checkpointer.folder else None
    if pairs is None:
        hooks = CheckpointHooks(lambda: checkpointer.due, checkpointer.mark_saved)
        pairs = count_cooccurrence(corpus, config, folder, report, hooks)

    def run(state: State) -> None:
        _load_kernels(pairs, state, report)
        report(start_message(config, state, pairs.n_blocks, len(pairs), pairs.cell_size))
        while state.epoch < config.epochs:
            run_epoch(config, pairs, state, report, checkpointer)

    state = checkpointer.run_with_retry(
        state,
        lambda: init_state(config, corpus.vocabulary, warm_start),
        run,
        config.learning_rate,
        lambda state: word_vectors(config, corpus.vocabulary, state),
    )
    return word_vectors(config, corpus.vocabulary, state)


def estimate_resources(
    config: GloveConfig, corpus: EncodedCorpus, warm_start: WarmStart | None = None
) -> ResourceEstimate:
    """Return the memory and disk that a training needs."""
    n_words, size = corpus.vocabulary.n_words, config.vector_size
    matrix = n_words * size * FLOAT_BYTES
    tables = 2 * n_words * 2 * half_width(size) * FLOAT_BYTES
    return ResourceEstimate.of(
        corpus,
        tables=tables,
        memory=max(counting_bytes(config, corpus.n_tokens), tables + matrix),
        model=matrix * (2 if config.output_vectors == "both" else 1),
        work=(RUN_ENTRY_BYTES + PAIR_BYTES) * corpus.n_tokens * config.window,
    )


def _load_kernels(pairs: Cooccurrence, state: State, report: Report) -> None:
    """Load the kernels, or compile them, before time is measured."""
    stored = pairs.cell(0, 0)
    ids, floats = np.empty(0, np.int32), np.empty(0, np.float32)
    load(
        shuffle_pairs, np.empty(0, np.int64), ids, *stored, ids, ids, floats, report=report
    )  # fmt: skip
    load(
        adagrad_update_pairs, ids, ids, floats, floats, state.tables["words"],
        state.tables["contexts"], np.float32(0), report=report,
    )  # fmt: skip


def start_message(
    config: GloveConfig, state: State, n_blocks: int, n_pairs: int, size: Callable[[int, int], int]
) -> Progress:
    """Return the progress with which training starts or is resumed."""
    order = cells_in_epoch(config, state.epoch + 1, n_blocks, size)
    losses = state.tables.get("losses", np.full((len(order), 2), np.nan))
    seen = sum(size(*order[i]) for i in np.flatnonzero(~np.isnan(losses[:, 0])).tolist())
    done, total = state.epoch * n_pairs + min(seen, n_pairs), config.epochs * n_pairs
    return Progress("training", done, total, "pairs", state.epoch + 1, begins=True)


def init_state(
    config: GloveConfig, vocabulary: Vocabulary, warm_start: WarmStart | None = None
) -> State:
    """Return the state before training: vectors and biases uniform in +-0.5 / vector_size.

    The tables `words` and `contexts`, float32 (n_words, width), have rows as `kernels.glove` takes
    them: the two vectors of each word, their biases, and AdaGrad's sums, which are 1.
    """
    rng = np.random.default_rng(config.seed)
    words, contexts = (_start_table(rng, vocabulary.n_words, config.vector_size) for _ in range(2))
    if warm_start is not None:
        _load_warm_start(warm_start, config, vocabulary, words, contexts)
    return State({"words": words, "contexts": contexts})


def _load_warm_start(
    warm_start: WarmStart,
    config: GloveConfig,
    vocabulary: Vocabulary,
    words: NDArray[np.float32],
    contexts: NDArray[np.float32],
) -> None:
    """Write pretrained vectors to the tables.

    If the output is the sum of both vectors, and only the sum is known or it must not change, both
    get half of it. Otherwise the word's vector is the known one, and an unknown context vector
    starts at random and is trained.
    """
    new, old = warm_start.rows(vocabulary)
    size = config.vector_size
    frozen = half_width(size) + FROZEN
    known, known_contexts = warm_start.vectors.rows[old], warm_start.vectors.context_vectors
    is_halved = config.output_vectors == "sum" and (known_contexts is None or warm_start.freeze)
    words[new, :size] = known / 2 if is_halved else known
    if is_halved:
        contexts[new, :size] = known / 2
    elif known_contexts is not None:
        contexts[new, :size] = known_contexts[old]
    if warm_start.freeze:
        words[new, frozen] = 1
        contexts[new, frozen] = is_halved or known_contexts is not None


def half_width(vector_size: int) -> int:
    """Return the length of each half of a row of the tables (see `kernels.glove`)."""
    return pad_to_simd(vector_size - BIAS)


def _start_table(rng: np.random.Generator, n_words: int, vector_size: int) -> NDArray[np.float32]:
    """Return a table of random vectors and biases, with sums of squares of 1."""
    half = half_width(vector_size)
    table = aligned_zeros(n_words, 2 * half)
    numbers = rng.random((n_words, vector_size + 1), dtype=np.float32) - np.float32(0.5)
    numbers /= np.float32(vector_size)
    table[:, :vector_size] = numbers[:, :-1]
    table[:, half + BIAS] = numbers[:, -1]
    table[:, half:] = 1
    return table


def run_epoch(
    config: GloveConfig,
    pairs: Cooccurrence,
    state: State,
    report: Report,
    checkpointer: Checkpointer | None = None,
) -> None:
    """Train on every pair once, or on the remaining pairs of an epoch.

    During the epoch the state has the table `losses`, float64 (n_cells, 2): the loss of each cell,
    in the order of training, and that of zero vectors; NaN for the remaining cells.

    Raises
    ------
    DivergedError
        If the loss is not finite, or far too high.
    StoppedError
        If the checkpointer asks it to stop.
    """
    checkpointer = checkpointer or Checkpointer()
    epoch, n_pairs = state.epoch + 1, len(pairs)
    before, total = state.epoch * n_pairs, config.epochs * n_pairs
    order = cells_in_epoch(config, epoch, pairs.n_blocks, pairs.cell_size)
    losses = state.tables.setdefault("losses", np.full((len(order), 2), np.nan))
    while np.isnan(losses).any():
        seen, loss, untrained = 0, 0.0, 0.0
        cells = _train_cells(config, pairs, state, order, checkpointer)
        for n_cell, cell_loss, cell_untrained in cells:
            seen += n_cell
            loss += cell_loss
            untrained += cell_untrained
            done = before + min(seen, n_pairs)
            report(
                Progress(
                    "training", done, total, "pairs", epoch, loss / seen,
                    untrained=untrained / seen,
                )
            )  # fmt: skip
        if np.isnan(losses).any():
            checkpointer.maybe_save(state, state.epoch)
    report(end_epoch(config, state, n_pairs))
    checkpointer.maybe_save(state, state.epoch)


def end_epoch(config: GloveConfig, state: State, n_pairs: int) -> Progress:
    """End an epoch in which all cells have been trained; return the progress.

    Raises
    ------
    DivergedError
        As `State.add_loss`, and if the last epoch's loss is above that of zero vectors: clipped
        gradients keep a diverged training finite.
    """
    loss, state.untrained_loss = (
        float(sum(each)) for each in state.tables.pop("losses").T.tolist()
    )
    state.add_loss(loss, n_pairs)
    epoch = state.epoch + 1
    if epoch == config.epochs and loss > MAX_MEAN_LOSS * n_pairs:
        raise DivergedError(f"the loss of epoch {epoch} is {loss / n_pairs:g} a pair")
    ended = Progress(
        "training", epoch * n_pairs, config.epochs * n_pairs, "pairs", epoch, state.mean_loss,
        True, untrained=state.mean_untrained_loss,
    )  # fmt: skip
    state.end_epoch()
    return ended


def _train_cells(
    config: GloveConfig,
    pairs: Cooccurrence,
    state: State,
    order: Sequence[Cell],
    checkpointer: Checkpointer,
) -> Iterator[CellLoss]:
    """Train on the remaining cells; yield the loss of each, in a fixed order.

    A cell waits only for earlier cells in the same rows or columns. So no two workers update a row
    at once, and each row is updated by the same pairs in the same order, whatever the number of
    workers (stratified SGD, Gemulla et al. 2011, section 4, without its barriers). Cells are
    started in order, so the first unfinished one has none to wait for. When a checkpoint is due, no
    further cell is started.
    """
    losses = state.tables["losses"]

    def train_next(i: int, before: list[Future[None]]) -> None:
        for earlier in before:
            earlier.result()
        if np.isnan(losses[i, 0]) and not checkpointer.due:
            losses[i] = train_cell(
                config, state.epoch + 1, order[i], pairs.cell(*order[i]),
                state.tables["words"], state.tables["contexts"], state.lr_scale,
            )  # fmt: skip

    last_in_rows: dict[int, Future[None]] = {}
    last_in_columns: dict[int, Future[None]] = {}
    futures = []
    pool = ThreadPoolExecutor(config.workers)
    try:
        for i, (row, column) in enumerate(order):
            before = [last_in_rows.get(row), last_in_columns.get(column)]
            future = pool.submit(train_next, i, [each for each in before if each])
            last_in_rows[row] = last_in_columns[column] = future
            futures.append(future)
        for i, future in enumerate(futures):
            future.result()
            if not np.isnan(losses[i, 0]):
                yield pairs.cell_size(*order[i]), *losses[i].tolist()
    finally:
        pool.shutdown(cancel_futures=True)


def train_cell(
    config: GloveConfig,
    epoch: int,
    cell: Cell,
    pairs: Pairs,
    words: NDArray[np.float32],
    contexts: NDArray[np.float32],
    lr_scale: float,
) -> tuple[float, float]:
    """Update the tables by the pairs of a cell.

    f(x) = min(1, (x / x_max)^a) is exp(min(0, a (ln x - ln x_max))).

    Parameters
    ----------
    config
        The options.
    epoch, cell
        With the seed, they determine the order of the pairs.
    pairs
        Rows, columns and counts.
    words, contexts
        The tables, updated in place.
    lr_scale
        Factor of the learning rate.

    Returns
    -------
    tuple of float
        The sum of the losses, and that of zero vectors, f(x) ln(x)^2 / 2.

    Raises
    ------
    DivergedError
        If the loss is not finite.
    """
    rows, columns, counts = pairs
    logs = np.log(counts)
    rng = np.random.default_rng((config.seed, epoch, *cell))
    firsts = rng.permutation(np.arange(0, len(rows), GROUP))
    permutation = rng.permutation(GROUP).astype(np.int32)
    n_at_once = min(GROUPS_AT_ONCE * GROUP, len(rows))
    all_rows, all_columns = np.empty(n_at_once, ID), np.empty(n_at_once, ID)
    all_logs = np.empty(n_at_once, np.float32)
    losses = np.zeros(2)
    for at in range(0, len(firsts), GROUPS_AT_ONCE):
        groups = firsts[at : at + GROUPS_AT_ONCE]
        n = shuffle_pairs(groups, permutation, rows, columns, logs, all_rows, all_columns, all_logs)
        part_logs = all_logs[:n]
        weights = part_logs - np.float32(math.log(config.x_max))
        weights *= np.float32(config.weight_exponent)
        np.exp(np.minimum(weights, 0, out=weights), out=weights)
        losses += adagrad_update_pairs(
            all_rows[:n], all_columns[:n], part_logs, weights, words, contexts,
            np.float32(lr_scale * config.learning_rate),
        )  # fmt: skip
    loss, untrained = losses.tolist()
    if not math.isfinite(loss):
        raise DivergedError(f"the loss of epoch {epoch} is not finite")
    return loss, untrained


def word_vectors(config: GloveConfig, vocabulary: Vocabulary, state: State) -> VectorTable:
    """Return a copy of the vectors that `config.output_vectors` asks for, without the biases."""
    words, contexts = (
        state.tables[name][:, : config.vector_size] for name in ("words", "contexts")
    )
    return VectorTable(
        vocabulary.words,
        words + contexts if config.output_vectors == "sum" else words.copy(),
        vocabulary.counts,
        output_matrix=contexts.copy() if config.output_vectors == "both" else None,
    )
