"""The `info` command: what a model is and how it was made."""

from dataclasses import asdict
from pathlib import Path

import click

from embedtool.cli.options.shared import json_option, model_argument
from embedtool.cli.output.console import emit


@click.command()
@model_argument
@json_option
def info(model: Path, as_json: bool) -> None:
    """Show what MODEL is and how it was made."""
    from embedtool.model import store
    from embedtool.model.description import facts
    from embedtool.search.ann import describe

    description = store.describe(model)
    if "sizes" not in description:  # written by an older embedtool
        description["sizes"] = store.sizes(store.load(model).vectors)
    index = describe(model)
    if index is not None:
        description["index"] = asdict(index)
    size = sum(file.stat().st_size for file in model.iterdir())
    rows = [*facts(description), ("size on disk", f"{size / 1e6:,.1f} MB")]
    emit(description, ("", ""), rows, as_json=as_json)
