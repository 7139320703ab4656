"""Every benchmark can be imported, has a command line, and is there where pages name it."""

import json
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
MODULES = sorted(path.stem for path in (PROJECT / "benchmarks").glob("*.py"))
PAGES = [PROJECT / "README.md", *sorted((PROJECT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("name", MODULES)
def test_a_module_is_imported_and_tells_its_options(
    name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    module = import_module(f"benchmarks.{name}")
    assert module.__doc__
    if hasattr(module, "argparse"):
        monkeypatch.setattr(sys, "argv", [name, "--help"])
        with pytest.raises(SystemExit) as stopped:
            module.main()
        assert stopped.value.code == 0
        assert capsys.readouterr().out.startswith("usage: ")


def test_what_pages_and_docstrings_name_is_there() -> None:
    sources = [*PAGES, *(PROJECT / "embedtool").rglob("*.py")]
    named = {
        name
        for path in sources
        for name in re.findall(r"\bbenchmarks[./](\w+)", path.read_text(encoding="utf-8"))
    }
    assert {"run", "local_sgd", "cluster"} <= named
    assert named - {"tests"} <= set(MODULES)


def test_the_cost_of_a_command_is_a_line_of_json() -> None:
    script = PROJECT / "benchmarks" / "command_cost.py"
    command = [sys.executable, "-c", "print('noise'); raise SystemExit(3)"]
    done = subprocess.run(
        [sys.executable, "-I", script, *command], capture_output=True, text=True, check=True
    )
    cost = json.loads(done.stdout)
    assert cost.pop("code") == 3
    assert cost.keys() == {"seconds", "cpu_seconds", "peak_bytes"}
    assert all(value > 0 for value in cost.values())
    assert done.stderr == "noise\n"
