"""embedtool align: one model in the space of another."""

from dataclasses import asdict
from pathlib import Path

import click

from embedtool.cli.options.shared import FILE, NEW_FILE, IntRange, json_option, overwrite_option
from embedtool.cli.output.console import echo_err, print_json, print_table
from embedtool.config.tasks import N_ANCHORS


@click.command()
@click.argument("source", metavar="SOURCE", type=FILE)
@click.argument("target", metavar="TARGET", type=FILE)
@click.argument("output", metavar="OUTPUT", type=NEW_FILE)
@click.option(
    "--anchors", type=IntRange(min=1), default=N_ANCHORS, show_default=True, metavar="N",
    help="Align on the N most frequent words that the models share.",
)  # fmt: skip
@json_option
@overwrite_option
def align(
    source: Path, target: Path, output: Path, anchors: int, as_json: bool, overwrite: bool
) -> None:
    """Write SOURCE, turned into the space of TARGET, as a model OUTPUT.

    The rotation is the one that brings the words that both models hold nearest together (orthogonal
    Procrustes). Cosines within the model stay; those between the two models now mean something.
    """
    from embedtool.analysis.alignment import align as aligned
    from embedtool.model import store
    from embedtool.model.vectors import Model, with_history_entry

    store.check_target(output, overwrite)
    model = store.load(source)
    alignment = aligned(model.vectors, store.load(target).vectors, anchors)
    told = {name: value for name, value in asdict(alignment).items() if name != "rotation"}
    aligned_to = {"target": str(target), **told}
    description = with_history_entry(
        {**model.description, "aligned": aligned_to}, "align", aligned_to
    )
    store.save(Model(alignment.apply(model.vectors), description), output)
    echo_err(f"{output}: {source} in the space of {target}")
    if as_json:
        print_json(told)
    else:
        names = {
            "n_pairs": "anchors", "before": "mean cosine before", "after": "mean cosine after",
            "residual": "residual, root mean square",
        }  # fmt: skip
        print_table(("", ""), [(names[name], value) for name, value in told.items()])
