"""The ablations change constants that exist: an assignment to another name would change nothing."""

import re
from importlib import import_module
from pathlib import Path

import pytest

from benchmarks import ablation

SOURCE = Path(ablation.__file__).read_text(encoding="utf-8")
MODULES = {
    name: f"{package}.{name}"
    for package, name in re.findall(r"^    from (embedtool[\w.]+) import (\w+)$", SOURCE, re.M)
}
CHANGED = sorted(set(re.findall(rf"^    ({'|'.join(MODULES)})\.(\w+) = ", SOURCE, re.M)))


@pytest.mark.parametrize(("module", "name"), CHANGED)
def test_what_is_changed_is_there(module: str, name: str) -> None:
    assert hasattr(import_module(MODULES[module]), name)


def test_every_constant_is_changed_somewhere() -> None:
    assert len(CHANGED) == len(ablation.CONSTANTS)


@pytest.mark.parametrize(
    ("text", "values"), [("streams=1,1/2", (1, 0.5)), ("streams", (1, 2, 4, 8, 16))]
)
def test_values_are_numbers_fractions_or_the_constants_own(text: str, values: object) -> None:
    assert ablation.variation(text) == ("streams", values)
