"""One model turned into the space of another, and what moved between them.

In: two WordVectors. Out: the rotation that brings the first nearest to the second, how well it
fits, and the distance between each word's two vectors.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress

import numpy as np
from numpy.typing import NDArray

from embedtool.analysis.neighbours import (
    check_frequency_order,
    neighbourhood_drift,
    neighbours_in_both,
    shared_ranks,
    shared_words,
)
from embedtool.config.choices import N_ANCHORS, N_MOVED
from embedtool.config.tasks import DriftConfig
from embedtool.errors import EvaluationError
from embedtool.messages import brief, counted
from embedtool.model.linalg import row_norms, unit_rows
from embedtool.model.transforms import affine_map
from embedtool.model.vectors import AnyVectors, WordVectors, vectors_of
from embedtool.search.lookup import cosines, lookup

log = logging.getLogger(__name__)

Ids = NDArray[np.int64]
Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Alignment:
    """A rotation, perhaps with a reflection, and how well it brings pairs of words together.

    rotation : float64 (vector_size, vector_size), orthogonal: source rows times it lie in the space
               of the target
    n_pairs  : pairs of words that it was fitted to
    before   : mean cosine of the pairs as they were
    after    : mean cosine of the pairs, the source turned
    residual : root of the mean squared distance of the pairs, each at length 1, the source turned:
               0 where all meet, sqrt(2) where nothing is in common; sqrt(2 - 2 `after`)
    """

    __repr__ = brief

    rotation: NDArray[np.float64]
    n_pairs: int
    before: float
    after: float
    residual: float

    def apply(self, source: WordVectors) -> WordVectors:
        """The source in the space of the target; new words turn too. Cosines within it stay."""
        return affine_map(source, self.rotation)


@dataclass(frozen=True)
class WordDrift:
    """How far a word moved from an old model to a new one.

    distance      : 1 - cosine of its vectors after alignment, from 0 to 2 (Hamilton, Leskovec &
                    Jurafsky 2016a, "Diachronic word embeddings")
    neighbourhood : of the words near it: `neighbours.neighbourhood_drift`
    then, now     : the words nearest to it in the old model and in the new one, nearest first
    """

    word: str
    distance: float
    neighbourhood: float
    then: tuple[str, ...]
    now: tuple[str, ...]


@dataclass(frozen=True)
class Drift:
    """The words that moved, the farthest first, or in the order in which they were asked for.

    n_shared, n_compared : words that both models hold; those among which the farthest were sought
    n_pairs, residual    : as of Alignment
    """

    __repr__ = brief

    words: tuple[WordDrift, ...]
    n_shared: int
    n_compared: int
    n_pairs: int
    residual: float


def fit_rotation(source: Rows, target: Rows) -> Alignment:
    """The orthogonal matrix that brings rows nearest to their partners (Schönemann 1966).

    source, target : float32 (n_pairs, vector_size), row i of one belongs to row i of the other

    Rows count at length 1, as Hamilton et al. (2016a) and Conneau et al. (2018) have it, so that no
    pair weighs more for being frequent; and they are not centred, as there: a rotation alone leaves
    each model's own cosines as they are. Pairs with a row that is zero or not finite have no say.
    Raises EvaluationError where the sizes differ or no pair is left.
    """
    if source.shape[1] != target.shape[1]:
        raise EvaluationError(
            f"the models have {source.shape[1]:,} and {counted(target.shape[1], 'dimension')}; "
            "alignment needs the same number (embedtool transform --pca makes fewer)"
        )
    usable = have_directions(source) & have_directions(target)
    if not usable.any():
        raise EvaluationError("no pair of words that both models hold is left to align them on")
    a, b = (unit_rows(rows[usable]).astype(np.float64) for rows in (source, target))
    from scipy.linalg import orthogonal_procrustes

    if len(a) < a.shape[1]:
        log.warning(
            "aligned on only %s: a rotation of %s dimensions needs as many pairs",
            counted(len(a), "pair"), f"{a.shape[1]:,}",
        )  # fmt: skip
    rotation, _ = orthogonal_procrustes(a, b)
    distances = ((a @ rotation - b) ** 2).sum(axis=1)
    return Alignment(
        rotation=rotation,
        n_pairs=len(a),
        before=float(cosines(a, b).mean()),
        after=float(cosines(a @ rotation, b).mean()),
        residual=float(np.sqrt(distances.mean())),
    )


def have_directions(rows: Rows) -> NDArray[np.bool_]:
    """Whether each row is finite and not all zeros. bool (n_rows,)."""
    lengths = row_norms(rows)
    return np.isfinite(lengths) & (lengths > 0)


def align(source: AnyVectors, target: AnyVectors, n_anchors: int | None = N_ANCHORS) -> Alignment:
    """`fit_rotation` on the `n_anchors` most frequent shared words; None: on all of them."""
    source, target = vectors_of(source), vectors_of(target)
    check_frequency_order(source, target, n_anchors)
    anchors = shared_words(source, target)[:n_anchors]
    return fit_rotation(
        source.matrix[source.word_ids(anchors)], target.matrix[target.word_ids(anchors)]
    )


def drift(
    old: AnyVectors,
    new: AnyVectors,
    config: DriftConfig,
    words: Sequence[str] | None = None,
    *,
    n: int = N_MOVED,
) -> Drift:
    """The n words that moved most from one model to another; or, if given, these words.

    Neighbours are sought among all words that both models hold.
    Raises EvaluationError on words that they do not share, or where none is left to look at;
    NoAnswerError on words whose vector is all zeros in either.
    """
    old, new = vectors_of(old), vectors_of(new)
    alignment = align(old, new, config.anchors)
    shared = _shared(old, new)
    if words is None:
        places = _frequent(old, new, shared, config)
    else:
        for vectors in (old, new):
            lookup(vectors, [word for word in words if word in vectors], need_direction=True)
        places = shared_ranks(shared, dict.fromkeys(words))
    first, second = (unit_rows(v.matrix[v.word_ids(shared)]) for v in (old, new))
    n_compared = len(places)

    def distances(places: Ids) -> NDArray[np.float64]:
        return 1 - cosines(first[places] @ alignment.rotation, second[places])

    if words is None and config.measure == "distance":
        places = places[_largest(distances(places), n)]
    k = min(config.neighbours, len(shared) - 1)
    near = neighbours_in_both((first, second), places, k)
    then, now = near[:, :k], near[:, k:]
    changes = neighbourhood_drift((first, second), places, near)
    if words is None and config.measure == "neighbourhood":
        best = _largest(changes, n)
        places, then, now, changes = places[best], then[best], now[best], changes[best]
    moved = tuple(
        WordDrift(
            shared[place],
            float(distance),
            float(change),
            tuple(shared[i] for i in before),
            tuple(shared[i] for i in after),
        )
        for place, distance, change, before, after in zip(
            places, distances(places), changes, then, now, strict=True
        )
    )
    return Drift(moved, len(shared), n_compared, alignment.n_pairs, alignment.residual)


def _shared(old: WordVectors, new: WordVectors) -> list[str]:
    """The words of both models that have a direction in both, the most frequent first."""
    words = shared_words(old, new)
    usable = have_directions(old.matrix[old.word_ids(words)]) & have_directions(
        new.matrix[new.word_ids(words)]
    )
    found = list(compress(words, usable))
    if len(found) < 2:
        raise EvaluationError("the models share fewer than two words, and a word needs a neighbour")
    return found


def _frequent(
    old: WordVectors, new: WordVectors, shared: Sequence[str], config: DriftConfig
) -> Ids:
    """The places of the words that are frequent enough to be looked at."""
    check_frequency_order(old, new, config.restrict_vocab)
    words = shared[: config.restrict_vocab]
    enough = np.ones(len(words), np.bool_)
    if config.min_count is not None:
        for vectors in (old, new):
            if vectors.counts is None:
                raise EvaluationError("--min-count needs counts, and a model does not know them")
            enough &= vectors.counts[vectors.word_ids(words)] >= config.min_count
    if not enough.any():
        raise EvaluationError(
            f"none of the {counted(len(words), 'word')} has a count of {config.min_count:,} in "
            "both models"
        )
    return np.flatnonzero(enough)


def _largest(values: NDArray[np.float64], n: int) -> Ids:
    return np.argsort(-values, kind="stable")[:n]
