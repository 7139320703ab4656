"""gensim's own tests pass against `embedtool.gensim`, except those in the table of exceptions."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_gensims_own_tests_have_the_outcomes_of_the_table() -> None:
    pytest.importorskip("gensim", reason="gensim, whose tests these are, is not installed")
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.gensim_suite"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    surprising = [line for line in done.stdout.splitlines() if line.startswith("NOT IN THE TABLE")]
    assert done.returncode == 0, surprising or done.stderr
