"""What evaluate and compare share: which datasets, under which rules, and how results are named.

In: options. Out: datasets, and the lines and cells that show their results.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from embedtool.cli.options.shared import IntRange, encoding_option
from embedtool.cli.output.text import Cell, note
from embedtool.config.tasks import RESTRICT_VOCAB
from embedtool.errors import EvaluationError
from embedtool.io.encodings import UTF8

if TYPE_CHECKING:
    from embedtool.evaluation.coverage import Shortfall
    from embedtool.evaluation.scoring import Result
    from embedtool.evaluation.statistics import Interval
    from embedtool.evaluation.tasks import Dataset

F = TypeVar("F", bound=Callable[..., Any])

ANALOGIES = ("google",)
PAIRS = ("wordsim353", "simlex999")


def score_options(command: F) -> F:
    """Which datasets, and the rules without which scores cannot be compared."""
    options: list[Callable[[F], F]] = [
        encoding_option,
        click.option("--case-sensitive", is_flag=True,
                     help="King and king are two words; otherwise King is sought as king too, "
                     "where the model does not have it as it is spelled."),
        click.option("--restrict-vocab", type=IntRange(min=1), default=RESTRICT_VOCAB,
                     metavar="N", show_default=True,
                     help="Only the N most frequent words take part."),
        click.option("--include-query-words", is_flag=True,
                     help="Let the words of an analogy question answer it too."),
        _datasets("outliers", "Groups of words with outliers"),
        _datasets("categories", "Words with categories"),
        _datasets("pairs", "Pairs of words with people's scores"),
        _datasets("analogies", "Analogy questions"),
    ]  # fmt: skip
    for option in options:
        command = option(command)
    return command


def _datasets(task: str, what: str) -> Callable[[F], F]:
    return click.option(
        f"--{task}", multiple=True, metavar="NAME|FILE",
        help=f"{what}: a file or folder, or a name of `embedtool datasets --task {task}`; may be "
        "repeated.",
    )  # fmt: skip


def read_datasets(
    analogies: Sequence[str] = (),
    pairs: Sequence[str] = (),
    categories: Sequence[str] = (),
    outliers: Sequence[str] = (),
    encoding: str = UTF8,
) -> "list[Dataset]":
    """The datasets that are named, or all that come with embedtool where none is.

    encoding : of files; public datasets are in UTF-8
    """
    from embedtool.evaluation.datasets import (
        read_analogies,
        read_categories,
        read_outliers,
        read_pairs,
    )

    if not (analogies or pairs or categories or outliers):
        analogies, pairs = ANALOGIES, PAIRS
    return [
        read(source, encoding)
        for read, sources in (
            (read_analogies, analogies), (read_pairs, pairs),
            (read_categories, categories), (read_outliers, outliers),
        )
        for source in sources
    ]  # fmt: skip


def rules(result: "Result") -> str:
    """The settings that a score depends on."""
    limit = f"{result.restrict_vocab:,}" if result.restrict_vocab else "none"
    method = getattr(result, "method", None)
    seed = getattr(result, "seed", None)
    unknown = getattr(result, "unknown_members", 0)
    return ", ".join(
        [
            *([method] if method else []),
            *(["query words may answer"] if getattr(result, "include_query_words", False) else []),
            f"vocabulary limit {limit}",
            f"case {'folded' if result.case_insensitive else 'kept'}",
            *([f"seed {seed}"] if seed is not None else []),
            *([f"members unknown: {unknown:,}"] if unknown else []),
        ]
    )


def tell_shortfalls(shortfalls: "Sequence[Shortfall | None]") -> None:
    """Say of which datasets too little is known.

    shortfalls : of each dataset that was asked for
    Raises EvaluationError where none of them has a score.
    """
    found = [each for each in shortfalls if each is not None]
    if found and not any(each is None or each.has_score for each in shortfalls):
        raise EvaluationError("; ".join(each.message for each in found))
    for each in found:
        note(f"Warning: {each.message}")


def bounds(interval: "Interval | None") -> Cell:
    """An interval as tables show it."""
    if interval is None:
        return None
    low, high = (round(each, 3) + 0.0 for each in (interval.low, interval.high))  # no -0.000
    return f"{low:.3f} to {high:.3f}"


def share(found: int, total: int) -> Cell:
    """`found/total` as tables show it."""
    return f"{found:,}/{total:,}"
