"""Every option of every trainer at the values that break programs: refused, or trained with."""

import math
from dataclasses import fields
from pathlib import Path
from typing import get_args, get_type_hints

import pytest

from embedtool.cli.flags import flag
from embedtool.config.text import TextConfig
from embedtool.config.training import CheckpointConfig
from embedtool.model import store
from embedtool.trainers import TRAINERS
from tests.conftest import Run

VALUES = ("0", "-1", "nan", "inf", "-inf", "1e12", "1000000000000", "", "zero")
SMALL = {"vector_size": "4", "min_count": "1", "workers": "1", "bucket": "100", "memory": "16"}
COSTLY = {"epochs"}
"""Options of which a large value is meant: it takes as long as it says."""


def numbers(algorithm: str) -> list[str]:
    """The options that are numbers."""
    config = TRAINERS[algorithm].config
    hints = get_type_hints(config)
    return [
        each.name
        for each in fields(config)
        if {int, float} & {hints[each.name], *get_args(hints[each.name])}
    ]


@pytest.mark.parametrize(
    ("algorithm", "name"), [(a, name) for a in TRAINERS for name in numbers(a)]
)
def test_numbers_at_their_bounds(
    run: Run, text: Path, tmp_path: Path, algorithm: str, name: str
) -> None:
    others = {key: value for key, value in SMALL.items() if key in numbers(algorithm)}
    others["epochs"] = "1"
    for value in VALUES:
        if name in COSTLY and value == "1000000000000":
            continue
        options = [part for k, v in (others | {name: value}).items() for part in (flag(k), v)]
        result = run("train", algorithm, text, "-o", tmp_path / "model", "--overwrite", *options)
        if result.exit_code == 0:
            assert math.isfinite(float(value))
            assert all(not fault for fault in store.verify(tmp_path / "model"))
            continue
        lines = result.stderr.splitlines()
        assert lines[-1].startswith("Error: "), (value, lines)
        assert result.exit_code == 2 or (result.exit_code == 1 and float(value)), (value, lines)
    assert {path.name for path in tmp_path.iterdir()} <= {"model", "text.txt"}


@pytest.mark.parametrize("config", [TextConfig, CheckpointConfig])
def test_values_that_are_no_choice(run: Run, text: Path, tmp_path: Path, config: type) -> None:
    for each in fields(config):
        for value in ("", "none of these", "\x1b[31m", "0"):
            arguments = [f"{flag(each.name)}={value}"]
            hint = get_type_hints(config)[each.name]
            if hint in (bool, str):
                continue
            result = run("train", "glove", text, "-o", tmp_path / "model", *arguments)
            assert result.exit_code == 2, (each.name, value, result.output)
            assert "\x1b" not in result.stderr
            assert not (tmp_path / "model").exists()
