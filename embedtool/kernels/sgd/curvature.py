"""The damping rule: how far a row moves along its update, by the curvature of the loss.

Equations have the numbers of docs/design/learning-rule.md, which derives them. lr is the learning
rate, h a hidden vector, o an output row, H a Hessian of the loss on a microbatch; g is the input
gain: how far h moves when each of its input rows moves by one unit.

A gradient step of o, and one of h by its input rows, have the curvature

    kappa_o = lr tr H_o,    kappa_h = lr g tr H_h                                              (2)

Each input row of h gets the whole gradient of h, and the whole of kappa_h. H is positive
semidefinite, so its largest eigenvalue is at most its trace: a step with kappa <= 1 overshoots the
minimum of the local quadratic in no direction. Within a minibatch curvature accumulates, and the
gradient step delta_k of microbatch k is damped:

    K_k = kappa_1 + ... + kappa_k,    row += delta_k / max(1, K_k)                             (3)

So a rare row moves at the full learning rate; for a frequent one, of constant kappa, the factor is
1 / (k kappa), the averaging of stochastic approximation (Robbins & Monro 1951). K begins at 0 with
each minibatch.

All streams r of a superstep start from the same parameters, and each has made the delta d_r with
curvature K_r. Its *progress* is min(1, K_r): with K_r >= 1 it is taken to have reached the minimum
(which is exact in one dimension only). The sum of the deltas is damped by the progress of all, P:

    row += sum_r d_r / max(1, P),    P = sum_r min(1, K_r)                                     (5)

the sum where P <= 1, the mean where all streams have converged.

With subwords, (5) turns the deltas of each word w into one, D_w, with the progress P_w. All rows of
the word get it, and a row that several words share gets the sum over its words, damped once more:

    row += sum_w D_w / max(1, c sum_w min(1, P_w))                                             (6)

A row that a word holds twice, as "banana" holds "ana", counts twice. With the scale c = 1 the row
gets the mean where all words have converged. But a shared row is one of many rows of each word, and
two words share few, so the trace overestimates the largest eigenvalue: `ngram_scale_at` returns c.

Replicas of a cluster are damped alike, direction by direction, with a smooth progress (7):
`replica_progress`. `kernels.sgd.merging.damp_deltas` applies it.
"""

import numpy as np

from embedtool.kernels.jit import jit_inline, jit_strict

ONE = np.float32(1)

HS_CURVATURE_SCALE = np.float32(1 / 16)
"""Scale of kappa_h with hierarchical softmax, and of kappa_o of inner nodes with skip-gram: the
paths of many words share a node, so the largest eigenvalue is far below the trace. At scale 1 the
loss is higher, and the vectors of all words have a larger common part. With CBOW a token has one
path, and kappa_o is not scaled. Measured: docs/design/learning-rule.md, and `python -m
benchmarks.ablation --vary hs-scale`."""

MIN_NGRAM_SCALE = 1 / 8
NGRAM_SCALE_TOKENS = 32_000_000
"""c of eq. (6) grows with the tokens trained so far, from the least to 1: at first rows are
far from their minima, and each of the words that share one pulls it another way; later what is left
is noise, and the mean is right. Measured: docs/design/learning-rule.md, and `python -m
benchmarks.ablation --vary ngram-scale`."""
HOGWILD_NGRAM_SCALE = 1 / 8
"""With Hogwild c of eq. (6) does not grow: a thread's minibatch starts from what the others
have left. Measured: `python -m benchmarks.ablation --vary hogwild-scale`."""


@jit_inline
def curvature_term(hess_weight: np.float32, sq_norm: np.float32) -> np.float32:
    """Return a term of lr tr H in eq. (2), lr l'' |x|^2, given lr l'' and |x|^2."""
    return hess_weight * sq_norm


@jit_inline
def damped(step: np.float32, total: np.float32) -> np.float32:
    """Return a step divided by max(1, total): curvature in eq. (3), progress in (5) and (6)."""
    return step / max(ONE, total)


@jit_inline
def progress(curvature: np.float32) -> np.float32:
    """Return min(1, K), the part of the way to the minimum that counts as covered: eq. (5)."""
    return min(ONE, curvature)


@jit_strict
def replica_progress(curvature: np.float32) -> np.float32:
    """Return s(b) = 1 - (1 + b/4)^-4, the smooth progress of a replica: eq. (7).

    Gradient descent in small steps on a quadratic covers 1 - e^-b of the way to the minimum. b is
    known on average only: it varies with the row's direction and with the text. s is the mean of
    1 - e^-b over a gamma distribution of b with shape 4 (standard deviation half the mean): it
    approaches 1 more slowly than 1 - e^-b, and needs no exponential. It is computed without
    subtracting nearly equal numbers.
    """
    quarter = curvature * np.float32(0.25)
    rest = ONE / (ONE + quarter)
    return quarter * rest * (ONE + rest) * (ONE + rest * rest)


def ngram_scale_at(n_tokens: int, hogwild: bool) -> float:
    """Return c of eq. (6), the curvature scale, after so many tokens of all epochs.

    A training that begins with the vectors of another starts to count anew: the text may be another
    too.
    """
    if hogwild:
        return HOGWILD_NGRAM_SCALE
    return min(1.0, max(MIN_NGRAM_SCALE, n_tokens / NGRAM_SCALE_TOKENS))
