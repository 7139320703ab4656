"""What evaluate and compare share: which datasets, under which rules, and how results are named.

In: options. Out: datasets, and the lines and cells that show their results.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from embedtool.cli.options.shared import IntRange, encoding_option
from embedtool.config.tasks import RESTRICT_VOCAB
from embedtool.io.encodings import UTF8

if TYPE_CHECKING:
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
