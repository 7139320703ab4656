"""How many analogy questions word vectors answer.

In: WordVectors and an AnalogySet. Out: the answer to each question, and the accuracy by section, by
kind of relation and over all.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import ANALOGY_METHODS, RESTRICT_VOCAB, AnalogyMethod
from embedtool.errors import EvaluationError
from embedtool.evaluation.methods import (
    OVER_RELATION,
    Relation,
    answer_by_example,
    answer_by_relation,
)
from embedtool.evaluation.statistics import Interval, proportion_interval
from embedtool.evaluation.tasks import AnalogySet
from embedtool.evaluation.vocabulary_lookup import WordIndex, index_words
from embedtool.messages import brief
from embedtool.model.vectors import WordVectors

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AnalogyOutcomes:
    """What became of each question of an AnalogySet, in its order.

    known        : bool (n_questions,), whether the first three words and a right answer are known
    answers      : int64 (n_questions,), id of the word that answers, -1 where there is none
    correct      : bool (n_questions,), whether it is a right answer
    sections     : int64 (n_questions,), the place of each question's section
    pairs        : int64 (n_questions, 2), ids of the first words of each question's two pairs
    n_candidates : among how many words the answers were sought

    and the settings of `answer_analogies`.
    """

    __repr__ = brief

    known: NDArray[np.bool_]
    answers: Ids
    correct: NDArray[np.bool_]
    sections: Ids
    pairs: Ids
    n_candidates: int
    method: AnalogyMethod
    include_query_words: bool
    restrict_vocab: int | None
    case_insensitive: bool

    def groups(self, chosen: NDArray[np.bool_]) -> Ids:
        """What is independent of each other among the chosen questions, which are known.

        Their sections; or, where all are of one section, the two pairs of words of each.
        """
        sections = self.sections[chosen]
        return sections if len(np.unique(sections)) > 1 else self.pairs[chosen]


@dataclass(frozen=True)
class AnalogyScore:
    """The questions of a section, or of several.

    correct             : questions answered with a right word
    found               : questions whose first three words and a right answer are known
    total               : all questions
    accuracy            : correct / found, as word2vec, GloVe and gensim have it, or None
    interval            : of the accuracy, by `statistics.proportion_interval`, or None
    accuracy_over_total : correct / total, or None: a question with an unknown word is wrong
    """

    name: str
    correct: int
    found: int
    total: int
    accuracy: float | None
    interval: Interval | None
    accuracy_over_total: float | None


@dataclass(frozen=True)
class AnalogyResult:
    """Accuracy by section, by kind of relation and over all, and the settings it depends on."""

    dataset: str
    method: AnalogyMethod
    include_query_words: bool
    restrict_vocab: int | None
    n_candidates: int
    case_insensitive: bool
    sections: tuple[AnalogyScore, ...]
    kinds: tuple[AnalogyScore, ...]
    total: AnalogyScore


def answer_analogies(
    vectors: WordVectors,
    analogies: AnalogySet,
    *,
    method: AnalogyMethod = ANALOGY_METHODS[0],
    include_query_words: bool = False,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> AnalogyOutcomes:
    """Answer each question a : b, c with the best of all known words but a, b and c.

    method              : one of `embedtool.evaluation.methods`; those that learn from the whole
                          relation leave out the pair of c, and of the words only c may not answer
    include_query_words : let all words answer (Linzen 2016: 3cosadd then mostly answers b or c)
    restrict_vocab      : only the first so many words are known; None: all
    case_insensitive    : a word that is not known as it is spelled is sought without regard to
                          case (`known.WordIndex`); an answer that differs from a right one only
                          in case is right, and one that differs so from a, b or c is none

    Raises EvaluationError on an unknown method or a limit below 1.
    """
    if method not in ANALOGY_METHODS:
        raise EvaluationError(f"no method {method!r}: expected one of {', '.join(ANALOGY_METHODS)}")
    known = index_words(vectors, restrict_vocab, case_insensitive)
    questions = analogies.questions
    words = (word for question in questions for word in question[:3])
    ids = known.word_ids(words).reshape(-1, 3)
    right = known.word_ids(word for q in questions for word in q[3])
    asked_by = np.repeat(np.arange(len(questions)), [len(question[3]) for question in questions])
    first_right = np.full(len(questions), -1, dtype=np.int64)
    first_right[asked_by[right >= 0][::-1]] = right[right >= 0][::-1]
    found: NDArray[np.bool_] = (first_right >= 0) & (ids.min(axis=1) >= 0)
    sections = np.repeat(
        np.arange(len(analogies.sections)), [len(s.questions) for s in analogies.sections]
    )
    candidates = known.candidates(np.concatenate([ids.ravel(), right]))
    answers = np.full(len(ids), -1, dtype=np.int64)
    if method in OVER_RELATION:
        for section in np.unique(sections[found]):
            here = np.flatnonzero(found & (sections == section))
            pairs = np.column_stack([ids[here], first_right[here]])
            answers[here] = _answer_relation(
                vectors, pairs, method, candidates, known, include_query_words
            )
    elif found.any():
        excluded = known.variants(candidates, ids[found][:, : 0 if include_query_words else 3])
        answers[found] = answer_by_example(vectors, ids[found], method, candidates, excluded)
    correct = np.zeros(len(questions), dtype=np.bool_)
    answered = (right >= 0) & (answers[asked_by] >= 0)
    same = known.forms[right] == known.forms[answers[asked_by]]
    correct[asked_by[answered & same]] = True
    return AnalogyOutcomes(
        found, answers, correct & found, sections, ids[:, [0, 2]], len(candidates),
        method, include_query_words, restrict_vocab, case_insensitive,
    )  # fmt: skip


def _answer_relation(
    vectors: WordVectors,
    pairs: Ids,
    method: AnalogyMethod,
    candidates: Ids,
    known: WordIndex,
    include_query_words: bool,
) -> Ids:
    """The answers to the questions of one section.

    pairs : int64 (n_questions, 4), ids of a, b, c and the first known right answer
    """
    both = np.concatenate([pairs[:, :2], pairs[:, 2:]])
    sources, places = np.unique(both[:, 0], return_index=True)
    relation = Relation(sources, both[places, 1])
    asked, slots = np.unique(pairs[:, 2], return_inverse=True)
    excluded = known.variants(candidates, asked[:, None][:, : 0 if include_query_words else 1])
    answers = answer_by_relation(vectors, relation, asked, method, candidates, excluded)
    return answers[slots]


def evaluate_analogies(
    vectors: WordVectors,
    analogies: AnalogySet,
    *,
    method: AnalogyMethod = ANALOGY_METHODS[0],
    include_query_words: bool = False,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> AnalogyResult:
    """The accuracy of `answer_analogies`, by section, by kind of section and over all."""
    outcomes = answer_analogies(
        vectors,
        analogies,
        method=method,
        include_query_words=include_query_words,
        restrict_vocab=restrict_vocab,
        case_insensitive=case_insensitive,
    )
    return score_analogies(analogies, outcomes)


def score_analogies(analogies: AnalogySet, outcomes: AnalogyOutcomes) -> AnalogyResult:
    """What the outcomes of the questions come to."""
    kinds = [section.kind for section in analogies.sections]
    of_kind = np.array(kinds)[outcomes.sections]
    return AnalogyResult(
        dataset=analogies.name,
        method=outcomes.method,
        include_query_words=outcomes.include_query_words,
        restrict_vocab=outcomes.restrict_vocab,
        n_candidates=outcomes.n_candidates,
        case_insensitive=outcomes.case_insensitive,
        sections=tuple(
            _score(section.name, outcomes, outcomes.sections == i, with_interval=False)
            for i, section in enumerate(analogies.sections)
        ),
        kinds=tuple(_score(kind, outcomes, of_kind == kind) for kind in dict.fromkeys(kinds)),
        total=_score("total", outcomes, np.ones(len(of_kind), dtype=np.bool_)),
    )


def _score(
    name: str,
    outcomes: AnalogyOutcomes,
    chosen: NDArray[np.bool_],
    with_interval: bool = True,
) -> AnalogyScore:
    here = chosen & outcomes.known
    correct, found, total = int(outcomes.correct[here].sum()), int(here.sum()), int(chosen.sum())
    interval = None
    if with_interval:
        interval = proportion_interval(outcomes.correct[here], outcomes.groups(here))
    return AnalogyScore(
        name,
        correct,
        found,
        total,
        accuracy=correct / found if found else None,
        interval=interval,
        accuracy_over_total=correct / total if total else None,
    )
