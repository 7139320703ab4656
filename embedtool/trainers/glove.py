"""GloVe.

In: an encoded corpus and a GloveConfig. Out: word vectors by weighted least squares on the
logarithm of the co-occurrence counts (Pennington, Socher & Manning 2014).
"""

import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import GloveConfig
from embedtool.corpus.cooccurrence import (
    Cell,
    CheckpointHooks,
    Cooccurrence,
    Pairs,
    count_cooccurrence,
    open_cooccurrence,
)
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import DivergedError
from embedtool.io.progress import Progress, Report
from embedtool.kernels.glove import adagrad_update_pairs
from embedtool.kernels.jit import load
from embedtool.kernels.simd.registers import SIMD_WIDTH
from embedtool.model.vectors import WordVectors
from embedtool.trainers.aligned import aligned_zeros, pad_to_simd
from embedtool.trainers.checkpoint import Checkpointer, State
from embedtool.trainers.warm_start import WarmStart

GROUP = 2048
"""Pairs that follow each other in a cell, and so concern few rows, are visited in groups of this
many in random order. Smaller groups visit a row again before others have moved (the loss falls more
slowly); larger ones need more rows than the cache holds."""

MAX_MEAN_LOSS = 300
"""Zeros everywhere have a loss of f(x) ln(x)^2 / 2 a pair, which is less for any count to 4e10."""

CellLoss = tuple[int, float, float]
"""About how many pairs a cell has, the sum of their losses, and that of zeros."""


def train(
    config: GloveConfig,
    corpus: EncodedCorpus,
    folder: Path,
    report: Report,
    initial: WarmStart | None = None,
    checkpointer: Checkpointer | None = None,
) -> WordVectors:
    """Count the pairs of the corpus, fit the tables to them, and take the word vectors out.

    What was counted is not counted again, and training begins with the last checkpoint. The result
    is the same whatever the number of workers. Some two words must stand in one line, as
    `check_pairs` has it. Raises TrainingError where the training diverges, StoppedError where it is
    to stop.
    """
    checkpointer = checkpointer or Checkpointer()
    state = checkpointer.restore()
    pairs = open_cooccurrence(folder) if checkpointer.folder else None
    if pairs is None:
        hooks = CheckpointHooks(lambda: checkpointer.due, checkpointer.mark_saved)
        pairs = count_cooccurrence(corpus, config, folder, report, hooks)

    def run(state: State) -> None:
        _load_kernel(pairs, state)
        report(start_message(config, state, pairs.n_blocks, len(pairs), pairs.cell_size))
        while state.epoch < config.iterations:
            run_epoch(config, pairs, state, report, checkpointer)

    state = checkpointer.run_with_retry(
        state, lambda: init_state(config, corpus.vocabulary, initial), run, config.learning_rate
    )
    return word_vectors(config, corpus.vocabulary, state)


def _load_kernel(pairs: Cooccurrence, state: State) -> None:
    """Have the kernel compiled, or loaded where it has been, before time is taken."""
    rows, columns, _ = pairs.cell(0, 0)
    floats = np.empty(0, np.float32)
    load(
        adagrad_update_pairs, np.empty(0, np.int32), rows, columns, floats, floats,
        state.tables["words"], state.tables["contexts"], np.float32(0),
    )  # fmt: skip


def start_message(
    config: GloveConfig, state: State, n_blocks: int, n_pairs: int, size: Callable[[int, int], int]
) -> Progress:
    """The message that training begins, or goes on where it was interrupted."""
    order = cells_in_epoch(config, state.epoch + 1, n_blocks, size)
    losses = state.tables.get("losses", np.full((len(order), 2), np.nan))
    seen = sum(size(*order[i]) for i in np.flatnonzero(~np.isnan(losses[:, 0])).tolist())
    done, total = state.epoch * n_pairs + min(seen, n_pairs), config.iterations * n_pairs
    return Progress("training", done, total, "pairs", state.epoch + 1, begins=True)


def init_state(
    config: GloveConfig, vocabulary: Vocabulary, initial: WarmStart | None = None
) -> State:
    """Before training: vectors and biases uniform in +-0.5 / vector_size, sums of squares 1.

    words, contexts : float32 (n_words, width), in rows as `kernels.glove` has them: the two vectors
                      of each word, their biases, and AdaGrad's sums
    """
    rng = np.random.default_rng(config.seed)
    words, contexts = (_start_table(rng, vocabulary.n_words, config.vector_size) for _ in range(2))
    if initial is not None:
        _load_pretrained(initial, config, vocabulary, words, contexts)
    return State({"words": words, "contexts": contexts})


def _load_pretrained(
    initial: WarmStart,
    config: GloveConfig,
    vocabulary: Vocabulary,
    words: NDArray[np.float32],
    contexts: NDArray[np.float32],
) -> None:
    """Write the vectors that are there to the tables.

    Where the sum of both vectors is the result, and is all that is known or has to stay, both get a
    half of it. Else the word's vector is what is known, and a context vector that is not known
    begins at random and learns.
    """
    new, old = initial.rows(vocabulary)
    size = config.vector_size
    frozen = 2 * pad_to_simd(size) + 2
    known, kept = initial.vectors.matrix[old], initial.vectors.context_vectors
    is_halved = config.output_vectors == "sum" and (kept is None or initial.freeze)
    words[new, :size] = known / 2 if is_halved else known
    if is_halved:
        contexts[new, :size] = known / 2
    elif kept is not None:
        contexts[new, :size] = kept[old]
    if initial.freeze:
        words[new, frozen] = 1
        contexts[new, frozen] = is_halved or kept is not None


def _start_table(rng: np.random.Generator, n_words: int, vector_size: int) -> NDArray[np.float32]:
    """One table: vectors and biases at random, sums of squares 1."""
    size = pad_to_simd(vector_size)
    table = aligned_zeros(n_words, 2 * size + SIMD_WIDTH)
    numbers = rng.random((n_words, vector_size + 1), dtype=np.float32) - np.float32(0.5)
    numbers /= np.float32(vector_size)
    table[:, :vector_size] = numbers[:, :-1]
    table[:, size : 2 * size] = 1
    table[:, 2 * size] = numbers[:, -1]
    table[:, 2 * size + 1] = 1
    return table


def run_epoch(
    config: GloveConfig,
    pairs: Cooccurrence,
    state: State,
    report: Report,
    checkpointer: Checkpointer | None = None,
) -> None:
    """Visit every pair once, or those that are left of an epoch.

    While it goes on the state has the table `losses`, float64 (n_cells, 2): that of each cell in
    the order of visiting, and that of zeros, NaN where it has not been visited. Raises
    DivergedError, and StoppedError where the training is to stop.
    """
    checkpointer = checkpointer or Checkpointer()
    epoch, n_pairs = state.epoch + 1, len(pairs)
    before, total = state.epoch * n_pairs, config.iterations * n_pairs
    order = cells_in_epoch(config, epoch, pairs.n_blocks, pairs.cell_size)
    losses = state.tables.setdefault("losses", np.full((len(order), 2), np.nan))
    while np.isnan(losses).any():
        seen, loss, untrained = 0, 0.0, 0.0
        visits = _train_cells(config, pairs, state, order, checkpointer)
        for n_cell, cell_loss, cell_untrained in visits:
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
    """End an epoch all of whose cells have a loss; returns the message of its end.

    Raises DivergedError as `State.add`, and where the last epoch's loss is worthless: clipped
    gradients keep a training finite that has diverged.
    """
    loss, state.untrained_loss = (
        float(sum(each)) for each in state.tables.pop("losses").T.tolist()
    )
    state.add_loss(loss, n_pairs)
    epoch = state.epoch + 1
    if epoch == config.iterations and loss > MAX_MEAN_LOSS * n_pairs:
        raise DivergedError(f"the loss of epoch {epoch} is {loss / n_pairs:g} a pair")
    ended = Progress(
        "training", epoch * n_pairs, config.iterations * n_pairs, "pairs", epoch, state.mean_loss,
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
    """Visit the cells that have not been visited; yields what came of each, in a fixed order.

    A cell waits for those before it in the same rows and in the same columns, and for no others: so
    workers cannot meet, and each row is changed by the same pairs in the same order, however many
    workers there are (stratified SGD, Gemulla et al. 2011, section 4, without its barriers). As
    cells are begun in their order, the first that is unfinished has none to wait for. When a
    checkpoint is due no further cell is begun, so none whose forerunners are missing.
    """
    losses = state.tables["losses"]

    def visit(i: int, before: list[Future[None]]) -> None:
        for earlier in before:
            earlier.result()
        if np.isnan(losses[i, 0]) and not checkpointer.due:
            losses[i] = train_cell(
                config, state.epoch + 1, order[i], pairs.cell(*order[i]),
                state.tables["words"], state.tables["contexts"], state.lr_scale,
            )  # fmt: skip

    last_in_rows: dict[int, Future[None]] = {}
    last_in_columns: dict[int, Future[None]] = {}
    visits = []
    pool = ThreadPoolExecutor(config.workers)
    try:
        for i, (row, column) in enumerate(order):
            before = [last_in_rows.get(row), last_in_columns.get(column)]
            future = pool.submit(visit, i, [each for each in before if each])
            last_in_rows[row] = last_in_columns[column] = future
            visits.append(future)
        for i, future in enumerate(visits):
            future.result()
            if not np.isnan(losses[i, 0]):
                yield pairs.cell_size(*order[i]), *losses[i].tolist()
    finally:
        pool.shutdown(cancel_futures=True)


def cells_in_epoch(
    config: GloveConfig, epoch: int, n_blocks: int, size: Callable[[int, int], int]
) -> list[Cell]:
    """The cells of an epoch that hold pairs, in the order of visiting, given their sizes.

    They come in rounds that share no row and no column, so that there are always some that wait for
    none; of each round the largest first. What stands in place p of the rows meets in a round what
    stands in place p ^ shift of the columns. The lowest bit of the shift changes once in an epoch,
    the next one twice, and so on: with the places in groups by their lowest bits, all cells of a
    group of rows and a group of columns are visited before that group of columns moves on to
    another group of rows. Which columns are in a group is drawn anew for each epoch; rows stay in
    groups by their lowest bits, as they are in those of their places, and so may their pairs.
    """
    n_bits = (n_blocks - 1).bit_length()
    n = 1 << n_bits
    rows, columns = _rows_by_place(config, epoch, n_bits), columns_by_place(config, epoch, n_blocks)
    order: list[Cell] = []
    for turn in range(n):
        shift = sum((turn >> bit & 1) << n_bits - 1 - bit for bit in range(n_bits))
        in_round = [(rows[place], columns[place ^ shift]) for place in range(n)]
        filled = [cell for cell in in_round if max(cell) < n_blocks and size(*cell)]
        order += sorted(filled, key=lambda cell: -size(*cell))
    return order


def columns_by_place(config: GloveConfig, epoch: int, n_blocks: int) -> list[int]:
    """Which block of columns stands in each place in an epoch; from `n_blocks` on there is none."""
    rng = np.random.default_rng((config.seed, epoch, 0))
    return [int(column) for column in rng.permutation(1 << (n_blocks - 1).bit_length())]


def _rows_by_place(config: GloveConfig, epoch: int, n_bits: int) -> list[int]:
    """Which block of rows stands in each place: each bit is flipped or not, as lower ones decide.

    So the places of equal lowest bits are those of blocks of equal lowest bits.
    """
    rng = np.random.default_rng((config.seed, epoch, 1))
    rows = [0]
    for bit in range(n_bits):
        flips = rng.integers(2, size=len(rows)).tolist()
        rows = [
            row | (high ^ flip) << bit
            for high in range(2)
            for row, flip in zip(rows, flips, strict=True)
        ]
    return rows


def train_cell(
    config: GloveConfig,
    epoch: int,
    cell: Cell,
    pairs: Pairs,
    words: NDArray[np.float32],
    contexts: NDArray[np.float32],
    rate: float,
) -> tuple[float, float]:
    """Visit the pairs of a cell in an epoch, updating the tables.

    rate : what the learning rate is multiplied by
    Returns the sum of their losses, and that of zeros, f(x) ln(x)^2 / 2. Raises DivergedError where
    the first is not finite.

    f(x) = min(1, (x / x_max)^a) is exp(min(0, a (ln x - ln x_max))), worked out in place: to get
    memory for what lies between would take longer.
    """
    rows, columns, counts = pairs
    seed = (config.seed, epoch, *cell)
    order = update_order(len(counts), np.random.default_rng(seed))
    logs = np.log(counts)
    weights = logs - np.float32(math.log(config.x_max))
    weights *= np.float32(config.weight_exponent)
    np.exp(np.minimum(weights, 0, out=weights), out=weights)
    loss: float = adagrad_update_pairs(
        order, rows, columns, logs, weights, words, contexts,
        np.float32(rate * config.learning_rate),
    )  # fmt: skip
    if not math.isfinite(loss):
        raise DivergedError(f"the loss of epoch {epoch} is not finite")
    np.square(logs, out=logs)
    logs *= weights
    return loss, float(logs.sum(dtype=np.float64)) / 2


def update_order(n: int, rng: np.random.Generator) -> NDArray[np.int32]:
    """0 to n - 1, int32 (n,): groups in random order, and each shuffled by the same permutation."""
    firsts = rng.permutation(np.arange(0, n, GROUP, dtype=np.int32))
    order = (firsts[:, None] + rng.permutation(GROUP).astype(np.int32)).ravel()
    return order[order < n]


def word_vectors(config: GloveConfig, vocabulary: Vocabulary, state: State) -> WordVectors:
    """The vectors that `config.output_vectors` asks for, without the biases."""
    words, contexts = (
        state.tables[name][:, : config.vector_size] for name in ("words", "contexts")
    )
    return WordVectors(
        vocabulary.words,
        words + contexts if config.output_vectors == "sum" else np.ascontiguousarray(words),
        vocabulary.counts,
        output_matrix=np.ascontiguousarray(contexts) if config.output_vectors == "both" else None,
    )
