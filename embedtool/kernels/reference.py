"""The slow, plain version of each kernel, by the same name: what the fast one must equal."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def count_pairs(
    sentences: Iterable[Sequence[int]], weights: Sequence[int], symmetric: bool
) -> Counter[tuple[int, int]]:
    """The weight of each pair: (smaller, larger) where symmetric, else (word, word to its left)."""
    sums: Counter[tuple[int, int]] = Counter()
    for sentence in sentences:
        for i, word in enumerate(sentence):
            for distance in range(1, min(i, len(weights) - 1) + 1):
                left = sentence[i - distance]
                pair = (min(word, left), max(word, left)) if symmetric else (word, left)
                sums[pair] += weights[distance]
    return sums


def visit_pairs(
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    counts: NDArray[np.float32],
    words: NDArray[np.float64],
    contexts: NDArray[np.float64],
    words_sq: NDArray[np.float64],
    contexts_sq: NDArray[np.float64],
    x_max: float,
    weight_exponent: float,
    learning_rate: float,
) -> float:
    """One AdaGrad step a pair (Pennington et al. 2014, eqs. 8-9), in double precision."""
    total = 0.0
    for row, column, x in zip(rows, columns, counts, strict=True):
        w, c = words[row].copy(), contexts[column].copy()
        difference = w[:-1] @ c[:-1] + w[-1] + c[-1] - np.log(x)
        error = min(1.0, (x / x_max) ** weight_exponent) * difference
        total += error * difference / 2
        w_gradient = np.append(learning_rate * error * c[:-1], error)
        c_gradient = np.append(learning_rate * error * w[:-1], error)
        words[row] -= w_gradient / np.sqrt(words_sq[row])
        contexts[column] -= c_gradient / np.sqrt(contexts_sq[column])
        words_sq[row] += w_gradient**2
        contexts_sq[column] += c_gradient**2
    return total
