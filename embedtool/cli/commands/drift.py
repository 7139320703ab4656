"""The `drift` command: the words whose vectors changed most between two models."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import (
    MODEL,
    Decorator,
    IntRange,
    config_options,
    json_option,
    tsv_option,
)
from embedtool.cli.output.console import echo_err, emit
from embedtool.config.choices import N_DRIFTED
from embedtool.config.tasks import DriftConfig
from embedtool.tables import Cell

drift_options: Decorator[Any] = config_options(DriftConfig)
N_SHOWN = 5
"""Number of neighbours of each word in a table."""
COLUMNS = ("word", "distance", "neighbourhood", "then", "now")


@click.command()
@click.argument("old", metavar="OLD", type=MODEL)
@click.argument("new", metavar="NEW", type=MODEL)
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "-n",
    "n",
    type=IntRange(min=1),
    default=N_DRIFTED,
    show_default=True,
    help="Number of words.",
)
@drift_options
@json_option
@tsv_option
def drift(
    old: Path,
    new: Path,
    words: tuple[str, ...],
    n: int,
    as_json: bool,
    as_tsv: bool,
    **options: Any,
) -> None:
    """Print the words that changed most from OLD to NEW.

    With WORD: how much each of them changed.

    distance: 1 - cosine of a word's two vectors, OLD rotated into the space of NEW; neighbourhood:
    1 - cosine of its similarities with its nearest neighbours in either model. The last columns are
    its nearest neighbours in each model, among the shared words.
    """
    config = DriftConfig.from_options(options)

    from embedtool.analysis.alignment import drift as words_that_drifted
    from embedtool.model import store

    vectors = [store.load(path).vectors for path in (old, new)]
    result = words_that_drifted(vectors[0], vectors[1], config, words or None, n=n)
    rows: list[tuple[Cell, ...]] = [
        (each.word, each.distance, each.neighbourhood, *(
            " ".join(near[:N_SHOWN]) for near in (each.then, each.now)
        ))
        for each in result.words
    ]  # fmt: skip
    emit(asdict(result), COLUMNS, rows, as_json=as_json, as_tsv=as_tsv)
    if as_json or as_tsv:
        return
    echo_err(
        f"{result.n_shared:,} shared words; aligned on {result.n_pairs:,}, residual "
        f"{result.residual:.4f}" + ("" if words else f"; {result.n_compared:,} compared")
    )
