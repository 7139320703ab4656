"""The product of two small matrices, as fast as the processor's vector registers allow.

In: matrices that stand in the cache. Out: their product, in a third.
"""

from itertools import chain
from typing import Any

from llvmlite import ir
from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedtool.kernels.jit import inlined

LANES = 16
"""Columns come in multiples of this: the numbers of one register of AVX-512, or of two of AVX2."""
ROWS = 8
"""Rows come in multiples of this."""

WIDE = bool(get_host_cpu_features().get("avx512f"))
TILE_ROWS = 8 if WIDE else 4
"""Rows of the product that are computed at a time. With both registers of a row their sums fill
half of the registers that the processor has; and so many sums are under way that its
multiply-and-add units, whose results take four cycles to come, never wait for them."""

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_POINTER = _FLOAT.as_pointer()
_BYTE = ir.IntType(8)
_INDEX = ir.IntType(64)


@inlined
def multiply(
    a: NDArray[Any],
    a_first: int,
    b: NDArray[Any],
    b_first: int,
    product: NDArray[Any],
    product_first: int,
    n_rows: int,
    n_terms: int,
) -> None:
    """Write the product of rows of `a` and rows of `b` to rows of `product`.

    a       : float32, 2-D, rows [a_first, a_first + n_rows), and its first n_terms columns
    b       : float32, 2-D, rows [b_first, b_first + n_terms)
    product : float32, 2-D, rows [product_first, product_first + n_rows), of as many columns as b
    n_rows is a multiple of ROWS and the number of columns one of LANES. Each number is the sum of
    its terms in their order, whatever the processor. Views of arrays would do instead of the first
    rows; but each costs two changes of a counter that threads share.
    """
    n_columns = product.shape[1]
    paired = n_columns // (2 * LANES) * (2 * LANES) if WIDE else 0
    for row in range(0, n_rows, TILE_ROWS):
        places = (a_first + row, 0, b_first, product_first + row)
        for column in range(0, paired, 2 * LANES):
            _multiply_wide_tile(a, b, product, places, column, n_terms)
        for column in range(paired, n_columns, LANES):
            _multiply_tile(a, b, product, places, column, n_terms)


@inlined
def multiply_turned(
    a: NDArray[Any],
    b: NDArray[Any],
    b_first: int,
    product: NDArray[Any],
    n_terms: int,
) -> None:
    """As `multiply`, with the first n_terms rows of `a` for columns, and all rows of `product`."""
    n_columns = product.shape[1]
    paired = n_columns // (2 * LANES) * (2 * LANES) if WIDE else 0
    for row in range(0, product.shape[0], TILE_ROWS):
        places = (0, row, b_first, row)
        for column in range(0, paired, 2 * LANES):
            _multiply_wide_turned_tile(a, b, product, places, column, n_terms)
        for column in range(paired, n_columns, LANES):
            _multiply_turned_tile(a, b, product, places, column, n_terms)


@inlined
def add_noise(
    targets: NDArray[Any],
    draws: NDArray[Any],
    n_pairs: NDArray[Any],
    weights: NDArray[Any],
    n_rows: int,
) -> None:
    """Write weights = targets + draws * (n_pairs - targets), for each row and column.

    targets, weights : float32 (at least n_rows, LANES)
    draws, n_pairs   : float32 (at least n_rows,) and (LANES,)
    """
    for row in range(n_rows):
        _add_noise_to_row(targets, draws, n_pairs, weights, row)


@intrinsic
def _add_noise_to_row(
    typing_context: Any, targets: Any, draws: Any, n_pairs: Any, weights: Any, row: Any
) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        targets, draws, n_pairs, weights = (
            builder.bitcast(context.make_array(kind)(context, builder, value).data, _POINTER)
            for kind, value in zip(signature.args, arguments[:-1], strict=False)
        )
        row = arguments[-1]
        offset = builder.mul(row, _INDEX(LANES))

        def vector(start: Any) -> Any:
            return builder.bitcast(start, _VECTOR.as_pointer())

        share = _spread(builder, builder.load(builder.gep(draws, [row])))
        met = builder.load(vector(builder.gep(targets, [offset])), align=_FLOAT_BYTES)
        unmet = builder.fsub(builder.load(vector(n_pairs), align=_FLOAT_BYTES), met)
        weight = builder.fadd(
            met, builder.fmul(share, unmet, flags=("contract",)), flags=("contract",)
        )
        builder.store(weight, vector(builder.gep(weights, [offset])), align=_FLOAT_BYTES)
        return context.get_dummy_value()

    return types.void(targets, draws, n_pairs, weights, types.int64), generate


def _tile_of(n_vectors: int, turned: bool = False) -> Any:
    """A compiled function that computes TILE_ROWS x (n_vectors * LANES) numbers of a product.

    Its `places` are the first row and the first column of `a`, and the first rows of `b` and of
    `product`. The sums stay in registers over all the terms: LLVM does not find this form by itself
    in loops over arrays, which it must take to overlap.
    """

    def multiply_tile(
        typing_context: Any, a: Any, b: Any, product: Any, places: Any, column: Any, n_terms: Any
    ) -> tuple[Any, Any]:
        four = types.UniTuple(types.int64, 4)
        signature = types.void(a, b, product, four, types.int64, types.int64)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _generate_tile(n_vectors, turned, context, builder, signature, arguments)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(multiply_tile)


def _generate_tile(
    n_vectors: int, turned: bool, context: Any, builder: Any, signature: Any, arguments: Any
) -> None:
    *matrices, places, column, n_terms = arguments
    a, b, product = (
        context.make_array(kind)(context, builder, value)
        for kind, value in zip(signature.args, matrices, strict=False)
    )
    a_first, a_column, b_first, row = cgutils.unpack_tuple(builder, places)
    strides = cgutils.unpack_tuple(builder, a.strides)
    a_step, a_row = strides if turned else strides[::-1]
    b_step, _ = cgutils.unpack_tuple(builder, b.strides)
    product_row, _ = cgutils.unpack_tuple(builder, product.strides)

    def at(array: Any, *offsets: Any) -> Any:
        start = builder.bitcast(array.data, _BYTE.as_pointer())
        for offset in offsets:
            start = builder.gep(start, [offset])
        return start

    def vector(start: Any) -> Any:
        return builder.bitcast(start, _VECTOR.as_pointer())

    first = builder.mul(column, _INDEX(_FLOAT_BYTES))
    offsets = [builder.add(first, _INDEX(i * LANES * _FLOAT_BYTES)) for i in range(n_vectors)]
    numbers = [_INDEX(i) for i in range(TILE_ROWS)]
    a_start = builder.add(builder.mul(a_first, strides[0]), builder.mul(a_column, strides[1]))
    a_rows = [builder.add(a_start, builder.mul(number, a_row)) for number in numbers]
    b_start = builder.mul(b_first, b_step)
    rows = [builder.mul(builder.add(row, number), product_row) for number in numbers]
    sums = [[cgutils.alloca_once(builder, _VECTOR) for _ in offsets] for _ in rows]
    for each in chain.from_iterable(sums):
        builder.store(ir.Constant(_VECTOR, [0.0] * LANES), each)
    with cgutils.for_range(builder, n_terms, intp=_INDEX) as loop:
        b_row = builder.add(b_start, builder.mul(loop.index, b_step))
        b_vectors = [
            builder.load(vector(at(b, b_row, offset)), align=_FLOAT_BYTES) for offset in offsets
        ]
        a_term = builder.mul(loop.index, a_step)
        for a_row_start, sums_of_row in zip(a_rows, sums, strict=True):
            start = at(a, a_row_start, a_term)
            factor = builder.load(builder.bitcast(start, _FLOAT.as_pointer()))
            spread = _spread(builder, factor)
            for each, b_vector in zip(sums_of_row, b_vectors, strict=True):
                term = builder.fmul(spread, b_vector, flags=("contract",))
                builder.store(builder.fadd(builder.load(each), term, flags=("contract",)), each)
    for start_of_row, sums_of_row in zip(rows, sums, strict=True):
        for each, offset in zip(sums_of_row, offsets, strict=True):
            start = at(product, start_of_row, offset)
            builder.store(builder.load(each), vector(start), align=_FLOAT_BYTES)


_FLOAT_BYTES = 4


def _spread(builder: Any, number: Any) -> Any:
    """A vector with the number in every place."""
    empty = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(empty, number, ir.IntType(32)(0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )


_multiply_tile = _tile_of(1)
_multiply_wide_tile = _tile_of(2)
_multiply_turned_tile = _tile_of(1, turned=True)
_multiply_wide_turned_tile = _tile_of(2, turned=True)
