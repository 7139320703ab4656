"""The `resume` command: resume an interrupted training."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.algorithms import checkpoint_options
from embedtool.cli.options.given import given_options
from embedtool.cli.options.shared import FILE, IntRange, json_log_option
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.output.training_summary import print_summary
from embedtool.cli.signals import graceful_shutdown
from embedtool.config.training import CheckpointConfig


@click.command()
@click.argument("model", type=FILE)
@click.option("--workers", type=IntRange(1, 1024), help="Threads. Default: as before.")
@click.option("--cluster", metavar="ADDRESS", help="Address of the cluster, if it has changed.")
@checkpoint_options
@json_log_option
def resume(
    model: Path,
    workers: int | None,
    cluster: str | None,
    json_log: Path | None,
    **options: Any,
) -> None:
    """Resume the interrupted training of MODEL.

    The result is identical to that of an uninterrupted training, with any number of workers. Text
    that has changed since is refused. --checkpoint-every and --on-divergence are as before unless
    given. A training on a cluster is resumed there, with any number of nodes.
    """
    from embedtool.training import resume as resume_training

    names = {each.name for each in fields(CheckpointConfig)} & given_options().keys()
    checkpoints = {name: options[name] for name in names}
    with graceful_shutdown() as stop, progress_reporter(json_log, workers) as report:
        trained = resume_training(
            model, workers=workers, cluster=cluster, report=report, stop=stop, **checkpoints
        )
    print_summary(model, trained)
