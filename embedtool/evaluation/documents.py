"""Document vectors: weighted means of the vectors of their words."""

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
from embedtool.model.vectors import VectorTable

CASE_SAMPLE = 10_000
"""Number of most frequent words that decide whether a model is cased."""
MIN_CAPITALIZED = 0.01
"""A model with a smaller fraction of capitalised words was trained on lower-cased text; its tokens
for unknown words and sentence ends may still be in capitals."""


@dataclass(frozen=True)
class Coverage:
    """How much of the documents a model knows.

    Attributes
    ----------
    n_documents, n_empty : int
        All documents, and those without a known word.
    n_tokens, n_known : int
        All tokens, and those whose word has a vector.
    """

    n_documents: int
    n_empty: int
    n_tokens: int
    n_known: int

    @property
    def fraction(self) -> float | None:
        """The fraction of tokens that are known; None if there are no tokens."""
        return self.n_known / self.n_tokens if self.n_tokens else None


@dataclass(frozen=True, eq=False)
class BagOfWords:
    """The counts of known words in documents.

    Attributes
    ----------
    words : list of str
        The words that occur and have a vector: those of the vocabulary in its order, then those
        computed from subwords in alphabetical order. So the rounding of the sum over a document
        does not depend on the other documents.
    ids : ndarray of int64, shape (n_words,)
        Rows of the model; -1 for a vector computed from subwords.
    rows : ndarray of float32, shape (n_words, vector_size)
        Their vectors.
    counts : csr_array of float32, shape (n_documents, n_words)
        How often each occurs; column indices ascend.
    coverage : Coverage
        Their fraction of the text.
    """

    __repr__ = brief

    words: list[str]
    ids: NDArray[np.int64]
    rows: NDArray[np.float32]
    counts: Any
    coverage: Coverage


def count_words(
    vectors: VectorTable | None,
    documents: Iterable[str],
    tokenize: Tokenizer,
    *,
    subwords: bool = True,
) -> BagOfWords:
    """Split documents into tokens and count those that have a vector.

    Parameters
    ----------
    vectors : VectorTable or None
        The model. If None, every word is known and has no vector. A word whose vector is not finite
        is unknown.
    tokenize : Tokenizer
        Splits a text into tokens.
    subwords : bool
        Give words outside the vocabulary a vector from their n-grams, if the model has any.
    """
    from scipy.sparse import csr_array

    number: defaultdict[str, int] = defaultdict()
    number.default_factory = number.__len__  # a new word gets the next number
    lengths: list[int] = []

    def tokens() -> Iterator[list[str]]:
        for document in documents:
            split = tokenize(document)
            lengths.append(len(split))
            yield split

    numbers = np.fromiter(map(number.__getitem__, chain.from_iterable(tokens())), np.int32)
    words = list(number)
    if vectors is None:
        known_words = np.array(sorted(range(len(words)), key=words.__getitem__), np.int64)
        ids, rows = np.full(len(words), -1), np.zeros((len(words), 0), np.float32)
    else:
        known_words, ids, rows = _with_vectors(vectors, words, subwords)
    column_of = np.full(len(words), -1, np.int32)
    column_of[known_words] = np.arange(len(known_words))
    columns = column_of[numbers]
    known = columns >= 0
    known_before = np.concatenate([[0], np.cumsum(known)])
    ends = known_before[np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])]
    columns = columns[known]
    counts = csr_array(
        (np.ones(len(columns), np.float32), columns, ends), shape=(len(lengths), len(known_words))
    )
    counts.sum_duplicates()
    coverage = Coverage(len(lengths), int((np.diff(ends) == 0).sum()), len(numbers), len(columns))
    return BagOfWords([words[i] for i in known_words.tolist()], ids, rows, counts, coverage)


def _with_vectors(
    vectors: VectorTable, words: list[str], subwords: bool
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float32]]:
    """Return the indices in `words` of those with a vector, then `ids` and `rows` of BagOfWords."""
    ids = vectors.word_ids(words, -1)
    inside = np.flatnonzero(ids >= 0)
    inside = inside[np.argsort(ids[inside])]
    rows = vectors.rows[ids[inside]]
    if subwords and vectors.subwords is not None:
        outside = sorted(np.flatnonzero(ids < 0).tolist(), key=words.__getitem__)
        composed = [vectors.subwords.vector(words[i]) for i in outside]
        nonzero = [i for i, vector in enumerate(composed) if vector.any()]
        if nonzero:
            inside = np.concatenate([inside, np.array(outside)[nonzero]])
            rows = np.concatenate([rows, np.array(composed)[nonzero]])
    finite = np.isfinite(rows).all(axis=1)
    inside, rows = inside[finite], rows[finite]
    return inside, ids[inside], rows


def sif_weights(counts: NDArray[Any], total: float, a: float) -> NDArray[np.float64]:
    """Return smooth inverse frequency weights, a / (a + p(w)) with p(w) = counts / total.

    A word that was not counted has weight 1.

    References
    ----------
    Arora, Liang & Ma 2017, "A Simple but Tough-to-Beat Baseline for Sentence Embeddings", sec. 3.
    """
    weights: NDArray[np.float64] = a / (a + counts / max(total, 1))
    return weights


def inverse_frequencies(bags: BagOfWords) -> tuple[NDArray[np.float64], float]:
    """Return the inverse document frequency of each word, and of a word that occurs in no document.

    idf(w) = ln((1 + n) / (1 + d)) + 1 for a word in d of n documents, as in scikit-learn's
    TfidfTransformer.
    """
    from scipy.sparse import csr_array
    from sklearn.feature_extraction.text import TfidfTransformer

    counts, n_words = bags.counts, len(bags.words)
    extended = csr_array(
        (counts.data, counts.indices, counts.indptr), shape=(counts.shape[0], n_words + 1)
    )  # the last column is a word of no document
    idf: NDArray[np.float64] = TfidfTransformer().fit(extended).idf_
    return idf[:n_words], float(idf[n_words])


def weighted_means(
    bags: BagOfWords, weights: NDArray[np.floating], divisor: Literal["weights", "tokens"]
) -> NDArray[np.float32]:
    """Return the weighted sum of each document's vectors, divided by its weights or tokens.

    Parameters
    ----------
    weights : ndarray of floating, shape (n_words,)
        All above 0.
    divisor : {"weights", "tokens"}
        Divide by the sum of weights, or by the number of known tokens.

    Returns
    -------
    ndarray of float32, shape (n_documents, vector_size)
        Zeros for a document without a known token.
    """
    weighted = bags.counts.copy()
    weighted.data *= weights[weighted.indices].astype(np.float32)
    totals = (weighted if divisor == "weights" else bags.counts).sum(axis=1)
    totals[totals == 0] = 1
    means: NDArray[np.float32] = weighted @ bags.rows
    means /= totals[:, None]
    return means


def common_directions(means: NDArray[np.float32], n: int) -> NDArray[np.float32]:
    """Return the first n singular vectors of the documents, which are not centred.

    Returns
    -------
    ndarray of float32, shape (vector_size, n)
        Fewer columns if there are fewer nonzero documents.

    References
    ----------
    Arora, Liang & Ma 2017, algorithm 1.
    """
    n_axes = min(n, int(means.any(axis=1).sum()))
    if not n_axes:
        return np.zeros((means.shape[1], 0), np.float32)
    return leading_axes(means, n_axes)


def remove_directions(
    means: NDArray[np.float32], directions: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Subtract from each document its projection on these orthogonal directions."""
    remainder: NDArray[np.float32] = np.subtract(means, means @ directions @ directions.T)
    return remainder


def has_capitals(vectors: VectorTable) -> bool:
    """Return whether the model is cased: whether it has words with capital letters."""
    sample = vectors.words[:CASE_SAMPLE]
    return sum(word != word.lower() for word in sample) > MIN_CAPITALIZED * len(sample)


def lowercasing(tokenize: Tokenizer) -> Tokenizer:
    """Return a tokenizer that lower-cases text first."""
    return lambda text: tokenize(text.lower())


def check_documents(documents: Any) -> Iterable[str]:
    """Return an iterator over documents that validates each.

    Raises
    ------
    DocumentError
        If it is a single string or a table, or an item is not a string.
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
