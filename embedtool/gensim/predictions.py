"""`PredictingModel`: the words that a trained model expects in a context."""

import logging
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray

from embedtool.gensim.errors import NotReadyError
from embedtool.gensim.files import warn_ignored
from embedtool.gensim.vocabulary_model import Sentences, VocabularyModel
from embedtool.kernels.sgd.reference import huffman_path
from embedtool.trainers.count_tables import huffman_tree

log = logging.getLogger(__name__)

Path = tuple[NDArray[np.int64], NDArray[np.float64]]
"""The output rows of the inner nodes above a word, and the sign of each: 1 or -1."""
CACHED_PATHS = 2**16
"""Words whose paths are kept: the frequent ones, which are most tokens of a text."""


def paths_of(counts: NDArray[np.int64]) -> Callable[[int], Path]:
    """Return the function that finds the path of a word; `counts` are in descending order."""
    tree, _ = huffman_tree(counts)

    @lru_cache(CACHED_PATHS)
    def path(word: int) -> Path:
        nodes, bits = zip(*huffman_path(tree, word), strict=True)
        return np.array(nodes, np.int64), np.where(bits, 1.0, -1.0)

    return path


def log_probability(
    sentence: Sequence[int],
    vectors: NDArray[np.float32],
    outputs: NDArray[np.float32],
    path: Callable[[int], Path],
    window: int,
    combine: Callable[[NDArray[np.float64]], NDArray[np.float64]],
) -> float:
    """Return the sum of the log probabilities of all predictions in a sentence.

    Parameters
    ----------
    sentence : sequence of int
        The ids of its known words.
    vectors : ndarray of float32, shape (n_words, vector_size)
        The vectors of the words.
    outputs : ndarray of float32, shape (n_words, vector_size)
        The rows of the inner nodes.
    path : callable
        Returns the path of a word.
    window : int
        Number of context words on each side; all of them count.
    combine : callable
        Turns the vectors of a context, float64 (n, vector_size), into those that predict the word:
        all of them for skip-gram, their sum or mean for CBOW.

    References
    ----------
    Taddy 2015, "Document Classification by Inversion of Distributed Language Representations".
    """
    total = 0.0
    for i, word in enumerate(sentence):
        context = [*sentence[max(0, i - window) : i], *sentence[i + 1 : i + 1 + window]]
        if context:
            nodes, signs = path(word)
            hidden = combine(vectors[context].astype(np.float64))
            total -= float(np.logaddexp(0, -signs * (hidden @ outputs[nodes].T)).sum())
    return total


class PredictingModel(VocabularyModel):
    """A model that predicts words from their context."""

    sg: int
    cbow_mean: int
    window: int

    def predict_output_word(
        self, context_words_list: Sequence[str | int], topn: int = 10
    ) -> list[tuple[str, float]] | None:
        """Return the most probable words in the middle of a context, by CBOW.

        Parameters
        ----------
        context_words_list : list of str or int
            The words around it; unknown ones are left out.
        topn : int
            Number of answers.

        Returns
        -------
        list of (str, float), or None
            Words with their probabilities by a softmax over all words; None if no word is known.

        Raises
        ------
        NotReadyError
            If the model was not trained by negative sampling. It is a RuntimeError.
        """
        if self.hs or not self._has_output():
            raise NotReadyError("predict_output_word needs a model of negative sampling")
        rows = [self.wv.get_index(word) for word in context_words_list if word in self.wv]
        if not rows:
            log.warning("no word of the context is known")
            return None
        hidden = self.wv.vectors[rows].sum(axis=0, dtype=np.float64)
        scores = self.syn1neg @ (hidden / len(rows) if self.cbow_mean else hidden)
        odds = np.exp(scores - scores.max())
        odds /= odds.sum()
        best = np.argsort(-odds, kind="stable")[:topn]
        return [(self.wv.index_to_key[i], float(odds[i])) for i in best.tolist()]

    def score(
        self, sentences: Sentences, total_sentences: int = 1_000_000, **ignored: Any
    ) -> NDArray[np.float64]:
        """Return the log probability of each sentence, float64 (n_sentences,).

        All context words within the window count, and unknown words are left out.

        Parameters
        ----------
        sentences : iterable of list of str
            The sentences.
        total_sentences : int
            Number of sentences to score at most.

        Raises
        ------
        NotReadyError
            If the model was not trained by hierarchical softmax. It is a RuntimeError.
        """
        warn_ignored("score", ignored)
        if not self.hs or not self._has_output():
            raise NotReadyError("score needs a model of hierarchical softmax: hs=1")
        order, _, counts = self._by_count()
        vectors, path = self.wv.vectors[order], paths_of(counts)
        id_of = dict(zip(order.tolist(), range(len(order)), strict=True))

        def combine(context: NDArray[np.float64]) -> NDArray[np.float64]:
            if self.sg:
                return context
            hidden: NDArray[np.float64] = context.sum(axis=0)
            return hidden / len(context) if self.cbow_mean else hidden

        known = (
            [id_of[self.wv.key_to_index[word]] for word in sentence if word in self.wv.key_to_index]
            for sentence in islice(sentences, total_sentences)
        )
        scores = [
            log_probability(ids, vectors, self.syn1, path, self.window, combine) for ids in known
        ]
        return np.array(scores)
