"""Vector operations on rows that are not in one table, by the names of BLAS and NumPy.

A list of slots says which rows: that of slot k is at addresses[k] in memory. Rows and tables are
float32, all of one width, a multiple of SIMD_WIDTH. `rows` stands for the rows by slot below.
"""

from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from embedtool.kernels.simd.loops import (
    arrays_of,
    each_tile,
    plus,
    row_pointers,
    tiles,
    times,
    zero_totals,
)
from embedtool.kernels.simd.registers import (
    FLOAT_BYTES,
    INDEX,
    VECTOR,
    ZEROS,
    broadcast,
    load,
    numbered_row,
    reduce_add,
    reduce_add_each,
    row_at,
    store,
)

_LONG, _FLOAT = types.int64, types.float32

DOT_ROWS = 8
"""Pairs of rows whose dot products `gather_dot` computes together."""


@intrinsic
def gather_gemv(
    typing_context: Any,
    addresses: Any, slots: Any, source: Any, row: Any, products: Any, first: Any, last: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute products[first:last] = rows[slots[first:last]] @ source[row]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, products = arrays_of(context, builder, signature, arguments, 0, 1, 4)
        (source_start,), width = row_pointers(context, builder, signature, arguments, 1, 2)
        first, last = arguments[5:]
        for offsets in each_tile(builder, width):
            is_first = builder.icmp_signed("==", offsets[0], INDEX(0))
            vectors = [load(builder, source_start, offset) for offset in offsets]
            for start, stop, n_rows in tiles(builder, first, last, (8, 4, 1)):
                step = INDEX(n_rows)
                with cgutils.for_range_slice(builder, start, stop, step, inc=True) as (k, _):
                    totals = []
                    for i in range(n_rows):
                        each = row_at(builder, addresses, slots, builder.add(k, INDEX(i)))
                        total = ZEROS
                        for vector, offset in zip(vectors, offsets, strict=True):
                            term = times(builder, load(builder, each, offset), vector)
                            total = plus(builder, total, term)
                        totals.append(total)
                    sums = reduce_add_each(builder, totals)
                    pointer = builder.gep(products.data, [k])
                    pointer = builder.bitcast(pointer, sums.type.as_pointer())
                    before = builder.load(pointer, align=FLOAT_BYTES)
                    total = builder.fadd(before, sums)
                    total = builder.select(is_first, sums, total)
                    builder.store(total, pointer, align=FLOAT_BYTES)
        return context.get_dummy_value()

    return types.void(addresses, slots, source, _LONG, products, _LONG, _LONG), generate


@intrinsic
def gather_dot(
    typing_context: Any,
    addresses: Any, slots: Any, source: Any, numbers: Any, products: Any, first: Any, last: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute products[k] = rows[slots[k]].source[numbers[k]], for k from first to last.

    last - first is a multiple of DOT_ROWS.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, source, numbers, products = arrays_of(
            context, builder, signature, arguments, 0, 1, 2, 3, 4
        )
        first, last = arguments[5:]
        width, step = cgutils.unpack_tuple(builder, source.shape)[1], INDEX(DOT_ROWS)
        with cgutils.for_range_slice(builder, first, last, step, inc=True) as (k, _):
            each = [builder.add(k, INDEX(i)) for i in range(DOT_ROWS)]
            rows = [row_at(builder, addresses, slots, i) for i in each]
            others = [numbered_row(builder, source, numbers, i) for i in each]
            totals = zero_totals(builder, len(each))
            for offsets in each_tile(builder, width):
                for row, other, total in zip(rows, others, totals, strict=True):
                    value = builder.load(total)
                    for offset in offsets:
                        vector = load(builder, other, offset)
                        term = times(builder, load(builder, row, offset), vector)
                        value = plus(builder, value, term)
                    builder.store(value, total)
            sums = reduce_add_each(builder, [builder.load(total) for total in totals])
            pointer = builder.gep(products.data, [k])
            pointer = builder.bitcast(pointer, sums.type.as_pointer())
            builder.store(sums, pointer, align=FLOAT_BYTES)
        return context.get_dummy_value()

    return types.void(addresses, slots, source, numbers, products, _LONG, _LONG), generate


@intrinsic
def gather_scal(
    typing_context: Any, target: Any, row: Any, addresses: Any, slots: Any, k: Any, factor: Any
) -> tuple[Any, Any]:
    """Compute target[row] = factor * rows[slots[k]]; return its squared length, float32."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots = arrays_of(context, builder, signature, arguments, 2, 3)
        (target_start,), width = row_pointers(context, builder, signature, arguments, 1)
        start = row_at(builder, addresses, slots, arguments[4])
        factor = broadcast(builder, arguments[5])
        (total,) = zero_totals(builder, 1)
        for offsets in each_tile(builder, width):
            sums = builder.load(total)
            for offset in offsets:
                vector = times(builder, factor, load(builder, start, offset))
                store(builder, vector, target_start, offset)
                sums = plus(builder, sums, times(builder, vector, vector))
            builder.store(sums, total)
        return reduce_add(builder, builder.load(total))

    return types.float32(target, _LONG, addresses, slots, _LONG, _FLOAT), generate


@intrinsic
def scatter_axpy(
    typing_context: Any,
    addresses: Any, slots: Any, factors: Any, first: Any, last: Any, source: Any, numbers: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute rows[slots[k]] += factors[k] * source[numbers[k]], for k from first to last."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, factors, source, numbers = arrays_of(
            context, builder, signature, arguments, 0, 1, 2, 5, 6
        )
        first, last = arguments[3:5]
        for offsets in each_tile(builder, cgutils.unpack_tuple(builder, source.shape)[1]):
            with cgutils.for_range_slice(builder, first, last, INDEX(1), inc=True) as (k, _):
                each = row_at(builder, addresses, slots, k)
                vector_start = numbered_row(builder, source, numbers, k)
                factor = broadcast(builder, builder.load(builder.gep(factors.data, [k])))
                for offset in offsets:
                    term = times(builder, factor, load(builder, vector_start, offset))
                    store(builder, plus(builder, load(builder, each, offset), term), each, offset)
        return context.get_dummy_value()

    return types.void(addresses, slots, factors, _LONG, _LONG, source, numbers), generate


@intrinsic
def gather_scatter_axpy(
    typing_context: Any,
    addresses: Any, slots: Any, residuals: Any, factors: Any, first: Any, last: Any,
    source: Any, target: Any, row: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute target[row] += residuals[k] * rows[slots[k]], and update these rows afterwards.

    rows[slots[k]] += factors[k] * source[row], for k from first to last, one after another: each
    row is loaded once for both.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, residuals, factors, source, target = arrays_of(
            context, builder, signature, arguments, 0, 1, 2, 3, 6, 7
        )
        first, last, row = arguments[4], arguments[5], arguments[8]
        width = cgutils.unpack_tuple(builder, source.shape)[1]
        source_start, target_start = (
            builder.gep(each.data, [builder.mul(row, width)]) for each in (source, target)
        )
        for offsets in each_tile(builder, width):
            vectors = [load(builder, source_start, offset) for offset in offsets]
            totals = [cgutils.alloca_once(builder, VECTOR) for _ in offsets]
            for total, offset in zip(totals, offsets, strict=True):
                builder.store(load(builder, target_start, offset), total)
            with cgutils.for_range_slice(builder, first, last, INDEX(1), inc=True) as (k, _):
                start = row_at(builder, addresses, slots, k)
                residual, factor = (
                    broadcast(builder, builder.load(builder.gep(each.data, [k])))
                    for each in (residuals, factors)
                )
                for vector, total, offset in zip(vectors, totals, offsets, strict=True):
                    old = load(builder, start, offset)
                    term = times(builder, residual, old)
                    builder.store(plus(builder, builder.load(total), term), total)
                    moved = plus(builder, old, times(builder, factor, vector))
                    store(builder, moved, start, offset)
            for total, offset in zip(totals, offsets, strict=True):
                store(builder, builder.load(total), target_start, offset)
        return context.get_dummy_value()

    return (
        types.void(
            addresses, slots, residuals, factors, _LONG, _LONG, source, target, _LONG
        ), generate
    )  # fmt: skip


@intrinsic
def gather_cumsum(
    typing_context: Any, sums: Any, addresses: Any, slots: Any, n: Any
) -> tuple[Any, Any]:
    """Compute sums[k] = the sum of rows[slots[:k]], for k from 0 to n."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, addresses, slots = arrays_of(context, builder, signature, arguments, 0, 1, 2)
        width = cgutils.unpack_tuple(builder, sums.shape)[1]
        for offsets in each_tile(builder, width):
            totals = zero_totals(builder, len(offsets))
            for offset in offsets:
                store(builder, ZEROS, sums.data, offset)
            with cgutils.for_range(builder, arguments[3], intp=INDEX) as loop:
                start = row_at(builder, addresses, slots, loop.index)
                at = builder.mul(builder.add(loop.index, INDEX(1)), width)
                target = builder.gep(sums.data, [at])
                for total, offset in zip(totals, offsets, strict=True):
                    moved = plus(builder, builder.load(total), load(builder, start, offset))
                    builder.store(moved, total)
                    store(builder, moved, target, offset)
        return context.get_dummy_value()

    return types.void(sums, addresses, slots, _LONG), generate


@intrinsic
def window_sum(
    typing_context: Any,
    target: Any, row: Any, sums: Any, first: Any, last: Any,
    addresses: Any, slots: Any, skipped: Any, factor: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute target[row] = factor * (sums[last] - sums[first] - rows[slots[skipped]]).

    Returns its squared length, float32.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, addresses, slots = arrays_of(context, builder, signature, arguments, 2, 5, 6)
        (target_start,), width = row_pointers(context, builder, signature, arguments, 1)
        first, last = (
            builder.gep(sums.data, [builder.mul(number, width)]) for number in arguments[3:5]
        )
        skipped = row_at(builder, addresses, slots, arguments[7])
        factor = broadcast(builder, arguments[8])
        (total,) = zero_totals(builder, 1)
        for offsets in each_tile(builder, width):
            squares = builder.load(total)
            for offset in offsets:
                others = builder.fsub(load(builder, last, offset), load(builder, first, offset))
                others = builder.fsub(others, load(builder, skipped, offset))
                vector = times(builder, factor, others)
                store(builder, vector, target_start, offset)
                squares = plus(builder, squares, times(builder, vector, vector))
            builder.store(squares, total)
        return reduce_add(builder, builder.load(total))

    return (
        types.float32(target, _LONG, sums, _LONG, _LONG, addresses, slots, _LONG, _FLOAT), generate
    )  # fmt: skip


@intrinsic
def scatter_cumsum(
    typing_context: Any,
    addresses: Any, slots: Any, factors: Any, n: Any, steps: Any, own: Any, own_rows: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Add a running sum to rows: rows[slots[k]] += factors[k] * (total - own[own_rows[k]]).

    For k < n, `total` is the sum of steps[: k + 1]. The steps are set back to zero.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, factors, steps, own, own_rows = arrays_of(
            context, builder, signature, arguments, 0, 1, 2, 4, 5, 6
        )
        width = cgutils.unpack_tuple(builder, steps.shape)[1]
        for offsets in each_tile(builder, width):
            totals = zero_totals(builder, len(offsets))
            with cgutils.for_range(builder, arguments[3], intp=INDEX) as loop:
                start = row_at(builder, addresses, slots, loop.index)
                step = builder.gep(steps.data, [builder.mul(loop.index, width)])
                mine = numbered_row(builder, own, own_rows, loop.index)
                factor = broadcast(builder, builder.load(builder.gep(factors.data, [loop.index])))
                for total, offset in zip(totals, offsets, strict=True):
                    summed = builder.fadd(builder.load(total), load(builder, step, offset))
                    builder.store(summed, total)
                    store(builder, ZEROS, step, offset)
                    delta = times(
                        builder, factor, builder.fsub(summed, load(builder, mine, offset))
                    )
                    store(
                        builder, plus(builder, load(builder, start, offset), delta), start, offset
                    )
        return context.get_dummy_value()

    return types.void(addresses, slots, factors, _LONG, steps, own, own_rows), generate
