"""Words of one language found among those of another.

In: two WordVectors and a dictionary of a few words. Out: for a word of the first the words of the
second that are nearest when the first is turned into its space; the share of right ones.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from embedtool.analysis.alignment import Alignment, fit_rotation, have_directions
from embedtool.config.tasks import TranslateConfig
from embedtool.errors import EvaluationError, QueryError
from embedtool.messages import brief, counted
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import AnyVectors, WordVectors, vectors_of
from embedtool.search.index import Nearest, nearest
from embedtool.search.lookup import from_ngrams, lookup
from embedtool.search.query import Answers, WordScore

CUTOFFS = (1, 5, 10)
"""Among how many answers a right one is looked for (Conneau et al. 2018, section 3)."""

N_BOUND = 1000
"""Words of the source by which crowds are bounded: a fiftieth of the default, and frequent ones,
which have many neighbours. Not fewer than a crowd can have."""
FIRST_LOOK, GROWTH = 16, 4
"""Candidates looked at closer, for each answer that is wanted; and how many times more, where a
bound does not yet tell that the others are no better."""

Pair = tuple[str, str]
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Precision:
    """The words of a test dictionary of which one of the first k answers is a translation.

    correct              : how many they are
    precision            : correct / found, None where none is found
    precision_over_total : correct / total: a word that cannot be answered is wrong
    """

    k: int
    correct: int
    precision: float | None
    precision_over_total: float | None


@dataclass(frozen=True)
class TranslationScore:
    """How many words of a test dictionary are translated rightly.

    found : words of which the source has a vector, not of zeros, and a translation is among the
            candidates
    total : different words
    """

    method: str
    restrict_vocab: int
    found: int
    total: int
    precisions: tuple[Precision, ...]


@dataclass(frozen=True, eq=False)
class Translator:
    """Translates words of the source by those of the target.

    alignment : turns the source into the space of the target
    """

    __repr__ = brief

    source: WordVectors
    target: WordVectors
    config: TranslateConfig
    alignment: Alignment

    @classmethod
    def fit(
        cls,
        source: AnyVectors,
        target: AnyVectors,
        seeds: Sequence[Pair],
        config: TranslateConfig,
    ) -> "Translator":
        """Align two languages on the pairs of a dictionary of which both words are known.

        Raises EvaluationError where none is, or the models differ in dimensions.
        """
        source, target = vectors_of(source), vectors_of(target)
        first = source.word_ids((word for word, _ in seeds), -1)
        second = target.word_ids((word for _, word in seeds), -1)
        known = (first >= 0) & (second >= 0)
        if not known.any():
            raise EvaluationError(
                f"of none of the {counted(len(seeds), 'pair')} of the dictionary are both words "
                "known"
            )
        alignment = fit_rotation(source.matrix[first[known]], target.matrix[second[known]])
        return cls(source, target, config, alignment)

    def translate(self, words: Sequence[str], n: int = CUTOFFS[-1]) -> list[Answers]:
        """The n words of the target that each word of the source most likely means, best first.

        Scores are cosines, or CSLS(x, y) = 2 cos(x, y) - r_T(x) - r_S(y), where r_T(x) is the mean
        cosine of x, turned, with its nearest words of the target, and r_S(y) that of y with its
        nearest words of the source, turned (Conneau et al. 2018, section 2.3).
        Raises NoAnswerError on words without a vector or with one of zeros, QueryError on n < 1.
        """
        if n < 1:
            raise QueryError(f"the number of answers must be at least 1, not {n}")
        queries = self._turned(lookup(self.source, words, need_direction=True))
        if self.config.method == "csls":
            found = self._targets.best(queries, n)
        else:
            found = nearest(self._targets.rows, None, queries, n)
        return [
            Answers.of(
                (
                    WordScore(self.target.words[i], score)
                    for i, score in zip(self._targets.ids[places].tolist(), scores, strict=True)
                ),
                from_ngrams(self.source, [word]),
            )
            for word, places, scores in zip(words, found.ids, found.scores.tolist(), strict=True)
        ]

    def score(self, test: Sequence[Pair]) -> TranslationScore:
        """Precision at CUTOFFS on a dictionary; of several translations of a word one suffices."""
        right: dict[str, set[str]] = {}
        for word, translation in test:
            right.setdefault(word, set()).add(translation)
        candidates = set(self.target.words[self.target.frequent(self.config.restrict_vocab)])
        found = [w for w in right if w in self.source and not candidates.isdisjoint(right[w])]
        directed = have_directions(self.source.matrix[self.source.word_ids(found)])
        found = list(compress(found, directed.tolist()))
        answers = self.translate(found, CUTOFFS[-1]) if found else []
        hits = [
            [answer.word in right[word] for answer in row]
            for word, row in zip(found, answers, strict=True)
        ]
        precisions = []
        for k in CUTOFFS:
            correct = sum(any(row[:k]) for row in hits)
            precisions.append(
                Precision(k, correct, correct / len(found) if found else None, correct / len(right))
            )
        return TranslationScore(
            self.config.method,
            self.config.restrict_vocab,
            len(found),
            len(right),
            tuple(precisions),
        )

    @cached_property
    def _targets(self) -> "_Candidates":
        limit, k = self.config.restrict_vocab, self.config.neighbours
        sources, targets = (
            vectors.matrix[vectors.frequent(limit)] for vectors in (self.source, self.target)
        )
        ids, turning = np.flatnonzero(have_directions(targets)), have_directions(sources)
        if not len(ids) or not turning.any():
            raise EvaluationError(f"none of the first {limit:,} words of a model has a direction")
        turned = self._turned(sources[turning])
        return _Candidates(ids, unit_rows(targets[ids]), turned, k)

    def _turned(self, rows: Rows) -> Rows:
        turned: Rows = unit_rows(rows) @ self.alignment.rotation.astype(np.float32)
        return turned


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The words that may answer, and how crowded the place of each is.

    ids     : int64 (n,), rows of the target
    rows    : float32 (n, vector_size), these at length 1
    sources : float32 (n_sources, vector_size), words of the source, turned and at length 1
    k       : size of a crowd

    To know the crowd of each candidate takes n * n_sources products, and a word's answers need few
    of them: the mean over the k nearest of some sources is never more than over those of all, so
    that it gives a bound to CSLS, and only those that may be among the best are looked at closer.
    """

    __repr__ = brief

    ids: NDArray[np.int64]
    rows: Rows
    sources: Rows
    k: int

    def best(self, queries: Rows, n: int) -> Nearest:
        """The n best of each query by CSLS, as places in `ids`."""
        bounded = np.hstack((self.rows, self._least[:, None]))
        doubled = np.hstack((2 * queries, np.full((len(queries), 1), -1, np.float32)))
        n = min(n, len(self.ids))
        width = FIRST_LOOK * n
        while True:
            bounds = nearest(bounded, None, doubled, width)
            scores: NDArray[np.float64] = (
                bounds.scores + self._least[bounds.ids] - self._crowds(bounds.ids)
            )
            order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
            best = np.take_along_axis(scores, order, 1)
            if width >= len(self.ids) or (best[:, -1] >= bounds.scores[:, -1]).all():
                ids = np.take_along_axis(bounds.ids, order, 1)
                return Nearest(ids, best - _crowds(self.rows, queries, self.k)[:, None])
            width *= GROWTH

    @cached_property
    def _least(self) -> Rows:
        """The least that the crowd of each candidate can be."""
        return _crowds(self.sources[:N_BOUND], self.rows, self.k)

    @cached_property
    def _known(self) -> Rows:
        """The crowds that have been needed; NaN where one has not."""
        return np.full(len(self.ids), np.nan, np.float32)

    def _crowds(self, places: NDArray[np.int64]) -> Rows:
        """r_S of candidates. float32, the shape of `places`."""
        new = np.unique(places)
        new = new[np.isnan(self._known[new])]
        self._known[new] = _crowds(self.sources, self.rows[new], self.k)
        found: Rows = self._known[places]
        return found


def _crowds(rows: Rows, queries: Rows, k: int) -> Rows:
    """The mean cosine of each query with its k nearest rows. float32 (n_queries,)."""
    means: Rows = nearest(rows, None, queries, k).scores.mean(axis=1).astype(np.float32)
    return means
