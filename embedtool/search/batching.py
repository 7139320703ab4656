"""Batches of queries, some of which have no answer."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from embedtool.errors import NoAnswerError, raise_all

Q = TypeVar("Q")
A = TypeVar("A")


def answers_or_errors(
    answer: Callable[[Sequence[Q]], Iterable[A]], queries: Sequence[Q]
) -> list[A | NoAnswerError]:
    """Return the answer to each query, or the error that says why it has none, in their order.

    Parameters
    ----------
    answer : callable
        Answers all queries of a batch, or raises a NoAnswerError with `failures`, as
        `similar_batch` does; it is called again without those.
    """
    results: dict[int, A | NoAnswerError] = {}
    left = range(len(queries)) if queries else []
    while True:
        try:
            answers = answer([queries[i] for i in left])
        except NoAnswerError as error:
            if not error.failures:
                raise
            results |= {left[i]: failure for i, failure in error.failures.items()}
            left = [query for i, query in enumerate(left) if i not in error.failures]
        else:
            results |= zip(left, answers, strict=True)
            return [results[i] for i in range(len(queries))]


def one_by_one(answer: Callable[[Q], A], queries: Sequence[Q]) -> list[A]:
    """Return the answer to each query.

    Raises
    ------
    NoAnswerError
        If any query has no answer; names all of them.
    """
    answers: list[A] = []
    failures: dict[int, NoAnswerError] = {}
    for i, query in enumerate(queries):
        try:
            answers.append(answer(query))
        except NoAnswerError as error:
            failures[i] = error
    raise_all(failures)
    return answers
