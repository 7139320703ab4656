"""The tests can be collected from the source distribution, and where extras are absent."""

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from embedtool.config.training import GENSIM
from tests.conftest import EXTRAS

PROJECT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text())
ABOUT = PYPROJECT["project"]
COLLECT = """
import importlib.abc, sys
import pytest

class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {absent!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Absent())
sys.exit(pytest.main(["--collect-only", "-q", "-rs", "-p", "no:cacheprovider", *{paths!r}]))
"""


def collect(absent: set[str], *paths: str) -> tuple[int, list[str]]:
    """Collect tests where packages are absent: pytest's exit code, and what is skipped."""
    code = COLLECT.format(absent=absent, paths=paths)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PROJECT)
    return done.returncode, re.findall(r"^SKIPPED .*", done.stdout, flags=re.MULTILINE)


def test_what_tests_import_of_the_project_is_in_the_source_distribution() -> None:
    shipped = PYPROJECT["tool"]["hatch"]["build"]["targets"]["sdist"]["include"]
    for path in sorted((PROJECT / "tests").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in {each.partition(".")[0] for each in names} - {""}:
                assert not (PROJECT / name).is_dir() or f"/{name}" in shipped, (path, name)


def test_tests_need_no_benchmarks() -> None:
    """Those that do are with the benchmarks."""
    for path in sorted((PROJECT / "tests").rglob("*.py")):
        assert not re.search(r"^\s*(import|from) benchmarks\b", path.read_text(), re.MULTILINE), (
            path
        )


def test_the_gensim_to_install_for_its_engine_is_the_one_that_is_required() -> None:
    (required,) = (each for each in ABOUT["dependencies"] if each.startswith("gensim"))
    assert required.partition(";")[0] == GENSIM


def test_the_page_on_installation_has_a_row_for_each_extra() -> None:
    page = (PROJECT / "docs" / "installation.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \|", page, flags=re.MULTILINE)
    own = {"all", "test", "docs", "dev"}
    assert sorted(rows) == sorted(ABOUT["optional-dependencies"].keys() - own)


def test_every_extra_of_the_tests_is_one() -> None:
    assert set(EXTRAS.values()) <= ABOUT["optional-dependencies"].keys()


def test_a_module_whose_extra_is_absent_is_skipped_by_name() -> None:
    code, skipped = collect({"optuna", "pyarrow", "icu4py"}, "tests/unit/test_tuning.py",
                            "tests/unit/test_parquet_records.py", "tests/unit/test_tokens.py",
                            "tests/unit/test_search_candidates.py")  # fmt: skip
    assert code == 0
    assert sorted(line.partition(": ")[2] for line in skipped) == [
        "tests/unit/test_parquet_records.py: needs pyarrow: pip install 'embedtool[parquet]'",
        "tests/unit/test_tokens.py: tokenizer='icu' needs: pip install 'embedtool[icu]'",
        "tests/unit/test_tuning.py: needs optuna: pip install 'embedtool[tune]'",
    ]


def test_a_module_that_is_in_no_extra_is_still_an_error() -> None:
    code, skipped = collect({"numpy"}, "tests/unit/test_search_candidates.py")
    assert (code, skipped) != (0, [])
    code, skipped = collect({"scipy"}, "tests/unit/test_statistics.py")
    assert (code, skipped) == (2, [])


@pytest.mark.slow
def test_all_tests_are_collected_without_any_extra() -> None:
    code, skipped = collect(set(EXTRAS), "tests")
    assert code == 0
    for name in ("test_api", "test_cluster", "test_serve", "test_tuning", "test_contextual"):
        assert any(f"/{name}.py" in line for line in skipped), name
