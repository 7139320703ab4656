"""Answers to queries, and what becomes of queries without one.

In: queries, and what answers many of them at once. Out: tables, TSV or JSON.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, TypeVar, get_args

import click

from embedtool.cli.output.console import (
    Cell,
    echo_err,
    escape_unprintable,
    print_json,
    print_table,
    print_tsv,
    truncate_middle,
)
from embedtool.errors import NoAnswerError, UnansweredError
from embedtool.messages import counted

if TYPE_CHECKING:
    from embedtool.model.vectors import WordVectors
    from embedtool.search.query import Answers

Q = TypeVar("Q")
A = TypeVar("A")
Unknown = Literal["error", "skip", "mark"]

ADVICE = "; --unknown skip or --unknown mark answers the others"

unknown_option = click.option(
    "--unknown", type=click.Choice(get_args(Unknown)), default="error", show_default=True,
    help="What to do with a query without an answer, such as an unknown word. error: stop before "
    "anything is printed; skip: leave it out; mark: say so in its place.",
)  # fmt: skip


class Query(NamedTuple):
    """A query, and the number of its line of standard input; 0: it is on the command line."""

    text: str
    line: int = 0


def answer_queries(
    answer: Callable[[Sequence[Q]], Iterable[A]],
    asked: Sequence[tuple[Query, Q]],
    unknown: Unknown,
) -> list[tuple[Q, A | NoAnswerError]]:
    """The questions that are to be printed, each with its answer or why it has none.

    answer  : as for `search.batches.each`
    asked   : each question with the query that it is of
    unknown : error: raise UnansweredError, which names all without an answer; skip: leave them out,
              and say so; mark: they are among the others
    """
    from embedtool.search.batches import each

    found = each(answer, [question for _, question in asked])
    lines: dict[str, list[int]] = {}
    for (query, _), result in zip(asked, found, strict=True):
        if isinstance(result, NoAnswerError):
            lines.setdefault(str(result), []).append(query.line)
    n_without = sum(map(len, lines.values()))
    if lines and unknown == "error":
        raise UnansweredError(_reasons(lines) + (ADVICE if n_without < len(asked) else ""))
    if lines and unknown == "skip":
        echo_err(f"{counted(n_without, 'query', 'queries')} left out: {_reasons(lines)}")
    return [
        (question, result)
        for (_, question), result in zip(asked, found, strict=True)
        if unknown == "mark" or not isinstance(result, NoAnswerError)
    ]


def _reasons(lines: Mapping[str, Sequence[int]]) -> str:
    """Each reason why queries have no answer, after the numbers of their lines."""
    told = []
    for reason, numbers in lines.items():
        several = dict.fromkeys(numbers)
        names = ", ".join(f"{number:,}" for number in several)
        where = f"line{'s' if len(several) > 1 else ''} {names}: " if numbers[0] else ""
        told.append(where + truncate_middle(reason))
    return ("standard input, " if any(map(any, lines.values())) else "") + "; ".join(told)


def print_answers(
    found: "Sequence[tuple[str, Answers | NoAnswerError]]",
    as_json: bool,
    as_tsv: bool,
    unknown: Unknown = "error",
) -> None:
    """Print queries and their answers: one table a query, one line an answer, or JSON."""
    if as_json:
        print_json([answer_record(query, answers) for query, answers in found])
    elif as_tsv:
        rows: list[tuple[Cell, ...]] = []
        for query, answers in found:
            if isinstance(answers, NoAnswerError):
                rows.append((query, None, None, str(answers)))
            else:
                noted = ngrams_message(answers.from_ngrams)
                rows += [(query, each.word, each.score, noted) for each in answers]
        print_annotated_rows(("query", "word", "score"), rows, as_tsv, unknown)
    else:
        for i, (query, answers) in enumerate(found):
            if i:
                click.echo()
            _print_table(query if len(found) > 1 else "", answers)


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
    """A query and its answers as JSON has them."""
    if isinstance(answers, NoAnswerError):
        return {"query": query, "answers": None, **answers.details()}
    scores = [{"word": each.word, "score": each.score} for each in answers]
    return {"query": query, **from_ngrams_field(answers.from_ngrams), "answers": scores}


def from_ngrams_field(from_ngrams: Sequence[str]) -> dict[str, list[str]]:
    """How JSON tells of words that are known by their n-grams alone: only where there are some."""
    return {"from_ngrams": list(from_ngrams)} if from_ngrams else {}


def ngrams_message(words: Sequence[str]) -> str:
    """What is said of words that are known by their character n-grams alone; nothing of none."""
    names = ", ".join(map(repr, words))
    if len(words) > 1:
        return f"{names} are not in the vocabulary; their vectors are from character n-grams"
    return names and f"{names} is not in the vocabulary; its vector is from character n-grams"


def echo_ngrams(vectors: "WordVectors", words: Sequence[str]) -> None:
    """Note which of the words that are shown are known by their character n-grams alone."""
    from embedtool.search.query import from_ngrams

    if new := from_ngrams(vectors, words):
        echo_err(ngrams_message(new))


def print_annotated_rows(
    columns: Sequence[str], rows: Sequence[tuple[Cell, ...]], as_tsv: bool, unknown: Unknown
) -> None:
    """Print rows that end with a note, which may be empty, as TSV or as a table.

    A table has a column for notes where there are any. TSV has one with --unknown mark; otherwise
    its columns are always the same, and notes go to standard error.
    """
    if unknown == "mark" if as_tsv else any(row[-1] for row in rows):
        columns = (*columns, "note")
    elif as_tsv:
        for noted in dict.fromkeys(str(row[-1]) for row in rows if row[-1]):
            echo_err(noted)
    shown_rows = [row[: len(columns)] for row in rows]
    (print_tsv if as_tsv else print_table)(columns, shown_rows)
