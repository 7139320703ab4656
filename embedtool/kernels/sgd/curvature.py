"""The damping rule: how far a row moves along its update, by the curvature of the loss.

Let a row theta have the loss L on a microbatch, with Hessian H, and let

    kappa = lr * tr H                                                                          (2)

H is positive semidefinite, so lr * lambda_max(H) <= kappa: a gradient step with kappa <= 1 passes
the minimum of the local quadratic in no direction. Within a minibatch curvature accumulates, and
the update of microbatch k is damped:

    K_k = kappa_1 + ... + kappa_k,    theta -= lr / max(1, K_k) * grad_k                       (3)

So a rare row moves at the full learning rate; for a frequent one, of constant kappa, the factor is
1 / (k kappa), the averaging of stochastic approximation (Robbins & Monro 1951). K begins at 0 with
each minibatch.

All streams r of a superstep start from the same parameters, and each has made the delta d_r with
curvature K_r. One with K_r >= 1 has reached the row's minimum: its *progress* min(1, K_r) is 1.
Where all together have made more than the whole progress, the sum of the deltas is damped:

    theta += sum_r d_r / max(1, P),    P = sum_r min(1, K_r)                                   (5)

the sum where all progress is small, the mean where all streams have converged.

With subwords, (5) holds for the rows of each word w, which all get the word's delta. A row that
several words share then gets the sum over its words, damped a second time:

    theta += sum_w D_w / max(1, scale * sum_w min(1, P_w))                                     (6)

where D_w is the word's damped sum from (5) and min(1, P_w) its progress after it. A row that a word
holds twice, as "banana" holds "ana", counts twice. With scale 1 the row gets the mean where all
words have converged. But it is one of many rows of a word, and two words share few, so the trace
overestimates the largest eigenvalue: `ngram_scale_at`.

Replicas of a cluster are damped alike, direction by direction, with a smooth progress (7):
`replica_progress`. `kernels.sgd.merging.damp_deltas` applies it.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline, jit_strict

ONE = np.float32(1)

HS_CURVATURE_SCALE = np.float32(1 / 16)
"""Scale of the curvature of hidden vectors with hierarchical softmax, and of inner nodes with
skip-gram: the paths of many words share a node, so the largest eigenvalue is far below the trace.
At scale 1 the loss is higher, and the vectors of all words have a larger common part. Measured:
docs/design/learning-rule.md, and `python -m benchmarks.ablation --vary hs-scale`."""

MIN_NGRAM_SCALE = 1 / 8
NGRAM_SCALE_TOKENS = 32_000_000
"""The scale of eq. (6) grows with the tokens trained so far, from the least to 1: at first rows are
far from their minima, and each of the words that share one pulls it another way; later what is left
is noise, and the mean is right. Measured: docs/design/learning-rule.md, and `python -m
benchmarks.ablation --vary ngram-scale`."""
HOGWILD_NGRAM_SCALE = 1 / 8
"""With Hogwild the scale of eq. (6) does not grow: a thread's minibatch starts from what the others
have left. Measured: `python -m benchmarks.ablation --vary hogwild-scale`."""


@jit_inline
def curvature(scale: np.float32, hess_weight: np.float32, sq_norm: np.float32) -> np.float32:
    """Return one term of eq. (2), lr l'' |x|^2, given lr l'' and |x|^2, times a scale."""
    return scale * hess_weight * sq_norm


@jit_inline
def damped(step: np.float32, curvature: np.float32) -> np.float32:
    """Return a step divided by max(1, curvature): eqs. (3), (5) and (6)."""
    return step / max(ONE, curvature)


@jit_inline
def progress(curvature: np.float32) -> np.float32:
    """Return min(1, curvature), the part of the way to the minimum that is covered: eq. (5)."""
    return min(ONE, curvature)


@jit_strict
def replica_progress(curvature: np.float32) -> np.float32:
    """Return s(b) = 1 - (1 + b/4)^-4, the smooth progress of a replica: eq. (7).

    Gradient descent in small steps on a quadratic covers 1 - e^-b of the way to the minimum. b is
    known on average only: it varies with the row's direction and with the text. s is the mean of
    1 - e^-b over a gamma distribution of b with shape 4 (standard deviation half the mean), which
    has a heavier tail, and is four multiplications and a division instead of an exponential. It is
    computed without subtracting nearly equal numbers.
    """
    quarter = curvature * np.float32(0.25)
    rest = ONE / (ONE + quarter)
    return quarter * rest * (ONE + rest) * (ONE + rest * rest)


def ngram_scale_at(n_tokens: int, hogwild: bool) -> float:
    """Return the curvature scale of eq. (6) after so many tokens of all epochs.

    A training that begins with the vectors of another starts to count anew: the text may be another
    too.
    """
    if hogwild:
        return HOGWILD_NGRAM_SCALE
    return min(1.0, max(MIN_NGRAM_SCALE, n_tokens / NGRAM_SCALE_TOKENS))
