"""The options that query commands share, and how queries are read."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar, get_args

import click

from embedtool.cli.options.completers import complete_word
from embedtool.cli.options.given import warn_ignored
from embedtool.cli.options.shared import (
    FILE,
    IntRange,
    encoding_option,
    json_option,
    model_argument,
    tsv_option,
)
from embedtool.cli.output.query_results import Query, Unknown
from embedtool.config.choices import N_ANSWERS
from embedtool.errors import QueryError
from embedtool.io.encodings import BYTE_ORDER_MARK, UTF8, decode, describe_decoding_error

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from embedtool.model.vectors import VectorTable

F = TypeVar("F", bound=Callable[..., Any])

unknown_option = click.option(
    "--unknown", type=click.Choice(get_args(Unknown)), default="error", show_default=True,
    help="What to do with a query without an answer, such as an unknown word. error: stop before "
    "anything is printed; skip: leave it out; mark: print the reason instead.",
)  # fmt: skip


class QueryCommand(click.Command):
    """A `click.Command` that explains how to write a query that begins with a hyphen."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read the arguments, or raise click.UsageError."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            if error.option_name.startswith("--"):
                raise
            raise click.UsageError(
                f"No such option {error.option_name!r}; put a query that begins with - after --",
                ctx,
            ) from None


def query_command(metavar: str) -> Callable[[F], click.Command]:
    """Return a decorator that makes a command over MODEL and queries.

    It adds --unknown, --json and --tsv. `metavar` is what the help calls the queries.
    """

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
    """Add the options of a search; `SearchOptions` reads them."""
    options: list[Callable[[F], F]] = [
        encoding_option,
        click.option("--approximate", is_flag=True,
                     help="Search the index of `embedtool index`, not all words."),
        click.option("--include-query-words", is_flag=True,
                     help="Let the words of the query be answers too."),
        click.option("--words", "among", type=FILE, metavar="FILE",
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


@dataclass(frozen=True)
class SearchOptions:
    """The options that `search_options` adds.

    Attributes
    ----------
    min_count, restrict_vocab : int or None
        Minimum count of an answer; number of most frequent words that may be answers.
    among : Path or None
        A file of the words that may be answers, written in `encoding`.
    include_query_words : bool
        Whether the words of a query may be answers.
    approximate : bool
        Whether to search the index of the model.
    """

    n: int
    min_count: int | None
    restrict_vocab: int | None
    among: Path | None
    encoding: str
    include_query_words: bool
    approximate: bool

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Extract these options from a larger mapping."""
        return cls(**{each.name: options[each.name] for each in fields(cls)})

    def warn_ignored(self) -> None:
        """Warn about options that have no effect."""
        if self.among is None:
            warn_ignored({"encoding": "without --words"})

    def candidates(self, vectors: "VectorTable") -> "NDArray[np.int64] | None":
        """Return the ids of the words that may be answers; None for all."""
        from embedtool.search.candidates import candidate_ids

        return candidate_ids(
            vectors,
            restrict_vocab=self.restrict_vocab,
            min_count=self.min_count,
            among=None if self.among is None else read_words(self.among, self.encoding),
        )

    def arguments(self, vectors: "VectorTable", model: Path) -> dict[str, Any]:
        """Return the arguments of `search.query.similar_batch` and `analogy_batch`."""
        index = None
        if self.approximate:
            from embedtool.search.ann import open_index

            index = open_index(vectors, model)
        return {
            "n": self.n,
            "candidates": self.candidates(vectors),
            "include_query_words": self.include_query_words,
            "index": index,
        }


def read_queries(given: Sequence[str], whole_line: bool) -> list[Query]:
    """Return the queries on the command line, or else the non-blank lines of standard input.

    Parameters
    ----------
    given : sequence of str
        The arguments of the command line. If empty, or a single hyphen, standard input is read.
    whole_line : bool
        Whether the words of the command line are one query; an argument with spaces is a query by
        itself. If false, each argument is a query.

    Raises
    ------
    QueryError
        If a line is not UTF-8.
    """
    if list(given) not in ([], ["-"]):
        return list(map(Query, _join_arguments(given) if whole_line else given))
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
    """Yield each line with its number, stripped and without byte order mark; None if not UTF-8."""
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


def _join_arguments(given: Sequence[str]) -> list[str]:
    """Return the queries in arguments: single words are joined, one with spaces is a query.

    An argument with spaces next to a single + or - is a part of the same query.
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
    """Put the line of standard input before the message of a QueryError about a query."""
    try:
        yield
    except QueryError as error:
        if not query.line:
            raise
        raise QueryError(
            f"standard input, line {query.line:,}: {error}", parameters=error.parameters
        ) from None


def read_words(file: Path, encoding: str = UTF8) -> list[str]:
    """Return the lines of a file of words, or raise QueryError if it cannot be read."""
    try:
        lines = decode(file.read_bytes(), encoding).split("\n")
    except OSError as error:
        raise QueryError(f"{file}: cannot be read: {error.strerror}") from None
    except UnicodeError as error:
        raise QueryError(
            f"{file}{describe_decoding_error(error, encoding)}", parameters=("encoding",)
        ) from None
    return [word for line in lines if (word := line.removesuffix("\r"))]
