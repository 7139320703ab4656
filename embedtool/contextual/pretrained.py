"""Encoders of Hugging Face's transformers, from a local folder.

Nothing is downloaded, and no code from the folder is run.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors import SafetensorError

from embedtool.contextual._torch import EXTRA
from embedtool.contextual.encoders import EncoderAttention, Sentence, sentence_blocks
from embedtool.errors import MissingExtraError, ModelError, QueryError

BATCH_SENTENCES = 64
MAX_PIECES = 512
"""Maximum length, in subword pieces, if the encoder's config does not give it."""


class PretrainedEncoder:
    """A ContextualEncoder from the transformers library.

    Its words are those of its own tokenizer, including punctuation. The vector of a word is the
    mean over its subword pieces in the last layer. Special tokens such as [CLS] are not words.

    Raises
    ------
    MissingExtraError
        If the library is not installed.
    ModelError
        If the folder cannot be opened, or is not an encoder with a fast tokenizer.
    """

    static = None
    context_repeats = 1

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging
        except ImportError:
            raise MissingExtraError("an encoder of transformers", EXTRA) from None
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            self.tokenizer = AutoTokenizer.from_pretrained(path, local_files_only=True)
            self.network = AutoModel.from_pretrained(
                path, local_files_only=True, use_safetensors=True, attn_implementation="eager",
                dtype=torch.float32,
            ).eval()  # fmt: skip
        except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
            raise ModelError(f"{path}: cannot be opened by transformers: {error}") from None
        if not self.tokenizer.is_fast:
            raise ModelError(f"{path}: its tokenizer does not give the positions of words")
        if self.tokenizer.pad_token is None:
            raise ModelError(f"{path}: its tokenizer has no padding token")
        config = self.network.config
        if getattr(config, "is_encoder_decoder", False):
            raise ModelError(f"{path}: has a decoder; embedtool takes encoders such as BERT")
        self.vector_size = int(config.hidden_size)
        n_positions = int(getattr(config, "max_position_embeddings", 0) or MAX_PIECES)
        self.max_pieces = min(n_positions, int(self.tokenizer.model_max_length))

    def __sklearn_clone__(self) -> Self:
        """Return the encoder itself, because it is immutable, when scikit-learn copies it."""
        return self

    def tokenize(self, sentence: str) -> list[str]:
        read = self._tokenize([sentence])
        return [word for row in read.rows for word in row.words]

    def vocabulary(self) -> list[str]:
        """Return the words that the tokenizer does not split into pieces."""
        ids = self.tokenizer.get_vocab()
        special = set(self.tokenizer.all_special_tokens)
        ordered = sorted(ids, key=ids.__getitem__)
        return [word for word in ordered if word.isalpha() and word not in special]

    def encode(self, sentences: Iterable[str]) -> Iterator[Sentence]:
        for block in sentence_blocks(sentences):
            encoded: list[Any] = [None] * len(block)
            order = sorted(range(len(block)), key=lambda i: len(block[i]))
            for first in range(0, len(order), BATCH_SENTENCES):
                batch = order[first : first + BATCH_SENTENCES]
                for i, sentence in zip(batch, self._encode([block[i] for i in batch]), strict=True):
                    encoded[i] = sentence
            yield from encoded

    def _encode(self, sentences: list[str]) -> list[Sentence]:
        parts: list[list[tuple[list[str], NDArray[np.float32]]]] = [[] for _ in sentences]
        read = self._tokenize(sentences)
        with torch.inference_mode():
            states = self.network(**read.inputs).last_hidden_state.numpy()
        for row, state in zip(read.rows, states, strict=True):
            parts[row.sentence].append((row.words, row.word_means(state)))
        return [
            Sentence(
                [word for words, _ in rows for word in words],
                np.concatenate([vectors for _, vectors in rows]),
                [],
            )
            for rows in parts
        ]

    def attention(self, sentence: str) -> EncoderAttention:
        """Return the attention weights of a sentence, between subword pieces and special tokens."""
        read = self._tokenize([sentence])
        if not read.rows[0].words:
            raise QueryError(f"{sentence!r} holds no word that the model knows")
        first = {name: rows[:1] for name, rows in read.inputs.items()}
        with torch.inference_mode():
            attentions = self.network(**first, output_attentions=True).attentions
        weights = np.array([layer[0].numpy() for layer in attentions])
        pieces = self.tokenizer.convert_ids_to_tokens(first["input_ids"][0])
        n_truncated = sum(len(row.words) for row in read.rows[1:])
        return EncoderAttention(pieces, [], n_truncated, weights)

    def _tokenize(self, sentences: list[str]) -> "_TokenizedSentences":
        return _TokenizedSentences(self.tokenizer, self.max_pieces, sentences)


class _TokenizedSentences:
    """Tokenized sentences; one that is too long takes several rows.

    Attributes
    ----------
    inputs : dict
        Arguments of the network.
    """

    def __init__(self, tokenizer: Any, max_pieces: int, sentences: list[str]) -> None:
        read = tokenizer(
            sentences, truncation=True, max_length=max_pieces, return_overflowing_tokens=True,
            return_offsets_mapping=True, padding=True, return_tensors="pt",
        )  # fmt: skip
        offsets = read.pop("offset_mapping").numpy()
        sentence_of_row = read.pop("overflow_to_sample_mapping").tolist()
        self.rows = [
            _Row(sentences[sentence], sentence, read.word_ids(i), offsets[i])
            for i, sentence in enumerate(sentence_of_row)
        ]
        self.inputs = dict(read)


class _Row:
    """The words of a row of the network's input.

    Attributes
    ----------
    sentence : int
        The index of the row's sentence.
    pieces : ndarray of int64, shape (n_pieces,)
        Positions of the row that belong to words.
    firsts : ndarray of int64, shape (n_words,)
        Start of each word in `pieces`.
    """

    def __init__(
        self, text: str, sentence: int, word_ids: list[int | None], offsets: NDArray[np.int64]
    ) -> None:
        self.sentence = sentence
        pieces = [i for i, word in enumerate(word_ids) if word is not None]
        self.pieces = np.array(pieces, np.int64)
        ids = [word_ids[i] for i in pieces]
        firsts = [k for k in range(len(pieces)) if not k or ids[k] != ids[k - 1]]
        self.firsts = np.array(firsts, np.int64)
        lasts = [*(k - 1 for k in firsts[1:]), len(pieces) - 1]
        self.words = [
            text[offsets[pieces[a]][0] : offsets[pieces[b]][1]].strip()
            for a, b in zip(firsts, lasts, strict=False)
        ]

    def word_means(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return the mean of each word's pieces, float32 (n_words, vector_size)."""
        if not len(self.pieces):
            return np.zeros((0, states.shape[1]), np.float32)
        rows = states[self.pieces]
        sums: NDArray[np.float32] = np.add.reduceat(rows, self.firsts, axis=0)
        counts = np.diff(self.firsts, append=len(rows)).astype(np.float32)
        sums /= counts[:, None]
        return sums
