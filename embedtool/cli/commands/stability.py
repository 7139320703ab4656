"""embedtool stability: the same training again and again, and what changes."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.groups import SuggestingGroup
from embedtool.cli.options.algorithms import training_help
from embedtool.cli.options.score_options import read_datasets
from embedtool.cli.options.shared import (
    NEW_FILE,
    IntRange,
    cache_option,
    config_options,
    inputs_argument,
    json_option,
    text_options,
)
from embedtool.cli.output.console import Cell, echo_err, escape_unprintable, print_json, print_table
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.output.query_results import (
    Unknown,
    from_ngrams_field,
    ngrams_message,
    print_annotated_rows,
)
from embedtool.cli.output.scores import format_interval
from embedtool.config.tasks import SAMPLINGS, Sampling
from embedtool.config.text import TextConfig
from embedtool.errors import NoAnswerError
from embedtool.trainers import TRAINERS

if TYPE_CHECKING:
    from embedtool.experiments.stability import Stability, StableNeighbour

    Neighbours = Sequence[tuple[str, tuple[StableNeighbour, ...] | NoAnswerError]]

N_RUNS = 10
"""Antoniak & Mimno have 50, and find that ten or more already show how words differ."""
FEW_RUNS = 5
"""Of fewer an interval of the mean reaches 3 to 13 standard errors to each side."""


@click.group(cls=SuggestingGroup)
def stability() -> None:
    """Train again and again, and tell how much scores and neighbours change."""


def _add(algorithm: str) -> None:
    """Make the command of one algorithm out of its config."""
    config_class = TRAINERS[algorithm].config

    @stability.command(algorithm, help=training_help(config_class))
    @inputs_argument
    @click.option(
        "--output", "-o", type=NEW_FILE, required=True, metavar="FOLDER",
        help="Where each run's model is kept; runs that are there are not trained again.",
    )  # fmt: skip
    @click.option(
        "--runs", "n_runs", type=IntRange(min=2), default=N_RUNS, show_default=True,
        help="Trainings; each has a seed of its own.",
    )  # fmt: skip
    @click.option(
        "--sampling", type=click.Choice(SAMPLINGS), default=SAMPLINGS[0], show_default=True,
        help="bootstrap: each run on lines of the text drawn with replacement; fixed: on all.",
    )  # fmt: skip
    @click.option(
        "--word", "words", multiple=True, metavar="WORD",
        help="Show the neighbours of WORD over the runs too; may be repeated.",
    )  # fmt: skip
    @click.option("--analogies", multiple=True, metavar="NAME|FILE", help="As for `evaluate`.")
    @click.option("--pairs", multiple=True, metavar="NAME|FILE", help="As for `evaluate`.")
    @config_options(config_class)
    @text_options
    @cache_option
    @json_option
    def command(
        inputs: tuple[str, ...],
        output: Path,
        n_runs: int,
        sampling: Sampling,
        words: tuple[str, ...],
        analogies: tuple[str, ...],
        pairs: tuple[str, ...],
        cache: Path | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        config = config_class.from_options(options)
        text = TextConfig.from_options(options)
        datasets = read_datasets(analogies, pairs, encoding=text.encoding)

        from embedtool.analysis.neighbours import N_NEIGHBOURS
        from embedtool.corpus.corpus import Corpus
        from embedtool.experiments.experiment_dir import write_json
        from embedtool.experiments.runs import RESULT, open_runs, train_runs
        from embedtool.experiments.stability import stability as measured
        from embedtool.experiments.stability import stable_neighbours
        from embedtool.io.atomic import check_writable
        from embedtool.search.query import from_ngrams

        check_writable(output)
        with progress_reporter() as report:
            train_runs(
                algorithm, Corpus(inputs, text), config, output, n_runs, sampling,
                cache=cache, report=report,
            )  # fmt: skip
        runs = open_runs(output, n_runs)
        found = measured(runs, datasets)
        near = list(zip(words, stable_neighbours(runs, words, N_NEIGHBOURS), strict=True))
        new = from_ngrams(runs[0], words)
        result = {**asdict(found), "words": _records(near, n_runs, new)}
        write_json(output / RESULT, result)
        if as_json:
            print_json(result)
            return
        _print(found)
        if words:
            click.echo()
            print_neighbours(near, n_runs, as_json=False, as_tsv=False, new=new)
        else:
            _note_few(n_runs)


def _note_few(n_runs: int) -> None:
    if n_runs < FEW_RUNS:
        echo_err(f"{n_runs} runs are few, so the intervals are wide; make {N_RUNS} or more")


def _print(found: "Stability") -> None:
    if found.scores:
        print_table(
            ("", "score", "mean", "95% interval", "deviation", "lowest", "highest"),
            [
                (
                    each.dataset, each.measure, each.mean, format_interval(each.interval),
                    each.deviation, each.low, each.high,
                )
                for each in found.scores
            ],
            f"scores of {found.n_runs} runs",
        )  # fmt: skip
        click.echo()
    print_table(
        ("words", "in common", "of either"),
        [
            (f"{found.n_words:,} most frequent", found.overlap, found.jaccard),
            *((f"ranks {b.first:,} to {b.last:,}", b.overlap, None) for b in found.bands),
        ],
        f"share of the {found.k} nearest neighbours that two runs have in common",
    )


def _records(found: "Neighbours", n_runs: int, new: Sequence[str] = ()) -> list[dict[str, Any]]:
    """Neighbours over all runs as JSON has them."""
    return [
        {"query": word, "runs": n_runs, "answers": None, **near.details()}
        if isinstance(near, NoAnswerError)
        else {
            "query": word, "runs": n_runs, **from_ngrams_field([word] if word in new else []),
            "answers": [asdict(each) for each in near],
        }
        for word, near in found
    ]  # fmt: skip


def print_neighbours(
    found: "Neighbours",
    n_runs: int,
    as_json: bool,
    as_tsv: bool,
    unknown: Unknown = "error",
    new: Sequence[str] = (),
) -> None:
    """Print the neighbours of each word over all runs.

    new : the words that are known by their character n-grams alone
    """
    if as_json:
        print_json(_records(found, n_runs, new))
        return
    _note_few(n_runs)
    notes = {
        word: str(near) if isinstance(near, NoAnswerError)
        else ngrams_message([word] if word in new else [])
        for word, near in found
    }  # fmt: skip
    if as_tsv:
        columns = ("query", "word", "score", "low", "high", "deviation", "share")
        rows: list[tuple[Cell, ...]] = []
        for word, near in found:
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
        print_annotated_rows(columns, rows, as_tsv, unknown)
        return
    for i, (word, near) in enumerate(found):
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
                    a.word,
                    a.score,
                    format_interval(a.interval),
                    a.deviation,
                    f"{a.share * n_runs:.0f}",
                )
                for a in near
            ],
            f"{word}: mean of {n_runs} runs; in how many among the {len(near)} nearest",
        )


for _algorithm in TRAINERS:
    _add(_algorithm)
