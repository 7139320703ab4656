"""What a person asks of word vectors: neighbours, similarity, analogies, the odd one out.

In: WordVectors and words or expressions. Out: words with their scores, best first.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config import METHODS, N_ANSWERS, Method
from embedtool.errors import QueryError, UnknownWordError
from embedtool.search.approximate import Approximate
from embedtool.search.expression import Expression, parse_expression
from embedtool.search.index import nearest, nearest_by_product
from embedtool.vectors import WordVectors, unit_rows


@dataclass(frozen=True, slots=True)
class WordScore:
    """A word and its score: a cosine, or 3CosMul's product."""

    word: str
    score: float


def lookup(vectors: WordVectors, words: Sequence[str]) -> NDArray[np.float32]:
    """The vectors of the words, float32 (len(words), vector_size), from subwords where needed.

    Raises UnknownWordError on the first word that has none, QueryError where it is not finite.
    """
    ids = vectors.ids_of(words, -1)
    found = vectors.matrix[ids]
    for i in np.flatnonzero(ids < 0).tolist():
        found[i] = vectors.vector(words[i])
    finite = np.isfinite(found).all(axis=1)
    if not finite.all():
        word = words[int(np.argmin(finite))]
        raise QueryError(f"the vector of {word!r} holds a number that is not finite")
    return found


def similarity(vectors: WordVectors, first: str, second: str) -> float:
    """The cosine of two words' vectors, from -1 to 1; 0 where one of them is all zeros.

    Raises UnknownWordError.
    """
    rows = lookup(vectors, [first, second])
    return float(cosines(rows[:1], rows[1])[0])


def similar(
    vectors: WordVectors,
    word: str,
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
) -> tuple[WordScore, ...]:
    """The n words nearest to one word; see `similar_batch`."""
    return similar_batch(
        vectors, [word], n, candidates=candidates, exclude_query_words=exclude_query_words
    )[0]


def similar_batch(
    vectors: WordVectors,
    words: Sequence[str],
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
    index: Approximate | None = None,
) -> list[tuple[WordScore, ...]]:
    """The n words nearest to each word by cosine, nearest first, in the order of `words`.

    candidates : int64, ids of the words that may answer, as from `candidate_ids`; None: all
    index      : finds most of them in less time; None: all words are compared
    Fewer than n answer where the vocabulary holds fewer. Raises UnknownWordError on the first word
    without a vector, QueryError on n < 1.
    """
    excluded = vectors.ids_of(words, -1)[:, None] if exclude_query_words else None
    return similar_to_vectors(
        vectors, lookup(vectors, words), n, candidates=candidates, excluded=excluded, index=index
    )


def similar_to_vectors(
    vectors: WordVectors,
    queries: NDArray[np.floating],
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    excluded: NDArray[np.int64] | None = None,
    index: Approximate | None = None,
) -> list[tuple[WordScore, ...]]:
    """The n words nearest to each of some vectors by cosine, nearest first.

    queries  : float (n_queries, vector_size), of any length; one of zeros scores 0 with each word
    excluded : int64 (n_queries, any), ids that may not answer a query; -1 stands for none

    The scores of the words found are taken again in float64, so that a query's answer does not
    depend on the others of its batch. Raises QueryError on n < 1, or where an index is to search
    among candidates.
    """
    _check_n(n)
    units = unit_rows(queries.astype(np.float32))
    if index is None:
        found = nearest(
            vectors.matrix, vectors.norms, units, n, candidates=candidates, excluded=excluded
        )
    elif candidates is None:
        found = index.nearest(units, n, excluded)
    else:
        raise QueryError("an index searches among all words; leave out the limits, or the index")
    answers = []
    for query, row in zip(queries, found.ids, strict=True):
        ids = row[row >= 0]
        scores = cosines(vectors.matrix[ids], query)
        order = np.lexsort((ids, -scores))[:n]
        answers.append(_answer(vectors, ids[order], scores[order]))
    return answers


def analogy(
    vectors: WordVectors,
    expression: str | Expression,
    n: int = N_ANSWERS,
    *,
    method: Method = METHODS[0],
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
) -> tuple[WordScore, ...]:
    """The n words nearest to an expression such as `king - man + woman`; see `analogy_batch`."""
    return analogy_batch(
        vectors,
        [expression],
        n,
        method=method,
        candidates=candidates,
        exclude_query_words=exclude_query_words,
    )[0]


def analogy_batch(
    vectors: WordVectors,
    expressions: Sequence[str | Expression],
    n: int = N_ANSWERS,
    *,
    method: Method = METHODS[0],
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
    index: Approximate | None = None,
) -> list[tuple[WordScore, ...]]:
    """The n words nearest to each expression, nearest first.

    method : "3cosadd", the cosine with the weighted sum of the words' unit vectors (Mikolov, Yih &
             Zweig 2013, section 4); "3cosmul", the product of the words' similarities raised to
             their weights (Levy & Goldberg 2014, eq. 4)

    The other options are those of `similar_batch`. Raises UnknownWordError or QueryError.
    """
    _check_n(n)
    if method not in METHODS:
        raise QueryError(f"no method {method!r}: expected {' or '.join(METHODS)}")
    parsed = [parse_expression(e) if isinstance(e, str) else e for e in expressions]
    words = list(dict.fromkeys(word for e in parsed for word in e.words))
    terms = unit_rows(_lookup_terms(vectors, words))
    slots, weights = _slots(parsed, words)
    excluded = None
    if exclude_query_words:
        excluded = np.where(weights != 0, vectors.ids_of(words, -1)[slots], -1)
    if method == "3cosadd":
        sums = np.einsum("qt,qtd->qd", weights, terms[slots])
        return similar_to_vectors(
            vectors, sums, n, candidates=candidates, excluded=excluded, index=index
        )
    if index is not None:
        raise QueryError("an index finds neighbours by cosine, not by 3cosmul; leave out either")
    found = nearest_by_product(
        vectors.matrix,
        vectors.norms,
        terms,
        slots,
        weights,
        n,
        candidates=candidates,
        excluded=excluded,
    )
    return [
        _answer(vectors, ids[ids >= 0], scores[ids >= 0])
        for ids, scores in zip(found.ids, found.scores, strict=True)
    ]


def odd_one_out(vectors: WordVectors, words: Sequence[str]) -> tuple[WordScore, ...]:
    """The words by their cosine with the mean of all their unit vectors, least first.

    The first of them is the one that fits least. Raises UnknownWordError, and QueryError on fewer
    than three words: of two, neither is odd.
    """
    if len(words) < 3:
        raise QueryError("odd one out of what? give at least three words")
    units = unit_rows(lookup(vectors, words))
    scores = cosines(units, units.mean(axis=0, dtype=np.float64))
    order = np.argsort(scores, kind="stable")
    return tuple(WordScore(words[i], float(scores[i])) for i in order)


def cosines(first: NDArray[np.floating], second: NDArray[np.floating]) -> NDArray[np.float64]:
    """The cosines of rows with one vector or row by row, in float64; 0 where either is all zeros.

    first : (n_rows, vector_size); second : (vector_size,) or as first. Returns float64 (n_rows,).
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    lengths = np.sqrt((a * a).sum(axis=-1) * (b * b).sum(axis=-1))
    found: NDArray[np.float64] = np.divide(
        (a * b).sum(axis=-1), lengths, out=np.zeros(len(first)), where=lengths > 0
    )
    found.clip(-1, 1, out=found)
    return found


def _check_n(n: int) -> None:
    if n < 1:
        raise QueryError(f"the number of answers must be at least 1, not {n}")


def _answer(
    vectors: WordVectors, ids: NDArray[np.int64], scores: NDArray[np.float64]
) -> tuple[WordScore, ...]:
    return tuple(
        WordScore(vectors.words[i], score)
        for i, score in zip(ids.tolist(), scores.tolist(), strict=True)
    )


def _lookup_terms(vectors: WordVectors, words: Sequence[str]) -> NDArray[np.float32]:
    """As `lookup`; where an unknown word looks like several joined by + or -, say so."""
    try:
        return lookup(vectors, words)
    except UnknownWordError as error:
        parts = error.word.replace("-", "+").split("+")
        if len(parts) > 1 and all(part in vectors for part in parts):
            raise QueryError(
                f"{error}; to add and subtract words write spaces around + and -, "
                "as in 'king - man + woman'"
            ) from None
        raise


def _slots(
    expressions: Sequence[Expression], words: Sequence[str]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each expression's terms as rows of `words`, and their weights; unused slots weigh 0.

    Returns int64 and float64 (n_expressions, the most terms of any).
    """
    place = {word: i for i, word in enumerate(words)}
    shape = (len(expressions), max((len(e.terms) for e in expressions), default=0))
    slots = np.zeros(shape, dtype=np.int64)
    weights = np.zeros(shape, dtype=np.float64)
    for i, expression in enumerate(expressions):
        for j, (weight, word) in enumerate(expression.terms):
            slots[i, j] = place[word]
            weights[i, j] = weight
    return slots, weights
