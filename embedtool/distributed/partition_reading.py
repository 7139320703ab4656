"""The text of a cluster: read once by all nodes; ids stay on the node that read them.

Vocabulary and ids equal those of a single machine; the ids are in partitions (`corpus.partitions`).
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.config.base import LARGEST
from embedtool.config.text import TextConfig
from embedtool.config.training import VocabularyConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.encoding import check_pairs
from embedtool.corpus.notes import ReadingNotes, warn_of_reading
from embedtool.corpus.partitions import (
    MergedRange,
    MergedVocabulary,
    Partition,
    PartitionStats,
    PartitionTokens,
    PartitionWords,
    encode_partition,
    join_ranges,
    merge_range,
    partition,
    read_partition,
    rows_of_range,
)
from embedtool.corpus.scanning import ID
from embedtool.corpus.sources import STDIN, absolute, total_size
from embedtool.corpus.tokens import encode_token
from embedtool.corpus.vocabulary import Vocabulary, build_vocabulary, merge_vocabularies
from embedtool.distributed.cluster import Cluster, Ref, current_node_id
from embedtool.errors import CorpusError
from embedtool.io.progress import Progress, Report
from embedtool.trainers.warm_start import WarmStart

MAX_PARTITION_BYTES, MIN_PARTITION_BYTES = 2**26, 2**22
"""Bytes of a partition: it fits in memory, and its work exceeds Ray's overhead by far."""
TARGET_PARTITIONS = 64
"""Number of partitions of a text, unless that makes them too large or too small. It does not depend
on the cluster, so that the same text has the same fingerprint on each."""
MAX_HASH_RANGES = 64
"""Number of hash ranges in which words are merged: each partition has one list of words per
range."""
QUEUED_AHEAD = 2
"""Tasks submitted beyond one per core, so that no core is idle."""

Encoded = tuple[NDArray[np.int32], NDArray[np.int64]]
"""Ids, and the ends of sentences."""


@dataclass(frozen=True, eq=False)
class ScannedPartitions:
    """A corpus in the cluster's object store, before its vocabulary is chosen.

    Attributes
    ----------
    stats
        Statistics of each partition.
    tokens
        References to the PartitionTokens of each partition.
    words
        For each hash range, references to the PartitionWords of each partition.
    """

    stats: Sequence[PartitionStats]
    tokens: Sequence[Ref]
    words: Sequence[Sequence[Ref]]

    @property
    def n_sentences(self) -> int:
        """The sentences of all partitions."""
        return sum(each.n_sentences for each in self.stats)

    @property
    def n_tokens(self) -> int:
        """The tokens of all partitions."""
        return sum(each.n_tokens for each in self.stats)

    @property
    def n_invalid(self) -> int:
        """Invalid byte sequences that were replaced or skipped."""
        return sum(each.n_invalid for each in self.stats)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the partitions' fingerprints: equal for equal text in equal partitions."""
        return hashlib.sha256(b"".join(each.fingerprint for each in self.stats)).hexdigest()


@dataclass(frozen=True, eq=False)
class EncodedPartitions:
    """A corpus as word ids in the cluster's object store, which distributed trainers read.

    Attributes
    ----------
    vocabulary
        The words of the ids.
    partitions
        References to the Encoded of each partition.
    offsets
        int64 (n_partitions + 1,), start of each partition in the whole text, in tokens.
    n_sentences
        Sentences with a word of the vocabulary.
    fingerprint
        Fingerprint of the scanned text.
    """

    vocabulary: Vocabulary
    partitions: Sequence[Ref]
    offsets: NDArray[np.int64]
    n_sentences: int
    fingerprint: str

    @property
    def n_tokens(self) -> int:
        return int(self.offsets[-1])

    def between(self, first: int, last: int) -> tuple[list[Ref], int]:
        """Return the partitions that contain the tokens [first, last), and their start."""
        begin = int(np.searchsorted(self.offsets, first, side="right")) - 1
        end = int(np.searchsorted(self.offsets, last, side="left"))
        return list(self.partitions[begin:end]), int(self.offsets[begin])


def read_text(
    cluster: Cluster, corpus: Corpus, report: Report, cache: Path | None = None
) -> ScannedPartitions:
    """Read a corpus on all nodes: every partition is counted, and its ids stay on their node.

    Parameters
    ----------
    cluster
        The cluster.
    corpus
        Its files must be readable by all nodes.
    cache
        Folder, shared by all nodes, to cache the scanned corpus in; a later run reuses it.

    Raises
    ------
    CorpusError
        If a node cannot read its partition.
    """
    if STDIN in corpus.sources:
        raise CorpusError("standard input (-) cannot be read by a cluster; name files")
    if corpus.token_lists is not None:
        raise CorpusError("lists of tokens cannot be read by a cluster; name files")
    n_ranges = min(cluster.n_cores, MAX_HASH_RANGES)
    folder = cache and cache.absolute()
    partitions = list(_partitions(corpus))
    total = sum(each.n_bytes for each in partitions)
    stats: list[PartitionStats] = []
    done = 0
    results = []

    def read(each: Partition) -> list[Ref]:
        result = cluster.submit(_read, each, corpus.text, n_ranges, folder, n_results=2 + n_ranges)
        results.append(result)
        return list(result)

    for each, result in bounded_submit(cluster, partitions, read):
        partition_stats, node = cluster.get(result[0])
        stats.append(partition_stats)
        done += each.n_bytes
        nodes = ((cluster.node_name(node), each.n_bytes),)
        report(Progress("reading", done, total, "bytes", nodes=nodes))
    corpus.notes = ReadingNotes.merged(each.notes for each in stats)
    warn_of_reading(corpus.text, corpus.notes)
    columns = list(zip(*results, strict=True))
    return ScannedPartitions(stats, columns[1], columns[2:])


def _partitions(corpus: Corpus) -> Iterator[Partition]:
    """Partition a text by absolute paths, because nodes have another working folder."""
    corpus = Corpus(map(absolute, corpus.sources), corpus.text)
    size = total_size(corpus.sources) or 0
    return partition(
        corpus, min(max(size // TARGET_PARTITIONS, MIN_PARTITION_BYTES), MAX_PARTITION_BYTES)
    )


def bounded_submit(
    cluster: Cluster, items: Iterable[Any], submit: Callable[[Any], list[Ref]]
) -> Iterator[tuple[Any, list[Ref]]]:
    """Submit work on items, with few more tasks than cores.

    Yields
    ------
    tuple
        Each item with its results, in order, as soon as the first result is available.
    """
    queued: list[tuple[Any, list[Ref]]] = []
    for item in items:
        if len(queued) >= cluster.n_cores + QUEUED_AHEAD:
            cluster.get(queued[0][1][0])
            yield queued.pop(0)
        queued.append((item, submit(item)))
    yield from queued


def _read(
    partition: Partition, text: TextConfig, n_ranges: int, cache: Path | None
) -> tuple[Any, ...]:
    stats, tokens, words = read_partition(partition, text, n_ranges, cache)
    return (stats, current_node_id()), tokens, *words


def encode_text(
    cluster: Cluster,
    scanned: ScannedPartitions,
    config: VocabularyConfig,
    vocabulary_words: Iterable[str] | None,
    warm_start: WarmStart | None,
) -> EncodedPartitions:
    """Build the vocabulary and encode the tokens on their nodes.

    Parameters
    ----------
    cluster, scanned
        The text, and where it is.
    config, vocabulary_words, warm_start
        As for `trainers.local_backend.encode_text`, which raises the same errors.
    """
    required = b"" if warm_start is None else _lines(warm_start.vectors.words)

    def choose(merged: MergedVocabulary) -> tuple[Vocabulary, NDArray[np.int64]]:
        vocabulary, source_rows = build_vocabulary(
            merged.words, merged.counts, config, vocabulary_words, merged.n_types, scanned.n_tokens
        )
        if warm_start is None:
            return vocabulary, source_rows
        return merge_vocabularies(
            vocabulary, source_rows, merged.words, merged.counts,
            warm_start.vectors.words, warm_start.vectors.counts,
        )  # fmt: skip

    text = _encode_by(cluster, scanned, config.min_count, required, choose, scanned.fingerprint)
    check_pairs(text)
    return text


def encode_again(
    cluster: Cluster, scanned: ScannedPartitions, vocabulary: Vocabulary, fingerprint: str
) -> EncodedPartitions:
    """Encode the tokens by the vocabulary of an earlier scan with this fingerprint.

    Raises CorpusError if the fingerprint differs.
    """
    if scanned.fingerprint != fingerprint:
        raise CorpusError("the text has changed since the training started; start over")

    def choose(merged: MergedVocabulary) -> tuple[Vocabulary, NDArray[np.int64]]:
        rows = {word: row for row, word in enumerate(merged.words)}
        return vocabulary, np.array([rows.get(word, -1) for word in vocabulary.words], np.int64)

    return _encode_by(cluster, scanned, LARGEST, _lines(vocabulary.words), choose, fingerprint)


def _encode_by(
    cluster: Cluster,
    scanned: ScannedPartitions,
    min_count: int,
    required: bytes,
    choose: Callable[[MergedVocabulary], tuple[Vocabulary, NDArray[np.int64]]],
    fingerprint: str,
) -> EncodedPartitions:
    """Merge the words, choose the vocabulary, and encode the tokens.

    Parameters
    ----------
    cluster, scanned
        The text, and where it is.
    min_count, required
        Which words may be chosen, as for `merge_range`.
    choose
        Returns the vocabulary, and the index of each of its words among the merged ones, or -1.
    fingerprint
        Fingerprint of the text.
    """
    n_partitions = len(scanned.tokens)
    ranges = [
        cluster.submit(_merge, min_count, required, *words, n_results=1 + n_partitions)
        for words in scanned.words
    ]
    merged_ranges: list[MergedRange] = cluster.get([each[0] for each in ranges])
    merged = join_ranges(merged_ranges)
    vocabulary, source_rows = choose(merged)
    rows = [np.full(len(each.counts), -1, ID) for each in merged_ranges]
    for row, source_row in enumerate(source_rows.tolist()):
        if source_row >= 0:
            rows[merged.ranges[source_row]][merged.range_rows[source_row]] = row
    partition_rows = [
        cluster.submit(_rows_of_range, each[0], range_rows, *each[1:], n_results=n_partitions)
        for each, range_rows in zip(ranges, rows, strict=True)
    ]
    if n_partitions == 1:
        partition_rows = [[each] for each in partition_rows]
    encoded = [
        cluster.submit(
            _encode, tokens, *(words[i] for words in scanned.words),
            *(each[i] for each in partition_rows),
            n_results=2,
        )
        for i, tokens in enumerate(scanned.tokens)
    ]  # fmt: skip
    sizes = cluster.get([each[1] for each in encoded])
    return EncodedPartitions(
        vocabulary,
        [each[0] for each in encoded],
        np.concatenate(([0], np.cumsum([n_tokens for n_tokens, _ in sizes]))),
        sum(n_sentences for _, n_sentences in sizes),
        fingerprint,
    )


def _lines(words: Iterable[str]) -> bytes:
    return b"".join(encode_token(word) + b"\n" for word in words)


def _merge(min_count: int, required: bytes, *partitions: PartitionWords) -> tuple[Any, ...]:
    merged, positions = merge_range(partitions, min_count, required)
    return merged, *positions


def _rows_of_range(
    merged: MergedRange, rows: NDArray[np.int32], *positions: NDArray[np.int32]
) -> Any:
    partition_rows = rows_of_range(merged, positions, rows)
    return partition_rows if len(partition_rows) > 1 else partition_rows[0]


def _encode(tokens: PartitionTokens, *words_and_rows: Any) -> tuple[Encoded, tuple[int, int]]:
    n = len(words_and_rows) // 2
    ids = [each.ids for each in words_and_rows[:n]]
    encoded = encode_partition(tokens, ids, words_and_rows[n:])
    return encoded, (len(encoded[0]), len(encoded[1]))
