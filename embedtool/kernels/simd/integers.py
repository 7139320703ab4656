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
from embedtool.kernels.simd.registers import INDEX, INT, SIMD_WIDTH, VECTOR, broadcast, store

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


@intrinsic
def split_halves(
    typing_context: Any, source: Any, lower: Any, upper: Any, row: Any
) -> tuple[Any, Any]:
    """Write the lower and the upper 16 bits of a register of int32 to rows of float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, *targets = arrays_of(context, builder, signature, arguments, 0, 1, 2)
        first = builder.mul(arguments[3], INDEX(SIMD_WIDTH))
        numbers = builder.load(_register(builder, source, first, INDEX(0)), align=_INT_BYTES)
        halves = builder.and_(numbers, _lanes(0xFFFF)), builder.lshr(numbers, _lanes(16))
        for target, half in zip(targets, halves, strict=True):
            store(builder, builder.sitofp(half, VECTOR), target.data, first)
        return context.get_dummy_value()

    return types.void(source, lower, upper, _LONG), generate


@intrinsic
def split_last_bit(
    typing_context: Any,
    source: Any, at: Any, n: Any, pad: Any, halves: Any, bits: Any, ones: Any, row: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Split register `row` of the n numbers from source[at] on into number // 2 and number % 2.

    `halves` is int32; `bits`, and `ones` with a one for each number, are float32 of one register a
    row. Lanes that are left over get `pad` and zeros.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        source, halves, *targets = arrays_of(context, builder, signature, arguments, 0, 4, 5, 6)
        _, at, n, pad, *_, row = arguments
        first = builder.mul(row, INDEX(SIMD_WIDTH))
        numbers = builder.load(_register(builder, source, at, first), align=_INT_BYTES)
        n_left = broadcast(builder, builder.trunc(builder.sub(n, first), INT))
        is_number = builder.icmp_signed("<", _lanes(*range(SIMD_WIDTH)), n_left)
        half = builder.lshr(numbers, _lanes(1))
        half = builder.select(is_number, half, broadcast(builder, pad))
        builder.store(half, _register(builder, halves, first, INDEX(0)), align=_INT_BYTES)
        ones = builder.zext(is_number, _INTS)
        for target, values in zip(targets, (builder.and_(numbers, ones), ones), strict=True):
            store(builder, builder.sitofp(values, VECTOR), target.data, first)
        return context.get_dummy_value()

    return types.void(source, _LONG, _LONG, types.int32, halves, bits, ones, _LONG), generate


def _lanes(*values: int) -> Any:
    """Return a register of constants, or of one constant in every lane."""
    return ir.Constant(_INTS, list(values) * (SIMD_WIDTH // len(values)))


def _each_register(builder: Any, n: Any) -> Any:
    return cgutils.for_range_slice(builder, INDEX(0), n, INDEX(SIMD_WIDTH), inc=True)


def _register(builder: Any, array: Any, at: Any, k: Any) -> Any:
    """Return a pointer to the register that begins at array[at + k]."""
    return builder.bitcast(builder.gep(array.data, [builder.add(at, k)]), _INTS.as_pointer())
