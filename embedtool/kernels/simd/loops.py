"""Generators of the loops and operations that the functions on rows are made of.

`context`, `builder`, `signature` and `arguments` are those of numba's intrinsics.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from numba.core import cgutils

from embedtool.kernels.simd.registers import INDEX, SIMD_WIDTH, VECTOR, ZEROS

_CONTRACT = ("contract",)


def row_pointers(
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


def arrays_of(
    context: Any, builder: Any, signature: Any, arguments: Sequence[Any], *numbers: int
) -> list[Any]:
    """Return the arrays that arguments of these numbers are."""
    return [context.make_array(signature.args[i])(context, builder, arguments[i]) for i in numbers]


def tiles(builder: Any, first: Any, last: Any, sizes: Sequence[int]) -> Iterator[Any]:
    """Cut [first, last) into ranges of tiles, of the first size as far as they go."""
    for size in sizes:
        whole = builder.sub(last, builder.srem(builder.sub(last, first), INDEX(size)))
        yield first, whole, size
        first = whole


def each_tile(builder: Any, width: Any) -> Iterator[list[Any]]:
    """Yield the offsets of vectors that are taken together: few loads and jumps between them."""
    for first, last, size in tiles(
        builder, INDEX(0), width, [size * SIMD_WIDTH for size in (7, 2, 1)]
    ):
        with cgutils.for_range_slice(builder, first, last, INDEX(size), inc=True) as (at, _):
            yield [builder.add(at, INDEX(i)) for i in range(0, size, SIMD_WIDTH)]


def zero_totals(builder: Any, n: int) -> list[Any]:
    """Return n variables that hold vectors, set to zero."""
    totals = [cgutils.alloca_once(builder, VECTOR) for _ in range(n)]
    for total in totals:
        builder.store(ZEROS, total)
    return totals


def each_vector(builder: Any, width: Any) -> Any:
    """Return a loop over the offsets of vectors."""
    return cgutils.for_range_slice(builder, INDEX(0), width, INDEX(SIMD_WIDTH), inc=True)


def times(builder: Any, a: Any, b: Any) -> Any:
    """Return a product, which may be fused with a sum."""
    return builder.fmul(a, b, flags=_CONTRACT)


def plus(builder: Any, a: Any, b: Any) -> Any:
    """Return a sum, which may be fused with a product."""
    return builder.fadd(a, b, flags=_CONTRACT)
