"""What every model of words in context can do, whoever trained it.

In: sentences. Out: a vector for each of their tokens, and which token attends to which.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from embedtool.vectors import WordVectors


@dataclass(frozen=True, eq=False)
class Sentence:
    """A sentence as a model reads it.

    tokens  : its words, n_tokens of them
    vectors : float32 (n_tokens, vector_size), each word in this sentence
    """

    tokens: list[str]
    vectors: NDArray[np.float32]


class ContextualModel(Protocol):
    """An encoder that gives a word the vector of the sentence it stands in.

    n_layers, n_heads : of its attention
    vector_size       : numbers in a token's vector
    """

    n_layers: int
    n_heads: int
    vector_size: int

    def encode(self, sentences: Iterable[str], *, batch_size: int = ...) -> Iterator[Sentence]:
        """Each sentence with the vectors of its words, in the order given.

        Sentences are cut off behind what the model reads at once. An empty one has no tokens.
        """
        ...

    def weights(self, sentence: str) -> tuple[list[str], NDArray[np.float32]]:
        """What attends to what: the tokens, marks of the model's own among them, and
        float32 (n_layers, n_heads, n_tokens, n_tokens), rows attend to columns and sum to 1."""
        ...

    def vocabulary(self) -> WordVectors:
        """Words with the vectors that a token's vector can be compared with: the nearest of them
        say what the token means in its sentence."""
        ...
