"""Word2Vec and FastText on a cluster: lanes train pieces of the text, and meet again and again.

In: a ClusterText, a Word2VecConfig or FastTextConfig, and how many lanes there are. Out: word
vectors. They depend on the number of lanes and of meetings, and not on the nodes.

The tables are in shards, as many as lanes and at most MOST_SHARDS, wherever they were joined last.
A lane is given copies of all shards and takes the rows that it needs; where the tables are too
large for every node, it is given no more than these (Ordentlich et al. 2016 have servers for that).
The lanes are joined shard by shard (`joining.join`).
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import ClusterConfig, Word2VecConfig
from embedtool.distributed.cluster import ROOT_SECONDS, Cluster, Ref, here
from embedtool.distributed.merging import Copy, Moments, Shard, Steps, directions, halved, join
from embedtool.distributed.partition_reading import ClusterText, Encoded
from embedtool.distributed.replica import (
    Borrowed,
    Lexicon,
    Needs,
    Piece,
    lexicon_of,
    needs_of,
    rows_in_shard,
    train_piece,
)
from embedtool.io.progress import Progress, Report
from embedtool.model.vectors import WordVectors
from embedtool.trainers.checkpoint import Checkpointer, State
from embedtool.trainers.kernel_job import streams_of, sum_of
from embedtool.trainers.subwords import Rows, rows_of_words
from embedtool.trainers.warm_start import Initial
from embedtool.trainers.word2vec import damping_after, key_of, rate_after, start, word_vectors

SYNCS_PER_REPLICA = 6
"""Meetings of a training unless told otherwise. Measured on 16 M tokens in 5 epochs: accuracy is
not below one machine's by more than 0.01 with so many for 2, 4 and 8 lanes, and falls with
fewer."""
GROWTH = 1.5
"""The i-th of n meetings is when (i / n)**GROWTH of the training is done: rows move most at the
beginning."""
MOST_SHARDS = 64
"""Each lane has something for each shard, and what the driver has in hand grows with both."""
SHARE_OF_STORE = 0.25
"""Where the tables take more of the least store of a node, no node is given all of them: there must
be room for those after the next meeting, for the steps, and for text."""
KEPT = 2
"""Meetings whose shards and steps are kept, so that what is lost with a node can be worked out from
what the others have, and needs nothing from longer ago."""


def train(
    cluster: Cluster,
    settings: ClusterConfig,
    config: Word2VecConfig,
    text: ClusterText,
    report: Report,
    initial: Initial | None,
    checkpointer: Checkpointer,
) -> WordVectors:
    """Train from the beginning, or from the last checkpoint, to the end.

    Raises TrainingError where the training diverges, StoppedError where it is to stop.
    """
    rows = rows_of_words(text.vocabulary.words, config)
    state = checkpointer.run_with_retry(
        checkpointer.restore(),
        lambda: start(config, text, rows, initial),
        lambda state: _Meetings(cluster, settings, config, text, rows, state).run(
            report, checkpointer
        ),
        config.learning_rate or 0.0,
    )
    return word_vectors(config, text, rows, state)


@dataclass(frozen=True)
class Round:
    """What is between two meetings: a share of an epoch, from one fraction of it to another."""

    epoch: int
    begin: float
    end: float


def rounds_of(n_rounds: int, epochs: int) -> list[Round]:
    """The rounds of a training: they end at its meetings, and at the ends of epochs.

    To each end of an epoch the next meeting is moved, as long as there is one for each.
    """
    places = [epochs * (i / n_rounds) ** GROWTH for i in range(n_rounds + 1)]
    for end in range(1, epochs):
        movable = [i for i in range(1, n_rounds) if places[i] % 1]
        if movable and end not in places:
            places[min(movable, key=lambda i: abs(places[i] - end))] = end
    ordered = sorted({*places, *range(epochs + 1)})
    return [
        Round(int(first), first - int(first), last - int(first))
        for first, last in pairwise(ordered)
    ]


def shards_of(n_lanes: int) -> int:
    """The shards in which the tables of so many lanes are."""
    return min(n_lanes, MOST_SHARDS)


class _Meetings:
    """Trains round after round.

    shards, copies : references to the tables, and to what lanes are given of them
    """

    def __init__(
        self,
        cluster: Cluster,
        settings: ClusterConfig,
        config: Word2VecConfig,
        text: ClusterText,
        rows: Rows,
        state: State,
    ) -> None:
        self.cluster, self.config, self.text, self.state = cluster, config, text, state
        self.n_lanes = settings.replicas or 1
        self.n_shards = shards_of(self.n_lanes)
        self.rounds = rounds_of(settings.syncs or 1, config.epochs)
        self.streams = streams_of(text.n_tokens)
        self.lexicon = cluster.put(
            lexicon_of(config, text.vocabulary.counts, rows, state.tables["frozen"], self.streams)
        )
        most = SHARE_OF_STORE * min(node.store for node in cluster.nodes)
        self.everywhere = sum(table.nbytes for table in self._tables()) <= most
        self.n_cores = _cores_of_lane(cluster, self.n_lanes, self.streams)
        self._spread()

    def _spread(self) -> None:
        """Lay the tables where all functions can take them from."""
        shards = [
            tuple(table[k :: self.n_shards].copy() for table in self._tables())
            for k in range(self.n_shards)
        ]
        self.shards = [self.cluster.put(shard) for shard in shards]
        self.copies = [self.cluster.put(tuple(map(halved, shard))) for shard in shards]
        self.roots = self.shards, self.copies
        self.kept: deque[Any] = deque(maxlen=KEPT)
        self.spread_at = time.monotonic()

    def run(self, report: Report, checkpointer: Checkpointer) -> None:
        """Train to the end, telling of each round when it is over; the next one has begun then."""
        waiting: deque[tuple[Round, list[Ref]]] = deque()
        report(self._progress(begins=True))
        for each in self.rounds:
            if (each.epoch, self._done(each.end)) <= (self.state.epoch, self.state.position):
                continue
            waiting.append((each, self._begin(each)))
            if len(waiting) > 1:
                self._end(*waiting.popleft(), report)
            aged = time.monotonic() - self.spread_at > ROOT_SECONDS
            if aged or checkpointer.should_save(each.epoch + (each.end == 1)):
                self._end(*waiting.popleft(), report)
                self.collect()
                checkpointer.maybe_save(self.state, self.state.epoch)
                self._spread()
        while waiting:
            self._end(*waiting.popleft(), report)
        self.collect()

    def _bounds(self, lane: int) -> tuple[int, int]:
        """The tokens of a lane."""
        n_tokens = self.text.n_tokens
        return lane * n_tokens // self.n_lanes, (lane + 1) * n_tokens // self.n_lanes

    def _place(self, lane: int, share: float) -> int:
        first, last = self._bounds(lane)
        return first + int((last - first) * share)

    def _done(self, share: float) -> int:
        """The tokens of all lanes when so much of an epoch is done."""
        return sum(self._place(lane, share) - self._bounds(lane)[0] for lane in range(self.n_lanes))

    def _begin(self, each: Round) -> list[Ref]:
        """Begin a round and the meeting after it; returns what lanes will tell of themselves."""
        key = int(key_of(self.config.seed, each.epoch))
        first, last = (
            self.state.lr_scale * rate_after(self.config, each.epoch + share)
            for share in (each.begin, each.end)
        )
        trained = each.epoch * self.text.n_tokens + self._done(each.begin)
        damping = damping_after(self.config, trained)
        lanes = []
        for lane in range(self.n_lanes):
            piece = Piece(
                self._place(lane, each.begin), self._place(lane, each.end), key, (first, last),
                damping,
            )  # fmt: skip
            if piece.first < piece.last:
                lanes.append(self._train(piece))
        joined = [
            self.cluster.run(
                _join, shard, *(lane[1] for lane in lanes), *(lane[2 + k] for lane in lanes),
                n_results=2,
            )
            for k, shard in enumerate(self.shards)
        ]  # fmt: skip
        self.kept.append((self.shards, self.copies, lanes))
        self.shards, self.copies = (list(each) for each in zip(*joined, strict=True))
        return [lane[0] for lane in lanes]

    def _train(self, piece: Piece) -> Sequence[Ref]:
        """Begin to train a lane: what it tells, its moments, and its steps in each shard."""
        parts, begin = self.text.between(piece.first, piece.last)
        tables = self.copies
        if not self.everywhere:
            needed = self.cluster.run(
                _needs, self.lexicon, piece, begin, self.n_shards, *parts,
                n_results=1 + self.n_shards,
            )  # fmt: skip
            tables = [
                self.cluster.run(_take, copy, rows)
                for copy, rows in zip(self.copies, needed[1:], strict=True)
            ]
            tables = [needed[0], *tables]
        found: Sequence[Ref] = self.cluster.run(
            _train, self.lexicon, piece, begin, self.n_cores, len(parts), *parts, *tables,
            n_results=2 + self.n_shards, n_cores=self.n_cores,
        )  # fmt: skip
        return found

    def _end(self, each: Round, lanes: Sequence[Ref], report: Report) -> None:
        """Wait for the lanes of a round, and tell of them."""
        state, n_tokens = self.state, self.text.n_tokens
        told = self.cluster.get(list(lanes))
        done = self._done(each.end)
        ended = done == n_tokens
        state.end_chunk(*sum_of(losses for losses, _, _ in told), done=done, last=ended)
        nodes = tuple((self.cluster.name_of(node), n) for _, n, node in told)
        report(
            self._progress(
                loss=state.mean_loss,
                untrained=state.mean_untrained_loss,
                epoch_ended=ended,
                nodes=nodes,
            )
        )
        if ended:
            state.end_epoch()

    def _progress(self, **details: Any) -> Progress:
        """How far the training is."""
        n_tokens, state = self.text.n_tokens, self.state
        done, total = state.epoch * n_tokens + state.position, n_tokens * self.config.epochs
        return Progress(
            "training", done, total, "words", state.epoch + 1, streams=self.streams, **details
        )

    def collect(self) -> None:
        """Write the tables to the state, as they are by now."""
        for k, shard in enumerate(self.shards):
            for table, part in zip(self._tables(), self.cluster.get(shard), strict=True):
                table[k :: self.n_shards] = part

    def _tables(self) -> list[NDArray[np.float32]]:
        """Inputs and outputs, without what fills their rows up for the kernels."""
        size = self.config.vector_size
        return [self.state.tables[name][:, :size] for name in ("inputs", "outputs")]


def _cores_of_lane(cluster: Cluster, n_lanes: int, n_streams: int) -> int:
    """The cores that each lane can have so that as many as possible train at once."""
    most = min(node.n_cores for node in cluster.nodes)
    return max(1, min(cluster.n_cores // n_lanes, most, n_streams))


def _text(piece: Piece, begin: int, parts: Sequence[Encoded]) -> Encoded:
    """The ids of a piece, and where among them sentences end, given the parts that hold it.

    begin : the place of the first part's first token in the whole text
    """
    ids, ends = [], []
    for part_ids, part_ends in parts:
        first, last = max(piece.first - begin, 0), min(piece.last - begin, len(part_ids))
        ids.append(part_ids[first:last])
        inside = part_ends[np.searchsorted(part_ends, first, "right") :]
        inside = inside[: np.searchsorted(inside, last, "right")]
        ends.append(inside + begin - piece.first)
        begin += len(part_ids)
    return np.concatenate(ids), np.concatenate(ends)


def _needs(
    lexicon: Lexicon, piece: Piece, begin: int, n_shards: int, *parts: Encoded
) -> tuple[Any, ...]:
    """The rows that a lane needs, and those of them that each shard has, by their numbers there."""
    needs = needs_of(lexicon, piece, _text(piece, begin, parts)[0])
    tables = needs.inputs, needs.outputs
    return needs, *(
        tuple(rows_in_shard(rows, k, n_shards)[1] for rows in tables) for k in range(n_shards)
    )


def _take(copy: Copy, rows: tuple[NDArray[np.int32], NDArray[np.int32]]) -> Copy:
    return copy[0][rows[0]], copy[1][rows[1]]


def _train(
    lexicon: Lexicon, piece: Piece, begin: int, n_threads: int, n_parts: int, *arguments: Any
) -> tuple[Any, ...]:
    """Train a lane on a piece.

    arguments : the parts of the text; then all shards, or what the lane needs and, of each shard,
        the rows of these
    """
    text = _text(piece, begin, arguments[:n_parts])
    shards = arguments[n_parts:]
    whole = not isinstance(shards[0], Needs)
    needs = needs_of(lexicon, piece, text[0]) if whole else shards[0]
    shards = shards if whole else shards[1:]
    inputs, outputs = (
        Borrowed(rows, [shard[side] for shard in shards], whole)
        for side, rows in enumerate((needs.inputs, needs.outputs))
    )
    learnt = train_piece(lexicon, piece, text, needs, (inputs, outputs), n_threads)
    told = learnt.losses, piece.last - piece.first, here()
    return told, learnt.moments, *zip(learnt.inputs, learnt.outputs, strict=True)


def _join(shard: Shard, *lanes: Any) -> tuple[Shard, Copy]:
    """A shard after the steps of all lanes, given their moments, and then their steps."""
    n_lanes = len(lanes) // 2
    moments: Sequence[Moments] = lanes[:n_lanes]
    steps: Sequence[tuple[Steps, Steps]] = lanes[n_lanes:]
    found = directions(moments)
    inputs, outputs = (
        join(shard[side], [each[side] for each in steps], *found[side]) for side in range(2)
    )
    return (inputs, outputs), (halved(inputs), halved(outputs))
