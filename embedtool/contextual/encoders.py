"""Words in their sentences, whoever trained the encoder.

In: the folder of an encoder, and sentences. Out: a vector for each token in its sentence, and what
attends to what.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedtool.contextual.static_attention import Attention, head_of
from embedtool.errors import QueryError
from embedtool.messages import brief
from embedtool.model.vectors import WordVectors

BATCH_TOKENS = 4096
"""Places that are encoded in one go."""
BLOCK_SENTENCES = 2048
"""Sentences that are sorted by length before they are encoded."""


@dataclass(frozen=True, eq=False)
class Sentence:
    """A sentence as an encoder sees it.

    tokens  : its words, n_tokens of them
    vectors : float32 (n_tokens, vector_size), each word in this sentence
    unknown : words that have no vector and are left out, each once
    """

    __repr__ = brief

    tokens: list[str]
    vectors: NDArray[np.float32]
    unknown: list[str]


@dataclass(frozen=True, eq=False)
class EncoderAttention:
    """What attends to what in a sentence.

    tokens  : what attends and is attended to, n_tokens of them: words, or their pieces, and marks
              of the encoder's own
    unknown : words that are left out, each once
    n_cut   : words behind those that the encoder sees at once, which are cut off
    weights : float32 (n_layers, n_heads, n_tokens, n_tokens); rows attend to columns and sum to 1
    """

    __repr__ = brief

    tokens: list[str]
    unknown: list[str]
    n_cut: int
    weights: NDArray[np.float32]


class ContextualEncoder(Protocol):
    """What gives a word the vector of the sentence it stands in.

    name        : as messages call it
    vector_size : numbers in a token's vector
    context_repeats : how often a word is to stand in a sentence of nothing else, to be itself there
    """

    name: str
    vector_size: int
    context_repeats: int

    @property
    def static(self) -> WordVectors | None:
        """The word vectors that it stands on, or None where it makes vectors of all words."""

    def encode(self, sentences: Iterable[str]) -> Iterator[Sentence]:
        """Each sentence with the vectors of its words, in the order given.

        One that is longer than what the encoder sees at once is encoded in pieces.
        """

    def attention(self, sentence: str) -> EncoderAttention:
        """What attends to what in a sentence, of which the encoder sees the beginning.

        Raises QueryError where it holds no word that the encoder knows.
        """

    def tokens(self, sentence: str) -> list[str]:
        """The words of a sentence, as `encode` gives them, those that are left out too."""

    def vocabulary(self) -> list[str]:
        """The words that the encoder has learnt, most frequent first where it knows."""


def select_layer(found: EncoderAttention, layer: int | None, head: int | None) -> Attention:
    """The weights of a layer, the last where none is given, and of a head, or the mean of all.

    Both count from 1. Raises QueryError where there is none.
    """
    n_layers = len(found.weights)
    if layer is not None and layer > n_layers:
        raise QueryError(f"there is no layer {layer} among {n_layers}; layers count from 1")
    weights = head_of(found.weights[(layer or n_layers) - 1], head)
    return Attention(found.tokens, found.unknown, weights.astype(np.float32))


def sentence_blocks(sentences: Iterable[str]) -> Iterator[list[str]]:
    """So many sentences that sorting them by length leaves few places of a batch empty."""
    block: list[str] = []
    for sentence in sentences:
        block.append(sentence)
        if len(block) == BLOCK_SENTENCES:
            yield block
            block = []
    if block:
        yield block
