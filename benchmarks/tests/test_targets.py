"""The kernels are compiled for processors that the machine does not have."""

import re
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_kernels_compile_without_avx_and_for_neon() -> None:
    command = [sys.executable, "-m", "benchmarks.targets", "x86-64", "neon"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^(\S+) .* KiB$", done.stdout, re.MULTILINE) == ["x86-64", "neon"]
