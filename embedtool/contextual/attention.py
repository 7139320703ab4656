"""Attention as its paper has it, in NumPy.

In: queries, keys and values. Out: what each query takes from the values, and how much of which.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def scaled_dot_product_attention(
    queries: Floats, keys: Floats, values: Floats, mask: NDArray[np.bool_] | None = None
) -> tuple[Floats, Floats]:
    """softmax(Q K^T / sqrt(d_k)) V (Vaswani et al. 2017, 'Attention Is All You Need', eq. 1).

    queries : float (..., n_queries, d_k)
    keys    : float (..., n_keys, d_k)
    values  : float (..., n_keys, d_v)
    mask    : bool, to be broadcast to (..., n_queries, n_keys): whether a query may see a key;
              None: it may see all
    Returns the outputs (..., n_queries, d_v) and the weights (..., n_queries, n_keys), whose rows
    sum to 1. A query that may see no key gets zeros.
    """
    scores = queries @ keys.swapaxes(-1, -2) / np.sqrt(queries.shape[-1])
    seen = np.broadcast_to(True if mask is None else mask, scores.shape)
    largest = np.max(scores, axis=-1, keepdims=True, where=seen, initial=-np.inf)
    with np.errstate(over="ignore"):
        powers = np.where(seen, np.exp(scores - largest), 0)
    sums = powers.sum(axis=-1, keepdims=True)
    weights = np.divide(powers, sums, out=np.zeros_like(powers), where=sums > 0)
    return weights @ values, weights


def heads_of(rows: Floats, n_heads: int) -> Floats:
    """Cut vectors into heads: (..., n, d) to (..., n_heads, n, d / n_heads).

    Raises ValueError where d is no multiple of n_heads.
    """
    *before, n, size = rows.shape
    if size % n_heads:
        raise ValueError(f"{size} numbers cannot be cut into {n_heads} heads")
    return rows.reshape(*before, n, n_heads, size // n_heads).swapaxes(-2, -3)


def multi_head_attention(
    queries: Floats,
    keys: Floats,
    values: Floats,
    n_heads: int,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Floats, Floats]:
    """Each head attends by its own part of the vectors (the same paper, section 3.2.2).

    queries, keys, values : float (..., n, d), projected already where they are to be
    Returns the heads' outputs side by side, (..., n_queries, d), and the weights
    (..., n_heads, n_queries, n_keys). Raises ValueError where d is no multiple of n_heads.
    """
    queries, keys, values = (heads_of(each, n_heads) for each in (queries, keys, values))
    outputs, weights = scaled_dot_product_attention(queries, keys, values, mask)
    *before, _, n, size = outputs.shape
    return outputs.swapaxes(-2, -3).reshape(*before, n, n_heads * size), weights


def attention_mask(n: int, *, causal: bool = False, itself: bool = True) -> NDArray[np.bool_]:
    """Which token may see which, bool (n, n).

    causal : none sees those that come after it, as in a model that predicts the next
    itself : whether a token sees itself
    """
    seen = np.tri(n, dtype=np.bool_) if causal else np.ones((n, n), np.bool_)
    return seen if itself else seen & ~np.eye(n, dtype=np.bool_)
