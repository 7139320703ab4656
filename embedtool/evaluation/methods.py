"""Methods that answer analogy questions.

Methods that use one example, a : b, score a candidate x for c by dot products of unit vectors:

    3cosadd       x.b - x.a + x.c                    Mikolov, Yih & Zweig 2013
    3cosmul       x.b x.c / (x.a + e), moved to 0..1 Levy & Goldberg 2014, eq. 4
    pairdistance  cosine of x - c with b - a         Levy & Goldberg 2014, eq. 2 (PairDirection)
    nearest-b     x.b                                baseline: how much of a method's score
    nearest-c     x.c                                comes from neighbours alone (Linzen 2016)

and methods that learn from all other pairs of the relation (Drozd, Gladkova & Matsuoka 2016):

    3cosavg       cosine with c plus the mean offset of the pairs
    lrcos         x.c times the probability, by logistic regression, that x is a second word
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import AnalogyMethod
from embedtool.io.blocks import slices
from embedtool.io.machine import n_cores
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import VectorTable
from embedtool.search.index import EPSILON, MIN_FACTOR, RowBlock, blocked_top_k, nearest

BLOCK_CANDIDATES = 2048
"""Candidates scored at a time. Their products with all words of the Google questions take 7 MB; the
three rows of a question, 24 KB, stay in the L1 cache."""
RELATION_METHODS: frozenset[AnalogyMethod] = frozenset({"3cosavg", "lrcos"})
WEIGHTS: dict[AnalogyMethod, tuple[float, float, float]] = {
    "3cosadd": (-1, 1, 1),
    "3cosmul": (-1, 1, 1),
    "pairdistance": (-1, 1, 0),
    "nearest-b": (0, 1, 0),
    "nearest-c": (0, 0, 1),
}
"""Weights of a, b and c in the sum of dot products or, for 3cosmul, of their logarithms."""
MIN_SQUARED_DISTANCE = 1e-12
"""Replaces the squared distance of two words with equal vectors."""
SEED = 0
"""Random seed of the words that lrcos takes as negative examples."""

Ids = NDArray[np.int64]
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Relation:
    """The known pairs of one relation.

    Attributes
    ----------
    sources, targets : ndarray of int64, shape (n_pairs,)
        Ids of the first and the second words; sources are distinct.
    """

    sources: Ids
    targets: Ids


def answer_by_example(
    vectors: VectorTable, questions: Ids, method: AnalogyMethod, candidates: Ids, excluded: Ids
) -> Ids:
    """Return the best candidate for each question a : b, c.

    Parameters
    ----------
    questions : ndarray of int64, shape (n_questions, 3)
        Ids of a, b and c.
    method : str
        A key of WEIGHTS.
    candidates : ndarray of int64, shape (n_candidates,)
        Ids that may answer; their vectors are finite.
    excluded : ndarray of int64, shape (n_questions, any)
        Ids that may not answer a question.

    Returns
    -------
    ndarray of int64, shape (n_questions,)
        Ids; -1 if no candidate is left.
    """
    from embedtool.kernels.analogies import AnalogyQueries, best_candidate

    used, term_of = np.unique(questions, return_inverse=True)
    terms, slots = unit_rows(vectors.rows[used]), term_of.reshape(questions.shape)
    weights = np.tile(np.array(WEIGHTS[method], dtype=np.float32), (len(questions), 1))
    offsets = np.zeros(len(questions), dtype=np.float32)
    if method == "pairdistance":
        a, b, c = (terms[column] for column in slots.T)
        offsets = ((a - b) * c).sum(axis=1)
    if method == "3cosmul":
        slots[:, 0] += len(terms)
    position = np.full(vectors.n_words, -1, dtype=np.int64)
    position[candidates] = np.arange(len(candidates))
    excluded_positions = position[excluded]
    best = np.full(len(questions), -1, dtype=np.int64)
    scores = np.full(len(questions), -np.inf, dtype=np.float32)
    bounds = np.linspace(0, len(questions), n_cores() + 1).astype(np.int64).tolist()
    chunks = [slice(*chunk) for chunk in pairwise(bounds)]
    queries = [
        AnalogyQueries(slots[chunk], weights[chunk], offsets[chunk], excluded_positions[chunk])
        for chunk in chunks
    ]
    with ThreadPoolExecutor(len(chunks)) as pool:
        for start, block in _blocks(vectors, candidates):
            products, factors = _products(block, terms, method)
            work = [
                pool.submit(
                    best_candidate, products, factors, start, each, best[chunk], scores[chunk]
                )
                for chunk, each in zip(chunks, queries, strict=True)
            ]
            for each in work:
                each.result()
    return np.where(best >= 0, candidates[best], -1)


def answer_by_relation(
    vectors: VectorTable,
    relation: Relation,
    sources: Ids,
    method: AnalogyMethod,
    candidates: Ids,
    excluded: Ids,
) -> Ids:
    """Return the best candidate for each source, learned from the other pairs of the relation.

    Parameters
    ----------
    relation : Relation
        The pairs to learn from.
    sources : ndarray of int64, shape (n_sources,)
        Ids of the words c. Pairs whose first word is c are left out.
    method : str
        One of RELATION_METHODS.
    candidates, excluded
        As for `answer_by_example`.

    Returns
    -------
    ndarray of int64, shape (n_sources,)
        Ids; -1 if no candidate or no other pair is left.
    """
    answers = np.full(len(sources), -1, dtype=np.int64)
    others = relation.sources != sources[:, None]
    answerable = others.any(axis=1)
    if answerable.any():
        answers[answerable] = _answer_from_others(
            vectors, relation, sources[answerable], others[answerable], method, candidates,
            excluded[answerable],
        )  # fmt: skip
    return answers


def _answer_from_others(
    vectors: VectorTable,
    relation: Relation,
    sources: Ids,
    others: NDArray[np.bool_],
    method: AnalogyMethod,
    candidates: Ids,
    excluded: Ids,
) -> Ids:
    """Answer as `answer_by_relation`.

    Parameters
    ----------
    others : ndarray of bool, shape (n_sources, n_pairs)
        The pairs that each source may learn from.
    """
    first_rows = unit_rows(vectors.rows[relation.sources])
    second_rows = unit_rows(vectors.rows[relation.targets])
    queries = unit_rows(vectors.rows[sources])
    if method == "3cosavg":
        offsets = [second_rows[o].mean(axis=0) - first_rows[o].mean(axis=0) for o in others]
        return nearest(
            vectors.rows, vectors.norms, queries + np.array(offsets), 1,
            candidates=candidates, excluded=excluded,
        ).ids[:, 0]  # fmt: skip
    drawn = np.random.default_rng(SEED).choice(candidates, len(first_rows))
    weights, biases = _fit_classifiers(
        first_rows, second_rows, unit_rows(vectors.rows[drawn]), others
    )

    def score(rows: slice, block: RowBlock, scores: Rows) -> None:
        from scipy.special import expit

        block.products(weights[rows], out=scores)
        scores += biases[rows, None]
        expit(scores, out=scores)
        scores *= block.products(queries[rows])

    return blocked_top_k(
        score, len(sources), vectors.rows, vectors.norms, 1, candidates, excluded, n_buffers=2
    ).ids[:, 0]


def _blocks(vectors: VectorTable, candidates: Ids) -> Iterator[tuple[int, RowBlock]]:
    """Yield the candidates' vectors in blocks, each with the position of its first candidate."""
    for block in slices(len(candidates), BLOCK_CANDIDATES):
        yield block.start, RowBlock(unit_rows(vectors.rows[candidates[block]]), None)


def _products(block: RowBlock, terms: Rows, method: AnalogyMethod) -> tuple[Rows, Rows]:
    """Return the terms that the kernel sums, and their factors.

    Both are float32 of shape (any, n_columns), where a column is a candidate.
    """
    products = block.products(terms)
    if method == "pairdistance":
        squares = np.maximum(2 - 2 * products, np.float32(MIN_SQUARED_DISTANCE))
        return products, np.reciprocal(np.sqrt(squares))
    if method == "3cosmul":
        shifted = (products + 1) / 2
        both = np.concatenate([shifted, shifted + np.float32(EPSILON)])
        products = np.log(np.maximum(both, np.float32(MIN_FACTOR), out=both), out=both)
    return products, products[:0]


def _fit_classifiers(
    first_rows: Rows, second_rows: Rows, negatives: Rows, others: NDArray[np.bool_]
) -> tuple[Rows, Rows]:
    """Fit for each query a logistic regression of second words against first and random words.

    Parameters
    ----------
    first_rows, second_rows : ndarray of float32, shape (n_pairs, vector_size)
        The words of the relation.
    negatives : ndarray of float32, shape (any, vector_size)
        Random words.
    others : ndarray of bool, shape (n_queries, n_pairs)
        The pairs that each query learns from.

    Returns
    -------
    weights : ndarray of float32, shape (n_queries, vector_size)
    biases : ndarray of float32, shape (n_queries,)
    """
    from sklearn.linear_model import LogisticRegression

    weights, biases = [], []
    for chosen in others:
        examples = np.concatenate([second_rows[chosen], first_rows[chosen], negatives])
        is_second = np.arange(len(examples)) < chosen.sum()
        fitted = LogisticRegression().fit(examples, is_second)
        weights.append(fitted.coef_[0])
        biases.append(fitted.intercept_[0])
    return np.array(weights, dtype=np.float32), np.array(biases, dtype=np.float32)
