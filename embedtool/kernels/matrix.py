"""The product of two small matrices, as fast as the processor's vector registers allow.

In: matrices that stand in the cache. Out: their product, in a third.
"""

from itertools import chain
from typing import Any

from llvmlite.binding import get_host_cpu_features
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedtool.kernels.jit import inlined
from embedtool.kernels.registers import (
    FLOAT_BYTES,
    INDEX,
    SIMD_WIDTH,
    VECTOR,
    ZEROS,
    load,
    spread,
    store,
)

ROWS = 8
"""Rows come in multiples of this."""

WIDE = bool(get_host_cpu_features().get("avx512f"))
TILE_ROWS = 8 if WIDE else 4
"""Rows of the product that are computed at a time. With both registers of a row their sums fill
half of the registers that the processor has; and so many sums are under way that its
multiply-and-add units, whose results take four cycles to come, never wait for them."""

_CONTRACT = ("contract",)


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
    b       : float32, C order, rows [b_first, b_first + n_terms)
    product : float32, C order, as many columns as b, rows [product_first, product_first + n_rows)
    n_rows is a multiple of ROWS and the number of columns one of SIMD_WIDTH. Each number is the sum
    of its terms in their order, whatever the processor. Views of arrays would do instead of the
    first rows; but each costs two changes of a counter that threads share.
    """
    _multiply(a, a_first, False, b, b_first, product, product_first, n_rows, n_terms)


@inlined
def multiply_turned(
    a: NDArray[Any], b: NDArray[Any], b_first: int, product: NDArray[Any], n_terms: int
) -> None:
    """As `multiply`, with the first n_terms rows of `a` for columns, and all rows of `product`."""
    _multiply(a, 0, True, b, b_first, product, 0, product.shape[0], n_terms)


@inlined
def _multiply(
    a: NDArray[Any],
    a_first: int,
    turned: bool,
    b: NDArray[Any],
    b_first: int,
    product: NDArray[Any],
    product_first: int,
    n_rows: int,
    n_terms: int,
) -> None:
    n_columns = product.shape[1]
    paired = n_columns // (2 * SIMD_WIDTH) * (2 * SIMD_WIDTH) if WIDE else 0
    firsts = (a_first, b_first, product_first)
    for row in range(0, n_rows, TILE_ROWS):
        for column in range(0, paired, 2 * SIMD_WIDTH):
            _multiply_wide_tile(a, turned, b, product, firsts, row, column, n_terms)
        for column in range(paired, n_columns, SIMD_WIDTH):
            _multiply_tile(a, turned, b, product, firsts, row, column, n_terms)


def _tile_of(n_vectors: int) -> Any:
    """A compiled function that computes TILE_ROWS x (n_vectors * SIMD_WIDTH) numbers of a product.

    The sums stay in registers over all the terms: LLVM does not find this form by itself in loops
    over arrays, which it must take to overlap.
    """

    def multiply_tile(
        typing_context: Any,
        a: Any,
        turned: Any,
        b: Any,
        product: Any,
        firsts: Any,
        row: Any,
        column: Any,
        n_terms: Any,
    ) -> tuple[Any, Any]:
        number, three = types.int64, types.UniTuple(types.int64, 3)
        signature = types.void(a, types.boolean, b, product, three, number, number, number)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _generate_tile(n_vectors, context, builder, signature, arguments)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(multiply_tile)


def _generate_tile(
    n_vectors: int, context: Any, builder: Any, signature: Any, arguments: Any
) -> None:
    _, turned, _, _, firsts, row, column, n_terms = arguments
    a, b, product = (
        context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 2, 3)
    )
    a_first, b_first, product_first = cgutils.unpack_tuple(builder, firsts)
    a_strides = [
        builder.sdiv(stride, INDEX(FLOAT_BYTES))
        for stride in cgutils.unpack_tuple(builder, a.strides)
    ]
    n_columns = cgutils.unpack_tuple(builder, product.shape)[1]
    turn = builder.icmp_unsigned("!=", turned, turned.type(0))
    a_row = builder.select(turn, a_strides[1], a_strides[0])
    a_term = builder.select(turn, a_strides[0], a_strides[1])
    a_start = builder.mul(a_first, a_strides[0])

    numbers = [builder.add(row, INDEX(i)) for i in range(TILE_ROWS)]
    columns = [builder.add(column, INDEX(i * SIMD_WIDTH)) for i in range(n_vectors)]
    a_rows = [builder.add(a_start, builder.mul(number, a_row)) for number in numbers]
    sums = [[cgutils.alloca_once(builder, VECTOR) for _ in columns] for _ in numbers]
    for each in chain.from_iterable(sums):
        builder.store(ZEROS, each)
    with cgutils.for_range(builder, n_terms, intp=INDEX) as loop:
        b_row = builder.mul(builder.add(b_first, loop.index), n_columns)
        b_vectors = [load(builder, b.data, builder.add(b_row, column)) for column in columns]
        a_place = builder.mul(loop.index, a_term)
        for a_row_start, sums_of_row in zip(a_rows, sums, strict=True):
            factor = builder.load(builder.gep(a.data, [builder.add(a_row_start, a_place)]))
            factors = spread(builder, factor)
            for each, b_vector in zip(sums_of_row, b_vectors, strict=True):
                term = builder.fmul(factors, b_vector, flags=_CONTRACT)
                builder.store(builder.fadd(builder.load(each), term, flags=_CONTRACT), each)
    for number, sums_of_row in zip(numbers, sums, strict=True):
        start = builder.mul(builder.add(product_first, number), n_columns)
        for each, column in zip(sums_of_row, columns, strict=True):
            store(builder, builder.load(each), product.data, builder.add(start, column))


_multiply_tile = _tile_of(1)
_multiply_wide_tile = _tile_of(2)


@inlined
def add_noise(
    targets: NDArray[Any],
    draws: NDArray[Any],
    n_pairs: NDArray[Any],
    weights: NDArray[Any],
    n_rows: int,
) -> None:
    """Write weights = targets + draws * (n_pairs - targets), for each row and column.

    targets, weights : float32 (at least n_rows, SIMD_WIDTH)
    draws, n_pairs   : float32 (at least n_rows,) and (SIMD_WIDTH,)
    """
    for row in range(n_rows):
        _add_noise_to_row(targets, draws, n_pairs, weights, row)


@intrinsic
def _add_noise_to_row(
    typing_context: Any, targets: Any, draws: Any, n_pairs: Any, weights: Any, row: Any
) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        targets, draws, n_pairs, weights = (
            context.make_array(kind)(context, builder, value).data
            for kind, value in zip(signature.args, arguments[:-1], strict=False)
        )
        row = arguments[-1]
        offset = builder.mul(row, INDEX(SIMD_WIDTH))
        share = spread(builder, builder.load(builder.gep(draws, [row])))
        met = load(builder, targets, offset)
        unmet = builder.fsub(load(builder, n_pairs, INDEX(0)), met)
        weight = builder.fadd(met, builder.fmul(share, unmet, flags=_CONTRACT), flags=_CONTRACT)
        store(builder, weight, weights, offset)
        return context.get_dummy_value()

    return types.void(targets, draws, n_pairs, weights, types.int64), generate
