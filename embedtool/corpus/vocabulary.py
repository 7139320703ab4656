"""The vocabulary: which words get a vector, in which order, and how often each occurs."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import VocabularyConfig
from embedtool.corpus.string_table import StringTable
from embedtool.errors import VocabularyError
from embedtool.io.encodings import BYTE_ORDER_MARK
from embedtool.messages import brief, counted

log = logging.getLogger(__name__)

VOCABULARY_LINE = re.compile(rb"(.+) ([0-9]+)\r?", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words in descending order of count; words of equal count in order of first appearance.

    Attributes
    ----------
    words : sequence of str
        Distinct words.
    counts : ndarray of int64, shape (n_words,)
    types_seen : int
        Distinct tokens in the corpus.
    tokens_seen : int
        Tokens in the corpus.
    own_counts : ndarray of int64, shape (n_words,), or None
        If `counts` include those of an earlier training: the counts in this text alone.
    """

    __repr__ = brief

    words: Sequence[str]
    counts: NDArray[np.int64]
    types_seen: int
    tokens_seen: int
    own_counts: NDArray[np.int64] | None = None

    @property
    def text_counts(self) -> NDArray[np.int64]:
        """How often each word occurs in the text that is trained on, int64 (n_words,)."""
        return self.counts if self.own_counts is None else self.own_counts

    @property
    def n_words(self) -> int:
        return len(self.words)

    @property
    def n_tokens(self) -> int:
        """Number of tokens of the corpus that are words of the vocabulary."""
        return int(self.counts.sum())

    def summary(self) -> dict[str, int | float]:
        """Return types and tokens seen and kept, and the fraction of tokens kept."""
        return {
            "types_seen": self.types_seen,
            "types_kept": self.n_words,
            "tokens_seen": self.tokens_seen,
            "tokens_kept": self.n_tokens,
            "share_kept": self.n_tokens / self.tokens_seen,
        }


def build_vocabulary(
    words: Sequence[str],
    counts: NDArray[np.int64],
    config: VocabularyConfig,
    vocabulary_words: Iterable[str] | None = None,
    types_seen: int | None = None,
    tokens_seen: int | None = None,
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """Choose the vocabulary among the distinct tokens of a corpus.

    Parameters
    ----------
    words : sequence of str
        The distinct tokens, in order of first appearance.
    counts : ndarray of int64, shape (n_types,)
    config : VocabularyConfig
        Minimum count and maximum size.
    vocabulary_words : iterable of str, optional
        The only words allowed.
    types_seen, tokens_seen : int, optional
        Distinct tokens and tokens of the corpus, if `words` does not include the rarest.

    Returns
    -------
    vocabulary : Vocabulary
        The words chosen.
    source_rows : ndarray of int64, shape (n_words,)
        The index of each of them in `words`.

    Raises
    ------
    VocabularyError
        If fewer than two words remain; the message names the option to change.
    """
    n_types = len(words) if types_seen is None else types_seen
    n_tokens = int(counts.sum()) if tokens_seen is None else tokens_seen
    if not n_tokens:
        raise VocabularyError("the input contains no tokens; there is nothing to train on")
    frequent = np.flatnonzero(counts >= config.min_count)
    order = frequent[np.argsort(-counts[frequent], kind="stable")]
    n_frequent = len(order)
    if vocabulary_words is not None:
        allowed = set(vocabulary_words)
        order = np.array([i for i in order if words[i] in allowed], dtype=np.int64)
    n_fitting = len(order)
    order = order[: config.max_vocab]
    if len(order) < 2:
        left = "no word is" if not len(order) else f"only {words[order[0]]!r} is"
        cause = f"{n_frequent:,} occur {counted(config.min_count, 'time')} or more"
        if vocabulary_words is not None:
            cause += f", {n_fitting:,} of them are in the vocabulary file"
        remedy = "lower min_count or give more text" if config.min_count > 1 else "give more text"
        if n_fitting > 1:
            remedy = "raise max_vocab"
        raise VocabularyError(
            f"{left} left: of {counted(n_types, 'distinct token')} ({n_tokens:,} in all), {cause}; "
            f"{remedy}",
            parameters=("max_vocab", "min_count"),
        )
    chosen = words.take(order) if isinstance(words, StringTable) else [words[i] for i in order]
    return Vocabulary(chosen, counts[order], n_types, n_tokens), order


def merge_vocabularies(
    vocabulary: Vocabulary,
    source_rows: NDArray[np.int64],
    text_words: Sequence[str],
    text_counts: NDArray[np.int64],
    old_words: Sequence[str],
    old_counts: NDArray[np.int64] | None,
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """Merge the vocabulary of a text with that of an earlier training, and add the counts.

    Old words are kept regardless of their counts in the text. Types and tokens seen are those of
    both texts, as far as the earlier vocabulary has them.

    Parameters
    ----------
    vocabulary, source_rows : Vocabulary and ndarray of int64
        As `build_vocabulary` returns them for `text_words` and `text_counts`.
    text_words, text_counts : sequence of str and ndarray of int64
        The distinct tokens of the text, and their counts.
    old_words, old_counts : sequence of str and ndarray of int64
        The words of the earlier training, and their counts; zeros if there are none.

    Returns
    -------
    merged : Vocabulary
        The words of both.
    source_rows : ndarray of int64, shape (n_words,)
        Their indices in `text_words`, or -1.
    """
    counts = dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
    row_of = dict(zip(vocabulary.words, source_rows.tolist(), strict=True))
    missing = set(old_words) - row_of.keys()
    for row, word in enumerate(text_words):
        if word in missing:
            row_of[word], counts[word] = row, int(text_counts[row])
    own_counts = dict(counts)
    _log_overlap(own_counts, old_words)
    earlier = np.zeros(len(old_words), np.int64) if old_counts is None else old_counts
    for word, count in zip(old_words, earlier.tolist(), strict=True):
        counts[word] = counts.get(word, 0) + count
    words = sorted(counts, key=lambda word: -counts[word])
    merged = Vocabulary(
        words,
        np.array([counts[word] for word in words], np.int64),
        vocabulary.types_seen + sum(word not in row_of for word in old_words),
        vocabulary.tokens_seen + int(earlier.sum()),
        np.array([own_counts.get(word, 0) for word in words], np.int64),
    )
    return merged, np.array([row_of.get(word, -1) for word in words], np.int64)


def _log_overlap(text_counts: Mapping[str, int], old_words: Iterable[str]) -> None:
    """Log how much of a text an earlier vocabulary has: little of it if the case differs, say."""
    found = [text_counts[word] for word in set(old_words) & text_counts.keys()]
    log.info(
        "init has %s of the %s of the text, %.1f%% of their tokens", f"{len(found):,}",
        counted(len(text_counts), "word"), 100 * sum(found) / sum(text_counts.values()),
    )  # fmt: skip


def vocabulary_lines(words: Iterable[str], counts: Iterable[int]) -> Iterator[str]:
    """Yield the lines of a vocabulary file: word, space, count, line end."""
    for word, count in zip(words, counts, strict=True):
        yield f"{word} {count}\n"


def read_vocabulary(path: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Read a vocabulary file, in the format of word2vec.c and GloVe.

    Returns
    -------
    words : list of str
        The words.
    counts : ndarray of int64, shape (n_words,)
        Their counts.

    Raises
    ------
    VocabularyError
        If a line is not a word and its count, or a word occurs twice.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VocabularyError(f"{path}: cannot be read: {error.strerror}") from None
    mark = BYTE_ORDER_MARK.encode()
    if content.startswith(mark):
        log.warning("%s: begins with a byte order mark, which is ignored", path)
    lines = content.removeprefix(mark).split(b"\n")
    if not lines[-1]:
        lines.pop()
    words: list[str] = []
    counts = np.empty(len(lines), dtype=np.int64)
    for number, line in enumerate(lines, 1):
        match = VOCABULARY_LINE.fullmatch(line)
        try:
            if not match:
                raise ValueError
            words.append(match[1].decode())
            counts[number - 1] = int(match[2])
        except (ValueError, OverflowError):
            raise VocabularyError(
                f"{path}, line {number}: not a word, a space and its count"
            ) from None
    if len(set(words)) < len(words):
        raise VocabularyError(f"{path}: a word occurs twice")
    return words, counts
