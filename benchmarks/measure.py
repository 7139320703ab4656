"""What benchmarks share: machine, text, the cost of a command, the scores of its vectors."""

import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedtool import formats
from embedtool.corpus.corpus import Corpus
from embedtool.evaluation.analogy import evaluate_analogies
from embedtool.evaluation.datasets import read_analogies, read_pairs
from embedtool.evaluation.similarity import evaluate_pairs
from embedtool.io.machine import n_cores
from embedtool.model import store
from embedtool.model.vectors import VectorTable

COMMAND_COST = Path(__file__).with_name("command_cost.py")
MODEL = "model"
"""What every command leaves in the folder it runs in: a file of vectors or a model folder."""
TEXT = "../text.txt"
"""What every command reads; word2vec.c cannot take a path of more than 99 bytes."""
GOOGLE_LIMIT = 30_000
"""word2vec's own demonstration asks the Google questions over this many words."""
MARKS = {"</s>", "<unk>"}
"""What peers add to the words of the text."""
ERROR_CHARACTERS = 200
"""Characters of a failed command's last line that are printed."""


class CommandError(Exception):
    """A command ended with an error; the message is the last line it printed."""


@dataclass(frozen=True)
class Cost:
    """What a command took: wall-clock and processor seconds, peak memory in bytes."""

    seconds: float
    cpu_seconds: float
    peak_bytes: int


def machine() -> str:
    """Return the processor, and how many of its cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().split("\n") if "model name" in line]
        name = models[0].partition(": ")[2] if models else name
    return f"{name}, {n_cores()} cores"


def plain_text(source: Path, folder: Path) -> tuple[Path, int]:
    """Make `folder` with the text in it, decompressed; returns its path and number of tokens."""
    folder.mkdir()
    text = folder / Path(TEXT).name
    n_tokens = 0
    with text.open("w", encoding="utf-8", newline="\n") as file:
        for block in Corpus([str(source)]).blocks():
            file.write(block)
            n_tokens += len(block.split())
    return text, n_tokens


def first_lines(text: Path, n_bytes: int, folder: Path) -> int:
    """Make `folder` with about the first `n_bytes` of a text in it; returns their tokens."""
    folder.mkdir()
    n_tokens = 0
    with text.open("rb") as file, (folder / text.name).open("wb") as start:
        while start.tell() < n_bytes and (line := file.readline(n_bytes)):
            start.write(line)
            n_tokens += len(line.split())
    return n_tokens


def run(command: Sequence[str], folder: Path) -> Cost:
    """Run a command in a folder. Raises CommandError where it fails or leaves no model."""
    done = subprocess.run(
        [sys.executable, "-I", str(COMMAND_COST), *command],
        cwd=folder,
        capture_output=True,
        check=False,
    )
    printed = done.stderr.decode(errors="replace").strip() or "no message"
    last_line = printed.splitlines()[-1][:ERROR_CHARACTERS]
    if done.returncode:
        raise CommandError(last_line)
    cost = json.loads(done.stdout)
    code = cost.pop("code")
    if code or not (folder / MODEL).exists():
        raise CommandError(f"exit code {code}: {last_line}")
    return Cost(**cost)


def read_vectors(path: Path) -> VectorTable:
    """Return the vectors of a model folder or of a peer's file, without words that peers add."""
    if path.is_dir():
        return store.load(path).vectors
    vectors, _ = formats.read(path)
    rows = [row for row, word in enumerate(vectors.words) if word not in MARKS]
    return VectorTable([vectors.words[row] for row in rows], vectors.rows[rows])


def score(vectors: VectorTable) -> dict[str, Any]:
    """Return the scores by dataset: accuracy of analogies, Spearman's rho of pairs.

    Case is folded, items with an unknown word are skipped; None if nothing is left.
    """
    google = evaluate_analogies(vectors, read_analogies("google"), restrict_vocab=GOOGLE_LIMIT)
    return {
        "google": google.total.accuracy,
        **{f"google_{kind.name}": kind.accuracy for kind in google.kinds},
        "google_found": google.total.found,
        **{
            name: evaluate_pairs(vectors, read_pairs(name)).spearman
            for name in ("wordsim353", "simlex999")
        },
    }
