"""How many analogy questions word vectors answer.

In: WordVectors and an AnalogySet. Out: the answer to each question, and the accuracy by section.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from embedtool.config import METHODS, RESTRICT_VOCAB, Method
from embedtool.errors import EvaluationError
from embedtool.evaluation.datasets import AnalogySet
from embedtool.evaluation.known import ids_of, known_words
from embedtool.search.index import nearest, nearest_by_product
from embedtool.vectors import WordVectors, unit_rows

SYNTACTIC = "gram"
"""How the names of the Google set's syntactic sections begin; all other sections are semantic."""

WEIGHTS = (-1.0, 1.0, 1.0)
"""What the first three words of a question weigh in its answer: b - a + c."""


@dataclass(frozen=True, eq=False)
class AnalogyOutcomes:
    """What became of each question of an AnalogySet, in its order.

    known        : bool (n_questions,), whether all four words are known
    answers      : int64 (n_questions,), id of the word that answers, -1 where there is none
    correct      : bool (n_questions,), whether it is the fourth word
    n_candidates : among how many words the answers were sought
    """

    known: NDArray[np.bool_]
    answers: NDArray[np.int64]
    correct: NDArray[np.bool_]
    n_candidates: int


@dataclass(frozen=True)
class AnalogyScore:
    """The questions of a section, or of several.

    correct             : questions answered with the right word
    found               : questions whose four words are all known
    total               : all questions
    accuracy            : correct / found, as word2vec, GloVe and gensim have it, or None
    accuracy_over_total : correct / total, or None: a question with an unknown word is wrong
    """

    name: str
    correct: int
    found: int
    total: int
    accuracy: float | None
    accuracy_over_total: float | None


@dataclass(frozen=True)
class AnalogyResult:
    """Accuracy by section and over all, with the settings it depends on."""

    dataset: str
    method: Method
    restrict_vocab: int | None
    n_candidates: int
    case_insensitive: bool
    sections: tuple[AnalogyScore, ...]
    semantic: AnalogyScore
    syntactic: AnalogyScore
    total: AnalogyScore


def answer_analogies(
    vectors: WordVectors,
    analogies: AnalogySet,
    *,
    method: Method = METHODS[0],
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> AnalogyOutcomes:
    """Answer each question with the best of all known words but the question's first three.

    method           : as for `embedtool.search.query.analogy_batch`
    restrict_vocab   : only the first so many words are known; None: all
    case_insensitive : words count as equal when their upper-case forms do; the most frequent word
                       of a form stands for it, and the others do not answer

    Raises EvaluationError on an unknown method or a limit below 1.
    """
    if method not in METHODS:
        raise EvaluationError(f"no method {method!r}: expected {' or '.join(METHODS)}")
    known = known_words(vectors, restrict_vocab, case_insensitive)
    words = [word for question in analogies.questions for word in question]
    ids = ids_of(known, words, case_insensitive).reshape(-1, 4)
    found: NDArray[np.bool_] = ids.min(axis=1) >= 0
    candidates = np.fromiter(known.values(), dtype=np.int64, count=len(known))
    answers = np.full(len(ids), -1, dtype=np.int64)
    if found.any():
        answers[found] = _best_answers(vectors, ids[found, :3], method, candidates)
    return AnalogyOutcomes(found, answers, found & (answers == ids[:, 3]), len(candidates))


def evaluate_analogies(
    vectors: WordVectors,
    analogies: AnalogySet,
    *,
    method: Method = METHODS[0],
    restrict_vocab: int | None = RESTRICT_VOCAB,
    case_insensitive: bool = True,
) -> AnalogyResult:
    """The accuracy of `answer_analogies`, by section, over both kinds of section and over all."""
    outcomes = answer_analogies(
        vectors,
        analogies,
        method=method,
        restrict_vocab=restrict_vocab,
        case_insensitive=case_insensitive,
    )
    sizes = [len(section.questions) for section in analogies.sections]
    starts = np.cumsum([0, *sizes])
    sections = tuple(
        _score(section.name, outcomes.correct[start:stop], outcomes.known[start:stop])
        for section, start, stop in zip(analogies.sections, starts, starts[1:], strict=False)
    )
    return AnalogyResult(
        dataset=analogies.name,
        method=method,
        restrict_vocab=restrict_vocab,
        n_candidates=outcomes.n_candidates,
        case_insensitive=case_insensitive,
        sections=sections,
        semantic=_sum("semantic", [s for s in sections if not s.name.startswith(SYNTACTIC)]),
        syntactic=_sum("syntactic", [s for s in sections if s.name.startswith(SYNTACTIC)]),
        total=_sum("total", sections),
    )


def _best_answers(
    vectors: WordVectors,
    questions: NDArray[np.int64],
    method: Method,
    candidates: NDArray[np.int64],
) -> NDArray[np.int64]:
    """The id that answers each question, -1 where no candidate is left.

    questions : int64 (n_questions, 3), ids
    """
    used, places = np.unique(questions, return_inverse=True)
    terms, slots = unit_rows(vectors.matrix[used]), places.reshape(questions.shape)
    allowed = None if len(candidates) == vectors.n_words else candidates
    if method == "3cosmul":
        weights = np.tile(WEIGHTS, (len(questions), 1))
        found = nearest_by_product(
            vectors.matrix,
            vectors.norms,
            terms,
            slots,
            weights,
            1,
            candidates=allowed,
            excluded=questions,
        )
    else:
        a, b, c = slots.T
        targets = terms[b] - terms[a] + terms[c]
        found = nearest(
            vectors.matrix, vectors.norms, targets, 1, candidates=allowed, excluded=questions
        )
    return found.ids[:, 0]


def _score(name: str, correct: NDArray[np.bool_], known: NDArray[np.bool_]) -> AnalogyScore:
    return _counted(name, int(correct.sum()), int(known.sum()), len(known))


def _sum(name: str, scores: Sequence[AnalogyScore]) -> AnalogyScore:
    return _counted(
        name,
        sum(score.correct for score in scores),
        sum(score.found for score in scores),
        sum(score.total for score in scores),
    )


def _counted(name: str, correct: int, found: int, total: int) -> AnalogyScore:
    return AnalogyScore(
        name,
        correct,
        found,
        total,
        accuracy=correct / found if found else None,
        accuracy_over_total=correct / total if total else None,
    )
