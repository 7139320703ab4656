"""Loss, gradient and Hessian weights of logistic regression with w trials, t of them positive.

Every output layer of Word2Vec and FastText comes down to it.
"""

from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedtool.kernels.jit import jit
from embedtool.kernels.simd.registers import SIMD_WIDTH

MAX_SCORE = np.float32(30)
"""Beyond it a float32 cannot tell the probability from 0 or 1."""

LOG1P = tuple(map(np.float32, (
    0.999999821, -0.499974489, 0.332761765, -0.244996116,
    0.177570239, -0.107853681, 0.0442141928, -0.00857467577,
)))  # fmt: skip
"""Coefficients of ln(1 + x) / x in [0, 1]: a least-squares fit at Chebyshev's points."""
LN_2 = np.float32(np.log(2))
LOG2_E = np.float32(1 / np.log(2))
EXPONENT_SHIFT = 23
EXPONENT_BIAS = 127
"""A float32 is 2**(e - 127) times a mantissa of 23 bits."""


@jit
def logistic_residuals(
    scores: NDArray[np.float32],
    positives: NDArray[np.float32],
    trials: NDArray[np.float32],
    lr: np.float32,
    hess_weights: NDArray[np.float32],
    n_rows: int,
    limit: np.float32,
) -> float:
    """Turn the first n_rows of scores into scaled residuals, in place; return the loss.

    The score s of two vectors is their dot product, and sigma(s) the probability that a trial is
    positive (has the label 1). With t positives in w trials, which need not be whole, the loss is

        l(s)   = -t ln sigma(s) - (w - t) ln sigma(-s) = w ln(1 + e^s) - t s
        l'(s)  = w sigma(s) - t
        l''(s) = w sigma(s) sigma(-s)

    As s = x.y, the gradient for x is l'(s) y and that for y is l'(s) x (1); the Hessian for x is
    l''(s) y yT, whose trace is l''(s) |y|^2 (2).

    Parameters
    ----------
    scores
        float32 (at least n_rows, SIMD_WIDTH), replaced by -lr l'(s) = lr (t - w sigma(s)): the
        residual of a trial, label minus probability, summed over the trials and times the learning
        rate.
    positives, trials
        As many, t and w.
    lr
        Learning rate.
    hess_weights
        As many, written: lr l''(s).
    n_rows
        Rows to take.
    limit
        Where |s| is not below it, zeros are written to `scores` and `hess_weights`.

    Returns
    -------
        The sum of the losses.
    """
    loss = np.float32(0)
    for row in range(n_rows):
        for lane in range(SIMD_WIDTH):  # one register: LLVM vectorizes it, without a remainder
            s = min(max(scores[row, lane], -MAX_SCORE), MAX_SCORE)
            t, w = positives[row, lane], trials[row, lane]
            e = _exp(-abs(s))
            larger = np.float32(1) / (np.float32(1) + e)
            smaller = e * larger
            loss += w * (max(s, np.float32(0)) + _log1p(e)) - t * s
            lr_or_0 = lr if abs(s) < limit else np.float32(0)
            scores[row, lane] = lr_or_0 * (t - w * (larger if s > 0 else smaller))
            hess_weights[row, lane] = lr_or_0 * w * larger * smaller
    return np.float64(loss)


@jit
def _exp(x: np.float32) -> np.float32:
    """Return e^x to a few units of float32's last place, for |x| <= MAX_SCORE.

    x = (n + f) ln 2 with an integer n and |f| <= 1/2: 2^n by its bits, e^(f ln 2) by its Taylor
    series.
    """
    power = x * LOG2_E
    whole = np.floor(power + np.float32(0.5))
    y = (power - whole) * LN_2
    series = np.float32(1 / 120) + y * np.float32(1 / 720)
    series = np.float32(1 / 6) + y * (np.float32(1 / 24) + y * series)
    series = np.float32(1) + y * (np.float32(1) + y * (np.float32(1 / 2) + y * series))
    power_of_e: np.float32 = series * _two_to(whole)
    return power_of_e


@jit
def _log1p(x: np.float32) -> np.float32:
    """Return ln(1 + x) for x in [0, 1], to 2e-7: the terms of LOG1P by Horner's rule."""
    c = LOG1P
    series = c[4] + x * (c[5] + x * (c[6] + x * c[7]))
    series = c[0] + x * (c[1] + x * (c[2] + x * (c[3] + x * series)))
    logarithm: np.float32 = x * series
    return logarithm


_INT = ir.IntType(32)


@intrinsic
def _two_to(typing_context: Any, whole: Any) -> tuple[Any, Any]:
    """Return 2 to the power of a whole float32, by its bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        exponent = builder.add(builder.fptosi(arguments[0], _INT), _INT(EXPONENT_BIAS))
        return builder.bitcast(builder.shl(exponent, _INT(EXPONENT_SHIFT)), ir.FloatType())

    return types.float32(types.float32), generate
