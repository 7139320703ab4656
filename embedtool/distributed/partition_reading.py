"""The text of a cluster: read once by all nodes, its tokens kept as numbers where they were read.

In: a Corpus whose files all nodes can read. Out: ClusterText, with the vocabulary that one machine
comes to, and the same ids in parts (`corpus.parts`).
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
from embedtool.corpus.encoding import ID, check_pairs
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
from embedtool.corpus.sources import STDIN, absolute, total_size
from embedtool.corpus.tokens import encode_token
from embedtool.corpus.vocabulary import Vocabulary, build_vocabulary, merge_vocabularies
from embedtool.distributed.cluster import Cluster, Ref, current_node_id
from embedtool.errors import CorpusError
from embedtool.io.progress import Progress, Report
from embedtool.trainers.warm_start import WarmStart

MAX_PARTITION_BYTES, MIN_PARTITION_BYTES = 2**26, 2**22
"""Bytes of a part: it is held in memory, and its own work is to be much more than what Ray's is."""
TARGET_PARTITIONS = 64
"""Parts of a text, where that makes them neither too large nor too small. Nothing of it depends on
the cluster, so that the same text has the same fingerprint on each."""
MAX_HASH_RANGES = 64
"""Ranges of hashes that words are merged in: each part has so many lists of words."""
QUEUED_AHEAD = 2
"""Parts begun beyond one a core, so that no core waits for the next."""

Encoded = tuple[NDArray[np.int32], NDArray[np.int64]]
"""Ids, and where among them sentences end."""


@dataclass(frozen=True, eq=False)
class ScannedParts:
    """The text before its vocabulary is chosen.

    facts  : of each part
    tokens : PartTokens of each part
    words  : of each range, PartWords of each part
    """

    facts: Sequence[PartitionStats]
    tokens: Sequence[Ref]
    words: Sequence[Sequence[Ref]]

    @property
    def n_sentences(self) -> int:
        """The sentences of all parts."""
        return sum(each.n_sentences for each in self.facts)

    @property
    def n_tokens(self) -> int:
        """The tokens of all parts."""
        return sum(each.n_tokens for each in self.facts)

    @property
    def n_invalid(self) -> int:
        """Sequences of bytes replaced or skipped in all parts."""
        return sum(each.n_invalid for each in self.facts)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of those of the parts: equal for equal text that was cut in the same places."""
        return hashlib.sha256(b"".join(each.fingerprint for each in self.facts)).hexdigest()


@dataclass(frozen=True, eq=False)
class ClusterText:
    """What a trainer on a cluster reads.

    vocabulary  : the words, whose rows the ids are
    parts       : Encoded of each part, wherever it was read
    starts      : int64 (n_parts + 1,), the place of each part in the whole text, in tokens
    n_sentences : those that have a word of the vocabulary
    fingerprint : of the text that was scanned
    """

    vocabulary: Vocabulary
    parts: Sequence[Ref]
    starts: NDArray[np.int64]
    n_sentences: int
    fingerprint: str

    @property
    def n_tokens(self) -> int:
        """The number of tokens."""
        return int(self.starts[-1])

    def between(self, first: int, last: int) -> tuple[list[Ref], int]:
        """The parts that hold the tokens [first, last), and where the first of them begins."""
        begin = int(np.searchsorted(self.starts, first, side="right")) - 1
        end = int(np.searchsorted(self.starts, last, side="left"))
        return list(self.parts[begin:end]), int(self.starts[begin])


def read_text(
    cluster: Cluster, corpus: Corpus, report: Report, cache: Path | None = None
) -> ScannedParts:
    """Read a corpus on all nodes; each part is counted, and stays as numbers where it was read.

    cache : a folder that all nodes see, where parts are kept, and found again by a later run
    Raises CorpusError where a node cannot read its part.
    """
    if STDIN in corpus.sources:
        raise CorpusError("standard input (-) cannot be read by a cluster; name files")
    n_ranges = min(cluster.n_cores, MAX_HASH_RANGES)
    folder = cache and cache.absolute()
    parts = list(_parts(corpus))
    total = sum(part.n_bytes for part in parts)
    facts: list[PartitionStats] = []
    done = 0
    results = []

    def read(part: Partition) -> list[Ref]:
        result = cluster.submit(_read, part, corpus.text, n_ranges, folder, n_results=2 + n_ranges)
        results.append(result)
        return list(result)

    for part, result in bounded_submit(cluster, parts, read):
        each, node = cluster.get(result[0])
        facts.append(each)
        done += part.n_bytes
        report(
            Progress(
                "reading", done, total, "bytes", nodes=((cluster.node_name(node), part.n_bytes),)
            )
        )
    corpus.notes = ReadingNotes.merged(each.notes for each in facts)
    warn_of_reading(corpus.text, corpus.notes)
    columns = list(zip(*results, strict=True))
    return ScannedParts(facts, columns[1], columns[2:])


def _parts(corpus: Corpus) -> Iterator[Partition]:
    """The parts of a text; a node works in another folder, so that they have whole paths."""
    corpus = Corpus(map(absolute, corpus.sources), corpus.text)
    size = total_size(corpus.sources) or 0
    return partition(
        corpus, min(max(size // TARGET_PARTITIONS, MIN_PARTITION_BYTES), MAX_PARTITION_BYTES)
    )


def bounded_submit(
    cluster: Cluster, items: Iterable[Any], begin: Callable[[Any], list[Ref]]
) -> Iterator[tuple[Any, list[Ref]]]:
    """Begin work on items, few ahead of the cores; yields each with its results, in their order.

    The first of the results is waited for.
    """
    waiting: list[tuple[Any, list[Ref]]] = []
    for item in items:
        if len(waiting) >= cluster.n_cores + QUEUED_AHEAD:
            cluster.get(waiting[0][1][0])
            yield waiting.pop(0)
        waiting.append((item, begin(item)))
    yield from waiting


def _read(part: Partition, text: TextConfig, n_ranges: int, cache: Path | None) -> tuple[Any, ...]:
    facts, tokens, words = read_partition(part, text, n_ranges, cache)
    return (facts, current_node_id()), tokens, *words


def encode_text(
    cluster: Cluster,
    scanned: ScannedParts,
    config: VocabularyConfig,
    only: Iterable[str] | None,
    initial: WarmStart | None,
) -> ClusterText:
    """Choose the words and number the tokens by them, where they are.

    Raises as `trainers.training.encode_text`.
    """
    wanted = b"" if initial is None else _lines(initial.vectors.words)

    def choose(of_all: MergedVocabulary) -> tuple[Vocabulary, NDArray[np.int64]]:
        vocabulary, places = build_vocabulary(
            of_all.words, of_all.counts, config, only, of_all.n_types, scanned.n_tokens
        )
        if initial is None:
            return vocabulary, places
        return merge_vocabularies(
            vocabulary, places, of_all.words, of_all.counts,
            initial.vectors.words, initial.vectors.counts,
        )  # fmt: skip

    text = _number(cluster, scanned, config.min_count, wanted, choose, scanned.fingerprint)
    check_pairs(text)
    return text


def encode_again(
    cluster: Cluster, scanned: ScannedParts, vocabulary: Vocabulary, fingerprint: str
) -> ClusterText:
    """Number the tokens by words that were chosen before, when the text had this fingerprint.

    Raises CorpusError where it has another.
    """
    if scanned.fingerprint != fingerprint:
        raise CorpusError("the text has changed since the training began; begin anew")

    def choose(of_all: MergedVocabulary) -> tuple[Vocabulary, NDArray[np.int64]]:
        where = {word: place for place, word in enumerate(of_all.words)}
        return vocabulary, np.array([where.get(word, -1) for word in vocabulary.words], np.int64)

    return _number(cluster, scanned, LARGEST, _lines(vocabulary.words), choose, fingerprint)


def _number(
    cluster: Cluster,
    scanned: ScannedParts,
    min_count: int,
    wanted: bytes,
    choose: Callable[[MergedVocabulary], tuple[Vocabulary, NDArray[np.int64]]],
    fingerprint: str,
) -> ClusterText:
    """Merge the words, choose among them, and number the tokens.

    min_count, wanted : which words may be chosen, as `merge_words` has them
    """
    n_parts = len(scanned.tokens)
    merged = [
        cluster.submit(_merge, min_count, wanted, *words, n_results=1 + n_parts)
        for words in scanned.words
    ]
    ranges: list[MergedRange] = cluster.get([each[0] for each in merged])
    of_all = join_ranges(ranges)
    vocabulary, places = choose(of_all)
    rows = [np.full(len(each.counts), -1, ID) for each in ranges]
    for row, place in enumerate(places.tolist()):
        if place >= 0:
            rows[of_all.ranges[place]][of_all.numbers[place]] = row
    found = [
        cluster.submit(_rows_of_range, each[0], each_rows, *each[1:], n_results=n_parts)
        for each, each_rows in zip(merged, rows, strict=True)
    ]
    if n_parts == 1:
        found = [[each] for each in found]
    encoded = [
        cluster.submit(
            _encode, tokens, *(words[i] for words in scanned.words), *(each[i] for each in found),
            n_results=2,
        )
        for i, tokens in enumerate(scanned.tokens)
    ]  # fmt: skip
    sizes = cluster.get([each[1] for each in encoded])
    return ClusterText(
        vocabulary,
        [each[0] for each in encoded],
        np.concatenate(([0], np.cumsum([n_tokens for n_tokens, _ in sizes]))),
        sum(n_sentences for _, n_sentences in sizes),
        fingerprint,
    )


def _lines(words: Iterable[str]) -> bytes:
    return b"".join(encode_token(word) + b"\n" for word in words)


def _merge(min_count: int, wanted: bytes, *parts: PartitionWords) -> tuple[Any, ...]:
    merged, places = merge_range(parts, min_count, wanted)
    return merged, *places


def _rows_of_range(merged: MergedRange, rows: NDArray[np.int32], *places: NDArray[np.int32]) -> Any:
    found = rows_of_range(merged, places, rows)
    return found if len(found) > 1 else found[0]


def _encode(tokens: PartitionTokens, *words_and_rows: Any) -> tuple[Encoded, tuple[int, int]]:
    n = len(words_and_rows) // 2
    numbers = [each.numbers for each in words_and_rows[:n]]
    encoded = encode_partition(tokens, numbers, words_and_rows[n:])
    return encoded, (len(encoded[0]), len(encoded[1]))
