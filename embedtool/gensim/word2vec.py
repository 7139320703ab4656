"""`Word2Vec` with gensim's arguments and methods, trained by embedtool."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any, Self

import numpy as np

from embedtool.gensim.callbacks import checked_callbacks
from embedtool.gensim.errors import ArgumentError, NotReadyError, WrongModelError
from embedtool.gensim.files import check_no_pickle, warn_ignored
from embedtool.gensim.fitting import fit
from embedtool.gensim.options import (
    BATCH_WORDS,
    arguments_of,
    check_arguments,
    config_of,
    last_rate,
)
from embedtool.gensim.predictions import PredictingModel
from embedtool.gensim.text import Text, check_text, opened_text
from embedtool.gensim.vocabulary import TrimRule
from embedtool.gensim.vocabulary_model import Sentences
from embedtool.model import store
from embedtool.model.vectors import ModelRecord, VectorTable
from embedtool.pretrained.installed import model_path
from embedtool.trainers.manifest import algorithm_of

log = logging.getLogger(__name__)

KEPT = (
    "corpus_count", "corpus_total_words", "train_count", "hs", "negative", "min_count",
    "max_final_vocab", "max_vocab_size", "sorted_vocab", "batch_words", "comment",
)  # fmt: skip
"""Attributes that a saved model has beside its options."""


class Word2Vec(PredictingModel):
    """Word2Vec with gensim's arguments and methods.

    The arguments are those of gensim 4.4, with its defaults. `hashfxn` makes no difference.
    With `hs` and `negative` only hierarchical softmax is trained, with a warning.

    Parameters
    ----------
    sentences : iterable of list of str, optional
        The text, which is read once, so that a generator will do.
    corpus_file : str or Path, optional
        A file of sentences, one a line, of tokens between white space.
    vector_size, window, min_count, sample, seed, workers, negative, ns_exponent, epochs
        As for `embedtool.Word2VecConfig`.
    alpha, min_alpha : float
        The learning rate at the start and at the end.
    sg : {0, 1}
        1: skip-gram; 0: CBOW.
    hs : {0, 1}
        1: hierarchical softmax; 0: negative sampling.
    cbow_mean, shrink_windows : bool
        As for `embedtool.Word2VecConfig`.
    trim_rule : callable, optional
        Called with a word, its count and `min_count`; returns `RULE_KEEP`, `RULE_DISCARD` or
        `RULE_DEFAULT`, which leaves it to the count.
    max_final_vocab : int, optional
        Raise `min_count` until no more words than this are left.
    compute_loss : bool
        Add up the loss; see `get_latest_training_loss`.
    callbacks : iterable of CallbackAny2Vec
        Called with the model before and after the training and each epoch.
    comment : str, optional
        Saved with the model.
    batch_words : int
        Tokens that a subclass's own `_do_train_job` is given at a time, and after which gensim
        lowers the learning rate; see `embedtool.gensim.options.last_rate`.
    hashfxn
        Ignored with a warning.
    max_vocab_size
        Ignored, with a warning if the text has more words.
    null_word
        Must be 0.

    Attributes
    ----------
    wv : KeyedVectors
        The vectors.
    corpus_count, corpus_total_words : int
        Sentences and tokens of the last text that the vocabulary was built from.
    syn1neg, syn1 : ndarray of float32, shape (n_words, vector_size)
        The output layer: of words with negative sampling, of inner nodes with hierarchical softmax.

    Examples
    --------
    >>> from embedtool.gensim import Word2Vec
    >>> sentences = [["the", "sea", "and", "the", "ship"], ["the", "ship", "at", "sea"]] * 20
    >>> model = Word2Vec(sentences, vector_size=16, min_count=1, workers=1)
    >>> len(model.wv), model.wv["ship"].shape
    (5, (16,))
    """

    algorithm = "word2vec"

    def __init__(
        self,
        sentences: Sentences | None = None,
        corpus_file: str | Path | None = None,
        vector_size: int = 100,
        alpha: float = 0.025,
        window: int = 5,
        min_count: int = 5,
        max_vocab_size: int | None = None,
        sample: float = 1e-3,
        seed: int | None = 1,
        workers: int = 3,
        min_alpha: float = 0.0001,
        sg: int = 0,
        hs: int = 0,
        negative: int = 5,
        ns_exponent: float = 0.75,
        cbow_mean: int = 1,
        hashfxn: Callable[..., int] = hash,
        epochs: int = 5,
        null_word: int = 0,
        trim_rule: TrimRule | None = None,
        sorted_vocab: int = 1,
        batch_words: int = BATCH_WORDS,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
        comment: str | None = None,
        max_final_vocab: int | None = None,
        shrink_windows: bool = True,
    ) -> None:
        check_arguments(hashfxn, batch_words, null_word)
        callbacks = checked_callbacks(callbacks)
        self.batch_words = batch_words
        self.vector_size, self.window, self.shrink_windows = vector_size, window, shrink_windows
        self.alpha, self.min_alpha, self.epochs = alpha, min_alpha, epochs
        self.min_count, self.sample, self.ns_exponent = min_count, sample, ns_exponent
        self.sg, self.hs, self.negative, self.cbow_mean = int(sg), int(hs), negative, cbow_mean
        self.seed, self.workers, self.compute_loss = seed, workers, compute_loss
        self.max_vocab_size, self.max_final_vocab = max_vocab_size, max_final_vocab
        self.sorted_vocab, self.comment = sorted_vocab, comment
        self.corpus_count = self.corpus_total_words = self.train_count = 0
        self.effective_min_count, self.running_training_loss = min_count, 0.0
        self.min_alpha_yet_reached = alpha
        self.raw_vocab: dict[str, int] = {}
        self.wv = self._new_vectors()
        config_of(self, epochs)
        if sentences is None and corpus_file is None:
            if callbacks or trim_rule is not None:
                log.warning("trim_rule and callbacks are not stored: give them with the text")
            return
        with opened_text(sentences, corpus_file) as text:
            self._build(text, trim_rule=trim_rule)
            self._train(text, epochs, callbacks)

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}<vocab={len(self.wv)}, vector_size={self.vector_size}, "
            f"alpha={self.alpha}>"
        )

    def train(
        self,
        corpus_iterable: Sentences | None = None,
        corpus_file: str | Path | None = None,
        total_examples: int | None = None,
        total_words: int | None = None,
        epochs: int | None = None,
        start_alpha: float | None = None,
        end_alpha: float | None = None,
        word_count: int = 0,
        queue_factor: int = 2,
        report_delay: float = 1.0,
        compute_loss: bool = False,
        callbacks: Iterable[Any] = (),
    ) -> tuple[int, int]:
        """Train the vectors on a text, from what they are now.

        Words and counts are those of `build_vocab`; other words of the text are left out.

        Parameters
        ----------
        corpus_iterable, corpus_file
            The text, as for the class.
        total_examples, total_words : int
            Sentences or tokens of the text; one of them is required, as in gensim. Embedtool counts
            them itself, and warns if there are more or fewer.
        epochs : int
            Number of passes over the text; required.
        start_alpha, end_alpha : float, optional
            Replace the model's `alpha` and `min_alpha`.
        word_count, queue_factor, report_delay
            Ignored.
        compute_loss : bool
            Add up the loss; see `get_latest_training_loss`.
        callbacks : iterable
            As for the class.

        Returns
        -------
        n_known : int
            Tokens with a vector that were read in all epochs, before subsampling.
        n_tokens : int
            Tokens that were read in all epochs.

        Raises
        ------
        ArgumentError
            If a required argument is missing. It is a ValueError.
        ArgumentTypeError
            If the text is not one. It is a TypeError.
        NotReadyError
            If the vocabulary has not been built. It is a RuntimeError.
        """
        check_text(corpus_iterable, corpus_file)
        callbacks = checked_callbacks(callbacks)
        if not epochs or epochs < 0 or (total_examples is None and total_words is None):
            raise ArgumentError(
                "train needs epochs, and total_examples or total_words; after build_vocab on the "
                "same text: total_examples=model.corpus_count, epochs=model.epochs",
                parameters=("epochs", "total_examples", "total_words"),
            )
        self.alpha, self.min_alpha = start_alpha or self.alpha, end_alpha or self.min_alpha
        self.epochs, self.compute_loss = epochs, compute_loss
        if corpus_iterable is not None and type(self)._do_train_job is not Word2Vec._do_train_job:
            corpus_iterable = self._made_by_jobs(corpus_iterable)
        with opened_text(corpus_iterable, corpus_file) as text:
            text.compare_sizes(total_examples, total_words)
            return self._train(text, epochs, callbacks)

    def _do_train_job(self, sentences: Sequence[Any], alpha: float, inits: Any) -> tuple[int, int]:
        """Take over the sentences of a job; a subclass may replace them first.

        fastnode2vec does so: it turns the numbers of nodes into walks that begin there.
        """
        self._job = list(sentences)
        return 0, 0

    def _made_by_jobs(self, sentences: Iterable[Sequence[Any]]) -> Iterator[Any]:
        """Yield the sentences that `_do_train_job` of a subclass makes of others.

        The jobs are gensim's, up to `batch_words` tokens or one longer sentence, because
        fastnode2vec sets its seed in each.
        """
        job: list[Sequence[Any]] = []
        n_tokens = 0
        for sentence in chain(sentences, [None]):
            if job and (sentence is None or n_tokens + len(sentence) > self.batch_words):
                self._do_train_job(job, self.alpha, None)
                yield from self._job
                job, n_tokens = [], 0
            if sentence is not None:
                job.append(sentence)
                n_tokens += len(sentence)

    def _train(self, text: Text, epochs: int, callbacks: Sequence[Any]) -> tuple[int, int]:
        """Train on a text that has been read."""
        if len(self.wv) < 2:
            raise NotReadyError(
                f"the vocabulary has {len(self.wv)} words; build it before training, with a lower "
                "min_count or from more text",
                parameters=("min_count",),
            )
        if self.hs and self.negative:
            log.warning(
                "hs=%s and negative=%s: only hierarchical softmax is trained; set negative=0, or "
                "hs=0 for negative sampling", self.hs, self.negative,
                extra={"parameters": ("hs", "negative")},
            )  # fmt: skip
        if self.alpha > self.min_alpha_yet_reached:
            log.warning("alpha=%g is above that of an earlier training", self.alpha)
        config = config_of(self, epochs)
        table, counts, order = self._table()
        corpus = text.encoded(table.words, counts)
        rate = last_rate(self, text.n_tokens, epochs)
        config = replace(config, min_learning_rate=rate)
        self.running_training_loss = 0.0
        for callback in callbacks:
            callback.on_train_begin(self)
            callback.on_epoch_begin(self)

        def at_end(done: int, loss: float, copy_vectors: Callable[[], VectorTable]) -> None:
            log.info("epoch %s of %s: %s tokens", done, epochs, f"{corpus.n_tokens:,}")
            self.running_training_loss += loss if self.compute_loss else 0.0
            if callbacks:
                self._take(copy_vectors(), order)
            for callback in callbacks:
                callback.on_epoch_end(self)
            for callback in callbacks if done < epochs else ():
                callback.on_epoch_begin(self)

        frozen = self.wv.frozen(order)
        self._take(fit(config, corpus, text.folder, table, frozen, at_end), order)
        self.train_count += 1
        self.min_alpha_yet_reached = self.min_alpha
        for callback in callbacks:
            callback.on_train_end(self)
        return corpus.n_tokens * epochs, text.n_tokens * epochs

    def get_latest_training_loss(self) -> float:
        """Return the sum of the losses of all pairs in the last call of `train`, so far.

        It is 0 without `compute_loss`. Gensim's is a sum of another kind of pairs.
        """
        return self.running_training_loss

    def save(self, fname_or_handle: str | Path, **ignored: Any) -> None:
        """Save the model in a folder of embedtool, replacing a model there.

        gensim's options for its pickles are ignored with a warning.
        """
        warn_ignored("save", ignored)
        config = config_of(self, self.epochs)
        description = {
            "algorithm": algorithm_of(config),
            "options": asdict(config),
            "vocabulary": {"tokens_seen": self.corpus_total_words},
            "gensim": {name: getattr(self, name) for name in KEPT},
        }
        store.save(ModelRecord(self.whole_table(), description), fname_or_handle, overwrite=True)

    @classmethod
    def load(cls, fname_or_handle: str | Path, mmap: str | None = None) -> Self:
        """Load a model that `save` or `embedtool train` saved.

        Parameters
        ----------
        fname_or_handle : str or Path
            The folder.
        mmap : str, optional
            ``"r"``: leave the vectors on disk, until they are trained.

        Raises
        ------
        WrongModelError
            If the folder holds vectors only, or another kind of model. It is an AttributeError.
        ModelError
            If it is not a model.
        FormatError
            If it is a pickle, as gensim's own files are.
        """
        check_no_pickle(fname_or_handle)
        record = store.load(model_path(fname_or_handle))
        table, description = record.vectors, record.description
        if description.get("algorithm") != cls.algorithm or table.output_matrix is None:
            raise WrongModelError(
                f"{fname_or_handle}: is not a model of {cls.__name__} with an output layer; load "
                "its vectors with KeyedVectors.load"
            )
        model = cls(**arguments_of(description["options"]))
        kept = dict(description.get("gensim", {}))
        model.__dict__.update({name: kept[name] for name in KEPT if name in kept})
        if not mmap:
            table = replace(table, rows=np.array(table.rows))
        model.take_model(table)
        return model
