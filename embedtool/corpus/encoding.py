"""The corpus as numbers on disk: read once, then trained from as often as one likes.

In: a Corpus. Out: ScannedText, every token numbered by first appearance; from it and a chosen
vocabulary EncodedCorpus, the ids of the words that get a vector, memory-mapped.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from embedtool import __version__
from embedtool.config import VocabularyConfig
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.sources import STDIN, is_url
from embedtool.corpus.tokens import TOKENIZERS
from embedtool.corpus.vocabulary import Vocabulary, choose_words
from embedtool.errors import CorpusError, OutputError
from embedtool.files import new_folder
from embedtool.progress import Report, silent

ID = np.dtype("<i4")
END = np.dtype("<i8")
LAYOUT = 1
"""Raised when what `scan` leaves in its folder changes, so that older caches are not opened."""
BLOCK_TOKENS = 2**20
"""Tokens taken at a time in passes over the ids."""


@dataclass(frozen=True, eq=False)
class ScannedText:
    """A corpus before its vocabulary is chosen.

    words       : the distinct tokens, in order of first appearance
    counts      : int64 (n_types,)
    ids         : int32 (n_tokens,), memory-mapped, rows of `words`
    ends        : int64 (n_sentences,), memory-mapped, where in `ids` each sentence ends
    fingerprint : SHA-256 of words, ids and ends: equal for equal tokens in equal sentences
    n_invalid   : invalid UTF-8 sequences replaced or skipped in the text
    """

    words: list[str]
    counts: NDArray[np.int64]
    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    fingerprint: str
    n_invalid: int


@dataclass(frozen=True, eq=False)
class EncodedCorpus:
    """What a trainer reads.

    vocabulary  : the words, whose rows the ids are
    ids         : int32 (n_tokens,), memory-mapped; words outside the vocabulary are left out
    ends        : int64 (n_sentences,), memory-mapped, where in `ids` each sentence ends
    fingerprint : of the text that was scanned
    """

    vocabulary: Vocabulary
    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    fingerprint: str

    @property
    def n_tokens(self) -> int:
        """The number of tokens."""
        return len(self.ids)


class _Numbers(dict[str, int]):
    """Numbers words in the order in which they are first asked for."""

    def __missing__(self, word: str) -> int:
        number = self[word] = len(self)
        return number


def scan(corpus: Corpus, folder: Path, report: Report = silent) -> ScannedText:
    """Read a corpus once and leave its tokens as numbers in `folder`, which must exist.

    Memory grows with the distinct tokens, not with the text. Raises CorpusError where the text
    cannot be read.
    """
    tokenize = TOKENIZERS[corpus.text.tokenizer]()
    n_invalid_before = corpus.n_invalid
    numbers = _Numbers()
    counts = np.zeros(0, dtype=np.int64)
    n_tokens = 0
    last_end = 0
    with (folder / "ids").open("wb") as ids_file, (folder / "ends").open("wb") as ends_file:
        for block in corpus.blocks(report):
            *lines, rest = block.split("\n")
            ids: list[int] = []
            ends: list[int] = []
            for line in lines:
                ids += map(numbers.__getitem__, tokenize(line))
                if n_tokens + len(ids) > last_end:
                    last_end = n_tokens + len(ids)
                    ends.append(last_end)
            ids += map(numbers.__getitem__, tokenize(rest))
            n_tokens += len(ids)
            counts = _add_counts(counts, ids, len(numbers))
            np.array(ids, dtype=ID).tofile(ids_file)
            np.array(ends, dtype=END).tofile(ends_file)
    words = list(numbers)
    (folder / "words").write_text("\n".join(words), encoding="utf-8", newline="\n")
    np.save(folder / "counts.npy", counts)
    (folder / "invalid").write_text(str(corpus.n_invalid - n_invalid_before))
    return open_scan(folder)


def _add_counts(counts: NDArray[np.int64], ids: list[int], n_types: int) -> NDArray[np.int64]:
    new = np.bincount(np.array(ids, dtype=np.int64), minlength=n_types)
    new[: len(counts)] += counts
    return new


def open_scan(folder: Path) -> ScannedText:
    """Open what `scan` left in a folder."""
    text = (folder / "words").read_bytes().decode()
    digest = hashlib.sha256(text.encode())
    for name in ("ids", "ends"):
        with (folder / name).open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
    return ScannedText(
        words=text.split("\n") if text else [],
        counts=np.load(folder / "counts.npy", allow_pickle=False),
        ids=mapped(folder / "ids", ID),
        ends=mapped(folder / "ends", END),
        fingerprint=digest.hexdigest(),
        n_invalid=int((folder / "invalid").read_text()),
    )


def count_words(corpus: Corpus, config: VocabularyConfig, report: Report = silent) -> Vocabulary:
    """The vocabulary of a corpus, without keeping the corpus."""
    with TemporaryDirectory(prefix="embedtool-") as folder:
        scanned = scan(corpus, Path(folder), report)
        return choose_words(scanned.words, scanned.counts, config)[0]


def cached_scan(corpus: Corpus, cache: Path, report: Report = silent) -> ScannedText:
    """Scan a corpus, or open the scan of the same files, unchanged, read in the same way.

    Files are known by path, size and time of change. Raises CorpusError for standard input and
    URLs, which cannot be known again.
    """
    key = hashlib.sha256(json.dumps(_cache_key(corpus)).encode()).hexdigest()[:32]
    folder = cache / key
    if not folder.is_dir():
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{cache}: cannot be made: {error.strerror}") from None
        with new_folder(folder) as fresh:
            scan(corpus, fresh, report)
    return open_scan(folder)


def _cache_key(corpus: Corpus) -> list[object]:
    files = []
    for source in corpus.sources:
        if source == STDIN or is_url(source) or not Path(source).is_file():
            raise CorpusError(f"{source}: --cache works with files; leave it out for this input")
        status = Path(source).stat()
        files.append((str(Path(source).resolve()), status.st_size, status.st_mtime_ns))
    return [LAYOUT, __version__, asdict(corpus.text), files]


def encode(
    scanned: ScannedText, vocabulary: Vocabulary, places: NDArray[np.int64], folder: Path
) -> EncodedCorpus:
    """Renumber a scanned text to the rows of a vocabulary, leaving the ids in `folder`.

    places : int64 (n_words,), the place of each word of the vocabulary in `scanned.words`
    A word outside the vocabulary takes no place: its neighbours become neighbours, as in
    word2vec.c, fastText and GloVe. Sentences that lose all their words are left out.
    """
    rows = np.full(len(scanned.words), -1, dtype=ID)
    rows[places] = np.arange(len(places), dtype=ID)
    with (folder / "encoded-ids").open("wb") as ids, (folder / "encoded-ends").open("wb") as ends:
        _encode(scanned, rows, ids, ends)
    return EncodedCorpus(
        vocabulary,
        mapped(folder / "encoded-ids", ID),
        mapped(folder / "encoded-ends", END),
        scanned.fingerprint,
    )


def _encode(scanned: ScannedText, rows: NDArray[np.int32], ids: BinaryIO, ends: BinaryIO) -> None:
    n_kept = 0
    last_end = 0
    for start in range(0, len(scanned.ids), BLOCK_TOKENS):
        stop = min(start + BLOCK_TOKENS, len(scanned.ids))
        kept = rows[scanned.ids[start:stop]]
        inside = kept >= 0
        kept[inside].tofile(ids)
        first, last = np.searchsorted(scanned.ends, (start, stop), side="right")
        before = np.concatenate(([0], np.cumsum(inside)))
        new_ends = n_kept + before[scanned.ends[first:last] - start]
        new_ends = new_ends[np.diff(new_ends, prepend=last_end) > 0]
        new_ends.astype(END).tofile(ends)
        if len(new_ends):
            last_end = int(new_ends[-1])
        n_kept += int(before[-1])


def sentences_of(corpus: EncodedCorpus, longest: int) -> Iterator[NDArray[np.int32]]:
    """The ids of each sentence; one of more than `longest` tokens comes in several pieces."""
    start = 0
    for end in corpus.ends:
        for piece in pairwise([*range(start, int(end), longest), int(end)]):
            yield corpus.ids[slice(*piece)]
        start = int(end)


def mapped(path: Path, kind: np.dtype[Any]) -> NDArray[Any]:
    """A file of numbers as a read-only array; an empty file is an empty array."""
    if not path.stat().st_size:
        return np.empty(0, dtype=kind)
    return np.memmap(path, dtype=kind, mode="r")
