"""Word2Vec's and FastText's kernels against the reference."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.kernels.random import splitmix64
from embedtool.kernels.sgd import reference
from embedtool.kernels.sgd.arrays import Chunk
from embedtool.kernels.sgd.barrier import new_counters
from embedtool.kernels.sgd.train_chunk import train_chunk
from embedtool.trainers import kernel_job, word2vec
from embedtool.trainers.subwords import build_subword_index
from tests.factories import zipf_corpus

N_WORDS = 40
WORDS = [f"{'banana' if i % 4 == 0 else 'w'}{'xyz'[i % 3]}{i}" for i in range(400)]
"""Words with n-grams in common."""
LEARNING_RATES = (0.5, 0.3)
"""High, so that updates are damped."""


def corpus(
    n_tokens: int, seed: int = 0, mean_length: float = 15, n_words: int = N_WORDS
) -> EncodedCorpus:
    """Return a text and a vocabulary in which no word has a count of zero."""
    text = zipf_corpus(n_tokens, n_words, seed, mean_length, WORDS[:n_words])
    vocabulary = replace(text.vocabulary, counts=text.vocabulary.counts + 1)
    return replace(text, vocabulary=vocabulary)


def compare(
    text: EncodedCorpus,
    n_threads: int = 1,
    algorithm: str = "word2vec",
    n_streams: int = 16,
    ngram_scale: float = 1.0,
    **options: Any,
) -> int:
    """Train one chunk with the kernel and with the reference; return the number of pairs."""
    make = Word2VecConfig if algorithm == "word2vec" else FastTextConfig
    options = {"vector_size": 20, "sample": 0.05, "window": 3, "workers": n_threads} | options
    config = make(**options)
    index = build_subword_index(text.vocabulary.words, config)
    state = word2vec.init_state(config, text.vocabulary, index)
    rng = np.random.default_rng(1)
    for name in ("inputs", "outputs"):
        table = state.tables[name]
        table[:, : config.vector_size] = rng.normal(0, 0.3, (len(table), config.vector_size))
    state.tables["frozen"][3] = True
    expected = {name: state.tables[name].astype(np.float64) for name in ("inputs", "outputs")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(word2vec, "n_streams_for", lambda config, n_tokens: n_streams)
        patch.setattr(kernel_job, "n_cores", lambda: n_threads)
        job = word2vec.job_for(config, text, index, state)
    shared = job.shared
    n_streams = 1 if config.hogwild else n_streams
    assert job.n_streams == n_streams
    part = -(-text.n_tokens // n_streams)
    chunk = Chunk(
        n_threads, new_counters(n_threads), 0, text.n_tokens, part,
        np.uint64(splitmix64(np.uint64(7))), *LEARNING_RATES, np.float32(ngram_scale),
    )  # fmt: skip

    def run(thread: int) -> None:
        train_chunk(thread, chunk, shared, job.scratch[thread])

    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(run, range(n_threads)))
    loss, pairs, trials = reference.train_chunk(
        n_streams, chunk, shared, expected["inputs"], expected["outputs"]
    )
    assert shared.cache.pairs.sum() == pairs
    assert shared.cache.losses.sum() == pytest.approx(loss, rel=1e-5)
    assert shared.cache.trials.sum() == pytest.approx(trials, rel=1e-5)
    for name, table in expected.items():
        np.testing.assert_allclose(state.tables[name], table, rtol=1e-4, atol=2e-4, err_msg=name)
        assert not state.tables[name][:, config.vector_size :].any()
    return pairs


MODES = [
    {"mode": mode, "loss": loss, "cbow_mean": mean}
    for mode, mean in (("skipgram", True), ("cbow", True), ("cbow", False))
    for loss in ("negative-sampling", "hierarchical-softmax")
]


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", MODES)
def test_every_mode_equals_the_reference(mode: dict[str, Any], algorithm: str) -> None:
    compare(corpus(700), algorithm=algorithm, **mode)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", MODES)
def test_whole_minibatches_equal_the_reference(mode: dict[str, Any], algorithm: str) -> None:
    """Three supersteps of two streams; most rows belong to one of them."""
    text = corpus(330, n_words=400)
    compare(text, 2, algorithm, n_streams=2, sample=0.0, **mode)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", MODES)
def test_hogwild_with_one_thread_equals_the_reference(mode: dict[str, Any], algorithm: str) -> None:
    compare(corpus(90), algorithm=algorithm, hogwild=True, **mode)


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("n_threads", [2, 3])
def test_threads_share_the_work(n_threads: int, algorithm: str) -> None:
    compare(corpus(700), n_threads, algorithm)


@pytest.mark.parametrize("n_threads", [1, 3])
def test_rows_that_share_a_bit_with_others_are_trained_alike(
    n_threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kernel_job, "BITS_PER_TOKEN", 0)  # as few as there can be
    compare(corpus(700), n_threads, "fasttext")


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("n_streams", [1, 2, 4])
def test_any_number_of_streams_equals_the_reference(n_streams: int, algorithm: str) -> None:
    compare(corpus(400), min(2, n_streams), algorithm, n_streams)


@pytest.mark.parametrize("ngram_scale", [1 / 8, 0.5])
@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
def test_any_ngram_scale_equals_the_reference(mode: str, ngram_scale: float) -> None:
    compare(corpus(700), algorithm="fasttext", mode=mode, ngram_scale=ngram_scale)


@pytest.mark.parametrize(
    "options",
    [
        {"window": 1},
        {"window": 40},
        {"negative": 1},
        {"negative": 11},
        {"sample": 0.0},
        {"shrink_windows": False},
        {"ns_exponent": 0.0},
        {"vector_size": 1},
        {"vector_size": 16},
        {"vector_size": 33},
    ],
)
@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
def test_every_option_equals_the_reference(mode: str, options: dict[str, Any]) -> None:
    compare(corpus(500), mode=mode, **options)


@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
@pytest.mark.parametrize("n_tokens", [15, 16, 17, 63, 64, 65, 128])
def test_odd_sizes_of_a_stream_equal_the_reference(n_tokens: int, mode: str) -> None:
    compare(corpus(n_tokens, seed=n_tokens), mode=mode, sample=0.0, n_streams=1)


@pytest.mark.parametrize("n_streams", [255, 256])
def test_the_most_streams_equal_the_reference(n_streams: int) -> None:
    compare(corpus(1500), 10, n_streams=n_streams, sample=0.0, vector_size=3)


@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
@pytest.mark.parametrize("n_tokens", [1, 2, 15, 16, 17, 255, 257])
def test_odd_sizes_equal_the_reference(n_tokens: int, mode: str) -> None:
    compare(corpus(n_tokens, seed=n_tokens), mode=mode, sample=0.0)


@pytest.mark.parametrize(
    "options",
    [
        {"window": 40, "shrink_windows": False},
        {"window": 1},
        {"n_threads": 2, "vector_size": 33},
        {"n_streams": 4},
    ],
)
@pytest.mark.parametrize("mode", ["skipgram", "cbow"])
def test_huffman_paths_of_any_windows_equal_the_reference(
    mode: str, options: dict[str, Any]
) -> None:
    compare(corpus(333), mode=mode, loss="hierarchical-softmax", **options)


def test_lines_of_one_word_train_nothing() -> None:
    for mode in ("skipgram", "cbow"):
        for loss in ("negative-sampling", "hierarchical-softmax"):
            text = corpus(100, mean_length=1)
            assert compare(text, mode=mode, loss=loss, sample=0.0) == 0
