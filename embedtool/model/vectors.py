"""Word vectors in memory: words, their matrix, their counts and, for FastText, their subwords.

Trainers, the store and file readers return `VectorTable`; queries, evaluations and exports take
them. This module does not deal with files.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, Self

import numpy as np
from numpy.typing import NDArray

from embedtool.corpus.string_table import StringTable
from embedtool.errors import UnknownWordError, raise_all
from embedtool.messages import brief
from embedtool.model.linalg import row_norms
from embedtool.model.subwords import Subwords
from embedtool.model.suggestions import SUGGESTION_CANDIDATES, SpellingIndex

log = logging.getLogger(__name__)

OutputRows = Literal["words", "inner-nodes"]
"""The kind of rows of an output layer: words, or inner nodes of the Huffman tree."""
MAX_EXPLAINED = 20
"""Unknown words of a batch that get suggestions (a few ms each)."""


@dataclass(frozen=True, eq=False)
class VectorTable:
    """The vectors of a vocabulary.

    Attributes
    ----------
    words : sequence of str, length n_words
        Distinct, most frequent first.
    rows : ndarray of float32, shape (n_words, vector_size)
        Row i belongs to words[i]. Finite, unless read from a file with values that are not; such
        rows answer no query. May be a quantized matrix.
    counts : ndarray of int64, shape (n_words,), or None
        How often each word occurs, if known.
    output_matrix : ndarray of float32, shape (n_words, vector_size), or None
        The output layer; `output_rows` gives the kind of its rows.
    subwords : Subwords or None
        FastText's tables.
    stored_norms : ndarray of float32, shape (n_words,), or None
        The length of each row of `rows`, if known.
    output_rows : {"words", "inner-nodes"}
        "words": row i of `output_matrix` is the context vector of word i (negative sampling,
        GloVe). "inner-nodes": it belongs to inner node i of the Huffman tree (hierarchical
        softmax), and to no word.
    by_frequency : bool
        Whether words of unknown counts are ordered by frequency. False for sources without such an
        order.
    """

    __repr__ = brief

    words: Sequence[str]
    rows: NDArray[np.float32]
    counts: NDArray[np.int64] | None = None
    output_matrix: NDArray[np.float32] | None = None
    subwords: Subwords | None = None
    stored_norms: NDArray[np.float32] | None = None
    output_rows: OutputRows = "words"
    by_frequency: bool = True

    @property
    def is_by_frequency(self) -> bool:
        """Whether the words are known to be sorted, most frequent first."""
        if self.counts is None:
            return self.by_frequency
        return bool((self.counts[1:] <= self.counts[:-1]).all())

    def frequent(self, n: int | None) -> slice:
        """Return the rows of the n most frequent words, or of all; see `check_order`."""
        self.check_order(n)
        return slice(n)

    def check_order(self, n: int | None) -> None:
        """Warn, once, if the first n words are not known to be the most frequent."""
        if n is not None and n < self.n_words:
            _ = self._warned_of_order

    @cached_property
    def _warned_of_order(self) -> None:
        if not self.is_by_frequency:
            log.warning(
                "the order of the %s words is not known to be by frequency; the first ones are "
                "taken as the most frequent", f"{self.n_words:,}",
            )  # fmt: skip

    def sorted_by_count(self) -> Self:
        """Return the vectors by decreasing count, words of equal count in their order."""
        if self.counts is None or self.is_by_frequency:
            return self
        return self.select(np.argsort(-self.counts, kind="stable"))

    @property
    def context_vectors(self) -> NDArray[np.float32] | None:
        """The context vectors of the words; None if there are none, as with inner nodes."""
        return self.output_matrix if self.output_rows == "words" else None

    @property
    def n_words(self) -> int:
        return len(self.words)

    @property
    def vector_size(self) -> int:
        return int(self.rows.shape[1])

    @cached_property
    def string_table(self) -> StringTable:
        """The words as one block of bytes, with a hash index."""
        return (
            self.words
            if isinstance(self.words, StringTable)
            else StringTable.from_words(self.words)
        )

    def word_ids(self, words: Iterable[str], default: int | None = None) -> NDArray[np.int64]:
        """Return the row of each word.

        Parameters
        ----------
        words : iterable of str
            The words.
        default : int, optional
            Id for unknown words; without it they raise an error. (-1 would index the last row.)

        Returns
        -------
        ndarray of int64, shape (number of words,)
            The ids.

        Raises
        ------
        UnknownWordError
            If words are not in the vocabulary and there is no `default`; names all of them.
        """
        if isinstance(words, str):
            raise TypeError(f"expected several words, not the one str {words[:40]!r}")
        words = list(words)
        for word in words:
            if not isinstance(word, str):
                raise TypeError(f"a word is a str, not {type(word).__name__}")
        ids = np.fromiter(map(self.string_table.find, words), np.int64, len(words))
        unknown = np.flatnonzero(ids < 0)
        if default is None:
            raise_all({i: self.unknown_word(words[i], n) for n, i in enumerate(unknown.tolist())})
        else:
            ids[unknown] = default
        return ids

    @cached_property
    def norms(self) -> NDArray[np.float32]:
        """The length of each row, float32 (n_words,)."""
        return row_norms(self.rows) if self.stored_norms is None else self.stored_norms

    def not_finite(self) -> str | None:
        """Return the first word whose vector or norm is not finite, or None."""
        finite = np.isfinite(self.norms)
        return None if finite.all() else self.words[int(np.argmin(finite))]

    def with_matrix(self, matrix: NDArray[np.float32], subwords: Subwords | None = None) -> Self:
        """Return the same words with other vectors, without the output layer of the old ones."""
        return replace(
            self,
            rows=matrix,
            subwords=subwords,
            output_matrix=None,
            output_rows="words",
            stored_norms=None,
        )

    def select(self, ids: NDArray[np.int64]) -> Self:
        """Return the vectors of some words, in the order of `ids`, with their counts and subwords.

        Inner nodes are left out: they belong to a tree of all words in their original order.
        """
        subwords, contexts = self.subwords, self.context_vectors
        if subwords is not None:
            subwords = replace(subwords, word_rows=subwords.word_rows[ids])
        return replace(
            self,
            words=[self.words[i] for i in ids.tolist()],
            rows=self.rows[ids],
            counts=None if self.counts is None else self.counts[ids],
            output_matrix=None if contexts is None else contexts[ids],
            subwords=subwords,
            stored_norms=None if self.stored_norms is None else self.stored_norms[ids],
            output_rows="words",
        )

    def __contains__(self, word: str) -> bool:
        return word in self.string_table

    def __sklearn_clone__(self) -> Self:
        """Return itself: vectors are immutable and may be huge, so they are not copied."""
        return self

    def vector(self, word: str) -> NDArray[np.float32]:
        """Return the vector of a word, computed from its subwords if the word is new.

        Returns
        -------
        ndarray of float32, shape (vector_size,)
            The vector.

        Raises
        ------
        UnknownWordError
            If it has none; the message suggests spellings.
        """
        row = self.string_table.find(word)
        if row >= 0:
            known: NDArray[np.float32] = self.rows[row]
            return known
        vector = self.from_subwords(word)
        if vector is None:
            raise self.unknown_word(word)
        return vector

    def has_vector(self, word: str) -> bool:
        """Return whether a word has a vector, its own or from its subwords."""
        return word in self or self.from_subwords(word) is not None

    def from_subwords(self, word: str) -> NDArray[np.float32] | None:
        """Return the mean of the word's n-gram rows, float32 (vector_size,), or None."""
        if self.subwords is None:
            return None
        vector = self.subwords.vector(word)
        return vector if vector.any() else None

    def unknown_word(self, word: str, n_before: int = 0) -> UnknownWordError:
        """Return the error for a word without a vector, with the nearest spellings.

        Parameters
        ----------
        word : str
            The word.
        n_before : int
            Number of unknown words before it in a batch; only the first MAX_EXPLAINED get
            suggestions.
        """
        return UnknownWordError(word, self.suggest(word) if n_before < MAX_EXPLAINED else ())

    @cached_property
    def spelling_index(self) -> SpellingIndex:
        """The most frequent words, indexed by their characters."""
        return SpellingIndex(self.words[:SUGGESTION_CANDIDATES])

    def suggest(self, word: str, n: int = 3) -> list[str]:
        """Return up to n words of the vocabulary that are spelt most like `word`, best first.

        Those that differ only in case come first, even if they are rare.
        """
        cases = (word.lower(), word.capitalize(), word.title(), word.upper())
        same = [each for each in cases if each != word and each in self]
        return list(dict.fromkeys([*same, *self.spelling_index.nearest(word, n)]))[:n]


@dataclass(frozen=True, eq=False)
class ModelRecord:
    """Word vectors and how they were made.

    Attributes
    ----------
    vectors : VectorTable
        The vectors.
    description : dict
        JSON-serialisable: algorithm, options, corpus, vocabulary, training and versions of the
        training, or the file it was imported from; `history` lists the changes since then.
    encoder : mapping of str to ndarray, or None
        The parameters of a sentence encoder over these vectors, by name.
    """

    __repr__ = brief

    vectors: VectorTable
    description: dict[str, Any]
    encoder: Mapping[str, NDArray[Any]] | None = None


AnyVectors = VectorTable | ModelRecord
"""Vectors as accepted by functions: VectorTable, or a model that contains them."""


def vectors_of(given: AnyVectors) -> VectorTable:
    """Return the vectors of a model, or the vectors themselves.

    Raises
    ------
    TypeError
        If it is anything else, such as a path.
    """
    if isinstance(given, ModelRecord):
        return given.vectors
    if not isinstance(given, VectorTable):
        raise TypeError(f"expected a Model or its WordVectors, not {type(given).__name__}")
    return given


def with_history_entry(
    description: Mapping[str, Any], command: str, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a model's description with a new entry in its history, for the result of a command.

    Parameters
    ----------
    description : mapping
        The description of the model that the command read.
    command : str
        Name of the command.
    facts : mapping
        JSON-serialisable: the options and results. Values of None are left out.
    """
    known = {name: value for name, value in facts.items() if value is not None}
    created = datetime.now(UTC).isoformat(timespec="seconds")
    entry = {"command": command, "created": created, **known}
    return {**description, "history": [*description.get("history", []), entry]}
