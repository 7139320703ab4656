"""Word vectors in memory: words, their matrix, their counts and, for FastText, their subwords.

In: arrays from a trainer, the store or a format's reader. Out: WordVectors, which everything that
queries, judges or exports takes. Nothing here knows of files.
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
from embedtool.io.safetensors_io import release_pages
from embedtool.messages import brief
from embedtool.model.suggestions import SUGGESTION_CANDIDATES, SpellingIndex

log = logging.getLogger(__name__)

FNV_OFFSET = 2166136261
FNV_PRIME = 16777619
OutputRows = Literal["words", "inner-nodes"]
"""Whom the rows of an output layer belong to: words, or inner nodes of the Huffman tree."""
BLOCK_ROWS = 2**12
"""Rows whose lengths are computed in one go: they stay in the cache."""
MOST_EXPLAINED = 20
"""Unknown words of one batch whose nearest spellings are sought, each some milliseconds."""


def ngram_hash(ngram: bytes) -> int:
    """FNV-1a, 32 bit, each byte sign-extended before the exclusive or, as fastText has it."""
    h = FNV_OFFSET
    for byte in ngram:
        signed = byte if byte < 128 else byte | 0xFFFFFF00
        h = ((h ^ signed) * FNV_PRIME) & 0xFFFFFFFF
    return h


def ngrams(word: str | bytes, min_n: int, max_n: int) -> list[bytes]:
    """The character n-grams of `<word>` in UTF-8, from min_n to max_n characters.

    A boundary mark alone is no n-gram (Bojanowski et al. 2017, section 3.2; fastText's dictionary).
    Bytes need not be UTF-8: as in fastText, a character is a byte and the continuation bytes after
    it.
    """
    encoded = word if isinstance(word, bytes) else word.encode("utf-8", "surrogatepass")
    marked = b"<%b>" % encoded
    cuts = [place for place, byte in enumerate(marked) if byte & 0xC0 != 0x80] + [len(marked)]
    n_chars = len(cuts) - 1
    found = []
    for start in range(n_chars):
        for end in range(start + max(min_n, 1), min(start + max_n, n_chars) + 1):
            if end - start == 1 and (start == 0 or end == n_chars):
                continue
            found.append(marked[cuts[start] : cuts[end]])
    return found


@dataclass(frozen=True)
class Subwords:
    """FastText's input tables, from which a word outside the vocabulary gets its vector.

    min_n, max_n : lengths of the n-grams in characters
    bucket       : number of hash buckets
    word_rows    : float32 (n_words, vector_size), each word's own row, without its n-grams
    buckets      : int64 (n_rows,), ascending: the buckets that training touched
    ngram_rows   : float32 (n_rows, vector_size), the row of each of `buckets`; a bucket that is
                   not listed has a row of zeros
    offset       : float32 (vector_size,), what each mean of rows is moved by where the vectors
                   have been transformed; None: nothing
    """

    __repr__ = brief

    min_n: int
    max_n: int
    bucket: int
    word_rows: NDArray[np.float32]
    buckets: NDArray[np.int64]
    ngram_rows: NDArray[np.float32]
    offset: NDArray[np.float32] | None = None

    def vector(self, word: str) -> NDArray[np.float32]:
        """The mean of the rows of the word's n-grams, moved by `offset`, float32 (vector_size,).

        All zeros where no n-gram of the word was met in training (Bojanowski et al. 2017, eq. 3;
        fastText divides the sum by the number of n-grams).
        """
        hashes = [ngram_hash(ngram) % self.bucket for ngram in self._ngrams(word)]
        total = np.zeros(self.ngram_rows.shape[1], dtype=np.float32)
        if not hashes or not len(self.buckets):
            return total
        places = np.searchsorted(self.buckets, hashes)
        places[places == len(self.buckets)] = 0
        known = places[self.buckets[places] == hashes]
        if not len(known):
            return total
        total += self.ngram_rows[known].sum(axis=0, dtype=np.float32)
        total /= len(hashes)
        if self.offset is not None:
            total += self.offset
        return total

    def _ngrams(self, word: str) -> list[bytes]:
        return ngrams(word, self.min_n, self.max_n) if self.bucket else []


@dataclass(frozen=True, eq=False)
class WordVectors:
    """The vectors of a vocabulary.

    words    : n_words distinct strings, most frequent first
    matrix   : float32 (n_words, vector_size), row i belongs to words[i]; finite, unless read from
               a file with what is not; such rows answer no query
    counts   : int64 (n_words,), or None where the source did not tell
    contexts : float32 (n_words, vector_size) or None, the output layer: row i is of what
               `output_rows` says
    subwords : FastText's tables, or None
    lengths  : float32 (n_words,), the length of each row of `matrix`, where it is known already
    output_rows : "words" where row i of `contexts` is word i's context vector (negative sampling,
               GloVe), "inner-nodes" where it is inner node i of the Huffman tree (hierarchical
               softmax), which belongs to no word
    by_frequency : where counts are not known, whether the words are known to stand most frequent
               first; False is of a source that has them in any order
    """

    __repr__ = brief

    words: Sequence[str]
    matrix: NDArray[np.float32]
    counts: NDArray[np.int64] | None = None
    output_matrix: NDArray[np.float32] | None = None
    subwords: Subwords | None = None
    stored_norms: NDArray[np.float32] | None = None
    output_rows: OutputRows = "words"
    by_frequency: bool = True

    @property
    def is_by_frequency(self) -> bool:
        """Whether the words stand most frequent first, as far as is known."""
        if self.counts is None:
            return self.by_frequency
        return bool((self.counts[1:] <= self.counts[:-1]).all())

    def frequent(self, n: int | None) -> slice:
        """The rows of the n most frequent words; None: of all. Warns as `check_order`."""
        self.check_order(n)
        return slice(n)

    def check_order(self, n: int | None) -> None:
        """Warn, once, where the first n words are not known to be the most frequent."""
        if n is not None and n < self.n_words:
            _ = self._warned_of_order

    @cached_property
    def _warned_of_order(self) -> None:
        if not self.is_by_frequency:
            log.warning(
                "the order of the %s words is not known to be by frequency; those that stand first "
                "are taken for the most frequent", f"{self.n_words:,}",
            )  # fmt: skip

    def sorted_by_count(self) -> "WordVectors":
        """The same vectors by falling count, words of equal count in their order; or themselves."""
        if self.counts is None or self.is_by_frequency:
            return self
        return self.select(np.argsort(-self.counts, kind="stable"))

    @property
    def context_vectors(self) -> NDArray[np.float32] | None:
        """The words' context vectors; None where there are none, as with inner nodes."""
        return self.output_matrix if self.output_rows == "words" else None

    @property
    def n_words(self) -> int:
        """The number of words."""
        return len(self.words)

    @property
    def vector_size(self) -> int:
        """The number of dimensions."""
        return int(self.matrix.shape[1])

    @cached_property
    def string_table(self) -> StringTable:
        """The words as one block of bytes, with a hash table."""
        return (
            self.words
            if isinstance(self.words, StringTable)
            else StringTable.from_words(self.words)
        )

    def word_ids(self, words: Iterable[str], default: int | None = None) -> NDArray[np.int64]:
        """The row of each word in `matrix`. int64.

        default : stands for a word that is not in the vocabulary; no row, such as -1, would be one
                  to NumPy, so that None, which is the default, raises UnknownWordError
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
        return row_lengths(self.matrix) if self.stored_norms is None else self.stored_norms

    def not_finite(self) -> str | None:
        """The first word whose vector, or its length, is not finite, or None."""
        finite = np.isfinite(self.norms)
        return None if finite.all() else self.words[int(np.argmin(finite))]

    def with_matrix(
        self, matrix: NDArray[np.float32], subwords: Subwords | None = None
    ) -> "WordVectors":
        """The same words with other vectors: without an output layer, which does not fit these."""
        return replace(
            self,
            matrix=matrix,
            subwords=subwords,
            output_matrix=None,
            output_rows="words",
            stored_norms=None,
        )

    def select(self, ids: NDArray[np.int64]) -> "WordVectors":
        """The vectors of some words, in the order of `ids`, with all that is theirs.

        Inner nodes are left out: they are those of a tree of all words in their order.
        """
        subwords, contexts = self.subwords, self.context_vectors
        if subwords is not None:
            subwords = replace(subwords, word_rows=subwords.word_rows[ids])
        return WordVectors(
            [self.words[i] for i in ids.tolist()],
            self.matrix[ids],
            None if self.counts is None else self.counts[ids],
            None if contexts is None else contexts[ids],
            subwords,
            None if self.stored_norms is None else self.stored_norms[ids],
            by_frequency=self.by_frequency,
        )

    def __contains__(self, word: str) -> bool:
        return word in self.string_table

    def __sklearn_clone__(self) -> Self:
        """scikit-learn copies what estimators are given; vectors do not change, and may be huge."""
        return self

    def vector(self, word: str) -> NDArray[np.float32]:
        """The vector of a word, float32 (vector_size,); from its subwords where the word is new.

        Raises UnknownWordError, with the nearest spellings, where there is none.
        """
        row = self.string_table.find(word)
        if row >= 0:
            known: NDArray[np.float32] = self.matrix[row]
            return known
        vector = self.from_subwords(word)
        if vector is None:
            raise self.unknown_word(word)
        return vector

    def has_vector(self, word: str) -> bool:
        """Whether `vector` has an answer."""
        return word in self or self.from_subwords(word) is not None

    def from_subwords(self, word: str) -> NDArray[np.float32] | None:
        """What FastText's character n-grams make of a word, float32 (vector_size,); or None."""
        if self.subwords is None:
            return None
        vector = self.subwords.vector(word)
        return vector if vector.any() else None

    def unknown_word(self, word: str, place: int = 0) -> UnknownWordError:
        """The error that a word has no vector, with the nearest spellings.

        place : how many unknown words of a batch came before; of many, only the first have
                spellings sought
        """
        return UnknownWordError(word, self.suggest(word) if place < MOST_EXPLAINED else ())

    @cached_property
    def spelling_index(self) -> SpellingIndex:
        """The most frequent words, by their characters."""
        return SpellingIndex(self.words[:SUGGESTION_CANDIDATES])

    def suggest(self, word: str, n: int = 3) -> list[str]:
        """Up to n words of the vocabulary spelt most like `word`, best first.

        Those that differ by case alone come first, however rare they are.
        """
        cases = (word.lower(), word.capitalize(), word.title(), word.upper())
        same = [each for each in cases if each != word and each in self]
        return list(dict.fromkeys([*same, *self.spelling_index.nearest(word, n)]))[:n]


@dataclass(frozen=True, eq=False)
class Model:
    """Word vectors and how they came about.

    vectors     : the vectors
    description : JSON-able: algorithm, options, corpus, vocabulary, training and versions of the
                  training, or what it was imported from; `history`, what was done to it since
    encoder     : the parameters, by name, of an encoder of sentences over these vectors, or None
    """

    __repr__ = brief

    vectors: WordVectors
    description: dict[str, Any]
    encoder: Mapping[str, NDArray[Any]] | None = None


AnyVectors = WordVectors | Model
"""What may be asked: vectors, or a model, which holds them."""


def vectors_of(given: AnyVectors) -> WordVectors:
    """The vectors that are to be asked. Raises TypeError on anything else, such as a path."""
    if isinstance(given, Model):
        return given.vectors
    if not isinstance(given, WordVectors):
        raise TypeError(f"expected a Model or its WordVectors, not {type(given).__name__}")
    return given


def with_history_entry(
    description: Mapping[str, Any], command: str, facts: Mapping[str, Any]
) -> dict[str, Any]:
    """The description of what a command has made of a model: what was done to it, and then this.

    facts : JSON-able: the options, and what came of them; None is left out
    """
    done = {name: value for name, value in facts.items() if value is not None}
    created = datetime.now(UTC).isoformat(timespec="seconds")
    step = {"command": command, "created": created, **done}
    return {**description, "history": [*description.get("history", []), step]}


def unit_rows(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy of the rows scaled to length 1, in C order; zero rows stay zero. float32.

    Rows with numbers that are not finite become zeros.
    """
    lengths = row_lengths(matrix)
    lengths[lengths == 0] = 1
    with np.errstate(invalid="ignore"):
        unit: NDArray[np.float32] = np.divide(matrix, lengths[:, None], order="C")
        for row in np.flatnonzero(~np.isfinite(lengths)):
            wide = matrix[row].astype(np.float64)  # which holds lengths beyond float32
            unit[row] = wide / np.sqrt(wide @ wide) if np.isfinite(wide).all() else 0
    return unit


def row_lengths(matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """The length of each row, summed in float64. float32 (n_rows,).

    Infinite where it is beyond float32, though each number of the row is not.
    """
    lengths = np.empty(len(matrix), np.float32)
    for first in range(0, len(matrix), BLOCK_ROWS):
        block = matrix[first : first + BLOCK_ROWS]
        with np.errstate(over="ignore"):
            lengths[first : first + len(block)] = np.sqrt(
                np.einsum("ij,ij->i", block, block, dtype=np.float64)
            )
        release_pages(matrix)
    return lengths
