"""A text as the steps of a training see it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedtool.config.tasks import ContextualConfig
from embedtool.contextual.batches import (
    IGNORE_INDEX,
    MAX_HELD_OUT_TOKENS,
    batches_by_length,
    causal_batch,
    epoch_order,
    masked_batch,
    segment_corpus,
    split_held_out,
)
from embedtool.corpus.encoding import EncodedCorpus
from embedtool.corpus.vocabulary import Vocabulary

N_WORDS = 7
BOUNDARY, MASK = N_WORDS, N_WORDS + 1
lengths_of_sentences = st.lists(st.integers(1, 12), min_size=1, max_size=20)


def corpus_of(lengths: list[int]) -> EncodedCorpus:
    words = [f"w{i}" for i in range(N_WORDS)]
    ids = (np.arange(sum(lengths)) % N_WORDS).astype(np.int32)
    counts = np.bincount(ids, minlength=N_WORDS)
    return EncodedCorpus(Vocabulary(words, counts, N_WORDS, len(ids)), ids, np.cumsum(lengths), "")


@given(lengths=lengths_of_sentences, longest=st.integers(1, 13))
def test_segments_are_the_text_and_end_where_sentences_do(lengths: list[int], longest: int) -> None:
    corpus = corpus_of(lengths)
    segments = segment_corpus(corpus, longest)
    assert segments.n_tokens == corpus.n_tokens
    assert segments.starts.tolist() == [0, *segments.ends[:-1].tolist()]
    assert (segments.ends - segments.starts).max() <= longest
    assert segments.ends[segments.ends_sentence].tolist() == corpus.ends.tolist()


@given(lengths=lengths_of_sentences, tokens=st.integers(1, 40), seed=st.integers(0, 9))
def test_every_segment_is_in_one_batch_of_an_epoch(
    lengths: list[int], tokens: int, seed: int
) -> None:
    segments = segment_corpus(corpus_of(lengths), 12)
    batches = epoch_order(segments, tokens, np.random.default_rng(seed))
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(segments)))
    sizes = segments.ends - segments.starts + 1
    assert all(len(rows) == 1 or len(rows) * sizes[rows].max() <= tokens for rows in batches)
    again = epoch_order(segments, tokens, np.random.default_rng(seed))
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_batches_by_length_have_little_padding() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, 2000)
    batches = batches_by_length(lengths, np.arange(2000), 2048)
    places = sum(len(rows) * lengths[rows].max() for rows in batches)
    assert lengths.sum() / places > 0.95


def test_held_out_segments_are_not_in_the_training_split() -> None:
    segments = segment_corpus(corpus_of([5] * 200), 12)
    train, held_out = split_held_out(segments, ContextualConfig(held_out=0.1))
    assert sorted([*train.starts.tolist(), *held_out.starts.tolist()]) == segments.starts.tolist()
    assert held_out.n_tokens == pytest.approx(100, abs=5)
    other = split_held_out(segments, ContextualConfig(held_out=0.1, seed=2))[1]
    assert other.starts.tolist() != held_out.starts.tolist()
    assert len(split_held_out(segments, ContextualConfig(held_out=0.0))[1]) == 0
    assert (
        len(split_held_out(segment_corpus(corpus_of([5]), 12), ContextualConfig(held_out=0.5))[0])
        == 1
    )


def test_a_large_text_holds_out_no_more_than_is_needed() -> None:
    segments = segment_corpus(corpus_of([1000] * 500), 1000)
    assert (
        split_held_out(segments, ContextualConfig(held_out=0.5))[1].n_tokens == MAX_HELD_OUT_TOKENS
    )


def test_a_causal_batch_predicts_each_next_token_and_the_end_of_sentences() -> None:
    corpus = corpus_of([2, 5])
    batch = causal_batch(corpus, segment_corpus(corpus, 3))
    assert batch.ids.tolist() == [[BOUNDARY, 0, 1, BOUNDARY], [BOUNDARY, 2, 3, 4],
                                  [BOUNDARY, 5, 6, BOUNDARY]]  # fmt: skip
    assert batch.lengths.tolist() == [3, 4, 3]
    assert batch.targets.tolist() == [
        [0, 1, BOUNDARY, IGNORE_INDEX],
        [2, 3, 4, IGNORE_INDEX],  # its sentence goes on in the next segment
        [5, 6, BOUNDARY, IGNORE_INDEX],
    ]


@given(lengths=lengths_of_sentences, seed=st.integers(0, 99))
def test_the_targets_of_a_masked_batch_are_its_masked_tokens(lengths: list[int], seed: int) -> None:
    corpus = corpus_of(lengths)
    segments = segment_corpus(corpus, 12)
    plain = causal_batch(corpus, segments).ids
    batch = masked_batch(corpus, segments, 0.3, np.random.default_rng(seed))
    chosen = batch.targets != IGNORE_INDEX
    assert chosen.any() and not chosen[:, 0].any()
    assert np.array_equal(batch.targets[chosen], plain[chosen])
    assert np.array_equal(batch.ids[~chosen], plain[~chosen])
    judged = masked_batch(corpus, segments, 0.3, np.random.default_rng(seed), only_masked=True)
    assert np.array_equal(judged.targets, batch.targets)
    assert (judged.ids[chosen] == MASK).all()


def test_most_targets_are_masked_and_some_are_replaced() -> None:
    corpus = corpus_of([100] * 200)
    segments = segment_corpus(corpus, 100)
    batch = masked_batch(corpus, segments, 0.15, np.random.default_rng(1))
    chosen = batch.targets != IGNORE_INDEX
    assert chosen.sum() / corpus.n_tokens == pytest.approx(0.15, abs=0.01)
    assert (batch.ids[chosen] == MASK).mean() == pytest.approx(0.8, abs=0.03)
    kept = (batch.ids[chosen] == batch.targets[chosen]).mean()
    assert kept == pytest.approx(0.1 + 0.1 / N_WORDS, abs=0.03)
