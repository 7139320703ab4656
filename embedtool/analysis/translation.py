"""Word translation between two aligned models, by cosine or CSLS, and its precision."""

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
from embedtool.model.vectors import AnyVectors, VectorTable, vectors_of
from embedtool.search.answers import Answers, WordScore
from embedtool.search.index import Nearest, nearest
from embedtool.search.lookup import from_ngrams, lookup

CUTOFFS = (1, 5, 10)
"""Values of k for precision@k (Conneau et al. 2018, section 3)."""

N_BOUND_SOURCES = 1000
"""Number of frequent source words that bound r_S from below: a fiftieth of the default vocabulary.
At least the maximum of `neighbours`."""
FIRST_RESCORED, GROWTH = 16, 4
"""Candidates rescored per answer, and the factor by which their number grows until the bound
excludes all others."""

Pair = tuple[str, str]
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Precision:
    """Precision@k on a test dictionary.

    Attributes
    ----------
    k : int
        Number of answers that are considered.
    correct : int
        Words with a right translation among their first k answers.
    precision : float or None
        correct / found; None if no word is found.
    precision_over_total : float or None
        correct / total: a word without an answer counts as wrong.
    """

    k: int
    correct: int
    precision: float | None
    precision_over_total: float | None


@dataclass(frozen=True)
class TranslationScore:
    """The precision on a test dictionary.

    Attributes
    ----------
    method, restrict_vocab
        As in `TranslateConfig`.
    found : int
        Words with a nonzero vector in the source and a translation among the candidates.
    total : int
        Distinct words of the dictionary.
    precisions : tuple of Precision
        One for each of CUTOFFS.
    """

    method: str
    restrict_vocab: int
    found: int
    total: int
    precisions: tuple[Precision, ...]


@dataclass(frozen=True, eq=False)
class Translator:
    """A translator of words of the source model to words of the target model.

    Attributes
    ----------
    alignment : Alignment
        Rotates the source into the space of the target.
    """

    __repr__ = brief

    source: VectorTable
    target: VectorTable
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
        """Align two models on the pairs of a dictionary with two known words.

        Parameters
        ----------
        source, target : VectorTable or ModelRecord
            The models of the two languages.
        seeds : sequence of (str, str)
            Words of the source with their translations.

        Raises
        ------
        EvaluationError
            If no pair is known, or the models differ in dimensions.
        """
        source, target = vectors_of(source), vectors_of(target)
        first = source.word_ids((word for word, _ in seeds), -1)
        second = target.word_ids((word for _, word in seeds), -1)
        known = (first >= 0) & (second >= 0)
        if not known.any():
            raise EvaluationError(
                f"none of the {counted(len(seeds), 'pair')} of the dictionary has two known words"
            )
        alignment = fit_rotation(source.rows[first[known]], target.rows[second[known]])
        return cls(source, target, config, alignment)

    def translate(self, words: Sequence[str], n: int = CUTOFFS[-1]) -> list[Answers]:
        """Return the n most likely translations of each word, best first.

        Scores are cosines, or CSLS(x, y) = 2 cos(x, y) - r_T(x) - r_S(y), where r_T(x) is the mean
        cosine of x with its nearest words of the target, and r_S(y) that of y with its nearest
        words of the source; source vectors are rotated. r is large for hubs, which are near to many
        words (Conneau et al. 2018, section 2.3).

        Raises
        ------
        NoAnswerError
            If words have no vector or a zero vector.
        QueryError
            If n is below 1.
        """
        if n < 1:
            raise QueryError(f"the number of answers must be at least 1, not {n}")
        queries = self._rotated(lookup(self.source, words, need_direction=True))
        if self.config.method == "csls":
            targets = self._targets.nearest_by_csls(queries, n)
        else:
            targets = nearest(self._targets.rows, None, queries, n)
        return [
            Answers.of(
                (
                    WordScore(self.target.words[i], score)
                    for i, score in zip(self._targets.ids[rows].tolist(), scores, strict=True)
                ),
                from_ngrams(self.source, [word]),
            )
            for word, rows, scores in zip(words, targets.ids, targets.scores.tolist(), strict=True)
        ]

    def score(self, test: Sequence[Pair]) -> TranslationScore:
        """Return the precision at CUTOFFS on a dictionary; one of several translations suffices."""
        translations: dict[str, set[str]] = {}
        for word, translation in test:
            translations.setdefault(word, set()).add(translation)
        candidates = set(self.target.words[self.target.frequent(self.config.restrict_vocab)])
        known = [
            word
            for word, right in translations.items()
            if word in self.source and not candidates.isdisjoint(right)
        ]
        nonzero = have_directions(self.source.rows[self.source.word_ids(known)])
        known = list(compress(known, nonzero.tolist()))
        answers = self.translate(known, CUTOFFS[-1]) if known else []
        hits = [
            [answer.word in translations[word] for answer in row]
            for word, row in zip(known, answers, strict=True)
        ]
        precisions = []
        for k in CUTOFFS:
            correct = sum(any(row[:k]) for row in hits)
            precisions.append(
                Precision(
                    k, correct, correct / len(known) if known else None, correct / len(translations)
                )
            )
        return TranslationScore(
            self.config.method,
            self.config.restrict_vocab,
            len(known),
            len(translations),
            tuple(precisions),
        )

    @cached_property
    def _targets(self) -> "_Candidates":
        limit, k = self.config.restrict_vocab, self.config.neighbours
        sources, targets = (
            vectors.rows[vectors.frequent(limit)] for vectors in (self.source, self.target)
        )
        ids, usable = np.flatnonzero(have_directions(targets)), have_directions(sources)
        if not len(ids) or not usable.any():
            raise EvaluationError(f"none of the first {limit:,} words of a model has a direction")
        return _Candidates(ids, unit_rows(targets[ids]), self._rotated(sources[usable]), k)

    def _rotated(self, rows: Rows) -> Rows:
        rotated: Rows = unit_rows(rows) @ self.alignment.rotation.astype(np.float32)
        return rotated


@dataclass(frozen=True, eq=False)
class _Candidates:
    """The words that may answer, and the mean neighbourhood similarity r_S of each.

    r_S of all candidates takes n * n_sources dot products, and the answers of a word need few of
    them. The mean over the k nearest of some sources is never larger than over those of all
    sources, so it gives an upper bound of CSLS, and only candidates that may be among the best are
    rescored.

    Attributes
    ----------
    ids : ndarray of int64, shape (n,)
        Rows of the target.
    rows : ndarray of float32, shape (n, vector_size)
        Their unit vectors.
    sources : ndarray of float32, shape (n_sources, vector_size)
        Rotated unit vectors of words of the source.
    k : int
        Number of neighbours over which r is the mean.
    """

    __repr__ = brief

    ids: NDArray[np.int64]
    rows: Rows
    sources: Rows
    k: int

    def nearest_by_csls(self, queries: Rows, n: int) -> Nearest:
        """Return the n candidates with the largest CSLS of each query, as rows of `rows`."""
        # [y, r] . [2x, -1] = 2 cos(x, y) - r, an upper bound of CSLS + r_T(x) where r bounds r_S(y)
        bounded = np.hstack((self.rows, self._lower_bounds[:, None]))
        doubled = np.hstack((2 * queries, np.full((len(queries), 1), -1, np.float32)))
        n = min(n, len(self.ids))
        width = FIRST_RESCORED * n
        while True:
            bounds = nearest(bounded, None, doubled, width)
            scores: NDArray[np.float64] = (
                bounds.scores + self._lower_bounds[bounds.ids] - self._mean_similarities(bounds.ids)
            )
            order = np.argsort(-scores, axis=1, kind="stable")[:, :n]
            best = np.take_along_axis(scores, order, 1)
            if width >= len(self.ids) or (best[:, -1] >= bounds.scores[:, -1]).all():
                ids = np.take_along_axis(bounds.ids, order, 1)
                r_t = _mean_similarities(self.rows, queries, self.k)
                return Nearest(ids, best - r_t[:, None])
            width *= GROWTH

    @cached_property
    def _lower_bounds(self) -> Rows:
        """Lower bounds of r_S of all candidates."""
        return _mean_similarities(self.sources[:N_BOUND_SOURCES], self.rows, self.k)

    @cached_property
    def _computed(self) -> Rows:
        """The values of r_S computed so far; NaN for the others."""
        return np.full(len(self.ids), np.nan, np.float32)

    def _mean_similarities(self, rows: NDArray[np.int64]) -> Rows:
        """Return r_S of candidates, float32 in the shape of `rows`."""
        new = np.unique(rows)
        new = new[np.isnan(self._computed[new])]
        self._computed[new] = _mean_similarities(self.sources, self.rows[new], self.k)
        similarities: Rows = self._computed[rows]
        return similarities


def _mean_similarities(rows: Rows, queries: Rows, k: int) -> Rows:
    """Return the mean cosine of each query with its k nearest rows, float32 (n_queries,)."""
    means: Rows = nearest(rows, None, queries, k).scores.mean(axis=1).astype(np.float32)
    return means
