"""The GloVe update.

In: the pairs of one cell, and the tables. Out: the tables after a visit to each pair, and the loss.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit


@jit
def visit_pairs(
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    counts: NDArray[np.float32],
    words: NDArray[np.float32],
    contexts: NDArray[np.float32],
    words_sq: NDArray[np.float32],
    contexts_sq: NDArray[np.float32],
    x_max: np.float32,
    weight_exponent: np.float32,
    learning_rate: np.float32,
) -> float:
    """Visit each pair once, in the order given, updating the tables in place.

    Minimises 1/2 f(x) (w.c + b_w + b_c - ln x)^2 by AdaGrad, f(x) = min(1, (x / x_max)^a)
    (Pennington, Socher & Manning 2014, eqs. 8-9). With e = f(x) (w.c + b_w + b_c - ln x) the
    gradients are e c for w, e w for c, and e for each bias. As in the authors' program, the
    learning rate scales the gradient of a vector before it is squared and summed, and does not
    scale that of a bias: the sums start at 1, so steps are small at first and then approach
    AdaGrad's own.

    rows, columns : int32 (n_pairs,), rows of `words` and of `contexts`
    counts        : float32 (n_pairs,), all > 0
    words, contexts : float32 (n_words, vector_size + 1), C order; the last column is the bias
    words_sq, contexts_sq : as the tables, sums of squared gradients, all > 0
    Returns the sum of the losses, each taken before its own update.
    """
    bias = words.shape[1] - 1
    total = 0.0
    for k in range(len(rows)):
        w, c = words[rows[k]], contexts[columns[k]]
        w_sq, c_sq = words_sq[rows[k]], contexts_sq[columns[k]]
        dot = np.float32(0)
        for d in range(bias):
            dot += w[d] * c[d]
        x = counts[k]
        weight = np.float32(1) if x >= x_max else (x / x_max) ** weight_exponent
        difference = dot + w[bias] + c[bias] - np.log(x)
        error = weight * difference
        total += np.float64(error) * np.float64(difference)
        scaled = error * learning_rate
        for d in range(bias):
            w_gradient = scaled * c[d]
            c_gradient = scaled * w[d]
            w[d] -= w_gradient / np.sqrt(w_sq[d])
            c[d] -= c_gradient / np.sqrt(c_sq[d])
            w_sq[d] += w_gradient * w_gradient
            c_sq[d] += c_gradient * c_gradient
        w[bias] -= error / np.sqrt(w_sq[bias])
        c[bias] -= error / np.sqrt(c_sq[bias])
        w_sq[bias] += error * error
        c_sq[bias] += error * error
    return total / 2
