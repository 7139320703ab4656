"""Documents as vectors: means of the vectors of their words.

In: WordVectors and documents. Out: a vector for each document, and how much of the text was known.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from embedtool.corpus.tokens import Tokenizer
from embedtool.errors import DocumentError
from embedtool.messages import brief
from embedtool.model.compression import leading_axes
from embedtool.model.vectors import WordVectors

CASE_SAMPLE = 10_000
"""The most frequent words, by which it is judged whether a model knows capital letters."""
CAPITAL_SHARE = 0.01
"""A model with fewer words in capitals than this was trained on text in lower case: its marks for
unknown words and ends of sentences may be in capitals all the same."""


@dataclass(frozen=True)
class Coverage:
    """How much of the documents a model knows.

    n_documents, n_empty : all documents, and those that hold no known word
    n_tokens, n_known    : all tokens, and those whose word has a vector
    """

    n_documents: int
    n_empty: int
    n_tokens: int
    n_known: int

    @property
    def share(self) -> float | None:
        """The share of the tokens that are known; None where there are no tokens."""
        return self.n_known / self.n_tokens if self.n_tokens else None


@dataclass(frozen=True, eq=False)
class BagOfWords:
    """Documents as bags of known words.

    words    : the words that occur in them and have a vector: those of the vocabulary in its order,
               then those made of subwords in the order of the alphabet; so no document's sum
               depends, in its last bits, on what stands beside it
    ids      : int64 (n_words,), rows of the model, -1 where the vector is made of subwords
    rows     : float32 (n_words, vector_size), their vectors
    counts   : CSR float32 (n_documents, n_words), how often each occurs, columns ascending
    coverage : how much of the text they are
    """

    __repr__ = brief

    words: list[str]
    ids: NDArray[np.int64]
    rows: NDArray[np.float32]
    counts: Any
    coverage: Coverage


def count_words(
    vectors: WordVectors | None,
    documents: Iterable[str],
    tokenize: Tokenizer,
    *,
    subwords: bool = True,
) -> BagOfWords:
    """Cut documents into tokens and count those that have a vector.

    vectors  : None: every word is known, and has no row
    subwords : whether a word that is not in the vocabulary gets a vector from its n-grams, where
               the model has any

    A word whose vector is not finite is unknown.
    """
    from scipy.sparse import csr_array

    place: defaultdict[str, int] = defaultdict()
    place.default_factory = place.__len__  # a new word gets the next number
    lengths: list[int] = []

    def tokens() -> Iterator[list[str]]:
        for document in documents:
            found = tokenize(document)
            lengths.append(len(found))
            yield found

    met = np.fromiter(map(place.__getitem__, chain.from_iterable(tokens())), np.int32)
    met_words = list(place)
    if vectors is None:
        kept = np.array(sorted(range(len(met_words)), key=met_words.__getitem__), np.int64)
        ids, rows = np.full(len(kept), -1), np.zeros((len(kept), 0), np.float32)
    else:
        kept, ids, rows = _with_vectors(vectors, met_words, subwords)
    columns = np.full(len(met_words), -1, np.int32)
    columns[kept] = np.arange(len(kept))
    columns = columns[met]
    known = columns >= 0
    known_before = np.concatenate([[0], np.cumsum(known)])
    ends = known_before[np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])]
    columns = columns[known]
    counts = csr_array(
        (np.ones(len(columns), np.float32), columns, ends), shape=(len(lengths), len(kept))
    )
    counts.sum_duplicates()
    coverage = Coverage(len(lengths), int((np.diff(ends) == 0).sum()), len(met), len(columns))
    return BagOfWords([met_words[i] for i in kept.tolist()], ids, rows, counts, coverage)


def _with_vectors(
    vectors: WordVectors, words: list[str], subwords: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """The places in `words` of those that have a vector, then `ids` and `rows` of BagOfWords."""
    ids = vectors.word_ids(words, -1)
    inside = np.flatnonzero(ids >= 0)
    inside = inside[np.argsort(ids[inside])]
    rows = vectors.matrix[ids[inside]]
    if subwords and vectors.subwords is not None:
        outside = sorted(np.flatnonzero(ids < 0).tolist(), key=words.__getitem__)
        made = [vectors.subwords.vector(words[i]) for i in outside]
        has_any = [i for i, vector in enumerate(made) if vector.any()]
        if has_any:
            inside = np.concatenate([inside, np.array(outside)[has_any]])
            rows = np.concatenate([rows, np.array(made)[has_any]])
    finite = np.isfinite(rows).all(axis=1)
    inside, rows = inside[finite], rows[finite]
    return inside, ids[inside], rows


def sif_weights(counts: NDArray[Any], total: float, a: float) -> NDArray[np.float64]:
    """a / (a + p(w)), p(w) = counts / total: smooth inverse frequency.

    Arora, Liang & Ma 2017, 'A Simple but Tough-to-Beat Baseline for Sentence Embeddings', section
    3. A word that was not counted weighs 1, as rare as can be.
    """
    weights: NDArray[np.float64] = a / (a + counts / max(total, 1))
    return weights


def inverse_frequencies(bags: BagOfWords) -> tuple[NDArray[np.float64], float]:
    """ln((1 + n) / (1 + d)) + 1 of each word, d of n documents having it; and where d is 0.

    Smooth inverse document frequency, by scikit-learn's TfidfTransformer.
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import TfidfTransformer

    counts, n_words = bags.counts, len(bags.words)
    and_none = csr_array(
        (counts.data, counts.indices, counts.indptr), shape=(counts.shape[0], n_words + 1)
    )  # the last column is a word of no document
    found: NDArray[np.float64] = TfidfTransformer().fit(and_none).idf_
    return found[:n_words], float(found[n_words])


def weighted_means(
    bags: BagOfWords, weights: NDArray[np.floating], divisor: Literal["weights", "tokens"]
) -> NDArray[np.float32]:
    """The sum of each document's vectors times their weights, over the sum of these or of tokens.

    weights : (n_words,), all above 0

    Only known tokens count. A document without any gets zeros. float32 (n_documents, vector_size).
    """
    weighted = bags.counts.copy()
    weighted.data *= weights[weighted.indices].astype(np.float32)
    by = weighted if divisor == "weights" else bags.counts
    totals = by.sum(axis=1)
    totals[totals == 0] = 1
    means: NDArray[np.float32] = weighted @ bags.rows
    means /= totals[:, None]
    return means


def common_directions(means: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """The n directions in which documents are longest, float32 (vector_size, n).

    The first singular vectors of the documents, not centred (Arora, Liang & Ma 2017, algorithm 1).
    Fewer where there are not so many documents that are not zeros.
    """
    n_axes = min(n, int(means.any(axis=1).sum()))
    if not n_axes:
        return np.zeros((means.shape[1], 0), np.float32)
    return leading_axes(means, n_axes)


def remove_directions(
    means: NDArray[np.float32], directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What is left of each document when its part in these orthogonal directions is taken away."""
    left: NDArray[np.float32] = np.subtract(means, means @ directions @ directions.T)
    return left


def has_capitals(vectors: WordVectors) -> bool:
    """Whether the model tells words in capitals from others."""
    sample = vectors.words[:CASE_SAMPLE]
    return sum(word != word.lower() for word in sample) > CAPITAL_SHARE * len(sample)


def lowercasing(tokenize: Tokenizer) -> Tokenizer:
    """A tokenizer of text in lower case."""
    return lambda text: tokenize(text.lower())


def check_documents(documents: Any) -> Iterable[str]:
    """Documents as they come, each of them checked when its turn comes.

    Raises DocumentError on a single string, on a table, and on what is no text.
    """
    if isinstance(documents, str | bytes):
        raise DocumentError("expected several documents, found one string; put it into a list")
    shape = getattr(documents, "shape", ())
    if len(shape) > 1:
        raise DocumentError(
            f"expected one text for each document, found a table of shape {tuple(shape)}; give "
            "the column that holds the text"
        )
    try:
        each = iter(documents)
    except TypeError:
        raise DocumentError(f"expected documents, found {type(documents).__name__}") from None
    return _texts(each)


def _texts(documents: Iterator[Any]) -> Iterator[str]:
    for number, document in enumerate(documents, 1):
        if not isinstance(document, str):
            raise DocumentError(f"document {number:,} is {type(document).__name__}, not text")
        yield document
