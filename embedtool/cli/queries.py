"""What the query commands share: where queries come from, and how answers are printed.

In: words on the command line or lines of standard input. Out: answers as a table, TSV or JSON.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from embedtool.cli.completion import complete_word
from embedtool.cli.options import FILE, IntRange, json_option, model_argument, tsv_option
from embedtool.cli.output import Cell, print_json, print_table, print_tsv
from embedtool.config import N_ANSWERS
from embedtool.errors import QueryError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embedtool.search.approximate import Approximate
    from embedtool.search.query import WordScore
    from embedtool.vectors import WordVectors

F = TypeVar("F", bound=Callable[..., Any])


def query_command(metavar: str) -> Callable[[F], click.Command]:
    """A command over MODEL and QUERY..., with --json and --tsv."""

    def decorate(function: F) -> click.Command:
        arguments: list[Callable[[Any], Any]] = [
            tsv_option,
            json_option,
            click.argument("queries", metavar=metavar, nargs=-1, shell_complete=complete_word),
            model_argument,
        ]
        command: Any = function
        for argument in arguments:
            command = argument(command)
        return click.command()(command)

    return decorate


def search_options(command: F) -> F:
    """How many answers, and among which words."""
    options: list[Callable[[F], F]] = [
        click.option("--approximate", is_flag=True,
                     help="Search in the index that `embedtool index` has made, not among all."),
        click.option("--include-query-words", is_flag=True,
                     help="Let the words of the query answer too."),
        click.option("--words", "word_file", type=FILE, metavar="FILE",
                     help="Search only among the words of FILE, one a line."),
        click.option("--restrict-vocab", type=IntRange(min=1), metavar="N",
                     help="Search only among the N most frequent words."),
        click.option("--min-count", type=IntRange(min=1), metavar="N",
                     help="Search only among words with this count or more."),
        click.option("-n", "n", type=IntRange(min=1), default=N_ANSWERS, show_default=True,
                     help="Number of answers."),
    ]  # fmt: skip
    for option in options:
        command = option(command)
    return command


def read_queries(given: Sequence[str], whole_line: bool) -> list[str]:
    """The queries on the command line, else the lines of standard input that are not blank.

    whole_line : what is on the command line is one query, not one a word
    """
    if list(given) not in ([], ["-"]):
        return [" ".join(given)] if whole_line else list(given)
    stream = sys.stdin.buffer
    if not given and stream.isatty():
        raise click.UsageError("give a query, or one a line on standard input")
    queries = []
    for number, line in enumerate(stream, 1):
        try:
            query = line.decode().strip(" \t\r\n")
        except UnicodeDecodeError:
            raise QueryError(f"standard input, line {number}: invalid UTF-8") from None
        if query:
            queries.append(query)
    return queries


def candidates(
    vectors: "WordVectors", restrict_vocab: int | None, min_count: int | None, file: Path | None
) -> "NDArray[np.int64] | None":
    """The words that may answer, as the search options say."""
    from embedtool.search.candidates import candidate_ids

    words = None if file is None else words_of(file)
    return candidate_ids(vectors, restrict_vocab=restrict_vocab, min_count=min_count, words=words)


def words_of(file: Path) -> list[str]:
    """The lines of a file of words. Raises QueryError where it cannot be read."""
    try:
        lines = file.read_bytes().decode("utf-8-sig").split("\n")
    except OSError as error:
        raise QueryError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise QueryError(f"{file}, byte {error.start:,}: invalid UTF-8") from None
    return [word for line in lines if (word := line.removesuffix("\r"))]


def index_of(model: Path, vectors: "WordVectors", approximate: bool) -> "Approximate | None":
    """The index of a model, where it is asked for."""
    if not approximate:
        return None
    from embedtool.search.approximate import open_index

    return open_index(vectors, model)


def print_answers(
    queries: Sequence[str],
    answers: Sequence[Sequence["WordScore"]],
    as_json: bool,
    as_tsv: bool,
) -> None:
    """Print the answers to each query: one table a query, one line an answer, or JSON."""
    if as_json:
        print_json(
            [
                {
                    "query": query,
                    "answers": [{"word": each.word, "score": each.score} for each in found],
                }
                for query, found in zip(queries, answers, strict=True)
            ]
        )
    elif as_tsv:
        rows: list[Sequence[Cell]] = [
            (query, each.word, each.score)
            for query, found in zip(queries, answers, strict=True)
            for each in found
        ]
        print_tsv(("query", "word", "score"), rows)
    else:
        for i, (query, found) in enumerate(zip(queries, answers, strict=True)):
            if i:
                click.echo()
            title = query if len(queries) > 1 else None
            print_table(("word", "score"), [(each.word, each.score) for each in found], title)
