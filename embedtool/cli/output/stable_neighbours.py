"""How the neighbours of words over the runs of `embedtool stability` are printed."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.output.console import echo_err, print_json, print_table
from embedtool.cli.output.query_results import Unknown, from_ngrams_field, print_annotated_rows
from embedtool.errors import NoAnswerError
from embedtool.messages import escape_unprintable
from embedtool.search.answers import ngrams_message
from embedtool.tables import Cell

if TYPE_CHECKING:
    from embedtool.experiments.stability import StableNeighbour

    Neighbours = Sequence[tuple[str, tuple[StableNeighbour, ...] | NoAnswerError]]

N_RUNS = 10
"""Recommended number of runs. Antoniak & Mimno use 50, and find that ten or more already show how
words differ."""
FEW_RUNS = 5
"""With fewer runs, an interval of the mean extends 3 to 13 standard errors to each side."""


def note_few_runs(n_runs: int) -> None:
    """Print a note if intervals are wide because there are few runs."""
    if n_runs < FEW_RUNS:
        echo_err(f"{n_runs} runs are few, so the intervals are wide; make {N_RUNS} or more")


def neighbour_records(
    results: "Neighbours", n_runs: int, new_words: Sequence[str]
) -> list[dict[str, Any]]:
    """Return the neighbours of each word over all runs, for JSON."""
    return [
        {"query": word, "runs": n_runs, "answers": None, **near.details()}
        if isinstance(near, NoAnswerError)
        else {
            "query": word, "runs": n_runs, **from_ngrams_field([word] if word in new_words else []),
            "answers": [asdict(each) for each in near],
        }
        for word, near in results
    ]  # fmt: skip


def print_neighbours(
    results: "Neighbours",
    n_runs: int,
    as_json: bool,
    as_tsv: bool,
    unknown: Unknown = "error",
    new_words: Sequence[str] = (),
) -> None:
    """Print the neighbours of each word over all runs.

    Parameters
    ----------
    results : sequence of tuples
        Each word with its neighbours, or the reason why it has none.
    n_runs : int
        Number of runs.
    as_json, as_tsv : bool
        Whether to print JSON, or TSV. If neither, a table for each word is printed.
    unknown : str
        The value of --unknown.
    new_words : sequence of str
        The words that are known only by their character n-grams.
    """
    if as_json:
        print_json(neighbour_records(results, n_runs, new_words))
        return
    note_few_runs(n_runs)
    notes = {
        word: str(near) if isinstance(near, NoAnswerError)
        else ngrams_message([word] if word in new_words else [])
        for word, near in results
    }  # fmt: skip
    if as_tsv:
        _print_tsv(results, notes, unknown)
    else:
        _print_tables(results, notes, n_runs)


def _print_tsv(results: "Neighbours", notes: Mapping[str, str], unknown: Unknown) -> None:
    columns = ("query", "word", "score", "low", "high", "deviation", "share")
    rows: list[tuple[Cell, ...]] = []
    for word, near in results:
        if isinstance(near, NoAnswerError):
            rows.append((word, *(None,) * (len(columns) - 1), notes[word]))
            continue
        rows += [
            (
                word, a.word, a.score, a.interval.low, a.interval.high, a.deviation, a.share,
                notes[word],
            )
            for a in near
        ]  # fmt: skip
    print_annotated_rows(columns, rows, True, unknown)


def _print_tables(results: "Neighbours", notes: Mapping[str, str], n_runs: int) -> None:
    from embedtool.evaluation.statistics import format_interval

    for i, (word, near) in enumerate(results):
        if i:
            click.echo()
        if notes[word]:
            click.echo(escape_unprintable(notes[word]))
        if isinstance(near, NoAnswerError):
            continue
        print_table(
            ("word", "score", "95% interval", "deviation", "runs"),
            [
                (
                    a.word, a.score, format_interval(a.interval), a.deviation,
                    f"{a.share * n_runs:.0f}",
                )
                for a in near
            ],
            f"{word}: mean of {n_runs} runs; in how many among the {len(near)} nearest",
        )  # fmt: skip
