"""Time and memory of training as the text, the vocabulary, the buckets and the vectors grow.

    python -m benchmarks.size [--runs NAME ...] [--workers 2] [--folder FOLDER]

Each run trains one epoch on a generated text, in a process of its own, from the text to a model on
disk. Words are drawn from a Zipf distribution, and each occurs at least once. A line has

    reading     seconds from the beginning to training, and nanoseconds for each token
    training    the same for the epoch
    saving      seconds for the rest
    tables      memory of the parameters
    memory      peak of the process, without mapped files (the ids)
    beyond      the difference; and for each word, what is above 300 MiB
    huge        how much of the memory was on huge pages at the peak

Only on Linux, which tells a process's memory in /proc.
"""

import argparse
import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import numpy as np

from benchmarks.measure import machine
from embedtool.config.training import FastTextConfig, Word2VecConfig
from embedtool.io.machine import MiB
from embedtool.io.progress import Progress
from embedtool.trainers.aligned import pad_to_simd
from embedtool.trainers.resources import FLOAT_BYTES
from embedtool.training import train

BLOCK_TOKENS = 2**20
COPIED_BYTES = 2**24
LINE_TOKENS = 1000
"""Tokens of a line of the text."""
SAMPLE = 1e-4
LETTERS_PRIME = 7919
BASE_BYTES = 300 * MiB
"""Memory that a training of any size may take beyond its tables."""
SAMPLING_SECONDS = 0.05
STATUS, SMAPS = Path("/proc/self/status"), Path("/proc/self/smaps_rollup")


class Run(NamedTuple):
    """What is trained; 0 buckets are Word2Vec (CBOW), others FastText (skip-gram).

    The text is generated, then copied until it is there `times` times.
    """

    generated: int
    words: int
    size: int
    bucket: int = 0
    times: int = 1

    @property
    def tokens(self) -> int:
        """Tokens of the text."""
        return self.times * self.generated


RUNS = {
    "small": Run(20_000_000, 100_000, 100),
    "text": Run(80_000_000, 100_000, 100),
    "long": Run(100_000_000, 100_000, 100, times=17),
    "size": Run(20_000_000, 100_000, 300),
    "words-1m": Run(20_000_000, 1_000_000, 100),
    "words-1m-300": Run(20_000_000, 1_000_000, 300),
    "words-10m": Run(40_000_000, 10_000_000, 100),
    "bucket-2m": Run(5_000_000, 200_000, 100, 2_000_000),
    "bucket-10m": Run(5_000_000, 200_000, 100, 10_000_000),
    "bucket-10m-300": Run(5_000_000, 200_000, 300, 10_000_000),
}


def write_text(run: Run, path: Path) -> None:
    """Write a text in which each of the words occurs, the others by Zipf's law."""
    rng = np.random.default_rng(1)
    words = list(_words(run.words))
    cumulative = np.cumsum(1 / np.arange(1, run.words + 1))
    cumulative /= cumulative[-1]
    once = rng.permutation(run.words)
    with path.open("wb") as file:
        for first in range(0, run.generated, BLOCK_TOKENS):
            last = min(first + BLOCK_TOKENS, run.generated)
            ids = np.searchsorted(cumulative, rng.random(last - first))
            given = once[slice(*(at * run.words // run.generated for at in (first, last)))]
            ids[rng.permutation(len(ids))[: len(given)]] = given
            chosen = [words[i] for i in ids.tolist()]
            for start in range(0, len(ids), LINE_TOKENS):
                file.write(b" ".join(chosen[start : start + LINE_TOKENS]) + b"\n")
        end = file.tell()
        for _ in range(run.times - 1):
            with path.open("rb") as original:
                for _ in range(0, end, COPIED_BYTES):
                    file.write(original.read(min(COPIED_BYTES, end - original.tell())))


def _words(n: int) -> Iterator[bytes]:
    """Yield distinct words, the frequent ones first: multiples of a prime in base 26."""
    for number in range(1, n + 1):
        letters, rest = bytearray(), number * LETTERS_PRIME
        while rest:
            letters.append(ord("a") + rest % 26)
            rest //= 26
        yield bytes(letters)


class Sampler(threading.Thread):
    """Samples the memory of this process: the largest, and what was then on huge pages."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = self.huge = 0

    def run(self) -> None:
        """Sample until the process ends."""
        while True:
            now = _kibibytes(STATUS, "RssAnon")
            if now > self.peak:
                self.peak, self.huge = now, _kibibytes(SMAPS, "AnonHugePages")
            time.sleep(SAMPLING_SECONDS)


def _kibibytes(path: Path, name: str) -> int:
    """Return the bytes that a file of /proc has for a name."""
    line = next(line for line in path.read_text().splitlines() if line.startswith(name))
    return 1024 * int(line.split()[1])


def train_run(run: Run, text: Path, output: Path, workers: int) -> dict[str, Any]:
    """Train; return seconds by stage, the peak of memory, and that of the tables."""
    sampler = Sampler()
    sampler.start()
    common: dict[str, Any] = {"vector_size": run.size, "min_count": 1, "epochs": 1}
    common |= {"workers": workers, "sample": SAMPLE}
    if run.bucket:
        config: Word2VecConfig = FastTextConfig(mode="skipgram", bucket=run.bucket, **common)
    else:
        config = Word2VecConfig(mode="cbow", **common)
    began = time.perf_counter()
    times = {"begins": began, "ends": began}

    def report(progress: Progress) -> None:
        if progress.stage == "training":
            times["begins" if progress.begins else "ends"] = time.perf_counter()

    model = train(config, text, output=output, report=report)
    ngrams = model.vectors.subwords
    n_rows = 2 * run.words + (0 if ngrams is None else len(ngrams.ngram_rows))
    return {
        "reading": times["begins"] - began,
        "training": times["ends"] - times["begins"],
        "saving": time.perf_counter() - times["ends"],
        "tables": n_rows * pad_to_simd(run.size) * FLOAT_BYTES,
        "peak": sampler.peak,
        "huge": sampler.huge,
    }


def line(name: str, run: Run, cost: dict[str, Any]) -> str:
    """Return a run as a line of the table."""
    beyond = cost["peak"] - cost["tables"]
    seconds = "".join(
        f"{cost[stage]:8.1f} s{1e9 * cost[stage] / run.tokens:7.0f} ns"
        for stage in ("reading", "training")
    )
    sizes = "".join(f"{cost[each] / MiB:10,.0f}" for each in ("tables", "peak"))
    return (
        f"{name:16}{run.tokens / 1e6:8,.0f} M{seconds}{cost['saving']:8.1f} s{sizes}"
        f"{beyond / MiB:8,.0f}{max(0, beyond - BASE_BYTES) / run.words:6,.0f} B"
        f"{cost['huge'] / cost['peak']:7.0%}"
    )


HEADING = (
    f"{'':16}{'tokens':>10}{'reading':>20}{'training':>20}{'saving':>10}{'tables':>10}{'memory':>10}"
    f"{'beyond':>8}{'a word':>8}{'huge':>7}"
)


def main() -> None:
    """Read the command line, generate and train, print a line for each run."""
    parser = argparse.ArgumentParser(prog="benchmarks.size", description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", nargs="+", choices=RUNS, metavar="NAME",
                        default=[name for name in RUNS if name != "long"])  # fmt: skip
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--folder", type=Path, help="for texts and models")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)  # the text of the only run
    options = parser.parse_args()
    if options.child:
        output = options.child.with_name("model")
        run = RUNS[options.runs[0]]
        print(json.dumps(train_run(run, options.child, output, options.workers)))
        return
    print(f"{machine()}; {options.workers} workers, MiB")
    print(HEADING, flush=True)
    child = [sys.executable, "-m", "benchmarks.size", "--workers", str(options.workers)]
    for name in options.runs:
        with TemporaryDirectory(dir=options.folder) as folder:
            text = Path(folder) / "text"
            write_text(RUNS[name], text)
            command = [*child, "--runs", name, "--child", str(text)]
            done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
            print(line(name, RUNS[name], json.loads(done.stdout)), flush=True)


if __name__ == "__main__":
    main()
