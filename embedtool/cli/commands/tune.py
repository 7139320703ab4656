"""embedtool tune: a search for the best options."""

import shlex
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from embedtool.cli.groups import SuggestingGroup
from embedtool.cli.options.algorithms import training_help
from embedtool.cli.options.shared import (
    NEW_FILE,
    IntRange,
    cache_option,
    config_options,
    duration,
    inputs_argument,
    json_option,
    text_options,
)
from embedtool.cli.output.console import Cell, escape_unprintable, print_json, print_table
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.config.base import flag
from embedtool.config.text import TextConfig
from embedtool.messages import counted
from embedtool.trainers import TRAINERS

if TYPE_CHECKING:
    from embedtool.experiments.tuning import Trial, Tuning

N_SHOWN = 5
"""Trials in the table that is printed; the file has all."""


@click.group(cls=SuggestingGroup)
def tune() -> None:
    """Search the options that score best on a dataset."""


def _add(algorithm: str) -> None:
    """Make the command of one algorithm out of its config."""
    config_class = TRAINERS[algorithm].config

    @tune.command(
        algorithm,
        help=f"{training_help(config_class)}\n\nThe first trial has the defaults. An option that "
        "is set stays as it is set. The search goes on where FOLDER holds trials of the same "
        "search.",
    )
    @inputs_argument
    @click.option(
        "--output", "-o", type=NEW_FILE, required=True, metavar="FOLDER",
        help="Where the trials and the best model are kept.",
    )  # fmt: skip
    @click.option(
        "--budget", type=duration, required=True, metavar="TIME",
        help="Such as 90s, 10m or 1h30m: no trial begins later.",
    )  # fmt: skip
    @click.option(
        "--trials", "n_trials", type=IntRange(min=1), metavar="N",
        help="No more than N trials in all.",
    )  # fmt: skip
    @click.option("--analogies", metavar="NAME|FILE", help="Search by accuracy on these.")
    @click.option("--pairs", metavar="NAME|FILE", help="Search by Spearman's correlation on these.")
    @click.option(
        "--held-out", metavar="NAME|FILE",
        help="Other analogies or pairs, on which the best is compared with the defaults.",
    )  # fmt: skip
    @config_options(config_class)
    @text_options
    @cache_option
    @json_option
    def command(
        inputs: tuple[str, ...],
        output: Path,
        budget: float,
        n_trials: int | None,
        analogies: str | None,
        pairs: str | None,
        held_out: str | None,
        cache: Path | None,
        as_json: bool,
        **options: Any,
    ) -> None:
        config = config_class.from_options(options)
        text = TextConfig.from_options(options)
        if (analogies is None) == (pairs is None):
            raise click.UsageError("give what to search by: either --analogies or --pairs")

        from embedtool.corpus.corpus import Corpus
        from embedtool.evaluation.datasets import (
            read_analogies,
            read_analogies_or_pairs,
            read_pairs,
        )
        from embedtool.experiments.tuning import tune as search
        from embedtool.io.atomic import check_writable

        dataset = (
            read_pairs(str(pairs), text.encoding)
            if analogies is None
            else read_analogies(analogies, text.encoding)
        )
        other = read_analogies_or_pairs(held_out, text.encoding) if held_out is not None else None
        check_writable(output)
        given = frozenset(
            name for name in options
            if click.get_current_context().get_parameter_source(name) is not ParameterSource.DEFAULT
        )  # fmt: skip
        with progress_reporter() as report:
            found = search(
                algorithm, Corpus(inputs, text), config, given, output, dataset,
                seconds=budget, n_trials=n_trials, held_out=other, cache=cache, report=report,
            )  # fmt: skip
        if as_json:
            print_json(asdict(found))
            return
        chosen = {name: options[name] for name in given} | found.best.options
        _print(found, ["embedtool", "train", algorithm, *inputs, *_flags(chosen)])


def _flags(options: dict[str, Any]) -> list[str]:
    """Options as the command line has them; every digit, so that they train the same model."""
    flags: list[str] = []
    for name, value in sorted(options.items()):
        if isinstance(value, bool):
            flags.append(flag(name if value else f"no_{name}"))
        else:
            flags += [flag(name), str(value)]
    return flags


def _print(found: "Tuning", command: list[str]) -> None:
    finished = [trial for trial in found.trials if trial.score is not None]
    ranked = sorted(finished, key=lambda trial: -(trial.score or 0))[:N_SHOWN]
    held_out = [found.held_out] if found.held_out else []

    def row(name: str, trial: "Trial") -> tuple[Cell, ...]:
        values = [f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}"
                  for k, v in trial.options.items()]  # fmt: skip
        other = [trial.held_out] if held_out else []
        return (name, trial.score, *other, trial.seconds, ", ".join(values))

    print_table(
        ("trial", found.dataset, *held_out, "seconds", "options"),
        [
            *(row(str(trial.number), trial) for trial in ranked),
            row("defaults", found.defaults),
        ],
        f"the best of {counted(len(finished), 'trial')} by {found.measure}, over found: "
        f"{found.found:,} of {found.total:,}",
    )
    click.echo()
    if found.best == found.defaults:
        click.echo("No trial scored higher than the defaults.")
        return
    for contrast in found.contrasts:
        click.echo(escape_unprintable(contrast.verdict))
    click.echo(
        f"The score on {escape_unprintable(found.dataset)} is the highest of many and so too high; "
        + (f"trust that on {escape_unprintable(found.held_out)}." if found.held_out
           else "see --held-out for one that can be trusted.")
    )  # fmt: skip
    click.echo(f"\n{shlex.join(command)} --output MODEL")


for _algorithm in TRAINERS:
    _add(_algorithm)
