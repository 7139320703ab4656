"""Queries to word vectors: nearest neighbours, similarity, analogies, the odd one out."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from numpy.typing import NDArray

from embedtool.config.base import check_whole
from embedtool.config.choices import METHODS, N_ANSWERS, Method
from embedtool.errors import NoAnswerError, QueryError, raise_all
from embedtool.model.linalg import unit_rows
from embedtool.model.vectors import AnyVectors, VectorTable, vectors_of
from embedtool.search.ann import AnnIndex
from embedtool.search.answers import Answers, WordScore
from embedtool.search.batching import one_by_one
from embedtool.search.expression import Expression, parse_expression
from embedtool.search.index import nearest, nearest_by_product
from embedtool.search.lookup import cosines, directions, from_ngrams, lookup
from embedtool.search.sums import (
    MIN_LENGTH,
    check_products,
    raise_of_words,
    term_arrays,
    weighted_sums,
)


def similarity(vectors: AnyVectors, first: str, second: str) -> float:
    """Return the cosine of two words' vectors.

    Raises
    ------
    UnknownWordError
        If a word has no vector.
    NoAnswerError
        If a vector is all zeros, which has no direction.
    """
    rows = lookup(vectors, [first, second], need_direction=True)
    return float(cosines(rows[:1], rows[1])[0])


def similarity_batch(vectors: AnyVectors, pairs: Sequence[Sequence[str]]) -> list[float]:
    """Return the `similarity` of each pair; an error names all words without a vector."""
    return one_by_one(lambda pair: similarity(vectors, pair[0], pair[1]), pairs)


def similar(
    vectors: AnyVectors,
    word: str,
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    include_query_words: bool = False,
) -> Answers:
    """Return the n words nearest to one word; see `similar_batch`."""
    return similar_batch(
        vectors, [word], n, candidates=candidates, include_query_words=include_query_words
    )[0]


def similar_batch(
    vectors: AnyVectors,
    words: Sequence[str],
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    include_query_words: bool = False,
    index: AnnIndex | None = None,
) -> list[Answers]:
    """Return the n words nearest to each word by cosine, nearest first, in the order of `words`.

    Parameters
    ----------
    vectors : VectorTable or ModelRecord
        The vectors.
    words : sequence of str
        The words.
    n : int
        Number of answers; fewer if the vocabulary holds fewer.
    candidates : ndarray of int64, shape (n_candidates,), optional
        The ids of the words that may answer, as from `candidate_ids`; None for all.
    include_query_words : bool
        Whether a word may answer its own query.
    index : AnnIndex, optional
        The index for approximate search; without it, all words are compared.

    Raises
    ------
    QueryError
        If n is below 1.
    NoAnswerError
        If words have no vector, or one of zeros, which has no direction; names all such words, and
        is an UnknownWordError if the first of them is unknown.
    """
    vectors = vectors_of(vectors)
    rows = lookup(vectors, words, need_direction=True)
    excluded = None if include_query_words else vectors.word_ids(words, -1)[:, None]
    answers = similar_to_vectors(
        vectors, rows, n, candidates=candidates, excluded=excluded, index=index
    )
    return _with_origin(vectors, [[word] for word in words], answers)


def similar_to_vectors(
    vectors: AnyVectors,
    queries: NDArray[np.floating],
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    excluded: NDArray[np.int64] | None = None,
    index: AnnIndex | None = None,
) -> list[Answers]:
    """Return the n words nearest to each of some vectors by cosine, nearest first.

    The scores of the answers are recomputed in float64, so that they do not depend on the other
    queries of the batch.

    Parameters
    ----------
    vectors : VectorTable or ModelRecord
        The vectors.
    queries : ndarray of float, shape (n_queries, vector_size)
        Of any length but 0.
    n, candidates
        As for `similar_batch`.
    excluded : ndarray of int64, shape (n_queries, any), optional
        Ids that may not answer a query; -1 stands for none.
    index
        As for `similar_batch`.

    Raises
    ------
    QueryError
        If n is below 1, or both `index` and `candidates` are given.
    NoAnswerError
        If a query has no direction.
    """
    check_whole("n", n, QueryError)
    vectors = vectors_of(vectors)
    units = unit_rows(queries.astype(np.float32))
    raise_all({
        i: NoAnswerError("the query vector is all zeros and has no direction")
        for i in np.flatnonzero(~units.any(axis=1)).tolist()
    })  # fmt: skip
    if index is None:
        best = nearest(
            vectors.rows, vectors.norms, units, n, candidates=candidates, excluded=excluded
        )
    elif candidates is None:
        best = index.nearest(units, n, excluded)
    else:
        raise QueryError(
            "an index searches among all words; leave out the candidates, or the index"
        )
    answers = []
    for query, row in zip(queries, best.ids, strict=True):
        ids = row[row >= 0]
        scores = cosines(vectors.rows[ids], query)
        order = np.lexsort((ids, -scores))[:n]
        answers.append(_answer(vectors, ids[order], scores[order]))
    return answers


def analogy(
    vectors: AnyVectors,
    expression: str | Expression,
    n: int = N_ANSWERS,
    *,
    method: Method = METHODS[0],
    candidates: NDArray[np.int64] | None = None,
    include_query_words: bool = False,
) -> Answers:
    """Return the n words nearest to an expression such as `king - man + woman`.

    See `analogy_batch`.
    """
    return analogy_batch(
        vectors,
        [expression],
        n,
        method=method,
        candidates=candidates,
        include_query_words=include_query_words,
    )[0]


def analogy_batch(
    vectors: AnyVectors,
    expressions: Sequence[str | Expression],
    n: int = N_ANSWERS,
    *,
    method: Method = METHODS[0],
    candidates: NDArray[np.int64] | None = None,
    include_query_words: bool = False,
    index: AnnIndex | None = None,
) -> list[Answers]:
    """Return the n words nearest to each expression, nearest first.

    Parameters
    ----------
    expressions : sequence of str or Expression
        The expressions.
    method : {"3cosadd", "3cosmul"}
        "3cosadd": the cosine with the weighted sum of the words' unit vectors (Mikolov, Yih & Zweig
        2013, section 4). "3cosmul": the product of the words' similarities raised to their weights
        (Levy & Goldberg 2014, eq. 4).
    candidates, include_query_words, index
        As for `similar_batch`.

    Raises
    ------
    QueryError
        If an expression cannot be parsed, or options contradict each other.
    NoAnswerError
        As `similar_batch`, and if the words of an expression cancel out.
    """
    check_whole("n", n, QueryError)
    vectors = vectors_of(vectors)
    if method not in METHODS:
        raise QueryError(
            f"method must be {' or '.join(METHODS)}, not {method!r}", parameters=("method",)
        )
    parsed = [parse_expression(e) if isinstance(e, str) else e for e in expressions]
    words, terms = _terms(vectors, parsed)
    term_rows, weights = term_arrays(parsed, words)
    excluded = None
    if not include_query_words:
        excluded = np.where(weights != 0, vectors.word_ids(words, -1)[term_rows], -1)
    if method == "3cosadd":
        sums = weighted_sums(parsed, terms, term_rows, weights)
        sums /= np.abs(weights).sum(axis=1, keepdims=True)  # float32 would underflow
        answers = similar_to_vectors(
            vectors, sums, n, candidates=candidates, excluded=excluded, index=index
        )
        return _with_origin(vectors, [e.words for e in parsed], answers)
    if index is not None:
        raise QueryError(
            "an index finds neighbours by cosine, not by method='3cosmul'; leave out either",
            parameters=("method",),
        )
    check_products(parsed, terms, term_rows, weights)
    best = nearest_by_product(
        vectors.rows, vectors.norms, terms, term_rows, weights, n,
        candidates=candidates, excluded=excluded,
    )  # fmt: skip
    answers = [
        _answer(vectors, ids[ids >= 0], scores[ids >= 0])
        for ids, scores in zip(best.ids, best.scores, strict=True)
    ]
    return _with_origin(vectors, [e.words for e in parsed], answers)


def expression_vectors(
    vectors: AnyVectors, expressions: Sequence[Expression]
) -> NDArray[np.float64]:
    """Return the weighted sum of each expression's unit vectors; see `weighted_sums`."""
    words, terms = _terms(vectors_of(vectors), expressions)
    return weighted_sums(expressions, terms, *term_arrays(expressions, words))


def odd_one_out(vectors: AnyVectors, words: Sequence[str]) -> Answers:
    """Return words sorted by their cosine with the mean of all their unit vectors, smallest first.

    The first of them is the one that fits least.

    Raises
    ------
    UnknownWordError
        If words have no vector.
    NoAnswerError
        If the words cancel out.
    QueryError
        If there are fewer than three words: of two, neither is odd.
    """
    check_group(words)
    units = directions(vectors, words)
    mean = units.mean(axis=0, dtype=np.float64)
    if np.sqrt(mean @ mean) <= MIN_LENGTH:
        raise NoAnswerError(f"the mean of {', '.join(words)} is zero: the words cancel out")
    scores = cosines(units, mean)
    order = np.argsort(scores, kind="stable")
    ranked = (WordScore(words[i], float(scores[i])) for i in order)
    return Answers.of(ranked, from_ngrams(vectors, words))


def check_group(words: Sequence[str]) -> None:
    """Raise QueryError if there are too few words for one to be odd."""
    if len(words) < 3:
        raise QueryError("at least three words are needed")


def odd_one_out_batch(vectors: AnyVectors, groups: Sequence[Sequence[str]]) -> list[Answers]:
    """Return `odd_one_out` of each group; an error names all groups without an answer."""
    return one_by_one(partial(odd_one_out, vectors), groups)


def _answer(vectors: VectorTable, ids: NDArray[np.int64], scores: NDArray[np.float64]) -> Answers:
    return Answers(
        WordScore(vectors.words[i], score)
        for i, score in zip(ids.tolist(), scores.tolist(), strict=True)
    )


def _with_origin(
    vectors: VectorTable, queries: Sequence[Sequence[str]], results: Sequence[Answers]
) -> list[Answers]:
    """Set `from_ngrams` of the answers to queries with these words."""
    for words, answers in zip(queries, results, strict=True):
        answers.from_ngrams = from_ngrams(vectors, words)
    return list(results)


def _terms(
    vectors: VectorTable, expressions: Sequence[Expression]
) -> tuple[list[str], NDArray[np.float32]]:
    """Return the words of some expressions, each once, and their unit vectors."""
    words = list(dict.fromkeys(word for e in expressions for word in e.words))
    try:
        return words, directions(vectors, words)
    except NoAnswerError as error:
        raise_of_words(error.failures or {}, expressions, words, vectors)
        raise
