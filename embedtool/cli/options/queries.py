"""What the query commands share: their options, and where queries come from.

In: words on the command line or lines of standard input. Out: queries.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from embedtool.cli.options.completers import complete_word
from embedtool.cli.options.shared import (
    FILE,
    IntRange,
    encoding_option,
    json_option,
    model_argument,
    tsv_option,
)
from embedtool.cli.output.query_results import Query, unknown_option
from embedtool.config.tasks import N_ANSWERS
from embedtool.errors import QueryError
from embedtool.io.encodings import BYTE_ORDER_MARK, UTF8, decode, describe_decoding_error

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embedtool.model.vectors import WordVectors
    from embedtool.search.ann import AnnIndex

F = TypeVar("F", bound=Callable[..., Any])


class QueryCommand(click.Command):
    """As Click's, but tells how a query that begins with - is written."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments. Raises UsageError."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--"):
                raise
            raise click.UsageError(
                f"No such option {error.option_name!r}; a query that begins with - stands after --",
                ctx,
            ) from None


def query_command(metavar: str) -> Callable[[F], click.Command]:
    """A command over MODEL and QUERY..., with --unknown, --json and --tsv."""

    def decorate(function: F) -> click.Command:
        arguments: list[Callable[[Any], Any]] = [
            tsv_option,
            json_option,
            unknown_option,
            click.argument("queries", metavar=metavar, nargs=-1, shell_complete=complete_word),
            model_argument,
        ]
        command: Any = function
        for argument in arguments:
            command = argument(command)
        return click.command(cls=QueryCommand)(command)

    return decorate


def search_options(command: F) -> F:
    """How many answers, and among which words."""
    options: list[Callable[[F], F]] = [
        encoding_option,
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


def read_queries(given: Sequence[str], whole_line: bool) -> list[Query]:
    """The queries on the command line, else the lines of standard input that are not blank.

    whole_line : what is on the command line is one query, not one a word; but an argument with
                 spaces in it is a query of its own
    """
    if list(given) not in ([], ["-"]):
        return list(map(Query, _whole_lines(given) if whole_line else given))
    stream = sys.stdin.buffer
    if not given and stream.isatty():
        raise click.UsageError("give a query, or one a line on standard input")
    queries = []
    for number, text in decoded_lines(stream):
        if text is None:
            raise QueryError(f"standard input, line {number:,}: invalid UTF-8")
        if text:
            queries.append(Query(text, number))
    return queries


def decoded_lines(stream: Iterable[bytes]) -> Iterator[tuple[int, str | None]]:
    """Lines with their numbers, without white space and byte order mark; None: invalid UTF-8."""
    for number, line in enumerate(stream, 1):
        try:
            text = line.decode()
        except UnicodeDecodeError:
            yield number, None
        else:
            yield (
                number,
                (text.removeprefix(BYTE_ORDER_MARK) if number == 1 else text).strip(" \t\r\n"),
            )


def _whole_lines(given: Sequence[str]) -> list[str]:
    """Arguments as queries: single words are joined, one with spaces stands by itself.

    `king - man` before or after a lone + or - is a part of what goes on there.
    """
    from embedtool.corpus.tokens import split_spaces
    from embedtool.search.expression import SIGNS

    parts = [split_spaces(each) for each in given]
    lines = [given[0]]
    for argument, (before, after) in zip(given[1:], pairwise(parts), strict=True):
        n_spaced = (len(before) > 1) + (len(after) > 1)
        meets_sign = not SIGNS.keys().isdisjoint([*before[-1:], *after[:1]])
        if n_spaced == 0 or (n_spaced == 1 and meets_sign):
            lines[-1] += f" {argument}"
        else:
            lines.append(argument)
    return lines


@contextmanager
def locate_errors(query: Query) -> Iterator[None]:
    """Name the line of a query that cannot be asked."""
    try:
        yield
    except QueryError as error:
        if not query.line:
            raise
        raise QueryError(f"standard input, line {query.line:,}: {error}") from None


def candidates(
    vectors: "WordVectors",
    restrict_vocab: int | None,
    min_count: int | None,
    file: Path | None = None,
    encoding: str = UTF8,
) -> "NDArray[np.int64] | None":
    """The words that may answer, as the search options say."""
    from embedtool.search.candidates import candidate_ids

    words = None if file is None else read_words(file, encoding)
    return candidate_ids(vectors, restrict_vocab=restrict_vocab, min_count=min_count, words=words)


def read_words(file: Path, encoding: str = UTF8) -> list[str]:
    """The lines of a file of words. Raises QueryError where it cannot be read."""
    try:
        lines = decode(file.read_bytes(), encoding).split("\n")
    except OSError as error:
        raise QueryError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeError as error:
        raise QueryError(f"{file}{describe_decoding_error(error, encoding)}") from None
    return [word for line in lines if (word := line.removesuffix("\r"))]


def approximate_index(model: Path, vectors: "WordVectors", approximate: bool) -> "AnnIndex | None":
    """The index of a model, where it is asked for."""
    if not approximate:
        return None
    from embedtool.search.ann import open_index

    return open_index(vectors, model)
