"""Which words of a text gensim keeps: by count, by a rule, and up to a number of words."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.trainers.count_tables import keep_probabilities

log = logging.getLogger(__name__)

RULE_DEFAULT, RULE_DISCARD, RULE_KEEP = 0, 1, 2
"""What a `trim_rule` returns: keep a word if it is frequent enough, never, always."""

TrimRule = Callable[[str, int, int], int]
"""Function of a word, its count and the minimum count."""


@dataclass(frozen=True)
class Kept:
    """The words of a text that are kept.

    Attributes
    ----------
    counts : dict of str to int
        The count of each, in order of first appearance.
    min_count : int
        The minimum count that was applied.
    n_dropped : int
        Number of other words.
    """

    counts: dict[str, int]
    min_count: int
    n_dropped: int

    def report(self, sample: float) -> dict[str, int]:
        """Return the numbers of words and tokens, with gensim's names."""
        counts: NDArray[np.int64] = np.fromiter(self.counts.values(), np.int64, len(self.counts))
        kept = keep_probabilities(counts, sample) if len(counts) else np.ones(0)
        return {
            "drop_unique": self.n_dropped,
            "retain_total": int(counts.sum()),
            "downsample_unique": int((kept < 1).sum()),
            "downsample_total": int((kept * counts).sum()),
            "num_retained_words": len(counts),
        }


def kept_words(
    raw: Mapping[str, int],
    min_count: int,
    max_final_vocab: int | None = None,
    trim_rule: TrimRule | None = None,
) -> Kept:
    """Choose words by gensim's rules.

    Parameters
    ----------
    raw : mapping of str to int
        The counts of all words.
    min_count : int
        Minimum count of a word without a rule of its own.
    max_final_vocab : int, optional
        Raise the minimum count until no more words than this are left.
    trim_rule : callable, optional
        Decides on a word before its count does.
    """
    if max_final_vocab is not None and max_final_vocab < len(raw):
        descending = sorted(raw.values(), reverse=True)
        min_count = max(min_count, descending[max_final_vocab] + 1)

    def is_kept(word: str, count: int) -> bool:
        verdict = RULE_DEFAULT if trim_rule is None else trim_rule(word, count, min_count)
        return verdict == RULE_KEEP or (verdict != RULE_DISCARD and count >= min_count)

    counts = {word: count for word, count in raw.items() if is_kept(word, count)}
    return Kept(counts, min_count, len(raw) - len(counts))


def warn_of_limit(max_vocab_size: int | None, n_words: int) -> None:
    """Warn if gensim would have dropped words while it counted, which embedtool does not."""
    if max_vocab_size is not None and n_words > max_vocab_size:
        log.warning(
            "the text has %s distinct words, more than max_vocab_size=%s; embedtool drops none "
            "while it counts: use max_final_vocab to limit the vocabulary",
            f"{n_words:,}", max_vocab_size,
            extra={"parameters": ("max_vocab_size", "max_final_vocab")},
        )  # fmt: skip
