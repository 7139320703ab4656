"""Self-attention over the vectors of a static model, without training.

In: a sentence and word vectors, which are queries, keys and values at once. Out: what attends to
what.
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
from embedtool.model.vectors import WordVectors
from embedtool.search.query import from_ngrams


@dataclass(frozen=True, eq=False)
class Attention:
    """What attends to what in a sentence.

    tokens  : the words that have a vector, n_tokens of them
    unknown : the others, and those whose vector is all zeros, each once
    weights : float32 (n_tokens, n_tokens); rows attend to columns and sum to 1
    from_ngrams : the tokens that have no vector but that of their character n-grams, each once
    """

    __repr__ = brief

    tokens: list[str]
    unknown: list[str]
    weights: NDArray[np.float32]
    from_ngrams: tuple[str, ...] = ()


def attend(vectors: WordVectors, sentence: str, config: AttentionConfig) -> Attention:
    """Let each word of a sentence attend to all of them, by their vectors.

    A FastText model has a vector for every word; with others, words that are new to the model are
    left out, as are vectors of zeros, which attend to all words alike. Raises QueryError where no
    word is left, or the vectors cannot be cut into the heads.
    """
    tokenize = TOKENIZERS[config.tokenizer]()
    words = (tokenize if has_capitals(vectors) else lowercasing(tokenize))(sentence)
    found = {word: vectors.vector(word) for word in set(words) if vectors.has_vector(word)}
    tokens = [word for word in words if word in found and found[word].any()]
    if not tokens:
        raise QueryError(f"{sentence!r} holds no word that the model knows")
    size, n_heads = vectors.vector_size, config.heads
    if size % n_heads:
        fitting = ", ".join(str(n) for n in range(1, size + 1) if size % n == 0)
        raise QueryError(
            f"{size} dimensions cannot be cut into {n_heads} heads; choose --heads among {fitting}"
        )
    rows = np.array([found[token] for token in tokens])
    seen = attention_mask(len(tokens), causal=config.causal, itself=config.itself)
    _, weights = multi_head_attention(rows, rows, rows, n_heads, seen)
    shown = head_of(weights, config.head)
    unknown = list(dict.fromkeys(word for word in words if word not in tokens))
    return Attention(tokens, unknown, shown.astype(np.float32), from_ngrams(vectors, tokens))


def head_of(weights: Floats, head: int | None) -> Floats:
    """The weights of one head, counted from 1, or the mean of all.

    weights : float (n_heads, n, n); returns (n, n). Raises QueryError where there is no such head.
    """
    if head is None:
        mean: Floats = weights.mean(axis=0)
        return mean
    if head > len(weights):
        raise QueryError(f"there is no head {head} among {len(weights)}; heads count from 1")
    one: Floats = weights[head - 1]
    return one
