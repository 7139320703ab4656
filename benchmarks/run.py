"""Train embedtool and each peer at hand on one text, alternating; print time, memory and accuracy.

    python -m benchmarks.run [TEXT] [--workers 2] [--seeds 1 2 3] [--repeat 1] [--only glove ...]
                             [--also="--engine gensim"] [--json FILE]

TEXT is tokenized, a sentence a line, compressed or not; without it, the corpus that ships, which
shows that every row works and no more. Each run is a process of its own, from the text to vectors
on disk. Settings: vector size 100, window 5 (GloVe 10), 5 negatives, sample 1e-4, min-count 5, 5
epochs (GloVe 15, x_max 10); rate 0.025 for skip-gram, 0.05 for CBOW, FastText and GloVe.
Peers: gensim, fastText, word2vec.c, and Stanford's GloVe where its four programs are on PATH.
"""

import argparse
import json
import os
import statistics
import sys
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks import word2vec_c
from benchmarks.measure import (
    GOOGLE_LIMIT,
    MODEL,
    CommandError,
    first_lines,
    machine,
    plain_text,
    read_vectors,
    run,
    score,
)
from benchmarks.tasks import TASKS, Command, has_stanford, programs
from embedtool.errors import EmbedtoolError
from embedtool.model.vectors import VectorTable

KINGDOMS = Path(__file__).parents[1] / "corpora" / "kingdoms.txt"
PACKAGES = ("embedtool", "gensim", "fasttext-community", "numpy", "numba")
WARM_BYTES = 2**20
"""Each program first runs on this much of the text, untimed: kernels are compiled, and libraries
read from disk, once and not in each run."""
WIDTH = 100
SCORES = ("google", "wordsim353", "simlex999")

Run = dict[str, Any]
"""task, program, seed, repeat; then seconds, cpu_seconds, peak_bytes and scores, or an error."""


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="benchmarks.run", description=__doc__.partition("\n")[0])
    parser.add_argument("text", type=Path, nargs="?", default=KINGDOMS)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seeds", type=int, nargs="+", default=[1], help="runs with each")
    parser.add_argument("--repeat", type=int, default=1, help="runs with each seed")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=list(TASKS), metavar="TASK")
    parser.add_argument(
        "--also", action="append", default=[], metavar="OPTIONS", help="one more row of embedtool"
    )
    parser.add_argument("--json", type=Path, help="write all single runs to this file")
    return parser.parse_args()


def measured(command: list[str], folder: Path, judge: Callable[[VectorTable], Run] = score) -> Run:
    """Return what a command took and what `judge` says of its vectors, or its error."""
    with TemporaryDirectory(dir=folder) as name:
        try:
            cost = run(command, Path(name))
            return {**asdict(cost), **judge(read_vectors(Path(name) / MODEL))}
        except (CommandError, EmbedtoolError) as error:
            return {"error": str(error)}


def run_alternating(
    task: str, commands: dict[str, Command], folder: Path, options: argparse.Namespace
) -> list[Run]:
    """Run each program once with each seed and each repeat, one after the other."""
    for command in commands.values():
        measured(command(options.workers, options.seeds[0]), folder / "start")
    runs = []
    for repeat in range(options.repeat):
        for seed in options.seeds:
            for program, command in commands.items():
                result = measured(command(options.workers, seed), folder / "all")
                runs.append(
                    {"task": task, "program": program, "seed": seed, "repeat": repeat, **result}
                )
                print(f"{task}, {program}, seed {seed}: {_outcome(result)}", file=sys.stderr)
    return runs


def _outcome(result: Run) -> str:
    return result.get("error") or f"{result['seconds']:.1f} s"


def table(task: str, runs: list[Run], n_tokens: int) -> Iterable[str]:
    """Format a line per program: medians of seconds and memory, means of scores."""
    yield (
        f"\n{task:24}{'seconds':>9}{'ratio':>7}{'tokens/s':>12}{'peak MiB':>10}"
        f"{'Google':>9}{'WordSim':>9}{'SimLex':>9}"
    )
    first = None
    for program in dict.fromkeys(each["program"] for each in runs):
        own_runs = [each for each in runs if each["program"] == program]
        errors = [each["error"] for each in own_runs if "error" in each]
        if errors:
            yield f"{program:24} failed: {errors[0]}"[:WIDTH]
            continue
        seconds = statistics.median(each["seconds"] for each in own_runs)
        peak = statistics.median(each["peak_bytes"] for each in own_runs) / 2**20
        if program == "embedtool":
            first = seconds
        ratio = f"{seconds / first:.2f}" if first else "-"
        yield (
            f"{program:24}{seconds:9.1f}{ratio:>7}{n_tokens * TASKS[task].passes / seconds:12,.0f}"
            f"{peak:10,.0f}" + "".join(f"{_mean(own_runs, name):>9}" for name in SCORES)
        )


def _mean(runs: list[Run], name: str) -> str:
    values = [each[name] for each in runs]
    return "-" if None in values else f"{statistics.mean(values):.4f}"


def versions(word2vec: Path | None) -> dict[str, str]:
    """Return the versions of the programs, and how word2vec.c was compiled."""
    found = {name: version(name) for name in PACKAGES}
    if word2vec:
        found["word2vec.c"] = f"of PyPI's {word2vec_c.PACKAGE} (cc {' '.join(word2vec_c.FLAGS)})"
    return found


def heading(options: argparse.Namespace, n_tokens: int, found: dict[str, str]) -> str:
    """Format what the tables below were measured on, and how."""
    seeds = " ".join(map(str, options.seeds))
    return f"""\
{machine()}, load {os.getloadavg()[0]:.1f}; {options.workers} workers, seeds {seeds}, \
repeat {options.repeat}, in turn
{textwrap.fill(", ".join(f"{name} {version}" for name, version in found.items()), WIDTH)}
{options.text.name}: {n_tokens:,} tokens; from text to vectors on disk, each run its own process
ratio: seconds over embedtool's, so above 1 embedtool is faster; tokens/s: those of all epochs
Google: accuracy over {GOOGLE_LIMIT:,} words; WordSim-353, SimLex-999: Spearman's rho; case folded,
unknown words skipped; medians of time and memory, means of scores"""


def find_word2vec_c() -> Path | None:
    """Return word2vec.c, or None after printing why not."""
    try:
        return word2vec_c.compiled()
    except word2vec_c.UnavailableError as error:
        print(f"word2vec.c is left out: {error}")
        return None


def main() -> None:
    """Run everything in turn; print a table per task."""
    options = parse()
    with TemporaryDirectory() as name:
        folder = Path(name)
        text, n_tokens = plain_text(options.text, folder / "all")
        first_lines(text, WARM_BYTES, folder / "start")
        word2vec = find_word2vec_c()
        results: dict[str, Any] = {
            "machine": machine(),
            "workers": options.workers,
            "text": options.text.name,
            "tokens": n_tokens,
            "versions": versions(word2vec),
            "runs": [],
        }
        print(heading(options, n_tokens, results["versions"]), flush=True)
        for task in options.only:
            runs = run_alternating(
                task, programs(TASKS[task], options.also, word2vec), folder, options
            )
            print("\n".join(table(task, runs, n_tokens)), flush=True)
            if task == "glove" and not has_stanford():
                print("Stanford's GloVe is not on PATH; ours is held against the time of gensim's "
                      "skip-gram.", flush=True)  # fmt: skip
            results["runs"] += runs
            if options.json:
                options.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
