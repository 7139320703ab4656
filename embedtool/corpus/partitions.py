"""A corpus in parts, each of which is read by itself, wherever that is.

In: a Corpus. Out: its parts; what each holds, as numbers; and from the words of all, the vocabulary
and the tokens of each part as its rows: those that `encoding.scan` and `encoding.encode` come to.

Words go to ranges by their hash, so that each range of all parts can be merged by itself.
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
from embedtool.corpus.encoding import END, ID, ScanAccumulator, TokenWriter, cached_scan
from embedtool.corpus.interning import Interner, WordInterner
from embedtool.corpus.notes import ReadingNotes
from embedtool.corpus.records import is_parquet, kind_of
from embedtool.corpus.sources import FileSignature, open_source, signatures_of
from embedtool.corpus.tokens import decode_token, encode_token
from embedtool.io.encodings import is_utf8
from embedtool.kernels.text.tokens import filter_ids
from embedtool.messages import brief


@dataclass(frozen=True)
class Partition:
    """Some of a corpus.

    sources : its files, in order
    stamps  : of the sources; one that has another by now is refused
    span    : as Corpus has it
    n_bytes : about how much that is, as it lies on disk
    """

    __repr__ = brief

    sources: tuple[str, ...]
    signatures: tuple[FileSignature, ...]
    span: tuple[int, int] | None
    n_bytes: int

    def corpus(self, text: TextConfig) -> Corpus:
        """The corpus of this part alone."""
        corpus = Corpus(self.sources, text, span=self.span)
        corpus.signatures.update(zip(self.sources, self.signatures, strict=True))
        return corpus


def partition(corpus: Corpus, n_bytes: int) -> Iterator[Partition]:
    """Cut a corpus into parts of about so many bytes, which follow each other.

    Plain text is cut within files, at line ends; what is compressed, or holds records, is not.
    """
    small: list[tuple[str, FileSignature]] = []
    size = 0
    for source, signature in zip(corpus.sources, signatures_of(corpus.sources), strict=True):
        source_size = signature[0] if signature else n_bytes
        if small and size + source_size > n_bytes:
            yield _whole(small, size)
            small, size = [], 0
        if source_size > n_bytes and _is_plain(source, corpus.text):
            n_parts = -(-source_size // n_bytes)
            bounds = [source_size * i // n_parts for i in range(n_parts + 1)]
            for start, stop in pairwise(bounds):
                yield Partition((source,), (signature,), (start, stop), stop - start)
        else:
            small.append((source, signature))
            size += source_size
    if small:
        yield _whole(small, size)


def _whole(files: list[tuple[str, FileSignature]], n_bytes: int) -> Partition:
    sources, stamps = zip(*files, strict=True)
    return Partition(sources, stamps, None, n_bytes)


def _is_plain(source: str, text: TextConfig) -> bool:
    """Whether a source is text that can be read from the line after any byte on."""
    if text.paragraphs or not is_utf8(text.encoding):
        return False
    with open_source(source) as (stream, raw):
        kind = kind_of(source, text)
        records = kind != "text" or (text.input_format == "auto" and is_parquet(stream))
        return stream is raw and not records and stream.seekable()


@dataclass(frozen=True, eq=False)
class PartitionTokens:
    """The tokens of a part, numbered as if there were no other.

    ids     : int32 (n_tokens,)
    ends    : int64 (n_sentences,), where in `ids` each sentence ends
    n_types : the number of distinct tokens
    """

    __repr__ = brief

    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    n_types: int


@dataclass(frozen=True, eq=False)
class PartitionWords:
    """The distinct tokens of a part whose hash falls into a range.

    words   : as `token_bytes` has them, in order of first appearance, a line end after each
    counts  : int64 (n,)
    numbers : int32 (n,), those of PartTokens.ids
    """

    __repr__ = brief

    words: bytes
    counts: NDArray[np.int64]
    numbers: NDArray[np.int32]


@dataclass(frozen=True)
class PartitionStats:
    """What is known of a part when it has been read.

    fingerprint : as ScannedText has it
    """

    n_tokens: int
    n_sentences: int
    notes: ReadingNotes
    fingerprint: bytes

    @property
    def n_invalid(self) -> int:
        """Sequences of bytes replaced or skipped."""
        return self.notes.n_invalid


def read_partition(
    part: Partition, text: TextConfig, n_ranges: int, cache: Path | None = None
) -> tuple[PartitionStats, PartitionTokens, list[PartitionWords]]:
    """Read a part and number its tokens, or find them in a folder where they are kept.

    Raises CorpusError where it cannot be read.
    """
    corpus = part.corpus(text)
    if cache is not None:
        for source in part.sources:
            corpus.check_signature(source)
        found = cached_scan(corpus, cache, workers=1)
        tokens = PartitionTokens(np.array(found.ids), np.array(found.ends), len(found.words))
        facts = PartitionStats(
            len(tokens.ids), len(tokens.ends), found.notes, bytes.fromhex(found.fingerprint)
        )
        found_words = list(map(encode_token, found.words))
        return facts, tokens, _by_range(found_words, found.counts, n_ranges)
    ids, ends = BytesIO(), BytesIO()
    whole = ScanAccumulator(TokenWriter(ids, ends))
    numbering = Interner()
    for block in corpus.tokenized_blocks():
        whole.append(numbering(block))
    words = whole.interner.text
    digests = (hashlib.sha256(each).digest() for each in (words, ids.getbuffer(), ends.getbuffer()))
    fingerprint = hashlib.sha256(b"".join(digests)).digest()
    tokens = PartitionTokens(
        np.frombuffer(ids.getbuffer(), ID), np.frombuffer(ends.getbuffer(), END),
        whole.interner.n_words,
    )  # fmt: skip
    facts = PartitionStats(len(tokens.ids), len(tokens.ends), corpus.notes, fingerprint)
    return facts, tokens, _by_range(words.splitlines(), whole.counts, n_ranges)


def _by_range(words: list[bytes], counts: NDArray[np.int64], n_ranges: int) -> list[PartitionWords]:
    ranges = np.fromiter((crc32(word) % n_ranges for word in words), np.int32, len(words))
    found = []
    for each in range(n_ranges):
        numbers = np.flatnonzero(ranges == each).astype(ID)
        chosen = b"".join(words[number] + b"\n" for number in numbers)
        found.append(PartitionWords(chosen, counts[numbers], numbers))
    return found


@dataclass(frozen=True, eq=False)
class MergedRange:
    """The words of a range of hashes in all parts together that may get a vector.

    words   : as `token_bytes` has them, a line end after each
    counts  : int64 (n,)
    parts, numbers : int32 (n,), the first part that each stands in, and its number there
    places  : int64 (n,), which they are of all words of the range
    n_types : the number of all words of the range
    """

    __repr__ = brief

    words: bytes
    counts: NDArray[np.int64]
    parts: NDArray[np.int32]
    numbers: NDArray[np.int32]
    places: NDArray[np.int64]
    n_types: int


def merge_range(
    parts: Sequence[PartitionWords], min_count: int, wanted: bytes = b""
) -> tuple[MergedRange, list[NDArray[np.int32]]]:
    """Add up the counts of the words of a range, given those of each part in order.

    wanted : words that stay however rare they are, a line end after each
    Returns them, and for each part the place of each of its words among all of the range.
    """
    table = WordInterner()
    places = []
    firsts: list[tuple[NDArray[np.int32], NDArray[np.int32]]] = []
    counts = np.zeros(0, np.int64)
    for i, part in enumerate(parts):
        n_before = table.n_words
        ids, _ = table.intern(part.words)
        counts = np.concatenate((counts, np.zeros(table.n_words - n_before, np.int64)))
        counts[ids] += part.counts
        new = part.numbers[ids >= n_before]
        firsts.append((np.full(len(new), i, ID), new))
        places.append(ids)
    n_types = table.n_words
    words = table.text.splitlines(keepends=True)
    stay = counts >= min_count
    also, _ = table.intern(wanted)
    stay[also[also < n_types]] = True
    kept = np.flatnonzero(stay)
    first_parts, first_numbers = (
        np.concatenate([first[k] for first in firsts])[kept] for k in range(2)
    )
    return (
        MergedRange(
            b"".join(words[place] for place in kept), counts[kept],
            first_parts, first_numbers, kept, n_types,
        ),
        places,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class MergedVocabulary:
    """What the ranges come to together: the words that may get a vector, by first appearance.

    ranges, numbers : int64 (n,), the range of each and its number among those that it kept
    n_types : the number of distinct tokens of the text
    """

    __repr__ = brief

    words: list[str]
    counts: NDArray[np.int64]
    ranges: NDArray[np.int64]
    numbers: NDArray[np.int64]
    n_types: int


def join_ranges(merged: Sequence[MergedRange]) -> MergedVocabulary:
    """Put the words of all ranges into the order of their first appearance in the text."""
    first_parts, first_numbers, counts = (
        np.concatenate([getattr(each, name) for each in merged])
        for name in ("parts", "numbers", "counts")
    )
    order = np.lexsort((first_numbers, first_parts))
    sizes = [len(each.counts) for each in merged]
    ranges = np.repeat(np.arange(len(merged)), sizes)
    numbers = np.concatenate([np.arange(size) for size in sizes])
    words = [decode_token(word) for each in merged for word in each.words.split()]
    return MergedVocabulary(
        [words[i] for i in order], counts[order], ranges[order], numbers[order],
        sum(each.n_types for each in merged),
    )  # fmt: skip


def rows_of_range(
    merged: MergedRange, places: Sequence[NDArray[np.int32]], rows: NDArray[np.int32]
) -> list[NDArray[np.int32]]:
    """For each part the row of each of its words in a range, -1 for one that has none.

    places : as `merge_words` returns them
    rows   : int32 (n,), of the words of `merged`
    """
    of_all = np.full(merged.n_types, -1, ID)
    of_all[merged.places] = rows
    return [of_all[each] for each in places]


def encode_partition(
    tokens: PartitionTokens, numbers: Sequence[NDArray[np.int32]], rows: Sequence[NDArray[np.int32]]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """The rows of a part's tokens that have one, and where among them its sentences end.

    numbers : of each range, the numbers of the part's words
    rows    : of each range, their rows, or -1
    """
    of_all = np.full(tokens.n_types, -1, ID)
    for part_numbers, part_rows in zip(numbers, rows, strict=True):
        of_all[part_numbers] = part_rows
    kept, ends = np.empty_like(tokens.ids), np.empty_like(tokens.ends)
    n_kept = filter_ids(tokens.ids, tokens.ends, of_all, kept, ends)
    return kept[:n_kept].copy(), ends[np.diff(ends, prepend=0) > 0]
