"""Word in Context: whether a word is used in the same sense in two sentences.

The task is that of Pilehvar & Camacho-Collados 2019, 'WiC: the Word-in-Context Dataset'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.text import TextConfig
from embedtool.contextual.encoders import ContextualEncoder
from embedtool.contextual.queries import token_index
from embedtool.corpus.corpus import Corpus
from embedtool.errors import EvaluationError
from embedtool.evaluation.statistics import Interval, proportion_interval
from embedtool.io.encodings import UTF8
from embedtool.model.vectors import VectorTable
from embedtool.search.lookup import cosines, lookup

COLUMNS = ("word", "first", "second", "same")
ANSWERS = {"1": True, "0": False, "t": True, "f": False, "true": True, "false": False}
MIN_WORDS = 2
"""Minimum number of words: the threshold for a word's pairs is chosen on those of other words."""


@dataclass(frozen=True)
class SensePair:
    """A word in two sentences, and whether it has the same sense in both."""

    word: str
    first: str
    second: str
    same: bool


@dataclass(frozen=True)
class WordAccuracy:
    """How many of a word's pairs are classified correctly."""

    word: str
    correct: int
    total: int


@dataclass(frozen=True)
class WordInContext:
    """How well the cosine of a word's vectors predicts whether two uses have the same sense.

    Attributes
    ----------
    total, same : int
        Number of all pairs, and of those with the same sense.
    interval : Interval or None
        Interval of the accuracy, by resampling words.
    """

    dataset: str
    total: int
    same: int
    accuracy: float
    interval: Interval | None
    words: tuple[WordAccuracy, ...]


def read_pairs(path: str | Path, encoding: str = UTF8) -> list[SensePair]:
    """Read pairs from TSV, CSV, JSONL or Parquet with the columns word, first, second, same.

    The column `same` has 1 or 0, or T or F.

    Raises
    ------
    CorpusError
        If the file cannot be read.
    EvaluationError
        If a row is not a pair, or there are fewer than MIN_WORDS words.
    """
    columns = {f"the column {name}": name for name in COLUMNS}
    pairs = []
    corpus = Corpus([str(path)], TextConfig(encoding=encoding))
    for where, (word, first, second, same) in corpus.records(columns):
        answer = ANSWERS.get(str(same).strip().lower())
        if not (isinstance(word, str) and isinstance(first, str) and isinstance(second, str)):
            raise EvaluationError(f"{where}: expected a word and two sentences")
        if answer is None:
            raise EvaluationError(f"{where}: 'same' is {same!r}, not 1 or 0, T or F")
        pairs.append(SensePair(word, first, second, answer))
    if len({pair.word for pair in pairs}) < MIN_WORDS:
        raise EvaluationError(f"{path}: holds pairs of fewer than {MIN_WORDS} words")
    return pairs


def similarities(encoder: ContextualEncoder, pairs: Sequence[SensePair]) -> NDArray[np.float64]:
    """Return the cosine of each pair's two vectors of the word, float64 (n_pairs,).

    Raises
    ------
    QueryError
        If a sentence does not contain its word, or the encoder leaves the word out.
    """
    rows: list[list[NDArray[np.float32]]] = [[], []]
    sentences = [sentence for pair in pairs for sentence in (pair.first, pair.second)]
    for i, sentence in enumerate(encoder.encode(sentences)):
        rows[i % 2].append(sentence.vectors[token_index(sentence, pairs[i // 2].word)])
    first, second = map(np.array, rows)
    return cosines(first, second)


def static_similarities(vectors: VectorTable, pairs: Sequence[SensePair]) -> NDArray[np.float64]:
    """Return the cosines of a static model: of each word's vector with itself.

    Raises UnknownWordError.
    """
    rows = lookup(vectors, [pair.word for pair in pairs])
    return cosines(rows, rows)


def classify_pairs(
    dataset: str, pairs: Sequence[SensePair], similarity: NDArray[np.float64]
) -> WordInContext:
    """Classify pairs by a threshold of their similarity; return the numbers of correct ones.

    The threshold for a word's pairs is the best on the pairs of all other words. A static model,
    whose similarities are all 1, puts all pairs in one class.

    Parameters
    ----------
    similarity : ndarray of float64, shape (n_pairs,)
    """
    same = np.array([pair.same for pair in pairs])
    names = list(dict.fromkeys(pair.word for pair in pairs))
    groups = np.array([names.index(pair.word) for pair in pairs])
    predicted = np.zeros(len(pairs), np.bool_)
    for group in range(len(names)):
        own = groups == group
        predicted[own] = similarity[own] >= threshold(similarity[~own], same[~own])
    correct = predicted == same
    words = tuple(
        WordAccuracy(name, int(correct[groups == i].sum()), int((groups == i).sum()))
        for i, name in enumerate(names)
    )
    return WordInContext(
        dataset, len(pairs), int(same.sum()), float(correct.mean()),
        proportion_interval(correct, groups), words,
    )  # fmt: skip


def threshold(similarity: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """Return the similarity threshold that classifies most pairs correctly.

    It is the midpoint between two of the similarities, the lowest of several equally good ones; -1
    if all pairs are best classified as the same.
    """
    order = np.argsort(similarity)
    ordered, truth = similarity[order], same[order].astype(np.int64)
    right = (
        np.concatenate([[0], np.cumsum(1 - truth)])
        + truth.sum()
        - np.concatenate([[0], np.cumsum(truth)])
    )
    possible = np.concatenate([[True], np.diff(ordered) > 0, [True]])
    best = int(np.argmax(np.where(possible, right, -1)))
    if best == 0:
        return -1.0
    if best == len(ordered):
        return float(np.nextafter(ordered[-1], np.inf))
    return float((ordered[best - 1] + ordered[best]) / 2)
