"""Which words of a model an evaluation knows.

In: WordVectors, a limit to its vocabulary, a rule for case. Out: the ids of words, and which of
them may answer.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import EvaluationError
from embedtool.messages import brief
from embedtool.model.vectors import WordVectors

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class WordIndex:
    """The words that take part, by their spelling and, where case is folded, in lower case.

    exact  : the id of each word, ascending
    folded : the id of the most frequent word of each lower-case form; empty where case is kept
    forms  : int64 (n_words,), for each word of the model that id, its own where case is kept, and
             -1 where it does not take part: words with the same number differ only in case

    Case is folded by str.lower: str.casefold and str.upper join words that differ in more than
    case, such as German `Masse` and `Maße`.
    """

    __repr__ = brief

    exact: dict[str, int]
    folded: dict[str, int]
    forms: Ids

    def word_ids(self, words: Iterable[str]) -> Ids:
        """The id of each word as spelled, else of its lower-case form, else -1. int64 (n,)."""
        return np.array([self._id_of(word) for word in words], dtype=np.int64)

    def _id_of(self, word: str) -> int:
        found = self.exact.get(word, -1)
        return found if found >= 0 else self.folded.get(word.lower(), -1)

    def candidates(self, named: Ids) -> Ids:
        """The words that may answer, ascending: of those that differ only in case the ones that
        questions name, and where they name none the most frequent.

        named : int64 (any,), ids, -1 where a word is not known
        """
        named = named[named >= 0]
        return np.union1d(named, np.setdiff1d(self.forms[self.forms >= 0], self.forms[named]))

    def variants(self, candidates: Ids, ids: Ids) -> Ids:
        """The candidates that differ from any word of a row only in case, itself among them.

        ids : int64 (n_rows, n_columns), all among the candidates
        Returns int64 (n_rows, any); the last variant of a word is repeated where rows have fewer.
        """
        order = np.argsort(self.forms[candidates], kind="stable")
        ordered, asked = self.forms[candidates[order]], self.forms[ids]
        first, end = (np.searchsorted(ordered, asked, side) for side in ("left", "right"))
        widest = int((end - first).max(initial=0))
        places = np.minimum(first[..., None] + np.arange(widest), end[..., None] - 1)
        found: Ids = candidates[order[places]].reshape(len(ids), -1)
        return found


def index_words(
    vectors: WordVectors, restrict_vocab: int | None, case_insensitive: bool
) -> WordIndex:
    """The words among the first `restrict_vocab` (None: among all) whose vectors are finite.

    Raises EvaluationError on a limit below 1.
    """
    if restrict_vocab is not None and restrict_vocab < 1:
        raise EvaluationError(f"restrict-vocab must be at least 1, not {restrict_vocab}")
    rows = vectors.frequent(restrict_vocab)
    finite = np.isfinite(vectors.norms[rows]).tolist()
    words = islice(vectors.words, rows.stop)
    exact = {word: i for i, word in enumerate(words) if finite[i]}
    forms = np.full(vectors.n_words, -1, dtype=np.int64)
    folded: dict[str, int] = {}
    for word, i in exact.items():
        forms[i] = folded.setdefault(word.lower(), i) if case_insensitive else i
    return WordIndex(exact, folded, forms)
