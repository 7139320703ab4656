"""Scaling of embedtool with threads and text, and whether its vectors stay the same.

    python -m benchmarks.scaling TEXT [--repeat 1] [--seed 1] [--only glove ...]

Trains on all of TEXT with 1, 2, 3 and 8 workers, and on its first tenth with 2, in turn, with the
settings of `benchmarks.run`, from the text to a model on disk.
"""

import argparse
import hashlib
import statistics
from collections import defaultdict
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.measure import MODEL, CommandError, first_lines, machine, plain_text, run
from benchmarks.tasks import TASKS, Command, embedtool
from embedtool.model.store import VECTORS

WORKERS = (1, 2, 3, 8)
HASH_DIGITS = 8
"""Digits of a SHA-256 that are printed."""
Key = tuple[str, int]
"""Which text, how many workers."""


def train(command: Command, folder: Path, workers: int, seed: int) -> tuple[float, str]:
    """Seconds of a training, and the SHA-256 of all its tables."""
    with TemporaryDirectory(dir=folder) as name:
        cost = run(command(workers, seed), Path(name))
        with (Path(name) / MODEL / VECTORS).open("rb") as file:
            return cost.seconds, hashlib.file_digest(file, "sha256").hexdigest()


def measure(task: str, folder: Path, repeat: int, seed: int) -> tuple[dict[Key, float], list[str]]:
    """Median seconds for each text and number of workers; the distinct hashes for all of it."""
    command = embedtool(TASKS[task])
    seconds: dict[Key, list[float]] = defaultdict(list)
    hashes: dict[str, None] = {}
    train(command, folder / "tenth", 1, seed)  # compiles the kernels
    for _ in range(repeat):
        for workers in WORKERS:
            elapsed, digest = train(command, folder / "all", workers, seed)
            seconds["all", workers].append(elapsed)
            hashes[digest] = None
        seconds["tenth", 2].append(train(command, folder / "tenth", 2, seed)[0])
    return {key: statistics.median(values) for key, values in seconds.items()}, list(hashes)


def main() -> None:
    """Read the command line, train, print two lines per task."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.scaling", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path)
    parser.add_argument("--repeat", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    options = parser.parse_args()
    with TemporaryDirectory() as name:
        folder = Path(name)
        text, n_tokens = plain_text(options.text, folder / "all")
        n_tenth = first_lines(text, text.stat().st_size // 10, folder / "tenth")
        print(f"{machine()}; seed {options.seed}, medians of {options.repeat}, in turn")
        print(f"{options.text.name}: {n_tokens:,} tokens, {n_tokens / n_tenth:.2f} times its tenth")
        print(f"\n{'':14}{'1 worker':>10}{'2 workers':>11}{'1 : 2':>8}{'tenth, 2':>11}"
              f"{'all : tenth':>13}")  # fmt: skip
        for task in options.only:
            try:
                seconds, hashes = measure(task, folder, options.repeat, options.seed)
            except CommandError as error:
                print(f"{task:14} failed: {error}")
                continue
            one, two, tenth = seconds["all", 1], seconds["all", 2], seconds["tenth", 2]
            print(f"{task:14}{one:8.1f} s{two:9.1f} s{one / two:8.2f}{tenth:9.1f} s"
                  f"{two / tenth:13.2f}")  # fmt: skip
            same = "the same" if len(hashes) == 1 else "not the same"
            short_hashes = " ".join(digest[:HASH_DIGITS] for digest in hashes)
            print(f"    vectors with {WORKERS} workers: {same}, SHA-256 {short_hashes}", flush=True)


if __name__ == "__main__":
    main()
