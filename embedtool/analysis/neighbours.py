"""How far two models agree on which words are near each other.

In: two WordVectors. Out: the share of nearest neighbours that both give, by word, by how frequent
words are, and on average; and the words on which they agree least.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import EvaluationError
from embedtool.messages import brief
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import WordVectors
from embedtool.search.index import nearest
from embedtool.search.lookup import cosines

N_NEIGHBOURS = 10
"""The size of a neighbourhood unless another is asked for."""

N_FREQUENT = 10_000
"""The most frequent shared words whose neighbourhoods are compared unless others are asked for."""

LEAST_BAND = 100
"""The most frequent words, mostly function words, stand by themselves in a table by frequency."""

N_OF_BAND = 1000
"""Words compared in a band of rarer words, at even steps."""

N_MOVED = 10
"""Words shown of those that moved most."""

BLOCK_ROWS = 1 << 10
"""Words whose neighbours' vectors are held at once."""


@dataclass(frozen=True, eq=False)
class WordOverlaps:
    """The overlap of each word's two neighbourhoods.

    words    : the words compared
    ranks    : int64 (n_words,), their ranks among the shared words, from 0
    overlaps : float64 (n_words,), from 0, no neighbour in common, to 1, all
    k        : the size of each neighbourhood
    n_shared : words that both models hold, among which the neighbours were sought
    units    : the vectors of these in each model, at length 1
    near     : int64 (n_words, 2 k), the ranks of each word's neighbours in both models, as
               `neighbours_in_both` has them
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
        """How far each word moved, float64 (n_words,); see `neighbourhood_drift`."""
        return neighbourhood_drift(self.units, self.ranks, self.near)


@dataclass(frozen=True)
class Overlap:
    """The mean overlap of the neighbourhoods of `n_words` words; None where there are none."""

    mean: float | None
    k: int
    n_words: int
    n_shared: int


@dataclass(frozen=True)
class Band:
    """The mean overlap of the `n_words` compared among the shared words of ranks first to last."""

    first: int
    last: int
    n_words: int
    overlap: float


@dataclass(frozen=True)
class Drifted:
    """A word, its rank from 1, and how far its neighbourhoods agree, as in WordOverlaps."""

    word: str
    rank: int
    overlap: float
    move: float


@dataclass(frozen=True)
class Agreement:
    """The overlap of the most frequent words, by bands of frequency, and the words that moved."""

    __repr__ = brief

    overlap: Overlap
    bands: tuple[Band, ...]
    moved: tuple[Drifted, ...]


def word_overlaps(
    first: WordVectors,
    second: WordVectors,
    *,
    k: int = N_NEIGHBOURS,
    words: Sequence[str] | None = None,
    n_frequent: int | None = N_FREQUENT,
) -> WordOverlaps:
    """|N_k(first) & N_k(second)| / k of each word, N_k its k nearest among the shared words.

    words      : the words to compare; None: the `n_frequent` most frequent shared ones, in order of
                 the sum of their ranks in the two models (None: all of them)
    k          : at least 1; fewer where the models share too few words

    Of two models trained alike but for the seed this tells how stable a neighbourhood is (Antoniak
    & Mimno 2018; Wendlandt, Kummerfeld & Mihalcea 2018). Raises EvaluationError on k or n_frequent
    below 1, and on a word that the models do not share.
    """
    _check(k, n_frequent)
    shared = shared_words(first, second)
    if words is None:
        check_frequency_order(first, second, n_frequent)
    chosen = np.arange(len(shared))[:n_frequent] if words is None else shared_ranks(shared, words)
    return _overlaps(first, second, shared, chosen, k)


def neighbourhood_overlap(
    first: WordVectors,
    second: WordVectors,
    *,
    k: int = N_NEIGHBOURS,
    words: Sequence[str] | None = None,
    n_frequent: int | None = N_FREQUENT,
) -> Overlap:
    """The mean of `word_overlaps`, whose options it has."""
    found = word_overlaps(first, second, k=k, words=words, n_frequent=n_frequent)
    mean = float(found.overlaps.mean()) if len(found.words) else None
    return Overlap(mean, found.k, len(found.words), found.n_shared)


def compare_neighbourhoods(
    first: WordVectors,
    second: WordVectors,
    *,
    k: int = N_NEIGHBOURS,
    n_frequent: int | None = N_FREQUENT,
) -> Agreement:
    """The neighbourhoods of two models; options and errors are those of `word_overlaps`.

    The bands are the ranks 1-100, 101-1,000, and on by tens; of one that reaches beyond the
    `n_frequent`, N_OF_BAND of the words beyond them take part, at even steps.
    """
    _check(k, n_frequent)
    shared = shared_words(first, second)
    check_frequency_order(first, second, 0)
    limit = len(shared) if n_frequent is None else min(n_frequent, len(shared))
    found = _overlaps(first, second, shared, banded_ranks(len(shared), limit), k)
    frequent = found.ranks < limit
    order = np.flatnonzero(frequent)[np.argsort(-found.drift[frequent], kind="stable")]
    return Agreement(
        Overlap(
            float(found.overlaps[frequent].mean()) if frequent.any() else None,
            found.k, int(frequent.sum()), len(shared),
        ),
        means_by_band(found.ranks, found.overlaps, len(shared)),
        tuple(
            Drifted(
                found.words[i], int(found.ranks[i]) + 1,
                float(found.overlaps[i]), float(found.drift[i]),
            )
            for i in order[:N_MOVED].tolist()
        ),
    )  # fmt: skip


def banded_ranks(n_words: int, limit: int) -> NDArray[np.int64]:
    """The ranks of the words that stand for all: the first `limit`, and of each band some more.

    int64, ascending. Of a band that reaches beyond the limit these are N_OF_BAND, at even steps.
    """
    rarer = [
        np.linspace(max(low, limit), high, N_OF_BAND, endpoint=False).astype(np.int64)
        for low, high in _bands(n_words)
        if high > limit
    ]
    return np.unique(np.concatenate([np.arange(limit), *rarer]))


def means_by_band(
    ranks: NDArray[np.int64], overlaps: NDArray[np.float64], n_words: int
) -> tuple[Band, ...]:
    """The mean overlap of each band that a word stands in."""
    found = []
    for low, high in _bands(n_words):
        inside = overlaps[(ranks >= low) & (ranks < high)]
        if len(inside):
            found.append(Band(low + 1, high, len(inside), float(inside.mean())))
    return tuple(found)


def _bands(n_words: int) -> list[tuple[int, int]]:
    """The first ranks and the ends of the bands: LEAST_BAND words, then up to ten times as many."""
    bounds = [0, LEAST_BAND]
    while bounds[-1] < n_words:
        bounds.append(10 * bounds[-1])
    return list(pairwise([*bounds[:-1], n_words])) if n_words else []


def _check(k: int, n_frequent: int | None) -> None:
    if k < 1 or (n_frequent is not None and n_frequent < 1):
        raise EvaluationError("the numbers of neighbours and of words must be at least 1")


def check_frequency_order(first: WordVectors, second: WordVectors, n: int | None) -> None:
    """Warn where the first n words of a model are not known to be its most frequent."""
    for vectors in (first, second):
        vectors.check_order(n)


def shared_words(first: WordVectors, second: WordVectors) -> list[str]:
    """The words of both models by the sum of their ranks; the order of the models is no matter.

    Words whose vector has no finite length, and so no direction, are left out.
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
    first: WordVectors,
    second: WordVectors,
    shared: Sequence[str],
    chosen: NDArray[np.int64],
    k: int,
) -> WordOverlaps:
    """The overlaps of the chosen of the shared words, given by their ranks."""
    k = min(k, max(0, len(shared) - 1))
    if not k:
        chosen = chosen[:0]
    units = [unit_rows(vectors.matrix[vectors.word_ids(shared)]) for vectors in (first, second)]
    near = neighbours_in_both(units, chosen, k)
    return WordOverlaps(
        tuple(shared[i] for i in chosen.tolist()), chosen, count_common(near) / max(1, k), k,
        len(shared), units, near,
    )  # fmt: skip


def shared_ranks(shared: Sequence[str], words: Collection[str]) -> NDArray[np.int64]:
    """The places of words among the shared ones; EvaluationError names all that are not there."""
    place = {word: i for i, word in enumerate(shared)}
    if missing := [repr(word) for word in words if word not in place]:
        verb = "is" if len(missing) == 1 else "are"
        raise EvaluationError(f"{', '.join(missing)} {verb} not in the vocabulary of both models")
    return np.array([place[word] for word in words], dtype=np.int64)


def neighbours_in_both(
    units: Sequence[NDArray[np.float32]], chosen: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """The k nearest rows of each chosen one in both models, those of one after those of the other.

    units : twice float32 (n_words, vector_size), rows of length 1 or 0
    Returns int64 (n_chosen, 2 k).
    """
    found = [nearest(unit, None, unit[chosen], k, excluded=chosen[:, None]).ids for unit in units]
    return np.concatenate(found, axis=1)


def count_common(near: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many neighbours stand twice in each row, int64 (n_rows,)."""
    ordered = np.sort(near, axis=1)
    same: NDArray[np.int64] = (ordered[:, 1:] == ordered[:, :-1]).sum(axis=1)
    return same


def neighbourhood_drift(
    units: Sequence[NDArray[np.float32]], chosen: NDArray[np.int64], near: NDArray[np.int64]
) -> NDArray[np.float64]:
    """How far chosen words moved from one model to another, float64 (n_chosen,), from 0 to 2.

    One less the cosine of the word's similarities in the one and in the other with all neighbours
    that it has in either (Hamilton, Leskovec & Jurafsky 2016b, "Cultural shift or linguistic
    drift?", eqs. 3-4). units, near : as for `neighbours_in_both`
    """
    ordered = np.sort(near, axis=1)
    once = np.ones(ordered.shape, dtype=np.bool_)
    once[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    moves = np.zeros(len(chosen))
    for start in range(0, len(chosen), BLOCK_ROWS):
        rows = slice(start, start + BLOCK_ROWS)
        here, there = (
            np.einsum("wd,wnd->wn", unit[chosen[rows]], unit[ordered[rows]]).astype(np.float64)
            * once[rows]
            for unit in units
        )
        moves[rows] = 1 - cosines(here, there)
    return moves
