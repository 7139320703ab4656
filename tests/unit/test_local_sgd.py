"""Local SGD: when replicas are synchronized, and what nodes do between two syncs."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embedtool.config.training import ClusterConfig
from embedtool.distributed import replica
from embedtool.distributed.cluster import Cluster, Node
from embedtool.distributed.local_sgd import (
    MAX_SHARDS,
    SYNCS_PER_REPLICA,
    SyncInterval,
    shard_count,
    sync_schedule,
)
from embedtool.distributed.merging import (
    QuantizedDeltas,
    bf16,
    curvature_basis,
)
from embedtool.distributed.ray_backend import resolve_defaults
from embedtool.distributed.replica import (
    merge_replicas,
    required_rows_by_shard,
    take_rows,
    text_of_slice,
    train_replica,
)
from embedtool.distributed.slices import SharedContext, TextSlice
from embedtool.kernels import reference
from tests.unit.small_replica import (
    KEY,
    MODES,
    NGRAM_SCALE,
    RATES,
    Sentences,
    Tables,
    make,
    merged,
    read_only,
    tables_of,
    text,
    three_replicas,
    unpadded,
)


def partitions_of(sentences: Sentences, cuts: Sequence[int]) -> tuple[list[Sentences], list[int]]:
    """Partitions of whole sentences, and where each begins."""
    ids, ends = sentences
    starts = [0, *(int(ends[i]) for i in cuts), len(ids)]
    partitions = [
        (read_only(ids[a:b].copy()), read_only(ends[(ends > a) & (ends <= b)] - a))
        for a, b in pairwise(starts)
    ]
    return partitions, starts


@pytest.mark.parametrize("cuts", [[], [9], [3, 9, 9, 30]])
def test_the_text_of_a_slice_is_put_together_from_partitions(cuts: list[int]) -> None:
    sentences = text(600)
    ids, ends = sentences
    partitions, starts = partitions_of(sentences, cuts)
    positions = sorted({*starts, *(start + 1 for start in starts[:-1]), int(ends[20]), 300, 599})
    for first in positions:
        for last in positions:
            holding = [
                k for k in range(len(partitions)) if starts[k] < last and starts[k + 1] > first
            ]
            if first < last:
                found = text_of_slice(
                    TextSlice(first, last, KEY, RATES, NGRAM_SCALE), starts[holding[0]],
                    partitions[holding[0] : holding[-1] + 1],
                )  # fmt: skip
                assert found[0].tolist() == ids[first:last].tolist()
                inside = ends[(ends > first) & (ends <= last)] - first
                assert found[1].tolist() == inside.tolist()


@dataclass
class OneNode:
    """Stands for the cluster: each replica is on the same node."""

    monkeypatch: pytest.MonkeyPatch

    def replica(
        self, context: SharedContext, text_slice: TextSlice, begin: int,
        partitions: list[Sentences], shards: list[Tables], replicated: bool,
    ) -> tuple[Any, ...]:  # fmt: skip
        """What `LocalSGD` has a replica do."""
        self.monkeypatch.setattr(replica, "current_node_id", lambda: "node")
        given: list[Any] = shards
        if not replicated:
            required, *rows = required_rows_by_shard(
                context, text_slice, begin, len(shards), *partitions
            )
            gathered = [take_rows(*each) for each in zip(shards, rows, strict=True)]
            given = [required, *gathered]
        return train_replica(context, text_slice, begin, 1, len(partitions), *partitions, *given)


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
    partitions, starts = partitions_of(text(900), [9, 30])
    text_slice = TextSlice(starts[1] + 5, 850, KEY, RATES, NGRAM_SCALE)
    node = OneNode(monkeypatch)
    summary, moments, *deltas = node.replica(
        context, text_slice, starts[1], partitions[1:], shards, True
    )
    others = node.replica(context, text_slice, starts[1], partitions[1:], shards, False)
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


def test_replicas_are_merged_in_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the text to the tables after a sync, in 1 shard and in 3."""
    context, tables, _ = three_replicas()
    sentences, node = text(900), OneNode(monkeypatch)
    after = []
    for n_shards in (1, 3):
        shards, copies = sharded(tables, n_shards), sharded(copies_of(tables), n_shards)
        summary = [
            node.replica(
                context,
                TextSlice(first, last, KEY, RATES, NGRAM_SCALE),
                0,
                [sentences],
                copies,
                True,
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


def test_there_are_as_many_shards_as_replicas_up_to_the_number_that_the_page_names() -> None:
    assert [shard_count(n) for n in (1, 2, 63, 64, 65, 4096)] == [1, 2, 63, 64, 64, 64]
    page = (Path(__file__).parents[2] / "docs" / "scale.md").read_text(encoding="utf-8")
    assert f"into as many shards as replicas and at most {MAX_SHARDS}." in page.replace("\n", " ")
