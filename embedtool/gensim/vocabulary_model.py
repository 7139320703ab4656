"""`VocabularyModel`: a model whose words are chosen by gensim's rules, before it is trained."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.corpus.vocabulary import Vocabulary
from embedtool.gensim.errors import NotReadyError
from embedtool.gensim.key_table import COUNT
from embedtool.gensim.keyed_vectors import KeyedVectors
from embedtool.gensim.options import config_of
from embedtool.gensim.text import Text, opened_text
from embedtool.gensim.vocabulary import TrimRule, kept_words, warn_of_limit
from embedtool.model.vectors import VectorTable
from embedtool.trainers.warm_start import WarmStart
from embedtool.trainers.word2vec import untrained_vectors

log = logging.getLogger(__name__)

Sentences = Iterable[Sequence[str]]


class VocabularyModel:
    """The words of a model, their vectors and its output layer.

    Attributes
    ----------
    wv : KeyedVectors
        The vectors.
    raw_vocab : dict of str to int
        The counts of all words of the last text, until those to keep are chosen.
    effective_min_count : int
        The minimum count that was applied.
    syn1neg, syn1 : ndarray of float32, shape (n_words, vector_size)
        The output layer: of words with negative sampling, of inner nodes with hierarchical softmax.
    """

    wv: KeyedVectors
    syn1: NDArray[np.float32]
    syn1neg: NDArray[np.float32]
    vector_size: int
    hs: int
    epochs: int
    min_count: int
    sample: float
    sorted_vocab: int
    max_vocab_size: int | None
    max_final_vocab: int | None
    corpus_count: int
    corpus_total_words: int
    effective_min_count: int
    raw_vocab: dict[str, int]

    def _new_vectors(self) -> KeyedVectors:
        return KeyedVectors(self.vector_size)

    def build_vocab(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: str | Path | None = None,
        update: bool = False,
        progress_per: int = 10_000,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
    ) -> None:
        """Choose the words of a text, and give them untrained vectors.

        Parameters
        ----------
        corpus_iterable, corpus_file
            The text, as for the class.
        update : bool
            Add new words and counts to those of the model, whose vectors are kept.
        progress_per : int
            Ignored.
        keep_raw_vocab : bool
            Keep the counts of all words in `raw_vocab`.
        trim_rule : callable, optional
            As for the class.

        Raises
        ------
        NotReadyError
            If no word is left, or a model to update has none. It is a RuntimeError.
        ArgumentTypeError
            If the text is not one. It is a TypeError.
        """
        with opened_text(corpus_iterable, corpus_file) as text:
            self._build(text, update, keep_raw_vocab, trim_rule)

    def build_vocab_from_freq(
        self,
        word_freq: Mapping[str, int],
        keep_raw_vocab: bool = False,
        corpus_count: int | None = None,
        trim_rule: TrimRule | None = None,
        update: bool = False,
    ) -> None:
        """Take words and their counts from a mapping; see `build_vocab`.

        Parameters
        ----------
        word_freq : mapping of str to int
            The counts.
        keep_raw_vocab : bool
            As for `build_vocab`.
        corpus_count : int, optional
            Value of the attribute of this name.
        trim_rule, update
            As for `build_vocab`.
        """
        self.corpus_count, self.raw_vocab = corpus_count or 0, dict(word_freq)
        self._choose_words(update, keep_raw_vocab, trim_rule)

    def scan_vocab(
        self, corpus_iterable: Sentences | None = None, corpus_file: str | Path | None = None
    ) -> tuple[int, int]:
        """Count the words of a text into `raw_vocab`; return its tokens and sentences."""
        with opened_text(corpus_iterable, corpus_file) as text:
            return self._scan(text)

    def _scan(self, text: Text) -> tuple[int, int]:
        self.raw_vocab = text.counts()
        log.info(
            "%s tokens, %s distinct words, %s sentences",
            f"{text.n_tokens:,}", f"{len(self.raw_vocab):,}", f"{text.n_sentences:,}",
        )  # fmt: skip
        warn_of_limit(self.max_vocab_size, len(self.raw_vocab))
        return text.n_tokens, text.n_sentences

    def prepare_vocab(
        self,
        update: bool = False,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
        min_count: int | None = None,
        sample: float | None = None,
    ) -> dict[str, int]:
        """Choose the words among those of `scan_vocab`; return how many are kept and dropped.

        Parameters
        ----------
        update, keep_raw_vocab, trim_rule
            As for `build_vocab`.
        min_count, sample : optional
            Replace the model's.
        """
        self.min_count, self.sample = min_count or self.min_count, sample or self.sample
        kept = kept_words(self.raw_vocab, self.min_count, self.max_final_vocab, trim_rule)
        self.effective_min_count = kept.min_count
        raw, old = self.raw_vocab, self.wv.key_to_index if update else {}
        words = [*old, *(word for word in kept.counts if word not in old)]
        before = self.wv.expandos[COUNT] if old else np.empty(0, np.int64)
        counts = np.array([raw.get(word, 0) for word in words], np.int64)
        counts[: len(old)] += before
        if self.sorted_vocab and not update:
            order = np.argsort(-counts, kind="stable")
            words, counts = [words[i] for i in order.tolist()], counts[order]
        self.wv.set_words(words, counts)
        if not keep_raw_vocab:
            self.raw_vocab = {}
        return kept.report(self.sample)

    def _build(
        self,
        text: Text,
        update: bool = False,
        keep_raw_vocab: bool = False,
        trim_rule: TrimRule | None = None,
    ) -> None:
        self.corpus_total_words, self.corpus_count = self._scan(text)
        self._choose_words(update, keep_raw_vocab, trim_rule)

    def _choose_words(self, update: bool, keep_raw_vocab: bool, trim_rule: TrimRule | None) -> None:
        """Set the words, and give new ones untrained vectors."""
        if update and not len(self.wv):
            raise NotReadyError("there is no vocabulary to update; build it without update=True")
        old = self._table()[0] if update else None
        self.prepare_vocab(update, keep_raw_vocab, trim_rule)
        if not len(self.wv):
            raise NotReadyError(
                f"no word occurs {self.effective_min_count:,} times or more; lower min_count",
                parameters=("min_count",),
            )
        self._set_untrained(None if old is None else WarmStart(old))

    def init_weights(self) -> None:
        """Make all vectors random again, and keep the words."""
        self._set_untrained(None)

    def _set_untrained(self, warm_start: WarmStart | None) -> None:
        order, words, counts = self._by_count()
        vocabulary = Vocabulary(words, counts, len(words), int(counts.sum()))
        config = config_of(self, self.epochs)
        self._take(untrained_vectors(config, vocabulary, warm_start), order)

    def _by_count(self) -> tuple[NDArray[np.int64], list[str], NDArray[np.int64]]:
        """Return the rows, words and counts in the order of training."""
        counts = self.wv.expandos[COUNT]
        order = np.argsort(-counts, kind="stable")
        return order, [self.wv.index_to_key[i] for i in order.tolist()], counts[order]

    def _table(self) -> tuple[VectorTable, NDArray[np.int64], NDArray[np.int64]]:
        """Return vectors with the output layer, counts, and the order of training: that of both."""
        if not self._has_output():
            raise NotReadyError("the model has no output layer, so it cannot be trained")
        order, _, counts = self._by_count()
        table: VectorTable = self.wv.counted_table().select(order)
        if table.counts is None:
            raise NotReadyError("the counts of the words are not known, only their order")
        if self.hs:
            table = replace(table, output_matrix=self.syn1, output_rows="inner-nodes")
        else:
            table = replace(table, output_matrix=self.syn1neg[order])
        return table, counts, order

    def _has_output(self) -> bool:
        matrix = getattr(self, "syn1" if self.hs else "syn1neg", None)
        return matrix is not None and len(matrix) == len(self.wv)

    def whole_table(self) -> VectorTable:
        """Return the vectors with the output layer.

        Raises
        ------
        NotReadyError
            If the model has none.
        """
        if not self._has_output():
            raise NotReadyError("the model has no vocabulary, or no output layer")
        table: VectorTable = self.wv.counted_table()
        return replace(
            table,
            output_matrix=self.syn1 if self.hs else self.syn1neg,
            output_rows="inner-nodes" if self.hs else "words",
        )

    def take_model(self, table: VectorTable) -> None:
        """Take over the words, vectors and output layer of a table."""
        self.wv.take(table)
        if self.hs:
            self.syn1 = np.array(table.output_matrix)
        else:
            self.syn1neg = np.array(table.output_matrix)

    def _take(self, table: VectorTable, order: NDArray[np.int64]) -> None:
        """Take over vectors that are in the order of training."""
        rows = np.argsort(order)
        self.wv.set_trained(table, rows)
        if table.output_matrix is None:
            raise NotReadyError("the vectors have no output layer")
        if self.hs:
            self.syn1 = table.output_matrix
        else:
            self.syn1neg = table.output_matrix[rows]

    def reset_from(self, other_model: "VocabularyModel") -> None:
        """Take the words and counts of another model, with random vectors."""
        self.wv = self._new_vectors()
        self.wv.set_words(other_model.wv.index_to_key, other_model.wv.expandos[COUNT])
        self.corpus_count = other_model.corpus_count
        self.init_weights()
