"""Systems other than Linux: what they lack is done another way, or is not needed."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="takes from Linux what other systems do not have"
)


def test_a_model_is_trained_resumed_queried_and_replaced_on_another_system(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "warn_default_encoding", "-m", "tests.faults.other_system"]
    done = subprocess.run([*command, tmp_path], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    expected = ["gensim", "model", "text", "text.gz", "whole"]
    assert sorted(path.name for path in tmp_path.iterdir()) == expected
    assert "this file system has no locks" in done.stderr
    locale = [line for line in done.stderr.splitlines() if "EncodingWarning" in line]
    assert not [line for line in locale if "/embedtool/" in line]
