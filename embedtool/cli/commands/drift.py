"""embedtool drift: the words that moved most from one model to another."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import (
    FILE,
    Decorator,
    IntRange,
    config_options,
    json_option,
    tsv_option,
)
from embedtool.cli.output.console import Cell, echo_err, print_json, print_table, print_tsv
from embedtool.config.tasks import N_MOVED, DriftConfig

drift_options: Decorator[Any] = config_options(DriftConfig)
N_SHOWN = 5
"""Neighbours of each word that a table shows."""
COLUMNS = ("word", "distance", "neighbourhood", "then", "now")


@click.command()
@click.argument("old", metavar="OLD", type=FILE)
@click.argument("new", metavar="NEW", type=FILE)
@click.argument("words", metavar="[WORD]...", nargs=-1)
@click.option(
    "-n",
    "n",
    type=IntRange(min=1),
    default=N_MOVED,
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
    """Print the words that moved most from OLD to NEW, or how far each WORD did.

    distance: 1 - cosine of a word's two vectors, OLD turned into the space of NEW; neighbourhood:
    the same of its similarities with the words near it in either model. Then come its nearest
    words in each, among those that both models hold.
    """
    config = DriftConfig.from_options(options)

    from embedtool.analysis.alignment import drift as moved
    from embedtool.model import store

    vectors = [store.load(path).vectors for path in (old, new)]
    found = moved(vectors[0], vectors[1], config, words or None, n=n)
    if as_json:
        print_json(asdict(found))
        return
    rows: list[tuple[Cell, ...]] = [
        (each.word, each.distance, each.neighbourhood, *(
            " ".join(near[:N_SHOWN]) for near in (each.then, each.now)
        ))
        for each in found.words
    ]  # fmt: skip
    if as_tsv:
        print_tsv(COLUMNS, rows)
        return
    print_table(COLUMNS, rows)
    echo_err(
        f"{found.n_shared:,} shared words; aligned on {found.n_pairs:,}, residual "
        f"{found.residual:.4f}" + ("" if words else f"; {found.n_compared:,} compared")
    )
