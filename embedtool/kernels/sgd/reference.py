"""The executable specification of Word2Vec and FastText: word by word, pair by pair, in float64.

`train_chunk` takes what the kernel of that name takes and must leave the same in the tables,
whatever the number of threads. The equations have the numbers of docs/design/learning-rule.md;
the damping rule is stated here once more, independently.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    MINIBATCH_TOKENS,
    Chunk,
    Options,
    SharedArrays,
    Tree,
    WordRows,
)
from embedtool.kernels.sgd.curvature import HS_CURVATURE_SCALE
from embedtool.kernels.sgd.hierarchical import HS_MAX_SCORE
from embedtool.kernels.sgd.logistic import MAX_SCORE

Vector = NDArray[np.float64]
UINT64_MASK = 2**64 - 1


class Token(NamedTuple):
    """A token that subsampling keeps: its word, and the indices of its context in the stream."""

    word: int
    context: list[int]


class Trials(NamedTuple):
    """The trials of an output row with a token: w of them, t of them positive."""

    row: int
    token: int
    t: float
    w: float


class OutputStep(NamedTuple):
    """Trials that are scored from the same output rows, which move afterwards.

    Each row that they move is the next one's, but `at_once` all hidden deltas are computed first.
    """

    trials: list[Trials]
    at_once: bool


class CachedRows:
    """A minibatch's copies of rows: their values, those before, and their curvature."""

    def __init__(self) -> None:
        self.values: dict[int, Vector] = {}
        self.snapshot: dict[int, Vector] = {}
        self.sq_norms: dict[int, float] = {}
        self.curvature: dict[int, float] = {}

    def add(self, row: int, vector: Vector) -> None:
        """Copy a row, unless it is there."""
        if row not in self.values:
            self.values[row], self.snapshot[row] = vector.copy(), vector.copy()
            self.sq_norms[row], self.curvature[row] = float(vector @ vector), 0.0

    def damping(self, row: int) -> float:
        """Return the factor of an update within the minibatch."""
        return damping(self.curvature[row])  # (3) 1 / max(1, K_k)


class Delta(NamedTuple):
    """What a stream adds to a row, with the curvature of its minibatch.

    `word` is the word that the row is updated with; an output row is its own.
    """

    row: int
    delta: Vector
    curvature: float
    word: int


def damping(curvature: float) -> float:
    """Return 1 / max(1, curvature)."""
    return 1 / max(1.0, curvature)


def splitmix64(key: int) -> int:
    """Return 64 random bits for a key (Steele, Lea & Flood 2014, figure 16)."""
    bits = (key + 0x9E3779B97F4A7C15) & UINT64_MASK
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & UINT64_MASK
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & UINT64_MASK
    return bits ^ (bits >> 31)


def uniform01(bits: int) -> float:
    """Return 64 random bits as a number in [0, 1)."""
    return (bits >> 11) / 2**53


def subsample(start: int, stop: int, key: int, shared: SharedArrays) -> list[Token]:
    """Return the tokens of [start, stop) that are kept, with their contexts."""
    text, options = shared.text, shared.options
    kept: list[tuple[int, int, int]] = []
    for position in range(start, stop):
        word, bits = int(text.ids[position]), splitmix64(key + position)
        if uniform01(bits) < text.keep_prob[word]:
            width = options.window
            if options.shrink_windows:
                width = 1 + int(uniform01(splitmix64(bits)) * options.window)
            sentence = int(np.searchsorted(text.ends, position, side="right"))
            kept.append((word, width, sentence))
    tokens = []
    for i, (word, width, sentence) in enumerate(kept):
        around = range(max(0, i - width), min(len(kept), i + width + 1))
        tokens.append(Token(word, [j for j in around if j != i and kept[j][2] == sentence]))
    return tokens


def train_chunk(
    n_streams: int, chunk: Chunk, shared: SharedArrays, inputs: Vector, outputs: Vector
) -> tuple[float, int, float]:
    """Train on a chunk of text.

    Parameters
    ----------
    n_streams
        Streams of a superstep; 1 for Hogwild.
    chunk
        The tokens and the learning rate.
    shared
        The text and the options. Its tables are not used.
    inputs, outputs
        float64, the tables, updated in place.

    Returns
    -------
        The sum of the losses, the number of pairs and the sum of the trials.
    """
    part, options, words = chunk.tokens_per_stream, shared.options, shared.words
    key, scale = int(chunk.key), float(chunk.ngram_scale)
    firsts = [min(chunk.start + stream * part, chunk.stop) for stream in range(n_streams)]
    streams = [subsample(first, min(first + part, chunk.stop), key, shared) for first in firsts]
    n_supersteps = max(-(-len(stream) // MINIBATCH_TOKENS) for stream in streams)
    loss, pairs, n_trials = 0.0, 0, 0.0
    for superstep in range(n_supersteps):
        lr = chunk.first_lr + (chunk.last_lr - chunk.first_lr) * superstep / n_supersteps
        input_deltas, output_deltas = list[Delta](), list[Delta]()
        word_progress: dict[int, float] = defaultdict(float)  # (5) P = sum_r min(1, K_r)
        output_progress: dict[int, float] = defaultdict(float)
        for stream, tokens in enumerate(streams):
            batch = range(len(tokens))[superstep * MINIBATCH_TOKENS :][:MINIBATCH_TOKENS]
            cached_in, cached_out = CachedRows(), CachedRows()
            position = splitmix64(key) + chunk.start + stream * part + batch.start
            for word in {tokens[j].word for i in batch for j in _input_tokens(tokens, i, options)}:
                cached_in.add(word, inputs[_rows(words, word)].sum(axis=0))
            n_parts = 1
            if (
                options.cbow and not options.mean
            ):  # input rows move after every fourth of the tokens
                n_parts = -(-len(batch) // MICROBATCH_TOKENS)
            for number in range(n_parts):
                members = batch[number::n_parts]
                steps = _steps(tokens, members, position + number * MICROBATCH_TOKENS, shared)
                for each in (each for step in steps for each in step.trials):
                    n_trials += each.w
                    cached_out.add(each.row, outputs[each.row])
                loss += _train_part(tokens, members, steps, lr, shared, cached_in, cached_out)
            pairs += sum(_n_pairs(tokens[i], options) for i in batch)
            for word, value in cached_in.values.items():
                delta = (value - cached_in.snapshot[word]) / max(1, words.n_trainable[word])
                curvature = cached_in.curvature[word]
                word_progress[word] += min(1.0, curvature)
                input_deltas += [Delta(row, delta, curvature, word) for row in _rows(words, word)]
            for row, value in cached_out.values.items():
                curvature = cached_out.curvature[row]
                output_progress[row] += min(1.0, curvature)
                output_deltas.append(Delta(row, value - cached_out.snapshot[row], curvature, row))
        input_deltas = [each for each in input_deltas if not words.frozen[each.row]]
        apply_updates(inputs, input_deltas, word_progress, scale)
        apply_updates(outputs, output_deltas, output_progress, 1.0)
    return loss, pairs, n_trials


def apply_updates(
    table: Vector, deltas: Sequence[Delta], word_progress: dict[int, float], scale: float
) -> None:
    """Add the deltas of all streams to their rows.

    (5) theta += sum_r d_r / max(1, P), and for rows that several words share
    (6) theta += sum_w D_w / max(1, c sum_w min(1, P_w)), where c is `scale`
    """
    row_progress: dict[int, float] = defaultdict(float)
    for each in deltas:
        row_progress[each.row] += min(1.0, each.curvature) * damping(word_progress[each.word])
    for each in deltas:
        within_word = damping(word_progress[each.word])
        table[each.row] += each.delta * within_word * damping(scale * row_progress[each.row])


def _n_pairs(token: Token, options: Options) -> int:
    return min(len(token.context), 1) if options.cbow else len(token.context)


def _input_tokens(tokens: Sequence[Token], i: int, options: Options) -> list[int]:
    """Return the tokens whose vectors make up the hidden vector of token i."""
    return tokens[i].context if options.cbow else [i]


def _targets(tokens: Sequence[Token], i: int, options: Options) -> list[int]:
    """Return the words that the hidden vector of token i predicts."""
    if options.cbow:
        return [tokens[i].word] if tokens[i].context else []
    return [tokens[j].word for j in tokens[i].context]


def _rows(words: WordRows, word: int) -> list[int]:
    rows: list[int] = words.indices[words.indptr[word] : words.indptr[word + 1]].tolist()
    return rows


def _hidden(
    tokens: Sequence[Token], i: int, words: WordRows, options: Options, cached_in: CachedRows
) -> tuple[Vector, float]:
    """Return the hidden vector of token i, and how far it moves when all its rows move by 1."""
    sources = [tokens[j].word for j in _input_tokens(tokens, i, options)]
    n_rows = sum(len(_rows(words, word)) for word in sources)
    weight = 1.0 if options.cbow and not options.mean else 1 / n_rows
    return weight * np.sum([cached_in.values[word] for word in sources], axis=0), weight * n_rows


def _steps(
    tokens: Sequence[Token], batch: range, position: int, shared: SharedArrays
) -> list[OutputStep]:
    """Return the trials of some tokens, in the steps after each of which output rows move.

    Hierarchical softmax: those of one token after another, group by group. Negative sampling: the
    negatives of each group of tokens, then the targets of each microbatch.
    """
    predicting = [i for i in batch if tokens[i].context]
    targets = {i: _targets(tokens, i, shared.options) for i in predicting}
    n_groups = -(-len(batch) // MICROBATCH_TOKENS)
    if shared.options.hierarchical:
        by_group = [i for group in range(n_groups) for i in batch[group::n_groups]]
        return [_path_trials(i, targets[i], shared) for i in by_group if i in targets]
    steps = list[OutputStep]()
    for group in range(n_groups):
        key = splitmix64(position + group * MICROBATCH_TOKENS)
        members = [i for i in batch[group::n_groups] if i in targets]
        steps.append(_negative_trials(key, {i: targets[i] for i in members}, shared))
    for group in range(n_groups):
        microbatch = batch[group * MICROBATCH_TOKENS :][:MICROBATCH_TOKENS]
        pairs = [Trials(word, i, 1, 1) for i in microbatch for word in targets.get(i, ())]
        steps.append(OutputStep(pairs, at_once=False))
    return steps


def _path_trials(i: int, targets: Sequence[int], shared: SharedArrays) -> OutputStep:
    """Return the trials of a token with hierarchical softmax."""
    nodes = [node for word in targets for node in huffman_path(shared.tree, word)]
    trials, positives = Counter(row for row, _ in nodes), Counter(row for row, bit in nodes if bit)
    return OutputStep(
        [Trials(row, i, positives[row], w) for row, w in trials.items()], at_once=True
    )


def _negative_trials(key: int, targets: dict[int, list[int]], shared: SharedArrays) -> OutputStep:
    """Return the trials of a group of tokens with its negatives: eq. (4)."""
    options, (accept, alias) = shared.options, shared.negatives
    drawn = Counter[int]()
    for k in range(options.n_shared_negatives):
        position = uniform01(splitmix64((key + k) & UINT64_MASK)) * len(accept)
        number = int(position)
        drawn[number if position - number < accept[number] else int(alias[number])] += 1
    weight = options.negative / options.n_shared_negatives
    # (4) w_ri = sum_k negative / n_shared * pairs of i whose target is not r
    trials = [
        Trials(row, i, 0, n * weight * sum(word != row for word in words))
        for row, n in drawn.items()
        for i, words in targets.items()
    ]
    return OutputStep(trials, at_once=True)


def huffman_path(tree: Tree, word: int) -> list[tuple[int, bool]]:
    """Return the inner nodes above a word, each with the bit of the word's code there."""
    root = len(tree.parents) - 1
    n_words = root // 2 + 1
    path, node = [], word
    while node != root:
        path.append((int(tree.parents[node]) - n_words, bool(tree.bit[node])))
        node = int(tree.parents[node])
    return path


def _train_part(
    tokens: Sequence[Token],
    batch: range,
    steps: Sequence[OutputStep],
    lr: float,
    shared: SharedArrays,
    cached_in: CachedRows,
    cached_out: CachedRows,
) -> float:
    """Update the copies; return the sum of the losses of the steps, each before its own update."""
    words, options = shared.words, shared.options
    predicting = [i for i in batch if tokens[i].context]
    hidden = {i: _hidden(tokens, i, words, options, cached_in) for i in predicting}
    hidden_deltas = {i: np.zeros_like(hidden[i][0]) for i in predicting}
    hidden_curvature = dict.fromkeys(predicting, 0.0)
    loss = 0.0
    for step in steps:
        gradients = list[float]()
        for row, i, t, w in step.trials:
            h, o = hidden[i][0], cached_out.values[row]
            s = float(np.clip(o @ h, -MAX_SCORE, MAX_SCORE))
            sigma = 1 / (1 + np.exp(-s))
            loss += w * np.log1p(np.exp(s)) - t * s  # l(s) = w ln(1 + e^s) - t s
            gradient = lr * (w * sigma - t)  # lr l'(s)
            hess_weight = lr * w * sigma * (1 - sigma)  # lr l''(s)
            hidden_scale = row_scale = 1.0
            if options.hierarchical:
                within = abs(s) < HS_MAX_SCORE
                gradient, hess_weight = gradient * within, hess_weight * within
                hidden_scale = float(HS_CURVATURE_SCALE)
                row_scale = 1.0 if options.cbow else hidden_scale
            # (2) kappa = lr l'' |x|^2
            hidden_curvature[i] += hidden_scale * hess_weight * cached_out.sq_norms[row]
            cached_out.curvature[row] += row_scale * hess_weight * float(h @ h)
            gradients.append(gradient)
        before = {each.row: cached_out.values[each.row].copy() for each in step.trials}
        for (row, i, *_), gradient in zip(step.trials, gradients, strict=True):
            o = cached_out.values[row]
            hidden_deltas[i] -= gradient * (before[row] if step.at_once else o)  # (1) for h_i
            o -= cached_out.damping(row) * gradient * hidden[i][0]  # (1) for o_r, damped by (3)
    for i in predicting:
        for j in _input_tokens(tokens, i, options):
            cached_in.curvature[tokens[j].word] += hidden_curvature[i] * hidden[i][1]
    for i in predicting:
        for j in _input_tokens(tokens, i, options):
            word = tokens[j].word
            factor = words.n_trainable[word] * cached_in.damping(word)  # (3), for a sum of rows
            cached_in.values[word] += factor * hidden_deltas[i]
    return loss
