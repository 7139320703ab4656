"""The description of a model as rows of a table."""

from typing import Any

from embedtool.tables import Cell

IN_HISTORY = ("transformed", "aligned")
"""Entries that are also in the history, in its order."""


def facts(description: dict[str, Any]) -> list[tuple[str, Cell]]:
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
