"""A corpus in partitions, each of which can be read independently, on any machine.

The merged vocabulary and the ids of all partitions equal those of `scanning.scan` and
`encoding.encode`. Words are assigned to ranges by their hash, so that each range of all partitions
can be merged independently.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import pairwise
from pathlib import Path
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from embedtool.config.text import TextConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.interning import Interner, WordInterner
from embedtool.corpus.notes import ReadingNotes
from embedtool.corpus.records import is_parquet, kind_of
from embedtool.corpus.scanning import END, ID, ScanAccumulator, TokenWriter, cached_scan
from embedtool.corpus.sources import FileSignature, open_source, signatures_of
from embedtool.corpus.tokens import decode_token, encode_token
from embedtool.io.encodings import is_utf8
from embedtool.kernels.text.ids import filter_ids
from embedtool.messages import brief


@dataclass(frozen=True)
class Partition:
    """A contiguous part of a corpus: whole files, or the lines that start in a byte range.

    Attributes
    ----------
    sources : tuple of str
        Its files, in order.
    signatures : tuple of FileSignature
        Signatures of the sources; a source that has changed is refused.
    span : tuple of int, optional
        As in Corpus.
    n_bytes : int
        Its approximate size on disk.
    """

    __repr__ = brief

    sources: tuple[str, ...]
    signatures: tuple[FileSignature, ...]
    span: tuple[int, int] | None
    n_bytes: int

    def corpus(self, text: TextConfig) -> Corpus:
        """Return the corpus of this partition alone."""
        corpus = Corpus(self.sources, text, span=self.span)
        corpus.signatures.update(zip(self.sources, self.signatures, strict=True))
        return corpus


def partition(corpus: Corpus, n_bytes: int) -> Iterator[Partition]:
    """Divide a corpus into partitions of about `n_bytes` bytes each, in order.

    Files of plain text are divided at line ends; compressed files, and records, are not.
    """
    small: list[tuple[str, FileSignature]] = []
    size = 0
    for source, signature in zip(corpus.sources, signatures_of(corpus.sources), strict=True):
        source_size = signature[0] if signature else n_bytes
        if small and size + source_size > n_bytes:
            yield _whole(small, size)
            small, size = [], 0
        if source_size > n_bytes and _is_plain(source, corpus.text):
            n_partitions = -(-source_size // n_bytes)
            bounds = [source_size * i // n_partitions for i in range(n_partitions + 1)]
            for start, stop in pairwise(bounds):
                yield Partition((source,), (signature,), (start, stop), stop - start)
        else:
            small.append((source, signature))
            size += source_size
    if small:
        yield _whole(small, size)


def _whole(files: list[tuple[str, FileSignature]], n_bytes: int) -> Partition:
    sources, signatures = zip(*files, strict=True)
    return Partition(sources, signatures, None, n_bytes)


def _is_plain(source: str, text: TextConfig) -> bool:
    """Return whether a source is plain text, which can be read from any line."""
    if text.paragraphs or not is_utf8(text.encoding):
        return False
    with open_source(source) as (stream, raw):
        kind = kind_of(source, text)
        records = kind != "text" or (text.input_format == "auto" and is_parquet(stream))
        return stream is raw and not records and stream.seekable()


@dataclass(frozen=True, eq=False)
class PartitionTokens:
    """The tokens of a partition, with ids local to the partition.

    Attributes
    ----------
    ids : ndarray of int32, shape (n_tokens,)
    ends : ndarray of int64, shape (n_sentences,)
        Where in `ids` each sentence ends.
    n_types : int
        Number of distinct tokens.
    """

    __repr__ = brief

    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    n_types: int


@dataclass(frozen=True, eq=False)
class PartitionWords:
    """The distinct tokens of a partition whose hash is in a range.

    Attributes
    ----------
    words : bytes
        In the encoding of `encode_token`, in order of first appearance, each followed by a line
        end.
    counts : ndarray of int64, shape (n,)
    ids : ndarray of int32, shape (n,)
        Their ids in PartitionTokens.ids.
    """

    __repr__ = brief

    words: bytes
    counts: NDArray[np.int64]
    ids: NDArray[np.int32]


@dataclass(frozen=True)
class PartitionStats:
    """Statistics of a partition that has been read.

    Attributes
    ----------
    n_tokens, n_sentences : int
        Numbers of tokens and sentences.
    notes : ReadingNotes
        Observations from reading it.
    fingerprint : bytes
        As in ScannedCorpus.
    """

    n_tokens: int
    n_sentences: int
    notes: ReadingNotes
    fingerprint: bytes

    @property
    def n_invalid(self) -> int:
        """Invalid byte sequences replaced or skipped."""
        return self.notes.n_invalid


def read_partition(
    partition: Partition, text: TextConfig, n_ranges: int, cache: Path | None = None
) -> tuple[PartitionStats, PartitionTokens, list[PartitionWords]]:
    """Read a partition and intern its tokens, or find them in a cache.

    Parameters
    ----------
    partition : Partition
        What is read.
    text : TextConfig
        How to read it.
    n_ranges : int
        Number of ranges of hashes.
    cache : Path, optional
        Folder of cached scans.

    Returns
    -------
    stats : PartitionStats
        Numbers, notes and fingerprint.
    tokens : PartitionTokens
        The tokens.
    words : list of PartitionWords
        The distinct tokens of each range.

    Raises
    ------
    CorpusError
        If it cannot be read.
    """
    corpus = partition.corpus(text)
    if cache is not None:
        for source in partition.sources:
            corpus.check_signature(source)
        scanned = cached_scan(corpus, cache, workers=1)
        tokens = PartitionTokens(np.array(scanned.ids), np.array(scanned.ends), len(scanned.words))
        stats = PartitionStats(
            len(tokens.ids), len(tokens.ends), scanned.notes, bytes.fromhex(scanned.fingerprint)
        )
        token_bytes = list(map(encode_token, scanned.words))
        return stats, tokens, _by_range(token_bytes, scanned.counts, n_ranges)
    ids, ends = BytesIO(), BytesIO()
    whole = ScanAccumulator(TokenWriter(ids, ends))
    interner = Interner()
    for block in corpus.tokenized_blocks():
        whole.append(interner(block))
    words = whole.interner.text
    digests = (hashlib.sha256(each).digest() for each in (words, ids.getbuffer(), ends.getbuffer()))
    fingerprint = hashlib.sha256(b"".join(digests)).digest()
    tokens = PartitionTokens(
        np.frombuffer(ids.getbuffer(), ID), np.frombuffer(ends.getbuffer(), END),
        whole.interner.n_words,
    )  # fmt: skip
    stats = PartitionStats(len(tokens.ids), len(tokens.ends), corpus.notes, fingerprint)
    return stats, tokens, _by_range(words.splitlines(), whole.counts, n_ranges)


def _by_range(words: list[bytes], counts: NDArray[np.int64], n_ranges: int) -> list[PartitionWords]:
    ranges = np.fromiter((crc32(word) % n_ranges for word in words), np.int32, len(words))
    by_range = []
    for each in range(n_ranges):
        ids = np.flatnonzero(ranges == each).astype(ID)
        chosen = b"".join(words[i] + b"\n" for i in ids)
        by_range.append(PartitionWords(chosen, counts[ids], ids))
    return by_range


@dataclass(frozen=True, eq=False)
class MergedRange:
    """The words of a range of hashes, in all partitions, that may get a vector.

    Attributes
    ----------
    words : bytes
        In the encoding of `encode_token`, each followed by a line end.
    counts : ndarray of int64, shape (n,)
        Their counts in all partitions.
    partitions, ids : ndarray of int32, shape (n,)
        The first partition that contains each word, and the id of the word there.
    source_rows : ndarray of int64, shape (n,)
        The rows of the words among all words of the range.
    n_types : int
        Number of all words of the range.
    """

    __repr__ = brief

    words: bytes
    counts: NDArray[np.int64]
    partitions: NDArray[np.int32]
    ids: NDArray[np.int32]
    source_rows: NDArray[np.int64]
    n_types: int


def merge_range(
    partitions: Sequence[PartitionWords], min_count: int, required_words: bytes = b""
) -> tuple[MergedRange, list[NDArray[np.int32]]]:
    """Add up the counts of the words of a range.

    Parameters
    ----------
    partitions : sequence of PartitionWords
        The words of each partition, in order.
    min_count : int
        Minimum count of a word that is kept.
    required_words : bytes
        Words that are kept regardless of count, each followed by a line end.

    Returns
    -------
    merged : MergedRange
        The words that are kept.
    range_rows : list of ndarray of int32
        For each partition, the row of each of its words among all words of the range.
    """
    table = WordInterner()
    range_rows = []
    firsts: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
    counts = np.zeros(0, np.int64)
    for i, partition in enumerate(partitions):
        n_before = table.n_words
        ids, _ = table.intern(partition.words)
        counts = np.concatenate((counts, np.zeros(table.n_words - n_before, np.int64)))
        counts[ids] += partition.counts
        new = partition.ids[ids >= n_before]
        firsts.append((np.full(len(new), i, ID), new))
        range_rows.append(ids)
    n_types = table.n_words
    words = table.text.splitlines(keepends=True)
    stay = counts >= min_count
    also, _ = table.intern(required_words)
    stay[also[also < n_types]] = True
    kept = np.flatnonzero(stay)
    first_partitions, first_ids = (
        np.concatenate([first[k] for first in firsts])[kept] for k in range(2)
    )
    return (
        MergedRange(
            b"".join(words[i] for i in kept), counts[kept],
            first_partitions, first_ids, kept, n_types,
        ),
        range_rows,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class MergedVocabulary:
    """The words of all ranges that may get a vector, in order of first appearance.

    Attributes
    ----------
    counts : ndarray of int64, shape (n,)
    ranges, range_rows : ndarray of int64, shape (n,)
        The range of each word, and its row in the MergedRange.
    n_types : int
        Number of distinct tokens of the text.
    """

    __repr__ = brief

    words: list[str]
    counts: NDArray[np.int64]
    ranges: NDArray[np.int64]
    range_rows: NDArray[np.int64]
    n_types: int


def join_ranges(merged: Sequence[MergedRange]) -> MergedVocabulary:
    """Merge the words of all ranges, in order of first appearance in the text."""
    first_partitions, first_ids, counts = (
        np.concatenate([getattr(each, name) for each in merged])
        for name in ("partitions", "ids", "counts")
    )
    order = np.lexsort((first_ids, first_partitions))
    sizes = [len(each.counts) for each in merged]
    ranges = np.repeat(np.arange(len(merged)), sizes)
    range_rows = np.concatenate([np.arange(size) for size in sizes])
    words = [decode_token(word) for each in merged for word in each.words.split()]
    return MergedVocabulary(
        [words[i] for i in order], counts[order], ranges[order], range_rows[order],
        sum(each.n_types for each in merged),
    )  # fmt: skip


def rows_of_range(
    merged: MergedRange, range_rows: Sequence[NDArray[np.int32]], rows: NDArray[np.int32]
) -> list[NDArray[np.int32]]:
    """Return for each partition the vocabulary row of each of its words in a range, or -1.

    Parameters
    ----------
    merged, range_rows : MergedRange and sequence of ndarray of int32
        As `merge_range` returns them.
    rows : ndarray of int32, shape (n,)
        The vocabulary rows of the words of `merged`.
    """
    vocabulary_rows = np.full(merged.n_types, -1, ID)
    vocabulary_rows[merged.source_rows] = rows
    return [vocabulary_rows[each] for each in range_rows]


def encode_partition(
    tokens: PartitionTokens, ids: Sequence[NDArray[np.int32]], rows: Sequence[NDArray[np.int32]]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the word ids of a partition's tokens, and the ends of its sentences.

    Parameters
    ----------
    ids : sequence of ndarray of int32
        For each range, the ids of the partition's words.
    rows : sequence of ndarray of int32
        For each range, the vocabulary rows of these words, or -1.
    """
    vocabulary_rows = np.full(tokens.n_types, -1, ID)
    for range_ids, range_rows in zip(ids, rows, strict=True):
        vocabulary_rows[range_ids] = range_rows
    kept, ends = np.empty_like(tokens.ids), np.empty_like(tokens.ends)
    n_kept = filter_ids(tokens.ids, tokens.ends, vocabulary_rows, kept, ends)
    return kept[:n_kept].copy(), ends[np.diff(ends, prepend=0) > 0]
