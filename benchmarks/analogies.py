"""Time of all 19,544 Google questions: embedtool and gensim, alternating, on the same vectors.

    python -m benchmarks.analogies [--words 30000] [--vector-size 100] [--repeat 3] [--sample N]

The vectors are random and the words those of the questions, filled up: a wrong answer costs as
much time as a right one. With --sample gensim answers only so many of the questions, at even steps,
and its time is multiplied up.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.measure import machine
from embedtool.evaluation.analogy import evaluate_analogies
from embedtool.evaluation.datasets import read_analogies
from embedtool.model.vectors import VectorTable


def main() -> None:
    """Read the command line, run both alternating, print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--words", type=int, default=30_000)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--sample", type=int)
    arguments = parser.parse_args()

    from gensim.models import KeyedVectors

    google = read_analogies("google")
    question_words = dict.fromkeys(
        word for question in google.questions for word in (*question[:3], *question[3])
    )
    words = [*question_words, *(f"word{i}" for i in range(arguments.words))][: arguments.words]
    shape = (len(words), arguments.vector_size)
    matrix = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    keyed_vectors = KeyedVectors(arguments.vector_size)
    keyed_vectors.add_vectors(words, matrix)
    step = max(1, len(google.questions) // (arguments.sample or len(google.questions)))
    sample = google.questions[::step]
    file = Path(tempfile.mkdtemp()) / "questions.txt"
    lines = [" ".join((*question[:3], *question[3])) for question in sample]
    file.write_text("\n".join([": sample", *lines]) + "\n")
    seconds: dict[str, list[float]] = {"embedtool": [], "gensim": []}
    for _ in range(arguments.repeat):
        began = time.monotonic()
        result = evaluate_analogies(VectorTable(words, matrix), google, restrict_vocab=None)
        seconds["embedtool"].append(time.monotonic() - began)
        began = time.monotonic()
        keyed_vectors.evaluate_word_analogies(str(file), restrict_vocab=len(words))
        scale = len(google.questions) / len(sample)
        seconds["gensim"].append(scale * (time.monotonic() - began))
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{machine()}; {shape[0]:,} words x {shape[1]}, {result.total.found:,} questions")
    for name, median in medians.items():
        print(f"{name:12}{median:8.2f} s  {median / medians['embedtool']:6.1f}")


if __name__ == "__main__":
    main()
