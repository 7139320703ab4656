"""`KernelJob`: the threads that run the Word2Vec and FastText kernels."""

import math
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.io.progress import Report, silent
from embedtool.kernels.jit import load
from embedtool.kernels.sgd.arrays import Chunk, SharedArrays
from embedtool.kernels.sgd.barrier import new_counters, release_all
from embedtool.kernels.sgd.scratch import Scratch
from embedtool.kernels.sgd.train_chunk import train_chunk
from embedtool.trainers.streams import chunk_tokens_for, stream_tokens_for


class Losses(NamedTuple):
    """The loss on some tokens.

    Attributes
    ----------
    loss
        The sum of the losses.
    pairs
        The number of positive pairs.
    untrained
        The sum of the losses of untrained vectors: their scores are 0, so each trial costs ln 2.
    """

    loss: float
    pairs: int
    untrained: float


def sum_losses(losses: Iterable[Losses]) -> Losses:
    """Return the sums of several losses."""
    loss, pairs, untrained = zip(*losses, strict=True)
    return Losses(sum(loss), sum(pairs), sum(untrained))


class KernelJob(NamedTuple):
    """The arguments of the kernel.

    Attributes
    ----------
    shared
        The arrays that all threads share.
    scratch
        The memory of each thread.
    """

    shared: SharedArrays
    scratch: list[Scratch]

    @property
    def n_streams(self) -> int:
        """The number of streams in which the text is read."""
        return len(self.shared.tokens.lengths)

    def chunk_size(self, n_tokens: int) -> int:
        """Return the size of the chunks, about equal, in which a text is trained."""
        return -(-n_tokens // -(-n_tokens // chunk_tokens_for(self.n_streams)))

    def load(self, report: Report = silent) -> None:
        """Load the kernel, or compile it, before time is measured."""
        zero = np.zeros(1, np.int64)
        chunk = Chunk(1, zero, 0, 0, 0, np.uint64(0), 0.0, 0.0, np.float32(1))
        load(train_chunk, 0, chunk, self.shared, self.scratch[0], report=report)

    def train(
        self, pool: ThreadPoolExecutor, tokens: tuple[int, int], chunk_tokens: int, key: np.uint64,
        learning_rates: tuple[float, float], ngram_scale: float,
    ) -> None:  # fmt: skip
        """Train on a chunk of the text, in place.

        Parameters
        ----------
        pool
            A thread for each scratch.
        tokens
            The first token, and the one after the last.
        chunk_tokens
            The size of the chunks that the text is divided into; this one is at most as large.
        key
            Random key (`epoch_key`).
        learning_rates
            The learning rate falls linearly from one to the other.
        ngram_scale
            Curvature scale of n-gram rows, which several words share (`kernels.sgd.curvature`).
        """
        tokens_per_stream = stream_tokens_for(chunk_tokens, self.n_streams)
        n_threads = len(self.scratch)
        counters = new_counters(n_threads)
        chunk = Chunk(
            n_threads, counters, *tokens, tokens_per_stream, key, *learning_rates,
            np.float32(ngram_scale),
        )  # fmt: skip
        try:
            list(pool.map(partial(self._run_thread, chunk), range(n_threads)))
        except BaseException:
            release_all(counters)  # threads would wait for one that never started
            raise

    def _run_thread(self, chunk: Chunk, thread: int) -> None:
        try:
            train_chunk(thread, chunk, self.shared, self.scratch[thread])
        except BaseException:
            release_all(chunk.counters)  # the others would wait for this one
            raise

    def take_losses(self) -> Losses:
        """Return the losses of all streams since the last call, and reset them."""
        cache = self.shared.cache
        by_stream = (cache.losses, cache.pairs, cache.trials)
        loss, pairs, trials = (each.sum().item() for each in by_stream)
        for each in by_stream:
            each[:] = 0
        return Losses(loss, pairs, math.log(2) * trials)

    def curvature(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return the accumulated curvature of each input row and of each output row."""
        merge = self.scratch[0].merge
        return merge.input_sums["total_progress"], merge.output_sums["total_progress"]
