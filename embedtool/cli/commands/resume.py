"""The `resume` command: go on with a training that was interrupted."""

from dataclasses import fields
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.given import given_options
from embedtool.cli.options.shared import FILE, IntRange, checkpoint_options, json_log_option
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.cli.output.training_summary import print_summary
from embedtool.cli.signals import graceful_shutdown
from embedtool.config.training import CheckpointConfig


@click.command()
@click.argument("model", type=FILE)
@click.option("--workers", type=IntRange(1, 1024), help="Threads. Default: as before.")
@click.option("--cluster", metavar="ADDRESS", help="Where the cluster is, if it has moved.")
@checkpoint_options
@json_log_option
def resume(
    model: Path,
    workers: int | None,
    cluster: str | None,
    json_log: Path | None,
    **options: Any,
) -> None:
    """Go on with the training of MODEL where it was interrupted or broke off.

    It ends with the very vectors that it would have come to, with any number of workers. Text that
    has changed since is refused. --checkpoint-every and --on-divergence are as before unless given.
    What was begun on a cluster goes on there, with any number of nodes.
    """
    from embedtool.training import resume as resume_training

    names = {each.name for each in fields(CheckpointConfig)} & given_options().keys()
    checkpoints = {name: options[name] for name in names}
    with graceful_shutdown() as stop, progress_reporter(json_log, workers) as report:
        trained = resume_training(
            model, workers=workers, cluster=cluster, report=report, stop=stop, **checkpoints
        )
    print_summary(model, trained)
