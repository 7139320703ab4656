"""Scanning a corpus: it is read once, and tokens get ids by first appearance."""

import hashlib
import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from embedtool import __version__
from embedtool.config.training import VocabularyConfig
from embedtool.corpus.concurrency import ordered_map
from embedtool.corpus.corpus import Corpus
from embedtool.corpus.interning import InternedText, Interner, WordInterner
from embedtool.corpus.notes import ReadingNotes, warn_of_reading, warn_of_script
from embedtool.corpus.sources import absolute, display_name, signatures_of
from embedtool.corpus.string_table import StringTable
from embedtool.corpus.tokens import decode_token_lines
from embedtool.corpus.vocabulary import Vocabulary, build_vocabulary
from embedtool.errors import CorpusError, OutputError, ResourceError
from embedtool.io.array_file import map_file
from embedtool.io.atomic import atomic_directory
from embedtool.io.checksums import HashingWriter, mismatch
from embedtool.io.deletion import temporary_directory
from embedtool.io.json_file import parse_json, read_json
from embedtool.io.machine import n_cores
from embedtool.io.progress import Report, silent
from embedtool.kernels.text.ids import remap_ids
from embedtool.messages import brief

log = logging.getLogger(__name__)
ID = np.dtype("<i4")
END = COUNT = np.dtype("<i8")
BYTE = np.dtype("u1")
CACHE_VERSION = 5
"""Increased when the format of the files of `scan` changes, so that older caches are not used."""
SUMMARY = "scan.json"
"""The last file that `scan` writes: fingerprint, notes, size and SHA-256 of each file."""
FILES = ("words", "counts", "ids", "ends")


@dataclass(frozen=True, eq=False)
class ScannedCorpus:
    """A corpus in memory-mapped files, before its vocabulary is chosen.

    Attributes
    ----------
    words : StringTable
        The distinct tokens, in order of first appearance.
    counts : ndarray of int64, shape (n_types,)
    ids : ndarray of int32, shape (n_tokens,)
        The tokens as indices of `words`, memory-mapped.
    ends : ndarray of int64, shape (n_sentences,)
        Where in `ids` each sentence ends, memory-mapped.
    fingerprint : str
        SHA-256 of the SHA-256 of words, ids and ends: equal for equal tokens in equal sentences.
    notes : ReadingNotes
        Observations from reading the text.
    """

    __repr__ = brief

    words: StringTable
    counts: NDArray[np.int64]
    ids: NDArray[np.int32]
    ends: NDArray[np.int64]
    fingerprint: str
    notes: ReadingNotes

    @property
    def n_sentences(self) -> int:
        return len(self.ends)

    @property
    def n_invalid(self) -> int:
        """Invalid byte sequences replaced or skipped in the text."""
        return self.notes.n_invalid


class TokenWriter:
    """Writes ids and sentence ends to files, block by block.

    Attributes
    ----------
    n_written : int
        Number of ids so far.
    """

    def __init__(self, ids: BinaryIO | HashingWriter, ends: BinaryIO | HashingWriter) -> None:
        self.ids, self.ends = ids, ends
        self.n_written = 0
        self.last_end = 0

    def append(self, ids: NDArray[np.int32], ends: NDArray[np.int64]) -> None:
        """Add tokens, and the ends of lines; lines without tokens are not sentences."""
        new_ends = self.n_written + ends
        new_ends = new_ends[np.diff(new_ends, prepend=self.last_end) > 0]
        self.ids.write(ids.data)
        self.ends.write(new_ends.data)
        self.n_written += len(ids)
        if len(new_ends):
            self.last_end = int(new_ends[-1])


class ScanAccumulator:
    """Combines the blocks of a text, each interned separately.

    Attributes
    ----------
    interner : WordInterner
        The words of all blocks.
    counts : ndarray of int64
        Their counts, padded with zeros.
    """

    def __init__(self, tokens: TokenWriter) -> None:
        self.tokens = tokens
        self.interner = WordInterner()
        self.counts = np.zeros(0, dtype=np.int64)
        # Compile or load the kernels now: on the thread that an interrupt reaches, and before
        # memory is allocated, because the compiler aborts the program when there is none.
        self.append(Interner()(b""))

    def append(self, block: InternedText) -> None:
        """Map the next block to the ids of the whole text, add its counts and write it."""
        new_ids, _ = self.interner.intern(block.words)
        if self.interner.n_words > len(self.counts):
            more = np.zeros(2 * self.interner.n_words - len(self.counts), dtype=np.int64)
            self.counts = np.concatenate((self.counts, more))
        self.counts[new_ids] += block.counts
        remap_ids(block.ids, new_ids)
        self.tokens.append(block.ids, block.ends)


def scan(
    corpus: Corpus, folder: Path, report: Report = silent, workers: int | None = None
) -> ScannedCorpus:
    """Read a corpus once and write its tokens as ids.

    Memory grows with the distinct tokens, not with the text.

    Parameters
    ----------
    folder : Path
        An existing folder for the files.
    workers : int, optional
        Threads that intern tokens, besides the calling one, which reads, and one that writes; one
        per core by default. The result is the same for any number.

    Raises
    ------
    CorpusError
        If the text cannot be read.
    ResourceError
        If its distinct tokens do not fit in memory.
    """
    _write_scan(corpus, folder, report, workers or n_cores())
    return open_scan(folder)


def _write_scan(corpus: Corpus, folder: Path, report: Report, workers: int) -> None:
    """Write the files of a scan. The large table of words is freed on return."""
    with (folder / "ids").open("wb") as ids_file, (folder / "ends").open("wb") as ends_file:
        ids, ends = HashingWriter(ids_file), HashingWriter(ends_file)
        whole = ScanAccumulator(TokenWriter(ids, ends))
        try:
            ordered_map(corpus.tokenized_blocks(report), Interner(), whole.append, workers)
        except MemoryError:
            raise ResourceError(
                f"out of memory after {whole.interner.n_words:,} distinct words, some 70 bytes "
                "each; check that they are words (tokenizer='words'), or give more memory",
                parameters=("tokenizer",),
            ) from None
    with (folder / "words").open("wb") as words_file, (folder / "counts").open("wb") as counts_file:
        words, counts = HashingWriter(words_file), HashingWriter(counts_file)
        words.write(whole.interner.text)
        counts.write(whole.counts[: whole.interner.n_words].data)
    digests = (words.digest, ids.digest, ends.digest)
    summary = {
        "fingerprint": hashlib.sha256(b"".join(each.digest() for each in digests)).hexdigest(),
        "notes": asdict(corpus.notes),
        "files": {
            name: file.checksum()
            for name, file in zip(FILES, (words, counts, ids, ends), strict=True)
        },
    }
    (folder / SUMMARY).write_text(json.dumps(summary), "utf-8")


def open_scan(folder: Path) -> ScannedCorpus:
    """Open the files that `scan` wrote."""
    summary = read_json(folder / SUMMARY, CorpusError)
    return ScannedCorpus(
        words=decode_token_lines(map_file(folder / "words", BYTE)),
        counts=np.fromfile(folder / "counts", COUNT),
        ids=map_file(folder / "ids", ID),
        ends=map_file(folder / "ends", END),
        fingerprint=summary["fingerprint"],
        notes=ReadingNotes(**summary["notes"]),
    )


def find_damage(folder: Path) -> str | None:
    """Return the fault of the files of an earlier scan, or None."""
    try:
        summary = parse_json((folder / SUMMARY).read_bytes())
        checksums = {name: summary["files"][name] for name in FILES}
        ReadingNotes(**summary["notes"])
        str(summary["fingerprint"])
        for name, each in checksums.items():
            if fault := mismatch(folder / name, each):
                return f"{name} {fault}"
    except OSError as error:
        return f"{SUMMARY} cannot be read: {error.strerror}"
    except (ValueError, KeyError, TypeError):
        return f"{SUMMARY} is damaged"
    return None


def scan_vocabulary(
    corpus: Corpus, config: VocabularyConfig, report: Report = silent
) -> Vocabulary:
    """Return the vocabulary of a corpus, warning as `warn_about_text` does."""
    with temporary_directory() as folder:
        scanned = scan(corpus, folder, report)
        warn_about_text(corpus, scanned)
        return build_vocabulary(scanned.words, scanned.counts, config)[0]


def warn_about_text(corpus: Corpus, scanned: ScannedCorpus) -> None:
    """Log warnings about unusual text, before long work starts."""
    warn_of_reading(corpus.text, scanned.notes)
    warn_of_script(corpus.text, scanned.words, scanned.counts)


def cached_scan(
    corpus: Corpus, cache: Path, report: Report = silent, workers: int | None = None
) -> ScannedCorpus:
    """Scan a corpus, or open the scan of the same files, unchanged, read with the same options.

    Files are identified by path, size and modification time. A scan with a file of wrong size or
    SHA-256 is repeated, with a warning.

    Raises
    ------
    CorpusError
        If the corpus does not consist of files, the only inputs that can be identified.
    """
    key = hashlib.sha256(json.dumps(_cache_key(corpus)).encode()).hexdigest()[:32]
    folder = cache / key
    damage = find_damage(folder) if folder.is_dir() else None
    if damage:
        log.warning("%s: the cache is damaged: %s; the text is read again", folder, damage)
    if damage or not folder.is_dir():
        try:
            cache.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"{cache}: cannot be made: {error.strerror}") from None
        with atomic_directory(folder) as fresh:
            scan(corpus, fresh, report, workers)
    return open_scan(folder)


def _cache_key(corpus: Corpus) -> list[object]:
    if not corpus.sources:
        raise CorpusError(
            "cache works with files only; leave it out for lists of tokens", parameters=("cache",)
        )
    files = []
    for source, signature in zip(corpus.sources, signatures_of(corpus.sources), strict=True):
        if signature is None:
            raise CorpusError(
                f"{source}: cache works with files only; leave it out for this input",
                parameters=("cache",),
            )
        files.append((display_name(absolute(source)), *signature))
    return [CACHE_VERSION, __version__, asdict(corpus.text), files, corpus.span]
