"""The `tune` command: a search for the best options of a training."""

import shlex
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.flags import flag
from embedtool.cli.options.algorithms import algorithm_commands
from embedtool.cli.options.given import given_options
from embedtool.cli.options.shared import NEW_FILE, Decorator, IntRange, duration, json_option
from embedtool.cli.output.console import print_json, print_table
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.suggesting_group import SuggestingGroup
from embedtool.config.text import TextConfig
from embedtool.config.training import TrainerConfig
from embedtool.messages import counted, escape_unprintable
from embedtool.tables import Cell

if TYPE_CHECKING:
    from embedtool.experiments.tuning import Trial, Tuning

N_SHOWN = 5
"""Number of trials in the printed table; the file has all."""


@click.group(cls=SuggestingGroup)
def tune() -> None:
    """Search for the options that score best on a dataset."""


def _options(config_class: type[TrainerConfig]) -> list[Decorator[Any]]:
    return [
        click.option(
            "--output", "-o", type=NEW_FILE, required=True, metavar="FOLDER",
            help="Folder for the trials and the best model.",
        ),
        click.option(
            "--budget", type=duration, required=True, metavar="TIME",
            help="Time after which no trial is started, such as 90s, 10m or 1h30m.",
        ),
        click.option(
            "--trials", "n_trials", type=IntRange(min=1), metavar="N",
            help="Maximum number of trials.",
        ),
        click.option("--analogies", metavar="NAME|FILE", help="Maximise accuracy on these."),
        click.option(
            "--pairs", metavar="NAME|FILE", help="Maximise Spearman's correlation on these."
        ),
        click.option(
            "--held-out", metavar="NAME|FILE",
            help="Other analogies or pairs, on which the best is compared with the defaults.",
        ),
    ]  # fmt: skip


def _tune(
    algorithm: str,
    inputs: tuple[str, ...],
    config: TrainerConfig,
    text: TextConfig,
    output: Path,
    budget: float,
    n_trials: int | None,
    analogies: str | None,
    pairs: str | None,
    held_out: str | None,
    cache: Path | None,
    as_json: bool,
) -> None:
    """Search for the best options of an algorithm."""
    if (analogies is None) == (pairs is None):
        raise click.UsageError("give the score to maximise: either --analogies or --pairs")

    from embedtool.corpus.corpus import Corpus
    from embedtool.evaluation.datasets import read_analogies, read_analogies_or_pairs, read_pairs
    from embedtool.experiments.tuning import tune as search
    from embedtool.io.atomic import check_writable

    dataset = (
        read_pairs(str(pairs), text.encoding)
        if analogies is None
        else read_analogies(analogies, text.encoding)
    )
    other = None if held_out is None else read_analogies_or_pairs(held_out, text.encoding)
    check_writable(output)
    searched = {each.name for each in (*fields(config), *fields(text))}
    given = frozenset(searched & given_options().keys())
    with progress_reporter() as report:
        result = search(
            algorithm, Corpus(inputs, text), config, given, output, dataset,
            seconds=budget, n_trials=n_trials, held_out=other, cache=cache, report=report,
        )  # fmt: skip
    if as_json:
        print_json(asdict(result))
        return
    values = click.get_current_context().params
    chosen = {name: values[name] for name in given} | result.best.options
    _print(result, ["embedtool", "train", algorithm, *inputs, *_flags(chosen)])


def _flags(options: dict[str, Any]) -> list[str]:
    """Return options as command-line arguments, with all digits, to train the same model."""
    flags: list[str] = []
    for name, value in sorted(options.items()):
        if isinstance(value, bool):
            flags.append(flag(name if value else f"no_{name}"))
        else:
            flags += [flag(name), str(value)]
    return flags


def _print(result: "Tuning", command: list[str]) -> None:
    finished = [trial for trial in result.trials if trial.score is not None]
    ranked = sorted(finished, key=lambda trial: -(trial.score or 0))[:N_SHOWN]
    held_out = [result.held_out] if result.held_out else []

    def row(name: str, trial: "Trial") -> tuple[Cell, ...]:
        values = [f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}"
                  for k, v in trial.options.items()]  # fmt: skip
        other = [trial.held_out] if held_out else []
        return (name, trial.score, *other, trial.seconds, ", ".join(values))

    print_table(
        ("trial", result.dataset, *held_out, "seconds", "options"),
        [
            *(row(str(trial.number), trial) for trial in ranked),
            row("defaults", result.defaults),
        ],
        f"the best of {counted(len(finished), 'trial')} by {result.measure}, over found: "
        f"{result.found:,} of {result.total:,}",
    )
    click.echo()
    if result.best == result.defaults:
        click.echo("No trial scored higher than the defaults.")
        return
    for contrast in result.contrasts:
        click.echo(escape_unprintable(contrast.verdict))
    click.echo(
        f"The score on {escape_unprintable(result.dataset)} is the highest of many, so it is "
        "biased upwards;"
        + (f" use the one on {escape_unprintable(result.held_out)}." if result.held_out
           else " use --held-out for an unbiased one.")
    )  # fmt: skip
    click.echo(f"\n{shlex.join(command)} --output MODEL")


algorithm_commands(
    tune,
    _options,
    _tune,
    last_options=lambda config: [json_option],
    help_note="The first trial has the defaults. An option that is given is not searched. A search "
    "is resumed if FOLDER contains trials of the same search.",
)
