"""FastText's subwords: character n-grams, their hash, and vectors of new words."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.messages import brief

FNV_OFFSET = 2166136261
FNV_PRIME = 16777619
END_OF_SENTENCE = "</s>"
"""The end-of-sentence word, which has no n-grams in fastText."""


def ngram_hash(ngram: bytes) -> int:
    """Return FNV-1a in 32 bits, each byte sign-extended before the exclusive or, as in fastText."""
    h = FNV_OFFSET
    for byte in ngram:
        signed = byte if byte < 128 else byte | 0xFFFFFF00
        h = ((h ^ signed) * FNV_PRIME) & 0xFFFFFFFF
    return h


def ngrams(word: str | bytes, min_n: int, max_n: int) -> list[bytes]:
    """Return the character n-grams of `<word>` in UTF-8.

    Parameters
    ----------
    word : str or bytes
        The word without boundary marks. Bytes need not be valid UTF-8: as in fastText, a character
        is a byte with the continuation bytes after it.
    min_n, max_n : int
        Smallest and largest number of characters.

    Returns
    -------
    list of bytes
        A boundary mark alone is not an n-gram.

    References
    ----------
    Bojanowski et al. 2017, "Enriching word vectors with subword information", section 3.2;
    fastText's dictionary.cc.
    """
    encoded = word if isinstance(word, bytes) else word.encode("utf-8", "surrogatepass")
    marked = b"<%b>" % encoded
    cuts = [i for i, byte in enumerate(marked) if byte & 0xC0 != 0x80] + [len(marked)]
    n_chars = len(cuts) - 1
    grams = []
    for start in range(n_chars):
        for end in range(start + max(min_n, 1), min(start + max_n, n_chars) + 1):
            if end - start == 1 and (start == 0 or end == n_chars):
                continue
            grams.append(marked[cuts[start] : cuts[end]])
    return grams


@dataclass(frozen=True)
class Subwords:
    """FastText's input tables, from which a word outside the vocabulary gets its vector.

    Attributes
    ----------
    min_n, max_n : int
        Lengths of the n-grams in characters.
    bucket : int
        Number of hash buckets.
    word_rows : ndarray of float32, shape (n_words, vector_size)
        The row of each word itself, without its n-grams.
    buckets : ndarray of int64, shape (n_rows,)
        The buckets that training updated, ascending.
    ngram_rows : ndarray of float32, shape (n_rows, vector_size)
        The row of each of `buckets`; the rows of all other buckets are zeros.
    offset : ndarray of float32, shape (vector_size,), or None
        Added to each mean of rows, if the vectors have been transformed.
    pruned : bool
        Whether buckets without a row were pruned away: fastText skips their n-grams, and does not
        count them in a mean.
    """

    __repr__ = brief

    min_n: int
    max_n: int
    bucket: int
    word_rows: NDArray[np.float32]
    buckets: NDArray[np.int64]
    ngram_rows: NDArray[np.float32]
    offset: NDArray[np.float32] | None = None
    pruned: bool = False

    def vector(self, word: str) -> NDArray[np.float32]:
        """Return the mean of the rows of the word's n-grams, plus `offset`.

        Returns
        -------
        ndarray of float32, shape (vector_size,)
            All zeros if training saw none of the n-grams.

        References
        ----------
        Bojanowski et al. 2017, eq. 3; fastText divides the sum by the number of n-grams.
        """
        grams = ngrams(word, self.min_n, self.max_n) if self.bucket else []
        hashes = [ngram_hash(gram) % self.bucket for gram in grams]
        total = np.zeros(self.ngram_rows.shape[1], dtype=np.float32)
        if not hashes or not len(self.buckets):
            return total
        rows = np.searchsorted(self.buckets, hashes)
        rows[rows == len(self.buckets)] = 0
        known = rows[self.buckets[rows] == hashes]
        if not len(known):
            return total
        total += self.ngram_rows[known].sum(axis=0, dtype=np.float32)
        total /= len(known) if self.pruned else len(hashes)
        if self.offset is not None:
            total += self.offset
        return total
