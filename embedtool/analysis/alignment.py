"""Alignment of two models by orthogonal Procrustes, and the drift of words between them."""

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
from embedtool.config.choices import N_ANCHORS, N_DRIFTED
from embedtool.config.tasks import DriftConfig
from embedtool.errors import Call, EvaluationError
from embedtool.messages import brief, counted
from embedtool.model.linalg import row_norms, unit_rows
from embedtool.model.transforms import Vectors, affine_map
from embedtool.model.vectors import AnyVectors, VectorTable, vectors_of
from embedtool.search.lookup import cosines, lookup

log = logging.getLogger(__name__)

Ids = NDArray[np.int64]
Rows = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Alignment:
    """An orthogonal map from one model to another, and how well it fits.

    Attributes
    ----------
    rotation : ndarray of float64, shape (vector_size, vector_size)
        Orthogonal, possibly with a reflection. Source rows times it are in the space of the target.
    n_pairs : int
        Number of pairs of words that it was fitted to.
    before, after : float
        Mean cosine of the pairs before and after the source is rotated.
    residual : float
        Root mean square distance of the pairs after rotation, as unit vectors: 0 for a perfect fit,
        sqrt(2) for unrelated vectors; sqrt(2 - 2 `after`).
    """

    __repr__ = brief

    rotation: NDArray[np.float64]
    n_pairs: int
    before: float
    after: float
    residual: float

    def apply(self, source: Vectors) -> Vectors:
        """Rotate a source into the space of the target.

        Vectors of new words, computed from n-grams, are rotated too. Cosines within the source do
        not change.
        """
        return affine_map(source, self.rotation)


@dataclass(frozen=True)
class WordDrift:
    """The drift of a word from an old model to a new one.

    Attributes
    ----------
    distance : float
        1 - cosine of its vectors after alignment, from 0 to 2 (Hamilton, Leskovec & Jurafsky 2016a,
        "Diachronic word embeddings").
    neighbourhood : float
        Its `neighbours.neighbourhood_drift`.
    then, now : tuple of str
        Its neighbours in the old model and in the new one, nearest first.
    """

    word: str
    distance: float
    neighbourhood: float
    then: tuple[str, ...]
    now: tuple[str, ...]


@dataclass(frozen=True)
class Drift:
    """The words with the largest drift, in descending order, or given words in their order.

    Attributes
    ----------
    n_shared, n_compared : int
        Numbers of words in both models, and of those that were compared.
    n_pairs, residual
        As in `Alignment`.
    """

    __repr__ = brief

    words: tuple[WordDrift, ...]
    n_shared: int
    n_compared: int
    n_pairs: int
    residual: float


def fit_rotation(source: Rows, target: Rows) -> Alignment:
    """Solve the orthogonal Procrustes problem (Schönemann 1966).

    Rows are scaled to length 1, as in Hamilton et al. (2016a) and Conneau et al. (2018), so that no
    pair has more weight because it is frequent. They are not centred, as there: a rotation alone
    preserves the cosines of each model. Pairs with a row that is zero or not finite are ignored.

    Parameters
    ----------
    source, target : ndarray of float32, shape (n_pairs, vector_size)
        Row i of one belongs to row i of the other.

    Raises
    ------
    EvaluationError
        If the sizes differ or no pair is left.
    """
    if source.shape[1] != target.shape[1]:
        call = Call("TransformConfig(pca=...)", "embedtool transform --pca")
        raise EvaluationError(
            f"the models have {source.shape[1]:,} and {counted(target.shape[1], 'dimension')}; "
            f"alignment needs the same number ({call} reduces it)",
            call=call,
        )
    usable = have_directions(source) & have_directions(target)
    if not usable.any():
        raise EvaluationError("no pair of words in both models is left to align them on")
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
    """Return whether each row is finite and not all zeros."""
    lengths = row_norms(rows)
    return np.isfinite(lengths) & (lengths > 0)


def align(source: AnyVectors, target: AnyVectors, n_anchors: int | None = N_ANCHORS) -> Alignment:
    """Align two models on their most frequent shared words.

    Parameters
    ----------
    source, target : VectorTable or ModelRecord
        The source is rotated into the space of the target.
    n_anchors : int or None
        Number of words; None for all shared words.

    Raises
    ------
    EvaluationError
        As `fit_rotation`.
    """
    source, target = vectors_of(source), vectors_of(target)
    check_frequency_order(source, target, n_anchors)
    anchors = shared_words(source, target)[:n_anchors]
    return fit_rotation(
        source.rows[source.word_ids(anchors)], target.rows[target.word_ids(anchors)]
    )


def drift(
    old: AnyVectors,
    new: AnyVectors,
    config: DriftConfig,
    words: Sequence[str] | None = None,
    *,
    n: int = N_DRIFTED,
) -> Drift:
    """Return the words with the largest drift from one model to another.

    Parameters
    ----------
    old, new : VectorTable or ModelRecord
        The models. Neighbours are searched among all words of both.
    config : DriftConfig
        The measure, and which words are compared.
    words : sequence of str, optional
        Measure only these words.

    Raises
    ------
    EvaluationError
        If the models do not share a word, or no word is left to compare.
    NoAnswerError
        If the vector of a word is all zeros in either model.
    """
    old, new = vectors_of(old), vectors_of(new)
    alignment = align(old, new, config.anchors)
    shared = _shared(old, new)
    ranks = (
        _compared_ranks(old, new, shared, config)
        if words is None
        else _ranks_of(words, old, new, shared)
    )
    first, second = (unit_rows(v.rows[v.word_ids(shared)]) for v in (old, new))
    n_compared = len(ranks)

    def distances(ranks: Ids) -> NDArray[np.float64]:
        return 1 - cosines(first[ranks] @ alignment.rotation, second[ranks])

    if words is None and config.measure == "distance":
        ranks = ranks[_largest(distances(ranks), n)]
    k = min(config.neighbours, len(shared) - 1)
    near = neighbours_in_both((first, second), ranks, k)
    then, now = near[:, :k], near[:, k:]
    changes = neighbourhood_drift((first, second), ranks, near)
    if words is None and config.measure == "neighbourhood":
        best = _largest(changes, n)
        ranks, then, now, changes = ranks[best], then[best], now[best], changes[best]
    drifted = tuple(
        WordDrift(
            shared[rank], float(distance), float(change),
            tuple(shared[i] for i in before), tuple(shared[i] for i in after),
        )
        for rank, distance, change, before, after in zip(
            ranks, distances(ranks), changes, then, now, strict=True
        )
    )  # fmt: skip
    return Drift(drifted, len(shared), n_compared, alignment.n_pairs, alignment.residual)


def _shared(old: VectorTable, new: VectorTable) -> list[str]:
    """Return the words of both models with a nonzero vector in both, the most frequent first."""
    words = shared_words(old, new)
    usable = have_directions(old.rows[old.word_ids(words)]) & have_directions(
        new.rows[new.word_ids(words)]
    )
    shared = list(compress(words, usable))
    if len(shared) < 2:
        raise EvaluationError("the models share fewer than two words, and a word needs a neighbour")
    return shared


def _compared_ranks(
    old: VectorTable, new: VectorTable, shared: Sequence[str], config: DriftConfig
) -> Ids:
    """Return the ranks of the shared words that are frequent enough to be compared."""
    check_frequency_order(old, new, config.restrict_vocab)
    words = shared[: config.restrict_vocab]
    enough = np.ones(len(words), np.bool_)
    if config.min_count is not None:
        for vectors in (old, new):
            if vectors.counts is None:
                raise EvaluationError(
                    "min_count needs counts, which a model does not have",
                    parameters=("min_count",),
                )
            enough &= vectors.counts[vectors.word_ids(words)] >= config.min_count
    if not enough.any():
        raise EvaluationError(
            f"none of the {counted(len(words), 'word')} has a count of {config.min_count:,} in "
            "both models"
        )
    return np.flatnonzero(enough)


def _ranks_of(
    words: Sequence[str], old: VectorTable, new: VectorTable, shared: Sequence[str]
) -> Ids:
    """Return the ranks of words among the shared ones; an error names all others."""
    for vectors in (old, new):
        lookup(vectors, [word for word in words if word in vectors], need_direction=True)
    return shared_ranks(shared, dict.fromkeys(words))


def _largest(values: NDArray[np.float64], n: int) -> Ids:
    return np.argsort(-values, kind="stable")[:n]
