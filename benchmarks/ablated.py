"""embedtool's command line with one part of the learning rule changed, to see what that part does.

    python ablated.py ABLATION train word2vec ...

In: the name of an ablation and a command. Out: what the command leaves.
"""

import hashlib
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

KERNELS = Path(__file__).parents[1] / "build" / "ablations"
"""Kernels that are compiled otherwise are not kept beside those of embedtool."""


@dataclass(frozen=True)
class Ablation:
    """A part that is changed.

    change  : changes it in this process, before anything is trained
    kernels : whether kernels are compiled otherwise
    only    : "fasttext" or "negative-sampling" where it concerns nothing else
    """

    change: Callable[[], None]
    kernels: bool = False
    only: str = ""

    def concerns(self, algorithm: str, hierarchical: bool) -> bool:
        """Whether it changes anything about a training."""
        if self.only == "fasttext":
            return algorithm == "fasttext"
        return not (self.only and hierarchical)


def streams(n: int) -> Callable[[], None]:
    """Read every text in n streams."""

    def change() -> None:
        from embedtool.trainers import word2vec

        word2vec.n_streams_for = lambda n_tokens: n

    return change


def damping(value: float) -> Callable[[], None]:
    """Let the damping of n-gram rows be the same from the first token to the last."""

    def change() -> None:
        from embedtool.trainers import word2vec

        word2vec.ngram_curvature_scale_at = lambda config, n_tokens: value

    return change


def spread(factor: float) -> Callable[[], None]:
    """Begin with vectors so many times as long."""

    def change() -> None:
        from embedtool.trainers import word2vec

        start = word2vec.init_state

        def changed(*arguments: Any) -> Any:
            state = start(*arguments)
            state.tables["inputs"] *= factor
            return state

        word2vec.init_state = changed

    return change


def negatives(factor: float) -> Callable[[], None]:
    """Draw so many times as many noise words for a block; each then counts less."""

    def change() -> None:
        from embedtool.trainers import kernel_job

        kernel_job.SHARED_NEGATIVES_FACTOR = {
            mode: factor * n for mode, n in kernel_job.SHARED_NEGATIVES_FACTOR.items()
        }

    return change


def held_rate() -> None:
    """Let the learning rate fall in the second half only."""
    from embedtool.trainers import word2vec

    falling = word2vec.learning_rate_at
    word2vec.learning_rate_at = lambda config, epochs: falling(
        config, max(0.0, 2 * epochs - config.epochs)
    )


def divided_steps() -> None:
    """Let each of the n rows of a word go an n-th of the step, after a turn; within it as ever."""
    import numpy as np

    from embedtool.kernels.jit import jit_inline
    from embedtool.kernels.sgd import minibatch
    from embedtool.kernels.sgd.arrays import RowCache, Scratch, WordRows
    from embedtool.kernels.simd.rows import scaled_diff

    @jit_inline
    def write_steps(stream: int, words: WordRows, cache: RowCache, scratch: Scratch) -> None:
        first = stream * cache.input_words.shape[1]
        for k in range(cache.n_inputs[stream]):
            n_rows = np.float32(max(1, words.n_trainable[cache.input_words[stream, k]]))
            scaled_diff(cache.inputs, first + k, scratch.input_snapshot, k, 1 / (n_rows * n_rows))

    minibatch._store_deltas = write_steps


ABLATIONS = {
    "1 stream": Ablation(streams(1)),
    **{f"{n} streams": Ablation(streams(n)) for n in (2, 4, 8, 16)},
    "n-gram rows damped in full": Ablation(damping(1.0), only="fasttext"),
    "n-gram rows not damped": Ablation(damping(0.0), only="fasttext"),
    "n-gram steps divided": Ablation(divided_steps, kernels=True, only="fasttext"),
    "half the initial range": Ablation(spread(0.5)),
    "twice the initial range": Ablation(spread(2.0)),
    "4 times the negatives": Ablation(negatives(4), only="negative-sampling"),
    "a rate that falls from half-time": Ablation(held_rate),
}


def main() -> None:
    """Change the part, then run the command."""
    name, *arguments = sys.argv[1:]
    ablation = ABLATIONS[name]
    if ablation.kernels:
        digest = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
        os.environ["NUMBA_CACHE_DIR"] = str(KERNELS / f"{name.replace(' ', '-')}-{digest}")
    ablation.change()
    from embedtool.cli.main import main as run

    sys.argv = ["embedtool", *arguments]
    run()


if __name__ == "__main__":
    main()
