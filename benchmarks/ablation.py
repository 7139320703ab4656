"""Train with one constant of the learning rule changed, and print the scores as a Markdown table.

    python -m benchmarks.ablation [TEXT] [--vary NAME[=VALUE,...] ...] [--tasks ...]
                                  [--seeds 1 2 3] [--epochs N] [--lines 5000] [--json FILE]
    python benchmarks/ablation.py --run NAME=VALUE train word2vec ...

A table for each constant, a row for each value, a column for each task that the constant concerns:
the mean and standard deviation over the seeds of the scores, then the loss of the last epoch; one
worker. The first row is embedtool as it is. Without TEXT, the text is the first lines of the corpus
that ships, the score is the accuracy on its own questions, and 20 epochs and 15 negatives make up
for so short a text (5 epochs with hierarchical softmax). With TEXT, 5 epochs and 5 negatives; the
scores are those of Google's analogies, WordSim-353 and SimLex-999.

With --run, a command of embedtool runs with a constant changed. The constants are those of
`docs/design/learning-rule.md`:

    minibatch       tokens of a minibatch, a multiple of 16, at the same number of streams
    streams         streams of a superstep, whatever the length of the text
    negatives       shared negatives of a group of tokens, as a multiple of those of a pair
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
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchmarks.tasks import Task

KERNELS = Path(__file__).parents[1] / "build" / "ablations"
"""Kernels that are compiled with other constants are not cached beside those of embedtool."""
LINES = 5_000
TASKS = ("skipgram", "cbow", "hs", "cbow-hs", "fasttext", "fasttext-cbow", "fasttext-hs")
DEFAULT_TASKS = ("skipgram", "cbow", "hs", "fasttext", "fasttext-hs")
SHORT_TEXT_EPOCHS, SHORT_TEXT_NEGATIVE = 20, 15
SAMPLE = {"word2vec": 1e-3, "fasttext": 1e-4}
"""embedtool's defaults."""


# Kernels take constants over when they are compiled, and modules when they import each other: each
# of these functions changes its constant where it is defined, before anything else is imported.


def _minibatch(value: float) -> None:
    from embedtool.kernels.sgd import arrays

    factor = value / arrays.MINIBATCH_TOKENS
    arrays.MINIBATCH_TOKENS = int(value)
    from embedtool.trainers import streams

    # streams are sqrt(n) / 2 tokens in minibatches: as many for so much more text
    n_streams_for = streams.n_streams_for
    streams.n_streams_for = lambda config, n_tokens: n_streams_for(
        config, int(n_tokens * factor**2)
    )


def _streams(value: float) -> None:
    from embedtool.trainers import streams

    streams.n_streams_for = lambda config, n_tokens: int(value)


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

    word2vec.init_state = changed  # type: ignore[assignment]


def _ngram_steps(value: float) -> None:
    import numpy as np

    from embedtool.kernels.jit import jit_inline
    from embedtool.kernels.sgd import subword_rows

    power = 1 + value

    @jit_inline
    def delta_factor(n_trainable: int) -> np.float32:
        return np.float32(1 / max(1, n_trainable) ** power)

    subword_rows.delta_factor = delta_factor


def _rate_held(value: float) -> None:
    from embedtool.trainers import word2vec

    falling = word2vec.learning_rate_at

    def held(config: Any, epochs: float) -> float:
        begin = value * config.epochs
        return falling(config, max(0.0, epochs - begin) / (1 - value))

    word2vec.learning_rate_at = held  # type: ignore[assignment]


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
        The algorithm or the loss that it concerns; all if empty.
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
        loss = "hierarchical-softmax" if hierarchical else "negative-sampling"
        return self.only in ("", algorithm, loss)


CONSTANTS = {
    "minibatch": Constant(_minibatch, (16, 32, 128, 256), compiled=True),
    "streams": Constant(_streams, (1, 2, 4, 8, 16)),
    "negatives": Constant(_negatives, (1, 2, 3, 4.5, 9, 18), only="negative-sampling"),
    "hs-scale": Constant(
        _hs_scale, (1 / 256, 1 / 64, 1 / 4, 1), compiled=True, only="hierarchical-softmax"
    ),
    "ngram-scale": Constant(_ngram_scale, (0, 1 / 8, 1 / 4, 1 / 2, 1), only="fasttext"),
    "hogwild-scale": Constant(_hogwild_scale, (0, 1 / 16, 1 / 4, 1), only="fasttext", hogwild=True),
    "initial-range": Constant(_initial_range, (0.5, 2)),
    "ngram-steps": Constant(_ngram_steps, (0.5, 1), compiled=True, only="fasttext"),
    "rate-held": Constant(_rate_held, (0.25, 0.5)),
}


def variation(text: str) -> tuple[str, tuple[float, ...]]:
    """Read NAME or NAME=VALUE,VALUE,...: a constant and the values that are tried."""
    name, _, values = text.partition("=")
    if name not in CONSTANTS:
        raise argparse.ArgumentTypeError(f"expected one of {', '.join(CONSTANTS)}")
    return name, tuple(map(number, values.split(","))) if values else CONSTANTS[name].values


def setting(text: str) -> tuple[str, float]:
    """Read NAME=VALUE."""
    name, values = variation(text)
    if len(values) > 1:
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    return name, values[0]


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


def tasks(names: Sequence[str], own: bool, epochs: int | None) -> dict[str, "Task"]:
    """Return what is trained, with the settings that suit the text."""
    from benchmarks.tasks import TASKS as DEFINED
    from benchmarks.tasks import Task

    defined = DEFINED | {"fasttext-hs": Task("fasttext", hierarchical=True)}
    chosen = {}
    for name in names:
        task = replace(defined[name], sample=SAMPLE[defined[name].algorithm])
        if own and not task.hierarchical:
            task = replace(task, passes=SHORT_TEXT_EPOCHS)
            if task.algorithm == "word2vec":
                task = replace(task, negative=SHORT_TEXT_NEGATIVE)
        chosen[name] = replace(task, passes=epochs or task.passes)
    return chosen


def measured(command: list[str], folder: Path, own: bool) -> dict[str, Any]:
    """Return the scores and the loss of the last epoch that a command comes to, or its error."""
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
        return {**scores, "loss": model.description["training"]["epochs"][-1]["loss"]}


@dataclass
class Ablation:
    """Trainings of some tasks on the text in a folder, which may be embedtool's own.

    All single runs so far are in `runs`, and in the file `json` if it is given.
    """

    tasks: dict[str, "Task"]
    seeds: Sequence[int]
    folder: Path
    own: bool
    json: Path | None
    runs: list[dict[str, Any]] = field(default_factory=list)

    def print_table(self, name: str, values: Sequence[float], scores: Sequence[str]) -> None:
        """Train with each value of a constant and print a row for each."""
        constant = CONSTANTS[name]
        concerned = [
            key
            for key, task in self.tasks.items()
            if constant.concerns(task.algorithm, task.hierarchical)
        ]
        if not concerned:
            return
        print(f"\n| {name} | {' | '.join(concerned)} |\n|{' --- |' * (1 + len(concerned))}")
        for value in (None, *values):
            label = "as it is" if value is None else str(Fraction(value).limit_denominator(LINES))
            text = None if value is None else f"{name}={value!r}"
            more = ["--hogwild"] if constant.hogwild else []
            cells = [cell(self._trained(key, text, more), scores) for key in concerned]
            print(f"| {label} | {' | '.join(cells)} |", flush=True)

    def _trained(self, name: str, text: str | None, more: Sequence[str]) -> list[dict[str, Any]]:
        """Return a run for each seed, with a constant changed unless `text` is None."""
        from benchmarks.tasks import embedtool

        about = {"task": name, "changed": text, "options": " ".join(more)}
        found = [run for run in self.runs if about.items() <= run.items()]
        if not found:
            task = self.tasks[name]
            command = changed(task, text, more) if text else embedtool(task, more)
            found = [
                {**about, "seed": seed, **measured(command(1, seed), self.folder, self.own)}
                for seed in self.seeds
            ]
            self.runs += found
        if self.json:
            self.json.write_text(json.dumps(self.runs, indent=1) + "\n")
        return found


def cell(runs: Sequence[dict[str, Any]], scores: Sequence[str]) -> str:
    """Format the scores of a task, separated by slashes, and the loss."""
    if errors := [run["error"] for run in runs if "error" in run]:
        return str(errors[0]).partition("Error: ")[2].partition(";")[0] or "failed"
    return f"{' / '.join(spread(runs, score) for score in scores)}; {spread(runs, 'loss')}"


def spread(runs: Sequence[dict[str, Any]], name: str) -> str:
    """Format the mean and, of several runs, the standard deviation."""
    values = [run[name] for run in runs if run[name] is not None]
    if not values:
        return "-"
    mean = f"{statistics.mean(values):.3f}"
    return f"{mean} ± {statistics.stdev(values):.3f}" if len(values) > 1 else mean


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="benchmarks.ablation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "text", type=Path, nargs="?", metavar="TEXT", help="instead of the corpus that ships"
    )
    parser.add_argument(
        "--vary", nargs="+", type=variation, metavar="NAME[=VALUE,...]",
        default=[(name, constant.values) for name, constant in CONSTANTS.items()],
        help="constants and their values, which may be fractions such as 1/8; all by default",
    )  # fmt: skip
    parser.add_argument(
        "--tasks", nargs="+", choices=TASKS, default=DEFAULT_TASKS, metavar="TASK",
        help=f"of {', '.join(TASKS)} (default: {' '.join(DEFAULT_TASKS)})",
    )  # fmt: skip
    parser.add_argument("--seeds", nargs="+", type=int, default=[1, 2, 3], metavar="SEED")
    parser.add_argument("--epochs", type=int, metavar="N", help="of all tasks")
    parser.add_argument(
        "--lines", type=int, default=LINES, metavar="N",
        help=f"of the corpus that ships (default: {LINES})",
    )  # fmt: skip
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all single runs to it")
    return parser.parse_args()


def main() -> None:
    """Read the command line, train, print a table for each constant."""
    if sys.argv[1:2] == ["--run"]:
        run_changed(sys.argv[2], sys.argv[3:])
        return
    options = parse()
    from benchmarks.measure import plain_text
    from benchmarks.run import KINGDOMS, SCORES

    own = options.text is None
    chosen = tasks(options.tasks, own, options.epochs)
    scores = ["kingdoms"] if own else SCORES
    print(f"{' / '.join(scores)}; loss of the last epoch. One worker, "
          f"seeds {' '.join(map(str, options.seeds))}.", flush=True)  # fmt: skip
    with TemporaryDirectory() as name:
        folder, text = Path(name) / "text", options.text
        if own:
            text = Path(name) / "lines.txt"
            lines = KINGDOMS.read_text(encoding="utf-8").splitlines()[: options.lines]
            text.write_text("\n".join(lines) + "\n", encoding="utf-8")
        plain_text(text, folder)
        ablation = Ablation(chosen, options.seeds, folder, own, options.json)
        for constant, values in options.vary:
            ablation.print_table(constant, values, scores)


if __name__ == "__main__":
    main()
