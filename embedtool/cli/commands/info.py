"""embedtool info: what a model is and how it came about."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from embedtool.cli.options.shared import json_option, model_argument
from embedtool.cli.output.console import Cell, print_json, print_table

IN_HISTORY = ("transformed", "aligned")
"""What the steps tell as well, in their order."""


@click.command()
@model_argument
@json_option
def info(model: Path, as_json: bool) -> None:
    """Show what MODEL is and how it came about."""
    from embedtool.model import store
    from embedtool.search.ann import describe

    description = store.describe(model)
    if "sizes" not in description:  # of an older embedtool
        description["sizes"] = store.sizes(store.load(model).vectors)
    found = describe(model)
    if found is not None:
        description["index"] = asdict(found)
    if as_json:
        print_json(description)
        return
    size = sum(file.stat().st_size for file in model.iterdir())
    print_table(("", ""), [*_table(description), ("size on disk", f"{size / 1e6:,.1f} MB")])


def _table(description: dict[str, Any]) -> list[tuple[str, Cell]]:
    """What the model is by now, how it was trained, and each step that was done to it since.

    The size of vectors that it was trained with is no row: it may have been another.
    """
    options = dict(description.get("options", {}))
    options.pop("vector_size", None)
    steps = description.get("history", [])
    told = {name: value for name, value in description.items() if name not in ("sizes", "history")}
    if steps:
        told = {name: value for name, value in told.items() if name not in IN_HISTORY}
    rows = _rows(description["sizes"]) + _rows({**told, "options": options})
    for number, step in enumerate(steps, 1):
        facts = {name: value for name, value in step.items() if name != "command"}
        rows += _rows(facts, f"{number} {step['command']}")
    return rows


def _rows(value: object, name: str = "") -> list[tuple[str, Cell]]:
    """A nested description as (name, value) rows; of the epochs only the last."""
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
