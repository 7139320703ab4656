"""Runs of int32 in whole registers, so that short ones cost no jump.

Up to SIMD_WIDTH - 1 numbers behind the run are overwritten, and `copy_run` reads as many behind its
source.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from embedtool.kernels.simd.loops import arrays_of
from embedtool.kernels.simd.registers import INDEX, INT, SIMD_WIDTH, broadcast

_INTS = ir.VectorType(INT, SIMD_WIDTH)
_INT_BYTES = 4
_LONG = types.int64


@intrinsic
def copy_run(
    typing_context: Any, target: Any, at: Any, source: Any, start: Any, n: Any
) -> tuple[Any, Any]:
    """Compute target[at : at + n] = source[start : start + n]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target, source = arrays_of(context, builder, signature, arguments, 0, 2)
        _, at, _, start, n = arguments
        with _each_register(builder, n) as (k, _):
            vector = builder.load(_register(builder, source, start, k), align=_INT_BYTES)
            builder.store(vector, _register(builder, target, at, k), align=_INT_BYTES)
        return context.get_dummy_value()

    return types.void(target, _LONG, source, _LONG, _LONG), generate


@intrinsic
def fill_run(typing_context: Any, target: Any, at: Any, value: Any, n: Any) -> tuple[Any, Any]:
    """Compute target[at : at + n] = value."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (target,) = arrays_of(context, builder, signature, arguments, 0)
        _, at, value, n = arguments
        vector = broadcast(builder, value)
        with _each_register(builder, n) as (k, _):
            builder.store(vector, _register(builder, target, at, k), align=_INT_BYTES)
        return context.get_dummy_value()

    return types.void(target, _LONG, types.int32, _LONG), generate


def _each_register(builder: Any, n: Any) -> Any:
    return cgutils.for_range_slice(builder, INDEX(0), n, INDEX(SIMD_WIDTH), inc=True)


def _register(builder: Any, array: Any, at: Any, k: Any) -> Any:
    """Return a pointer to the register that begins at array[at + k]."""
    return builder.bitcast(builder.gep(array.data, [builder.add(at, k)]), _INTS.as_pointer())
