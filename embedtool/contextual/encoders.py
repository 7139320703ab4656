"""The interface of encoders, which give each word of a sentence a vector in context."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedtool.contextual.static_attention import Attention, select_head
from embedtool.errors import QueryError
from embedtool.messages import brief
from embedtool.model.vectors import VectorTable

BATCH_TOKENS = 4096
"""Positions per batch, including padding."""
BLOCK_SENTENCES = 2048
"""Number of sentences sorted by length before they are divided into batches."""


@dataclass(frozen=True, eq=False)
class Sentence:
    """A sentence and the vectors of its words in it.

    Attributes
    ----------
    vectors : ndarray of float32, shape (n_tokens, vector_size)
    unknown : list of str
        Omitted words without a vector, each once.
    """

    __repr__ = brief

    tokens: list[str]
    vectors: NDArray[np.float32]
    unknown: list[str]


@dataclass(frozen=True, eq=False)
class EncoderAttention:
    """The attention weights of all layers and heads for one sentence.

    Attributes
    ----------
    tokens : list of str
        Words, or subword pieces, and special tokens of the encoder.
    unknown : list of str
        Omitted words, each once.
    n_truncated : int
        Number of words truncated beyond the encoder's maximum length.
    weights : ndarray of float32, shape (n_layers, n_heads, n_tokens, n_tokens)
        Rows attend to columns and sum to 1.
    """

    __repr__ = brief

    tokens: list[str]
    unknown: list[str]
    n_truncated: int
    weights: NDArray[np.float32]


class ContextualEncoder(Protocol):
    """An encoder of sentences.

    Attributes
    ----------
    name : str
        The encoder's name in messages.
    context_repeats : int
        Number of copies of a word in the sentence by which it is encoded in isolation.
    """

    name: str
    vector_size: int
    context_repeats: int

    @property
    def static(self) -> VectorTable | None:
        """The word vectors of the encoder's input; None if it has a vector for every word."""

    def encode(self, sentences: Iterable[str]) -> Iterator[Sentence]:
        """Yield each sentence with the vectors of its words, in the order given.

        A sentence beyond the maximum length is encoded in several pieces.
        """

    def attention(self, sentence: str) -> EncoderAttention:
        """Return the attention weights of a sentence, which is truncated to the maximum length.

        Raises
        ------
        QueryError
            If the sentence has no word that the encoder knows.
        """

    def tokenize(self, sentence: str) -> list[str]:
        """Return the words of a sentence as in `encode`, including omitted ones."""

    def vocabulary(self) -> list[str]:
        """Return the encoder's words, most frequent first if that is known."""


def select_layer(attention: EncoderAttention, layer: int | None, head: int | None) -> Attention:
    """Return the weights of one layer, and of one head or their mean.

    Parameters
    ----------
    layer : int or None
        Layer, counted from 1; None for the last.
    head : int or None
        Head, counted from 1; None for the mean of all.

    Raises
    ------
    QueryError
        If there is no such layer or head.
    """
    n_layers = len(attention.weights)
    if layer is not None and layer > n_layers:
        raise QueryError(f"layer must be 1 to {n_layers}, not {layer}", parameters=("layer",))
    weights = select_head(attention.weights[(layer or n_layers) - 1], head)
    return Attention(attention.tokens, attention.unknown, weights.astype(np.float32))


def sentence_blocks(sentences: Iterable[str]) -> Iterator[list[str]]:
    """Yield sentences in blocks that are large enough to be sorted by length."""
    block: list[str] = []
    for sentence in sentences:
        block.append(sentence)
        if len(block) == BLOCK_SENTENCES:
            yield block
            block = []
    if block:
        yield block
