"""In how many streams a text is read, in how many chunks, and how many threads share them."""

import logging
import math

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.kernels.sgd.arrays import MINIBATCH_TOKENS
from embedtool.messages import counted

log = logging.getLogger(__name__)

CHUNK_TOKENS = 2**19
"""Tokens per chunk: threads are started and progress is reported once a chunk, a fraction of a
second."""
CHUNK_STREAMS = 32
"""With more streams a chunk is longer in proportion: streams of a chunk keep unequal numbers of
tokens, and the longest decides when the chunk ends. With 64 streams that have a thread each, on 16
million tokens with a sample of 1e-4, a stream has tokens left in 83 % of the supersteps of a
chunk with 2**12 tokens a stream, in 88 % with 2**14, in 89 % with 2**15."""
MIN_STREAM_TOKENS = 2**10
"""Minimum tokens of a stream in a chunk; windows do not cross a stream's ends."""
FEW_STREAMS, SUPERSTEP = 16, 0.5
"""Up to so many streams, the tokens of a superstep are at most this times the square root of those
of the text. Measured: docs/design/learning-rule.md, and `python -m benchmarks.ablation --vary
streams`."""
LONG_SUPERSTEP = {Word2VecConfig: 2, FastTextConfig: 1}
"""The same for more streams, with negative sampling."""


def n_streams_for(config: Word2VecConfig, n_tokens: int) -> int:
    """Return the number of streams in which a text of `n_tokens` is read.

    A superstep acts as one large minibatch: its streams do not see each other's updates.
    Minibatches that grow more slowly than sqrt(n) cost no accuracy asymptotically (Dekel et al.
    2012, section 3). Unless the options ask for fewer, the result is a power of two, so that
    threads get equal shares.
    """
    most = _most_streams(n_tokens, SUPERSTEP)
    if most >= FEW_STREAMS and config.loss == "negative-sampling":
        most = _most_streams(n_tokens, LONG_SUPERSTEP[type(config)])
    return min(config.streams, most)


def _most_streams(n_tokens: int, superstep: float) -> int:
    """Return the largest power of two of streams whose superstep is that long at most, or 1."""
    most = math.isqrt(int(n_tokens * superstep**2)) // MINIBATCH_TOKENS
    return 1 << max(0, most.bit_length() - 1)


def warn_if_fewer_streams(config: Word2VecConfig, n_tokens: int) -> None:
    """Log a warning if a text is too short for the streams that are asked for.

    The default is a maximum that fits every text, and needs none.
    """
    n_streams = n_streams_for(config, n_tokens)
    if n_streams < config.streams != Word2VecConfig.streams and not config.hogwild:
        log.warning(
            "streams=%d: a text of %s is read in %d, because more would cost accuracy",
            config.streams, counted(n_tokens, "token"), n_streams,
            extra={"parameters": ("streams",)},
        )  # fmt: skip


def n_threads_for(workers: int, n_streams: int) -> int:
    """Return how many of the workers make a superstep of so many streams as short as all of them.

    The thread with the most streams takes longest: with 16 streams, 12 threads take as long as 8.
    """
    most = -(-n_streams // workers)
    return -(-n_streams // most)


def chunk_tokens_for(n_streams: int) -> int:
    """Return the maximum tokens of a chunk that is read in so many streams."""
    return CHUNK_TOKENS * max(CHUNK_STREAMS, n_streams) // CHUNK_STREAMS


def stream_tokens_for(chunk_tokens: int, n_streams: int) -> int:
    """Return the tokens of each stream but the last ones in a chunk that has so many at most."""
    return max(MIN_STREAM_TOKENS, -(-chunk_tokens // n_streams))
