"""How far two models agree on which words are near each other.

In: two WordVectors. Out: the share of nearest neighbours that both give, by word and on average.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import EvaluationError
from embedtool.search.index import nearest
from embedtool.vectors import WordVectors, unit_rows

N_NEIGHBOURS = 10
"""The size of a neighbourhood unless another is asked for."""

N_FREQUENT = 10_000
"""The most frequent shared words whose neighbourhoods are compared unless others are asked for."""


@dataclass(frozen=True, eq=False)
class WordOverlaps:
    """The overlap of each word's two neighbourhoods.

    words    : the words compared
    overlaps : float64 (n_words,), from 0, no neighbour in common, to 1, all
    k        : the size of each neighbourhood
    n_shared : words that both models hold, among which the neighbours were sought
    """

    words: tuple[str, ...]
    overlaps: NDArray[np.float64]
    k: int
    n_shared: int


@dataclass(frozen=True)
class Overlap:
    """The mean overlap of the neighbourhoods of `n_words` words; None where there are none."""

    mean: float | None
    k: int
    n_words: int
    n_shared: int


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
    if k < 1 or (n_frequent is not None and n_frequent < 1):
        raise EvaluationError("the numbers of neighbours and of words must be at least 1")
    shared = _shared(first, second)
    if words is None:
        chosen = np.arange(len(shared))[:n_frequent]
    else:
        place = {word: i for i, word in enumerate(shared)}
        for word in words:
            if word not in place:
                raise EvaluationError(f"{word!r} is not in the vocabulary of both models")
        chosen = np.array([place[word] for word in words], dtype=np.int64)
    k = min(k, max(0, len(shared) - 1))
    if not k:
        chosen = chosen[:0]
    near = [_neighbours(vectors, shared, chosen, k) for vectors in (first, second)]
    together = np.sort(np.concatenate(near, axis=1), axis=1)
    common = (together[:, 1:] == together[:, :-1]).sum(axis=1)
    return WordOverlaps(tuple(shared[i] for i in chosen), common / max(1, k), k, len(shared))


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


def _shared(first: WordVectors, second: WordVectors) -> list[str]:
    """The words of both models by the sum of their ranks; the order of the models is no matter."""
    others = second.ids_of(first.words).tolist()
    ranked = [
        (i + other, word)
        for i, (word, other) in enumerate(zip(first.words, others, strict=True))
        if other >= 0
    ]
    return [word for _, word in sorted(ranked)]


def _neighbours(
    vectors: WordVectors, shared: Sequence[str], chosen: NDArray[np.int64], k: int
) -> NDArray[np.int64]:
    """The k nearest of each chosen word, as places in `shared`. int64 (n_chosen, k)."""
    unit = unit_rows(vectors.matrix[vectors.ids_of(shared)])
    return nearest(unit, None, unit[chosen], k, excluded=chosen[:, None]).ids
