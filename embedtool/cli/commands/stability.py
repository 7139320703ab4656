"""The `stability` command: how much repeated trainings differ."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options.algorithms import algorithm_commands
from embedtool.cli.options.shared import NEW_FILE, Decorator, IntRange, json_option
from embedtool.cli.output.console import print_json, print_table
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.output.stable_neighbours import (
    N_RUNS,
    neighbour_records,
    note_few_runs,
    print_neighbours,
)
from embedtool.cli.suggesting_group import SuggestingGroup
from embedtool.config.choices import SAMPLINGS, Sampling
from embedtool.config.text import TextConfig
from embedtool.config.training import TrainerConfig

if TYPE_CHECKING:
    from embedtool.experiments.stability import Stability


@click.group(cls=SuggestingGroup)
def stability() -> None:
    """Repeat a training, and measure how scores and neighbours vary."""


def _options(config_class: type[TrainerConfig]) -> list[Decorator[Any]]:
    return [
        click.option(
            "--output", "-o", type=NEW_FILE, required=True, metavar="FOLDER",
            help="Folder for the model of each run; existing runs are not trained again.",
        ),
        click.option(
            "--runs", "n_runs", type=IntRange(min=2), default=N_RUNS, show_default=True,
            help="Number of trainings, each with its own seed.",
        ),
        click.option(
            "--sampling", type=click.Choice(SAMPLINGS), default=SAMPLINGS[0], show_default=True,
            help="bootstrap: each run on lines of the text drawn with replacement; fixed: on all.",
        ),
        click.option(
            "--word", "words", multiple=True, metavar="WORD",
            help="Show the neighbours of WORD over the runs too; may be repeated.",
        ),
        click.option("--analogies", multiple=True, metavar="NAME|FILE", help="As for `evaluate`."),
        click.option("--pairs", multiple=True, metavar="NAME|FILE", help="As for `evaluate`."),
    ]  # fmt: skip


def _measure(
    algorithm: str,
    inputs: tuple[str, ...],
    config: TrainerConfig,
    text: TextConfig,
    output: Path,
    n_runs: int,
    sampling: Sampling,
    words: tuple[str, ...],
    analogies: tuple[str, ...],
    pairs: tuple[str, ...],
    cache: Path | None,
    as_json: bool,
) -> None:
    """Train an algorithm repeatedly, and print how the runs differ."""
    from embedtool.analysis.neighbours import N_NEIGHBOURS
    from embedtool.corpus.corpus import Corpus
    from embedtool.evaluation.datasets import read_datasets
    from embedtool.experiments.experiment_dir import write_json
    from embedtool.experiments.runs import RESULT, open_runs, train_runs
    from embedtool.experiments.stability import stability as measure
    from embedtool.experiments.stability import stable_neighbours
    from embedtool.io.atomic import check_writable
    from embedtool.search.lookup import from_ngrams

    datasets = read_datasets(analogies, pairs, encoding=text.encoding)
    check_writable(output)
    with progress_reporter() as report:
        train_runs(
            algorithm, Corpus(inputs, text), config, output, n_runs, sampling,
            cache=cache, report=report,
        )  # fmt: skip
    runs = open_runs(output, n_runs)
    measured = measure(runs, datasets)
    near = list(zip(words, stable_neighbours(runs, words, N_NEIGHBOURS), strict=True))
    new_words = from_ngrams(runs[0], words)
    result = {**asdict(measured), "words": neighbour_records(near, n_runs, new_words)}
    write_json(output / RESULT, result)
    if as_json:
        print_json(result)
        return
    _print(measured)
    if words:
        click.echo()
        print_neighbours(near, n_runs, as_json=False, as_tsv=False, new_words=new_words)
    else:
        note_few_runs(n_runs)


def _print(measured: "Stability") -> None:
    from embedtool.evaluation.statistics import format_interval

    if measured.scores:
        print_table(
            ("", "score", "mean", "95% interval", "deviation", "lowest", "highest"),
            [
                (
                    each.dataset, each.measure, each.mean, format_interval(each.interval),
                    each.deviation, each.low, each.high,
                )
                for each in measured.scores
            ],
            f"scores of {measured.n_runs} runs",
        )  # fmt: skip
        click.echo()
    print_table(
        ("words", "in common", "of either"),
        [
            (f"{measured.n_words:,} most frequent", measured.overlap, measured.jaccard),
            *((f"ranks {b.first:,} to {b.last:,}", b.overlap, None) for b in measured.bands),
        ],
        f"overlap of the {measured.k} nearest neighbours of two runs",
    )


algorithm_commands(stability, _options, _measure, last_options=lambda config: [json_option])
