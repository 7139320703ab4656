"""Vector operations on rows of tables, by the names of BLAS.

Tables are float32 in C order, all of one width, a multiple of SIMD_WIDTH. numba's own loops would
check at each row whether it overlaps another.
"""

from collections.abc import Callable
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from embedtool.kernels.simd.loops import (
    arrays_of,
    each_tile,
    each_vector,
    plus,
    row_pointers,
    times,
    zero_totals,
)
from embedtool.kernels.simd.registers import (
    INDEX,
    ONES,
    ZEROS,
    broadcast,
    load,
    numbered_row,
    reduce_add,
    store,
)

Combine = Callable[[Any, list[Any], list[Any]], Any]
_LONG, _FLOAT = types.int64, types.float32


@intrinsic
def clear_row(typing_context: Any, table: Any, row: Any) -> tuple[Any, Any]:
    """Write zeros to a row."""
    return types.void(table, _LONG), _writer(1, lambda builder, rows, numbers: ZEROS)


@intrinsic
def copy_row(
    typing_context: Any, target: Any, target_row: Any, source: Any, row: Any
) -> tuple[Any, Any]:
    """Compute target = source."""
    return (
        types.void(target, _LONG, source, _LONG),
        _writer(2, lambda builder, rows, numbers: rows[1]),
    )


@intrinsic
def axpy(
    typing_context: Any, target: Any, target_row: Any, source: Any, row: Any, factor: Any
) -> tuple[Any, Any]:
    """Compute target += factor * source."""
    return types.void(target, _LONG, source, _LONG, _FLOAT), _writer(2, _added)


def _added(builder: Any, rows: list[Any], numbers: list[Any]) -> Any:
    return plus(builder, rows[0], times(builder, numbers[0], rows[1]))


@intrinsic
def scal(typing_context: Any, target: Any, row: Any, factor: Any) -> tuple[Any, Any]:
    """Compute target *= factor."""
    return types.void(target, _LONG, _FLOAT), _writer(1, _scaled)


def _scaled(builder: Any, rows: list[Any], numbers: list[Any]) -> Any:
    return times(builder, numbers[0], rows[0])


@intrinsic
def scaled_diff(
    typing_context: Any, target: Any, target_row: Any, source: Any, row: Any, factor: Any
) -> tuple[Any, Any]:
    """Compute target = factor * (target - source)."""
    return types.void(target, _LONG, source, _LONG, _FLOAT), _writer(2, _subtracted)


def _subtracted(builder: Any, rows: list[Any], numbers: list[Any]) -> Any:
    return times(builder, numbers[0], builder.fsub(rows[0], rows[1]))


@intrinsic
def damp(
    typing_context: Any,
    target: Any, target_row: Any, source: Any, row: Any, total: Any, total_row: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute target = source / max(1, total)."""
    return types.void(target, _LONG, source, _LONG, total, _LONG), _writer(3, _damped)


def _damped(builder: Any, rows: list[Any], numbers: list[Any]) -> Any:
    exceeds = builder.fcmp_ordered(">", rows[2], ONES)
    return builder.fdiv(rows[1], builder.select(exceeds, rows[2], ONES))


@intrinsic
def dot(typing_context: Any, a: Any, a_row: Any, b: Any, b_row: Any) -> tuple[Any, Any]:
    """Return the dot product of two rows, float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointers, width = row_pointers(context, builder, signature, arguments, 2)
        (total,) = zero_totals(builder, 1)
        with each_vector(builder, width) as (offset, _):
            a, b = (load(builder, pointer, offset) for pointer in pointers)
            builder.store(plus(builder, builder.load(total), times(builder, a, b)), total)
        return reduce_add(builder, builder.load(total))

    return types.float32(a, _LONG, b, _LONG), generate


@intrinsic
def row_address(typing_context: Any, table: Any, row: Any) -> tuple[Any, Any]:
    """Return the address of a row, int64, as the functions of `gathered` take it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (pointer,), _ = row_pointers(context, builder, signature, arguments, 1)
        return builder.ptrtoint(pointer, INDEX)

    return _LONG(table, _LONG), generate


@intrinsic
def sum_rows(
    typing_context: Any, target: Any, row: Any, table: Any, rows: Any, first: Any, last: Any
) -> tuple[Any, Any]:
    """Compute target[row] = the sum of table[rows[first:last]]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, rows = arrays_of(context, builder, signature, arguments, 2, 3)
        first, last = arguments[4:]
        (target_start,), width = row_pointers(context, builder, signature, arguments, 1)
        for offsets in each_tile(builder, width):
            totals = zero_totals(builder, len(offsets))
            with cgutils.for_range_slice(builder, first, last, INDEX(1), inc=True) as (k, _):
                each = numbered_row(builder, table, rows, k)
                for total, offset in zip(totals, offsets, strict=True):
                    vector = load(builder, each, offset)
                    builder.store(plus(builder, builder.load(total), vector), total)
            for total, offset in zip(totals, offsets, strict=True):
                store(builder, builder.load(total), target_start, offset)
        return context.get_dummy_value()

    return types.void(target, _LONG, table, rows, _LONG, _LONG), generate


@intrinsic
def add_differences(
    typing_context: Any, table: Any, row: Any, copies: Any, slots: Any, n: Any, factor: Any
) -> tuple[Any, Any]:
    """Compute table[row] += factor * the sum of copies[slots[:n]] - table[row]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        copies, slots = arrays_of(context, builder, signature, arguments, 2, 3)
        (target,), width = row_pointers(context, builder, signature, arguments, 1)
        factor = broadcast(builder, arguments[5])
        for offsets in each_tile(builder, width):
            old = [load(builder, target, offset) for offset in offsets]
            totals = zero_totals(builder, len(offsets))
            with cgutils.for_range(builder, arguments[4], intp=INDEX) as loop:
                copy = numbered_row(builder, copies, slots, loop.index)
                for total, vector, offset in zip(totals, old, offsets, strict=True):
                    difference = builder.fsub(load(builder, copy, offset), vector)
                    builder.store(plus(builder, builder.load(total), difference), total)
            for total, vector, offset in zip(totals, old, offsets, strict=True):
                moved = plus(builder, vector, times(builder, factor, builder.load(total)))
                store(builder, moved, target, offset)
        return context.get_dummy_value()

    return types.void(table, _LONG, copies, slots, _LONG, _FLOAT), generate


def _writer(n_rows: int, combine: Combine) -> Callable[..., Any]:
    """Return a generator of code that writes the first of `n_rows` rows, combined from all."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointers, width = row_pointers(context, builder, signature, arguments, n_rows)
        numbers = [broadcast(builder, number) for number in arguments[2 * n_rows :]]
        with each_vector(builder, width) as (offset, _):
            rows = [load(builder, pointer, offset) for pointer in pointers]
            store(builder, combine(builder, rows, numbers), pointers[0], offset)
        return context.get_dummy_value()

    return generate
