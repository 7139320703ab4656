"""The `align` command: one model rotated into the space of another."""

from dataclasses import asdict
from pathlib import Path

import click

from embedtool.cli.options.shared import MODEL, NEW_FILE, IntRange, json_option, overwrite_option
from embedtool.cli.output.console import echo_err, emit
from embedtool.config.choices import N_ANCHORS


@click.command()
@click.argument("source", metavar="SOURCE", type=MODEL)
@click.argument("target", metavar="TARGET", type=MODEL)
@click.argument("output", metavar="OUTPUT", type=NEW_FILE)
@click.option(
    "--anchors", type=IntRange(min=1), default=N_ANCHORS, show_default=True, metavar="N",
    help="Align on the N most frequent shared words.",
)  # fmt: skip
@json_option
@overwrite_option
def align(
    source: Path, target: Path, output: Path, anchors: int, as_json: bool, overwrite: bool
) -> None:
    """Rotate SOURCE into the space of TARGET, and save it as OUTPUT.

    The rotation minimises the distances between the vectors of shared words (orthogonal
    Procrustes). Cosines within a model do not change; cosines between the two models become
    meaningful.
    """
    from embedtool.analysis.alignment import align as aligned
    from embedtool.model import store
    from embedtool.model.vectors import ModelRecord, with_history_entry

    store.check_target(output, overwrite)
    model = store.load(source)
    alignment = aligned(model.vectors, store.load(target).vectors, anchors)
    measures = {name: value for name, value in asdict(alignment).items() if name != "rotation"}
    aligned_to = {"target": str(target), **measures}
    description = with_history_entry(
        {**model.description, "aligned": aligned_to}, "align", aligned_to
    )
    store.save(ModelRecord(alignment.apply(model.vectors), description), output, overwrite=True)
    echo_err(f"{output}: {source} in the space of {target}")
    names = {
        "n_pairs": "anchors", "before": "mean cosine before", "after": "mean cosine after",
        "residual": "residual, root mean square",
    }  # fmt: skip
    rows = [(names[name], value) for name, value in measures.items()]
    emit(measures, ("", ""), rows, as_json=as_json)
