"""The encoded corpus: the text as word ids on disk, written once and trained on many times."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedtool.corpus.concurrency import ordered_map
from embedtool.corpus.scanning import END, ID, ScannedCorpus, TokenWriter
from embedtool.corpus.vocabulary import Vocabulary
from embedtool.errors import TrainingError
from embedtool.io.array_file import map_file
from embedtool.io.checksums import Checksum, HashingWriter
from embedtool.io.machine import n_cores
from embedtool.kernels.text.ids import filter_ids
from embedtool.messages import brief

BLOCK_TOKENS = 2**20
"""Tokens per block in passes over the ids."""
RESAMPLED_TOKENS = 2**20
"""Maximum tokens per block of `resample`; a longer sentence is a block of its own."""
ENCODED_FILES = ("encoded-ids", "encoded-ends")


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """A corpus as word ids in memory-mapped files, which local trainers read.

    Attributes
    ----------
    ids : ndarray of int32, shape (n_tokens,)
        The tokens, memory-mapped; words outside the vocabulary are left out.
    ends : ndarray of int64, shape (n_sentences,)
        End of each sentence in `ids`, memory-mapped.
    fingerprint : str
        Fingerprint of the scanned text.
    checksums : mapping of str to Checksum
        Those of the files, by name, if `encode` has written them.
    """

    __repr__ = brief

    vocabulary: Vocabulary
    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    fingerprint: str
    checksums: Mapping[str, Checksum] = field(default_factory=dict)

    @property
    def n_tokens(self) -> int:
        return len(self.ids)

    @property
    def n_sentences(self) -> int:
        """Number of sentences, each of which has a token."""
        return len(self.ends)


class EncodedText(Protocol):
    """A corpus as word ids: an `EncodedCorpus`, or `EncodedPartitions` on a cluster."""

    @property
    def vocabulary(self) -> Vocabulary:
        """The words."""

    @property
    def fingerprint(self) -> str:
        """The fingerprint of the scanned text."""

    @property
    def n_tokens(self) -> int:
        """Number of tokens."""

    @property
    def n_sentences(self) -> int:
        """Number of sentences, each of which has a token."""


def encode(
    scanned: ScannedCorpus, vocabulary: Vocabulary, source_rows: NDArray[np.int64], folder: Path
) -> EncodedCorpus:
    """Map a scanned text to word ids.

    Words outside the vocabulary are removed, so that the words around them become adjacent, as in
    word2vec.c, fastText and GloVe. Sentences without remaining words are removed too.

    Parameters
    ----------
    source_rows : ndarray of int64, shape (n_words,)
        The row of each word of the vocabulary in `scanned.words`, or -1.
    folder : Path
        An existing folder for the files.
    """
    rows = np.full(len(scanned.words), -1, dtype=ID)
    present = np.flatnonzero(source_rows >= 0)
    rows[source_rows[present]] = present
    starts = range(0, len(scanned.ids), BLOCK_TOKENS)
    ids_path, ends_path = (folder / name for name in ENCODED_FILES)
    with ids_path.open("wb") as ids_file, ends_path.open("wb") as ends_file:
        ids, ends = HashingWriter(ids_file), HashingWriter(ends_file)
        tokens = TokenWriter(ids, ends)
        ordered_map(
            starts,
            lambda start: _encode_block(scanned, start, rows),
            lambda encoded: tokens.append(*encoded),
            n_cores(),
        )
    checksums = zip(ENCODED_FILES, (ids.checksum(), ends.checksum()), strict=True)
    encoded = open_encoded(folder, vocabulary, scanned.fingerprint)
    return replace(encoded, checksums=dict(checksums))


def check_pairs(corpus: EncodedText) -> None:
    """Raise TrainingError if each sentence has only one word, so that no word has a context."""
    if corpus.n_tokens == corpus.n_sentences:
        raise TrainingError(
            "no line has two words, so there are no pairs to train on; put one sentence on a line, "
            "or join wrapped lines with paragraphs=True",
            parameters=("paragraphs",),
        )


def open_encoded(folder: Path, vocabulary: Vocabulary, fingerprint: str) -> EncodedCorpus:
    """Open the files that `encode` wrote."""
    return EncodedCorpus(
        vocabulary,
        map_file(folder / ENCODED_FILES[0], ID),
        map_file(folder / ENCODED_FILES[1], END),
        fingerprint,
    )


def _encode_block(
    scanned: ScannedCorpus, start: int, rows: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the word ids of the tokens of a block, and the ends of its sentences."""
    ids = scanned.ids[start : start + BLOCK_TOKENS]
    first, last = np.searchsorted(scanned.ends, (start, start + len(ids)), side="right")
    ends = np.subtract(scanned.ends[first:last], start)
    kept, kept_ends = np.empty_like(ids, subok=False), np.empty_like(ends, subok=False)
    n_kept = filter_ids(ids, np.asarray(ends), rows, kept, kept_ends)
    return kept[:n_kept], kept_ends


def resample(corpus: EncodedCorpus, seed: int, folder: Path) -> EncodedCorpus:
    """Draw as many sentences as a corpus has, with replacement: a bootstrap sample.

    Sentences stay in the order of the text. The vocabulary is that of the whole text, so that
    models trained on several samples have the same words (Antoniak & Mimno 2018 sample documents;
    here each line or record of the input is one).

    Parameters
    ----------
    folder : Path
        An existing folder for the files.
    """
    n = len(corpus.ends)
    drawn = np.random.default_rng(seed).integers(0, n, n)
    times = np.bincount(drawn, minlength=n)
    with (folder / "drawn-ids").open("wb") as ids, (folder / "drawn-ends").open("wb") as ends:
        tokens = TokenWriter(ids, ends)
        totals = np.cumsum(np.diff(corpus.ends, prepend=0) * times)
        last = 0
        while last < n:
            first, before = last, totals[last - 1] if last else 0
            fitting = int(np.searchsorted(totals, before + RESAMPLED_TOKENS, side="right"))
            last = max(fitting, first + 1)
            chosen = np.repeat(np.arange(first, last), times[first:last])
            starts = np.where(chosen > 0, corpus.ends[chosen - 1], 0)
            new_ends = np.cumsum(corpus.ends[chosen] - starts)
            lengths = np.diff(new_ends, prepend=0)
            rows = np.arange(lengths.sum()) + np.repeat(starts - new_ends + lengths, lengths)
            tokens.append(corpus.ids[rows], new_ends)
    return EncodedCorpus(
        corpus.vocabulary,
        map_file(folder / "drawn-ids", ID),
        map_file(folder / "drawn-ends", END),
        corpus.fingerprint,
    )


def sentences_of(corpus: EncodedCorpus, max_length: int) -> Iterator[NDArray[np.int32]]:
    """Yield the ids of each sentence, cut into pieces of at most `max_length` tokens."""
    start = 0
    for end in corpus.ends:
        for piece in pairwise([*range(start, int(end), max_length), int(end)]):
            yield corpus.ids[slice(*piece)]
        start = int(end)
