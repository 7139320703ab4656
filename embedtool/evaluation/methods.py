"""The methods by which the questions of an analogy are answered.

In: vectors, questions as ids, the words that may answer. Out: the id of the word that each method
gives.

Methods that look at one example, a : b, score a candidate x for c by the products of unit vectors:

    3cosadd       x.b - x.a + x.c                    Mikolov, Yih & Zweig 2013
    3cosmul       x.b x.c / (x.a + e), moved to 0..1 Levy & Goldberg 2014, eq. 4
    pairdistance  cosine of x - c with b - a         Levy & Goldberg 2014, eq. 2 (PairDirection)
    nearest-b     x.b                                what a method must beat: how much of its score
    nearest-c     x.c                                comes from neighbours alone (Linzen 2016)

and methods that look at all other pairs of the relation (Drozd, Gladkova & Matsuoka 2016):

    3cosavg       cosine with c plus the mean of their offsets
    lrcos         x.c times the probability that x is of the kind of their second words
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import AnalogyMethod
from embedtool.io.machine import n_cores
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import WordVectors
from embedtool.search.index import EPSILON, MIN_FACTOR, RowBlock, blocked_top_k, nearest

BLOCK_CANDIDATES = 2048
"""Their products with all words of the Google questions take 7 MB; a question's three rows, 24 KB,
stay in a core's nearest cache."""
OVER_RELATION: frozenset[AnalogyMethod] = frozenset({"3cosavg", "lrcos"})
WEIGHTS: dict[AnalogyMethod, tuple[float, float, float]] = {
    "3cosadd": (-1, 1, 1),
    "3cosmul": (-1, 1, 1),
    "pairdistance": (-1, 1, 0),
    "nearest-b": (0, 1, 0),
    "nearest-c": (0, 0, 1),
}
"""What a, b and c weigh in the sum of products or, for 3cosmul, of their logarithms."""
LEAST_DISTANCE = 1e-12
"""Stands for the squared distance of two words whose vectors are the same."""
SEED = 0
"""Of the words that lrcos takes as examples of no kind."""

Ids = NDArray[np.int64]
Rows = NDArray[np.float32]


@dataclass(frozen=True)
class Relation:
    """The pairs of one relation that are known.

    sources, targets : int64 (n_pairs,), ids of their first and second words; sources are distinct
    """

    sources: Ids
    targets: Ids


def answer_by_example(
    vectors: WordVectors, questions: Ids, method: AnalogyMethod, candidates: Ids, excluded: Ids
) -> Ids:
    """The candidate that answers each question a : b, c best; -1 where none is left.

    questions  : int64 (n_questions, 3), ids of a, b and c
    candidates : int64 (n_candidates,), rows that may answer; their vectors are finite
    excluded   : int64 (n_questions, any), ids that may not answer a question
    """
    from embedtool.kernels.analogies import best_candidate

    used, places = np.unique(questions, return_inverse=True)
    terms, slots = unit_rows(vectors.matrix[used]), places.reshape(questions.shape)
    weights = np.tile(np.array(WEIGHTS[method], dtype=np.float32), (len(questions), 1))
    offsets = np.zeros(len(questions), dtype=np.float32)
    if method == "pairdistance":
        a, b, c = (terms[column] for column in slots.T)
        offsets = ((a - b) * c).sum(axis=1)
    if method == "3cosmul":
        slots[:, 0] += len(terms)
    position = np.full(vectors.n_words, -1, dtype=np.int64)
    position[candidates] = np.arange(len(candidates))
    barred = position[excluded]
    found = np.full(len(questions), -1, dtype=np.int64)
    scores = np.full(len(questions), -np.inf, dtype=np.float32)
    cuts = np.linspace(0, len(questions), n_cores() + 1).astype(np.int64).tolist()
    parts = [slice(*cut) for cut in pairwise(cuts)]
    with ThreadPoolExecutor(len(parts)) as pool:
        for start, block in _blocks(vectors, candidates):
            products, factors = _products(block, terms, method)
            work = [
                pool.submit(
                    best_candidate, products, slots[part], weights[part], offsets[part], factors,
                    barred[part], start, found[part], scores[part],
                )
                for part in parts
            ]  # fmt: skip
            for each in work:
                each.result()
    return np.where(found >= 0, candidates[found], -1)


def answer_by_relation(
    vectors: WordVectors,
    relation: Relation,
    sources: Ids,
    method: AnalogyMethod,
    candidates: Ids,
    excluded: Ids,
) -> Ids:
    """The candidate that answers each source best, learnt from the relation's other pairs.

    sources : int64 (n_sources,), ids of the words c; a pair with the same first word is left out
    The rest is as for `answer_by_example`. A source without another pair gets no answer.
    """
    answers = np.full(len(sources), -1, dtype=np.int64)
    others = relation.sources != sources[:, None]
    asked = others.any(axis=1)
    if asked.any():
        answers[asked] = _from_others(
            vectors, relation, sources[asked], others[asked], method, candidates, excluded[asked]
        )
    return answers


def _from_others(
    vectors: WordVectors,
    relation: Relation,
    sources: Ids,
    others: NDArray[np.bool_],
    method: AnalogyMethod,
    candidates: Ids,
    excluded: Ids,
) -> Ids:
    """As `answer_by_relation`. others : bool (n_sources, n_pairs), what each may learn from."""
    firsts = unit_rows(vectors.matrix[relation.sources])
    seconds = unit_rows(vectors.matrix[relation.targets])
    queries = unit_rows(vectors.matrix[sources])
    if method == "3cosavg":
        offsets = [seconds[o].mean(axis=0) - firsts[o].mean(axis=0) for o in others]
        return nearest(
            vectors.matrix, vectors.norms, queries + np.array(offsets), 1,
            candidates=candidates, excluded=excluded,
        ).ids[:, 0]  # fmt: skip
    noise = unit_rows(vectors.matrix[np.random.default_rng(SEED).choice(candidates, len(firsts))])
    planes, heights = _classifiers(firsts, seconds, noise, others)

    def score(rows: slice, block: RowBlock, scores: Rows) -> None:
        from scipy.special import expit

        block.products(planes[rows], out=scores)
        scores += heights[rows, None]
        expit(scores, out=scores)
        scores *= block.products(queries[rows])

    return blocked_top_k(
        score, len(sources), vectors.matrix, vectors.norms, 1, candidates, excluded, n_buffers=2
    ).ids[:, 0]


def _blocks(vectors: WordVectors, candidates: Ids) -> Iterator[tuple[int, RowBlock]]:
    """The candidates' vectors, BLOCK_CANDIDATES at a time, each block with its first place."""
    for start in range(0, len(candidates), BLOCK_CANDIDATES):
        rows = unit_rows(vectors.matrix[candidates[start : start + BLOCK_CANDIDATES]])
        yield start, RowBlock(rows, None)


def _products(block: RowBlock, terms: Rows, method: AnalogyMethod) -> tuple[Rows, Rows]:
    """What the kernel adds up, and what it multiplies the sum by. float32 (any, n_columns)."""
    products = block.products(terms)
    if method == "pairdistance":
        squares = np.maximum(2 - 2 * products, np.float32(LEAST_DISTANCE))
        return products, np.reciprocal(np.sqrt(squares))
    if method == "3cosmul":
        shares = (products + 1) / 2
        both = np.concatenate([shares, shares + np.float32(EPSILON)])
        products = np.log(np.maximum(both, np.float32(MIN_FACTOR), out=both), out=both)
    return products, products[:0]


def _classifiers(
    firsts: Rows, seconds: Rows, noise: Rows, others: NDArray[np.bool_]
) -> tuple[Rows, Rows]:
    """For each query the logistic regression that tells second words from first and other words.

    others : bool (n_queries, n_pairs), what each learns from
    Returns float32 (n_queries, vector_size) and (n_queries,): the planes' normals and offsets.
    """
    from sklearn.linear_model import LogisticRegression

    planes, heights = [], []
    for chosen in others:
        examples = np.concatenate([seconds[chosen], firsts[chosen], noise])
        is_second = np.arange(len(examples)) < chosen.sum()
        fitted = LogisticRegression().fit(examples, is_second)
        planes.append(fitted.coef_[0])
        heights.append(fitted.intercept_[0])
    return np.array(planes, dtype=np.float32), np.array(heights, dtype=np.float32)
