"""What was measured of embedtool's functions and of Ray: the constants of `distributed.cost`.

All on a core of an AMD EPYC, in seconds that the processor was busy, on English Wikipedia with
16 million tokens and 90,000 words, unless told otherwise. On a core that is twice as fast the times
are half. What is said of many nodes follows from these; `benchmarks.cluster` compares it with whole
trainings on few.
"""

import math
from typing import NamedTuple


class Law(NamedTuple):
    """How many different ones are among n: factor * n**exponent, Heaps' law.

    Where that comes near all there are, the last are met late: n_all * (1 - exp(-it / n_all)).
    """

    factor: float
    exponent: float

    def met(self, n: float, n_all: float) -> float:
        """The different ones among n, of n_all."""
        return -n_all * math.expm1(-self.factor * n**self.exponent / n_all)


class Speed(NamedTuple):
    """What a core learns from in a second, and to which power of an option the time grows.

    rate : with SIZE dimensions, WINDOW words to each side and NEGATIVE noise words
    """

    rate: float
    size: float
    window: float = 0
    negative: float = 0


SIZE, WINDOW, NEGATIVE = 100, 5, 5
SPEEDS = {
    ("cbow", "negative-sampling"): Speed(1.1e6, 0.7, 0.15, 0.35),
    ("skipgram", "negative-sampling"): Speed(0.96e6, 0.65, 0.1, 0.4),
    ("cbow", "hierarchical-softmax"): Speed(0.6e6, 0.8, 0.1),
    ("skipgram", "hierarchical-softmax"): Speed(0.31e6, 0.7, 0.5),
}
"""Word2Vec: tokens, of those that thinning leaves. The powers are those from 100 to 300 dimensions,
and from 5 to 10 words to each side and noise words."""
ROW_SECONDS = 0.12e-6
"""FastText: for each row of a token beyond the first, with SIZE dimensions."""
VISITED = Speed(9.5e6, 0.85)
"""GloVe: pairs."""
THREADS = 0.9
"""A lane of n cores is n**THREADS times as fast as one of one; measured with two."""

READ = 50e6
"""Bytes of plain text that a core reads, numbers and encodes in a second."""
COUNTED, MERGED = 12e6, 15e6
"""GloVe: meetings of words that a core counts in a second, and sums of parts that it merges."""
COPIED = 1e9
"""GloVe: bytes of tables that a core copies in a second."""
LANE_SECONDS, PREPARED = 0.008, 700e6
"""Of a lane beside the learning: with SIZE dimensions; and bytes of rows, from the shards to the
steps, in a second."""
JOIN_SECONDS, JOINED = 0.004, 350e6
"""Of joining a shard: with SIZE dimensions; and bytes of steps in a second."""

WORDS, NGRAMS = Law(2.9, 0.73), Law(101, 0.6)
"""Rows of the inputs in a piece of text, by its tokens: words, and with n-grams of 3 to 6
characters. Counted in pieces of 1,000 to 10 million tokens; within a tenth."""
OUTPUTS, NODES = Law(4.4, 0.75), Law(38, 0.58)
"""Rows of the outputs: words with the noise words, and nodes of the tree."""
PAIRS = Law(10.8, 0.775)
"""Pairs by meetings: from parts with 7 million and a text with 160 million."""

CALL, OBJECT = 0.65e-3, 10e-6
"""Seconds of the driver for a function, and for each of its arguments and results."""
FUNCTION, ARGUMENT, RESULT, PULL = 8e-3, 0.12e-3, 1.5e-3, 2.5e-3
"""Seconds of a core for a function that waits for others' results, for each of its arguments and
results, and for each argument from another node: what Ray takes, one after the other."""
ELSEWHERE = 20e-3
"""Seconds until a function has begun on another node than the one that has most of its arguments.
Fitted, as FUNCTION and PULL, to rounds of lanes with hardly any text, on 1, 2 and 4 nodes."""
OBJECT_BYTES = 1000
"""Memory of the driver for a result."""
LINK = 0.9e9
"""Bytes a second from one node's store to another's, both on one machine. No network's speed."""
BEGIN, START = 2.2, 1.5
"""Seconds until a command has joined, and of a core until its process has loaded all."""
