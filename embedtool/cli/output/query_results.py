"""Answers to queries: how they are printed, and how queries without an answer are handled."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar

import click

from embedtool.cli.output.console import (
    echo_err,
    print_json,
    print_table,
    print_tsv,
    truncate_middle,
)
from embedtool.errors import NoAnswerError, UnansweredError
from embedtool.messages import counted, escape_unprintable
from embedtool.search.answers import ngrams_message
from embedtool.tables import Cell

if TYPE_CHECKING:
    from embedtool.model.vectors import VectorTable
    from embedtool.search.answers import Answers

Q = TypeVar("Q")
A = TypeVar("A")
Unknown = Literal["error", "skip", "mark"]

ADVICE = "; --unknown skip or --unknown mark answers the others"


class Query(NamedTuple):
    """A query, with its line number on standard input; 0 for one on the command line."""

    text: str
    line: int = 0


def answer_queries(
    answer: Callable[[Sequence[Q]], Iterable[A]],
    questions: Sequence[tuple[Query, Q]],
    unknown: Unknown,
) -> list[tuple[Q, A | NoAnswerError]]:
    """Answer queries and return those to be printed, each with its answer or the reason for none.

    Parameters
    ----------
    answer : callable
        Answers many questions at once, as for `search.batching.each`.
    questions : sequence of tuples
        Each question with the query that it comes from.
    unknown : {"error", "skip", "mark"}
        The value of --unknown. skip: leave out questions without an answer, with a message; mark:
        return them among the others.

    Raises
    ------
    UnansweredError
        With `unknown="error"`, if there are questions without an answer; it names all of them.
    """
    from embedtool.search.batching import answers_or_errors

    results = answers_or_errors(answer, [question for _, question in questions])
    lines: dict[str, list[int]] = {}
    for (query, _), result in zip(questions, results, strict=True):
        if isinstance(result, NoAnswerError):
            lines.setdefault(str(result), []).append(query.line)
    n_without = sum(map(len, lines.values()))
    if lines and unknown == "error":
        raise UnansweredError(_reasons(lines) + (ADVICE if n_without < len(questions) else ""))
    if lines and unknown == "skip":
        echo_err(f"{counted(n_without, 'query', 'queries')} left out: {_reasons(lines)}")
    return [
        (question, result)
        for (_, question), result in zip(questions, results, strict=True)
        if unknown == "mark" or not isinstance(result, NoAnswerError)
    ]


def _reasons(lines: Mapping[str, Sequence[int]]) -> str:
    """Return each reason why queries have no answer, with their line numbers."""
    reasons = []
    for reason, numbers in lines.items():
        distinct = dict.fromkeys(numbers)
        names = ", ".join(f"{number:,}" for number in distinct)
        where = f"line{'s' if len(distinct) > 1 else ''} {names}: " if numbers[0] else ""
        reasons.append(where + truncate_middle(reason))
    return ("standard input, " if any(map(any, lines.values())) else "") + "; ".join(reasons)


def print_answers(
    results: "Sequence[tuple[str, Answers | NoAnswerError]]",
    as_json: bool,
    as_tsv: bool,
    unknown: Unknown = "error",
) -> None:
    """Print answers: a table for each query, a row of TSV for each answer, or JSON."""
    if as_json:
        print_json([answer_record(query, answers) for query, answers in results])
    elif as_tsv:
        rows: list[tuple[Cell, ...]] = []
        for query, answers in results:
            if isinstance(answers, NoAnswerError):
                rows.append((query, None, None, str(answers)))
            else:
                note = ngrams_message(answers.from_ngrams)
                rows += [(query, each.word, each.score, note) for each in answers]
        print_annotated_rows(("query", "word", "score"), rows, as_tsv, unknown)
    else:
        for i, (query, answers) in enumerate(results):
            if i:
                click.echo()
            _print_table(query if len(results) > 1 else "", answers)


def _print_table(title: str, answers: "Answers | NoAnswerError") -> None:
    if title:
        click.secho(escape_unprintable(title), bold=True)
    if isinstance(answers, NoAnswerError):
        click.echo(escape_unprintable(str(answers)))
        return
    if answers.from_ngrams:
        click.echo(escape_unprintable(ngrams_message(answers.from_ngrams)))
    print_table(("word", "score"), [(each.word, each.score) for each in answers])


def answer_record(query: Any, answers: "Answers | NoAnswerError") -> dict[str, Any]:
    """Return a query and its answers, for JSON."""
    if isinstance(answers, NoAnswerError):
        return {"query": query, "answers": None, **answers.details()}
    scores = [{"word": each.word, "score": each.score} for each in answers]
    return {"query": query, **from_ngrams_field(answers.from_ngrams), "answers": scores}


def from_ngrams_field(from_ngrams: Sequence[str]) -> dict[str, list[str]]:
    """Return the JSON field of words known only by their n-grams; no field if there are none."""
    return {"from_ngrams": list(from_ngrams)} if from_ngrams else {}


def echo_ngrams(vectors: "VectorTable", words: Sequence[str]) -> None:
    """Print which of these words are known only by their character n-grams."""
    from embedtool.search.lookup import from_ngrams

    if new_words := from_ngrams(vectors, words):
        echo_err(ngrams_message(new_words))


def print_annotated_rows(
    columns: Sequence[str], rows: Sequence[tuple[Cell, ...]], as_tsv: bool, unknown: Unknown
) -> None:
    """Print rows whose last value is a note, which may be empty, as TSV or as a table.

    A table has a column of notes if there are any. TSV has one with --unknown mark; otherwise its
    columns are always the same, and notes go to standard error.
    """
    if unknown == "mark" if as_tsv else any(row[-1] for row in rows):
        columns = (*columns, "note")
    elif as_tsv:
        for note in dict.fromkeys(str(row[-1]) for row in rows if row[-1]):
            echo_err(note)
    (print_tsv if as_tsv else print_table)(columns, [row[: len(columns)] for row in rows])
