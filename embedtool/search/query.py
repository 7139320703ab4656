"""What a person asks of word vectors: neighbours, similarity, analogies, the odd one out.

In: WordVectors and words or expressions. Out: words with their scores, best first.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import METHODS, N_ANSWERS, Method
from embedtool.errors import NoAnswerError, QueryError, raise_all
from embedtool.model.vectors import AnyVectors, WordVectors, row_lengths, unit_rows, vectors_of
from embedtool.search.ann import AnnIndex
from embedtool.search.batches import one_by_one
from embedtool.search.expression import Expression, parse_expression
from embedtool.search.index import nearest, nearest_by_product
from embedtool.search.sums import (
    LEAST_LENGTH,
    check_products,
    raise_of_words,
    term_arrays,
    weighted_sums,
)


@dataclass(frozen=True, slots=True)
class WordScore:
    """A word and its score: a cosine, or 3CosMul's product."""

    word: str
    score: float


class Answers(tuple[WordScore, ...]):
    """Words with their scores, in the order in which they answer a query.

    from_ngrams : the words of the query that are not in the vocabulary, so that their vectors are
                  those of their character n-grams
    """

    from_ngrams: tuple[str, ...] = ()

    @classmethod
    def of(cls, found: Iterable[WordScore], from_ngrams: tuple[str, ...] = ()) -> "Answers":
        """The answers to a query with these words."""
        answers = cls(found)
        answers.from_ngrams = from_ngrams
        return answers


def from_ngrams(vectors: AnyVectors, words: Sequence[str]) -> tuple[str, ...]:
    """Those of a query's words that have no vector but that of their character n-grams, each once.

    Only FastText's vectors make one; of others, none of the words that have a vector.
    """
    vectors = vectors_of(vectors)
    if vectors.subwords is None:
        return ()
    return tuple(word for word in dict.fromkeys(words) if word not in vectors)


def lookup(
    vectors: AnyVectors, words: Sequence[str], *, directed: bool = False
) -> NDArray[np.float32]:
    """The vectors of the words, float32 (len(words), vector_size), from subwords where needed.

    directed : whether they are to have a direction, as all zeros have not

    Raises UnknownWordError where words have none, NoAnswerError where one is not finite or has no
    direction; either names all such words.
    """
    vectors = vectors_of(vectors)
    ids = vectors.word_ids(words, -1)
    found = vectors.matrix[ids]
    failures: dict[int, NoAnswerError] = {}
    for i in np.flatnonzero(ids < 0).tolist():
        made = vectors.from_subwords(words[i])
        if made is None:
            failures[i] = vectors.unknown_word(words[i], len(failures))
        else:
            found[i] = made
    lengths = row_lengths(found) if directed else np.ones(len(found))
    finite: NDArray[np.bool_] = np.all(np.isfinite(found), axis=1)
    for i in np.flatnonzero(~finite | ~np.isfinite(lengths) | (lengths == 0)).tolist():
        if not finite[i]:
            fault = "holds a number that is not finite"
        elif lengths[i]:
            fault = "is too long: its length is beyond float32"
        else:
            fault = "is all zeros: it has no direction"
        failures.setdefault(i, NoAnswerError(f"the vector of {words[i]!r} {fault}"))
    raise_all(dict(sorted(failures.items())))
    return found


def directions(vectors: AnyVectors, words: Sequence[str]) -> NDArray[np.float32]:
    """The vectors of the words at length 1, float32 (len(words), vector_size); see `lookup`."""
    return unit_rows(lookup(vectors, words, directed=True))


def similarity(vectors: AnyVectors, first: str, second: str) -> float:
    """The cosine of two words' vectors, from -1 to 1.

    Raises UnknownWordError, and NoAnswerError where one is all zeros: it has no direction.
    """
    rows = lookup(vectors, [first, second], directed=True)
    return float(cosines(rows[:1], rows[1])[0])


def similarity_batch(vectors: AnyVectors, pairs: Sequence[Sequence[str]]) -> list[float]:
    """The `similarity` of each pair; the error names all words without a vector."""
    return one_by_one(lambda pair: similarity(vectors, pair[0], pair[1]), pairs)


def similar(
    vectors: AnyVectors,
    word: str,
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
) -> Answers:
    """The n words nearest to one word; see `similar_batch`."""
    return similar_batch(
        vectors, [word], n, candidates=candidates, exclude_query_words=exclude_query_words
    )[0]


def similar_batch(
    vectors: AnyVectors,
    words: Sequence[str],
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
    index: AnnIndex | None = None,
) -> list[Answers]:
    """The n words nearest to each word by cosine, nearest first, in the order of `words`.

    candidates : int64, ids of the words that may answer, as from `candidate_ids`; None: all
    index      : finds most of them in less time; None: all words are compared
    Fewer than n answer where the vocabulary holds fewer. Raises QueryError on n < 1; NoAnswerError,
    UnknownWordError if it is the first such, which names all words without a vector or with one of
    zeros, which has no direction.
    """
    vectors = vectors_of(vectors)
    rows = lookup(vectors, words, directed=True)
    excluded = vectors.word_ids(words, -1)[:, None] if exclude_query_words else None
    found = similar_to_vectors(
        vectors, rows, n, candidates=candidates, excluded=excluded, index=index
    )
    return _with_origin(vectors, [[word] for word in words], found)


def similar_to_vectors(
    vectors: AnyVectors,
    queries: NDArray[np.floating],
    n: int = N_ANSWERS,
    *,
    candidates: NDArray[np.int64] | None = None,
    excluded: NDArray[np.int64] | None = None,
    index: AnnIndex | None = None,
) -> list[Answers]:
    """The n words nearest to each of some vectors by cosine, nearest first.

    queries  : float (n_queries, vector_size), of any length but 0
    excluded : int64 (n_queries, any), ids that may not answer a query; -1 stands for none

    The scores of the words found are taken again in float64, so that a query's answer does not
    depend on the others of its batch. Raises QueryError on n < 1, or where an index is to search
    among candidates; NoAnswerError where a query has no direction.
    """
    _check_n(n)
    vectors = vectors_of(vectors)
    units = unit_rows(queries.astype(np.float32))
    raise_all({
        i: NoAnswerError("the vector that is asked about is all zeros: it has no direction")
        for i in np.flatnonzero(~units.any(axis=1)).tolist()
    })  # fmt: skip
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
    vectors: AnyVectors,
    expression: str | Expression,
    n: int = N_ANSWERS,
    *,
    method: Method = METHODS[0],
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
) -> Answers:
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
    vectors: AnyVectors,
    expressions: Sequence[str | Expression],
    n: int = N_ANSWERS,
    *,
    method: Method = METHODS[0],
    candidates: NDArray[np.int64] | None = None,
    exclude_query_words: bool = True,
    index: AnnIndex | None = None,
) -> list[Answers]:
    """The n words nearest to each expression, nearest first.

    method : "3cosadd", the cosine with the weighted sum of the words' unit vectors (Mikolov, Yih &
             Zweig 2013, section 4); "3cosmul", the product of the words' similarities raised to
             their weights (Levy & Goldberg 2014, eq. 4)

    The other options are those of `similar_batch`. Raises QueryError; NoAnswerError, as
    `similar_batch` does, also for expressions whose words cancel out.
    """
    _check_n(n)
    vectors = vectors_of(vectors)
    if method not in METHODS:
        raise QueryError(f"no method {method!r}: expected {' or '.join(METHODS)}")
    parsed = [parse_expression(e) if isinstance(e, str) else e for e in expressions]
    words, terms = _terms(vectors, parsed)
    slots, weights = term_arrays(parsed, words)
    excluded = None
    if exclude_query_words:
        excluded = np.where(weights != 0, vectors.word_ids(words, -1)[slots], -1)
    if method == "3cosadd":
        sums = weighted_sums(parsed, terms, slots, weights)
        sums /= np.abs(weights).sum(axis=1, keepdims=True)  # float32 would take small ones for 0
        answers = similar_to_vectors(
            vectors, sums, n, candidates=candidates, excluded=excluded, index=index
        )
        return _with_origin(vectors, [e.words for e in parsed], answers)
    if index is not None:
        raise QueryError("an index finds neighbours by cosine, not by 3cosmul; leave out either")
    check_products(parsed, terms, slots, weights)
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
    answers = [
        _answer(vectors, ids[ids >= 0], scores[ids >= 0])
        for ids, scores in zip(found.ids, found.scores, strict=True)
    ]
    return _with_origin(vectors, [e.words for e in parsed], answers)


def expression_vectors(
    vectors: AnyVectors, expressions: Sequence[Expression]
) -> NDArray[np.float64]:
    """The weighted sum of the unit vectors of each expression's words; see `weighted_sums`."""
    words, terms = _terms(vectors_of(vectors), expressions)
    return weighted_sums(expressions, terms, *term_arrays(expressions, words))


def odd_one_out(vectors: AnyVectors, words: Sequence[str]) -> Answers:
    """The words by their cosine with the mean of all their unit vectors, least first.

    The first of them is the one that fits least. Raises UnknownWordError, NoAnswerError where they
    cancel out, and QueryError on fewer than three words: of two, neither is odd.
    """
    check_group(words)
    units = directions(vectors, words)
    mean = units.mean(axis=0, dtype=np.float64)
    if np.sqrt(mean @ mean) <= LEAST_LENGTH:
        raise NoAnswerError(f"the mean of {', '.join(words)} is nothing: the words cancel out")
    scores = cosines(units, mean)
    order = np.argsort(scores, kind="stable")
    ranked = (WordScore(words[i], float(scores[i])) for i in order)
    return Answers.of(ranked, from_ngrams(vectors, words))


def check_group(words: Sequence[str]) -> None:
    """Raise QueryError where there are too few words to be one odd."""
    if len(words) < 3:
        raise QueryError("odd one out of what? give at least three words")


def odd_one_out_batch(vectors: AnyVectors, groups: Sequence[Sequence[str]]) -> list[Answers]:
    """`odd_one_out` of each group; the error names all that have no answer."""
    return one_by_one(partial(odd_one_out, vectors), groups)


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


def _answer(vectors: WordVectors, ids: NDArray[np.int64], scores: NDArray[np.float64]) -> Answers:
    return Answers(
        WordScore(vectors.words[i], score)
        for i, score in zip(ids.tolist(), scores.tolist(), strict=True)
    )


def _with_origin(
    vectors: WordVectors, asked: Sequence[Sequence[str]], found: Sequence[Answers]
) -> list[Answers]:
    """The answers to queries with these words, each with what it has `from_ngrams`."""
    for words, answers in zip(asked, found, strict=True):
        answers.from_ngrams = from_ngrams(vectors, words)
    return list(found)


def _terms(
    vectors: WordVectors, expressions: Sequence[Expression]
) -> tuple[list[str], NDArray[np.float32]]:
    """The words of some expressions, each once, and their unit vectors."""
    words = list(dict.fromkeys(word for e in expressions for word in e.words))
    try:
        return words, directions(vectors, words)
    except NoAnswerError as error:
        raise_of_words(error.failures or {}, expressions, words, vectors)
        raise
