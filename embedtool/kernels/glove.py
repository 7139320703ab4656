"""The GloVe update: AdaGrad, pair by pair.

A row of a table holds all parameters of a word on one side, so that an update finds them in
consecutive cache lines. With `size` the vector's length and 2 more, padded to a multiple of
SIMD_WIDTH:

    size floats    the vector, then zeros; the last two are the bias, and 1 where the vector is
                   frozen and 0 where it is trained
    size floats    AdaGrad's sum of squared gradients for each of them, at least 1

Rows are padded so that loops need no scalar remainder. The zeros stay zeros, for the gradient of
each is a multiple of the other side's. The bias is updated with the vector: its gradient is a
multiple of 1 instead of the other side's bias.
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
from embedtool.kernels.simd.prefetch import prefetch
from embedtool.kernels.simd.registers import (
    FLOAT,
    INDEX,
    SIMD_WIDTH,
    VECTOR,
    ZEROS,
    broadcast,
    load,
    reduce_add,
    store,
)

CLIP = 100.0
"""Each component of a vector's gradient is clipped to this, before the learning rate, as in the
authors' program (-grad-clip): without it, trainings on little text diverge at high learning
rates."""
PREFETCH_DISTANCE = 8
"""A pair's rows are prefetched this many updates before its own: memory takes about that long. 4 to
12 take the same time; without prefetching an update takes 1.2 times as long."""
BIAS, FROZEN = -2, -1
"""Columns of the first half of a row, counted from its end."""

_FAST = ("reassoc", "contract", "nsz", "arcp", "afn")
"""With `afn`, 1 / sqrt(x) becomes the processor's estimate and a Newton step, where it has one: as
exact but for the last bits, at a fraction of the time of a root and a division."""


@jit
def shuffle_pairs(
    firsts: NDArray[np.int64],
    permutation: NDArray[np.int32],
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    logs: NDArray[np.float32],
    shuffled_rows: NDArray[np.int32],
    shuffled_columns: NDArray[np.int32],
    shuffled_logs: NDArray[np.float32],
) -> int:
    """Copy groups of consecutive pairs, each in the order of one permutation.

    `adagrad_update_pairs` then reads them in sequence: with an index for each, an update takes 1.3
    times as long. Here too they are read in sequence, and written in random order to a place that
    the cache holds, in 0.45 of the time of the other way round.

    Parameters
    ----------
    firsts
        int64 (n_groups,), the first pair of each group.
    permutation
        int32 (group_size,), the position of each pair of a group in its copy. If fewer pairs are
        left for a group: which of them is copied next.
    rows, columns, logs
        int32, int32 and float32 (n_pairs,).
    shuffled_rows, shuffled_columns, shuffled_logs
        The same dtypes, (at least n_groups * group_size,) or n_pairs if that is less; output.

    Returns
    -------
    int
        The number of pairs that were copied.
    """
    n, size = 0, len(permutation)
    for first in firsts:
        if first + size <= len(rows):
            for k in range(size):
                to = n + permutation[k]
                shuffled_rows[to], shuffled_columns[to] = rows[first + k], columns[first + k]
                shuffled_logs[to] = logs[first + k]
            n += size
        else:
            for k in permutation:
                if first + k < len(rows):
                    shuffled_rows[n], shuffled_columns[n] = rows[first + k], columns[first + k]
                    shuffled_logs[n] = logs[first + k]
                    n += 1
    return n


@jit
def adagrad_update_pairs(
    rows: NDArray[np.int32],
    columns: NDArray[np.int32],
    logs: NDArray[np.float32],
    weights: NDArray[np.float32],
    words: NDArray[np.float32],
    contexts: NDArray[np.float32],
    learning_rate: np.float32,
) -> tuple[float, float]:
    """Update the tables by pairs, one after the other, in place.

    Minimises 1/2 f(x) (w.c + b_w + b_c - ln x)^2 by AdaGrad (Pennington, Socher & Manning 2014,
    eqs. 8-9). With e = f(x) (w.c + b_w + b_c - ln x) the gradients are e c for w, e w for c, and e
    for each bias. As in the authors' program, the learning rate scales the gradient of a vector
    before it is squared and summed, and does not scale that of a bias: the sums start at 1, so
    steps are small at first and then approach AdaGrad's own. As there, each component of a vector's
    gradient is clipped to +-CLIP, and a bias's gradient is not. A frozen vector stays, and its bias
    is trained.

    The score w.c + b_w + b_c of a pair is computed during the update two pairs before its own, so
    that no update waits for it. If one of the two updates between changes its rows, it is computed
    again.

    Parameters
    ----------
    rows, columns
        int32 (n_pairs,), rows of `words` and of `contexts`.
    logs, weights
        float32 (n_pairs,), ln x and f(x) of each pair's count.
    words, contexts
        float32 (n_words, 2 * size), C order, laid out as above; updated.
    learning_rate
        The learning rate.

    Returns
    -------
    tuple of float
        The sum of the losses, each taken before its own update, and that of zero vectors,
        1/2 f(x) ln(x)^2.
    """
    frozen = words.shape[1] // 2 + FROZEN
    one, clip = np.float32(1), np.float32(CLIP) * learning_rate
    last = len(rows) - 1
    loss = untrained = 0.0
    score = next_score = np.float32(0)
    known = next_known = False
    for k in range(len(rows)):
        i, j = rows[k], columns[k]
        if not known:
            score = _score(words, contexts, (i, j))
        difference = score - logs[k]
        error = weights[k] * difference
        loss += np.float64(error) * np.float64(difference)
        untrained += np.float64(weights[k] * logs[k]) * np.float64(logs[k])
        scaled = error * learning_rate
        w_scaled, c_scaled = scaled * (one - words[i, frozen]), scaled * (one - contexts[j, frozen])
        following, ahead = min(k + 1, last), min(k + 2, last)
        distant = min(k + PREFETCH_DISTANCE, last)
        score_ahead = _adagrad_step(
            words, contexts, (i, j), (w_scaled, c_scaled, error, clip),
            (rows[ahead], columns[ahead]), (rows[distant], columns[distant]),
        )  # fmt: skip
        known_ahead = (
            (rows[ahead] != i) & (rows[ahead] != rows[following])
            & (columns[ahead] != j) & (columns[ahead] != columns[following])
        )  # fmt: skip
        score, known = next_score, next_known
        next_score, next_known = score_ahead, known_ahead
    return loss / 2, untrained / 2


def _by_lane(number: Any, bias: Any, kind: Any = FLOAT) -> Any:
    """Return a vector for the end of a row: a number for components, one for the bias, and 0."""
    lanes = [number] * (SIMD_WIDTH + BIAS) + [bias, 0]
    return ir.Constant(ir.VectorType(kind, SIMD_WIDTH), lanes)


_ONES = ir.Constant(VECTOR, [1.0] * SIMD_WIDTH)
_UNBOUNDED = ir.Constant(VECTOR, [float("inf")] * SIMD_WIDTH)
_IS_COMPONENT, _IS_BIAS = (_by_lane(*bits, ir.IntType(1)) for bits in ((1, 0), (0, 1)))
_UNIT_BIAS = _by_lane(0.0, 1.0)


@intrinsic
def _score(typing_context: Any, words: Any, contexts: Any, pair: Any) -> tuple[Any, Any]:
    """Return w.c + b_w + b_c for a pair (row of `words`, row of `contexts`)."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        w, c = _rows(context, builder, signature, arguments, 2)
        end = _end(context, builder, signature, arguments)
        sums = cgutils.alloca_once(builder, VECTOR)
        builder.store(ZEROS, sums)
        with _each_vector(builder, end) as d:
            _add_products(builder, sums, w, c, d)
        return _total(builder, sums, w, c, end)

    return types.float32(words, contexts, pair), generate


@intrinsic
def _adagrad_step(
    typing_context: Any,
    words: Any,
    contexts: Any,
    pair: Any,
    factors: Any,
    ahead: Any,
    distant: Any,
) -> tuple[Any, Any]:
    """Take one step of AdaGrad for a pair; return the score of another one, before the step.

    Parameters
    ----------
    typing_context
        numba's.
    words, contexts
        The tables.
    pair
        The pair that is updated: a row of `words` and a row of `contexts`.
    factors
        The error times the learning rate for the word and for the context, 0 for a vector that is
        frozen; the error; the largest component of a gradient, times the learning rate.
    ahead
        The pair whose score is returned.
    distant
        A pair whose rows are prefetched.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pair_rows, (w_ahead, c_ahead), distant_rows = (
            _rows(context, builder, signature, arguments, at) for at in (2, 4, 5)
        )
        w_scaled, c_scaled, error, high = (
            broadcast(builder, each) for each in cgutils.unpack_tuple(builder, arguments[3])
        )
        end = _end(context, builder, signature, arguments)
        sums = cgutils.alloca_once(builder, VECTOR)
        builder.store(ZEROS, sums)

        def step(d: Any, scaled: Any, high: Any, partner: Any) -> None:
            squares_at = builder.add(d, builder.add(end, INDEX(SIMD_WIDTH)))
            for row in distant_rows:
                prefetch(builder, builder.gep(row, [d]))
                prefetch(builder, builder.gep(row, [squares_at]))
            vectors = [load(builder, row, d) for row in pair_rows]
            others = [partner(vector) for vector in reversed(vectors)]
            for row, vector, other, factor in zip(pair_rows, vectors, others, scaled, strict=True):
                gradient = builder.fmul(factor, other, flags=_FAST)
                gradient = _clip_at(builder, "<", gradient, high)
                gradient = _clip_at(builder, ">", gradient, builder.fsub(ZEROS, high))
                squares = load(builder, row, squares_at)
                change = builder.fmul(gradient, _inverse_root(builder, squares), flags=_FAST)
                store(builder, builder.fsub(vector, change, flags=_FAST), row, d)
                square = builder.fmul(gradient, gradient, flags=_FAST)
                store(builder, builder.fadd(squares, square, flags=_FAST), row, squares_at)

        with _each_vector(builder, end) as d:
            _add_products(builder, sums, w_ahead, c_ahead, d)
            step(d, (w_scaled, c_scaled), high, lambda vector: vector)
        score = _total(builder, sums, w_ahead, c_ahead, end)
        at_end = [builder.select(_IS_BIAS, error, each) for each in (w_scaled, c_scaled)]
        bound = builder.select(_IS_BIAS, _UNBOUNDED, high)
        step(end, at_end, bound, lambda vector: _with_unit_bias(builder, vector))
        return score

    return types.float32(words, contexts, pair, factors, ahead, distant), generate


def _add_products(builder: Any, sums: Any, w: Any, c: Any, d: Any) -> None:
    """Add the products of the components from `d` on, lane by lane."""
    products = builder.fmul(load(builder, w, d), load(builder, c, d), flags=_FAST)
    builder.store(builder.fadd(builder.load(sums), products, flags=_FAST), sums)


def _total(builder: Any, sums: Any, w: Any, c: Any, end: Any) -> Any:
    """Return the sum of all lanes, of the products at the end of the rows, and of the biases."""
    w_end, c_end = load(builder, w, end), load(builder, c, end)
    terms = builder.fmul(w_end, _with_unit_bias(builder, c_end), flags=_FAST)
    terms = builder.fadd(terms, builder.select(_IS_BIAS, c_end, ZEROS), flags=_FAST)
    return reduce_add(builder, builder.fadd(builder.load(sums), terms, flags=_FAST))


def _with_unit_bias(builder: Any, vector: Any) -> Any:
    """Return the vector at the end of a row with a bias of 1, by which the other is multiplied."""
    return builder.select(_IS_COMPONENT, vector, _UNIT_BIAS)


def _clip_at(builder: Any, order: str, vector: Any, bound: Any) -> Any:
    """Return of each number and its bound the one that comes first in the order."""
    return builder.select(builder.fcmp_ordered(order, vector, bound), vector, bound)


def _rows(context: Any, builder: Any, signature: Any, arguments: Any, at: int) -> list[Any]:
    """Return pointers to the rows of the pair arguments[at]; the first arguments are the tables."""
    pointers = []
    pair = cgutils.unpack_tuple(builder, arguments[at])
    for table, kind, row, row_kind in zip(
        arguments[:2], signature.args[:2], pair, signature.args[at], strict=True
    ):
        array = context.make_array(kind)(context, builder, table)
        width = cgutils.unpack_tuple(builder, array.shape)[1]
        index = context.cast(builder, row, row_kind, types.int64)
        pointers.append(builder.gep(array.data, [builder.mul(index, width)]))
    return pointers


def _end(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    """Return where in a row the last vector register of the first half begins."""
    array = context.make_array(signature.args[0])(context, builder, arguments[0])
    half = builder.lshr(cgutils.unpack_tuple(builder, array.shape)[1], INDEX(1))
    return builder.sub(half, INDEX(SIMD_WIDTH))


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
