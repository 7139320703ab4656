"""embedtool resume: go on with a training that was interrupted."""

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from embedtool.cli.options import FILE, checkpoint_options, json_log_option
from embedtool.cli.reporting import reporting
from embedtool.cli.stopping import stoppable
from embedtool.cli.train import tell
from embedtool.config import CheckpointConfig
from embedtool.progress import Report
from embedtool.trainers import TRAINERS

if TYPE_CHECKING:
    from embedtool.trainers.checkpoint import Checkpoints
    from embedtool.trainers.workplace import Workplace
    from embedtool.vectors import Model


@click.command()
@click.argument("model", type=FILE)
@click.option("--workers", type=click.IntRange(1, 1024), help="Threads. Default: as before.")
@checkpoint_options
@json_log_option
def resume(model: Path, workers: int | None, json_log: Path | None, **options: Any) -> None:
    """Go on with the training of MODEL where it was interrupted or broke off.

    It ends with the very vectors that it would have come to, with any number of workers. Text that
    has changed since is refused. --checkpoint-every and --on-divergence are as before unless given.
    """
    from embedtool import store
    from embedtool.trainers.checkpoint import Checkpoints
    from embedtool.trainers.workplace import workplace

    context = click.get_current_context()
    with workplace(model, make=False) as place:
        request = place.request()
        store.check_target(model, overwrite=True)
        given = {
            each.name: options[each.name]
            for each in fields(CheckpointConfig)
            if context.get_parameter_source(each.name) is click.core.ParameterSource.COMMANDLINE
        }
        checkpoints = Checkpoints(place.folder, CheckpointConfig(**{**request["keeping"], **given}))
        with stoppable(place, checkpoints), reporting(json_log) as report:
            trained = _go_on(place, request, workers, report, checkpoints)
            store.save(trained, model)
            place.clear()
    tell(model, trained)


def _go_on(
    place: "Workplace",
    request: dict[str, Any],
    workers: int | None,
    report: Report,
    checkpoints: "Checkpoints",
) -> "Model":
    """Train to the end what the place holds: word vectors, or an encoder over some."""
    from embedtool import store

    if request["algorithm"] not in TRAINERS:
        from embedtool.attention.training import resume_encoder

        static = store.load(request["static"])
        return resume_encoder(
            place, static, workers=workers, report=report, checkpoints=checkpoints
        )
    from embedtool.trainers.initial import Initial
    from embedtool.trainers.training import resume_model

    initial = None
    if request["init"] and not place.has_state:
        initial = Initial(store.load(request["init"]).vectors, request["freeze"])
    return resume_model(
        place, workers=workers, initial=initial, report=report, checkpoints=checkpoints
    )
