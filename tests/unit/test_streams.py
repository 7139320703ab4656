"""In how many streams a text is read, and how many threads share them."""

import pytest

from embedtool.config.training import MAX_STREAMS, FastTextConfig, Word2VecConfig
from embedtool.trainers.streams import chunk_tokens_for, n_streams_for, n_threads_for

UP_TO_16 = [
    (0, 1), (65_535, 1), (65_536, 2), (262_143, 2), (262_144, 4), (1_048_576, 8), (4_194_303, 8),
]  # fmt: skip


@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
def test_up_to_16_streams_a_superstep_is_at_most_half_the_square_root_of_the_text(
    loss: str,
) -> None:
    for n_tokens, n_streams in [*UP_TO_16, (4_194_304, 16), (10**12, 16)]:
        assert n_streams_for(Word2VecConfig(loss=loss), n_tokens) == n_streams
        for streams in (1, 3, 8, 16):
            config = Word2VecConfig(loss=loss, streams=streams)
            assert n_streams_for(config, n_tokens) == min(streams, n_streams)


@pytest.mark.parametrize(
    ("make", "loss", "limits"),
    [
        (
            Word2VecConfig,
            "negative-sampling",
            [(4_194_304, 64), (16_777_215, 64), (16_777_216, 128), (67_108_864, 256)],
        ),
        (
            FastTextConfig,
            "negative-sampling",
            [(4_194_304, 32), (16_777_216, 64), (67_108_864, 128), (2**28, 256)],
        ),
        (
            Word2VecConfig,
            "hierarchical-softmax",
            [(4_194_304, 16), (16_777_216, 32), (2**26, 64), (2**28, 128), (2**30, 256)],
        ),
    ],
)
def test_more_streams_need_longer_texts(
    make: type[Word2VecConfig], loss: str, limits: list[tuple[int, int]]
) -> None:
    for n_tokens, n_streams in [*UP_TO_16, *limits, (10**12, MAX_STREAMS)]:
        for streams in (24, 32, 64, 128, 256):
            config = make(loss=loss, streams=streams)
            assert n_streams_for(config, n_tokens) == min(streams, n_streams)


def test_no_fewer_threads_make_a_superstep_as_short() -> None:
    for n_streams in (1, 2, 3, 16, 24, 64, 256):
        for workers in range(1, 300):
            n_threads = n_threads_for(workers, n_streams)
            longest = -(-n_streams // n_threads)
            assert 1 <= n_threads <= min(workers, n_streams)
            assert longest == -(-n_streams // min(workers, n_streams))
            assert n_threads == 1 or -(-n_streams // (n_threads - 1)) > longest
    assert [n_threads_for(workers, 16) for workers in (5, 6, 12, 15, 16)] == [4, 6, 8, 8, 16]


def test_a_chunk_has_as_many_tokens_of_each_stream_with_more_than_32() -> None:
    assert chunk_tokens_for(1) == chunk_tokens_for(16) == chunk_tokens_for(32) == 2**19
    assert chunk_tokens_for(64) == 2**20
    assert chunk_tokens_for(256) == 2**22
