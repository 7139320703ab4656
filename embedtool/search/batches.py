"""Many questions at once, of which some have no answer.

In: a function that answers a batch of questions, and raises an error that names all that have no
answer. Out: the answer or the error of each.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from embedtool.errors import NoAnswerError, raise_all

Q = TypeVar("Q")
A = TypeVar("A")


def each(
    answer: Callable[[Sequence[Q]], Iterable[A]], questions: Sequence[Q]
) -> list[A | NoAnswerError]:
    """The answer to each question, or the error that tells why it has none, in their order.

    answer : answers all questions of a batch, or raises a NoAnswerError with `failures`, as
             `similar_batch` does; it is asked again without these
    """
    found: dict[int, A | NoAnswerError] = {}
    places = range(len(questions)) if questions else []
    while True:
        try:
            answers = answer([questions[i] for i in places])
        except NoAnswerError as error:
            if not error.failures:
                raise
            found |= {places[i]: failure for i, failure in error.failures.items()}
            places = [place for i, place in enumerate(places) if i not in error.failures]
        else:
            found |= zip(places, answers, strict=True)
            return [found[i] for i in range(len(questions))]


def one_by_one(answer: Callable[[Q], A], questions: Sequence[Q]) -> list[A]:
    """The answer to each question. Raises one NoAnswerError that names all that have none."""
    answers: list[A] = []
    failures: dict[int, NoAnswerError] = {}
    for place, question in enumerate(questions):
        try:
            answers.append(answer(question))
        except NoAnswerError as error:
            failures[place] = error
    raise_all(failures)
    return answers
