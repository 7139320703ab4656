"""No kernel writes behind an array of its job."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.kernels.sgd.arrays import Chunk
from embedtool.kernels.sgd.barrier import new_counters
from embedtool.kernels.sgd.train_chunk import train_chunk
from embedtool.trainers import aligned, kernel_job, kernel_scratch, word2vec
from embedtool.trainers.subwords import build_subword_index
from tests.factories import zipf_corpus

GUARD = 64
"""Numbers behind each array."""
MODES = [
    (mode, loss)
    for mode in ("skipgram", "cbow")
    for loss in ("negative-sampling", "hierarchical-softmax")
]


@pytest.fixture
def guards(monkeypatch: pytest.MonkeyPatch) -> list[np.ndarray]:
    """Every array that is allocated is followed by numbers that are returned."""
    behind: list[np.ndarray] = []

    def zeros(shape: Any, dtype: Any = float) -> np.ndarray:
        shape = (shape,) if isinstance(shape, int | np.integer) else tuple(shape)
        n = int(np.prod(shape))
        whole = np.full(n + GUARD, 77, dtype)
        whole[:n] = 0
        behind.append(whole[n:])
        return whole[:n].reshape(shape)

    def aligned_zeros(n_rows: int, width: int) -> np.ndarray:
        whole = aligned.aligned_zeros(n_rows + GUARD, width)
        whole[n_rows:] = 77
        behind.append(whole[n_rows:])
        return whole[:n_rows]

    for module in (kernel_job, kernel_scratch):
        monkeypatch.setattr(module, "aligned_zeros", aligned_zeros)
    monkeypatch.setattr(kernel_scratch, "floats", lambda *shape: zeros(shape, np.float32))
    monkeypatch.setattr(kernel_scratch, "ints", lambda *shape: zeros(shape, np.int32))
    monkeypatch.setattr(kernel_scratch, "longs", lambda *shape: zeros(shape, np.int64))
    for name in ("floats", "ints", "longs"):
        monkeypatch.setattr(kernel_job, name, getattr(kernel_scratch, name), raising=False)
    return behind


@pytest.mark.parametrize("make", [Word2VecConfig, FastTextConfig])
@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
def test_nothing_is_written_behind_an_array(
    mode: str, loss: str, make: Any, guards: list[np.ndarray], monkeypatch: pytest.MonkeyPatch
) -> None:
    for n_words, window, size, negative in (
        (2, 1, 1, 1),
        (40, 1, 16, 5),
        (100, 2, 17, 20),
        (90, 7, 5, 1),
    ):
        text = zipf_corpus(400, n_words, window, 20, [f"w{i}" for i in range(n_words)])
        text = replace(text, vocabulary=replace(text.vocabulary, counts=text.vocabulary.counts + 1))
        config = make(
            mode=mode, loss=loss, window=window, vector_size=size, negative=negative, sample=0.0,
            workers=1, shrink_windows=False,
        )  # fmt: skip
        index = build_subword_index(text.vocabulary.words, config)
        state = word2vec.init_state(config, text.vocabulary, index)
        monkeypatch.setattr(word2vec, "n_streams_for", lambda config, n_tokens: 3)
        job = word2vec.job_for(config, text, index, state)
        chunk = Chunk(
            1, new_counters(1), 0, text.n_tokens, -(-text.n_tokens // 3), np.uint64(7), 0.1, 0.1,
            np.float32(1),
        )  # fmt: skip
        train_chunk(0, chunk, job.shared, job.scratch[0])
    assert len(guards) > 100
    assert all((guard == 77).all() for guard in guards)
