"""Software prefetch: load rows of a large table into the cache before they are needed."""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.simd.registers import SIMD_WIDTH


@jit_inline
def prefetch_element(array: NDArray[Any], index: int) -> None:
    """Prefetch one element of an array."""
    _fetch(array, (index,))


@jit_inline
def prefetch_row(table: NDArray[Any], row: int) -> None:
    """Prefetch a row of a float32 table, of which SIMD_WIDTH are a cache line, or a short row."""
    for column in range(0, table.shape[1], SIMD_WIDTH):
        _fetch(table, (row, column))


@intrinsic
def _fetch(typing_context: Any, array: Any, index: Any) -> tuple[Any, Any]:
    """Prefetch an element of an array of one or more dimensions."""
    indices = types.UniTuple(types.int64, array.ndim)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        values = context.make_array(kind)(context, builder, arguments[0])
        pointer = cgutils.get_item_pointer(
            context, builder, kind, values, cgutils.unpack_tuple(builder, arguments[1]),
            wraparound=False,
        )  # fmt: skip
        prefetch(builder, pointer)
        return context.get_dummy_value()

    return types.void(array, indices), generate


def prefetch(builder: Any, pointer: Any) -> None:
    """Emit LLVM's prefetch of a cache line, for reading, into all caches."""
    byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
    function = cgutils.get_or_insert_function(
        builder.module,
        ir.FunctionType(ir.VoidType(), [byte, number, number, number]),
        "llvm.prefetch.p0i8",
    )
    builder.call(function, [builder.bitcast(pointer, byte), number(0), number(3), number(1)])
