"""Self-attention over the vectors of a static model, without training.

The word vectors are queries, keys and values.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import AttentionConfig
from embedtool.contextual.attention import Floats, attention_mask, multi_head_attention
from embedtool.corpus.tokens import TOKENIZERS
from embedtool.errors import QueryError
from embedtool.evaluation.documents import has_capitals, lowercasing
from embedtool.messages import brief
from embedtool.model.vectors import VectorTable
from embedtool.search.lookup import from_ngrams


@dataclass(frozen=True, eq=False)
class Attention:
    """The attention weights of a sentence.

    Attributes
    ----------
    tokens : list of str
        The words that have a vector.
    unknown : list of str
        The other words, and those whose vector is all zeros, each once.
    weights : ndarray of float32, shape (n_tokens, n_tokens)
        Rows attend to columns and sum to 1.
    from_ngrams : tuple of str
        The tokens whose vectors are computed from their character n-grams, each once.
    """

    __repr__ = brief

    tokens: list[str]
    unknown: list[str]
    weights: NDArray[np.float32]
    from_ngrams: tuple[str, ...] = ()


def attend(vectors: VectorTable, sentence: str, config: AttentionConfig) -> Attention:
    """Return the attention weights between the words of a sentence, by their vectors.

    A FastText model has a vector for every word. In other models unknown words are left out, and so
    are vectors of zeros, which attend to all words alike.

    Raises
    ------
    QueryError
        If no word is left, or the vectors cannot be split into the heads.
    """
    tokenize = TOKENIZERS[config.tokenizer]()
    words = (tokenize if has_capitals(vectors) else lowercasing(tokenize))(sentence)
    rows_of = {word: vectors.vector(word) for word in set(words) if vectors.has_vector(word)}
    tokens = [word for word in words if word in rows_of and rows_of[word].any()]
    if not tokens:
        raise QueryError(f"{sentence!r} holds no word that the model knows")
    size, n_heads = vectors.vector_size, config.heads
    if size % n_heads:
        fitting = ", ".join(str(n) for n in range(1, size + 1) if size % n == 0)
        raise QueryError(
            f"heads={n_heads} does not divide the {size} dimensions of the vectors; "
            f"choose among {fitting}",
            parameters=("heads",),
        )
    rows = np.array([rows_of[token] for token in tokens])
    mask = attention_mask(len(tokens), causal=config.causal, itself=config.itself)
    _, weights = multi_head_attention(rows, rows, rows, n_heads, mask)
    weights = select_head(weights, config.head).astype(np.float32)
    unknown = list(dict.fromkeys(word for word in words if word not in tokens))
    return Attention(tokens, unknown, weights, from_ngrams(vectors, tokens))


def select_head(weights: Floats, head: int | None) -> Floats:
    """Return the weights of one head, or the mean of all.

    Parameters
    ----------
    weights : ndarray of float, shape (n_heads, n, n)
    head : int or None
        Head, counted from 1; None for the mean.

    Returns
    -------
    ndarray of float, shape (n, n)

    Raises
    ------
    QueryError
        If there is no such head.
    """
    if head is None:
        mean: Floats = weights.mean(axis=0)
        return mean
    if head > len(weights):
        raise QueryError(f"head must be 1 to {len(weights)}, not {head}", parameters=("head",))
    one: Floats = weights[head - 1]
    return one
