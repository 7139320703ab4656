"""The `index` command: an index for approximate nearest-neighbour search."""

from pathlib import Path

import click

from embedtool.cli.options.shared import FloatRange, model_argument
from embedtool.cli.output.console import echo_err


@click.command()
@model_argument
@click.option(
    "--recall", type=FloatRange(0, 1), default=0.95, show_default=True,
    help="Recall@10 to reach: the fraction of a word's 10 nearest neighbours that a search finds.",
)  # fmt: skip
def index(model: Path, recall: float) -> None:
    """Build the index that `similar --approximate` searches.

    It is saved in the folder of MODEL, and replaces the index there. Its recall is measured and
    saved too; `embedtool info` shows it.
    """
    from embedtool.cli.output.progress_display import progress_reporter
    from embedtool.model import store
    from embedtool.search.ann import GRAPH, build

    vectors = store.load(model).vectors
    with progress_reporter() as report:
        made = build(vectors, model, recall, report)
    size = (model / GRAPH).stat().st_size
    echo_err(
        f"{model}: {size / 1e6:,.1f} MB, recall@10 {made.recall:.3f} of {made.sample:,} words, "
        f"{made.expansion:,} nodes a search"
    )
    if made.recall < recall:
        echo_err(f"Warning: that is less than {recall:g}; the vectors have few near neighbours")
