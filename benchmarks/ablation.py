"""The learning rule of Word2Vec and FastText with its constants changed, one at a time.

    python -m benchmarks.ablation [TEXT] [--tasks ...] [--vary NAME[=VALUE,...] ...]
                                  [--seeds 1 2 3] [--epochs 5] [--lines 5000] [--json FILE]
    python benchmarks/ablation.py --run NAME=VALUE train word2vec ...

Prints the accuracy of analogies and the loss of the last epoch for each value of each constant:
mean and standard deviation over the seeds, one worker. Without TEXT, on the first lines of the
corpus that ships, by its own questions; else by Google's. With --run, runs a command of embedtool
with a constant changed. The constants are those of `docs/design/learning-rule.md`:

    minibatch       tokens of a minibatch, a multiple of 16
    streams         streams of a superstep, at most 16, whatever the length of the text
    negatives       shared negatives of a microbatch, as a multiple of those of a pair
    hs-scale        curvature scale of hierarchical softmax
    ngram-scale     curvature scale of n-gram rows, from the first token to the last
    hogwild-scale   the same with --hogwild
    initial-range   factor of the length of the initial vectors
    ngram-steps     power of the number of a word's rows by which their deltas are divided, beyond
                    the rule's: 1 makes a true gradient of them
    rate-held       fraction of the training in which the learning rate does not fall yet
"""

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.tasks import Task

KERNELS = Path(__file__).parents[1] / "build" / "ablations"
"""Kernels that are compiled with other constants are not cached beside those of embedtool."""
LINES = 5_000
TASKS = ("skipgram", "cbow", "hs", "cbow-hs", "fasttext", "fasttext-cbow")


# Kernels take constants over when they are compiled, and modules when they import each other: each
# of these functions changes its constant where it is defined, before anything else is imported.


def _minibatch(value: float) -> None:
    from embedtool.kernels.sgd import arrays

    arrays.MINIBATCH_TOKENS = int(value)


def _streams(value: float) -> None:
    from embedtool.trainers import kernel_job

    kernel_job.n_streams_for = lambda n_tokens: int(value)


def _negatives(value: float) -> None:
    from embedtool.trainers import kernel_job

    kernel_job.SHARED_NEGATIVES_FACTOR = {"cbow": value, "skipgram": value}


def _hs_scale(value: float) -> None:
    import numpy as np

    from embedtool.kernels.sgd import curvature

    curvature.HS_CURVATURE_SCALE = np.float32(value)


def _ngram_scale(value: float) -> None:
    from embedtool.kernels.sgd import curvature

    curvature.ngram_scale_at = lambda n_tokens, hogwild: value


def _hogwild_scale(value: float) -> None:
    from embedtool.kernels.sgd import curvature

    curvature.HOGWILD_NGRAM_SCALE = value


def _initial_range(value: float) -> None:
    from embedtool.trainers import word2vec

    init_state = word2vec.init_state

    def changed(*arguments: Any) -> Any:
        state = init_state(*arguments)
        state.tables["inputs"] *= value
        return state

    word2vec.init_state = changed


def _ngram_steps(value: float) -> None:
    import numpy as np

    from embedtool.kernels.jit import jit_inline
    from embedtool.kernels.sgd import minibatch
    from embedtool.kernels.sgd.arrays import RowCache, WordRows
    from embedtool.kernels.sgd.scratch import GatherScratch
    from embedtool.kernels.simd.rows import scaled_diff

    power = 1 + value

    @jit_inline
    def store_deltas(stream: int, words: WordRows, cache: RowCache, gather: GatherScratch) -> None:
        first = stream * cache.input_words.shape[1]
        for k in range(cache.n_inputs[stream]):
            n = max(1, words.n_trainable[cache.input_words[stream, k]])
            factor = np.float32(1 / n**power)
            scaled_diff(cache.inputs, first + k, gather.input_snapshot, k, factor)

    minibatch._store_deltas = store_deltas


def _rate_held(value: float) -> None:
    from embedtool.trainers import word2vec

    falling = word2vec.learning_rate_at

    def held(config: Any, epochs: float) -> float:
        begin = value * config.epochs
        return falling(config, max(0.0, epochs - begin) / (1 - value))

    word2vec.learning_rate_at = held


@dataclass(frozen=True)
class Constant:
    """A constant of the learning rule.

    Attributes
    ----------
    change
        Gives it another value in this process, before anything is trained.
    values
        Those that are tried unless others are given.
    compiled
        Whether kernels are compiled with it.
    only
        What it concerns: a part of the name of a task, or "negative-sampling"; all if empty.
    hogwild
        Whether it concerns trainings with --hogwild.
    """

    change: Callable[[float], None]
    values: tuple[float, ...]
    compiled: bool = False
    only: str = ""
    hogwild: bool = False

    def concerns(self, algorithm: str, hierarchical: bool) -> bool:
        """Return whether it changes anything about a training."""
        if self.only == "negative-sampling":
            return not hierarchical
        if self.only == "hierarchical-softmax":
            return hierarchical
        return not self.only or self.only == algorithm


CONSTANTS = {
    "minibatch": Constant(_minibatch, (16, 32, 64, 128, 256), compiled=True),
    "streams": Constant(_streams, (1, 2, 4, 8, 16)),
    "negatives": Constant(_negatives, (1, 2, 3, 4.5, 9, 18), only="negative-sampling"),
    "hs-scale": Constant(
        _hs_scale, (1 / 256, 1 / 64, 1 / 16, 1 / 4, 1), compiled=True, only="hierarchical-softmax"
    ),
    "ngram-scale": Constant(_ngram_scale, (0, 1 / 8, 1 / 4, 1 / 2, 1), only="fasttext"),
    "hogwild-scale": Constant(
        _hogwild_scale, (0, 1 / 16, 1 / 8, 1 / 4, 1), only="fasttext", hogwild=True
    ),
    "initial-range": Constant(_initial_range, (0.5, 1, 2)),
    "ngram-steps": Constant(_ngram_steps, (0, 0.5, 1), compiled=True, only="fasttext"),
    "rate-held": Constant(_rate_held, (0, 0.25, 0.5)),
}


def setting(text: str) -> tuple[str, float]:
    """Read NAME=VALUE; the value may be a fraction such as 1/8."""
    name, _, value = text.partition("=")
    if name not in CONSTANTS or not value:
        raise argparse.ArgumentTypeError(f"expected NAME=VALUE, NAME of {', '.join(CONSTANTS)}")
    return name, number(value)


def variation(text: str) -> tuple[str, tuple[float, ...]]:
    """Read NAME or NAME=VALUE,VALUE,...: a constant and the values that are tried."""
    name, _, values = text.partition("=")
    if name not in CONSTANTS:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(CONSTANTS)}")
    return name, tuple(map(number, values.split(","))) if values else CONSTANTS[name].values


def number(text: str) -> float:
    """Read a number or a fraction."""
    above, _, below = text.partition("/")
    try:
        return float(above) / float(below or 1)
    except (ValueError, ZeroDivisionError):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def run_changed(text: str, arguments: Sequence[str]) -> None:
    """Run a command of embedtool with a constant changed."""
    name, value = setting(text)
    if CONSTANTS[name].compiled:
        os.environ["NUMBA_CACHE_DIR"] = str(KERNELS / f"{name}-{value:g}")
    CONSTANTS[name].change(value)
    from embedtool.cli.main import main as run

    sys.argv = ["embedtool", *arguments]
    run()


def changed(task: "Task", text: str, more: Sequence[str] = ()) -> Callable[[int, int], list[str]]:
    """Return a command of embedtool with a constant changed, as `benchmarks.tasks` has them."""
    from benchmarks.tasks import embedtool

    def command(workers: int, seed: int) -> list[str]:
        arguments = embedtool(task, more)(workers, seed)[1:]
        return [sys.executable, str(Path(__file__)), "--run", text, *arguments]

    return command


def measured(command: list[str], folder: Path, own: bool) -> dict[str, Any]:
    """Return the accuracy and the loss of the last epoch that a command comes to, or its error."""
    from benchmarks.measure import MODEL, CommandError, run, score
    from benchmarks.small_text import own_score
    from embedtool.model import store

    with TemporaryDirectory(dir=folder) as name:
        try:
            run(command, Path(name))
        except CommandError as error:
            return {"error": str(error)}
        model = store.load(Path(name) / MODEL)
        scores = own_score(model.vectors) if own else score(model.vectors)
        loss = model.description["training"]["epochs"][-1]["loss"]
        return {"accuracy": scores["kingdoms" if own else "google"], "loss": loss}


def table(
    options: argparse.Namespace, task: str, name: str, values: Sequence[float], folder: Path
) -> Iterator[dict[str, Any]]:
    """Train with each value of a constant and print a row of each; yield the runs."""
    from benchmarks.tasks import TASKS as DEFINED

    constant = CONSTANTS[name]
    defined = replace(DEFINED[task], passes=options.epochs)
    more = ["--hogwild"] if constant.hogwild else []
    print(f"\n{task}, {name}\n    {'value':>10}  {'accuracy':>15}  {'loss':>15}", flush=True)
    for value in values:
        runs = []
        for seed in options.seeds:
            command = changed(defined, f"{name}={value!r}", more)(1, seed)
            run = {"task": task, "constant": name, "value": value, "seed": seed}
            runs.append(run | measured(command, folder, own=options.text is None))
            yield runs[-1]
        errors = [run["error"] for run in runs if "error" in run]
        cells = [errors[0]] if errors else [spread(runs, key) for key in ("accuracy", "loss")]
        print(f"    {value:>10.4g}  {'  '.join(f'{cell:>15}' for cell in cells)}", flush=True)


def spread(runs: Sequence[dict[str, Any]], name: str) -> str:
    """Format the mean and the standard deviation."""
    values = [run[name] for run in runs if run[name] is not None]
    if not values:
        return "-"
    deviation = statistics.stdev(values) if len(values) > 1 else 0.0
    return f"{statistics.mean(values):.3f} +-{deviation:.3f}"


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.ablation", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("text", type=Path, nargs="?")
    parser.add_argument("--tasks", nargs="+", choices=TASKS, default=list(TASKS))
    every = [(name, constant.values) for name, constant in CONSTANTS.items()]
    parser.add_argument(
        "--vary", nargs="+", type=variation, metavar="NAME[=VALUE,...]", default=every
    )
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3])
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--lines", type=int, default=LINES, help="of the corpus that ships")
    parser.add_argument("--json", type=Path, help="write all runs to a file")
    return parser.parse_args()


def main() -> None:
    """Read the command line, train, print a table for each task and constant."""
    if sys.argv[1:2] == ["--run"]:
        run_changed(sys.argv[2], sys.argv[3:])
        return
    options = parse()
    from benchmarks.measure import machine, plain_text
    from benchmarks.run import KINGDOMS
    from benchmarks.tasks import TASKS as DEFINED

    print(f"{machine()}; one worker, seeds {' '.join(map(str, options.seeds))}, "
          f"{options.epochs} epochs; mean and standard deviation", flush=True)  # fmt: skip
    runs = []
    with TemporaryDirectory() as folder:
        text = options.text
        if text is None:
            text = Path(folder) / "lines.txt"
            lines = KINGDOMS.read_text(encoding="utf-8").splitlines()[: options.lines]
            text.write_text("\n".join(lines) + "\n", encoding="utf-8")
        plain_text(text, Path(folder) / "text")
        for task in options.tasks:
            defined = DEFINED[task]
            for name, values in options.vary:
                if CONSTANTS[name].concerns(defined.algorithm, defined.hierarchical):
                    runs += table(options, task, name, values, Path(folder) / "text")
                if options.json:
                    options.json.write_text(json.dumps(runs, indent=1) + "\n")


if __name__ == "__main__":
    main()
