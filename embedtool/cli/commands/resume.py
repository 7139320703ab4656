"""The `resume` command: go on with a training that was interrupted."""

from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.backends import resumer
from embedtool.cli.commands.train import print_summary
from embedtool.cli.graceful_shutdown import stoppable
from embedtool.cli.options.shared import FILE, IntRange, checkpoint_options, json_log_option
from embedtool.cli.output.progress_display import progress_reporter
from embedtool.config.training import CheckpointConfig
from embedtool.io.progress import Report
from embedtool.trainers import TRAINERS

if TYPE_CHECKING:
    from embedtool.model.vectors import Model
    from embedtool.trainers.checkpoint import Checkpointer
    from embedtool.trainers.training_dir import TrainingDir


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
    from embedtool.model import store
    from embedtool.trainers.checkpoint import Checkpointer
    from embedtool.trainers.training_dir import lock_training_dir

    context = click.get_current_context()
    with lock_training_dir(model, make=False) as training_dir:
        request = training_dir.read_manifest()
        store.check_target(model, overwrite=True)
        given = {
            each.name: options[each.name]
            for each in fields(CheckpointConfig)
            if context.get_parameter_source(each.name) is click.core.ParameterSource.COMMANDLINE
        }
        checkpointer = Checkpointer(
            training_dir.folder, CheckpointConfig(**{**request["keeping"], **given})
        )
        address = cluster or request.get("address")
        if cluster and not request.get("address"):
            raise click.UsageError("the training was begun on one machine; leave --cluster out")
        with (
            resumer(address) as resume_model,
            stoppable(training_dir, checkpointer),
            progress_reporter(json_log, None if address else workers) as report,
        ):
            trained = _go_on(training_dir, request, workers, resume_model, report, checkpointer)
            store.save(trained, model)
            training_dir.clear()
    print_summary(model, trained)


def _go_on(
    training_dir: "TrainingDir",
    request: dict[str, Any],
    workers: int | None,
    resume_model: "Callable[..., Model]",
    report: Report,
    checkpointer: "Checkpointer",
) -> "Model":
    """Train to the end what the place holds: word vectors, or an encoder over some."""
    from embedtool.model import store

    if request["algorithm"] not in TRAINERS:
        from embedtool.contextual.training import resume_encoder

        static = store.load(request["static"])
        return resume_encoder(
            training_dir, static, workers=workers, report=report, checkpointer=checkpointer
        )
    from embedtool.trainers.warm_start import WarmStart

    initial = None
    if request["init"]:
        initial = WarmStart(store.load(request["init"]).vectors, request["freeze"])
    return resume_model(
        training_dir, workers=workers, initial=initial, report=report, checkpointer=checkpointer
    )
