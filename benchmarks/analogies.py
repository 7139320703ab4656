"""How long all 19,544 Google questions take: embedtool and gensim in turn, on the same vectors.

    python -m benchmarks.analogies [--words 30000] [--vector-size 100] [--rounds 3]

The vectors are random and the words those of the questions, filled up: a wrong answer costs as
much time as a right one.
"""

import argparse
import statistics
import time

import numpy as np

from benchmarks.measure import machine
from embedtool.evaluation.analogy import evaluate_analogies
from embedtool.evaluation.datasets import read_analogies
from embedtool.vectors import WordVectors


def main() -> None:
    """Read the command line, run both in turn, print the medians and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--words", type=int, default=30_000)
    parser.add_argument("--vector-size", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()

    from gensim.models import KeyedVectors
    from gensim.test.utils import datapath

    google = read_analogies("google")
    asked = dict.fromkeys(word for question in google.questions for word in question)
    words = [*asked, *(f"word{i}" for i in range(arguments.words))][: arguments.words]
    shape = (len(words), arguments.vector_size)
    matrix = np.random.default_rng(1).standard_normal(shape, dtype=np.float32)
    theirs = KeyedVectors(arguments.vector_size)
    theirs.add_vectors(words, matrix)
    seconds: dict[str, list[float]] = {"embedtool": [], "gensim": []}
    for _ in range(arguments.rounds):
        began = time.monotonic()
        result = evaluate_analogies(WordVectors(words, matrix), google)
        seconds["embedtool"].append(time.monotonic() - began)
        began = time.monotonic()
        theirs.evaluate_word_analogies(datapath("questions-words.txt"))
        seconds["gensim"].append(time.monotonic() - began)
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    print(f"{machine()}; {shape[0]:,} words x {shape[1]}, {result.total.found:,} questions")
    for name, median in medians.items():
        print(f"{name:12}{median:8.2f} s  {median / medians['embedtool']:6.1f}")


if __name__ == "__main__":
    main()
