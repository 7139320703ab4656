"""The vocabulary: which words get a vector, in which order, and how often each occurs.

In: the distinct tokens of a corpus and their counts. Out: Vocabulary, and its text file.
"""

import logging
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.training import VocabularyConfig
from embedtool.errors import VocabularyError
from embedtool.io.encodings import BYTE_ORDER_MARK
from embedtool.messages import brief, counted

log = logging.getLogger(__name__)

VOCABULARY_LINE = re.compile(rb"(.+) ([0-9]+)\r?", re.DOTALL)


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Words by falling count; words of equal count stand in order of first appearance.

    words       : n_words distinct strings
    counts      : int64 (n_words,)
    types_seen  : distinct tokens in the corpus
    tokens_seen : tokens in the corpus
    """

    __repr__ = brief

    words: Sequence[str]
    counts: NDArray[np.int64]
    types_seen: int
    tokens_seen: int

    @property
    def n_words(self) -> int:
        """The number of words."""
        return len(self.words)

    @property
    def n_tokens(self) -> int:
        """Tokens of the corpus that are words of the vocabulary."""
        return int(self.counts.sum())

    @cached_property
    def word_to_id(self) -> dict[str, int]:
        """The row of each word."""
        return {word: i for i, word in enumerate(self.words)}

    def summary(self) -> dict[str, int | float]:
        """Types and tokens seen and kept, and the share of tokens kept."""
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
    only: Iterable[str] | None = None,
    types_seen: int | None = None,
    tokens_seen: int | None = None,
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """Choose the vocabulary among the distinct tokens of a corpus.

    words, counts : the tokens in order of first appearance, int64 (n_types,)
    only          : where given, no other word is taken
    types_seen, tokens_seen : where given, those of a corpus whose rarest tokens are not in `words`
    Returns the vocabulary and, int64 (n_words,), the place of each of its words in `words`.
    Raises VocabularyError where no word is left, or only one, saying which option to change.
    """
    n_types = len(words) if types_seen is None else types_seen
    n_tokens = int(counts.sum()) if tokens_seen is None else tokens_seen
    if not n_tokens:
        raise VocabularyError("the input holds no tokens; there is nothing to learn from")
    frequent = np.flatnonzero(counts >= config.min_count)
    order = frequent[np.argsort(-counts[frequent], kind="stable")]
    n_frequent = len(order)
    if only is not None:
        wanted = set(only)
        order = np.array([i for i in order if words[i] in wanted], dtype=np.int64)
    n_fitting = len(order)
    order = order[: config.max_vocab]
    if len(order) < 2:
        left = "no word is" if not len(order) else f"only {words[order[0]]!r} is"
        cause = f"{n_frequent:,} occur {counted(config.min_count, 'time')} or more"
        if only is not None:
            cause += f", {n_fitting:,} of them stand in the vocabulary file"
        remedy = "raise max_vocab" if n_fitting > 1 else "lower min_count or give more text"
        raise VocabularyError(
            f"{left} left: of {counted(n_types, 'distinct token')} ({n_tokens:,} in all), {cause}; "
            f"{remedy}",
            parameters=("max_vocab", "min_count"),
        )
    chosen = [words[i] for i in order]
    return Vocabulary(chosen, counts[order], n_types, n_tokens), order


def merge_vocabularies(
    vocabulary: Vocabulary,
    places: NDArray[np.int64],
    text_words: Sequence[str],
    text_counts: NDArray[np.int64],
    old_words: Sequence[str],
    old_counts: NDArray[np.int64] | None,
) -> tuple[Vocabulary, NDArray[np.int64]]:
    """Join the vocabulary of a text with that of an earlier training, and add the counts up.

    vocabulary, places : as `choose_words` returns them for `text_words` and `text_counts`
    old_words, old_counts : of the earlier training; no counts are zeros
    Returns the words of both and their places in `text_words`, -1 for a word that the text has not.
    An old word stays however rare it is in the text. What was seen is what both texts have, as far
    as the earlier vocabulary tells.
    """
    counts = dict(zip(vocabulary.words, vocabulary.counts.tolist(), strict=True))
    where = dict(zip(vocabulary.words, places.tolist(), strict=True))
    missing = set(old_words) - where.keys()
    for place, word in enumerate(text_words):
        if word in missing:
            where[word], counts[word] = place, int(text_counts[place])
    earlier = np.zeros(len(old_words), np.int64) if old_counts is None else old_counts
    for word, count in zip(old_words, earlier.tolist(), strict=True):
        counts[word] = counts.get(word, 0) + count
    words = sorted(counts, key=lambda word: -counts[word])
    grown = Vocabulary(
        words,
        np.array([counts[word] for word in words], np.int64),
        vocabulary.types_seen + sum(word not in where for word in old_words),
        vocabulary.tokens_seen + int(earlier.sum()),
    )
    return grown, np.array([where.get(word, -1) for word in words], np.int64)


def vocabulary_lines(words: Iterable[str], counts: Iterable[int]) -> Iterator[str]:
    """A line a word, as a vocabulary file has it: word, space, count, line end."""
    for word, count in zip(words, counts, strict=True):
        yield f"{word} {count}\n"


def read_vocabulary(path: Path) -> tuple[list[str], NDArray[np.int64]]:
    """Read a file of `vocabulary_lines`; word2vec.c's and GloVe's vocabulary files are alike.

    Raises VocabularyError naming the line that is not a word and its count.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise VocabularyError(f"{path}: cannot be read: {error.strerror}") from None
    mark = BYTE_ORDER_MARK.encode()
    if content.startswith(mark):
        log.warning("%s: begins with a byte order mark, which is left out", path)
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
        raise VocabularyError(f"{path}: a word stands there twice")
    return words, counts
