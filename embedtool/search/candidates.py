"""Which words may answer a query.

In: what a person asked for: the most frequent words, a smallest count, a list. Out: their ids.
"""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import QueryError
from embedtool.model.vectors import AnyVectors, vectors_of


def candidate_ids(
    vectors: AnyVectors,
    *,
    restrict_vocab: int | None = None,
    min_count: int | None = None,
    words: Iterable[str] | None = None,
) -> NDArray[np.int64] | None:
    """The ids of the words that meet every restriction given, ascending; None where none is given.

    restrict_vocab : only the first, that is most frequent, so many words
    min_count      : only words that the corpus held at least so often
    words          : only these; those outside the vocabulary are passed over

    Raises QueryError where a restriction cannot be applied or no word is left.
    """
    if restrict_vocab is None and min_count is None and words is None:
        return None
    vectors = vectors_of(vectors)
    if restrict_vocab is not None and restrict_vocab < 1:
        raise QueryError(f"restrict-vocab must be at least 1, not {restrict_vocab}")
    allowed = np.zeros(vectors.n_words, dtype=bool)
    allowed[vectors.frequent(restrict_vocab)] = True
    if min_count is not None:
        if vectors.counts is None:
            raise QueryError(
                "min-count needs the counts of the words, and these vectors come without; "
                "restrict-vocab limits the answers to the most frequent words"
            )
        allowed &= vectors.counts >= min_count
    if words is not None:
        listed = vectors.word_ids(words, -1)
        allowed &= np.bincount(listed[listed >= 0], minlength=vectors.n_words).astype(bool)
    if not allowed.any():
        raise QueryError("no word is left to answer; loosen restrict-vocab, min-count or the words")
    return np.flatnonzero(allowed)
