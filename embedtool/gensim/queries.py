"""`Queries`: the questions of gensim's KeyedVectors, answered by embedtool's search."""

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.gensim.errors import (
    ArgumentError,
    ArgumentTypeError,
    EmptyGroupError,
    UnknownKeyError,
    UnsupportedError,
)
from embedtool.gensim.key_table import KEY_TYPES, Key, KeyTable
from embedtool.model.linalg import unit_rows
from embedtool.search.index import nearest_by_product
from embedtool.search.lookup import cosines
from embedtool.search.query import similar_to_vectors

log = logging.getLogger(__name__)

Term = Key | NDArray[Any] | tuple[Any, float]
"""A key or a vector, or one of them with its weight."""
Terms = Term | Sequence[Term] | None
Ranking = list[tuple[Any, float]]
"""Keys with their scores, best first."""


class Queries(KeyTable):
    """Keys and vectors that answer queries."""

    def most_similar(
        self,
        positive: Terms = None,
        negative: Terms = None,
        topn: int | None = 10,
        clip_start: int = 0,
        clip_end: int | None = None,
        restrict_vocab: int | None = None,
        indexer: None = None,
    ) -> Any:
        """Return the keys nearest to the mean of keys and vectors, by cosine.

        Parameters
        ----------
        positive, negative : key, vector, or sequence of these
            What is added and subtracted; a pair ``(key, weight)`` has a weight of its own.
        topn : int or None
            Number of answers; None for the cosines of all keys.
        clip_start, clip_end : int
            Only keys of these rows answer; negative numbers count from the end, as in a slice.
        restrict_vocab : int, optional
            Only the first keys answer, in place of `clip_start` and `clip_end`.
        indexer : None
            gensim's indexers are not supported.

        Returns
        -------
        list of (str, float), or ndarray of float64, shape (n_keys,)
            The answers, without the keys of the query.

        Raises
        ------
        UnknownKeyError
            If a key is unknown. It is a KeyError.
        ArgumentError
            If there are no keys. It is a ValueError.
        NoAnswerError
            If the mean is zero and has no direction.
        """
        if indexer is not None:
            raise UnsupportedError(
                "indexer is gensim's; embedtool's index is built by: embedtool index",
                parameters=("indexer",),
            )
        keys, weights = _weighted(positive, negative)
        mean = self.get_mean_vector(keys, weights, post_normalize=True, ignore_missing=False)
        first, last = (0, restrict_vocab) if restrict_vocab else (clip_start, clip_end or None)
        if topn is None:
            return cosines(self.table.rows[first:last], mean)
        if topn < 1:
            return []
        answers = similar_to_vectors(
            self.table, mean[None], int(topn), candidates=self._candidates(first, last),
            excluded=self._rows_of(keys)[None],
        )  # fmt: skip
        return [(answer.word, answer.score) for answer in answers[0]]

    def similar_by_key(
        self, key: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """Return the keys nearest to one key; see `most_similar`."""
        return self.most_similar([key], topn=topn, restrict_vocab=restrict_vocab)

    def similar_by_word(
        self, word: Key, topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """Return the keys nearest to one word; see `most_similar`."""
        return self.similar_by_key(word, topn, restrict_vocab)

    def similar_by_vector(
        self, vector: NDArray[Any], topn: int | None = 10, restrict_vocab: int | None = None
    ) -> Any:
        """Return the keys nearest to a vector; see `most_similar`."""
        return self.most_similar([vector], topn=topn, restrict_vocab=restrict_vocab)

    def most_similar_cosmul(
        self,
        positive: Terms = None,
        negative: Terms = None,
        topn: int | None = 10,
        restrict_vocab: int | None = None,
    ) -> Any:
        """Return the keys with the largest product of similarities, 3CosMul (Levy & Goldberg 2014).

        Parameters and errors are those of `most_similar`; given vectors are scaled to length 1,
        and weights are exponents.
        """
        keys, weights = _weighted(positive, negative)
        if not (weights > 0).any():
            raise ArgumentError("cosmul needs a positive key", parameters=("positive",))
        if topn is not None and topn < 1:
            return []
        rows = [self._vector(key, norm=True) for key in keys]
        best = nearest_by_product(
            self.table.rows, self.norms, unit_rows(np.stack(rows)),
            np.arange(len(keys))[None], weights[None],
            len(self) if topn is None else int(topn),
            candidates=self._candidates(0, restrict_vocab or None),
            excluded=None if topn is None else self._rows_of(keys)[None],
        )  # fmt: skip
        ids, scores = best.ids[0], best.scores[0]
        if topn is None:
            return scores[np.argsort(ids)]
        answers = zip(ids[:topn].tolist(), scores.tolist(), strict=False)
        return [(self.index_to_key[i], score) for i, score in answers if i >= 0]

    def _candidates(self, first: int, last: int | None) -> NDArray[np.int64] | None:
        """Return the rows of a slice; None for all."""
        rows = range(len(self))[first:last]
        return None if len(rows) == len(self) else np.array(rows, np.int64)

    def _vector(self, key: Key | NDArray[Any], norm: bool = False) -> NDArray[Any]:
        """Return the vector of a key, or the vector itself."""
        if isinstance(key, KEY_TYPES):
            return self.get_vector(key, norm)
        return np.asarray(key)

    def _rows_of(self, keys: Sequence[Key | NDArray[Any]]) -> NDArray[np.int64]:
        """Return the rows of the keys among keys and vectors, which do not answer."""
        named = [key for key in keys if not isinstance(key, np.ndarray)]
        return np.array([self.get_index(key, -1) for key in named], np.int64)

    def similarity(self, w1: Key, w2: Key) -> float:
        """Return the cosine of two keys' vectors; 0 if one is all zeros."""
        return float(cosines(self.get_vector(w1)[None], self.get_vector(w2))[0])

    def distance(self, w1: Key, w2: Key) -> float:
        """Return 1 minus the cosine of two keys' vectors."""
        return 1 - self.similarity(w1, w2)

    def distances(
        self, word_or_vector: Key | NDArray[Any], other_words: Sequence[Key] = ()
    ) -> NDArray[np.float64]:
        """Return 1 minus the cosines with other keys, or with all, float64 (n_others,)."""
        others = self.table.rows
        if len(other_words):
            others = others[[self.get_index(word) for word in other_words]]
        return 1 - cosines(others, self._vector(word_or_vector))

    @staticmethod
    def cosine_similarities(
        vector_1: NDArray[Any], vectors_all: NDArray[Any]
    ) -> NDArray[np.float64]:
        """Return the cosines of a vector with others, float64 (n_vectors,)."""
        return cosines(vectors_all, vector_1)

    def n_similarity(self, ws1: Sequence[Key], ws2: Sequence[Key]) -> float:
        """Return the cosine of the means of two groups of keys.

        Unknown keys are left out with a warning.

        Raises
        ------
        EmptyGroupError
            If a group is empty. It is a ZeroDivisionError.
        UnknownKeyError
            If no key of a group is known. It is a KeyError.
        """
        if not len(ws1) or not len(ws2):
            raise EmptyGroupError("the mean of an empty group", parameters=("ws1", "ws2"))
        first, second = (
            self.get_mean_vector(self._known(group), pre_normalize=False) for group in (ws1, ws2)
        )
        return float(cosines(first[None], second)[0])

    def _known(self, keys: Sequence[Key]) -> list[Key]:
        """Return the keys with a vector, with a warning about the others."""
        known = [key for key in keys if key in self]
        if not known:
            raise UnknownKeyError(keys[0])
        if len(known) < len(keys):
            unknown = ", ".join(repr(key) for key in keys if key not in self)
            log.warning("not in the vocabulary and left out: %s", unknown)
        return known

    def closer_than(self, key1: Key, key2: Key) -> list[Any]:
        """Return the keys that are nearer to `key1` than `key2` is, in the order of the rows."""
        distances = self.distances(key1)
        closer = np.flatnonzero(distances < distances[self.get_index(key2)])
        return [self.index_to_key[i] for i in closer.tolist() if i != self.get_index(key1, -1)]

    def rank(self, key1: Key, key2: Key) -> int:
        """Return the rank of `key2` among the neighbours of `key1`; the nearest has 1."""
        return len(self.closer_than(key1, key2)) + 1

    def most_similar_to_given(self, key1: Key, keys_list: Sequence[Key]) -> Key:
        """Return the key of a list that is most similar to `key1`."""
        return keys_list[int(np.argmax([self.similarity(key1, key) for key in keys_list]))]

    def rank_by_centrality(
        self, words: Sequence[Key], use_norm: bool = True
    ) -> list[tuple[float, Key]]:
        """Return keys with their dot products with the mean of all, the most central first.

        Parameters
        ----------
        words : sequence of str
            The keys; unknown ones are left out with a warning.
        use_norm : bool
            Scale the vectors to length 1 first; the mean always is.

        Raises
        ------
        ArgumentError
            If there are no keys. It is a ValueError.
        UnknownKeyError
            If none is known. It is a KeyError.
        """
        if not len(words):
            raise ArgumentError("there are no words to rank", parameters=("words",))
        known = self._known(words)
        rows = np.stack([self.get_vector(word, norm=use_norm) for word in known])
        scores = rows @ self.get_mean_vector(rows, post_normalize=True)
        return sorted(zip(scores.tolist(), known, strict=True), reverse=True)

    def doesnt_match(self, words: Sequence[Key]) -> Key:
        """Return the key that is farthest from the mean of all; see `rank_by_centrality`."""
        return self.rank_by_centrality(words)[-1][1]

    def relative_cosine_similarity(self, wa: Key, wb: Key, topn: int = 10) -> float:
        """Return a cosine divided by the sum of those of the nearest words (Leeuwenberg 2016)."""
        nearest: Ranking = self.similar_by_word(wa, topn)
        if not nearest:
            raise ArgumentError(f"{wa!r} has no neighbours", parameters=("topn",))
        return self.similarity(wa, wb) / sum(score for _, score in nearest)

    def wmdistance(
        self, document1: Sequence[Key], document2: Sequence[Key], norm: bool = True
    ) -> float:
        """Return the Word Mover's Distance of two documents (Kusner et al. 2015).

        It is exact, and needs no other package. Unknown words are left out.

        Parameters
        ----------
        document1, document2 : sequence of str
            The tokens.
        norm : bool
            Scale vectors to length 1 first.

        Returns
        -------
        float
            Infinite if no word of a document is known.
        """
        first, second = (
            [word for word in document if word in self] for document in (document1, document2)
        )
        if not first or not second:
            log.warning("a document has no known word: its distance is infinite")
            return float("inf")
        from embedtool.analysis.word_movers import word_movers_distance

        return word_movers_distance(first, second, lambda word: self.get_vector(word, norm))


def _weighted(positive: Terms, negative: Terms) -> tuple[list[Any], NDArray[np.float64]]:
    """Return the keys and vectors of a query, and their weights."""
    keys, weights = [], []
    for terms, sign in ((positive, 1.0), (negative, -1.0)):
        for term in _listed(terms):
            keyed = isinstance(term, (*KEY_TYPES, np.ndarray))
            keys.append(term if keyed else term[0])
            weights.append(sign if keyed else float(term[1]))
    if not keys:
        raise ArgumentError("a query needs a key or a vector", parameters=("positive",))
    return keys, np.array(weights)


def _listed(terms: Terms) -> list[Any]:
    if terms is None:
        return []
    if isinstance(terms, Mapping):
        raise ArgumentTypeError(
            "weights are given in pairs: [(key, weight), ...], not in a dict",
            parameters=("positive", "negative"),
        )
    if isinstance(terms, KEY_TYPES) or (isinstance(terms, np.ndarray) and terms.ndim == 1):
        return [terms]
    return list(terms)
