"""Local SGD: when replicas are synchronized, what they take and give, and how they are merged."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from embedtool.config.training import ClusterConfig
from embedtool.distributed import merging, replica
from embedtool.distributed.cluster import Cluster, Node
from embedtool.distributed.local_sgd import SYNCS_PER_REPLICA, SyncInterval, sync_schedule
from embedtool.distributed.merging import (
    INPUT_CURVATURE_SCALE,
    OUTPUT_CURVATURE_SCALE,
    QuantizedDeltas,
    bf16,
    curvature_basis,
    merge_shard,
)
from embedtool.distributed.replica import (
    ReplicaUpdate,
    merge_replicas,
    required_rows_by_shard,
    take_rows,
    text_of_slice,
    train_replica,
)
from embedtool.distributed.row_subset import RowSubset, rows_in_shard
from embedtool.distributed.slices import SharedContext, TextSlice
from embedtool.distributed.training import resolve_defaults
from embedtool.kernels import reference
from tests.unit.small_replica import (
    DAMPING,
    KEY,
    MODES,
    RATES,
    SIZE,
    WIDTH,
    Sentences,
    Tables,
    dequantized,
    in_replica,
    make,
    read_only,
    tables_of,
    text,
    unpadded,
)


@pytest.fixture(scope="module")
def three_replicas() -> tuple[SharedContext, Tables, list[ReplicaUpdate]]:
    """What replicas have learned from different texts, of words that not all of them have."""
    context = make("fasttext")
    tables = tables_of(context)
    update = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("embedtool.trainers.kernel_job.MIN_STREAM_TOKENS", 32)
        for i, n_used in enumerate((20, 50, 90)):
            text_slice = TextSlice(i * 500, (i + 1) * 500, KEY, RATES, DAMPING)
            update.append(in_replica(context, text_slice, text(500, n_used, seed=i), tables)[1])
    return context, unpadded(tables), update


ThreeReplicas = tuple[SharedContext, Tables, list[ReplicaUpdate]]


@pytest.mark.parametrize("n_replicas", [1, 3])
def test_directions_are_at_right_angles_and_share_the_trace(
    n_replicas: int, three_replicas: ThreeReplicas
) -> None:
    moments = [each.moments for each in three_replicas[2][:n_replicas]]
    factors = INPUT_CURVATURE_SCALE, OUTPUT_CURVATURE_SCALE * (n_replicas - 1)
    for (vectors, weights), table, factor in zip(
        curvature_basis(moments), (1, 0), factors, strict=True
    ):
        assert (vectors.dtype, weights.dtype) == (np.float32, np.float32)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(SIZE), atol=1e-5)
        assert weights.sum() == pytest.approx(factor, rel=1e-6)
        assert (weights >= 0).all()
        total = np.sum([each[table] for each in moments], axis=0)
        shares = total / np.trace(total)
        found = (vectors * weights) @ vectors.T
        np.testing.assert_allclose(found, factor * shares, atol=1e-5 * factor)


def test_without_moments_there_are_directions_all_the_same() -> None:
    none = np.zeros((SIZE, SIZE))
    for vectors, weights in curvature_basis([(none, none)]):
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(SIZE), atol=1e-5)
        assert not weights.any()


def merged(
    table: np.ndarray,
    deltas: Sequence[QuantizedDeltas],
    found: tuple[np.ndarray, ...],
    n_shards: int = 1,
) -> np.ndarray:
    """A table after the deltas of replicas, merged in shards."""
    after = np.empty_like(table)
    for k in range(n_shards):
        shard = read_only(table[k::n_shards].copy())
        after[k::n_shards] = merge_shard(
            shard, [shard_of(each, k, n_shards) for each in deltas], *found
        )
    return after


def shard_of(deltas: QuantizedDeltas, number: int, n_shards: int) -> QuantizedDeltas:
    places, rows = rows_in_shard(deltas.rows, number, n_shards)
    return QuantizedDeltas(
        rows, deltas.deltas[places], deltas.scales[places], deltas.curvature[places]
    )


@pytest.mark.parametrize("n_shards", [1, 2, 3])
@pytest.mark.parametrize("side", [0, 1])
def test_one_replica_gets_its_whole_delta(
    side: int, n_shards: int, three_replicas: ThreeReplicas
) -> None:
    _, tables, (_, update, _) = three_replicas
    deltas = (update.inputs, update.outputs)[side][0]
    expected = tables[side].copy()
    expected[deltas.rows] += dequantized(deltas)
    found = curvature_basis([update.moments])[side]
    assert np.array_equal(merged(tables[side], [deltas], found, n_shards), expected)


def slowly_merged(
    table: np.ndarray, deltas: Sequence[QuantizedDeltas], vectors: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """The same row by row, in double precision."""
    after = table.astype(float)
    for row in range(len(table)):
        total, curvature = np.zeros((1, SIZE)), []
        for each in deltas:
            (place,) = np.flatnonzero(each.rows == row) if row in each.rows else (None,)
            if place is not None:
                total += dequantized(each)[place] @ vectors
                curvature.append(each.curvature[place : place + 1].astype(float))
        if curvature:
            reference.damp_deltas(total, np.array(curvature), weights)
            after[row] += (vectors @ total[0]).astype(float)
    return after


@pytest.mark.parametrize("side", [0, 1])
def test_replicas_are_merged_along_the_directions(
    side: int, three_replicas: ThreeReplicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MERGE_BLOCK_ROWS", 7)
    _, tables, update = three_replicas
    deltas = [(each.inputs, each.outputs)[side][0] for each in update]
    found = curvature_basis([each.moments for each in update])[side]
    after = merged(tables[side], deltas, found)
    np.testing.assert_allclose(after, slowly_merged(tables[side], deltas, *found), atol=1e-5)
    plain = tables[side].copy()
    for each in deltas:
        plain[each.rows] += dequantized(each)
    n_replicas = np.bincount(np.concatenate([each.rows[each.curvature > 0] for each in deltas]))
    differs = np.abs(after - plain).max(axis=1) > 1e-3
    assert differs.sum() > 5
    assert not differs[np.flatnonzero(n_replicas < 2)].any()


@pytest.mark.parametrize("n_shards", [2, 3])
@pytest.mark.parametrize("side", [0, 1])
def test_the_number_of_shards_changes_nothing(
    side: int, n_shards: int, three_replicas: ThreeReplicas
) -> None:
    _, tables, update = three_replicas
    deltas = [(each.inputs, each.outputs)[side][0] for each in update]
    found = curvature_basis([each.moments for each in update])[side]
    expected = merged(tables[side], deltas, found)
    assert np.array_equal(merged(tables[side], deltas, found, n_shards), expected)


@pytest.mark.parametrize("side", [0, 1])
def test_the_order_of_replicas_changes_nothing_beyond_rounding(
    side: int, three_replicas: ThreeReplicas
) -> None:
    _, tables, update = three_replicas
    after = []
    for order in (update, update[::-1], [*update[1:], update[0]]):
        deltas = [(each.inputs, each.outputs)[side][0] for each in order]
        found = curvature_basis([each.moments for each in order])[side]
        after.append(merged(tables[side], deltas, found))
    for each in after[1:]:
        np.testing.assert_allclose(each, after[0], atol=1e-5)


def test_a_shard_that_no_replica_changes_stays() -> None:
    none = QuantizedDeltas(
        np.empty(0, np.int32), np.empty((0, SIZE), np.int8),
        np.empty(0, np.float32), np.empty(0, np.float32),
    )  # fmt: skip
    shard = np.random.default_rng(0).standard_normal((5, SIZE)).astype(np.float32)
    after = merge_shard(
        shard, [none, none], np.eye(SIZE, dtype=np.float32), np.ones(SIZE, np.float32)
    )
    assert np.array_equal(after, shard)
    assert after is not shard


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("n_shards", [1, 2, 3, 5])
def test_rows_are_gathered_from_shards_and_sent_back_as_deltas(n_shards: int, whole: bool) -> None:
    rng = np.random.default_rng(0)
    rounded = bf16(rng.standard_normal((41, SIZE)).astype(np.float32))
    table = reference.float32(rounded)
    for rows in ([], [0], [40], [0, 1, 2, 7, 8, 40], range(41)):
        chosen = np.array(rows, np.int32)
        shards = [
            rounded[k::n_shards] if whole else rounded[chosen[chosen % n_shards == k]]
            for k in range(n_shards)
        ]
        subset = RowSubset(chosen, [read_only(shard.copy()) for shard in shards], whole)
        gathered = subset.gather()
        assert np.array_equal(gathered[:, :SIZE], table[chosen])
        assert gathered.shape == (len(chosen), WIDTH)
        assert not gathered[:, SIZE:].any()
        gathered += rng.standard_normal(gathered.shape).astype(np.float32)
        curvature = rng.random(len(chosen)).astype(np.float32)
        found = subset.deltas(gathered, curvature)
        assert len(found) == n_shards
        for k, deltas in enumerate(found):
            inside = chosen % n_shards == k
            assert (n_shards * deltas.rows + k).tolist() == chosen[inside].tolist()
            expected = gathered[inside, :SIZE] - table[chosen[inside]]
            np.testing.assert_allclose(dequantized(deltas), expected, atol=0.02)
            assert np.array_equal(deltas.curvature, curvature[inside])


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
def test_the_text_of_a_slice_is_put_together_from_partitions(cuts: list[int]) -> None:
    sentences = text(600)
    ids, ends = sentences
    parts, starts = parts_of(sentences, cuts)
    places = sorted({*starts, *(start + 1 for start in starts[:-1]), int(ends[20]), 300, 599})
    for first in places:
        for last in places:
            holding = [k for k in range(len(parts)) if starts[k] < last and starts[k + 1] > first]
            if first < last:
                found = text_of_slice(
                    TextSlice(first, last, KEY, RATES, DAMPING), starts[holding[0]],
                    parts[holding[0] : holding[-1] + 1],
                )  # fmt: skip
                assert found[0].tolist() == ids[first:last].tolist()
                inside = ends[(ends > first) & (ends <= last)] - first
                assert found[1].tolist() == inside.tolist()


@dataclass
class OneNode:
    """Stands for the cluster: each replica is on the same node."""

    monkeypatch: pytest.MonkeyPatch

    def replica(
        self, context: SharedContext, text_slice: TextSlice, begin: int, parts: list[Sentences],
        shards: list[Tables], replicated: bool,
    ) -> tuple[Any, ...]:  # fmt: skip
        """What `LocalSGD` has a replica do."""
        self.monkeypatch.setattr(replica, "current_node_id", lambda: "node")
        given: list[Any] = shards
        if not replicated:
            required, *rows = required_rows_by_shard(
                context, text_slice, begin, len(shards), *parts
            )
            gathered = [take_rows(*each) for each in zip(shards, rows, strict=True)]
            given = [required, *gathered]
        return train_replica(context, text_slice, begin, 1, len(parts), *parts, *given)


def copies_of(tables: Tables) -> Tables:
    return bf16(tables[0]), bf16(tables[1])


def sharded(tables: Tables, n_shards: int) -> list[Tables]:
    return [
        (read_only(tables[0][k::n_shards].copy()), read_only(tables[1][k::n_shards].copy()))
        for k in range(n_shards)
    ]


@pytest.mark.parametrize("n_shards", [1, 3])
@pytest.mark.parametrize(("algorithm", "mode", "loss"), MODES[::3] + MODES[1::4])
def test_rows_gathered_before_make_no_difference(
    algorithm: str, mode: str, loss: str, n_shards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = make(algorithm, mode=mode, loss=loss)
    shards = sharded(copies_of(unpadded(tables_of(context))), n_shards)
    parts, starts = parts_of(text(900), [9, 30])
    text_slice = TextSlice(starts[1] + 5, 850, KEY, RATES, DAMPING)
    node = OneNode(monkeypatch)
    summary, moments, *deltas = node.replica(
        context, text_slice, starts[1], parts[1:], shards, True
    )
    others = node.replica(context, text_slice, starts[1], parts[1:], shards, False)
    assert summary == others[0]
    assert summary[1:] == (text_slice.last - text_slice.first, "node")
    assert summary[1] > 100
    assert len(deltas) == len(others[2:]) == n_shards
    for found, other in zip(
        [*moments, *arrays_of(deltas)], [*others[1], *arrays_of(others[2:])], strict=True
    ):
        assert found.dtype == other.dtype
        assert found.tobytes() == other.tobytes()


def arrays_of(deltas: Sequence[tuple[QuantizedDeltas, QuantizedDeltas]]) -> list[np.ndarray]:
    return [
        array
        for both in deltas
        for each in both
        for array in (each.rows, each.deltas, each.scales, each.curvature)
    ]


def test_replicas_are_merged_in_shards(
    three_replicas: ThreeReplicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the text to the tables after a sync, in 1 shard and in 3."""
    context, tables, _ = three_replicas
    sentences, node = text(900), OneNode(monkeypatch)
    after = []
    for n_shards in (1, 3):
        shards, copies = sharded(tables, n_shards), sharded(copies_of(tables), n_shards)
        summary = [
            node.replica(
                context, TextSlice(first, last, KEY, RATES, DAMPING), 0, [sentences], copies, True
            )
            for first, last in ((0, 300), (300, 650), (650, 900))
        ]
        moments = [each[1] for each in summary]
        found = tuple(np.empty_like(table) for table in tables)
        for k, shard in enumerate(shards):
            new, copy = merge_replicas(shard, *moments, *(each[2 + k] for each in summary))
            for table, part, half in zip(found, new, copy, strict=True):
                table[k::n_shards] = part
                assert np.array_equal(half, reference.bfloat16(part))
        after.append(found)
        if n_shards == 1:
            for side, basis in enumerate(curvature_basis(moments)):
                deltas = [each[2][side] for each in summary]
                assert np.array_equal(found[side], merged(tables[side], deltas, basis))
    for side in range(2):
        assert np.array_equal(after[1][side], after[0][side])
        assert np.abs(after[0][side] - tables[side]).max() > 0.05
    assert np.array_equal(after[0][0][context.frozen], tables[0][context.frozen])


@pytest.mark.parametrize("epochs", [1, 2, 5, 8])
@pytest.mark.parametrize("n_syncs", [1, 2, 3, 8, 16, 17, 80])
def test_sync_intervals_cover_every_epoch(n_syncs: int, epochs: int) -> None:
    intervals = sync_schedule(n_syncs, epochs)
    by_epoch: dict[int, list[SyncInterval]] = defaultdict(list)
    for each in intervals:
        by_epoch[each.epoch].append(each)
    assert [each.epoch for each in intervals] == sorted(each.epoch for each in intervals)
    assert list(by_epoch) == list(range(epochs))
    for inside in by_epoch.values():
        assert (inside[0].begin, inside[-1].end) == (0, 1)
        for first, second in pairwise(inside):
            assert first.end == second.begin
        assert all(each.begin < each.end for each in inside)
    assert len(intervals) == max(n_syncs, epochs)


@pytest.mark.parametrize("epochs", [1, 5])
def test_the_first_intervals_are_shorter(epochs: int) -> None:
    intervals = sync_schedule(40, epochs)
    lengths = [each.end - each.begin for each in intervals]
    assert lengths[0] == min(lengths)
    assert lengths[0] < lengths[1] < lengths[2]
    thirds = [sum(part) for part in (lengths[:13], lengths[13:26], lengths[26:])]
    assert 1.5 * thirds[0] < thirds[1] < thirds[2] / 1.2


def test_the_help_says_how_many_syncs_there_are_by_default() -> None:
    (option,) = (field for field in fields(ClusterConfig) if field.name == "syncs")
    assert f"Default: {SYNCS_PER_REPLICA} per replica." in option.metadata["help"]
    cluster = Cluster([Node(str(i), str(i), 1, 0, 0) for i in range(3)])
    found = resolve_defaults(ClusterConfig("here"), cluster)
    assert (found.replicas, found.syncs) == (3, 3 * SYNCS_PER_REPLICA)
