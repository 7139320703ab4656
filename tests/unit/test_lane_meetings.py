"""Meetings of lanes: when they are, what lanes take and give there, and how they are joined."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from embedtool.distributed import local_sgd, merging
from embedtool.distributed.local_sgd import Round, rounds_of
from embedtool.distributed.merging import (
    INPUT_FACTOR,
    OUTPUT_FACTOR,
    Steps,
    directions,
    halved,
    join,
)
from embedtool.distributed.replica import Borrowed, Learnt, Lexicon, Piece, rows_in_shard
from embedtool.kernels import reference
from tests.unit.small_lanes import (
    DAMPING,
    KEY,
    MODES,
    N_WORDS,
    RATES,
    SIZE,
    WIDTH,
    Sentences,
    Tables,
    as_sent,
    in_lane,
    make,
    read_only,
    steps_made,
    tables_of,
    text,
)


@pytest.fixture(scope="module")
def three_lanes() -> tuple[Lexicon, Tables, list[Learnt]]:
    """What lanes have learnt of different texts, of words that not all of them have."""
    lexicon = make("fasttext")
    tables = tables_of(lexicon)
    learnt = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.trainers.kernel_job.LEAST_PART", 32)
        for i, n_used in enumerate((20, 50, 90)):
            piece = Piece(i * 500, (i + 1) * 500, KEY, RATES, DAMPING)
            learnt.append(in_lane(lexicon, piece, text(500, n_used, seed=i), tables)[1])
    return lexicon, as_sent(tables), learnt


ThreeLanes = tuple[Lexicon, Tables, list[Learnt]]


@pytest.mark.parametrize("n_lanes", [1, 3])
def test_directions_are_at_right_angles_and_share_the_trace(
    n_lanes: int, three_lanes: ThreeLanes
) -> None:
    moments = [each.moments for each in three_lanes[2][:n_lanes]]
    factors = INPUT_FACTOR, OUTPUT_FACTOR * (n_lanes - 1)
    for (vectors, speeds), table, factor in zip(directions(moments), (1, 0), factors, strict=True):
        assert (vectors.dtype, speeds.dtype) == (np.float32, np.float32)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(SIZE), atol=1e-5)
        assert speeds.sum() == pytest.approx(factor, rel=1e-6)
        assert (speeds >= 0).all()
        total = np.sum([each[table] for each in moments], axis=0)
        shares = total / np.trace(total)
        found = (vectors * speeds) @ vectors.T
        np.testing.assert_allclose(found, factor * shares, atol=1e-5 * factor)


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
    needs, learnt = in_lane(
        lexicon, Piece(0, 400, KEY, RATES, DAMPING), sentences, (inputs, outputs)
    )
    hidden = inputs[sentences[0], :SIZE].astype(float)
    np.testing.assert_allclose(learnt.moments[0], hidden.T @ hidden / 400, atol=1e-6)
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
    return Steps(rows, steps.steps[places], steps.scales[places], steps.bends[places])


@pytest.mark.parametrize("n_shards", [1, 2, 3])
@pytest.mark.parametrize("side", [0, 1])
def test_one_lane_goes_all_its_steps(side: int, n_shards: int, three_lanes: ThreeLanes) -> None:
    _, tables, (_, learnt, _) = three_lanes
    steps = (learnt.inputs, learnt.outputs)[side][0]
    expected = tables[side].copy()
    expected[steps.rows] += steps_made(steps)
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
                total += steps_made(each)[place] @ vectors
                bends.append(each.bends[place : place + 1].astype(float))
        if bends:
            reference.join_ways(total, np.array(bends), speeds)
            after[row] += (vectors @ total[0]).astype(float)
    return after


@pytest.mark.parametrize("side", [0, 1])
def test_lanes_join_along_the_directions(
    side: int, three_lanes: ThreeLanes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "JOINED_AT_ONCE", 7)
    _, tables, learnt = three_lanes
    steps = [(each.inputs, each.outputs)[side][0] for each in learnt]
    found = directions([each.moments for each in learnt])[side]
    after = joined(tables[side], steps, found)
    np.testing.assert_allclose(after, slowly_joined(tables[side], steps, *found), atol=1e-5)
    plain = tables[side].copy()
    for each in steps:
        plain[each.rows] += steps_made(each)
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
    assert np.array_equal(joined(tables[side], steps, found, n_shards), expected)


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
    none = Steps(
        np.empty(0, np.int32), np.empty((0, SIZE), np.int8),
        np.empty(0, np.float32), np.empty(0, np.float32),
    )  # fmt: skip
    shard = np.random.default_rng(0).standard_normal((5, SIZE)).astype(np.float32)
    after = join(shard, [none, none], np.eye(SIZE, dtype=np.float32), np.ones(SIZE, np.float32))
    assert np.array_equal(after, shard)
    assert after is not shard


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("n_shards", [1, 2, 3, 5])
def test_rows_are_taken_from_shards_and_given_back_as_steps(n_shards: int, whole: bool) -> None:
    rng = np.random.default_rng(0)
    halves = halved(rng.standard_normal((41, SIZE)).astype(np.float32))
    table = reference.float32(halves)
    for rows in ([], [0], [40], [0, 1, 2, 7, 8, 40], range(41)):
        chosen = np.array(rows, np.int32)
        shards = [
            halves[k::n_shards] if whole else halves[chosen[chosen % n_shards == k]]
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
            np.testing.assert_allclose(steps_made(steps), expected, atol=0.02)
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
                found = local_sgd._text(
                    Piece(first, last, KEY, RATES, DAMPING), starts[holding[0]],
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
        self.monkeypatch.setattr(local_sgd, "here", lambda: "node")
        given: list[Any] = shards
        if not everywhere:
            needs, *rows = local_sgd._needs(lexicon, piece, begin, len(shards), *parts)
            taken = [local_sgd._take(*each) for each in zip(shards, rows, strict=True)]
            given = [needs, *taken]
        return local_sgd._train(lexicon, piece, begin, 1, len(parts), *parts, *given)


def copies_of(tables: Tables) -> Tables:
    return halved(tables[0]), halved(tables[1])


def sharded(tables: Tables, n_shards: int) -> list[Tables]:
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
    shards = sharded(copies_of(as_sent(tables_of(lexicon))), n_shards)
    parts, starts = parts_of(text(900), [9, 30])
    piece = Piece(starts[1] + 5, 850, KEY, RATES, DAMPING)
    node = OneNode(monkeypatch)
    told, moments, *steps = node.lane(lexicon, piece, starts[1], parts[1:], shards, True)
    others = node.lane(lexicon, piece, starts[1], parts[1:], shards, False)
    assert told == others[0]
    assert told[1:] == (piece.last - piece.first, "node")
    assert told[1] > 100
    assert len(steps) == len(others[2:]) == n_shards
    for found, other in zip(
        [*moments, *arrays_of(steps)], [*others[1], *arrays_of(others[2:])], strict=True
    ):
        assert found.dtype == other.dtype
        assert found.tobytes() == other.tobytes()


def arrays_of(steps: Sequence[tuple[Steps, Steps]]) -> list[np.ndarray]:
    return [
        array
        for both in steps
        for each in both
        for array in (each.rows, each.steps, each.scales, each.bends)
    ]


def test_lanes_meet_in_shards(three_lanes: ThreeLanes, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the text to the tables after a meeting, in 1 shard and in 3."""
    lexicon, tables, _ = three_lanes
    sentences, node = text(900), OneNode(monkeypatch)
    after = []
    for n_shards in (1, 3):
        shards, copies = sharded(tables, n_shards), sharded(copies_of(tables), n_shards)
        told = [
            node.lane(
                lexicon, Piece(first, last, KEY, RATES, DAMPING), 0, [sentences], copies, True
            )
            for first, last in ((0, 300), (300, 650), (650, 900))
        ]
        moments = [each[1] for each in told]
        found = tuple(np.empty_like(table) for table in tables)
        for k, shard in enumerate(shards):
            new, copy = local_sgd._join(shard, *moments, *(each[2 + k] for each in told))
            for table, part, half in zip(found, new, copy, strict=True):
                table[k::n_shards] = part
                assert np.array_equal(half, reference.bfloat16(part))
        after.append(found)
        if n_shards == 1:
            for side, way in enumerate(directions(moments)):
                steps = [each[2][side] for each in told]
                assert np.array_equal(found[side], joined(tables[side], steps, way))
    for side in range(2):
        assert np.array_equal(after[1][side], after[0][side])
        assert np.abs(after[0][side] - tables[side]).max() > 0.05
    assert np.array_equal(after[0][0][lexicon.frozen], tables[0][lexicon.frozen])


@pytest.mark.parametrize("epochs", [1, 2, 5, 8])
@pytest.mark.parametrize("n_rounds", [1, 2, 3, 8, 16, 17, 80])
def test_rounds_cover_every_epoch(n_rounds: int, epochs: int) -> None:
    rounds = rounds_of(n_rounds, epochs)
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


@pytest.mark.parametrize("epochs", [1, 5])
def test_the_first_rounds_are_shorter(epochs: int) -> None:
    rounds = rounds_of(40, epochs)
    lengths = [each.end - each.begin for each in rounds]
    assert lengths[0] == min(lengths)
    assert lengths[0] < lengths[1] < lengths[2]
    thirds = [sum(part) for part in (lengths[:13], lengths[13:26], lengths[26:])]
    assert 1.5 * thirds[0] < thirds[1] < thirds[2] / 1.2
