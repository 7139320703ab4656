"""Lanes: each learns on rows of its own what it would on whole tables."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from embedtool.distributed import replica
from embedtool.distributed.merging import Steps
from embedtool.distributed.replica import LEAST_SAMPLE, SAMPLE_SHARE, Piece, needs_of
from embedtool.kernels.sgd import reference
from embedtool.kernels.sgd.arrays import TURN
from embedtool.trainers.kernel_job import NO_NOISE, Work, noise_of, noise_shares, streams_of
from tests.unit.small_lanes import (
    DAMPING,
    KEY,
    MODES,
    N_WORDS,
    RATES,
    SIZE,
    copied,
    in_lane,
    make,
    noise_drawn,
    read_only,
    steps_made,
    tables_of,
    text,
    train,
    work_on,
)


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that all lanes of the kernels have tokens, and some of them several turns."""
    monkeypatch.setattr("embedtool.trainers.kernel_job.LEAST_PART", 32)


def check_equal(steps: Steps, before: np.ndarray, after: np.ndarray, bends: np.ndarray) -> None:
    """Compare a lane's steps with what training on the whole has made of a table."""
    expected = (after[steps.rows] - before[steps.rows])[:, :SIZE]
    away = np.abs(steps_made(steps) - expected)
    assert (away <= 0.5001 * np.abs(expected).max(axis=1, keepdims=True) / 127).all()
    assert np.array_equal(steps.bends, bends[steps.rows])
    others = np.delete(np.arange(len(after)), steps.rows)
    assert np.array_equal(after[others], before[others])
    assert not bends[others].any()
    assert np.abs(steps_made(steps)).max() > 0.01


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(("algorithm", "mode", "loss"), MODES)
def test_a_lane_learns_what_is_learnt_on_whole_tables(
    algorithm: str, mode: str, loss: str, n_threads: int
) -> None:
    lexicon = make(algorithm, mode=mode, loss=loss)
    sentences, tables = text(2500), tables_of(lexicon)
    piece = Piece(0, 2500, KEY, RATES, DAMPING)
    needs, learnt = in_lane(lexicon, piece, sentences, tables, n_threads)
    whole = copied(tables)
    work = work_on(lexicon, sentences, whole, noise_drawn(lexicon, needs))
    train(work, 0, 2500)
    assert learnt.losses == work.take_losses()
    assert work.stretch.lengths.min() > 0
    assert work.stretch.lengths.max() > TURN
    for side, (steps,) in enumerate((learnt.inputs, learnt.outputs)):
        check_equal(steps, tables[side], whole[side], work.bends()[side])
    assert len(needs.inputs) < lexicon.rows.n_rows
    if lexicon.hierarchical:
        assert len(needs.outputs) < lexicon.n_words - 1


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
def test_a_piece_from_the_middle_learns_what_the_same_tokens_of_the_whole_do(
    mode: str, algorithm: str
) -> None:
    """The same tokens are thinned out, with windows of the same widths."""
    lexicon = make(algorithm, mode=mode, loss="hierarchical-softmax")
    (ids, ends), tables = text(2000), tables_of(lexicon)
    first, last = 700, 1800
    inside = ends[(ends > first) & (ends <= last)] - first
    piece = Piece(first, last, KEY, RATES, DAMPING)
    _, learnt = in_lane(lexicon, piece, (ids[first:last], inside), tables)
    whole = copied(tables)
    work = work_on(lexicon, (ids, ends), whole, NO_NOISE)
    train(work, first, last)
    for side, (steps,) in enumerate((learnt.inputs, learnt.outputs)):
        check_equal(steps, tables[side], whole[side], work.bends()[side])


@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
def test_a_piece_of_few_words_with_many_noise_words(algorithm: str, mode: str) -> None:
    """There are more noise words than rows of the words of the text."""
    lexicon = make(algorithm, n_words=900, mode=mode)
    sentences, tables = text(600, n_used=6), tables_of(lexicon)
    needs, learnt = in_lane(lexicon, Piece(0, 600, KEY, RATES, DAMPING), sentences, tables)
    assert len(needs.inputs) < len(needs.words)
    whole = copied(tables)
    work = work_on(lexicon, sentences, whole, noise_drawn(lexicon, needs))
    train(work, 0, 600)
    for side, (steps,) in enumerate((learnt.inputs, learnt.outputs)):
        check_equal(steps, tables[side], whole[side], work.bends()[side])


@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
def test_a_piece_of_one_word(loss: str) -> None:
    lexicon = make(loss=loss, sample=0.0)
    ids, ends = read_only(np.full(9, 4, np.int32)), read_only(np.array([9]))
    tables = tables_of(lexicon)
    needs, learnt = in_lane(lexicon, Piece(5, 14, KEY, RATES, DAMPING), (ids, ends), tables)
    assert needs.words[needs.in_text].tolist() == learnt.inputs[0].rows.tolist() == [4]
    assert learnt.losses.pairs > 0
    assert learnt.inputs[0].bends[0] > 0


def test_a_piece_is_trained_in_several_stretches_of_falling_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(replica, "STRETCH_TOKENS", 400)
    taken = []
    train_stretch = Work.train

    def watched(self: Work, pool: Any, tokens: Any, size: int, key: Any, *falling: Any) -> None:
        taken.append((tokens, falling[0]))
        assert falling[1] == 0.5
        train_stretch(self, pool, tokens, size, key, *falling)

    monkeypatch.setattr(Work, "train", watched)
    lexicon = make()
    in_lane(lexicon, Piece(0, 1000, KEY, (0.4, 0.1), 0.5), text(1000), tables_of(lexicon))
    assert [tokens for tokens, _ in taken] == [(0, 334), (334, 668), (668, 1000)]
    rates = [taken[0][1][0], *(last for _, (_, last) in taken)]
    assert [first for _, (first, _) in taken] == rates[:-1]
    np.testing.assert_allclose(rates, [0.4, 0.2998, 0.1996, 0.1])


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("n_tokens", [1, 300, 60_000])
def test_a_piece_needs_its_words_and_noise_words_drawn_by_their_shares(
    n_tokens: int, algorithm: str
) -> None:
    lexicon = make(algorithm)
    ids, _ = text(n_tokens)
    needs = needs_of(lexicon, Piece(7, 7 + n_tokens, KEY, RATES, DAMPING), ids)
    used = np.unique(ids)
    for rising in (needs.words, needs.inputs, needs.outputs):
        assert rising.dtype == np.int32
        assert (np.diff(rising) > 0).all()
    assert needs.words[needs.in_text].tolist() == used.tolist()
    assert needs.outputs.tolist() == needs.words.tolist()
    rows = lexicon.rows
    own = {row for word in used for row in rows.rows[rows.starts[word] : rows.starts[word + 1]]}
    assert needs.inputs.tolist() == sorted(own)
    n_draws = max(LEAST_SAMPLE, int(SAMPLE_SHARE * n_tokens))
    assert needs.draws.sum() == n_draws
    draws = np.zeros(N_WORDS)
    draws[needs.words] = needs.draws
    assert np.abs(draws - n_draws * np.diff(lexicon.noise, prepend=0)).max() < 1
    assert ((needs.draws > 0) | needs.in_text).all()


def test_noise_words_are_drawn_anew_for_each_piece(monkeypatch: pytest.MonkeyPatch) -> None:
    """On average over pieces, each as often as it should be."""
    monkeypatch.setattr(replica, "LEAST_SAMPLE", 20)
    monkeypatch.setattr(replica, "SAMPLE_SHARE", 0.1)
    lexicon = make()
    ids, _ = text(100)
    draws = np.zeros((500, N_WORDS))
    for i in range(len(draws)):
        needs = needs_of(lexicon, Piece(100 * i, 100 * (i + 1), KEY, RATES, DAMPING), ids)
        draws[i, needs.words] = needs.draws
    assert (draws.sum(axis=1) == 20).all()
    assert len(np.unique(draws, axis=0)) > 10
    expected = 20 * np.diff(lexicon.noise, prepend=0)
    np.testing.assert_allclose(draws.mean(axis=0), expected, atol=5 * 0.5 / np.sqrt(len(draws)))
    again = needs_of(lexicon, Piece(0, 100, KEY, RATES, DAMPING), ids)
    other = needs_of(lexicon, Piece(0, 100, KEY + 1, RATES, DAMPING), ids)
    assert draws[0, again.words].tolist() == again.draws.tolist()
    assert not np.array_equal(again.words, other.words)


def test_with_hierarchical_softmax_a_piece_needs_the_nodes_above_its_words() -> None:
    lexicon = make(loss="hierarchical-softmax")
    ids = np.array([80, 4, 80, 30], np.int32)
    needs = needs_of(lexicon, Piece(0, 4, KEY, RATES, DAMPING), ids)
    parents = lexicon.tree[0].parents
    above = set()
    for node in (4, 30, 80):
        while node != len(parents) - 1:
            node = int(parents[node])
            above.add(node - N_WORDS)
    assert needs.outputs.tolist() == sorted(above)
    assert needs.words.tolist() == [4, 30, 80]
    assert needs.in_text.all()
    assert not needs.draws.any()


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
def test_frozen_rows_do_not_move(mode: str, algorithm: str) -> None:
    lexicon = make(algorithm, mode=mode)
    frozen = lexicon.frozen.copy()
    frozen[::3] = True
    lexicon = replace(lexicon, frozen=frozen)
    tables = tables_of(lexicon)
    _, learnt = in_lane(lexicon, Piece(0, 900, KEY, RATES, DAMPING), text(900), tables)
    (steps,) = learnt.inputs
    still = frozen[steps.rows]
    assert still.any()
    assert not steps.steps[still].any()
    assert not steps.bends[still].any()
    assert np.abs(steps_made(steps)[~still]).max(axis=1).min() > 1e-4


@pytest.mark.parametrize(("algorithm", "mode", "loss"), MODES)
def test_bends_add_up_over_rounds(
    algorithm: str, mode: str, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the twin of the kernel moves rows by, over two stretches of several rounds."""
    monkeypatch.setattr("embedtool.trainers.kernel_job.LEAST_PART", 90)
    lexicon = make(algorithm, mode=mode, loss=loss)
    sentences, tables = text(400), tables_of(lexicon)
    noise = NO_NOISE
    if not lexicon.hierarchical:
        counts = np.arange(N_WORDS, 0, -1)
        counts[50:] = 0
        noise = noise_of(noise_shares(counts, 1.0))
    work = work_on(lexicon, sentences, copied(tables), noise)
    slow = [table.astype(float) for table in tables]
    expected = [np.zeros(len(table)) for table in slow]
    times = [np.zeros(len(table), int) for table in slow]
    move = reference._move

    def watched(table: np.ndarray, steps: Any, of_words: Any, damping: float) -> None:
        (side,) = (k for k in range(2) if slow[k] is table)
        for step in steps:
            expected[side][step.row] += min(1.0, step.bend)
        for row in {step.row for step in steps}:
            times[side][row] += 1
        move(table, steps, of_words, damping)

    monkeypatch.setattr(reference, "_move", watched)
    n_lanes = len(work.stretch.lengths)
    for first, last in ((0, 270), (270, 400)):
        train(work, first, last)
        reference.train_stretch(
            n_lanes, first, last, 90, int(np.uint64(KEY)), *RATES, DAMPING, work.text, work.words,
            work.noise, work.tree, *slow, work.options,
        )  # fmt: skip
    sums = (work.spaces[0].input_sums, work.spaces[0].output_sums)
    for side, bends in enumerate(work.bends()):
        assert np.array_equal(bends, sums[side][:, 2])
        assert not sums[side][:, [0, 1, 3]].any()
        np.testing.assert_allclose(bends, expected[side], rtol=1e-3, atol=1e-5)
        assert not bends[times[side] == 0].any()
        assert (times[side] == 0).any()
        assert (times[side] > 2).any()
        assert bends.max() > 0.1


def test_a_round_is_at_most_half_the_square_root_of_the_text() -> None:
    for n_tokens, n_streams in (
        (0, 1), (65_535, 1), (65_536, 2), (262_143, 2), (262_144, 4), (1_048_576, 8),
        (4_194_303, 8), (4_194_304, 16), (10**12, 16),
    ):  # fmt: skip
        assert streams_of(n_tokens) == n_streams
