"""What a superstep costs here, what that predicts for more cores, and the curve that is measured.

    python -m benchmarks.manycore TEXT [--tasks skipgram cbow fasttext] [--streams 64] [--epochs 3]
                                       [--json FILE]

Needs Linux or macOS, two cores and a minute for compiling. Settings are those of `benchmarks.run`;
streams are as many as asked for, whatever the length of the text. The kernel is run with a barrier
that reads two clocks: work is the processor time of a thread between two barriers, waiting the time
in them; of each the median over supersteps.

Measured, for each task:

    alone      work of one thread, with nothing else running
    beside     the same while another process trains tables of its own: caches and memory fight
    together   work and waiting of two threads
    crowded    work of a thread for each stream, on the cores there are: what all of them repeat
    barrier    two threads that do nothing but wait for each other
    start      starting the threads of a chunk
    balance    how evenly the threads have tokens: streams of a chunk keep unequal numbers

Predicted, for p threads and s streams, in microseconds a superstep:

    T(p) = contention * (alone - repeated) * balance(p) / p + repeated + moved(p) + unequal(p)
           + barriers(p) + start(p)

    contention  beside / alone, as with two processes; `worst` lets it grow by as much with each
                further core, as if all shared one memory channel
    repeated    (crowded - alone) / (s - 1): what each thread does for all streams, such as looking
                which rows of theirs it owns
    moved       rows that another core has written last: a share of (p - 1) / p of them. Two threads
                show half of that: together, less alone, repeated and contention
    unequal     threads do not end at once. Taken as normal: the mean wait of two gives a standard
                deviation, that of p follows, with s / p streams each
    barriers    cache lines that go from core to core one after another (`kernels.sgd.barrier`)

What it cannot know: other clock frequencies with many cores at work, memory in several sockets,
cores that share a cache or an execution unit, and lines that more than two cores write at once.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from statistics import NormalDist
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.measure import machine
from benchmarks.supersteps import Superstep, Training, barrier_seconds
from benchmarks.tasks import TASKS
from embedtool.io.machine import n_cores
from embedtool.kernels.sgd.arrays import MINIBATCH_TOKENS
from embedtool.kernels.sgd.barrier import GROUP_THREADS
from embedtool.trainers import word2vec

POINTS = (1, 2, 4, 8, 16, 32, 64)
MEASURED = ("skipgram", "cbow", "fasttext")
HASH_DIGITS = 8


def balance(lengths: Sequence[NDArray[np.int64]], n_threads: int) -> float:
    """Return the time that threads take for the streams of chunks, over that of equal shares."""
    longest = total = 0
    for each in lengths:
        minibatches = -(-each // MINIBATCH_TOKENS)
        ends = [thread * len(each) // n_threads for thread in range(n_threads)]
        for superstep in range(int(minibatches.max())):
            shares = np.add.reduceat((minibatches > superstep).astype(int), ends)
            longest += int(shares.max())
            total += int(shares.sum())
    return longest * n_threads / total


def largest_of(n: int) -> float:
    """Return how far the largest of n normal numbers is above their mean, in deviations (Blom)."""
    return NormalDist().inv_cdf((n - 0.375) / (n + 0.25)) if n > 1 else 0.0


def lines_moved(n_threads: int) -> int:
    """Return how many cache lines go from core to core in a barrier, one after another."""
    in_group, groups = min(n_threads, GROUP_THREADS), -(-n_threads // GROUP_THREADS)
    return in_group + groups + 1 if n_threads > 1 else 0


@dataclass(frozen=True)
class Costs:
    """What was measured, in microseconds; see the module."""

    streams: int
    supersteps_per_chunk: float
    alone: float
    beside: float
    together: Superstep
    crowded: float
    barrier: float
    start: float

    def parts(self, n_threads: int, balance: float, *, worst: bool = False) -> dict[str, float]:
        """Return the parts of a superstep of so many threads."""
        extra = self.beside / self.alone - 1
        contention = 1 + extra * ((n_threads - 1) if worst else min(1, n_threads - 1))
        repeated = max(0.0, self.crowded - self.alone) / (self.streams - 1)
        moved = max(0.0, self.together.work - (self.beside / self.alone) * (self.alone + repeated))
        barriers = self.together.barriers
        uneven = max(0.0, self.together.waiting - barriers * self.barrier)
        spread = (2 / n_threads) ** 0.5 * largest_of(n_threads) / largest_of(2)
        return {
            "work": contention * (self.alone - repeated) * balance / n_threads,
            "repeated": contention * repeated,
            "moved": 2 * moved * (n_threads - 1) / n_threads**2,
            "waiting": uneven * spread
            + barriers * self.barrier * lines_moved(n_threads) / lines_moved(2),
            "start": self.start * n_threads / self.supersteps_per_chunk,
        }


@contextmanager
def competitor(task: str, text: Path, streams: int) -> Iterator[None]:
    """Let another process train the same task until the end of the block."""
    command = [sys.executable, "-m", "benchmarks.manycore", str(text), "--tasks", task,
               "--streams", str(streams), "--compete"]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            process.stdout.readline()  # it trains by now
            yield
        finally:
            process.terminate()


def start_seconds(n_threads: int, repeat: int = 50) -> float:
    """Return how long it takes to give a thread of a pool something to do, and to wait for it."""
    with ThreadPoolExecutor(n_threads) as pool:
        list(pool.map(abs, range(n_threads)))
        began = time.perf_counter()
        for _ in range(repeat):
            list(pool.map(abs, range(n_threads)))
        return (time.perf_counter() - began) / repeat / n_threads


def measured(task: str, text: Path, streams: int, training: Training) -> tuple[Costs, Any]:
    """Measure the costs of a task; return them, and the lengths of streams in each chunk."""
    alone, lengths = training.superstep(1)
    with competitor(task, text, streams):
        beside, _ = training.superstep(1)
    together, _ = training.superstep(2)
    crowded, _ = training.superstep(streams)
    n_supersteps = sum(int(each.max()) for each in lengths) / MINIBATCH_TOKENS
    costs = Costs(
        streams, n_supersteps / len(lengths), alone.work, beside.work, together, crowded.work,
        1e6 * barrier_seconds(), 1e6 * start_seconds(streams),
    )  # fmt: skip
    return costs, lengths


def print_prediction(costs: Costs, lengths: Any, cores: int) -> list[dict[str, float]]:
    """Print what the costs predict for each number of threads; return the rows."""
    rows: list[dict[str, float]] = []
    print(f"{'threads':>9}{'work':>9}{'repeated':>10}{'moved':>8}{'waiting':>9}{'start':>8}"
          f"{'us':>9}{'speed-up':>10}{'worst':>8}")  # fmt: skip
    for n_threads in POINTS:
        if n_threads > costs.streams:
            break
        even = balance(lengths, n_threads)
        parts = costs.parts(n_threads, even)
        total, worst = (
            sum(each.values()) for each in (parts, costs.parts(n_threads, even, worst=True))
        )
        rows.append({"threads": n_threads, **parts, "total": total, "worst": worst})
        first = rows[0]
        print(f"{n_threads:9}{parts['work']:9.0f}{parts['repeated']:10.1f}{parts['moved']:8.1f}"
              f"{parts['waiting']:9.1f}{parts['start']:8.1f}{total:9.0f}"
              f"{first['total'] / total:10.1f}{first['worst'] / worst:8.1f}"
              f"{'' if n_threads <= cores else '  predicted'}")  # fmt: skip
    return rows


def print_curve(training: Training, streams: int, cores: int) -> list[dict[str, Any]]:
    """Train with 1, 2, 4, ... threads up to the cores; print times and SHA-256."""
    rows: list[dict[str, Any]] = []
    print(f"\n{'threads':>9}{'seconds':>10}{'tokens/s':>12}{'speed-up':>10}  SHA-256")
    for n_threads in sorted({*(p for p in POINTS if p <= cores), min(cores, streams)}):
        seconds, digest = training.seconds(n_threads)
        rows.append({"threads": n_threads, "seconds": seconds, "sha256": digest})
        rate = training.text.n_tokens * training.config.epochs / seconds
        print(f"{n_threads:9}{seconds:10.2f}{rate:12,.0f}{rows[0]['seconds'] / seconds:10.2f}"
              f"  {digest[:HASH_DIGITS]}", flush=True)  # fmt: skip
    same = len({row["sha256"] for row in rows}) == 1
    print(f"{'':9}{'the same' if same else 'NOT the same'} vectors at every point")
    return rows


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.manycore",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("text", type=Path)
    names = [name for name in TASKS if name != "glove"]
    parser.add_argument("--tasks", nargs="+", choices=names, default=MEASURED, metavar="TASK")
    parser.add_argument("--streams", type=int, default=64)
    parser.add_argument("--epochs", type=int, default=3, help="of the curve")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures to it")
    parser.add_argument("--compete", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args()


def main() -> None:
    """Read the command line, measure, print a prediction and a curve for each task."""
    options, cores = parse(), n_cores()
    found = []
    if not options.compete:
        print(f"{machine()}; {options.streams} streams; microseconds are of a superstep")
    for task in options.tasks:
        with TemporaryDirectory() as folder:
            training = Training(task, options.text, options.streams, options.epochs, Path(folder))
            if options.compete:
                job, state = training.job(1)
                job.load()
                os.write(1, b"\n")
                forever = replace(training.config, epochs=10**6)
                for _ in word2vec.train_chunks(forever, training.text, job, state):
                    pass
            costs, lengths = measured(task, options.text, options.streams, training)
            print(f"\n{task}: alone {costs.alone:.0f}, beside another {costs.beside:.0f}, together "
                  f"{costs.together.work:.0f} and {costs.together.waiting:.1f} of waiting at "
                  f"{costs.together.barriers} barriers, crowded {costs.crowded:.0f}, a barrier of "
                  f"two {costs.barrier:.2f}")  # fmt: skip
            prediction = print_prediction(costs, lengths, cores)
            curve = print_curve(training, options.streams, cores)
            found.append({"task": task, "costs": asdict(costs), "predicted": prediction,
                          "curve": curve})  # fmt: skip
            if options.json:
                options.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
