"""Which words may answer a query: by rank, minimum count, list or prefix."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from embedtool.config.base import check_whole
from embedtool.corpus.string_table import StringTable
from embedtool.errors import ModelError, QueryError
from embedtool.io.blocks import slices
from embedtool.io.encodings import SURROGATE_ERRORS
from embedtool.model.vectors import AnyVectors, vectors_of

BLOCK_WORDS = 2**16
"""Words compared with a prefix at a time: the first block suffices for most prefixes."""


def candidate_ids(
    vectors: AnyVectors,
    *,
    restrict_vocab: int | None = None,
    min_count: int | None = None,
    among: Iterable[str] | None = None,
) -> NDArray[np.int64] | None:
    """Return the ids of the words that meet every restriction given, ascending.

    Parameters
    ----------
    restrict_vocab : int, optional
        Only the N most frequent words.
    min_count : int, optional
        Only words with this count or more.
    among : iterable of str, optional
        Only these words; unknown ones are ignored.

    Returns
    -------
    ndarray of int64, shape (n_candidates,), or None
        None if no restriction is given.

    Raises
    ------
    QueryError
        If a restriction cannot be applied or no word is left.
    """
    if restrict_vocab is None and min_count is None and among is None:
        return None
    vectors = vectors_of(vectors)
    if restrict_vocab is not None:
        check_whole("restrict_vocab", restrict_vocab, QueryError)
    allowed = np.zeros(vectors.n_words, dtype=bool)
    allowed[vectors.frequent(restrict_vocab)] = True
    if min_count is not None:
        check_whole("min_count", min_count, QueryError, low=0)
        if vectors.counts is None:
            raise QueryError(
                "min_count needs the counts of the words, which these vectors do not have; "
                "restrict_vocab limits the answers to the most frequent words",
                parameters=("min_count", "restrict_vocab"),
            )
        allowed &= vectors.counts >= min_count
    if among is not None:
        listed = vectors.word_ids(among, -1)
        allowed &= np.bincount(listed[listed >= 0], minlength=vectors.n_words).astype(bool)
    if not allowed.any():
        raise QueryError(
            "no candidate is left; relax restrict_vocab, min_count or among",
            parameters=("restrict_vocab", "min_count", "among"),
        )
    return np.flatnonzero(allowed)


def with_prefix(words: StringTable, prefix: str, n: int) -> NDArray[np.int64]:
    """Return the ids of the n most frequent words that begin with `prefix`.

    No index is needed: the bytes of a vocabulary on disk are compared in place, each byte of the
    prefix only in words that match the previous bytes.

    Parameters
    ----------
    words : StringTable
        The vocabulary, most frequent first.
    n : int
        Largest number of words.

    Returns
    -------
    ndarray of int64, shape (at most n,)
        The ids, ascending.

    Raises
    ------
    ModelError
        If the words are damaged.
    """
    encoded = prefix.encode("utf-8", SURROGATE_ERRORS)
    matches = [np.empty(0, np.int64)]
    n_matches = 0
    for block in slices(len(words), BLOCK_WORDS):
        ends = words.ends[block]
        starts = np.empty_like(ends)
        starts[0] = words.ends[block.start - 1] if block.start else 0
        starts[1:] = ends[:-1]
        ids = np.flatnonzero(ends - starts >= len(encoded))
        try:
            for offset, byte in enumerate(encoded):
                ids = ids[words.text[starts[ids] + offset] == byte]
        except IndexError:
            raise ModelError("broken model: words end beyond their text") from None
        matches.append(ids[: n - n_matches] + block.start)
        n_matches += len(matches[-1])
        if n_matches == n:
            break
    return np.concatenate(matches)
