"""The options of `embedtool evaluate --classify`."""

from collections.abc import Callable
from typing import Any, TypeVar, get_args, get_type_hints

import click

from embedtool.cli.options.given import given_options
from embedtool.cli.options.shared import Decorator, config_options
from embedtool.config.tasks import ClassifyConfig, DocumentConfig

F = TypeVar("F", bound=Callable[..., Any])

WEIGHTINGS = get_args(get_type_hints(DocumentConfig)["weighting"])
COMMON_PARAMETERS = {"model", "classify", "encoding", "as_json", "as_tsv"}
"""Parameters of `evaluate` that go with --classify and without."""
CLASSIFY_PARAMETERS = {"weightings", *ClassifyConfig.__dataclass_fields__}
"""Parameters of `evaluate` that go with --classify only."""


def classify_options(command: F) -> F:
    """Add --classify and the options that go with it."""
    config_flags: Decorator[F] = config_options(ClassifyConfig)
    options: list[Decorator[F]] = [
        config_flags,
        click.option("--weighting", "weightings", multiple=True, type=click.Choice(WEIGHTINGS),
                     help="--classify: weight of each word in the vector of its document; may be "
                     "repeated. Default: all three."),
        click.option("--classify", metavar="FILE",
                     help="Classify the documents of a CSV, TSV, JSONL or Parquet file."),
    ]  # fmt: skip
    for option in options:
        command = option(command)
    return command


def check_exclusive_options(classify: str | None) -> None:
    """Check that the given options belong together.

    Raises
    ------
    click.UsageError
        If an option of another task goes with --classify, or one of its own goes without it.
    """
    for name, option in given_options().items():
        if name not in COMMON_PARAMETERS and (name in CLASSIFY_PARAMETERS) != bool(classify):
            relation = "goes without" if classify else "needs"
            raise click.UsageError(f"{option} {relation} --classify", click.get_current_context())
