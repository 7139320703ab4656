"""What a training is said to need, against what it takes, and what is refused."""

import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from embedtool.errors import ResourceError
from embedtool.io import machine
from embedtool.io.machine import MiB, available_memory
from embedtool.trainers import resources
from embedtool.trainers.resources import ResourceEstimate, check_resources
from tests.conftest import Run

TRAIN = """
import json, sys
from embedtool.config.training import FastTextConfig, GloveConfig, Word2VecConfig
from embedtool.corpus.corpus import Corpus
from embedtool.io.progress import silent
from embedtool.trainers.local_backend import LocalBackend
from embedtool.training import train
algorithm, text, size = sys.argv[1:]
configs = {"word2vec": Word2VecConfig, "fasttext": FastTextConfig, "glove": GloveConfig}
config = configs[algorithm](vector_size=int(size), epochs=1)
needs, _ = LocalBackend(config).estimate(Corpus([text]), silent)
train(config, text)
status = open("/proc/self/status").read().split()
peak = int(status[status.index("VmHWM:") + 1]) * 1024
print(json.dumps([needs.memory, peak]))
"""
SIZES = (50, 3000)


@pytest.mark.slow
@pytest.mark.parametrize("algorithm", ["word2vec", "fasttext", "glove"])
def test_memory_grows_as_told(algorithm: str, kingdoms: Path) -> None:
    """Within a factor of two: what the program takes by itself differs by machine, and what each
    thread works with, which grows with the vectors too, is not reported.
    """
    taken = []
    for size in SIZES:
        arguments = [sys.executable, "-c", TRAIN, algorithm, str(kingdoms), str(size)]
        done = subprocess.run(arguments, capture_output=True, check=True, text=True)
        needs, peak = json.loads(done.stdout)
        assert peak / 2 < needs < 2 * peak
        taken.append(peak)
    assert taken[1] - taken[0] > 20 * MiB


def test_a_dry_run_writes_nothing(run: Run, kingdoms: Path, tmp_path: Path) -> None:
    result = run("train", "fasttext", kingdoms, "-o", tmp_path / "model", "--dry-run")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0] == "2,359 words, 452,936 of 452,936 tokens (100.0%)"
    assert [line.split("  ")[0] for line in lines[2:]] == [
        "memory, about", "", "disk while training, at most", "disk for the model, at most",
    ]  # fmt: skip
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("dry", [[], ["--dry-run"]])
def test_tables_that_do_not_fit_are_refused(
    run: Run, kingdoms: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dry: list[str]
) -> None:
    monkeypatch.setattr(resources, "available_memory", lambda: MiB)
    result = run("train", "word2vec", kingdoms, "-o", tmp_path / "model", *dry)
    assert result.exit_code == 1
    assert result.stderr.splitlines()[-1] == (
        "Error: the tables need 2 MiB of memory, 1 MiB are free; choose a smaller --vector-size or "
        "--max-vocab, or a larger --min-count"
    )
    assert not list(tmp_path.iterdir())


def test_a_model_that_does_not_fit_on_the_disk_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"model: the model needs [\d,]+ MiB of disk, [\d,]+ M"):
        check_resources(ResourceEstimate(0, 0, 0, 10**18), tmp_path / "model")
    check_resources(ResourceEstimate(MiB, 10**18, 10**18, MiB), tmp_path / "model")


def test_the_least_of_what_the_system_tells_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("psutil.virtual_memory", lambda: SimpleNamespace(available=5000 * 1024))
    monkeypatch.setattr(machine, "CGROUP", tmp_path)
    assert available_memory() == 5000 * 1024
    (tmp_path / "memory.stat").write_text("anon 1\ninactive_file 500000\n")
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("3000000\n")
    assert available_memory() == 5000 * 1024
    (tmp_path / "memory.max").write_text("4000000\n")
    assert available_memory() == 1_500_000
    limit = psutil.Process().memory_info().vms + 10**6
    monkeypatch.setattr(machine, "address_space_limit", lambda: limit)
    assert 0 <= available_memory() <= 10**6
