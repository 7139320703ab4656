"""Subsampling of frequent words, and the context window of each token that is kept."""

import numpy as np

from embedtool.kernels.jit import jit
from embedtool.kernels.random import splitmix64, uniform01
from embedtool.kernels.sgd.arrays import Ints, Longs, Options, StreamTokens, Text


@jit
def subsample(
    stream: int,
    start: int,
    stop: int,
    key: np.uint64,
    text: Text,
    options: Options,
    tokens: StreamTokens,
) -> None:
    """Write the tokens of the text that are kept, and the context of each, to a stream.

    A token is kept with the probability of its word. Its context is so many kept tokens on each
    side, within its sentence and [start, stop): `options.window`, or a number drawn from 1 to that
    (Mikolov et al. 2013a, section 3.2).

    Parameters
    ----------
    stream
        The stream whose `tokens` are written.
    start, stop
        The tokens [start, stop) of the text.
    key
        Made of seed and epoch; together with a token's position it decides whether the token is
        kept, and the width of its window.
    text, options, tokens
        As in `SharedArrays`.
    """
    ids, left, right = tokens.ids[stream], tokens.left[stream], tokens.right[stream]
    sentence = _sentence_of(text.ends, start)
    sentence_start = 0
    n = 0
    for position in range(start, stop):
        if position >= text.ends[sentence]:
            _end_contexts(right, sentence_start, n, options.window)
            sentence_start = n
            while position >= text.ends[sentence]:
                sentence += 1
        word = text.ids[position]
        bits = splitmix64(key + np.uint64(position))
        if uniform01(bits) < text.keep_prob[word]:
            width = options.window
            if options.shrink_windows:
                width = 1 + int(uniform01(splitmix64(bits)) * options.window)
            ids[n] = word
            left[n] = max(sentence_start, n - width)
            right[n] = n + 1 + width
            n += 1
    _end_contexts(right, sentence_start, n, options.window)
    tokens.lengths[stream] = n


@jit
def _sentence_of(ends: Longs, token: int) -> int:
    """Return the sentence of a token, by bisection: numba compiles it faster than searchsorted."""
    first, last = 0, len(ends)
    while first < last:
        middle = (first + last) // 2
        if ends[middle] <= token:
            first = middle + 1
        else:
            last = middle
    return first


@jit
def _end_contexts(right: Ints, start: int, end: int, window: int) -> None:
    """Cut the contexts of a sentence [start, end) at its end."""
    for i in range(max(start, end - window), end):
        right[i] = min(right[i], end)
