"""The perplexity of a bigram model on held-out text: the baseline of encoders."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Sentence = tuple[NDArray[np.integer], bool]
"""Ids, and whether the sentence ends where they do."""


class Bigrams:
    """Interpolated Kneser-Ney of two words (Chen & Goodman 1999, eq. 26), one discount.

    A sentence begins and ends with a boundary, which is predicted too, as by a causal encoder. The
    lower order gives each class a count of one half more, so that none is impossible.
    """

    def __init__(self, sentences: Iterable[Sentence], n_words: int) -> None:
        self.n_classes = n_words + 1
        pairs = np.concatenate([self._pairs(*each) for each in sentences])
        self.pairs, counts = np.unique(pairs, return_counts=True)
        before, after = np.divmod(self.pairs, self.n_classes)
        once, twice = (int((counts == n).sum()) for n in (1, 2))
        self.discount = once / (once + 2 * twice)
        self.discounted = counts - self.discount
        self.totals = np.bincount(before, counts, self.n_classes)
        self.kinds = np.bincount(before, minlength=self.n_classes)
        lower = np.bincount(after, minlength=self.n_classes) + 0.5
        self.lower = lower / lower.sum()

    def perplexity(self, sentences: Iterable[Sentence]) -> float:
        """Return exp of the mean negative log-likelihood of the words and ends of sentences."""
        pairs = np.concatenate([self._pairs(*each) for each in sentences])
        before, after = np.divmod(pairs, self.n_classes)
        positions = np.searchsorted(self.pairs, pairs).clip(max=len(self.pairs) - 1)
        seen = np.where(self.pairs[positions] == pairs, self.discounted[positions], 0)
        totals = np.maximum(self.totals[before], 1)
        left = np.where(self.totals[before] > 0, self.discount * self.kinds[before] / totals, 1.0)
        return float(np.exp(-np.log(seen / totals + left * self.lower[after]).mean()))

    def _pairs(self, ids: NDArray[np.integer], is_whole: bool) -> NDArray[np.int64]:
        boundary = self.n_classes - 1
        marked = np.concatenate([[boundary], ids, [boundary] * is_whole]).astype(np.int64)
        return marked[:-1] * self.n_classes + marked[1:]
