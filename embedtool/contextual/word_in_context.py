"""Word in context: is a word used in the same sense in two sentences?

In: pairs of sentences, and an encoder or static vectors. Out: the share of pairs that are told
right, with its interval.

The task is Pilehvar & Camacho-Collados 2019, 'WiC: the Word-in-Context Dataset'.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.config.text import TextConfig
from embedtool.contextual.encoders import ContextualEncoder
from embedtool.contextual.queries import place_of
from embedtool.corpus.corpus import Corpus
from embedtool.errors import EvaluationError
from embedtool.evaluation.statistics import Interval, proportion_interval
from embedtool.io.encodings import UTF8
from embedtool.model.vectors import WordVectors
from embedtool.search.query import cosines, lookup

COLUMNS = ("word", "first", "second", "same")
ANSWERS = {"1": True, "0": False, "t": True, "f": False, "true": True, "false": False}
FEWEST_WORDS = 2
"""A word's pairs are judged by what was learnt from those of other words."""


@dataclass(frozen=True)
class SensePair:
    """A word in two sentences, and whether it has the same sense in both."""

    word: str
    first: str
    second: str
    same: bool


@dataclass(frozen=True)
class WordAccuracy:
    """How many of a word's pairs are told right."""

    word: str
    correct: int
    total: int


@dataclass(frozen=True)
class WordInContext:
    """How well the senses of words are told apart by the cosine of their vectors.

    total, same : pairs, and those of one sense
    accuracy    : the share of pairs that are told right
    interval    : of the accuracy, words drawn anew
    words       : by word
    """

    dataset: str
    total: int
    same: int
    accuracy: float
    interval: Interval | None
    words: tuple[WordAccuracy, ...]


def read_pairs(path: str | Path, encoding: str = UTF8) -> list[SensePair]:
    """Read pairs from TSV, CSV, JSONL or Parquet with the columns word, first, second, same.

    `same` is 1 or 0, T or F. Raises CorpusError where the file cannot be read, EvaluationError on
    what is no pair, naming where it stands, or too few words.
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
    if len({pair.word for pair in pairs}) < FEWEST_WORDS:
        raise EvaluationError(f"{path}: holds pairs of fewer than {FEWEST_WORDS} words")
    return pairs


def similarities(encoder: ContextualEncoder, pairs: Sequence[SensePair]) -> NDArray[np.float64]:
    """The cosine of the word's vectors in the two sentences of each pair, float64 (n_pairs,).

    Raises QueryError where a word does not stand in its sentence, or the encoder leaves it out.
    """
    rows: list[list[NDArray[np.float32]]] = [[], []]
    sentences = [sentence for pair in pairs for sentence in (pair.first, pair.second)]
    for i, found in enumerate(encoder.encode(sentences)):
        rows[i % 2].append(found.vectors[place_of(found, pairs[i // 2].word)])
    first, second = map(np.array, rows)
    return cosines(first, second)


def static_similarities(vectors: WordVectors, pairs: Sequence[SensePair]) -> NDArray[np.float64]:
    """The same of a static model: the cosine of each word's vector with itself.

    Raises UnknownWordError.
    """
    rows = lookup(vectors, [pair.word for pair in pairs])
    return cosines(rows, rows)


def judge(
    dataset: str, pairs: Sequence[SensePair], similarity: NDArray[np.float64]
) -> WordInContext:
    """Tell the pairs of one sense by their similarity, and say how often that is right.

    similarity : float64 (n_pairs,). A word has one sense in a pair that is as similar as a
                 threshold, the one that tells most pairs of all other words right.
    A static model has the same similarity for each pair and tells all or none to be of one sense.
    """
    same = np.array([pair.same for pair in pairs])
    names = list(dict.fromkeys(pair.word for pair in pairs))
    groups = np.array([names.index(pair.word) for pair in pairs])
    told = np.zeros(len(pairs), np.bool_)
    for group in range(len(names)):
        own = groups == group
        told[own] = similarity[own] >= threshold(similarity[~own], same[~own])
    correct = told == same
    words = tuple(
        WordAccuracy(name, int(correct[groups == i].sum()), int((groups == i).sum()))
        for i, name in enumerate(names)
    )
    return WordInContext(
        dataset, len(pairs), int(same.sum()), float(correct.mean()),
        proportion_interval(correct, groups), words,
    )  # fmt: skip


def threshold(similarity: NDArray[np.float64], same: NDArray[np.bool_]) -> float:
    """The similarity from which on pairs are called the same, so that most are told right.

    It lies half way between two that occur; the lowest of several that do equally well, -1 where
    all are best called the same.
    """
    order = np.argsort(similarity)
    sorted_, truth = similarity[order], same[order].astype(np.int64)
    right = (
        np.concatenate([[0], np.cumsum(1 - truth)])
        + truth.sum()
        - np.concatenate([[0], np.cumsum(truth)])
    )
    possible = np.concatenate([[True], np.diff(sorted_) > 0, [True]])
    best = int(np.argmax(np.where(possible, right, -1)))
    if best == 0:
        return -1.0
    if best == len(sorted_):
        return float(np.nextafter(sorted_[-1], np.inf))
    return float((sorted_[best - 1] + sorted_[best]) / 2)
