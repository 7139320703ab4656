"""The slow, plain version of the kernels of Word2Vec and FastText, in double precision.

In: the same arrays. Out: what `word2vec.train_chunk` must leave in the tables, whatever the
number of threads. Everything goes word by word and pair by pair.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.sgd.arrays import (
    MICROBATCH_TOKENS,
    MINIBATCH_TOKENS,
    NegativeTable,
    Options,
    Text,
    Tree,
    WordRows,
)
from embedtool.kernels.sgd.logistic import MAX_SCORE
from embedtool.kernels.sgd.microbatch import HS_CURVATURE_SCALE, HS_MAX_SCORE

Vector = NDArray[np.float64]
WORD = 2**64 - 1


class Token(NamedTuple):
    """A kept token: its word, and the places of its context among the kept tokens of its lane."""

    word: int
    context: list[int]


class Copies:
    """A turn's own copies of rows: what each is, was, and how far its steps have bent.

    norms : squared lengths at the beginning of the turn
    """

    def __init__(self) -> None:
        self.now: dict[int, Vector] = {}
        self.before: dict[int, Vector] = {}
        self.norms: dict[int, float] = {}
        self.bends: dict[int, float] = {}

    def add(self, row: int, vector: Vector) -> None:
        """Copy a row, unless it is there."""
        if row not in self.now:
            self.now[row], self.before[row] = vector.copy(), vector.copy()
            self.norms[row], self.bends[row] = float(vector @ vector), 0.0

    def shortened(self, row: int) -> float:
        """The share of a step that is taken."""
        return 1 / max(1.0, self.bends[row])


class Step(NamedTuple):
    """What is to be added to a row, and the bend of the turn that it comes from.

    word : the word that the row moves with; of outputs each row is one
    """

    row: int
    step: Vector
    bend: float
    word: int


def splitmix64(key: int) -> int:
    """64 random bits for a key (Steele, Lea & Flood 2014, figure 16)."""
    bits = (key + 0x9E3779B97F4A7C15) & WORD
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & WORD
    return bits ^ (bits >> 31)


def uniform01(bits: int) -> float:
    """64 random bits as a number in [0, 1)."""
    return (bits >> 11) / 2**53


def thin(start: int, stop: int, key: int, text: Text, options: Options) -> list[Token]:
    """The tokens of [start, stop) that are kept, with their contexts."""
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
    n_lanes: int,
    start: int,
    stop: int,
    part: int,
    key: int,
    first_rate: float,
    last_rate: float,
    damping: float,
    text: Text,
    words: WordRows,
    noise: NegativeTable,
    tree: Tree,
    inputs: Vector,
    outputs: Vector,
    options: Options,
) -> tuple[float, int, float]:
    """Train on the tokens [start, stop), changing `inputs` and `outputs`.

    n_lanes : 1 for a thread that races, alone

    Returns the sum of the losses, the number of pairs and the sum of the trials.
    """
    firsts = [min(start + lane * part, stop) for lane in range(n_lanes)]
    lanes = [thin(first, min(first + part, stop), key, text, options) for first in firsts]
    n_rounds = max(-(-len(lane) // MINIBATCH_TOKENS) for lane in lanes)
    loss, pairs, n_trials = 0.0, 0, 0.0
    for number in range(n_rounds):
        rate = first_rate + (last_rate - first_rate) * number / n_rounds
        input_steps: list[Step] = []
        output_steps: list[Step] = []
        of_words: dict[int, float] = defaultdict(float)
        of_outputs: dict[int, float] = defaultdict(float)
        for lane, tokens in enumerate(lanes):
            turn = range(
                number * MINIBATCH_TOKENS, min((number + 1) * MINIBATCH_TOKENS, len(tokens))
            )
            words_in, rows_out = Copies(), Copies()
            n_blocks = -(-len(turn) // MICROBATCH_TOKENS)
            for k in range(n_blocks):
                block = range(turn.start + k, turn.stop, n_blocks)
                block_key = splitmix64(
                    splitmix64(key) + start + lane * part + turn.start + k * MICROBATCH_TOKENS
                )
                trials = _trials(tokens, block, block_key, noise, tree, options)
                n_trials += sum(each[1] for each in trials.values())
                for word in {tokens[j].word for i in block for j in _sources(tokens, i, options)}:
                    words_in.add(word, inputs[_rows(words, word)].sum(axis=0))
                for row in {row for row, _ in trials}:
                    rows_out.add(row, outputs[row])
                loss += _train_block(
                    tokens, block, trials, rate, words, options, words_in, rows_out
                )
            pairs += sum(len(tokens[i].context) if not options.cbow else bool(tokens[i].context)
                         for i in turn)  # fmt: skip
            for word, now in words_in.now.items():
                step = (now - words_in.before[word]) / max(1, words.n_trainable[word])
                bend = words_in.bends[word]
                of_words[word] += min(1.0, bend)
                input_steps += [Step(row, step, bend, word) for row in _rows(words, word)]
            for row, bend in rows_out.bends.items():
                of_outputs[row] += min(1.0, bend)
            output_steps += [
                Step(row, now - rows_out.before[row], rows_out.bends[row], row)
                for row, now in rows_out.now.items()
            ]
        movable = [step for step in input_steps if not words.frozen[step.row]]
        _move(inputs, movable, of_words, damping)
        _move(outputs, output_steps, of_outputs, 1.0)
    return loss, pairs, n_trials


def _sources(tokens: Sequence[Token], i: int, options: Options) -> list[int]:
    """The tokens whose vectors make up the hidden vector of token i."""
    return tokens[i].context if options.cbow else [i]


def _rows(words: WordRows, word: int) -> list[int]:
    rows: list[int] = words.indices[words.indptr[word] : words.indptr[word + 1]].tolist()
    return rows


def _hidden(
    tokens: Sequence[Token], i: int, words: WordRows, options: Options, words_in: Copies
) -> tuple[Vector, float]:
    """The hidden vector of token i, and how far it goes when all its rows go one step."""
    sources = [tokens[j].word for j in _sources(tokens, i, options)]
    n_rows = sum(len(_rows(words, word)) for word in sources)
    scale = 1.0 if options.cbow and not options.mean else 1 / n_rows
    return scale * np.sum([words_in.now[word] for word in sources], axis=0), scale * n_rows


def _trials(
    tokens: Sequence[Token],
    block: range,
    key: int,
    noise: NegativeTable,
    tree: Tree,
    options: Options,
) -> dict[tuple[int, int], list[float]]:
    """For each row and token that may meet: [meetings, trials]."""
    trials: dict[tuple[int, int], list[float]] = defaultdict(lambda: [0.0, 0.0])
    predicted = {
        i: ([tokens[i].word] if tokens[i].context else [])
        if options.cbow
        else [tokens[j].word for j in tokens[i].context]
        for i in block
    }
    for i, targets in predicted.items():
        for word in targets:
            if options.hierarchical:
                for node, left in _way(tree, word):
                    trials[node, i][0] += left
                    trials[node, i][1] += 1
            else:
                trials[word, i][0] += 1
                trials[word, i][1] += 1
    if not options.hierarchical:
        for k in range(options.n_shared_negatives):
            share = uniform01(splitmix64((key + k) & WORD))
            drawn = int(np.searchsorted(noise.cdf, share, side="right"))
            for i, targets in predicted.items():
                others = sum(word != drawn for word in targets)
                trials[drawn, i][1] += options.negative / options.n_shared_negatives * others
    return trials


def _way(tree: Tree, word: int) -> list[tuple[int, bool]]:
    """The inner nodes above a word, and whether the way to it goes on to the left."""
    root = len(tree.parents) - 1
    n_words = root // 2 + 1
    way, node = [], word
    while node != root:
        way.append((int(tree.parents[node]) - n_words, bool(tree.bit[node])))
        node = int(tree.parents[node])
    return way


def _train_block(
    tokens: Sequence[Token],
    block: range,
    trials: dict[tuple[int, int], list[float]],
    rate: float,
    words: WordRows,
    options: Options,
    words_in: Copies,
    rows_out: Copies,
) -> float:
    """Move the copies; returns the loss before."""
    busy = [i for i in block if tokens[i].context]
    hidden = {i: _hidden(tokens, i, words, options, words_in) for i in busy}
    steps = {i: np.zeros_like(hidden[i][0]) for i in busy}
    bends = dict.fromkeys(busy, 0.0)
    loss = 0.0
    for group in [[i] for i in busy] if options.hierarchical else [busy]:
        row_steps = {row: np.zeros_like(now) for row, now in rows_out.now.items()}
        for (row, i), (t, w) in trials.items():
            if i in group:
                h, o = hidden[i][0], rows_out.now[row]
                score = float(np.clip(o @ h, -MAX_SCORE, MAX_SCORE))
                sigma = 1 / (1 + np.exp(-score))
                loss += w * np.log1p(np.exp(score)) - t * score
                slope, curve = rate * (w * sigma - t), rate * w * sigma * (1 - sigma)
                hidden_share = row_share = 1.0
                if options.hierarchical:
                    near = abs(score) < HS_MAX_SCORE
                    slope, curve = slope * near, curve * near
                    hidden_share = float(HS_CURVATURE_SCALE)
                    row_share = 1.0 if options.cbow else hidden_share
                bends[i] += hidden_share * curve * rows_out.norms[row]
                steps[i] -= slope * o
                row_steps[row] -= slope * h
                rows_out.bends[row] += row_share * curve * float(h @ h)
        for row, step in row_steps.items():
            rows_out.now[row] += rows_out.shortened(row) * step
    for i in busy:
        for j in _sources(tokens, i, options):
            words_in.bends[tokens[j].word] += bends[i] * hidden[i][1]
    for i in busy:
        for j in _sources(tokens, i, options):
            word = tokens[j].word
            words_in.now[word] += words.n_trainable[word] * words_in.shortened(word) * steps[i]
    return loss


def _move(table: Vector, steps: Sequence[Step], of_words: dict[int, float], damping: float) -> None:
    """Add the steps to their rows: of a word that goes too far the mean of its turns' steps, and
    then of a row's words their sum, shortened by the damping.

    of_words : the sum of each word's bends, each at most 1
    """
    gone: dict[int, float] = defaultdict(float)
    for step in steps:
        gone[step.row] += min(1.0, step.bend) / max(1.0, of_words[step.word])
    for step in steps:
        alone = max(1.0, of_words[step.word])
        table[step.row] += step.step / (alone * max(1.0, damping * gone[step.row]))
