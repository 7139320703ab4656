"""Which words of a model an evaluation uses, and how words of a dataset are looked up."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from embedtool.config.base import check_whole
from embedtool.errors import EvaluationError
from embedtool.messages import brief
from embedtool.model.vectors import VectorTable

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WordIndex:
    """The words used, by spelling and, if case is folded, by lower-case form.

    Case is folded by str.lower: str.casefold and str.upper conflate words that differ in more than
    case, such as German `Masse` and `Maße`.

    Attributes
    ----------
    exact : dict of str to int
        The id of each word, in ascending order of ids.
    folded : dict of str to int
        The id of the most frequent word of each lower-case form; empty if case is not folded.
    folded_ids : ndarray of int64, shape (n_words,)
        For each word of the model, the id in `folded` of its lower-case form, or its own id if case
        is not folded; -1 if the word is not used. Words with the same value differ only in case.
    """

    __repr__ = brief

    exact: dict[str, int]
    folded: dict[str, int]
    folded_ids: Ids

    def word_ids(self, words: Iterable[str]) -> Ids:
        """Return the id of each word as spelled, else of its lower-case form, else -1."""
        return np.array([self._id_of(word) for word in words], dtype=np.int64)

    def _id_of(self, word: str) -> int:
        found = self.exact.get(word, -1)
        return found if found >= 0 else self.folded.get(word.lower(), -1)

    def candidates(self, queried: Ids) -> Ids:
        """Return the words that may answer, in ascending order.

        Among words that differ only in case, these are the ones that occur in questions or, if none
        does, the most frequent.

        Parameters
        ----------
        queried : ndarray of int64
            Ids of the words in questions; -1 for an unknown word.

        Returns
        -------
        ndarray of int64
        """
        queried = queried[queried >= 0]
        remaining = np.setdiff1d(self.folded_ids[self.folded_ids >= 0], self.folded_ids[queried])
        return np.union1d(queried, remaining)

    def case_variants(self, candidates: Ids, ids: Ids) -> Ids:
        """Return the candidates that differ from the words of each row only in case.

        Parameters
        ----------
        candidates : ndarray of int64
            As `candidates` returns them.
        ids : ndarray of int64, shape (n_rows, n_columns)
            Ids, all among the candidates.

        Returns
        -------
        ndarray of int64, shape (n_rows, any)
            A word is a variant of itself. Shorter rows are padded with their last variant.
        """
        order = np.argsort(self.folded_ids[candidates], kind="stable")
        ordered, queried = self.folded_ids[candidates[order]], self.folded_ids[ids]
        first, end = (np.searchsorted(ordered, queried, side) for side in ("left", "right"))
        widest = int((end - first).max(initial=0))
        positions = np.minimum(first[..., None] + np.arange(widest), end[..., None] - 1)
        variants: Ids = candidates[order[positions]].reshape(len(ids), -1)
        return variants


def index_words(
    vectors: VectorTable, restrict_vocab: int | None, case_insensitive: bool
) -> WordIndex:
    """Index the words whose vectors are finite.

    Parameters
    ----------
    restrict_vocab : int or None
        Only the N most frequent words are known; None for all.
    case_insensitive : bool
        Look up a word that is unknown as spelled regardless of case.

    Raises
    ------
    EvaluationError
        If `restrict_vocab` is below 1.
    """
    if restrict_vocab is not None:
        check_whole("restrict_vocab", restrict_vocab, EvaluationError)
    rows = vectors.frequent(restrict_vocab)
    finite = np.isfinite(vectors.norms[rows]).tolist()
    words = islice(vectors.words, rows.stop)
    exact = {word: i for i, word in enumerate(words) if finite[i]}
    folded_ids = np.full(vectors.n_words, -1, dtype=np.int64)
    folded: dict[str, int] = {}
    for word, i in exact.items():
        folded_ids[i] = folded.setdefault(word.lower(), i) if case_insensitive else i
    return WordIndex(exact, folded, folded_ids)
