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

MAX_SCORE = np.float32(30)
"""Beyond it a float32 cannot tell the probability from 0 or 1."""

LN_2 = np.float32(np.log(2))
LOG2_E = np.float32(1 / np.log(2))
ROOT_HALF_BITS = 0x3F3504F3
"""The bits of the float32 next to 1 / sqrt(2)."""
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
    n: int,
    limit: np.float32,
) -> float:
    """Turn the first n scores into scaled residuals, in place; return the loss.

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
        float32, C order, of any shape; replaced by -lr l'(s) = lr (t - w sigma(s)): the residual of
        a trial, label minus probability, summed over the trials and times the learning rate.
    positives, trials
        As many, t and w.
    lr
        Learning rate.
    hess_weights
        As many, written: lr l''(s).
    n
        Scores to take, in C order.
    limit
        Where |s| is not below it, zeros are written to `scores` and `hess_weights`.

    Returns
    -------
        The sum of the losses.
    """
    scores, positives, trials, hess_weights = (
        scores.reshape(-1), positives.reshape(-1), trials.reshape(-1), hess_weights.reshape(-1)
    )  # fmt: skip
    loss = np.float32(0)
    for i in range(n):
        s = min(max(scores[i], -MAX_SCORE), MAX_SCORE)
        t, w = positives[i], trials[i]
        e = _exp(-abs(s))
        larger = np.float32(1) / (np.float32(1) + e)
        smaller = e * larger
        loss += w * (max(s, np.float32(0)) - _log(larger)) - t * s
        lr_or_0 = lr if abs(s) < limit else np.float32(0)
        scores[i] = lr_or_0 * (t - w * (larger if s > 0 else smaller))
        hess_weights[i] = lr_or_0 * w * larger * smaller
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
def _log(x: np.float32) -> np.float32:
    """Return ln x to a few units of float32's last place, for normal x > 0.

    x = 2^n m with m between sqrt(1/2) and sqrt(2); ln m = 2 artanh z, z = (m - 1) / (m + 1).
    """
    whole = _exponent(x)
    m = x * _two_to(-whole)
    z = (m - np.float32(1)) / (m + np.float32(1))
    square = z * z
    series = np.float32(2 / 3) + square * (np.float32(2 / 5) + square * np.float32(2 / 7))
    logarithm: np.float32 = whole * LN_2 + z * (np.float32(2) + square * series)
    return logarithm


_INT = ir.IntType(32)


@intrinsic
def _two_to(typing_context: Any, whole: Any) -> tuple[Any, Any]:
    """Return 2 to the power of a whole float32, by its bits."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        exponent = builder.add(builder.fptosi(arguments[0], _INT), _INT(EXPONENT_BIAS))
        return builder.bitcast(builder.shl(exponent, _INT(EXPONENT_SHIFT)), ir.FloatType())

    return types.float32(types.float32), generate


@intrinsic
def _exponent(typing_context: Any, number: Any) -> tuple[Any, Any]:
    """Return the whole n for which number / 2^n is between sqrt(1/2) and sqrt(2)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        bits = builder.bitcast(arguments[0], _INT)
        exponent = builder.ashr(builder.sub(bits, _INT(ROOT_HALF_BITS)), _INT(EXPONENT_SHIFT))
        return builder.sitofp(exponent, ir.FloatType())

    return types.float32(types.float32), generate
