"""Evaluation on analogy questions: accuracy by section, by kind of relation and over all."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from embedtool.config.choices import ANALOGY_METHODS, RESTRICT_VOCAB, AnalogyMethod
from embedtool.errors import EvaluationError
from embedtool.evaluation.methods import (
    RELATION_METHODS,
    Relation,
    answer_by_example,
    answer_by_relation,
)
from embedtool.evaluation.results import EvaluationResult, Metric
from embedtool.evaluation.statistics import Interval, proportion_interval
from embedtool.evaluation.tasks import AnalogySet
from embedtool.evaluation.vocabulary_lookup import WordIndex, index_words
from embedtool.messages import brief
from embedtool.model.vectors import VectorTable

Ids = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class AnalogyOutcomes:
    """The answer to each question of an AnalogySet, in its order.

    Attributes
    ----------
    known : ndarray of bool, shape (n_questions,)
        Whether the first three words and a right answer are known.
    answers : ndarray of int64, shape (n_questions,)
        Id of the answer; -1 if there is none.
    correct : ndarray of bool, shape (n_questions,)
        Whether it is a right answer.
    sections : ndarray of int64, shape (n_questions,)
        Index of each question's section.
    pairs : ndarray of int64, shape (n_questions, 2)
        Ids of the first words of each question's two pairs.
    n_candidates : int
        Number of words that could answer.
    method, include_query_words, restrict_vocab, case_insensitive
        The settings of `answer_analogies`.
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
        """Return the clusters of the chosen questions, for standard errors.

        Parameters
        ----------
        chosen : ndarray of bool, shape (n_questions,)
            Questions that are known.

        Returns
        -------
        ndarray of int64, shape (n_chosen,) or (n_chosen, 2)
            The section of each question; if there is only one section, the two pairs of words of
            each question. See `statistics.proportion_interval`.
        """
        sections = self.sections[chosen]
        return sections if len(np.unique(sections)) > 1 else self.pairs[chosen]


@dataclass(frozen=True)
class AnalogyScore:
    """The accuracy over the questions of one or several sections.

    Attributes
    ----------
    name : str
        Name of the section or kind, or "total".
    correct : int
        Questions answered with a right word.
    found : int
        Questions whose first three words and a right answer are known.
    accuracy : float or None
        correct / found, as in word2vec, GloVe and gensim.
    interval : Interval or None
        Interval of the accuracy, by `statistics.proportion_interval`.
    accuracy_over_total : float or None
        correct / total: a question with an unknown word is wrong.
    """

    name: str
    correct: int
    found: int
    total: int
    accuracy: float | None
    interval: Interval | None
    accuracy_over_total: float | None


@dataclass(frozen=True, repr=False)
class AnalogyResult(EvaluationResult):
    """Accuracy by section, by kind of relation and over all, with the evaluation's settings."""

    dataset: str
    method: AnalogyMethod
    include_query_words: bool
    restrict_vocab: int | None
    n_candidates: int
    case_insensitive: bool
    sections: tuple[AnalogyScore, ...]
    kinds: tuple[AnalogyScore, ...]
    total: AnalogyScore

    @property
    def metrics(self) -> list[Metric]:
        return [
            Metric(p.name, p.found, p.total, p.accuracy, p.interval, p.accuracy_over_total)
            for p in (*self.sections, *self.kinds, self.total)
        ]

    @property
    def primary_metric(self) -> Metric:
        return replace(self.metrics[-1], name="accuracy")

    @property
    def settings(self) -> str:
        query_words = ["query words may answer"] if self.include_query_words else []
        return ", ".join([self.method, *query_words, super().settings])


def answer_analogies(
    vectors: VectorTable,
    analogies: AnalogySet,
    *,
    method: AnalogyMethod = ANALOGY_METHODS[0],
    include_query_words: bool = False,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> AnalogyOutcomes:
    """Answer each question a : b, c with the best known word except a, b and c.

    Parameters
    ----------
    method : str
        One of `evaluation.methods`. Methods that learn from the whole relation leave out the pair
        of c, and exclude only c from the answers.
    include_query_words : bool
        Accept all words as answers (Linzen 2016: 3cosadd then mostly answers b or c).
    restrict_vocab : int or None
        Only the N most frequent words are known; None for all.
    case_insensitive : bool
        Look up a word that is unknown as spelled regardless of case (see
        `vocabulary_lookup.WordIndex`). An answer that differs from a right one only in case is
        right, and one that differs from a, b or c only in case is excluded.

    Raises
    ------
    EvaluationError
        If the method is unknown or the limit is below 1.
    """
    if method not in ANALOGY_METHODS:
        raise EvaluationError(f"no method {method!r}: expected one of {', '.join(ANALOGY_METHODS)}")
    known = index_words(vectors, restrict_vocab, case_insensitive)
    questions = analogies.questions
    ids = known.word_ids(word for q in questions for word in q[:3]).reshape(-1, 3)
    right = known.word_ids(word for q in questions for word in q[3])
    question_of = np.repeat(np.arange(len(questions)), [len(question[3]) for question in questions])
    first_right = np.full(len(questions), -1, dtype=np.int64)
    first_right[question_of[right >= 0][::-1]] = right[right >= 0][::-1]
    found: NDArray[np.bool_] = (first_right >= 0) & (ids.min(axis=1) >= 0)
    sections = np.repeat(
        np.arange(len(analogies.sections)), [len(s.questions) for s in analogies.sections]
    )
    candidates = known.candidates(np.concatenate([ids.ravel(), right]))
    answers = np.full(len(ids), -1, dtype=np.int64)
    if method in RELATION_METHODS:
        for section in np.unique(sections[found]):
            rows = np.flatnonzero(found & (sections == section))
            pairs = np.column_stack([ids[rows], first_right[rows]])
            answers[rows] = _answer_relation(
                vectors, pairs, method, candidates, known, include_query_words
            )
    elif found.any():
        excluded = known.case_variants(candidates, ids[found][:, : 0 if include_query_words else 3])
        answers[found] = answer_by_example(vectors, ids[found], method, candidates, excluded)
    return AnalogyOutcomes(
        found, answers, found & _are_right(answers, known, right, question_of), sections,
        ids[:, [0, 2]], len(candidates),
        method, include_query_words, restrict_vocab, case_insensitive,
    )  # fmt: skip


def _are_right(answers: Ids, known: WordIndex, right: Ids, question_of: Ids) -> NDArray[np.bool_]:
    """Return whether each answer is among the right ones of its question."""
    are_right = np.zeros(len(answers), dtype=np.bool_)
    answered = (right >= 0) & (answers[question_of] >= 0)
    same = known.folded_ids[right] == known.folded_ids[answers[question_of]]
    are_right[question_of[answered & same]] = True
    return are_right


def _answer_relation(
    vectors: VectorTable,
    pairs: Ids,
    method: AnalogyMethod,
    candidates: Ids,
    known: WordIndex,
    include_query_words: bool,
) -> Ids:
    """Return the answers to the questions of one section.

    Parameters
    ----------
    pairs : ndarray of int64, shape (n_questions, 4)
        Ids of a, b, c and the first known right answer.
    """
    both = np.concatenate([pairs[:, :2], pairs[:, 2:]])
    sources, first_rows = np.unique(both[:, 0], return_index=True)
    relation = Relation(sources, both[first_rows, 1])
    queries, query_of = np.unique(pairs[:, 2], return_inverse=True)
    excluded = known.case_variants(
        candidates, queries[:, None][:, : 0 if include_query_words else 1]
    )
    answers = answer_by_relation(vectors, relation, queries, method, candidates, excluded)
    return answers[query_of]


def evaluate_analogies(
    vectors: VectorTable,
    analogies: AnalogySet,
    *,
    method: AnalogyMethod = ANALOGY_METHODS[0],
    include_query_words: bool = False,
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> AnalogyResult:
    """Return the accuracy of `answer_analogies`, which has the same parameters."""
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
    """Return the accuracy by section, by kind of section and over all."""
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
    known = chosen & outcomes.known
    correct, found, total = int(outcomes.correct[known].sum()), int(known.sum()), int(chosen.sum())
    interval = None
    if with_interval:
        interval = proportion_interval(outcomes.correct[known], outcomes.groups(known))
    return AnalogyScore(
        name,
        correct,
        found,
        total,
        accuracy=correct / found if found else None,
        interval=interval,
        accuracy_over_total=correct / total if total else None,
    )
