"""How long a training of a little text takes, with an empty cache of kernels and with a full one.

    python -m benchmarks.starting [--rounds N] [--bytes N] TEXT

A line for each algorithm and mode: the seconds of the process that compiles the kernels, and of one
that finds them in the cache (median), with all cores.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

TRAININGS = (
    "word2vec --mode skipgram",
    "word2vec --mode cbow",
    "word2vec --mode skipgram --loss hierarchical-softmax",
    "word2vec --mode cbow --loss hierarchical-softmax",
    "fasttext",
    "glove",
)


def seconds(training: str, text: Path, folder: Path) -> float:
    """Return the seconds of a process that trains, with the kernels cached in a folder."""
    command = [
        sys.executable, "-m", "embedtool", "train", *training.split(), str(text),
        "--output", str(folder / "model"), "--overwrite",
    ]  # fmt: skip
    began = time.perf_counter()
    subprocess.run(
        command, env={**os.environ, "NUMBA_CACHE_DIR": str(folder)}, check=True, capture_output=True
    )
    return time.perf_counter() - began


def main() -> None:
    """Print a line for each training."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("text", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--bytes", type=int, default=1_000_000, help="of the text, from its start")
    options = parser.parse_args()
    with TemporaryDirectory() as work:
        text = Path(work) / "text"
        with options.text.open("rb") as whole:
            text.write_bytes(whole.read(options.bytes))
        print(f"{'first':>8}{'warm':>8}  seconds")
        for training in TRAININGS:
            with TemporaryDirectory() as folder:
                first = seconds(training, text, Path(folder))
                warm = [seconds(training, text, Path(folder)) for _ in range(options.rounds)]
            print(f"{first:8.2f}{median(warm):8.2f}  {training}", flush=True)


if __name__ == "__main__":
    main()
