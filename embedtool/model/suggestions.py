"""Nearest spellings in milliseconds, by the characters that words share.

In: words. Out: those that are spelt most like another: first those that differ by capitals alone,
then the same that difflib finds among them.
"""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from difflib import SequenceMatcher

import numpy as np

from embedtool.io.encodings import SURROGATE_ERRORS

SUGGESTION_CANDIDATES = 100_000
"""Number of most frequent words among which suggestions are sought. The index of so many takes a
fifth of a second, once."""
CUTOFF = 0.7
"""Less alike is no suggestion."""
LENGTHS_APART = 2
"""Characters by which a suggestion may be longer or shorter."""
MOST_COMPARED = 500
"""Words compared letter by letter, in ten milliseconds at most. Among 100,000 English words one
misspelt takes 50, nine in ten take fewer than 180."""


def _folded(word: str) -> str:
    """A word in lower case, its letters in one form: é is one character, and Ａ is A (NFKC)."""
    return unicodedata.normalize("NFKC", word).lower()


class SpellingIndex:
    """Words by the characters in them, whatever their case.

    words : distinct words
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = list(words)
        self.lowered = [_folded(word) for word in self.words]
        self.lengths = np.fromiter(map(len, self.lowered), np.int64, len(self.lowered))
        text = "".join(self.lowered).encode("utf-32-le", SURROGATE_ERRORS)
        owners = np.repeat(np.arange(len(self.words)), self.lengths)
        pairs = np.frombuffer(text, np.uint32).astype(np.int64) * len(self.words) + owners
        distinct, self.counts = np.unique(pairs, return_counts=True)
        characters, self.owners = np.divmod(distinct, max(1, len(self.words)))
        used, starts = np.unique(characters, return_index=True)
        stops = [*starts.tolist(), len(characters)][1:]
        self.places = {
            chr(character): slice(start, stop)
            for character, start, stop in zip(used.tolist(), starts.tolist(), stops, strict=True)
        }

    def nearest(self, word: str, n: int) -> list[str]:
        """Up to n words spelt most like `word`, best first, by SequenceMatcher's ratio.

        Both are compared as folded, so that words that differ by case alone come first. The
        ratio is at most twice the number of characters that two words share, in any order,
        over the number that both have. Words are compared by this bound, largest first, until no
        other can be among the best, and at most MOST_COMPARED.
        """
        lowered = _folded(word)
        shared = np.zeros(len(self.words), np.int64)
        for character, count in Counter(lowered).items():
            place = self.places.get(character, slice(0))
            shared[self.owners[place]] += np.minimum(self.counts[place], count)
        bounds = 2 * shared / (self.lengths + len(lowered))
        bounds[np.abs(self.lengths - len(lowered)) > LENGTHS_APART] = 0
        likely = np.flatnonzero(bounds >= CUTOFF)
        likely = likely[np.argsort(-bounds[likely], kind="stable")][:MOST_COMPARED]
        matcher = SequenceMatcher(b=lowered)
        best: list[tuple[float, str]] = []
        for i in likely.tolist():
            if len(best) == n and bounds[i] < best[-1][0]:
                break
            matcher.set_seq1(self.lowered[i])
            ratio = matcher.ratio()
            if ratio >= CUTOFF:
                best = sorted([*best, (ratio, self.words[i])], reverse=True)[:n]
        return [found for _, found in best]
