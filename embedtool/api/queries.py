"""The queries to word vectors as methods; each calls `embedtool.search`."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Unpack

import numpy as np

from embedtool.api.arguments import check_names
from embedtool.api.query_terms import (
    Items,
    QueryOptions,
    WeightedItems,
    several,
    weighted_terms,
)
from embedtool.config.base import check_whole
from embedtool.config.choices import METHODS, N_ANSWERS, Method
from embedtool.errors import QueryError
from embedtool.model.vectors import VectorTable
from embedtool.search import query
from embedtool.search.ann import AnnIndex
from embedtool.search.answers import Answers
from embedtool.search.candidates import candidate_ids
from embedtool.search.expression import Expression
from embedtool.search.lookup import directions, from_ngrams
from embedtool.search.sums import weighted_sum


@dataclass(frozen=True, eq=False, repr=False)
class QueryableVectors(VectorTable):
    """A table of vectors with the queries to it."""

    def most_similar(
        self,
        positive: WeightedItems = (),
        negative: Items = (),
        topn: int = N_ANSWERS,
        *,
        method: Method = METHODS[0],
        **options: Unpack[QueryOptions],
    ) -> Answers:
        """Return the words nearest to a word, or to a sum of words and vectors, nearest first.

        Parameters
        ----------
        positive : str, ndarray, or sequence of these
            What is added: words, by their vectors at length 1, and vectors of shape
            (vector_size,), as they are. An item may be a tuple with its weight, such as
            ``("king", 0.5)``; a negative weight subtracts it.
        negative : str, ndarray, or sequence of these
            What is subtracted, with weight 1.
        topn : int
            Number of answers; fewer if the vocabulary holds fewer.
        method : {"3cosadd", "3cosmul"}
            "3cosadd": the cosine with the sum of the vectors at length 1. "3cosmul": the product of
            the similarities (Levy & Goldberg 2014), for words only.
        **options : QueryOptions
            Which words may answer: `restrict_vocab`, `min_count`, `among`, `include_query_words`;
            `index` for approximate search.

        Returns
        -------
        Answers
            Tuples (word, score), shown as a table.

        Raises
        ------
        UnknownWordError
            If words have no vector; names all of them, with the nearest spellings.
        NoAnswerError
            If a vector is all zeros or not finite, or the words cancel out.
        QueryError
            If an argument is not valid.

        Examples
        --------
        >>> wv.most_similar("king", topn=3)
        word    score
        queen  0.8585
        baron  0.8413
        count  0.7785
        >>> wv.most_similar(["king", "woman"], negative=["man"], topn=1)[0].word
        'queen'
        >>> for word, score in wv.most_similar("paris", topn=2, restrict_vocab=500):
        ...     print(f"{word} {score:.2f}")
        rome 0.82
        tbilisi 0.82
        """
        words, vectors = weighted_terms(positive, negative, self.vector_size)
        search = self._search("most_similar", topn, options)
        names = [word for _, word in words]
        if not vectors:
            if isinstance(positive, str) and names == [positive] and method == METHODS[0]:
                return query.similar_batch(self, names, **search)[0]
            expression = Expression(tuple(words))
            return query.analogy_batch(self, [expression], method=method, **search)[0]
        if method != METHODS[0]:
            raise QueryError(f"vectors need method={METHODS[0]!r}", parameters=("method",))
        rows = [*directions(self, names), *(vector for _, vector in vectors)]
        weights = [weight for weight, _ in (*words, *vectors)]
        excluded = None if search.pop("include_query_words") else self.word_ids(names, -1)[None]
        total = weighted_sum(np.array(rows, np.float64), np.array(weights))
        answers = query.similar_to_vectors(self, total[None], excluded=excluded, **search)[0]
        return Answers.of(answers, from_ngrams(self, names))

    def most_similar_batch(
        self, words: Iterable[str], topn: int = N_ANSWERS, **options: Unpack[QueryOptions]
    ) -> list[Answers]:
        """Return `most_similar` of each word, computed together, which is faster.

        Raises
        ------
        NoAnswerError
            If any word has no answer; `failures` has the error of each, by its index.

        Examples
        --------
        >>> [near[0].word for near in wv.most_similar_batch(["king", "paris"])]
        ['queen', 'madrid']
        """
        search = self._search("most_similar_batch", topn, options)
        return query.similar_batch(self, several(words, "words"), **search)

    def analogy(
        self,
        expression: str,
        topn: int = N_ANSWERS,
        *,
        method: Method = METHODS[0],
        **options: Unpack[QueryOptions],
    ) -> Answers:
        """Return the words nearest to an expression such as `king - man + woman`, nearest first.

        Parameters
        ----------
        expression : str
            Words joined by `+` and `-` between spaces, with weights as in `0.5*king + queen`; or
            three words, as in `man king woman`: man is to king as woman is to what?
        topn : int
            Number of answers; fewer if the vocabulary holds fewer.
        method : {"3cosadd", "3cosmul"}
            As for `most_similar`.
        **options : QueryOptions
            As for `most_similar`.

        Raises
        ------
        QueryError
            As `most_similar`, and if the expression is not valid.

        Examples
        --------
        >>> wv.analogy("king - man + woman", topn=2)
        word       score
        queen     0.9289
        baroness  0.7782
        """
        search = self._search("analogy", topn, options)
        expressions = several([expression], "expressions")
        return query.analogy_batch(self, expressions, method=method, **search)[0]

    def analogy_batch(
        self,
        expressions: Iterable[str],
        topn: int = N_ANSWERS,
        *,
        method: Method = METHODS[0],
        **options: Unpack[QueryOptions],
    ) -> list[Answers]:
        """Return `analogy` of each expression, computed together."""
        search = self._search("analogy_batch", topn, options)
        expressions = several(expressions, "expressions")
        return query.analogy_batch(self, expressions, method=method, **search)

    def similarity(self, first: str, second: str) -> float:
        """Return the cosine of two words' vectors, from -1 to 1.

        Raises
        ------
        UnknownWordError
            If a word has no vector.
        NoAnswerError
            If a vector is all zeros or not finite.

        Examples
        --------
        >>> round(wv.similarity("king", "queen"), 2)
        0.86
        """
        return query.similarity(self, first, second)

    def doesnt_match(self, words: Iterable[str]) -> str:
        """Return the word that fits least to the others, the first of `odd_one_out`.

        Examples
        --------
        >>> wv.doesnt_match(["king", "queen", "duke", "paris"])
        'paris'
        """
        return self.odd_one_out(words)[0].word

    def odd_one_out(self, words: Iterable[str]) -> Answers:
        """Return words by their cosine with the mean of all of them, smallest first.

        Raises
        ------
        QueryError
            If there are fewer than three words.
        UnknownWordError
            If words have no vector.
        """
        return query.odd_one_out(self, several(words, "words"))

    def _search(self, method: str, topn: int, options: QueryOptions) -> dict[str, Any]:
        """Return the arguments of a search for the options of a method."""
        check_names(method, options, QueryOptions.__annotations__)
        index = options.get("index")
        check_whole("topn", topn, QueryError)
        if not isinstance(index, AnnIndex | None):
            raise QueryError(
                f"index must be an AnnIndex, not {type(index).__name__}", parameters=("index",)
            )
        candidates = candidate_ids(
            self,
            restrict_vocab=options.get("restrict_vocab"),
            min_count=options.get("min_count"),
            among=options.get("among"),
        )
        return {
            "n": topn, "candidates": candidates, "index": index,
            "include_query_words": options.get("include_query_words", False),
        }  # fmt: skip
