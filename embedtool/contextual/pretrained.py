"""An encoder of Hugging Face's transformers, on disk.

In: its folder. Out: what every ContextualEncoder can do. Nothing is fetched, and no code of the
folder is run.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError

from embedtool.contextual._torch import EXTRA, torch
from embedtool.contextual.encoders import EncoderAttention, Sentence, sentence_blocks
from embedtool.errors import MissingExtraError, ModelError, QueryError

BATCH_ROWS = 64
"""Sentences that are encoded in one go."""
LONGEST = 512
"""Segments that an encoder is given at once where it does not say how many it takes."""


class PretrainedEncoder:
    """See `contextual.ContextualEncoder`.

    Its words are those of the encoder's own tokenizer, punctuation among them. A word that the
    tokenizer cuts into pieces has the mean of their vectors in the last layer; the marks around the
    sentence, such as [CLS], are no words.
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
            raise ModelError(f"{path}: its tokenizer does not tell where words are")
        if self.tokenizer.pad_token is None:
            raise ModelError(f"{path}: its tokenizer has no mark for empty places")
        config = self.network.config
        if getattr(config, "is_encoder_decoder", False):
            raise ModelError(f"{path}: has a decoder; embedtool takes encoders such as BERT")
        self.vector_size = int(config.hidden_size)
        places = int(getattr(config, "max_position_embeddings", 0) or LONGEST)
        self.longest = min(places, int(self.tokenizer.model_max_length))

    def __sklearn_clone__(self) -> Self:
        """scikit-learn copies what estimators are given; an encoder does not change."""
        return self

    def tokens(self, sentence: str) -> list[str]:
        """See ContextualEncoder."""
        read = self._read([sentence])
        return [word for row in read.words for word in row.words]

    def vocabulary(self) -> list[str]:
        """See ContextualEncoder: the words that the tokenizer leaves whole."""
        ids = self.tokenizer.get_vocab()
        marks = set(self.tokenizer.all_special_tokens)
        ordered = sorted(ids, key=ids.__getitem__)
        return [word for word in ordered if word.isalpha() and word not in marks]

    def encode(self, sentences: Iterable[str]) -> Iterator[Sentence]:
        """See ContextualEncoder."""
        for block in sentence_blocks(sentences):
            found: list[Any] = [None] * len(block)
            order = sorted(range(len(block)), key=lambda i: len(block[i]))
            for first in range(0, len(order), BATCH_ROWS):
                some = order[first : first + BATCH_ROWS]
                for i, sentence in zip(some, self._encode([block[i] for i in some]), strict=True):
                    found[i] = sentence
            yield from found

    def _encode(self, sentences: list[str]) -> list[Sentence]:
        parts: list[list[tuple[list[str], NDArray[np.float32]]]] = [[] for _ in sentences]
        read = self._read(sentences)
        with torch.inference_mode():
            states = self.network(**read.inputs).last_hidden_state.numpy()
        for row, vectors in zip(read.words, states, strict=True):
            parts[row.sentence].append((row.words, row.means(vectors)))
        return [
            Sentence(
                [word for words, _ in rows for word in words],
                np.concatenate([vectors for _, vectors in rows]),
                [],
            )
            for rows in parts
        ]

    def attention(self, sentence: str) -> EncoderAttention:
        """See ContextualEncoder. Its tokens are the tokenizer's pieces and marks."""
        read = self._read([sentence])
        if not read.words[0].words:
            raise QueryError(f"{sentence!r} holds no word that the model knows")
        first = {name: rows[:1] for name, rows in read.inputs.items()}
        with torch.inference_mode():
            found = self.network(**first, output_attentions=True).attentions
        weights = np.array([layer[0].numpy() for layer in found])
        pieces = self.tokenizer.convert_ids_to_tokens(first["input_ids"][0])
        n_cut = sum(len(row.words) for row in read.words[1:])
        return EncoderAttention(pieces, [], n_cut, weights)

    def _read(self, sentences: list[str]) -> "_Read":
        return _Read(self.tokenizer, self.longest, sentences)


class _Read:
    """Sentences as the tokenizer cuts them; one that is too long takes several rows.

    inputs : what the network takes
    words  : of each row, its words and their pieces
    """

    def __init__(self, tokenizer: Any, longest: int, sentences: list[str]) -> None:
        read = tokenizer(
            sentences, truncation=True, max_length=longest, return_overflowing_tokens=True,
            return_offsets_mapping=True, padding=True, return_tensors="pt",
        )  # fmt: skip
        places = read.pop("offset_mapping").numpy()
        of = read.pop("overflow_to_sample_mapping").tolist()
        self.words = [
            _Row(sentences[sentence], sentence, read.word_ids(i), places[i])
            for i, sentence in enumerate(of)
        ]
        self.inputs = dict(read)


class _Row:
    """The words of a row.

    sentence : the number of the sentence that it is of
    words    : as they stand there
    pieces   : int64 (n_pieces,), places of the row that belong to a word
    firsts   : int64 (n_words,), where in `pieces` each word begins
    """

    def __init__(
        self, text: str, sentence: int, word_ids: list[int | None], places: NDArray[np.int64]
    ) -> None:
        self.sentence = sentence
        inside = [i for i, word in enumerate(word_ids) if word is not None]
        self.pieces = np.array(inside, np.int64)
        numbers = [word_ids[i] for i in inside]
        firsts = [k for k in range(len(inside)) if not k or numbers[k] != numbers[k - 1]]
        self.firsts = np.array(firsts, np.int64)
        lasts = [*(k - 1 for k in firsts[1:]), len(inside) - 1]
        self.words = [
            text[places[inside[a]][0] : places[inside[b]][1]].strip()
            for a, b in zip(firsts, lasts, strict=False)
        ]

    def means(self, states: NDArray[np.float32]) -> NDArray[np.float32]:
        """The mean of each word's pieces, float32 (n_words, vector_size)."""
        if not len(self.pieces):
            return np.zeros((0, states.shape[1]), np.float32)
        rows = states[self.pieces]
        sums: NDArray[np.float32] = np.add.reduceat(rows, self.firsts, axis=0)
        counts = np.diff(self.firsts, append=len(rows)).astype(np.float32)
        sums /= counts[:, None]
        return sums
