"""What is compared: seven tasks, and each program's command for each, with the same settings.

Commands read `TEXT` and leave `MODEL` in the folder they run in.
"""

import json
import shutil
import sys
import sysconfig
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchmarks.measure import MODEL, TEXT

Command = Callable[[int, int], list[str]]
"""Takes workers and seed."""

EMBEDTOOL = Path(sysconfig.get_path("scripts")) / "embedtool"
PEERS = Path(__file__).with_name("peers.py")
STANFORD = ("vocab_count", "cooccur", "shuffle", "glove")

SIZE, MIN_COUNT = 100, 5
WINDOW, NEGATIVE, SAMPLE, EPOCHS = 5, 5, 1e-4, 5
GLOVE_WINDOW, X_MAX, GLOVE_EPOCHS = 10, 10, 15
MEMORY_GIB = 4
"""What Stanford's demo gives to counting and shuffling."""


@dataclass(frozen=True)
class Task:
    """What is trained; `rate` is the learning rate, `passes` those over the text or the pairs.

    The window, negatives and sample are those of Word2Vec and FastText.
    """

    algorithm: Literal["word2vec", "fasttext", "glove"]
    mode: Literal["skipgram", "cbow"] = "skipgram"
    rate: float = 0.05
    hierarchical: bool = False
    passes: int = EPOCHS
    window: int = WINDOW
    negative: int = NEGATIVE
    sample: float = SAMPLE


TASKS = {
    "skipgram": Task("word2vec", rate=0.025),
    "cbow": Task("word2vec", "cbow"),
    "hs": Task("word2vec", rate=0.025, hierarchical=True),
    "cbow-hs": Task("word2vec", "cbow", hierarchical=True),
    "fasttext": Task("fasttext"),
    "fasttext-cbow": Task("fasttext", "cbow"),
    "glove": Task("glove", passes=GLOVE_EPOCHS),
}


def has_stanford() -> bool:
    """Whether Stanford's four programs are on PATH."""
    return all(map(shutil.which, STANFORD))


def programs(task: Task, also: Sequence[str], word2vec: Path | None) -> dict[str, Command]:
    """Return the commands of a task by program, embedtool first.

    Parameters
    ----------
    task
        What is trained.
    also
        Further options, each of which makes a row of its own of embedtool.
    word2vec
        The compiled word2vec.c, or None if it is not available.
    """
    rows = {"embedtool": embedtool(task)}
    rows |= {f"embedtool {options}": embedtool(task, options.split()) for options in also}
    if task.algorithm == "glove":
        stand_in = {"gensim skip-gram": gensim(TASKS["skipgram"])}
        return rows | ({"Stanford GloVe": stanford} if has_stanford() else stand_in)
    rows["gensim"] = gensim(task)
    if task.algorithm == "fasttext":
        rows["fastText"] = fasttext(task)
    elif word2vec:
        rows["word2vec.c"] = word2vec_c(task, word2vec)
    return rows


def embedtool(task: Task, more: Sequence[str] = ()) -> Command:
    """Return a command of embedtool's installed program."""
    options: dict[str, Any] = {"vector-size": SIZE, "min-count": MIN_COUNT}
    if task.algorithm == "glove":
        options |= {"window": GLOVE_WINDOW, "x-max": X_MAX, "epochs": GLOVE_EPOCHS}
    else:
        options |= {
            "mode": task.mode,
            "loss": "hierarchical-softmax" if task.hierarchical else "negative-sampling",
            "window": task.window,
            "negative": task.negative,
            "sample": task.sample,
            "epochs": task.passes,
            "learning-rate": task.rate,
        }

    def command(workers: int, seed: int) -> list[str]:
        flags = _flags("--", options | {"workers": workers, "seed": seed})
        return [str(EMBEDTOOL), "train", task.algorithm, TEXT, "--output", MODEL, *flags, *more]

    return command


def gensim(task: Task) -> Command:
    """Return a command of gensim's Word2Vec or FastText."""
    options = {
        "class": "FastText" if task.algorithm == "fasttext" else "Word2Vec",
        "sg": int(task.mode == "skipgram"),
        "hs": int(task.hierarchical),
        "negative": 0 if task.hierarchical else task.negative,
        "vector_size": SIZE,
        "min_count": MIN_COUNT,
        "window": task.window,
        "sample": task.sample,
        "epochs": task.passes,
        "alpha": task.rate,
    }
    return lambda workers, seed: _peer("gensim", options | {"workers": workers, "seed": seed})


def fasttext(task: Task) -> Command:
    """Return a command of fastText."""
    options = {
        "model": task.mode,
        "dim": SIZE,
        "minCount": MIN_COUNT,
        "ws": task.window,
        "loss": "hs" if task.hierarchical else "ns",
        "neg": task.negative,
        "t": task.sample,
        "epoch": task.passes,
        "lr": task.rate,
    }
    return lambda workers, seed: _peer("fasttext", options | {"thread": workers, "seed": seed})


def word2vec_c(task: Task, program: Path) -> Command:
    """Return a command of word2vec.c, which takes no seed."""
    options = {
        "train": TEXT,
        "output": MODEL,
        "binary": 1,
        "debug": 0,
        "cbow": int(task.mode == "cbow"),
        "hs": int(task.hierarchical),
        "negative": 0 if task.hierarchical else task.negative,
        "size": SIZE,
        "min-count": MIN_COUNT,
        "window": task.window,
        "sample": task.sample,
        "iter": task.passes,
        "alpha": task.rate,
    }
    return lambda workers, seed: [str(program), *_flags("-", options | {"threads": workers})]


def stanford(workers: int, seed: int) -> list[str]:
    """Return the command of Stanford's GloVe, words plus contexts as embedtool's."""
    options = {"min-count": MIN_COUNT, "window": GLOVE_WINDOW, "memory": MEMORY_GIB}
    options |= {"vector-size": SIZE, "x-max": X_MAX, "iter": GLOVE_EPOCHS}
    return _peer("glove", options | {"threads": workers, "seed": seed})


def _peer(name: str, options: dict[str, Any]) -> list[str]:
    return [sys.executable, str(PEERS), name, json.dumps(options), TEXT, MODEL]


def _flags(dashes: str, options: dict[str, Any]) -> list[str]:
    return [part for name, value in options.items() for part in (dashes + name, str(value))]
