"""Measured constants of `benchmarks.cost_model`: what embedtool's functions and Ray take.

All on one core of an AMD EPYC, in seconds of processor time, on English Wikipedia with 16 million
tokens and 90,000 words, unless stated otherwise. On a core twice as fast the times are half. What
the model says of many nodes follows from these; `benchmarks.cluster` compares it with
trainings on few.
"""

import math
from typing import NamedTuple


class HeapsLaw(NamedTuple):
    """Number of distinct items among n: factor * n**exponent, Heaps' law.

    Near the number of all items the last ones are rare: n_all * (1 - exp(-law / n_all)).
    """

    factor: float
    exponent: float

    def distinct(self, n: float, n_all: float) -> float:
        """Return the number of distinct items among n, of n_all."""
        return -n_all * math.expm1(-self.factor * n**self.exponent / n_all)


class Throughput(NamedTuple):
    """What a core trains on per second, and to which power of an option the time grows.

    Attributes
    ----------
    rate
        Items per second with SIZE dimensions, WINDOW words to each side and NEGATIVE negatives.
    size, window, negative
        Exponents of the vector size, of the window and of the number of negatives.
    """

    rate: float
    size: float
    window: float = 0
    negative: float = 0


SIZE, WINDOW, NEGATIVE = 100, 5, 5
TRAINED = {
    ("cbow", "negative-sampling"): Throughput(1.1e6, 0.7, 0.15, 0.35),
    ("skipgram", "negative-sampling"): Throughput(0.96e6, 0.65, 0.1, 0.4),
    ("cbow", "hierarchical-softmax"): Throughput(0.6e6, 0.8, 0.1),
    ("skipgram", "hierarchical-softmax"): Throughput(0.31e6, 0.7, 0.5),
}
"""Word2Vec: tokens that subsampling keeps. The exponents are those from 100 to 300 dimensions, and
from 5 to 10 words to each side and negatives."""
SUBWORD_ROW_S = 0.12e-6
"""FastText: seconds for each row of a token beyond the first, with SIZE dimensions."""
PAIRS_TRAINED = Throughput(9.5e6, 0.85)
"""GloVe: pairs."""
THREAD_EXPONENT = 0.9
"""A replica of n cores is n**THREAD_EXPONENT times as fast as one of one; measured with two."""

BYTES_READ = 50e6
"""Bytes of plain text that a core reads and encodes per second."""
PAIRS_COUNTED, PAIRS_MERGED = 12e6, 15e6
"""GloVe: co-occurrences that a core counts per second, and sums of partitions that it merges."""
BYTES_COPIED = 1e9
"""GloVe: bytes of tables that a core copies per second."""
REPLICA_S, BYTES_GATHERED = 0.008, 700e6
"""A replica's overhead beside training: seconds with SIZE dimensions; and bytes of rows per second,
from the shards to the deltas."""
MERGE_S, BYTES_MERGED = 0.004, 350e6
"""Merging a shard: seconds with SIZE dimensions; and bytes of deltas per second."""

INPUT_WORDS, INPUT_NGRAMS = HeapsLaw(2.9, 0.73), HeapsLaw(101, 0.6)
"""Input rows of a slice by its tokens: words, and with n-grams of 3 to 6 characters. Counted in
slices of 1,000 to 10 million tokens; within 10%."""
OUTPUT_WORDS, OUTPUT_NODES = HeapsLaw(4.4, 0.75), HeapsLaw(38, 0.58)
"""Output rows: words with the negatives, and inner nodes of the tree."""
PAIRS = HeapsLaw(10.8, 0.775)
"""Distinct pairs by co-occurrences: from partitions with 7 million and a text with 160 million."""

CALL_S, OBJECT_S = 0.65e-3, 10e-6
"""Seconds of the driver for a function, and for each of its arguments and results."""
FUNCTION_S, ARGUMENT_S, RESULT_S, PULL_S = 8e-3, 0.12e-3, 1.5e-3, 2.5e-3
"""Seconds of a core for a function that waits for others' results, for each of its arguments and
results, and for each argument from another node: Ray's own work, one after the other."""
REMOTE_START_S = 20e-3
"""Seconds until a function has started on another node than the one that has most of its arguments.
Fitted, as FUNCTION_S and PULL_S, to intervals of hardly any text, on 1, 2 and 4 nodes."""
OBJECT_BYTES = 1000
"""Memory of the driver for a result."""
LINK = 0.9e9
"""Bytes per second from one node's store to another's, both on one machine. No network's rate."""
CONNECT_S, WORKER_START_S = 2.2, 1.5
"""Seconds until a command is connected, and of a core until its process has loaded all modules."""
