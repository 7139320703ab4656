"""The `info` command: what a model is and how it was made."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import json_option, model_argument
from embedtool.cli.output.console import Cell, emit

IN_HISTORY = ("transformed", "aligned")
"""Entries that are also in the history, in its order."""


@click.command()
@model_argument
@json_option
def info(model: Path, as_json: bool) -> None:
    """Show what MODEL is and how it was made."""
    from embedtool.model import store
    from embedtool.search.ann import describe

    description = store.describe(model)
    if "sizes" not in description:  # written by an older embedtool
        description["sizes"] = store.sizes(store.load(model).vectors)
    index = describe(model)
    if index is not None:
        description["index"] = asdict(index)
    size = sum(file.stat().st_size for file in model.iterdir())
    rows = [*_table(description), ("size on disk", f"{size / 1e6:,.1f} MB")]
    emit(description, ("", ""), rows, as_json=as_json)


def _table(description: dict[str, Any]) -> list[tuple[str, Cell]]:
    """Return rows for what the model is, how it was trained, and each step since then.

    The vector size of the training is left out: it may differ from that of the model.
    """
    options = dict(description.get("options", {}))
    options.pop("vector_size", None)
    steps = description.get("history", [])
    entries = {k: value for k, value in description.items() if k not in ("sizes", "history")}
    if steps:
        entries = {k: value for k, value in entries.items() if k not in IN_HISTORY}
    rows = _rows(description["sizes"]) + _rows({**entries, "options": options})
    for number, step in enumerate(steps, 1):
        settings = {name: value for name, value in step.items() if name != "command"}
        rows += _rows(settings, f"{number} {step['command']}")
    return rows


def _rows(value: object, name: str = "") -> list[tuple[str, Cell]]:
    """Return a nested description as (name, value) rows; of a list of records, only the last."""
    if isinstance(value, dict):
        rows = []
        for key, inner in value.items():
            rows += _rows(inner, f"{name} {key}".strip().replace("_", " "))
        return rows
    if isinstance(value, list):
        if value and isinstance(value[-1], dict):
            return _rows(value[-1], f"{name}: last")
        return [(name, ", ".join(map(str, value)))]
    if isinstance(value, bool):
        return [(name, "yes" if value else "no")]
    if isinstance(value, float):
        return [(name, f"{value:g}")]
    return [(name, value if isinstance(value, str | int) else None)]
