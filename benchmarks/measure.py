"""What the benchmarks share: the machine they ran on, and the score they quote.

In: word vectors, from whatever program. Out: lines and figures.
"""

import os
import platform
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from embedtool.evaluation.analogy import AnalogyResult, evaluate_analogies
from embedtool.evaluation.datasets import read_analogies
from embedtool.vectors import WordVectors

GOOGLE_LIMIT = 30_000
"""word2vec's own demonstration asks the Google questions over this many words."""


def machine() -> str:
    """The processor and how many of its cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        models = [line for line in cpuinfo.read_text().split("\n") if "model name" in line]
        name = models[0].partition(": ")[2] if models else name
    return f"{name}, {len(os.sched_getaffinity(0))} cores"


def google(words: Sequence[str], matrix: NDArray[np.float32]) -> AnalogyResult:
    """The Google analogies: 30,000 words, case folded, unknown words skipped."""
    vectors = WordVectors(words, matrix)
    return evaluate_analogies(vectors, read_analogies("google"), restrict_vocab=GOOGLE_LIMIT)
