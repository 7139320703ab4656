"""The slow, plain version of the kernels of Word2Vec and FastText, in double precision.

In: the same arrays. Out: what `word2vec.train_stretch` must leave in the tables, whatever the
number of threads. Everything goes word by word and pair by pair.
"""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.layout import BLOCK, N_LANES, Noise, Options, Text, Tree, Words

Vector = NDArray[np.float64]
WORD = 2**64 - 1


class Token(NamedTuple):
    """A kept token: its word, and the places of its context among the kept tokens of its lane."""

    word: int
    context: list[int]


class Step(NamedTuple):
    """What is to be added to a row, and the rate times the trace of its Hessian."""

    row: int
    step: Vector
    bend: float


def mixed(key: int) -> int:
    """64 random bits for a key (Steele, Lea & Flood 2014, figure 16)."""
    bits = (key + 0x9E3779B97F4A7C15) & WORD
    bits = ((bits ^ (bits >> 30)) * 0xBF58476D1CE4E5B9) & WORD
    bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & WORD
    return bits ^ (bits >> 31)


def fraction(bits: int) -> float:
    """64 random bits as a number in [0, 1)."""
    return (bits >> 11) / 2**53


def thin(start: int, stop: int, key: int, text: Text, options: Options) -> list[Token]:
    """The tokens of [start, stop) that are kept, with their contexts."""
    kept: list[tuple[int, int, int]] = []
    for position in range(start, stop):
        word, bits = int(text.ids[position]), mixed(key + position)
        if fraction(bits) < text.keep[word]:
            width = options.window
            if options.shrink_windows:
                width = 1 + int(fraction(mixed(bits)) * options.window)
            sentence = int(np.searchsorted(text.ends, position, side="right"))
            kept.append((word, width, sentence))
    tokens = []
    for i, (word, width, sentence) in enumerate(kept):
        around = range(max(0, i - width), min(len(kept), i + width + 1))
        tokens.append(Token(word, [j for j in around if j != i and kept[j][2] == sentence]))
    return tokens


def train_stretch(
    start: int,
    stop: int,
    part: int,
    key: int,
    first_rate: float,
    last_rate: float,
    text: Text,
    words: Words,
    noise: Noise,
    tree: Tree,
    inputs: Vector,
    outputs: Vector,
    options: Options,
) -> tuple[float, int]:
    """Train on the tokens [start, stop), changing `inputs` and `outputs`.

    Returns the sum of the losses and the number of pairs.
    """
    firsts = [min(start + lane * part, stop) for lane in range(N_LANES)]
    lanes = [thin(first, min(first + part, stop), key, text, options) for first in firsts]
    n_rounds = max(-(-len(lane) // BLOCK) for lane in lanes)
    loss, pairs = 0.0, 0
    for number in range(n_rounds):
        rate = first_rate + (last_rate - first_rate) * number / n_rounds
        input_steps: list[Step] = []
        output_steps: list[Step] = []
        for lane, tokens in enumerate(lanes):
            at = number * BLOCK
            block_key = mixed(mixed(key) + start + lane * part + at)
            block = range(at, min(at + BLOCK, len(tokens)))
            trials = _trials(tokens, block, block_key, noise, tree, options)
            hidden = {i: _hidden(tokens, i, words, inputs, options) for i in block}
            loss += _learn(
                tokens, hidden, trials, rate, words, outputs, options, input_steps, output_steps
            )
            pairs += sum(len(tokens[i].context) if not options.cbow else bool(tokens[i].context)
                         for i in block)  # fmt: skip
        _move(inputs, [step for step in input_steps if not words.frozen[step.row]])
        _move(outputs, output_steps)
    return loss, pairs


def _sources(tokens: Sequence[Token], i: int, options: Options) -> list[int]:
    """The tokens whose vectors make up the hidden vector of token i."""
    return tokens[i].context if options.cbow else [i]


def _rows(words: Words, word: int) -> list[int]:
    rows: list[int] = words.rows[words.starts[word] : words.starts[word + 1]].tolist()
    return rows


def _hidden(
    tokens: Sequence[Token], i: int, words: Words, inputs: Vector, options: Options
) -> tuple[Vector, float]:
    """The hidden vector of token i, and how far it goes when all its rows go one step."""
    rows = [row for j in _sources(tokens, i, options) for row in _rows(words, tokens[j].word)]
    if not rows:
        return np.zeros(inputs.shape[1]), 0.0
    scale = 1.0 if options.cbow and not options.mean else 1 / len(rows)
    return scale * inputs[rows].sum(axis=0), scale * len(rows)


def _trials(
    tokens: Sequence[Token], block: range, key: int, noise: Noise, tree: Tree, options: Options
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
        for k in range(options.n_noise):
            share = fraction(mixed((key + k) & WORD))
            drawn = int(np.searchsorted(noise.cumulative, share, side="right"))
            for i, targets in predicted.items():
                others = sum(word != drawn for word in targets)
                trials[drawn, i][1] += options.negative / options.n_noise * others
    return trials


def _way(tree: Tree, word: int) -> list[tuple[int, bool]]:
    """The inner nodes above a word, and whether the way to it goes on to the left."""
    root = len(tree.parents) - 1
    n_words = root // 2 + 1
    way, node = [], word
    while node != root:
        way.append((int(tree.parents[node]) - n_words, bool(tree.left[node])))
        node = int(tree.parents[node])
    return way


def _learn(
    tokens: Sequence[Token],
    hidden: dict[int, tuple[Vector, float]],
    trials: dict[tuple[int, int], list[float]],
    rate: float,
    words: Words,
    outputs: Vector,
    options: Options,
    input_steps: list[Step],
    output_steps: list[Step],
) -> float:
    """Add the steps of a block to the lists; returns its loss."""
    loss = 0.0
    slopes: dict[tuple[int, int], tuple[float, float]] = {}
    for (row, i), (t, w) in trials.items():
        score = float(outputs[row] @ hidden[i][0])
        sigma = 1 / (1 + np.exp(-score))
        loss += w * np.log1p(np.exp(score)) - t * score
        slopes[row, i] = (w * sigma - t, w * sigma * (1 - sigma))
    for row in {row for row, _ in trials}:
        facts = [(hidden[i][0], *slopes[r, i]) for r, i in trials if r == row]
        output_steps.append(_step(row, rate, facts))
    by_token: dict[int, list[Step]] = defaultdict(list)
    for i in hidden:
        facts = [(outputs[r], *slopes[r, j]) for r, j in trials if j == i]
        for j in _sources(tokens, i, options):
            if facts:
                by_token[j].append(_step(i, rate, facts))
    for j, steps in by_token.items():
        total = np.sum([step.step for step in steps], axis=0)
        bend = sum(step.bend * hidden[step.row][1] for step in steps)
        input_steps += [Step(row, total, bend) for row in _rows(words, tokens[j].word)]
    return loss


def _step(row: int, rate: float, facts: list[tuple[Any, float, float]]) -> Step:
    """The step against the gradient, and its bend."""
    step = -rate * sum(first * vector for vector, first, _ in facts)
    trace = sum(second * (vector @ vector) for vector, _, second in facts)
    return Step(row, step, rate * trace)


def _move(table: Vector, steps: Sequence[Step]) -> None:
    """Add the steps to their rows."""
    bends: dict[int, float] = defaultdict(float)
    for step in steps:
        bends[step.row] += step.bend
    for step in steps:
        table[step.row] += step.step / max(1.0, bends[step.row])
