"""Vector operations on rows of tables, by the names of BLAS.

Tables are float32 in C order, all of one width, a multiple of SIMD_WIDTH. numba's own loops would
check at each row whether it overlaps another.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from embedtool.kernels.simd.registers import (
    FLOAT,
    FLOAT_BYTES,
    INDEX,
    ONES,
    SIMD_WIDTH,
    VECTOR,
    ZEROS,
    broadcast,
    load,
    reduce_add,
    reduce_add_each,
    row_at,
    store,
)

Combine = Callable[[Any, list[Any], list[Any]], Any]
_CONTRACT = ("contract",)
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
    return _plus(builder, rows[0], _times(builder, numbers[0], rows[1]))


@intrinsic
def scal(typing_context: Any, target: Any, row: Any, factor: Any) -> tuple[Any, Any]:
    """Compute target *= factor."""
    return types.void(target, _LONG, _FLOAT), _writer(1, _scaled)


def _scaled(builder: Any, rows: list[Any], numbers: list[Any]) -> Any:
    return _times(builder, numbers[0], rows[0])


@intrinsic
def scaled_diff(
    typing_context: Any, target: Any, target_row: Any, source: Any, row: Any, factor: Any
) -> tuple[Any, Any]:
    """Compute target = factor * (target - source)."""
    return types.void(target, _LONG, source, _LONG, _FLOAT), _writer(2, _subtracted)


def _subtracted(builder: Any, rows: list[Any], numbers: list[Any]) -> Any:
    return _times(builder, numbers[0], builder.fsub(rows[0], rows[1]))


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
        pointers, width = _row_pointers(context, builder, signature, arguments, 2)
        total = cgutils.alloca_once_value(builder, ZEROS)
        with _each_vector(builder, width) as (offset, _):
            a, b = (load(builder, pointer, offset) for pointer in pointers)
            builder.store(_plus(builder, builder.load(total), _times(builder, a, b)), total)
        return reduce_add(builder, builder.load(total))

    return types.float32(a, _LONG, b, _LONG), generate


@intrinsic
def row_address(typing_context: Any, table: Any, row: Any) -> tuple[Any, Any]:
    """Return the address of a row, int64, as the functions below take it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (pointer,), _ = _row_pointers(context, builder, signature, arguments, 1)
        return builder.ptrtoint(pointer, INDEX)

    return _LONG(table, _LONG), generate


@intrinsic
def gather_gemv(
    typing_context: Any,
    addresses: Any, slots: Any, source: Any, row: Any, products: Any, first: Any, last: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute products[first:last] = rows[slots[first:last]] @ source[row].

    Row k of `rows` is at addresses[k], here and below.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, products = _arrays(context, builder, signature, arguments, 0, 1, 4)
        (source_start,), width = _row_pointers(context, builder, signature, arguments, 1, 2)
        first, last = arguments[5:]
        with cgutils.for_range_slice(builder, first, last, INDEX(1), inc=True) as (k, _):
            builder.store(FLOAT(0.0), builder.gep(products.data, [k]))
        for offsets in _each_tile(builder, width):
            vectors = [load(builder, source_start, offset) for offset in offsets]
            for start, stop, n_rows in _tiles(builder, first, last, (8, 1)):
                step = INDEX(n_rows)
                with cgutils.for_range_slice(builder, start, stop, step, inc=True) as (k, _):
                    totals = []
                    for i in range(n_rows):
                        each = row_at(builder, addresses, slots, builder.add(k, INDEX(i)))
                        total = ZEROS
                        for vector, offset in zip(vectors, offsets, strict=True):
                            term = _times(builder, load(builder, each, offset), vector)
                            total = _plus(builder, total, term)
                        totals.append(total)
                    sums = reduce_add_each(builder, totals)
                    pointer = builder.gep(products.data, [k])
                    pointer = builder.bitcast(pointer, sums.type.as_pointer())
                    sums = builder.fadd(builder.load(pointer, align=FLOAT_BYTES), sums)
                    builder.store(sums, pointer, align=FLOAT_BYTES)
        return context.get_dummy_value()

    return types.void(addresses, slots, source, _LONG, products, _LONG, _LONG), generate


@intrinsic
def gather_axpy(
    typing_context: Any,
    target: Any, row: Any, addresses: Any, slots: Any, factors: Any, first: Any, last: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute target[row] += factors[first:last] @ rows[slots[first:last]]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, factors = _arrays(context, builder, signature, arguments, 2, 3, 4)
        first, last = arguments[5:]
        (target_start,), width = _row_pointers(context, builder, signature, arguments, 1)
        for offsets in _each_tile(builder, width):
            totals = [cgutils.alloca_once(builder, VECTOR) for _ in offsets]
            for total, offset in zip(totals, offsets, strict=True):
                builder.store(load(builder, target_start, offset), total)
            with cgutils.for_range_slice(builder, first, last, INDEX(1), inc=True) as (k, _):
                start = row_at(builder, addresses, slots, k)
                factor = broadcast(builder, builder.load(builder.gep(factors.data, [k])))
                for total, offset in zip(totals, offsets, strict=True):
                    term = _times(builder, factor, load(builder, start, offset))
                    builder.store(_plus(builder, builder.load(total), term), total)
            for total, offset in zip(totals, offsets, strict=True):
                store(builder, builder.load(total), target_start, offset)
        return context.get_dummy_value()

    return types.void(target, _LONG, addresses, slots, factors, _LONG, _LONG), generate


@intrinsic
def gather_scal(
    typing_context: Any, target: Any, row: Any, addresses: Any, slots: Any, k: Any, factor: Any
) -> tuple[Any, Any]:
    """Compute target[row] = factor * rows[slots[k]]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots = _arrays(context, builder, signature, arguments, 2, 3)
        (target_start,), width = _row_pointers(context, builder, signature, arguments, 1)
        start, factor = (
            row_at(builder, addresses, slots, arguments[4]),
            broadcast(builder, arguments[5]),
        )
        with _each_vector(builder, width) as (offset, _):
            store(
                builder, _times(builder, factor, load(builder, start, offset)), target_start, offset
            )
        return context.get_dummy_value()

    return types.void(target, _LONG, addresses, slots, _LONG, _FLOAT), generate


@intrinsic
def gather_cumsum(
    typing_context: Any, sums: Any, addresses: Any, slots: Any, n: Any
) -> tuple[Any, Any]:
    """Compute sums[k] = the sum of rows[slots[:k]], for k from 0 to n."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, addresses, slots = _arrays(context, builder, signature, arguments, 0, 1, 2)
        width = cgutils.unpack_tuple(builder, sums.shape)[1]
        for offsets in _each_tile(builder, width):
            totals = [cgutils.alloca_once(builder, VECTOR) for _ in offsets]
            for total, offset in zip(totals, offsets, strict=True):
                builder.store(ZEROS, total)
                store(builder, ZEROS, sums.data, offset)
            with cgutils.for_range(builder, arguments[3], intp=INDEX) as loop:
                start = row_at(builder, addresses, slots, loop.index)
                at = builder.mul(builder.add(loop.index, INDEX(1)), width)
                target = builder.gep(sums.data, [at])
                for total, offset in zip(totals, offsets, strict=True):
                    moved = _plus(builder, builder.load(total), load(builder, start, offset))
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
    """Compute target[row] = factor * (sums[last] - sums[first] - rows[slots[skipped]])."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        sums, addresses, slots = _arrays(context, builder, signature, arguments, 2, 5, 6)
        (target_start,), width = _row_pointers(context, builder, signature, arguments, 1)
        first, last = (
            builder.gep(sums.data, [builder.mul(number, width)]) for number in arguments[3:5]
        )
        skipped = row_at(builder, addresses, slots, arguments[7])
        factor = broadcast(builder, arguments[8])
        with _each_vector(builder, width) as (offset, _):
            others = builder.fsub(load(builder, last, offset), load(builder, first, offset))
            others = builder.fsub(others, load(builder, skipped, offset))
            store(builder, _times(builder, factor, others), target_start, offset)
        return context.get_dummy_value()

    return (
        types.void(target, _LONG, sums, _LONG, _LONG, addresses, slots, _LONG, _FLOAT), generate
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
        addresses, slots, factors, steps, own, own_rows = _arrays(
            context, builder, signature, arguments, 0, 1, 2, 4, 5, 6
        )
        width = cgutils.unpack_tuple(builder, steps.shape)[1]
        for offsets in _each_tile(builder, width):
            totals = [cgutils.alloca_once(builder, VECTOR) for _ in offsets]
            for total in totals:
                builder.store(ZEROS, total)
            with cgutils.for_range(builder, arguments[3], intp=INDEX) as loop:
                start = row_at(builder, addresses, slots, loop.index)
                step = builder.gep(steps.data, [builder.mul(loop.index, width)])
                number = builder.sext(builder.load(builder.gep(own_rows.data, [loop.index])), INDEX)
                mine = builder.gep(own.data, [builder.mul(number, width)])
                factor = broadcast(builder, builder.load(builder.gep(factors.data, [loop.index])))
                for total, offset in zip(totals, offsets, strict=True):
                    summed = builder.fadd(builder.load(total), load(builder, step, offset))
                    builder.store(summed, total)
                    store(builder, ZEROS, step, offset)
                    delta = _times(
                        builder, factor, builder.fsub(summed, load(builder, mine, offset))
                    )
                    store(
                        builder, _plus(builder, load(builder, start, offset), delta), start, offset
                    )
        return context.get_dummy_value()

    return types.void(addresses, slots, factors, _LONG, steps, own, own_rows), generate


@intrinsic
def sum_rows(
    typing_context: Any, target: Any, row: Any, table: Any, rows: Any, first: Any, last: Any
) -> tuple[Any, Any]:
    """Compute target[row] = the sum of table[rows[first:last]]."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        table, rows = _arrays(context, builder, signature, arguments, 2, 3)
        first, last = arguments[4:]
        (target_start,), width = _row_pointers(context, builder, signature, arguments, 1)
        for offsets in _each_tile(builder, width):
            totals = [cgutils.alloca_once(builder, VECTOR) for _ in offsets]
            for total in totals:
                builder.store(ZEROS, total)
            with cgutils.for_range_slice(builder, first, last, INDEX(1), inc=True) as (k, _):
                number = builder.sext(builder.load(builder.gep(rows.data, [k])), INDEX)
                each = builder.gep(table.data, [builder.mul(number, width)])
                for total, offset in zip(totals, offsets, strict=True):
                    vector = load(builder, each, offset)
                    builder.store(_plus(builder, builder.load(total), vector), total)
            for total, offset in zip(totals, offsets, strict=True):
                store(builder, builder.load(total), target_start, offset)
        return context.get_dummy_value()

    return types.void(target, _LONG, table, rows, _LONG, _LONG), generate


@intrinsic
def scatter_axpy(
    typing_context: Any,
    addresses: Any, slots: Any, factors: Any, first: Any, last: Any, source: Any, row: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute rows[slots[k]] += factors[k] * source[row], for k from first to last."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, factors = _arrays(context, builder, signature, arguments, 0, 1, 2)
        (source_start,), width = _row_pointers(context, builder, signature, arguments, 1, 5)
        first, last = arguments[3:5]
        for offsets in _each_tile(builder, width):
            vectors = [load(builder, source_start, offset) for offset in offsets]
            with cgutils.for_range_slice(builder, first, last, INDEX(1), inc=True) as (k, _):
                each = row_at(builder, addresses, slots, k)
                factor = broadcast(builder, builder.load(builder.gep(factors.data, [k])))
                for vector, offset in zip(vectors, offsets, strict=True):
                    moved = _plus(
                        builder, load(builder, each, offset), _times(builder, factor, vector)
                    )
                    store(builder, moved, each, offset)
        return context.get_dummy_value()

    return types.void(addresses, slots, factors, _LONG, _LONG, source, _LONG), generate


@intrinsic
def gather_scatter_axpy(
    typing_context: Any,
    addresses: Any, slots: Any, residuals: Any, factors: Any, n: Any,
    source: Any, target: Any, row: Any,
) -> tuple[Any, Any]:  # fmt: skip
    """Compute target[row] = residuals[:n] @ rows[slots[:n]], and update these rows afterwards.

    rows[slots[k]] += factors[k] * source[row], for k < n. The slots are distinct, so each row can
    be loaded once for both.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        addresses, slots, residuals, factors, source, target = _arrays(
            context, builder, signature, arguments, 0, 1, 2, 3, 5, 6
        )
        n, row = arguments[4], arguments[7]
        width = cgutils.unpack_tuple(builder, source.shape)[1]
        source_start, target_start = (
            builder.gep(each.data, [builder.mul(row, width)]) for each in (source, target)
        )
        for offsets in _each_tile(builder, width):
            vectors = [load(builder, source_start, offset) for offset in offsets]
            totals = [cgutils.alloca_once(builder, VECTOR) for _ in offsets]
            for total in totals:
                builder.store(ZEROS, total)
            with cgutils.for_range_slice(builder, INDEX(0), n, INDEX(1), inc=True) as (k, _):
                start = row_at(builder, addresses, slots, k)
                residual, factor = (
                    broadcast(builder, builder.load(builder.gep(each.data, [k])))
                    for each in (residuals, factors)
                )
                for vector, total, offset in zip(vectors, totals, offsets, strict=True):
                    old = load(builder, start, offset)
                    term = _times(builder, residual, old)
                    builder.store(_plus(builder, builder.load(total), term), total)
                    moved = _plus(builder, old, _times(builder, factor, vector))
                    store(builder, moved, start, offset)
            for total, offset in zip(totals, offsets, strict=True):
                store(builder, builder.load(total), target_start, offset)
        return context.get_dummy_value()

    return types.void(addresses, slots, residuals, factors, _LONG, source, target, _LONG), generate


def _writer(n_rows: int, combine: Combine) -> Callable[..., Any]:
    """Return a generator of code that writes the first of `n_rows` rows, combined from all."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointers, width = _row_pointers(context, builder, signature, arguments, n_rows)
        numbers = [broadcast(builder, number) for number in arguments[2 * n_rows :]]
        with _each_vector(builder, width) as (offset, _):
            rows = [load(builder, pointer, offset) for pointer in pointers]
            store(builder, combine(builder, rows, numbers), pointers[0], offset)
        return context.get_dummy_value()

    return generate


def _row_pointers(
    context: Any, builder: Any, signature: Any, arguments: Sequence[Any], n_rows: int, at: int = 0
) -> tuple[list[Any], Any]:
    """Return a pointer to each of n_rows rows, and their width.

    From argument `at` on, each is given by a table and a number.
    """
    pointers, width = [], None
    for i in range(at, at + 2 * n_rows, 2):
        table = context.make_array(signature.args[i])(context, builder, arguments[i])
        width = width or cgutils.unpack_tuple(builder, table.shape)[1]
        pointers.append(builder.gep(table.data, [builder.mul(arguments[i + 1], width)]))
    return pointers, width


def _arrays(
    context: Any, builder: Any, signature: Any, arguments: Sequence[Any], *numbers: int
) -> list[Any]:
    return [context.make_array(signature.args[i])(context, builder, arguments[i]) for i in numbers]


def _tiles(builder: Any, first: Any, last: Any, sizes: Sequence[int]) -> Iterator[Any]:
    """Cut [first, last) into ranges of tiles, of the first size as far as they go."""
    for size in sizes:
        whole = builder.sub(last, builder.srem(builder.sub(last, first), INDEX(size)))
        yield first, whole, size
        first = whole


def _each_tile(builder: Any, width: Any) -> Iterator[list[Any]]:
    """Yield the offsets of vectors that are taken together: few loads and jumps between them."""
    for first, last, size in _tiles(
        builder, INDEX(0), width, [size * SIMD_WIDTH for size in (7, 4, 2, 1)]
    ):
        with cgutils.for_range_slice(builder, first, last, INDEX(size), inc=True) as (at, _):
            yield [builder.add(at, INDEX(i)) for i in range(0, size, SIMD_WIDTH)]


def _each_vector(builder: Any, width: Any) -> Any:
    return cgutils.for_range_slice(builder, INDEX(0), width, INDEX(SIMD_WIDTH), inc=True)


def _times(builder: Any, a: Any, b: Any) -> Any:
    return builder.fmul(a, b, flags=_CONTRACT)


def _plus(builder: Any, a: Any, b: Any) -> Any:
    return builder.fadd(a, b, flags=_CONTRACT)
