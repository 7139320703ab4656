"""The threads that run a kernel together."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from embedtool.kernels.sgd.arrays import Chunk
from embedtool.kernels.sgd.barrier import barrier_wait
from embedtool.trainers import kernel_threads


def test_an_exception_in_a_thread_lets_the_others_pass_the_barrier(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    passed = []

    def stub(thread: int, chunk: Chunk, shared: Any, scratch: Any) -> None:
        if thread == 1:
            raise MemoryError
        barrier_wait(chunk.counters, 0, thread, chunk.n_threads)
        passed.append(thread)

    monkeypatch.setattr(kernel_threads, "train_chunk", stub)
    tokens = SimpleNamespace(lengths=np.zeros(2, np.int64))
    shared: Any = SimpleNamespace(tokens=tokens)
    scratch: list[Any] = [None, None]
    job = kernel_threads.KernelJob(shared, scratch)
    with ThreadPoolExecutor(2) as pool, pytest.raises(MemoryError):
        job.train(pool, (0, 10), 10, np.uint64(1), (0.1, 0.1), 1.0)
    assert passed == [0]
