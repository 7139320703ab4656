"""What evaluate and compare share: which datasets, under which rules, and how results are named.

In: options. Out: datasets, and the lines and rows that show their results.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from embedtool.cli.options import method_option
from embedtool.cli.output import Cell
from embedtool.config import RESTRICT_VOCAB

if TYPE_CHECKING:
    from embedtool.evaluation.analogy import AnalogyResult, AnalogyScore
    from embedtool.evaluation.datasets import AnalogySet, PairSet
    from embedtool.evaluation.similarity import PairResult

F = TypeVar("F", bound=Callable[..., Any])

ANALOGIES = ("google",)
PAIRS = ("wordsim353", "simlex999")


def score_options(command: F) -> F:
    """Which datasets, and the rules without which scores cannot be compared."""
    options: list[Callable[[F], F]] = [
        click.option("--case-sensitive", is_flag=True,
                     help="King and king are two words; otherwise the more frequent stands for "
                     "both."),
        click.option("--restrict-vocab", type=click.IntRange(min=1), default=RESTRICT_VOCAB,
                     metavar="N", show_default=True,
                     help="Only the N most frequent words take part."),
        method_option,
        click.option("--pairs", multiple=True, metavar="NAME|FILE",
                     help="Pairs with people's scores: wordsim353, simlex999, or a file; may be "
                     "repeated."),
        click.option("--analogies", multiple=True, metavar="NAME|FILE",
                     help="Analogy questions: google, or a file in its format; may be repeated."),
    ]  # fmt: skip
    for option in options:
        command = option(command)
    return command


def read_datasets(analogies: Sequence[str], pairs: Sequence[str]) -> list["AnalogySet | PairSet"]:
    """The datasets that are named, or all that come with embedtool where none is."""
    from embedtool.evaluation.datasets import read_analogies, read_pairs

    if not analogies and not pairs:
        analogies, pairs = ANALOGIES, PAIRS
    return [*map(read_analogies, analogies), *map(read_pairs, pairs)]


def rules(result: "AnalogyResult | PairResult") -> str:
    """The settings that a score depends on."""
    limit = f"{result.restrict_vocab:,}" if result.restrict_vocab else "none"
    case = "folded" if result.case_insensitive else "kept"
    method = getattr(result, "method", None)
    return ", ".join([*([method] if method else []), f"vocabulary limit {limit}", f"case {case}"])


def analogy_parts(result: "AnalogyResult") -> "list[AnalogyScore]":
    """The sections, then their sums."""
    sums = [part for part in (result.semantic, result.syntactic) if part.total]
    return [*result.sections, *sums, result.total]


def pair_measures(result: "PairResult") -> list[tuple[str, float | None, float | None]]:
    """Each measure over the pairs found, and over all with unknown words as wrong."""
    return [
        ("Spearman", result.spearman, result.spearman_over_total),
        ("Pearson", result.pearson, result.pearson_over_total),
    ]


def share(found: int, total: int) -> Cell:
    """`found/total` as tables show it."""
    return f"{found:,}/{total:,}"
