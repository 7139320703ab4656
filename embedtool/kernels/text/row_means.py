"""The mean of each word's row and the rows of its n-grams, as fastText makes a word's vector."""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit


@jit
def mean_rows(
    ends: NDArray[np.int64],
    members: NDArray[np.int32],
    divisors: NDArray[np.int64],
    own: NDArray[np.float32],
    table: NDArray[np.float32],
    means: NDArray[np.float32],
) -> None:
    """Write the means of rows; sums are in float64.

    Parameters
    ----------
    ends : ndarray of int64, shape (n_words + 1,)
        Word i has members[ends[i] : ends[i + 1]].
    members : ndarray of int32
        Rows of `table`; -1 for one of zeros.
    divisors : ndarray of int64, shape (n_words,)
        The number of rows by which the sum of each word is divided.
    own : ndarray of float32, shape (n_words, n_columns)
        The row of each word itself.
    table : ndarray of float32, shape (n_rows, n_columns)
        The rows of n-grams.
    means : ndarray of float32, shape (n_words, n_columns)
        Output.
    """
    n_columns = own.shape[1]
    total = np.empty(n_columns, np.float64)
    for word in range(len(own)):
        total[:] = 0.0
        for i in range(ends[word], ends[word + 1]):
            row = members[i]
            if row >= 0:
                for column in range(n_columns):
                    total[column] += table[row, column]
        for column in range(n_columns):
            means[word, column] = (total[column] + own[word, column]) / divisors[word]
