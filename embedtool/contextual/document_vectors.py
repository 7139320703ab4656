"""Document vectors: means of the vectors that an encoder gives the words of a document."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from embedtool.contextual.encoders import ContextualEncoder
from embedtool.evaluation.documents import BagOfWords, count_words
from embedtool.messages import brief


@dataclass(frozen=True, eq=False)
class DocumentsInContext(BagOfWords):
    """Documents as bags of words, and their texts.

    Attributes
    ----------
    rows : ndarray of float32, shape (n_words, 0)
        Empty: a word has no vector outside its document.
    """

    __repr__ = brief

    texts: tuple[str, ...]


def documents_in_context(
    encoder: ContextualEncoder, documents: Iterable[str]
) -> DocumentsInContext:
    """Split documents into words like the encoder, and count those that have a vector."""
    texts = tuple(documents)
    bags = count_words(encoder.static, texts, encoder.tokenize)
    rows = np.zeros((len(bags.words), 0), np.float32)
    return DocumentsInContext(bags.words, bags.ids, rows, bags.counts, bags.coverage, texts)


def contextual_means(
    encoder: ContextualEncoder,
    bags: DocumentsInContext,
    weights: NDArray[np.floating],
    divisor: Literal["weights", "tokens"],
) -> NDArray[np.float32]:
    """Return the weighted mean of each document's vectors, float32 (n_documents, vector_size).

    Parameters
    ----------
    weights : ndarray of float, shape (n_words,)
        The weight of each word, above 0.
    divisor : "weights" or "tokens"
        Divisor of a sum: the sum of the weights, or the number of tokens.
    """
    weight_of = dict(zip(bags.words, weights.tolist(), strict=True))
    means = np.zeros((len(bags.texts), encoder.vector_size), np.float32)
    for mean, sentence in zip(means, encoder.encode(bags.texts), strict=True):
        if sentence.tokens:
            token_weights = np.array([weight_of[token] for token in sentence.tokens], np.float32)
            mean[:] = token_weights @ sentence.vectors
            mean /= token_weights.sum() if divisor == "weights" else len(token_weights)
    return means
