"""The options that `evaluate` and `compare` share: datasets, and how models are scored on them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Self, TypeVar

import click

from embedtool.cli.options.shared import IntRange, encoding_option
from embedtool.config.choices import RESTRICT_VOCAB

if TYPE_CHECKING:
    from embedtool.evaluation.tasks import Dataset

F = TypeVar("F", bound=Callable[..., Any])


def score_options(command: F) -> F:
    """Add the datasets and the settings that scores depend on; `ScoreOptions` reads them."""
    options: list[Callable[[F], F]] = [
        encoding_option,
        click.option("--case-sensitive", is_flag=True,
                     help="King and king are two words; by default King is also looked up as king "
                     "if the model does not have it as spelled."),
        click.option("--restrict-vocab", type=IntRange(min=1), default=RESTRICT_VOCAB,
                     metavar="N", show_default=True,
                     help="Use only the N most frequent words."),
        click.option("--include-query-words", is_flag=True,
                     help="Let the words of an analogy question be answers too."),
        _datasets("outliers", "Groups of words with an outlier"),
        _datasets("categories", "Words with categories"),
        _datasets("pairs", "Word pairs with human similarity scores"),
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


@dataclass(frozen=True)
class ScoreOptions:
    """The options that `score_options` adds.

    Attributes
    ----------
    analogies, pairs, categories, outliers : tuple of str
        Names or files of datasets.
    encoding : str
        The codec of files.
    include_query_words : bool
        Whether the words of an analogy question may be answers.
    restrict_vocab : int
        Number of most frequent words that are used.
    case_sensitive : bool
        Whether words have to match in case.
    """

    analogies: tuple[str, ...]
    pairs: tuple[str, ...]
    categories: tuple[str, ...]
    outliers: tuple[str, ...]
    encoding: str
    include_query_words: bool
    restrict_vocab: int
    case_sensitive: bool

    @classmethod
    def from_options(cls, options: Mapping[str, Any]) -> Self:
        """Extract these options from a larger mapping."""
        return cls(**{each.name: options[each.name] for each in fields(cls)})

    def datasets(self) -> "list[Dataset]":
        """Read the datasets."""
        from embedtool.evaluation.datasets import read_datasets

        return read_datasets(
            self.analogies, self.pairs, self.categories, self.outliers, self.encoding
        )

    def vocabulary_arguments(self) -> dict[str, Any]:
        """Return the arguments that determine which words of a model are used."""
        return {
            "restrict_vocab": self.restrict_vocab, "case_insensitive": not self.case_sensitive,
        }  # fmt: skip
