"""Lanes: each learns on rows of its own what it would on whole tables; then they join."""

from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from embedtool.config import FastTextConfig, Word2VecConfig
from embedtool.distributed import joining, lanes, word2vec
from embedtool.distributed.joining import BEND_FACTOR, Steps, directions, join
from embedtool.distributed.lanes import (
    LEAST_SAMPLE,
    SAMPLE_SHARE,
    Borrowed,
    Learnt,
    Lexicon,
    Needs,
    Piece,
    lexicon_of,
    needs_of,
    rows_in_shard,
    train_piece,
)
from embedtool.distributed.word2vec import Round, rounds_of
from embedtool.kernels import reference, reference_word2vec
from embedtool.kernels.layout import TURN, Noise, Text
from embedtool.trainers.lanes import NO_NOISE, Work, noise_of, noise_shares, prepare
from embedtool.trainers.subwords import rows_of_words
from embedtool.trainers.tables import zeros

N_WORDS = 90
SIZE, WIDTH = 20, 32
KEY = 2**64 - 1000
"""Made of seed and epoch; with the place of a piece it goes beyond 64 bits."""
RATES = (0.4, 0.2)
Sentences = tuple[np.ndarray, np.ndarray]
Tables = tuple[np.ndarray, np.ndarray]

MODES = [
    (algorithm, mode, loss)
    for algorithm in ("word2vec", "fasttext")
    for mode in ("cbow", "skipgram")
    for loss in ("negative-sampling", "hierarchical-softmax")
]


@pytest.fixture(autouse=True)
def small_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that all lanes of the kernels have tokens, and some of them several turns."""
    monkeypatch.setattr("embedtool.trainers.lanes.LEAST_PART", 32)


def text(n_tokens: int, n_used: int = 50, seed: int = 0) -> Sentences:
    """Sentences of every second of the first words, some far more frequent than others."""
    rng = np.random.default_rng(seed)
    ids = (n_used * rng.random(n_tokens) ** 2).astype(np.int32) // 2 * 2
    ends = np.cumsum(rng.integers(1, 20, n_tokens))
    ends = np.append(ends[ends < n_tokens], n_tokens).astype(np.int64)
    return read_only(ids), read_only(ends)


def read_only(array: np.ndarray) -> np.ndarray:
    """As arrays come from Ray, and from a mapped file."""
    array.flags.writeable = False
    return array


def make(algorithm: str = "word2vec", n_words: int = N_WORDS, **options: Any) -> Lexicon:
    """Words of which some are frequent, and one row is frozen."""
    config: Word2VecConfig
    options = {"vector_size": SIZE, "sample": 0.005, "window": 3, "workers": 1, **options}
    if algorithm == "word2vec":
        config = Word2VecConfig(**options)
    else:
        config = FastTextConfig(**{"min_n": 2, "max_n": 3, "bucket": 500, **options})
    rows = rows_of_words([f"w{'xyz'[i % 3]}{i}" for i in range(n_words)], config)
    frozen = np.zeros(rows.n_rows, np.bool_)
    frozen[[2, rows.n_rows - 1]] = True
    counts = 10_000 // np.arange(1, n_words + 1)
    return lexicon_of(config, counts, rows, frozen)


def tables_of(lexicon: Lexicon, seed: int = 1) -> Tables:
    rng = np.random.default_rng(seed)
    found = []
    for n_rows in (lexicon.rows.n_rows, lexicon.n_words):
        table = zeros(n_rows, WIDTH)
        table[:, :SIZE] = rng.normal(0, 0.3, (n_rows, SIZE))
        found.append(table)
    return found[0], found[1]


def copied(tables: Tables) -> Tables:
    """The same, where the kernels take them."""
    copies = zeros(*tables[0].shape), zeros(*tables[1].shape)
    for copy, table in zip(copies, tables, strict=True):
        copy[:] = table
    return copies


def as_sent(tables: Tables) -> Tables:
    """The same without what fills their rows up for the kernels."""
    return tables[0][:, :SIZE].copy(), tables[1][:, :SIZE].copy()


def in_lane(
    lexicon: Lexicon, piece: Piece, sentences: Sentences, tables: Tables, n_threads: int = 1
) -> tuple[Needs, Learnt]:
    needs = needs_of(lexicon, piece, sentences[0])
    inputs, outputs = as_sent(tables)
    given = (
        Borrowed(needs.inputs, [inputs], whole=True),
        Borrowed(needs.outputs, [outputs], whole=True),
    )
    return needs, train_piece(lexicon, piece, sentences, needs, given, n_threads)


def work_on(lexicon: Lexicon, sentences: Sentences, tables: Tables, noise: Noise) -> Work:
    return prepare(
        lexicon.config, Text(*sentences, lexicon.keep),
        (lexicon.rows.starts, lexicon.rows.rows, lexicon.frozen), noise, lexicon.tree, tables,
    )  # fmt: skip


def train(work: Work, first: int, last: int, key: int = KEY) -> None:
    with ThreadPoolExecutor(1) as pool:
        work.train(pool, (first, last), last - first, np.uint64(key), RATES)


def noise_drawn(lexicon: Lexicon, needs: Needs) -> Noise:
    """The noise words of a piece, drawn from among all words."""
    if lexicon.hierarchical:
        return NO_NOISE
    draws = np.zeros(lexicon.n_words, np.int32)
    draws[needs.words] = needs.draws
    return noise_of(np.cumsum(draws) / draws.sum())


def check_equal(steps: Steps, before: np.ndarray, after: np.ndarray, bends: np.ndarray) -> None:
    """Compare a lane's steps with what training on the whole has made of a table."""
    expected = np.ascontiguousarray((after[steps.rows] - before[steps.rows])[:, :SIZE])
    assert np.array_equal(steps.steps, reference.bfloat16(expected))
    assert np.array_equal(steps.bends, bends[steps.rows])
    others = np.delete(np.arange(len(after)), steps.rows)
    assert np.array_equal(after[others], before[others])
    assert not bends[others].any()
    assert np.abs(reference.float32(steps.steps)).max() > 0.01


@pytest.mark.parametrize("n_threads", [1, 2])
@pytest.mark.parametrize(("algorithm", "mode", "loss"), MODES)
def test_a_lane_learns_what_is_learnt_on_whole_tables(
    algorithm: str, mode: str, loss: str, n_threads: int
) -> None:
    lexicon = make(algorithm, mode=mode, loss=loss)
    sentences, tables = text(2500), tables_of(lexicon)
    piece = Piece(0, 2500, KEY, RATES)
    needs, learnt = in_lane(lexicon, piece, sentences, tables, n_threads)
    whole = copied(tables)
    work = work_on(lexicon, sentences, whole, noise_drawn(lexicon, needs))
    train(work, 0, 2500)
    assert (learnt.loss, learnt.pairs) == work.take_losses()
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
    piece = Piece(first, last, KEY, RATES)
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
    needs, learnt = in_lane(lexicon, Piece(0, 600, KEY, RATES), sentences, tables)
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
    needs, learnt = in_lane(lexicon, Piece(5, 14, KEY, RATES), (ids, ends), tables)
    assert needs.words[needs.in_text].tolist() == learnt.inputs[0].rows.tolist() == [4]
    assert learnt.pairs > 0
    assert learnt.inputs[0].bends[0] > 0


def test_a_piece_is_trained_in_several_stretches_of_falling_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lanes, "STRETCH_TOKENS", 400)
    taken = []
    train_stretch = Work.train

    def watched(self: Work, pool: Any, tokens: Any, size: int, key: Any, rates: Any) -> None:
        taken.append((tokens, rates))
        train_stretch(self, pool, tokens, size, key, rates)

    monkeypatch.setattr(Work, "train", watched)
    lexicon = make()
    in_lane(lexicon, Piece(0, 1000, KEY, (0.4, 0.1)), text(1000), tables_of(lexicon))
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
    needs = needs_of(lexicon, Piece(7, 7 + n_tokens, KEY, RATES), ids)
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
    monkeypatch.setattr(lanes, "LEAST_SAMPLE", 20)
    monkeypatch.setattr(lanes, "SAMPLE_SHARE", 0.1)
    lexicon = make()
    ids, _ = text(100)
    draws = np.zeros((500, N_WORDS))
    for i in range(len(draws)):
        needs = needs_of(lexicon, Piece(100 * i, 100 * (i + 1), KEY, RATES), ids)
        draws[i, needs.words] = needs.draws
    assert (draws.sum(axis=1) == 20).all()
    assert len(np.unique(draws, axis=0)) > 10
    expected = 20 * np.diff(lexicon.noise, prepend=0)
    np.testing.assert_allclose(draws.mean(axis=0), expected, atol=5 * 0.5 / np.sqrt(len(draws)))
    again = needs_of(lexicon, Piece(0, 100, KEY, RATES), ids)
    other = needs_of(lexicon, Piece(0, 100, KEY + 1, RATES), ids)
    assert draws[0, again.words].tolist() == again.draws.tolist()
    assert not np.array_equal(again.words, other.words)


def test_with_hierarchical_softmax_a_piece_needs_the_nodes_above_its_words() -> None:
    lexicon = make(loss="hierarchical-softmax")
    ids = np.array([80, 4, 80, 30], np.int32)
    needs = needs_of(lexicon, Piece(0, 4, KEY, RATES), ids)
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


@pytest.fixture(scope="module")
def three_lanes() -> tuple[Lexicon, Tables, list[Learnt]]:
    """What lanes have learnt of different texts, of words that not all of them have."""
    lexicon = make("fasttext")
    tables = tables_of(lexicon)
    learnt = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.trainers.lanes.LEAST_PART", 32)
        for i, n_used in enumerate((20, 50, 90)):
            piece = Piece(i * 500, (i + 1) * 500, KEY, RATES)
            learnt.append(in_lane(lexicon, piece, text(500, n_used, seed=i), tables)[1])
    return lexicon, as_sent(tables), learnt


ThreeLanes = tuple[Lexicon, Tables, list[Learnt]]


@pytest.mark.parametrize("n_lanes", [1, 3])
def test_directions_are_at_right_angles_and_share_the_trace(
    n_lanes: int, three_lanes: ThreeLanes
) -> None:
    moments = [each.moments for each in three_lanes[2][:n_lanes]]
    for (vectors, speeds), table in zip(directions(moments), (1, 0), strict=True):
        assert (vectors.dtype, speeds.dtype) == (np.float32, np.float32)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(SIZE), atol=1e-5)
        assert speeds.sum() == pytest.approx(1, rel=1e-6)
        assert (speeds >= 0).all()
        total = np.sum([each[table] for each in moments], axis=0)
        expected = (vectors * speeds) @ vectors.T * np.trace(total)
        np.testing.assert_allclose(total, expected, atol=1e-5 * np.trace(total))


def test_without_moments_there_are_directions_all_the_same() -> None:
    none = np.zeros((SIZE, SIZE))
    for vectors, speeds in directions([(none, none)]):
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(SIZE), atol=1e-5)
        assert not speeds.any()


@pytest.mark.parametrize("loss", ["negative-sampling", "hierarchical-softmax"])
def test_moments_are_of_what_is_met(loss: str) -> None:
    """Of a skip-gram text without thinning: its words' vectors, and the rows that they meet."""
    lexicon = make(mode="skipgram", loss=loss, sample=0.0)
    sentences, (inputs, outputs) = text(400), tables_of(lexicon)
    needs, learnt = in_lane(lexicon, Piece(0, 400, KEY, RATES), sentences, (inputs, outputs))
    hidden = inputs[sentences[0], :SIZE].astype(float)
    np.testing.assert_allclose(learnt.moments[0], hidden.T @ hidden / 400, rtol=1e-6)
    if lexicon.hierarchical:
        parents = lexicon.tree[0].parents
        met = []
        for node in sentences[0].tolist():
            while node != len(parents) - 1:
                node = int(parents[node])
                met.append(node - N_WORDS)
    else:
        met = np.repeat(needs.words, needs.draws).tolist()
    rows = outputs[met, :SIZE].astype(float)
    expected = rows.T @ rows / len(met)
    np.testing.assert_allclose(learnt.moments[1], expected, atol=0.01 * np.trace(expected))


def joined(
    table: np.ndarray, steps: Sequence[Steps], found: tuple[np.ndarray, ...], n_shards: int = 1
) -> np.ndarray:
    """A table after the steps of lanes, joined in shards."""
    after = np.empty_like(table)
    for k in range(n_shards):
        shard = read_only(table[k::n_shards].copy())
        after[k::n_shards] = join(shard, [shard_of(each, k, n_shards) for each in steps], *found)
    return after


def shard_of(steps: Steps, number: int, n_shards: int) -> Steps:
    places, rows = rows_in_shard(steps.rows, number, n_shards)
    return Steps(rows, steps.steps[places], steps.bends[places])


@pytest.mark.parametrize("n_shards", [1, 2, 3])
@pytest.mark.parametrize("side", [0, 1])
def test_one_lane_goes_all_its_steps(side: int, n_shards: int, three_lanes: ThreeLanes) -> None:
    _, tables, (_, learnt, _) = three_lanes
    steps = (learnt.inputs, learnt.outputs)[side][0]
    expected = tables[side].copy()
    expected[steps.rows] += reference.float32(steps.steps)
    found = directions([learnt.moments])[side]
    assert np.array_equal(joined(tables[side], [steps], found, n_shards), expected)


def slowly_joined(
    table: np.ndarray, steps: Sequence[Steps], vectors: np.ndarray, speeds: np.ndarray
) -> np.ndarray:
    """The same row by row, in double precision."""
    after = table.astype(float)
    for row in range(len(table)):
        total, bends = np.zeros((1, SIZE)), []
        for each in steps:
            (place,) = np.flatnonzero(each.rows == row) if row in each.rows else (None,)
            if place is not None:
                total += reference.float32(each.steps[place]) @ vectors
                bends.append(BEND_FACTOR * each.bends[place : place + 1].astype(float))
        if bends:
            reference.join_ways(total, np.array(bends), speeds)
            after[row] += (vectors @ total[0]).astype(float)
    return after


@pytest.mark.parametrize("side", [0, 1])
def test_lanes_join_along_the_directions(
    side: int, three_lanes: ThreeLanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joining, "JOINED_AT_ONCE", 7)
    _, tables, learnt = three_lanes
    steps = [(each.inputs, each.outputs)[side][0] for each in learnt]
    found = directions([each.moments for each in learnt])[side]
    after = joined(tables[side], steps, found)
    np.testing.assert_allclose(after, slowly_joined(tables[side], steps, *found), atol=1e-5)
    plain = tables[side].copy()
    for each in steps:
        plain[each.rows] += reference.float32(each.steps)
    n_lanes = np.bincount(np.concatenate([each.rows[each.bends > 0] for each in steps]))
    differs = np.abs(after - plain).max(axis=1) > 1e-3
    assert differs.sum() > 5
    assert not differs[np.flatnonzero(n_lanes < 2)].any()


@pytest.mark.parametrize("n_shards", [2, 3])
@pytest.mark.parametrize("side", [0, 1])
def test_the_number_of_shards_changes_nothing(
    side: int, n_shards: int, three_lanes: ThreeLanes
) -> None:
    _, tables, learnt = three_lanes
    steps = [(each.inputs, each.outputs)[side][0] for each in learnt]
    found = directions([each.moments for each in learnt])[side]
    expected = joined(tables[side], steps, found)
    np.testing.assert_allclose(
        joined(tables[side], steps, found, n_shards), expected, rtol=0, atol=1e-6
    )


@pytest.mark.parametrize("side", [0, 1])
def test_the_order_of_lanes_changes_nothing_beyond_rounding(
    side: int, three_lanes: ThreeLanes
) -> None:
    _, tables, learnt = three_lanes
    after = []
    for order in (learnt, learnt[::-1], [*learnt[1:], learnt[0]]):
        steps = [(each.inputs, each.outputs)[side][0] for each in order]
        found = directions([each.moments for each in order])[side]
        after.append(joined(tables[side], steps, found))
    for each in after[1:]:
        np.testing.assert_allclose(each, after[0], atol=1e-5)


def test_a_shard_that_no_lane_moves_stays() -> None:
    none = Steps(np.empty(0, np.int32), np.empty((0, SIZE), np.uint16), np.empty(0, np.float32))
    shard = np.random.default_rng(0).standard_normal((5, SIZE)).astype(np.float32)
    after = join(shard, [none, none], np.eye(SIZE, dtype=np.float32), np.ones(SIZE, np.float32))
    assert np.array_equal(after, shard)
    assert after is not shard


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("n_shards", [1, 2, 3, 5])
def test_rows_are_taken_from_shards_and_given_back_as_steps(n_shards: int, whole: bool) -> None:
    rng = np.random.default_rng(0)
    table = rng.standard_normal((41, SIZE)).astype(np.float32)
    for rows in ([], [0], [40], [0, 1, 2, 7, 8, 40], range(41)):
        chosen = np.array(rows, np.int32)
        shards = [
            table[k::n_shards] if whole else table[chosen[chosen % n_shards == k]]
            for k in range(n_shards)
        ]
        borrowed = Borrowed(chosen, [read_only(shard.copy()) for shard in shards], whole)
        taken = borrowed.table()
        assert np.array_equal(taken[:, :SIZE], table[chosen])
        assert taken.shape == (len(chosen), WIDTH)
        assert not taken[:, SIZE:].any()
        taken += rng.standard_normal(taken.shape).astype(np.float32)
        bends = rng.random(len(chosen)).astype(np.float32)
        found = borrowed.steps(taken, bends)
        assert len(found) == n_shards
        for k, steps in enumerate(found):
            inside = chosen % n_shards == k
            assert (n_shards * steps.rows + k).tolist() == chosen[inside].tolist()
            expected = taken[inside, :SIZE] - table[chosen[inside]]
            assert np.array_equal(steps.steps, reference.bfloat16(expected))
            assert np.array_equal(steps.bends, bends[inside])


def parts_of(sentences: Sentences, cuts: Sequence[int]) -> tuple[list[Sentences], list[int]]:
    """Parts of whole sentences, and where each begins."""
    ids, ends = sentences
    starts = [0, *(int(ends[i]) for i in cuts), len(ids)]
    parts = [
        (read_only(ids[a:b].copy()), read_only(ends[(ends > a) & (ends <= b)] - a))
        for a, b in pairwise(starts)
    ]
    return parts, starts


@pytest.mark.parametrize("cuts", [[], [9], [3, 9, 9, 30]])
def test_the_text_of_a_piece_is_put_together_from_parts(cuts: list[int]) -> None:
    sentences = text(600)
    ids, ends = sentences
    parts, starts = parts_of(sentences, cuts)
    places = sorted({*starts, *(start + 1 for start in starts[:-1]), int(ends[20]), 300, 599})
    for first in places:
        for last in places:
            holding = [k for k in range(len(parts)) if starts[k] < last and starts[k + 1] > first]
            if first < last:
                found = word2vec._text(
                    Piece(first, last, KEY, RATES), starts[holding[0]],
                    parts[holding[0] : holding[-1] + 1],
                )  # fmt: skip
                assert found[0].tolist() == ids[first:last].tolist()
                inside = ends[(ends > first) & (ends <= last)] - first
                assert found[1].tolist() == inside.tolist()


@dataclass
class OneNode:
    """Stands for the cluster: each lane is on the same node."""

    monkeypatch: pytest.MonkeyPatch

    def lane(
        self, lexicon: Lexicon, piece: Piece, begin: int, parts: list[Sentences],
        shards: list[Tables], everywhere: bool,
    ) -> tuple[Any, ...]:  # fmt: skip
        """What `_Meetings` has a lane do."""
        self.monkeypatch.setattr(word2vec, "here", lambda: "node")
        given: list[Any] = shards
        if not everywhere:
            needs, *rows = word2vec._needs(lexicon, piece, begin, len(shards), *parts)
            taken = [word2vec._take(*each) for each in zip(shards, rows, strict=True)]
            given = [needs, *taken]
        return word2vec._train(lexicon, piece, begin, 1, len(parts), *parts, *given)


def sharded(tables: Tables, n_shards: int) -> list[Tables]:
    tables = as_sent(tables)
    return [
        (read_only(tables[0][k::n_shards].copy()), read_only(tables[1][k::n_shards].copy()))
        for k in range(n_shards)
    ]


@pytest.mark.parametrize("n_shards", [1, 3])
@pytest.mark.parametrize(("algorithm", "mode", "loss"), MODES[::3] + MODES[1::4])
def test_rows_taken_before_make_no_difference(
    algorithm: str, mode: str, loss: str, n_shards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    lexicon = make(algorithm, mode=mode, loss=loss)
    shards = sharded(tables_of(lexicon), n_shards)
    parts, starts = parts_of(text(900), [9, 30])
    piece = Piece(starts[1] + 5, 850, KEY, RATES)
    node = OneNode(monkeypatch)
    told, moments, *steps = node.lane(lexicon, piece, starts[1], parts[1:], shards, True)
    others = node.lane(lexicon, piece, starts[1], parts[1:], shards, False)
    assert told == others[0]
    assert told[2:] == (piece.last - piece.first, "node")
    assert told[1] > 100
    assert len(steps) == len(others[2:]) == n_shards
    for found, other in zip(
        [*moments, *arrays_of(steps)], [*others[1], *arrays_of(others[2:])], strict=True
    ):
        assert found.dtype == other.dtype
        assert found.tobytes() == other.tobytes()


def arrays_of(steps: Sequence[tuple[Steps, Steps]]) -> list[np.ndarray]:
    return [
        array for both in steps for each in both for array in (each.rows, each.steps, each.bends)
    ]


def test_lanes_meet_in_shards(three_lanes: ThreeLanes, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the text to the tables after a meeting, in 1 shard and in 3."""
    lexicon, tables, _ = three_lanes
    sentences, node = text(900), OneNode(monkeypatch)
    after = []
    for n_shards in (1, 3):
        shards = sharded(tables, n_shards)
        told = [
            node.lane(lexicon, Piece(first, last, KEY, RATES), 0, [sentences], shards, True)
            for first, last in ((0, 300), (300, 650), (650, 900))
        ]
        moments = [each[1] for each in told]
        found = tuple(np.empty_like(table) for table in tables)
        for k, shard in enumerate(shards):
            new = word2vec._join(shard, *moments, *(each[2 + k] for each in told))
            for table, part in zip(found, new, strict=True):
                table[k::n_shards] = part
        after.append(found)
        if n_shards == 1:
            for side, way in enumerate(directions(moments)):
                steps = [each[2][side] for each in told]
                assert np.array_equal(found[side], joined(tables[side], steps, way))
    for side in range(2):
        np.testing.assert_allclose(after[1][side], after[0][side], rtol=0, atol=1e-6)
        assert np.abs(after[0][side] - tables[side]).max() > 0.05
    assert np.array_equal(after[0][0][lexicon.frozen], tables[0][lexicon.frozen])


@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
@pytest.mark.parametrize("epochs", [1, 2, 5, 8])
@pytest.mark.parametrize("n_rounds", [1, 2, 3, 8, 16, 17, 80])
def test_rounds_cover_every_epoch(n_rounds: int, epochs: int, mode: Any) -> None:
    rounds = rounds_of(n_rounds, Word2VecConfig(epochs=epochs, mode=mode))
    by_epoch: dict[int, list[Round]] = defaultdict(list)
    for each in rounds:
        by_epoch[each.epoch].append(each)
    assert [each.epoch for each in rounds] == sorted(each.epoch for each in rounds)
    assert list(by_epoch) == list(range(epochs))
    for inside in by_epoch.values():
        assert (inside[0].begin, inside[-1].end) == (0, 1)
        for first, second in pairwise(inside):
            assert first.end == second.begin
        assert all(each.begin < each.end for each in inside)
    assert len(rounds) == max(n_rounds, epochs)


@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
@pytest.mark.parametrize("epochs", [1, 5])
def test_the_first_rounds_are_shorter(epochs: int, mode: Any) -> None:
    rounds = rounds_of(40, Word2VecConfig(epochs=epochs, mode=mode))
    lengths = [each.end - each.begin for each in rounds]
    assert lengths[0] == min(lengths)
    assert lengths[0] < lengths[1] < lengths[2]
    thirds = [sum(part) for part in (lengths[:13], lengths[13:26], lengths[26:])]
    assert 1.5 * thirds[0] < thirds[1] < thirds[2] / 1.2


@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext"])
@pytest.mark.parametrize("mode", ["cbow", "skipgram"])
def test_frozen_rows_do_not_move(mode: str, algorithm: str) -> None:
    lexicon = make(algorithm, mode=mode)
    frozen = lexicon.frozen.copy()
    frozen[::3] = True
    lexicon = replace(lexicon, frozen=frozen)
    tables = tables_of(lexicon)
    _, learnt = in_lane(lexicon, Piece(0, 900, KEY, RATES), text(900), tables)
    (steps,) = learnt.inputs
    still = frozen[steps.rows]
    assert still.any()
    assert not steps.steps[still].any()
    assert not steps.bends[still].any()
    assert np.abs(reference.float32(steps.steps[~still])).max(axis=1).min() > 1e-4


@pytest.mark.parametrize(("algorithm", "mode", "loss"), MODES)
def test_bends_add_up_over_rounds(
    algorithm: str, mode: str, loss: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the twin of the kernel moves rows by, over two stretches of several rounds."""
    monkeypatch.setattr("embedtool.trainers.lanes.LEAST_PART", 90)
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
    move = reference_word2vec._move

    def watched(table: np.ndarray, steps: Any, share: float) -> None:
        (side,) = (k for k in range(2) if slow[k] is table)
        for step in steps:
            expected[side][step.row] += min(1.0, step.bend)
        for row in {step.row for step in steps}:
            times[side][row] += 1
        move(table, steps, share)

    monkeypatch.setattr(reference_word2vec, "_move", watched)
    n_lanes = len(work.stretch.lengths)
    for first, last in ((0, 270), (270, 400)):
        train(work, first, last)
        reference_word2vec.train_stretch(
            n_lanes, first, last, 90, int(np.uint64(KEY)), *RATES, work.text, work.words,
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
