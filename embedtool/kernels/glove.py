"""The GloVe update: AdaGrad, pair by pair.

A row of a table holds all parameters of a word on one side, so that an update finds them in
consecutive cache lines. With `size` the vector's length, padded to a multiple of SIMD_WIDTH:

    size floats     the vector, then zeros
    size floats     AdaGrad's sum of squared gradients for each of them, at least 1
    SIMD_WIDTH floats    the bias, its sum of squared gradients, 1 where the vector is frozen and 0
                         where it is trained, then zeros

Rows are padded so that loops need no scalar remainder. The zeros stay zeros, for the gradient of
each is a multiple of the other side's.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedtool.kernels.jit import jit
from embedtool.kernels.simd.prefetch import prefetch_row
from embedtool.kernels.simd.registers import (
    FLOAT,
    INDEX,
    SIMD_WIDTH,
    VECTOR,
    ZEROS,
    broadcast,
    load,
    store,
)

CLIP = 100.0
"""Each component of a vector's gradient is clipped to this, before the learning rate, as in the
authors' program (-grad-clip): without it, trainings on little text diverge at high learning
rates."""
PREFETCH_DISTANCE = 6
"""A pair's rows are prefetched this many updates before its own: memory takes about that long."""

_FAST = ("reassoc", "contract", "nsz", "arcp", "afn")
"""With `afn`, 1 / sqrt(x) becomes the processor's estimate and a Newton step, where it has one: as
exact but for the last bits, at a fraction of the time of a root and a division."""


@jit
def adagrad_update_pairs(
    order: NDArray[np.int32],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    logs: NDArray[np.float32],
    weights: NDArray[np.float32],
    words: NDArray[np.float32],
    contexts: NDArray[np.float32],
    learning_rate: np.float32,
) -> float:
    """Update the tables by the pairs order[0], order[1] and so on, in place.

    Minimises 1/2 f(x) (w.c + b_w + b_c - ln x)^2 by AdaGrad (Pennington, Socher & Manning 2014,
    eqs. 8-9). With e = f(x) (w.c + b_w + b_c - ln x) the gradients are e c for w, e w for c, and e
    for each bias. As in the authors' program, the learning rate scales the gradient of a vector
    before it is squared and summed, and does not scale that of a bias: the sums start at 1, so
    steps are small at first and then approach AdaGrad's own. As there, each component of a vector's
    gradient is clipped to +-CLIP, and a bias's gradient is not. A frozen vector stays, and its bias
    is trained.

    Parameters
    ----------
    order
        int32 (n_updates,), indices of the four arrays that follow.
    rows, columns
        int32 (n_pairs,), rows of `words` and of `contexts`.
    logs, weights
        float32 (n_pairs,), ln x and f(x) of each pair's count.
    words, contexts
        float32 (n_words, 2 * size + SIMD_WIDTH), C order, laid out as above; updated.
    learning_rate
        The learning rate.

    Returns
    -------
        The sum of the losses, each taken before its own update.
    """
    bias = words.shape[1] - SIMD_WIDTH
    bias_sum, frozen = bias + 1, bias + 2
    one, clip = np.float32(1), np.float32(CLIP) * learning_rate
    n = len(order)
    total = 0.0
    for update in range(n):
        if update + PREFETCH_DISTANCE < n:
            coming = order[update + PREFETCH_DISTANCE]
            prefetch_row(words, rows[coming])
            prefetch_row(contexts, columns[coming])
        k = order[update]
        i, j = rows[k], columns[k]
        difference = _dot(words, i, contexts, j) + words[i, bias] + contexts[j, bias] - logs[k]
        error = weights[k] * difference
        total += np.float64(error) * np.float64(difference)
        scaled = error * learning_rate
        w_scaled, c_scaled = scaled * (one - words[i, frozen]), scaled * (one - contexts[j, frozen])
        _adagrad_step(words, i, contexts, j, w_scaled, c_scaled, clip)
        words[i, bias] -= error / np.sqrt(words[i, bias_sum])
        contexts[j, bias] -= error / np.sqrt(contexts[j, bias_sum])
        words[i, bias_sum] += error * error
        contexts[j, bias_sum] += error * error
    return total / 2


_ONES = ir.Constant(VECTOR, [1.0] * SIMD_WIDTH)


@intrinsic
def _dot(typing_context: Any, words: Any, i: Any, contexts: Any, j: Any) -> tuple[Any, Any]:
    """Return the product w.c of the vectors in row i of `words` and row j of `contexts`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        w, width = _row(context, builder, signature, arguments, 0)
        c, _ = _row(context, builder, signature, arguments, 2)
        sums = cgutils.alloca_once_value(builder, ZEROS)
        with _each_vector(builder, _size(builder, width)) as d:
            terms = builder.fmul(load(builder, w, d), load(builder, c, d), flags=_FAST)
            builder.store(builder.fadd(builder.load(sums), terms, flags=_FAST), sums)
        kind = ir.FunctionType(FLOAT, [FLOAT, VECTOR])
        reduce_add = cgutils.get_or_insert_function(
            builder.module, kind, f"llvm.vector.reduce.fadd.v{SIMD_WIDTH}f32"
        )
        return builder.call(reduce_add, [FLOAT(0.0), builder.load(sums)], fastmath=_FAST)

    return types.float32(words, i, contexts, j), generate


@intrinsic
def _adagrad_step(
    typing_context: Any,
    words: Any,
    i: Any,
    contexts: Any,
    j: Any,
    w_scaled: Any,
    c_scaled: Any,
    clip: Any,
) -> tuple[Any, Any]:
    """Take one step of AdaGrad for the vectors in row i of `words` and row j of `contexts`.

    Parameters
    ----------
    typing_context
        numba's.
    words, i, contexts, j
        The two rows.
    w_scaled, c_scaled
        The error times the learning rate; 0 for a vector that is frozen.
    clip
        The largest component of a gradient, times the learning rate.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        w, width = _row(context, builder, signature, arguments, 0)
        c, _ = _row(context, builder, signature, arguments, 2)
        size = _size(builder, width)
        w_factor, c_factor, high = (broadcast(builder, each) for each in arguments[4:])
        low = builder.fsub(ZEROS, high)
        with _each_vector(builder, size) as d:
            w_vector, c_vector = load(builder, w, d), load(builder, c, d)
            for start, vector, other, factor in (
                (w, w_vector, c_vector, w_factor), (c, c_vector, w_vector, c_factor),
            ):  # fmt: skip
                gradient = builder.fmul(factor, other, flags=_FAST)
                gradient = _clip_at(builder, "<", gradient, high)
                gradient = _clip_at(builder, ">", gradient, low)
                squares = load(builder, start, builder.add(d, size))
                step = builder.fmul(gradient, _inverse_root(builder, squares), flags=_FAST)
                store(builder, builder.fsub(vector, step, flags=_FAST), start, d)
                square = builder.fmul(gradient, gradient, flags=_FAST)
                squares = builder.fadd(squares, square, flags=_FAST)
                store(builder, squares, start, builder.add(d, size))
        return context.get_dummy_value()

    return types.void(words, i, contexts, j, w_scaled, c_scaled, clip), generate


def _clip_at(builder: Any, order: str, vector: Any, bound: Any) -> Any:
    """Return of each number and its bound the one that comes first in the order."""
    return builder.select(builder.fcmp_ordered(order, vector, bound), vector, bound)


def _row(context: Any, builder: Any, signature: Any, arguments: Any, at: int) -> tuple[Any, Any]:
    """Return a pointer to a row, and its width; arguments[at] is the table, the next the row."""
    table, row = arguments[at : at + 2]
    array = context.make_array(signature.args[at])(context, builder, table)
    width = cgutils.unpack_tuple(builder, array.shape)[1]
    index = context.cast(builder, row, signature.args[at + 1], types.int64)
    return builder.gep(array.data, [builder.mul(index, width)]), width


def _size(builder: Any, width: Any) -> Any:
    """Return the padded length of the vector in a row: (width - SIMD_WIDTH) / 2."""
    return builder.lshr(builder.sub(width, INDEX(SIMD_WIDTH)), INDEX(1))


@contextmanager
def _each_vector(builder: Any, stop: Any) -> Iterator[Any]:
    """Loop over 0, SIMD_WIDTH, 2 SIMD_WIDTH and so on, below `stop`."""
    with cgutils.for_range_slice(builder, INDEX(0), stop, INDEX(SIMD_WIDTH), INDEX) as (d, _):
        yield d


def _inverse_root(builder: Any, vector: Any) -> Any:
    """Return 1 / sqrt(x) of each number."""
    kind = ir.FunctionType(VECTOR, [VECTOR])
    root = cgutils.get_or_insert_function(builder.module, kind, f"llvm.sqrt.v{SIMD_WIDTH}f32")
    return builder.fdiv(_ONES, builder.call(root, [vector], fastmath=_FAST), flags=_FAST)
