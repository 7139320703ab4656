"""Replicas: each learns on rows of its own what it would on whole tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embedtool.distributed import slices
from embedtool.distributed.merging import QuantizedDeltas
from embedtool.distributed.slices import (
    MIN_NEGATIVES,
    NEGATIVES_PER_TOKEN,
    TextSlice,
    required_rows,
)
from embedtool.kernels.sgd import reference
from embedtool.kernels.sgd.arrays import MINIBATCH_TOKENS, Chunk
from embedtool.trainers import streams
from embedtool.trainers.count_tables import NO_NEGATIVES, build_negative_table, negative_cdf
from embedtool.trainers.kernel_threads import KernelJob
from tests.unit.small_replica import (
    KEY,
    MODES,
    N_WORDS,
    NGRAM_SCALE,
    RATES,
    SIZE,
    copied,
    dequantized,
    in_replica,
    job_on,
    make,
    negatives_drawn,
    read_only,
    tables_of,
    text,
    train,
)


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that all streams of the kernels have tokens, and some of them several minibatches."""
    monkeypatch.setattr("embedtool.trainers.streams.MIN_STREAM_TOKENS", 32)


def check_equal(
    deltas: QuantizedDeltas, before: np.ndarray, after: np.ndarray, curvature: np.ndarray
) -> None:
    """Compare a replica's deltas with those of training on the whole table."""
    expected = (after[deltas.rows] - before[deltas.rows])[:, :SIZE]
    away = np.abs(dequantized(deltas) - expected)
    assert (away <= 0.5001 * np.abs(expected).max(axis=1, keepdims=True) / 127).all()
    assert np.array_equal(deltas.curvature, curvature[deltas.rows])
    others = np.delete(np.arange(len(after)), deltas.rows)
    assert np.array_equal(after[others], before[others])
    assert not curvature[others].any()
    assert np.abs(dequantized(deltas)).max() > 0.01


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(("algorithm", "mode", "loss"), MODES)
def test_a_replica_learns_what_training_on_whole_tables_does(
    algorithm: str, mode: str, loss: str, n_threads: int
) -> None:
    context = make(algorithm, mode=mode, loss=loss)
    sentences, tables = text(2500), tables_of(context)
    text_slice = TextSlice(0, 2500, KEY, RATES, NGRAM_SCALE)
    required, update = in_replica(context, text_slice, sentences, tables, n_threads)
    whole = copied(tables)
    job = job_on(context, sentences, whole, negatives_drawn(context, required))
    train(job, 0, 2500)
    assert update.losses == job.take_losses()
    assert job.shared.tokens.lengths.min() > 0
    assert job.shared.tokens.lengths.max() > MINIBATCH_TOKENS
    for side, (deltas,) in enumerate((update.inputs, update.outputs)):
        check_equal(deltas, tables[side], whole[side], job.curvature()[side])
    assert len(required.inputs) < context.subwords.n_rows
    if context.hierarchical:
        assert len(required.outputs) < context.n_words - 1


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
def test_a_slice_from_the_middle_learns_what_the_same_tokens_of_the_whole_do(
    mode: str, algorithm: str
) -> None:
    """The same tokens are thinned out, with windows of the same widths."""
    context = make(algorithm, mode=mode, loss="hierarchical-softmax")
    (ids, ends), tables = text(2000), tables_of(context)
    first, last = 700, 1800
    inside = ends[(ends > first) & (ends <= last)] - first
    text_slice = TextSlice(first, last, KEY, RATES, NGRAM_SCALE)
    _, update = in_replica(context, text_slice, (ids[first:last], inside), tables)
    whole = copied(tables)
    job = job_on(context, (ids, ends), whole, NO_NEGATIVES)
    train(job, first, last)
    for side, (deltas,) in enumerate((update.inputs, update.outputs)):
        check_equal(deltas, tables[side], whole[side], job.curvature()[side])


@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
def test_a_slice_of_few_words_with_many_negatives(algorithm: str, mode: str) -> None:
    """There are more negatives than rows of the words of the text."""
    context = make(algorithm, n_words=900, mode=mode)
    sentences, tables = text(600, n_used=6), tables_of(context)
    required, update = in_replica(
        context, TextSlice(0, 600, KEY, RATES, NGRAM_SCALE), sentences, tables
    )
    assert len(required.inputs) < len(required.words)
    whole = copied(tables)
    job = job_on(context, sentences, whole, negatives_drawn(context, required))
    train(job, 0, 600)
    for side, (deltas,) in enumerate((update.inputs, update.outputs)):
        check_equal(deltas, tables[side], whole[side], job.curvature()[side])


@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
def test_a_slice_of_one_word(loss: str) -> None:
    context = make(loss=loss, sample=0.0)
    ids, ends = read_only(np.full(9, 4, np.int32)), read_only(np.array([9]))
    tables = tables_of(context)
    required, update = in_replica(
        context, TextSlice(5, 14, KEY, RATES, NGRAM_SCALE), (ids, ends), tables
    )
    assert required.words[required.in_text].tolist() == update.inputs[0].rows.tolist() == [4]
    assert update.losses.pairs > 0
    assert update.inputs[0].curvature[0] > 0


def test_a_slice_is_trained_in_several_chunks_of_falling_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(streams, "CHUNK_TOKENS", 400)
    chunks = []
    train_chunk = KernelJob.train

    def watched(
        self: KernelJob, pool: Any, tokens: Any, size: int, key: Any, *falling: Any
    ) -> None:
        chunks.append((tokens, falling[0]))
        assert falling[1] == 0.5
        train_chunk(self, pool, tokens, size, key, *falling)

    monkeypatch.setattr(KernelJob, "train", watched)
    context = make()
    in_replica(context, TextSlice(0, 1000, KEY, (0.4, 0.1), 0.5), text(1000), tables_of(context))
    assert [tokens for tokens, _ in chunks] == [(0, 334), (334, 668), (668, 1000)]
    rates = [chunks[0][1][0], *(last for _, (_, last) in chunks)]
    assert [first for _, (first, _) in chunks] == rates[:-1]
    np.testing.assert_allclose(rates, [0.4, 0.2998, 0.1996, 0.1])


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("n_tokens", [1, 300, 60_000])
def test_a_slice_needs_its_words_and_negatives_drawn_by_their_probabilities(
    n_tokens: int, algorithm: str
) -> None:
    context = make(algorithm)
    ids, _ = text(n_tokens)
    required = required_rows(context, TextSlice(7, 7 + n_tokens, KEY, RATES, NGRAM_SCALE), ids)
    used = np.unique(ids)
    for rising in (required.words, required.inputs, required.outputs):
        assert rising.dtype == np.int32
        assert (np.diff(rising) > 0).all()
    assert required.words[required.in_text].tolist() == used.tolist()
    assert required.outputs.tolist() == required.words.tolist()
    rows = context.subwords
    own = {row for word in used for row in rows.indices[rows.indptr[word] : rows.indptr[word + 1]]}
    assert required.inputs.tolist() == sorted(own)
    n_draws = max(MIN_NEGATIVES, int(NEGATIVES_PER_TOKEN * n_tokens))
    assert required.negative_counts.sum() == n_draws
    draws = np.zeros(N_WORDS)
    draws[required.words] = required.negative_counts
    assert np.abs(draws - n_draws * np.diff(context.negative_cdf, prepend=0)).max() < 1
    assert ((required.negative_counts > 0) | required.in_text).all()


def test_negatives_are_drawn_anew_for_each_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """On average over slices, each as often as it should be."""
    monkeypatch.setattr(slices, "MIN_NEGATIVES", 20)
    monkeypatch.setattr(slices, "NEGATIVES_PER_TOKEN", 0.1)
    context = make()
    ids, _ = text(100)
    draws = np.zeros((500, N_WORDS))
    for i in range(len(draws)):
        required = required_rows(
            context, TextSlice(100 * i, 100 * (i + 1), KEY, RATES, NGRAM_SCALE), ids
        )
        draws[i, required.words] = required.negative_counts
    assert (draws.sum(axis=1) == 20).all()
    assert len(np.unique(draws, axis=0)) > 10
    expected = 20 * np.diff(context.negative_cdf, prepend=0)
    np.testing.assert_allclose(draws.mean(axis=0), expected, atol=5 * 0.5 / np.sqrt(len(draws)))
    again = required_rows(context, TextSlice(0, 100, KEY, RATES, NGRAM_SCALE), ids)
    other = required_rows(context, TextSlice(0, 100, KEY + 1, RATES, NGRAM_SCALE), ids)
    assert draws[0, again.words].tolist() == again.negative_counts.tolist()
    assert not np.array_equal(again.words, other.words)


def test_with_hierarchical_softmax_a_slice_needs_the_nodes_above_its_words() -> None:
    context = make(loss="hierarchical-softmax")
    ids = np.array([80, 4, 80, 30], np.int32)
    required = required_rows(context, TextSlice(0, 4, KEY, RATES, NGRAM_SCALE), ids)
    parents = context.tree[0].parents
    above = set()
    for node in (4, 30, 80):
        while node != len(parents) - 1:
            node = int(parents[node])
            above.add(node - N_WORDS)
    assert required.outputs.tolist() == sorted(above)
    assert required.words.tolist() == [4, 30, 80]
    assert required.in_text.all()
    assert not required.negative_counts.any()


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
def test_frozen_rows_do_not_move(mode: str, algorithm: str) -> None:
    context = make(algorithm, mode=mode)
    frozen = context.frozen.copy()
    frozen[::3] = True
    context = replace(context, frozen=frozen)
    tables = tables_of(context)
    _, update = in_replica(context, TextSlice(0, 900, KEY, RATES, NGRAM_SCALE), text(900), tables)
    (deltas,) = update.inputs
    still = frozen[deltas.rows]
    assert still.any()
    assert not deltas.deltas[still].any()
    assert not deltas.curvature[still].any()
    assert np.abs(dequantized(deltas)[~still]).max(axis=1).min() > 1e-4


@pytest.mark.parametrize(("algorithm", "mode", "loss"), MODES)
def test_curvature_adds_up_over_supersteps(
    algorithm: str, mode: str, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That which the reference updates rows by, over two chunks of several supersteps."""
    monkeypatch.setattr("embedtool.trainers.streams.MIN_STREAM_TOKENS", 90)
    context = make(algorithm, mode=mode, loss=loss)
    sentences, tables = text(400), tables_of(context)
    negatives = NO_NEGATIVES
    if not context.hierarchical:
        counts = np.arange(N_WORDS, 0, -1)
        counts[50:] = 0
        negatives = build_negative_table(negative_cdf(counts, 1.0))
    job = job_on(context, sentences, copied(tables), negatives)
    slow = [table.astype(float) for table in tables]
    expected = [np.zeros(len(table)) for table in slow]
    times = [np.zeros(len(table), int) for table in slow]
    apply_updates = reference.apply_updates

    def watched(table: np.ndarray, deltas: Any, word_progress: Any, scale: float) -> None:
        (side,) = (k for k in range(2) if slow[k] is table)
        for delta in deltas:
            expected[side][delta.row] += min(1.0, delta.curvature)
        for row in {delta.row for delta in deltas}:
            times[side][row] += 1
        apply_updates(table, deltas, word_progress, scale)

    monkeypatch.setattr(reference, "apply_updates", watched)
    for first, last in ((0, 270), (270, 400)):
        train(job, first, last)
        chunk = Chunk(
            1,
            np.zeros(0, np.int64),
            first,
            last,
            90,
            np.uint64(KEY),
            *RATES,
            np.float32(NGRAM_SCALE),
        )
        reference.train_chunk(job.n_streams, chunk, job.shared, slow[0], slow[1])
    sums = (job.scratch[0].merge.input_sums, job.scratch[0].merge.output_sums)
    for side, curvature in enumerate(job.curvature()):
        assert np.array_equal(curvature, sums[side]["total_progress"])
        for name in ("progress", "last", "padding"):
            assert not sums[side][name].any()
        np.testing.assert_allclose(curvature, expected[side], rtol=1e-3, atol=1e-5)
        assert not curvature[times[side] == 0].any()
        assert (times[side] == 0).any()
        assert (times[side] > 2).any()
        assert curvature.max() > 0.1
