"""An encoder that embedtool trained.

In: a model with an encoder. Out: what every ContextualEncoder can do, and the words it predicts.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from embedtool.config.tasks import ContextualConfig
from embedtool.config.text import TextConfig
from embedtool.contextual._torch import torch
from embedtool.contextual.batches import batches_by_length, padded
from embedtool.contextual.encoder import BOUNDARY_NAME, WORD_TABLE, Encoder, current_name
from embedtool.contextual.encoders import BATCH_TOKENS, EncoderAttention, Sentence, sentence_blocks
from embedtool.corpus.tokens import TOKENIZERS, normalizer
from embedtool.errors import ModelError, QueryError
from embedtool.model.vectors import Model, WordVectors

Ids = NDArray[np.int64]

CONTEXT_REPEATS = 3
"""A word alone has nothing to take from but the boundary; among copies of itself it takes what it
gives to others. In the corpus that ships, of the five words nearest to a homograph 55 in 100 belong
to its sense where candidates stand alone, and 94 where they stand three times."""


class TrainedEncoder:
    """See `contextual.ContextualEncoder`.

    Words that are new to the model are known where it is of FastText, by their n-grams; they are
    left out of sentences otherwise.
    """

    context_repeats = CONTEXT_REPEATS

    def __init__(self, model: Model, name: str = "model") -> None:
        self.name = name
        self.static = model.vectors
        try:
            self.config = ContextualConfig(**model.description["options"])
            text = TextConfig(**model.description["corpus"]["text"])
            self.network = self._network(model)
        except (KeyError, TypeError, RuntimeError) as error:
            raise ModelError(f"{name}: broken model: its encoder does not fit: {error}") from None
        self.vector_size = self.config.hidden_size
        self._clean, self._tokenize = normalizer(text), TOKENIZERS[text.tokenizer]()

    def _network(self, model: Model) -> Encoder:
        """The parameters in their places. Raises RuntimeError where they do not fit."""
        tables = {
            current_name(name): torch.from_numpy(np.array(table))
            for name, table in (model.encoder or {}).items()
        }
        n_words, size = model.vectors.n_words, model.vectors.vector_size
        with torch.device("meta"):
            network: Encoder = Encoder(self.config, n_words, size)
        matrix = model.vectors.matrix[:] * tables["scale"].numpy()
        network.load_state_dict({**tables, WORD_TABLE: torch.from_numpy(matrix)}, assign=True)
        network.eval()
        return network

    def __sklearn_clone__(self) -> Self:
        """scikit-learn copies what estimators are given; an encoder does not change."""
        return self

    def tokens(self, sentence: str) -> list[str]:
        """See ContextualEncoder."""
        return self._tokenize(" ".join(self._clean(sentence).split("\n")))

    def vocabulary(self) -> list[str]:
        """See ContextualEncoder."""
        return list(self.static.words)

    def encode(self, sentences: Iterable[str]) -> Iterator[Sentence]:
        """See ContextualEncoder."""
        longest = self.network.max_length
        for block in sentence_blocks(sentences):
            new = _NewWords(self.static)
            read = [self._read(each, new) for each in block]
            cut = [
                [ids[first : first + longest] for first in range(0, max(len(ids), 1), longest)]
                for _, ids, _ in read
            ]
            states = iter(self._encode([ids for pieces in cut for ids in pieces], new))
            for (tokens, _, unknown), pieces in zip(read, cut, strict=True):
                yield Sentence(tokens, np.concatenate([next(states) for _ in pieces]), unknown)

    def _read(self, sentence: str, new: "_NewWords") -> tuple[list[str], Ids, list[str]]:
        """The known words of a sentence, their ids, and the others, each once."""
        words = self.tokens(sentence)
        ids = self.static.word_ids(words, -1)
        for i in np.flatnonzero(ids < 0).tolist():
            place = new.place(words[i])
            if place >= 0:
                ids[i] = self.network.first_oov + place
        tokens = [word for word, i in zip(words, ids, strict=True) if i >= 0]
        unknown = dict.fromkeys(word for word, i in zip(words, ids, strict=True) if i < 0)
        return tokens, ids[ids >= 0], list(unknown)

    def _encode(self, rows: list[Ids], new: "_NewWords") -> list[NDArray[np.float32]]:
        """The vectors of rows of ids, none too long."""
        found: list[Any] = [None] * len(rows)
        lengths = np.fromiter(map(len, rows), np.int64, len(rows)) + 1
        for batch in batches_by_length(lengths, np.arange(len(rows)), BATCH_TOKENS):
            with torch.inference_mode():
                vectors, places = self._read_in([rows[i] for i in batch], new)
                taken = self.network.contextual_states(vectors, places).numpy()
            for i, states, length in zip(batch.tolist(), taken, places.tolist(), strict=True):
                found[i] = states[1:length]
        return found

    def _read_in(self, rows: list[Ids], new: "_NewWords") -> tuple[Any, Any]:
        """The static vectors of some rows, each after a boundary, and how many places rows have."""
        ids, lengths = padded(rows, self.network.n_words)
        vectors = self.network.embed(torch.from_numpy(ids), new.vectors())
        return vectors, torch.from_numpy(lengths)

    def attention(self, sentence: str) -> EncoderAttention:
        """See ContextualEncoder. The first token is the boundary that sentences begin with."""
        new = _NewWords(self.static)
        tokens, ids, unknown = self._read(sentence, new)
        if not tokens:
            raise QueryError(f"{sentence!r} holds no word that the model knows")
        longest = self.network.max_length
        with torch.inference_mode():
            vectors, _ = self._read_in([ids[:longest]], new)
            weights = self.network.attention_weights(vectors).numpy()
        seen = tokens[:longest]
        return EncoderAttention([BOUNDARY_NAME, *seen], unknown, len(tokens) - len(seen), weights)

    def known_ids(self, sentence: str) -> tuple[Ids, list[str]]:
        """The ids of a sentence's words that are in the vocabulary, and all others, each once."""
        words = self.tokens(sentence)
        ids = self.static.word_ids(words, -1)
        unknown = [word for word, i in zip(words, ids, strict=True) if i < 0]
        return ids[ids >= 0], list(dict.fromkeys(unknown))

    def next_word_probabilities(self, ids: Ids) -> NDArray[np.float64]:
        """How likely each word is to follow those given, and, behind all words, the sentence's end.

        ids : int64 (n,), of which the last `max_length` count
        Returns float64 (n_words + 1,). Raises QueryError where the encoder was trained to predict
        hidden words.
        """
        if not self.network.is_causal:
            raise QueryError(
                f"{self.name}: has learnt to predict hidden words, not what comes next; train with "
                "--objective causal"
            )
        with torch.inference_mode():
            read = self._read_in([ids[-self.network.max_length :]], _NewWords(self.static))
            logs = self.network.output.log_probabilities(self.network(*read)[:, -1])[0]
        chances: NDArray[np.float64] = np.exp(logs.numpy().astype(np.float64))
        chances /= chances.sum()
        return chances


class _NewWords:
    """Words that are not in a vocabulary and have a vector all the same."""

    def __init__(self, known: WordVectors) -> None:
        self.known = known
        self.places: dict[str, int] = {}
        self.rows: list[NDArray[np.float32]] = []

    def place(self, word: str) -> int:
        """The place of a word among them, -1 where it has no vector."""
        if word not in self.places:
            has_vector = self.known.has_vector(word)
            self.places[word] = len(self.rows) if has_vector else -1
            if has_vector:
                self.rows.append(self.known.vector(word))
        return self.places[word]

    def vectors(self) -> Any:
        """Their vectors, float32 (n, vector_size)."""
        rows = np.array(self.rows, np.float32).reshape(-1, self.known.vector_size)
        return torch.from_numpy(rows)
