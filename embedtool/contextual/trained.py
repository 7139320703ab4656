"""Encoders that embedtool trained."""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from embedtool.config.tasks import ContextualConfig
from embedtool.config.text import TextConfig
from embedtool.contextual.batches import batches_by_length, pad
from embedtool.contextual.encoder import BOUNDARY_NAME, WORD_TABLE, Encoder, current_name
from embedtool.contextual.encoders import BATCH_TOKENS, EncoderAttention, Sentence, sentence_blocks
from embedtool.corpus.tokens import TOKENIZERS, normalizer
from embedtool.errors import ModelError, QueryError
from embedtool.model.vectors import ModelRecord, VectorTable

Ids = NDArray[np.int64]

CONTEXT_REPEATS = 3
"""A single word attends only to the boundary; among copies of itself its vector resembles that in
other sentences. In the shipped corpus, 55% of the five words nearest to a homograph belong to its
sense if each candidate is encoded alone, and 94% if it is repeated three times."""


class TrainedEncoder:
    """A ContextualEncoder over the vectors of a model that has an encoder.

    Words outside the vocabulary get a vector from their n-grams if the model has any; otherwise
    they are left out of sentences.

    Raises
    ------
    ModelError
        If the model has no such encoder, or its tensors do not fit together.
    """

    context_repeats = CONTEXT_REPEATS

    def __init__(self, model: ModelRecord, name: str = "model") -> None:
        self.name = name
        self.static = model.vectors
        try:
            self.config = ContextualConfig(**model.description["options"])
            text = TextConfig(**model.description["corpus"]["text"])
            self.network = self._load_network(model)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ModelError(f"{name}: broken model: its encoder does not fit: {error}") from None
        self.vector_size = self.config.hidden_size
        self._normalize, self._split = normalizer(text), TOKENIZERS[text.tokenizer]()

    def _load_network(self, model: ModelRecord) -> Encoder:
        """Return the network of a model. Raises RuntimeError if tensors do not fit."""
        tensors = {
            current_name(name): torch.from_numpy(np.array(table))
            for name, table in (model.encoder or {}).items()
        }
        n_words, size = model.vectors.n_words, model.vectors.vector_size
        with torch.device("meta"):
            network: Encoder = Encoder(self.config, n_words, size)
        matrix = model.vectors.rows[:] * tensors["scale"].numpy()
        network.load_state_dict({**tensors, WORD_TABLE: torch.from_numpy(matrix)}, assign=True)
        network.eval()
        return network

    def __sklearn_clone__(self) -> Self:
        """Return the encoder itself, because it is immutable, when scikit-learn copies it."""
        return self

    def tokenize(self, sentence: str) -> list[str]:
        return self._split(" ".join(self._normalize(sentence).split("\n")))

    def vocabulary(self) -> list[str]:
        return list(self.static.words)

    def encode(self, sentences: Iterable[str]) -> Iterator[Sentence]:
        max_length = self.network.max_length
        for block in sentence_blocks(sentences):
            oov = _OovWords(self.static)
            read = [self._ids(sentence, oov) for sentence in block]
            pieces = [
                [ids[i : i + max_length] for i in range(0, max(len(ids), 1), max_length)]
                for _, ids, _ in read
            ]
            states = iter(self._encode([ids for each in pieces for ids in each], oov))
            for (tokens, _, unknown), each in zip(read, pieces, strict=True):
                yield Sentence(tokens, np.concatenate([next(states) for _ in each]), unknown)

    def _ids(self, sentence: str, oov: "_OovWords") -> tuple[list[str], Ids, list[str]]:
        """Return the words of a sentence that have a vector, their ids, and the other words."""
        words = self.tokenize(sentence)
        ids = self.static.word_ids(words, -1)
        for i in np.flatnonzero(ids < 0).tolist():
            row = oov.row_of(words[i])
            if row >= 0:
                ids[i] = self.network.first_oov + row
        tokens = [word for word, i in zip(words, ids, strict=True) if i >= 0]
        unknown = dict.fromkeys(word for word, i in zip(words, ids, strict=True) if i < 0)
        return tokens, ids[ids >= 0], list(unknown)

    def _encode(self, rows: list[Ids], oov: "_OovWords") -> list[NDArray[np.float32]]:
        """Return the vectors of rows of ids, none longer than the maximum length."""
        vectors: list[Any] = [None] * len(rows)
        row_lengths = np.fromiter(map(len, rows), np.int64, len(rows)) + 1
        for batch in batches_by_length(row_lengths, np.arange(len(rows)), BATCH_TOKENS):
            with torch.inference_mode():
                inputs, lengths = self._embed([rows[i] for i in batch], oov)
                states = self.network.contextual_states(inputs, lengths).numpy()
            for i, state, length in zip(batch.tolist(), states, lengths.tolist(), strict=True):
                vectors[i] = state[1:length]
        return vectors

    def _embed(self, rows: list[Ids], oov: "_OovWords") -> tuple[Any, Any]:
        """Return input vectors of rows, padded, each after a boundary, and the rows' lengths."""
        ids, lengths = pad(rows, self.network.n_words)
        return self.network.embed(torch.from_numpy(ids), oov.vectors()), torch.from_numpy(lengths)

    def attention(self, sentence: str) -> EncoderAttention:
        """Return the attention weights of a sentence; its first token is the boundary."""
        oov = _OovWords(self.static)
        tokens, ids, unknown = self._ids(sentence, oov)
        if not tokens:
            raise QueryError(f"{sentence!r} holds no word that the model knows")
        max_length = self.network.max_length
        with torch.inference_mode():
            vectors, _ = self._embed([ids[:max_length]], oov)
            weights = self.network.attention_weights(vectors).numpy()
        n_truncated = max(0, len(tokens) - max_length)
        return EncoderAttention(
            [BOUNDARY_NAME, *tokens[:max_length]], unknown, n_truncated, weights
        )

    def known_ids(self, sentence: str) -> tuple[Ids, list[str]]:
        """Return the ids of a sentence's words in the vocabulary, and its other words."""
        words = self.tokenize(sentence)
        ids = self.static.word_ids(words, -1)
        unknown = [word for word, i in zip(words, ids, strict=True) if i < 0]
        return ids[ids >= 0], list(dict.fromkeys(unknown))

    def next_word_probabilities(self, ids: Ids) -> NDArray[np.float64]:
        """Return the probability of each word to come next.

        Parameters
        ----------
        ids : ndarray of int64, shape (n,)
            The words so far, of which the last `max_length` are used.

        Returns
        -------
        ndarray of float64, shape (n_words + 1,)
            The last one is that of the end of the sentence.

        Raises
        ------
        QueryError
            If the encoder was trained to predict masked words.
        """
        if not self.network.is_causal:
            raise QueryError(
                f"{self.name}: was trained to predict masked words, not what comes next; train "
                "with objective='causal'",
                parameters=("objective",),
            )
        with torch.inference_mode():
            inputs = self._embed([ids[-self.network.max_length :]], _OovWords(self.static))
            logs = self.network.output.log_probabilities(self.network(*inputs)[:, -1])[0]
        probabilities: NDArray[np.float64] = np.exp(logs.numpy().astype(np.float64))
        probabilities /= probabilities.sum()
        return probabilities


class _OovWords:
    """Words outside the vocabulary that have a vector, in order of occurrence."""

    def __init__(self, static: VectorTable) -> None:
        self.static = static
        self.row_by_word: dict[str, int] = {}
        self.rows: list[NDArray[np.float32]] = []

    def row_of(self, word: str) -> int:
        """Return the row of a word, -1 if it has no vector."""
        if word not in self.row_by_word:
            has_vector = self.static.has_vector(word)
            self.row_by_word[word] = len(self.rows) if has_vector else -1
            if has_vector:
                self.rows.append(self.static.vector(word))
        return self.row_by_word[word]

    def vectors(self) -> Any:
        """Return a tensor of float32, shape (n, vector_size)."""
        rows = np.array(self.rows, np.float32).reshape(-1, self.static.vector_size)
        return torch.from_numpy(rows)
