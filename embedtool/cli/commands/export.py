"""The `export` command: a model as a file or folder that other tools read."""

from pathlib import Path

import click

from embedtool.cli.options.shared import OUTPUT_FILE, model_argument
from embedtool.cli.output.console import echo_err
from embedtool.formats.registry import WRITERS
from embedtool.messages import counted


@click.command()
@model_argument
@click.argument("file", type=OUTPUT_FILE)
@click.option(
    "--format", "name", metavar="FORMAT", type=click.Choice(list(WRITERS)),
    help=f"{', '.join(WRITERS)}.",
)  # fmt: skip
def export(model: Path, file: Path, name: str | None) -> None:
    """Write the vectors of MODEL to FILE, for other tools.

    Without --format the name of FILE decides: .txt is word2vec's text, .vec and .bin are
    fastText's (.bin of a model without subwords is word2vec's), .glove, .safetensors, .npz,
    .parquet, .arrow or .feather; .fifu is finalfusion's, .tsv TensorBoard's pair. Formats that are
    folders need --format and a new path. `-` is standard output, for formats of one file.
    """
    from embedtool import formats
    from embedtool.cli.output.progress_display import delayed_bars
    from embedtool.model import store

    opened = store.load(model)
    name = name or formats.format_from_name(file, opened.vectors)
    with delayed_bars() as report:
        formats.write(
            opened.vectors, file, name, formats.recorded_options(opened.description), report
        )
    echo_err(
        f"{file}: {name}, {counted(opened.vectors.n_words, 'word')} x {opened.vectors.vector_size}"
    )
