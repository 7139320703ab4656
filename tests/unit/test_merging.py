"""Merging of replicas: the directions of curvature, and what becomes of rows in shards."""

from collections.abc import Sequence

import numpy as np
import pytest

from embedtool.distributed import merging
from embedtool.distributed.merging import (
    INPUT_CURVATURE_SCALE,
    OUTPUT_CURVATURE_SCALE,
    QuantizedDeltas,
    bf16,
    curvature_basis,
    merge_shard,
)
from embedtool.distributed.row_subset import RowSubset
from embedtool.kernels import reference
from tests.unit.small_replica import (
    SIZE,
    WIDTH,
    dequantized,
    merged,
    read_only,
    three_replicas,
)


@pytest.mark.parametrize("n_replicas", [1, 3])
def test_directions_are_at_right_angles_and_share_the_trace(n_replicas: int) -> None:
    moments = [each.moments for each in three_replicas()[2][:n_replicas]]
    factors = INPUT_CURVATURE_SCALE, OUTPUT_CURVATURE_SCALE * (n_replicas - 1)
    for (vectors, weights), table, factor in zip(
        curvature_basis(moments), (1, 0), factors, strict=True
    ):
        assert (vectors.dtype, weights.dtype) == (np.float32, np.float32)
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(SIZE), atol=1e-5)
        assert weights.sum() == pytest.approx(factor, rel=1e-6)
        assert (weights >= 0).all()
        total = np.sum([each[table] for each in moments], axis=0)
        fractions = total / np.trace(total)
        found = (vectors * weights) @ vectors.T
        np.testing.assert_allclose(found, factor * fractions, atol=1e-5 * factor)


def test_without_moments_there_are_directions_all_the_same() -> None:
    none = np.zeros((SIZE, SIZE))
    for vectors, weights in curvature_basis([(none, none)]):
        np.testing.assert_allclose(vectors.T @ vectors, np.eye(SIZE), atol=1e-5)
        assert not weights.any()


@pytest.mark.parametrize("n_shards", [1, 2, 3])
@pytest.mark.parametrize("side", [0, 1])
def test_one_replica_gets_its_whole_delta(side: int, n_shards: int) -> None:
    _, tables, (_, update, _) = three_replicas()
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
            (index,) = np.flatnonzero(each.rows == row) if row in each.rows else (None,)
            if index is not None:
                total += dequantized(each)[index] @ vectors
                curvature.append(each.curvature[index : index + 1].astype(float))
        if curvature:
            reference.damp_deltas(total, np.array(curvature), weights)
            after[row] += (vectors @ total[0]).astype(float)
    return after


@pytest.mark.parametrize("side", [0, 1])
def test_replicas_are_merged_along_the_directions(
    side: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(merging, "MERGE_BLOCK_ROWS", 7)
    _, tables, update = three_replicas()
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
def test_the_number_of_shards_changes_nothing(side: int, n_shards: int) -> None:
    _, tables, update = three_replicas()
    deltas = [(each.inputs, each.outputs)[side][0] for each in update]
    found = curvature_basis([each.moments for each in update])[side]
    expected = merged(tables[side], deltas, found)
    assert np.array_equal(merged(tables[side], deltas, found, n_shards), expected)


@pytest.mark.parametrize("side", [0, 1])
def test_the_order_of_replicas_changes_nothing_beyond_rounding(side: int) -> None:
    _, tables, update = three_replicas()
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
