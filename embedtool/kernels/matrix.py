"""The product of two small matrices, as fast as the processor's vector registers allow.

In: matrices that stand in the cache. Out: their product, in a third.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedtool.kernels.jit import jit

LANES = 16
"""Columns are taken this many at a time: one register of AVX-512, two of AVX2."""
ROWS = 8
"""Rows are taken this many at a time, so that as many sums stand in registers: enough of them to
keep two multiply-and-add units busy, whose results take four cycles to come."""

_FLOAT = ir.FloatType()
_VECTOR = ir.VectorType(_FLOAT, LANES)
_BYTE = ir.IntType(8)
_INDEX = ir.IntType(64)


@jit
def multiply(a: NDArray[Any], b: NDArray[Any], product: NDArray[Any]) -> None:
    """Write the product of `a` and `b`.

    a       : float32 (n_rows, n_terms), in any layout; n_rows a multiple of ROWS
    b       : float32 (n_terms, n_columns), rows without gaps; n_columns a multiple of LANES
    product : float32 (n_rows, n_columns), rows without gaps
    Each number is the sum of its terms in their order, whatever the processor.
    """
    for row in range(0, product.shape[0], ROWS):
        for column in range(0, product.shape[1], LANES):
            _multiply_tile(a, b, product, row, column)


@intrinsic
def _multiply_tile(
    typing_context: Any, a: Any, b: Any, product: Any, row: Any, column: Any
) -> tuple[Any, Any]:
    """ROWS x LANES numbers of the product, their sums kept in registers over all the terms.

    LLVM does not find this form by itself from loops over arrays, which it must take to overlap.
    """
    signature = types.void(a, b, product, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        *matrices, row, column = arguments
        a, b, product = (
            context.make_array(kind)(context, builder, value)
            for kind, value in zip(signature.args, matrices, strict=False)
        )
        a_row, a_column = cgutils.unpack_tuple(builder, a.strides)
        b_row, _ = cgutils.unpack_tuple(builder, b.strides)
        product_row, _ = cgutils.unpack_tuple(builder, product.strides)
        n_terms = cgutils.unpack_tuple(builder, a.shape)[1]

        def at(array: Any, *offsets: Any) -> Any:
            start = builder.bitcast(array.data, _BYTE.as_pointer())
            for offset in offsets:
                start = builder.gep(start, [offset])
            return start

        def vector(start: Any) -> Any:
            return builder.bitcast(start, _VECTOR.as_pointer())

        offset = builder.mul(column, _INDEX(_FLOAT_BYTES))
        rows = [builder.add(row, _INDEX(i)) for i in range(ROWS)]
        sums = [cgutils.alloca_once(builder, _VECTOR) for _ in rows]
        for each in sums:
            builder.store(ir.Constant(_VECTOR, [0.0] * LANES), each)
        with cgutils.for_range(builder, n_terms, intp=_INDEX) as loop:
            b_vector = builder.load(
                vector(at(b, builder.mul(loop.index, b_row), offset)), align=_FLOAT_BYTES
            )
            a_offset = builder.mul(loop.index, a_column)
            for each, number in zip(sums, rows, strict=True):
                start = at(a, builder.mul(number, a_row), a_offset)
                factor = builder.load(builder.bitcast(start, _FLOAT.as_pointer()))
                term = builder.fmul(_spread(builder, factor), b_vector, flags=("contract",))
                builder.store(builder.fadd(builder.load(each), term, flags=("contract",)), each)
        for each, number in zip(sums, rows, strict=True):
            start = at(product, builder.mul(number, product_row), offset)
            builder.store(builder.load(each), vector(start), align=_FLOAT_BYTES)
        return context.get_dummy_value()

    return signature, generate


_FLOAT_BYTES = 4


def _spread(builder: Any, number: Any) -> Any:
    """A vector with the number in every place."""
    empty = ir.Constant(_VECTOR, ir.Undefined)
    first = builder.insert_element(empty, number, ir.IntType(32)(0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(ir.IntType(32), LANES), [0] * LANES)
    )
