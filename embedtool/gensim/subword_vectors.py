"""`FastTextKeyedVectors`: vectors that give new words one from their character n-grams."""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from embedtool.gensim.errors import ArgumentError, UnknownKeyError, UnsupportedError
from embedtool.gensim.key_table import KEY_TYPES, Key
from embedtool.gensim.keyed_vectors import KeyedVectors
from embedtool.model.linalg import unit_rows
from embedtool.model.subwords import Subwords, ngrams
from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)


class FastTextKeyedVectors(KeyedVectors):
    """Vectors of FastText with gensim's names.

    Parameters
    ----------
    vector_size : int
        Number of dimensions.
    min_n, max_n : int
        Lengths of the n-grams in characters.
    bucket : int
        Number of hash buckets; 0 for no n-grams.
    count, dtype
        As for `KeyedVectors`.

    Attributes
    ----------
    subwords : Subwords
        The rows of words and n-grams. Those of n-grams that training has not seen are zeros;
        gensim's are random.
    """

    def __init__(
        self,
        vector_size: int,
        min_n: int,
        max_n: int,
        bucket: int,
        count: int = 0,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(vector_size, count, dtype)
        self.min_n, self.max_n = min_n, max_n
        self.bucket = bucket if max_n >= min_n else 0
        none = np.empty((0, vector_size), np.float32)
        self.subwords = Subwords(min_n, max_n, self.bucket, none, np.empty(0, np.int64), none)
        self.vectors_vocab_lockf: NDArray[np.float32] = np.ones(1, np.float32)
        self.vectors_ngrams_lockf: NDArray[np.float32] = np.ones(1, np.float32)

    @classmethod
    def of(cls, table: VectorTable) -> "FastTextKeyedVectors":
        """Return the vectors of an embedtool table with subwords; its arrays are shared."""
        subwords = table.subwords
        if subwords is None:
            raise ArgumentError("these vectors have no n-grams; use KeyedVectors")
        vectors = cls(table.vector_size, subwords.min_n, subwords.max_n, subwords.bucket)
        vectors.take(table)
        return vectors

    def take(self, table: VectorTable) -> None:
        """Replace all keys, vectors, counts and subwords by those of a table."""
        super().take(table)
        if table.subwords is not None:
            self.subwords = table.subwords

    def set_trained(self, table: VectorTable, rows: NDArray[np.int64]) -> None:
        """Set the vectors to rows of a table, one for each key, and its subwords."""
        super().set_trained(table, rows)
        if table.subwords is not None:
            self.subwords = replace(table.subwords, word_rows=table.subwords.word_rows[rows])

    def counted_table(self) -> VectorTable:
        """Return the vectors as an embedtool table, with their subwords."""
        return replace(super().counted_table(), subwords=self.subwords)

    def _reorder(self, order: NDArray[np.int64]) -> None:
        super()._reorder(order)
        if len(self.subwords.word_rows):
            self.subwords = _with_rows(self.subwords, self.subwords.word_rows[order])
        if len(self.vectors_vocab_lockf) > 1:
            self.vectors_vocab_lockf = self.vectors_vocab_lockf[order]

    @property
    def vectors_vocab(self) -> NDArray[np.float32]:
        """The words' own rows, without their n-grams, float32 (n_keys, vector_size)."""
        return self.subwords.word_rows

    @property
    def vectors_ngrams(self) -> NDArray[np.float32]:
        """A copy of the rows of all buckets, float32 (bucket, vector_size)."""
        rows = np.zeros((self.bucket, self.vector_size), np.float32)
        if self.bucket:
            rows[self.subwords.buckets] = self.subwords.ngram_rows
        rows.flags.writeable = False
        return rows

    def frozen(self, order: NDArray[np.int64]) -> None:
        """Raise UnsupportedError if a lock factor is not 1: they are for Word2Vec."""
        for name in ("vectors_lockf", "vectors_vocab_lockf", "vectors_ngrams_lockf"):
            if not (np.asarray(getattr(self, name)) == 1).all():
                raise UnsupportedError(f"FastText has no {name}", parameters=(name,))

    def __contains__(self, key: Key) -> bool:
        """Return whether there is a vector: with n-grams always."""
        return self.bucket > 0 or self.has_index_for(key)

    def get_vector(self, key: Key, norm: bool = False) -> NDArray[Any]:
        """Return the vector of a word, from its n-grams if it is new.

        A word none of whose n-grams was seen in training gets zeros, with a warning. Parameters
        and errors are those of `KeyedVectors.get_vector`.
        """
        if self.has_index_for(key):
            return super().get_vector(key, norm)
        if not self.bucket or not isinstance(key, str):
            raise UnknownKeyError(key)
        vector = self.subwords.vector(key)
        if not vector.any():
            log.warning("%r has no n-gram that training saw: its vector is all zeros", key)
        return unit_rows(vector[None])[0] if norm else vector

    def get_sentence_vector(self, sentence: Sequence[Key]) -> NDArray[np.float32]:
        """Return the mean of the words' vectors at length 1, float32 (vector_size,)."""
        return self.get_mean_vector(sentence)

    def add_vectors(
        self,
        keys: Key | Sequence[Key],
        weights: ArrayLike,
        extras: dict[str, NDArray[Any]] | None = None,
        replace: bool = False,
    ) -> None:
        """Add keys with their vectors; see `KeyTable.add_vectors`.

        The own row of a key becomes what makes its mean with the n-grams the vector, so that
        training and `save_facebook_model` begin from that.
        """
        keys = [keys] if isinstance(keys, KEY_TYPES) else list(keys)
        n_before = len(self)
        super().add_vectors(keys, weights, extras, replace)
        rows = np.zeros((len(self), self.vector_size), np.float32)
        rows[: len(self.subwords.word_rows)] = self.subwords.word_rows
        for key in keys:
            row = self.key_to_index[key]
            if replace or row >= n_before:
                rows[row] = self._own_row(key, self.table.rows[row])
        self.subwords = _with_rows(self.subwords, rows)

    def _own_row(self, key: Key, vector: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the row whose mean with those of the n-grams of a key is a vector."""
        if not isinstance(key, str) or not self.bucket:
            return vector
        n_ngrams = len(ngrams(key, self.min_n, self.max_n))
        return (n_ngrams + 1) * vector - n_ngrams * self.subwords.vector(key)


def _with_rows(subwords: Subwords, rows: NDArray[np.float32]) -> Subwords:
    return replace(subwords, word_rows=rows)
