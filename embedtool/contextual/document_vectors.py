"""Documents as means of the vectors that their words have in them.

In: an encoder and documents. Out: a vector for each document.
"""

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
    """Documents as bags of known words, and as they stand.

    rows  : float32 (n_words, 0): a word has no vector outside of its document
    texts : the documents
    """

    __repr__ = brief

    texts: tuple[str, ...]


def documents_in_context(
    encoder: ContextualEncoder, documents: Iterable[str]
) -> DocumentsInContext:
    """Cut documents into tokens as the encoder does, and count those that have a vector."""
    texts = tuple(documents)
    bags = count_words(encoder.static, texts, encoder.tokens)
    rows = np.zeros((len(bags.words), 0), np.float32)
    return DocumentsInContext(bags.words, bags.ids, rows, bags.counts, bags.coverage, texts)


def contextual_means(
    encoder: ContextualEncoder,
    bags: DocumentsInContext,
    weights: NDArray[np.floating],
    divisor: Literal["weights", "tokens"],
) -> NDArray[np.float32]:
    """As `evaluation.documents.weighted_means`, of each token's vector in its document.

    weights : (n_words,), all above 0
    """
    weight_of = dict(zip(bags.words, weights.tolist(), strict=True))
    means = np.zeros((len(bags.texts), encoder.vector_size), np.float32)
    for mean, sentence in zip(means, encoder.encode(bags.texts), strict=True):
        if sentence.tokens:
            own = np.array([weight_of[token] for token in sentence.tokens], np.float32)
            mean[:] = own @ sentence.vectors
            mean /= own.sum() if divisor == "weights" else len(own)
    return means
