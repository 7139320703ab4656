"""Quality of vectors of small texts, by program and by ablation of the learning rule.

    python -m benchmarks.small_text [TEXT] [--megabytes 2 10 100] [--modes ...] [--losses ...]
                                    [--windows 5] [--epochs 5] [--seeds 1 2 3] [--programs ...]
                                    [--ablate ...] [--json FILE]

Texts: the first 5,000 lines of the corpus that ships, by its own questions, and the first so many
MB of TEXT, tokenized, a sentence a line, by the Google questions, WordSim-353 and SimLex-999. Each
run is a process of one worker, with embedtool's defaults for all programs: vector size 100,
min-count 5, sample 1e-3, or 1e-4 for FastText, 5 negatives, but 15 for 20 epochs of Word2Vec.
Programs: embedtool, the same with --hogwild (one lock-free worker), gensim, fastText, and
word2vec.c where it can be compiled. Ablations are embedtool with a part of the learning rule
changed (`ablation.py`).
"""

import argparse
import json
import statistics
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.ablation import CONSTANTS, changed, setting
from benchmarks.measure import first_lines, machine, plain_text, score
from benchmarks.run import KINGDOMS, SCORES, Run, find_word2vec_c, measured
from benchmarks.tasks import Command, Task, programs
from embedtool.evaluation.analogy import evaluate_analogies
from embedtool.evaluation.datasets import read_analogies
from embedtool.model.vectors import VectorTable

MEGABYTE = 10**6
LINES = 5_000
QUESTIONS = KINGDOMS.with_name("kingdoms-questions.txt")
OWN = "kingdoms, 5,000 lines"
"""The name of the text whose questions are its own."""
MODES = {
    "skipgram": Task("word2vec", rate=0.025, sample=1e-3),
    "cbow": Task("word2vec", "cbow", sample=1e-3),
    "fasttext": Task("fasttext"),
    "fasttext-cbow": Task("fasttext", "cbow"),
}
LOSSES = {"negative-sampling": False, "hierarchical-softmax": True}
LOCK_FREE = "embedtool --hogwild"
PROGRAMS = ("embedtool", LOCK_FREE, "gensim", "fastText", "word2vec.c")
MANY_EPOCHS, MANY_NEGATIVE = 20, 15


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.small_text", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path, nargs="?")
    parser.add_argument("--megabytes", type=float, nargs="*", default=[2, 10, 100])
    parser.add_argument("--no-kingdoms", action="store_true", help="only of TEXT")
    parser.add_argument("--modes", nargs="+", choices=MODES, default=list(MODES))
    parser.add_argument("--losses", nargs="+", choices=LOSSES, default=list(LOSSES))
    parser.add_argument("--windows", nargs="+", type=int, default=[5])
    parser.add_argument("--epochs", nargs="+", type=int, default=[5])
    parser.add_argument("--rates", nargs="+", type=float, help="instead of the defaults")
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--programs", nargs="*", choices=PROGRAMS, default=list(PROGRAMS))
    parser.add_argument("--ablate", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", type=Path, help="write all single runs to this file")
    return parser.parse_args()


def texts(options: argparse.Namespace, folder: Path) -> Iterator[tuple[str, Path, int]]:
    """Yield the name of each text, the folder it is in, and its number of tokens."""
    if not options.no_kingdoms:
        lines = KINGDOMS.read_text(encoding="utf-8").splitlines(keepends=True)[:LINES]
        own = folder / "kingdoms"
        own.mkdir()
        (own / "text.txt").write_text("".join(lines), encoding="utf-8")
        yield OWN, own, sum(len(line.split()) for line in lines)
    if options.text is not None:
        whole, _ = plain_text(options.text, folder / "whole")
        for size in options.megabytes:
            part = folder / f"{size:g}"
            yield f"{size:g} MB", part, first_lines(whole, int(size * MEGABYTE), part)


def tasks(options: argparse.Namespace) -> Iterator[tuple[dict[str, Any], Task]]:
    """Yield what is trained, and the settings that tell it from others."""
    for mode, loss, window, epochs, rate in product(
        options.modes, options.losses, options.windows, options.epochs, options.rates or [None]
    ):
        task = MODES[mode]
        many = epochs == MANY_EPOCHS and task.algorithm == "word2vec"
        rate = rate or task.rate
        about = {"mode": mode, "loss": loss, "window": window, "epochs": epochs, "rate": rate}
        yield about, replace(
            task, hierarchical=LOSSES[loss], window=window, passes=epochs, rate=rate,
            negative=MANY_NEGATIVE if many else task.negative,
        )  # fmt: skip


def commands(
    task: Task, options: argparse.Namespace, word2vec: Path | None
) -> Iterator[tuple[str, Command]]:
    """Yield the programs of a task, and the ablations."""
    for name, command in programs(task, ["--hogwild"], word2vec).items():
        if name in options.programs:
            yield name, command
    for text in options.ablate:
        name, _ = setting(text)
        if CONSTANTS[name].concerns(task.algorithm, task.hierarchical):
            yield f"with {text}", changed(task, text)


def own_score(vectors: VectorTable) -> Run:
    """Return the accuracy on the questions of the corpus that ships."""
    questions = evaluate_analogies(vectors, read_analogies(str(QUESTIONS)))
    return {"kingdoms": questions.total.accuracy}


def row(program: str, runs: list[Run]) -> str:
    """Format the mean and the standard deviation of each score over the seeds."""
    if errors := [each["error"] for each in runs if "error" in each]:
        return f"    {program:32} failed: {errors[0]}"
    columns = []
    for name in ("kingdoms", *SCORES):
        values = [each[name] for each in runs if each.get(name) is not None]
        if values:
            deviation = statistics.stdev(values) if len(values) > 1 else 0.0
            columns.append(f"{name} {statistics.mean(values):.3f} +-{deviation:.3f}")
    return f"    {program:32} {'  '.join(columns)}"


def main() -> None:
    """Read the command line, train, print a table per setting."""
    options = parse()
    word2vec = find_word2vec_c() if "word2vec.c" in options.programs else None
    print(f"{machine()}; one worker, seeds {' '.join(map(str, options.seeds))}; mean and standard "
          "deviation", flush=True)  # fmt: skip
    runs: list[Run] = []
    with TemporaryDirectory() as name:
        for text, folder, n_tokens in texts(options, Path(name)):
            judge = own_score if text == OWN else score
            for about, task in tasks(options):
                print(f"\n{text} ({n_tokens:,} tokens), "
                      f"{', '.join(f'{key} {value}' for key, value in about.items())}",
                      flush=True)  # fmt: skip
                for program, command in commands(task, options, word2vec):
                    own_runs = [
                        {"text": text, "tokens": n_tokens, **about, "program": program,
                         "seed": seed, **measured(command(1, seed), folder, judge)}
                        for seed in options.seeds
                    ]  # fmt: skip
                    print(row(program, own_runs), flush=True)
                    runs += own_runs
                    if options.json:
                        options.json.write_text(json.dumps(runs, indent=1) + "\n")


if __name__ == "__main__":
    main()
