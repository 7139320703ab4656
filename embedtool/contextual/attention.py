"""Scaled dot-product attention and multi-head attention in NumPy, as in Vaswani et al. 2017."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]


def scaled_dot_product_attention(
    queries: Floats, keys: Floats, values: Floats, mask: NDArray[np.bool_] | None = None
) -> tuple[Floats, Floats]:
    """Return softmax(Q K^T / sqrt(d_k)) V, and the weights.

    Parameters
    ----------
    queries : ndarray of float, shape (..., n_queries, d_k)
    keys : ndarray of float, shape (..., n_keys, d_k)
    values : ndarray of float, shape (..., n_keys, d_v)
    mask : ndarray of bool, shape (..., n_queries, n_keys) or broadcastable to it
        Whether a query attends to a key; None for all.

    Returns
    -------
    outputs : ndarray, shape (..., n_queries, d_v)
    weights : ndarray, shape (..., n_queries, n_keys)
        Rows sum to 1. A query that attends to no key has zeros.

    References
    ----------
    Vaswani et al. 2017, 'Attention Is All You Need', eq. 1.
    """
    scores = queries @ keys.swapaxes(-1, -2) / np.sqrt(queries.shape[-1])
    seen = np.broadcast_to(True if mask is None else mask, scores.shape)
    largest = np.max(scores, axis=-1, keepdims=True, where=seen, initial=-np.inf)
    with np.errstate(over="ignore"):
        powers = np.where(seen, np.exp(scores - largest), 0)
    sums = powers.sum(axis=-1, keepdims=True)
    weights = np.divide(powers, sums, out=np.zeros_like(powers), where=sums > 0)
    return weights @ values, weights


def split_heads(rows: Floats, n_heads: int) -> Floats:
    """Split vectors into heads: (..., n, d) to (..., n_heads, n, d / n_heads).

    Raises
    ------
    ValueError
        d is not a multiple of n_heads.
    """
    *leading, n, size = rows.shape
    if size % n_heads:
        raise ValueError(f"{size} dimensions cannot be split into {n_heads} heads")
    return rows.reshape(*leading, n, n_heads, size // n_heads).swapaxes(-2, -3)


def multi_head_attention(
    queries: Floats,
    keys: Floats,
    values: Floats,
    n_heads: int,
    mask: NDArray[np.bool_] | None = None,
) -> tuple[Floats, Floats]:
    """Compute attention separately for each head, on its part of the vectors.

    Parameters
    ----------
    queries, keys, values : ndarray of float, shape (..., n, d)
        Already projected, if at all.
    mask : ndarray of bool
        As for `scaled_dot_product_attention`.

    Returns
    -------
    outputs : ndarray, shape (..., n_queries, d)
        Concatenated outputs of the heads.
    weights : ndarray, shape (..., n_heads, n_queries, n_keys)

    Raises
    ------
    ValueError
        d is not a multiple of n_heads.

    References
    ----------
    Vaswani et al. 2017, section 3.2.2.
    """
    queries, keys, values = (split_heads(each, n_heads) for each in (queries, keys, values))
    outputs, weights = scaled_dot_product_attention(queries, keys, values, mask)
    *leading, _, n, size = outputs.shape
    return outputs.swapaxes(-2, -3).reshape(*leading, n, n_heads * size), weights


def attention_mask(n: int, *, causal: bool = False, itself: bool = True) -> NDArray[np.bool_]:
    """Return whether each token attends to each other one, bool (n, n).

    Parameters
    ----------
    causal : bool
        Tokens do not attend to later ones.
    itself : bool
        Tokens attend to themselves.
    """
    mask = np.tri(n, dtype=np.bool_) if causal else np.ones((n, n), np.bool_)
    return mask if itself else mask & ~np.eye(n, dtype=np.bool_)
