"""Comparison of the nearest neighbours of words in two models: overlap and drift."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import EvaluationError
from embedtool.io.blocks import slices
from embedtool.messages import brief
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from embedtool.search.index import nearest
from embedtool.search.lookup import cosines

N_NEIGHBOURS = 10
"""Default size of a neighbourhood."""

N_FREQUENT = 10_000
"""Default number of shared words, the most frequent ones, whose neighbourhoods are compared."""

FIRST_BAND = 100
"""Size of the first frequency band: the most frequent words are mostly function words."""

WORDS_PER_BAND = 1000
"""Number of words compared in a band of rarer words, at evenly spaced ranks."""

N_DRIFTED = 10
"""Number of words with the largest drift that are listed."""

BLOCK_WORDS = 1 << 10
"""Number of words whose neighbours' vectors are in memory at a time."""


@dataclass(frozen=True, eq=False)
class WordOverlaps:
    """The overlap of the two neighbourhoods of each word.

    Attributes
    ----------
    ranks : ndarray of int64, shape (n_words,)
        Their ranks among the shared words, from 0.
    overlaps : ndarray of float64, shape (n_words,)
        From 0, no common neighbour, to 1.
    k : int
        Size of a neighbourhood.
    n_shared : int
        Number of words in both models, among which neighbours are searched.
    units : sequence of ndarray of float32, shape (n_shared, vector_size)
        Their unit vectors in each model.
    near : ndarray of int64, shape (n_words, 2 k)
        The ranks of each word's neighbours in both models; see `neighbours_in_both`.
    """

    __repr__ = brief

    words: tuple[str, ...]
    ranks: NDArray[np.int64]
    overlaps: NDArray[np.float64]
    k: int
    n_shared: int
    units: Sequence[NDArray[np.float32]] = field(repr=False)
    near: NDArray[np.int64] = field(repr=False)

    @cached_property
    def drift(self) -> NDArray[np.float64]:
        """The `neighbourhood_drift` of each word, float64 (n_words,)."""
        return neighbourhood_drift(self.units, self.ranks, self.near)


@dataclass(frozen=True)
class Overlap:
    """The mean overlap of the neighbourhoods of `n_words` words; None if there are none."""

    mean: float | None
    k: int
    n_words: int
    n_shared: int


@dataclass(frozen=True)
class Band:
    """The mean overlap of `n_words` words among the shared words of ranks first to last."""

    first: int
    last: int
    n_words: int
    overlap: float


@dataclass(frozen=True)
class Drifted:
    """A word whose neighbourhood changed.

    Attributes
    ----------
    rank : int
        Its rank among the shared words, from 1.
    overlap, move : float
        The overlap of its neighbourhoods, and its `neighbourhood_drift`.
    """

    word: str
    rank: int
    overlap: float
    move: float


@dataclass(frozen=True)
class Agreement:
    """The overlap of the most frequent words and of frequency bands, and the most drifted words."""

    __repr__ = brief

    overlap: Overlap
    bands: tuple[Band, ...]
    moved: tuple[Drifted, ...]


def word_overlaps(
    first: VectorTable,
    second: VectorTable,
    *,
    k: int = N_NEIGHBOURS,
    words: Sequence[str] | None = None,
    n_frequent: int | None = N_FREQUENT,
) -> WordOverlaps:
    """Return the overlap of the two neighbourhoods of each word.

    The overlap is |N_k(first) & N_k(second)| / k, where N_k are the k nearest shared words. For two
    models that differ only in the seed it measures the stability of a neighbourhood (Antoniak &
    Mimno 2018; Wendlandt, Kummerfeld & Mihalcea 2018).

    Parameters
    ----------
    k : int
        At least 1; reduced if the models share too few words.
    words : sequence of str, optional
        The words to compare; by default the most frequent shared ones, in order of the sum of their
        ranks in the two models.
    n_frequent : int or None
        Number of these; None for all.

    Raises
    ------
    EvaluationError
        If k or n_frequent is below 1, or the models do not share a word.
    """
    _check(k, n_frequent)
    shared = shared_words(first, second)
    if words is None:
        check_frequency_order(first, second, n_frequent)
    chosen = np.arange(len(shared))[:n_frequent] if words is None else shared_ranks(shared, words)
    return _overlaps(first, second, shared, chosen, k)


def neighbourhood_overlap(
    first: VectorTable,
    second: VectorTable,
    *,
    k: int = N_NEIGHBOURS,
    words: Sequence[str] | None = None,
    n_frequent: int | None = N_FREQUENT,
) -> Overlap:
    """Return the mean of `word_overlaps`, which has the same parameters."""
    result = word_overlaps(first, second, k=k, words=words, n_frequent=n_frequent)
    mean = float(result.overlaps.mean()) if len(result.words) else None
    return Overlap(mean, result.k, len(result.words), result.n_shared)


def compare_neighbourhoods(
    first: VectorTable,
    second: VectorTable,
    *,
    k: int = N_NEIGHBOURS,
    n_frequent: int | None = N_FREQUENT,
) -> Agreement:
    """Compare the neighbourhoods of two models over all frequencies.

    Parameters and errors are those of `word_overlaps`. The frequency bands are the ranks 1-100,
    101-1,000 and so on by powers of ten. In a band that extends beyond the `n_frequent` words,
    WORDS_PER_BAND further words are compared.
    """
    _check(k, n_frequent)
    shared = shared_words(first, second)
    check_frequency_order(first, second, 0)
    limit = len(shared) if n_frequent is None else min(n_frequent, len(shared))
    sample = _overlaps(first, second, shared, banded_ranks(len(shared), limit), k)
    frequent = sample.ranks < limit
    order = np.flatnonzero(frequent)[np.argsort(-sample.drift[frequent], kind="stable")]
    return Agreement(
        Overlap(
            float(sample.overlaps[frequent].mean()) if frequent.any() else None,
            sample.k, int(frequent.sum()), len(shared),
        ),
        means_by_band(sample.ranks, sample.overlaps, len(shared)),
        tuple(
            Drifted(
                sample.words[i], int(sample.ranks[i]) + 1,
                float(sample.overlaps[i]), float(sample.drift[i]),
            )
            for i in order[:N_DRIFTED].tolist()
        ),
    )  # fmt: skip


def banded_ranks(n_words: int, limit: int) -> NDArray[np.int64]:
    """Return a sample of ranks, ascending: the first `limit`, and some of each band beyond it.

    In a band that extends beyond the limit these are WORDS_PER_BAND evenly spaced ranks.
    """
    rarer = [
        np.linspace(max(low, limit), high, WORDS_PER_BAND, endpoint=False).astype(np.int64)
        for low, high in _bands(n_words)
        if high > limit
    ]
    return np.unique(np.concatenate([np.arange(limit), *rarer]))


def means_by_band(
    ranks: NDArray[np.int64], overlaps: NDArray[np.float64], n_words: int
) -> tuple[Band, ...]:
    """Return the mean overlap of each band that contains a word."""
    bands = []
    for low, high in _bands(n_words):
        inside = overlaps[(ranks >= low) & (ranks < high)]
        if len(inside):
            bands.append(Band(low + 1, high, len(inside), float(inside.mean())))
    return tuple(bands)


def _bands(n_words: int) -> list[tuple[int, int]]:
    """Return the first rank and the end of each band, of FIRST_BAND words and then by tens."""
    bounds = [0, FIRST_BAND]
    while bounds[-1] < n_words:
        bounds.append(10 * bounds[-1])
    return list(pairwise([*bounds[:-1], n_words])) if n_words else []


def _check(k: int, n_frequent: int | None) -> None:
    if k < 1 or (n_frequent is not None and n_frequent < 1):
        raise EvaluationError("the numbers of neighbours and of words must be at least 1")


def check_frequency_order(first: VectorTable, second: VectorTable, n: int | None) -> None:
    """Warn if the first n words of a model are not known to be its most frequent."""
    for vectors in (first, second):
        vectors.check_order(n)


def shared_words(first: VectorTable, second: VectorTable) -> list[str]:
    """Return the words of both models, sorted by the sum of their ranks (symmetric in the models).

    Words whose vector has no finite length are left out.
    """
    others = second.word_ids(first.words, -1)
    is_shared = (others >= 0) & np.isfinite(first.norms) & np.isfinite(second.norms[others])
    ranked = [
        (i + other, word)
        for i, (word, other) in enumerate(zip(first.words, others.tolist(), strict=True))
        if is_shared[i]
    ]
    return [word for _, word in sorted(ranked)]


def _overlaps(
    first: VectorTable,
    second: VectorTable,
    shared: Sequence[str],
    chosen: NDArray[np.int64],
    k: int,
) -> WordOverlaps:
    """Return the overlaps of the shared words with the ranks `chosen`."""
    k = min(k, max(0, len(shared) - 1))
    if not k:
        chosen = chosen[:0]
    units = [unit_rows(vectors.rows[vectors.word_ids(shared)]) for vectors in (first, second)]
    near = neighbours_in_both(units, chosen, k)
    return WordOverlaps(
        tuple(shared[i] for i in chosen.tolist()), chosen, count_common(near) / max(1, k), k,
        len(shared), units, near,
    )  # fmt: skip


def shared_ranks(shared: Sequence[str], words: Collection[str]) -> NDArray[np.int64]:
    """Return the ranks of words among the shared ones; EvaluationError names all missing words."""
    rank_of = {word: i for i, word in enumerate(shared)}
    if missing := [repr(word) for word in words if word not in rank_of]:
        verb = "is" if len(missing) == 1 else "are"
        raise EvaluationError(f"{', '.join(missing)} {verb} not in the vocabulary of both models")
    return np.array([rank_of[word] for word in words], dtype=np.int64)


def neighbours_in_both(
    units: Sequence[NDArray[np.float32]], chosen: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """Return the k nearest rows of each chosen row in both models.

    Parameters
    ----------
    units : sequence of two ndarray of float32, shape (n_words, vector_size)
        Rows of length 1 or 0.
    chosen : ndarray of int64, shape (n_chosen,)
        The rows.
    k : int
        Number of neighbours.

    Returns
    -------
    ndarray of int64, shape (n_chosen, 2 k)
        The neighbours in the first model, then those in the second.
    """
    near = [nearest(unit, None, unit[chosen], k, excluded=chosen[:, None]).ids for unit in units]
    return np.concatenate(near, axis=1)


def count_common(near: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the number of neighbours that occur twice in each row of `neighbours_in_both`."""
    ordered = np.sort(near, axis=1)
    n_common: NDArray[np.int64] = (ordered[:, 1:] == ordered[:, :-1]).sum(axis=1)
    return n_common


def neighbourhood_drift(
    units: Sequence[NDArray[np.float32]], chosen: NDArray[np.int64], near: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return the local neighbourhood measure of words between two models.

    It is 1 - cos(s1, s2), where s1 and s2 are the similarities of a word, in the first and in the
    second model, with all neighbours that it has in either.

    Parameters
    ----------
    units, chosen
        As for `neighbours_in_both`.
    near : ndarray of int64, shape (n_chosen, 2 k)
        The result of `neighbours_in_both`.

    Returns
    -------
    ndarray of float64, shape (n_chosen,)
        From 0 to 2.

    References
    ----------
    Hamilton, Leskovec & Jurafsky 2016b, "Cultural shift or linguistic drift?", eqs. 3-4.
    """
    ordered = np.sort(near, axis=1)
    is_first = np.ones(ordered.shape, dtype=np.bool_)
    is_first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    drift = np.zeros(len(chosen))
    for rows in slices(len(chosen), BLOCK_WORDS):
        s1, s2 = (
            np.einsum("wd,wnd->wn", unit[chosen[rows]], unit[ordered[rows]]).astype(np.float64)
            * is_first[rows]
            for unit in units
        )
        drift[rows] = 1 - cosines(s1, s2)
    return drift
