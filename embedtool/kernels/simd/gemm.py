"""Products of small matrices in vector registers, one of them given by the addresses of its rows.

All matrices are in C order and in the cache. Each element is the sum of its terms in their order.
"""

from typing import Any

from numba import config, types
from numba.core import cgutils
from numba.core.codegen import get_host_cpu_features
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedtool.kernels.jit import jit_inline
from embedtool.kernels.simd.registers import (
    INDEX,
    SIMD_WIDTH,
    VECTOR,
    ZEROS,
    broadcast,
    load,
    row_at,
    store,
    transposed,
)

ROW_MULTIPLE = 8
"""The number of rows is a multiple of this."""

FEATURES = get_host_cpu_features() if config.CPU_FEATURES is None else config.CPU_FEATURES
"""The features of the processor that numba compiles for: this one, unless NUMBA_CPU_FEATURES names
others."""
HAS_AVX512 = "+avx512f" in FEATURES
TILE_ROWS = 8 if HAS_AVX512 else 4
"""Rows of the product that are computed at a time. With both registers of a row their sums fill
half of the registers that the processor has; and so many sums are under way that its
multiply-and-add units, whose results take four cycles to come, never wait for them."""

_CONTRACT = ("contract",)


@jit_inline
def gather_gemm(
    addresses: NDArray[Any],
    slots: NDArray[Any],
    columns: NDArray[Any],
    product: NDArray[Any],
    n_rows: int,
) -> None:
    """Compute product = rows[slots] @ columns, for the first n_rows slots.

    Parameters
    ----------
    addresses
        int64 (any number,), where each row is in memory: float32 (n_terms,).
    slots
        int32 (at least n_rows,), indices of `addresses`.
    columns
        float32 (n_terms, n_columns), a multiple of SIMD_WIDTH.
    product
        float32 (at least n_rows, n_columns), written.
    n_rows
        A multiple of ROW_MULTIPLE.
    """
    for row in range(0, n_rows, TILE_ROWS):
        for column in range(0, product.shape[1], SIMD_WIDTH):
            _plain_tile(addresses, columns, product, slots, row, column, columns.shape[0])


@jit_inline
def gather_gemm_t(
    a: NDArray[Any],
    addresses: NDArray[Any],
    slots: NDArray[Any],
    product: NDArray[Any],
    n_terms: int,
) -> None:
    """Compute product = a[:n_terms].T @ rows[slots[:n_terms]].

    Parameters
    ----------
    a
        float32 (at least n_terms, n_rows).
    addresses
        int64 (any number,), where each row is in memory: float32 (n_columns,).
    slots
        int32 (at least n_terms,), indices of `addresses`.
    product
        float32 (n_rows, n_columns), a multiple of SIMD_WIDTH, written.
    n_terms
        A multiple of ROW_MULTIPLE.
    """
    paired = _paired(product.shape[1])
    for row in range(0, product.shape[0], TILE_ROWS):
        for column in range(0, paired, 2 * SIMD_WIDTH):
            _wide_transposed_tile(a, addresses, product, slots, row, column, n_terms)
        for column in range(paired, product.shape[1], SIMD_WIDTH):
            _transposed_tile(a, addresses, product, slots, row, column, n_terms)


@jit_inline
def scatter_add_gemm(
    a: NDArray[Any], b: NDArray[Any], addresses: NDArray[Any], slots: NDArray[Any], n_rows: int
) -> None:
    """Compute rows[slots] += a @ b, for the first n_rows slots, which are distinct.

    Parameters
    ----------
    a
        float32 (at least n_rows, n_terms).
    b
        float32 (n_terms, n_columns), a multiple of SIMD_WIDTH.
    addresses
        int64 (any number,), where each row is in memory: float32 (n_columns,), updated.
    slots
        int32 (at least n_rows,), indices of `addresses`.
    n_rows
        A multiple of ROW_MULTIPLE.
    """
    paired = _paired(b.shape[1])
    for row in range(0, n_rows, TILE_ROWS):
        for column in range(0, paired, 2 * SIMD_WIDTH):
            _wide_adding_tile(a, b, addresses, slots, row, column, b.shape[0])
        for column in range(paired, b.shape[1], SIMD_WIDTH):
            _adding_tile(a, b, addresses, slots, row, column, b.shape[0])


@jit_inline
def _paired(n_columns: int) -> int:
    """Return how many columns are computed two registers at a time."""
    return n_columns // (2 * SIMD_WIDTH) * (2 * SIMD_WIDTH) if HAS_AVX512 else 0


PLAIN, TRANSPOSED, ADDING = range(3)
"""The three products, `gather_gemm`, `gather_gemm_t` and `scatter_add_gemm`, by the number of the
matrix that is given by addresses: the first factor, the second, and the product."""


def _tile_of(kind: int, n_vectors: int) -> Any:
    """Return an intrinsic that computes TILE_ROWS x (n_vectors * SIMD_WIDTH) elements of a product.

    The sums stay in registers over all the terms: LLVM does not find this form by itself in loops
    over arrays, which it must assume to overlap.
    """

    def multiply_tile(
        typing_context: Any,
        a: Any,
        b: Any,
        product: Any,
        slots: Any,
        row: Any,
        column: Any,
        n_terms: Any,
    ) -> tuple[Any, Any]:
        number = types.int64
        signature = types.void(a, b, product, slots, number, number, number)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            _generate_tile(kind, n_vectors, context, builder, signature, arguments)
            return context.get_dummy_value()

        return signature, generate

    return intrinsic(multiply_tile)


def _generate_tile(
    kind: int, n_vectors: int, context: Any, builder: Any, signature: Any, arguments: Any
) -> None:
    *_, row, column, n_terms = arguments
    a, b, product, slots = (
        context.make_array(signature.args[i])(context, builder, arguments[i]) for i in range(4)
    )

    def rows_of(matrix: int, numbers: list[Any]) -> list[Any]:
        """Return pointers to rows of a matrix, 0 to 2; for the gathered one, to those of slots."""
        array = (a, b, product)[matrix]
        if matrix == kind:
            return [row_at(builder, array, slots, number) for number in numbers]
        width = cgutils.unpack_tuple(builder, array.shape)[1]
        return [builder.gep(array.data, [builder.mul(number, width)]) for number in numbers]

    numbers = [builder.add(row, INDEX(i)) for i in range(TILE_ROWS)]
    columns = [builder.add(column, INDEX(i * SIMD_WIDTH)) for i in range(n_vectors)]
    if kind == TRANSPOSED:
        a_starts = [builder.gep(a.data, [number]) for number in numbers]
        a_step = cgutils.unpack_tuple(builder, a.shape)[1]
    else:
        a_starts, a_step = rows_of(0, numbers), INDEX(1)
    product_starts = rows_of(2, numbers)
    sums = [[cgutils.alloca_once(builder, VECTOR) for _ in columns] for _ in numbers]
    for start, sums_of_row in zip(product_starts, sums, strict=True):
        for each, at in zip(sums_of_row, columns, strict=True):
            builder.store(load(builder, start, at) if kind == ADDING else ZEROS, each)
    with cgutils.for_range(builder, n_terms, intp=INDEX) as loop:
        (b_start,) = rows_of(1, [loop.index])
        b_vectors = [load(builder, b_start, at) for at in columns]
        a_offset = builder.mul(loop.index, a_step)
        for a_start, sums_of_row in zip(a_starts, sums, strict=True):
            factors = broadcast(builder, builder.load(builder.gep(a_start, [a_offset])))
            for each, b_vector in zip(sums_of_row, b_vectors, strict=True):
                term = builder.fmul(factors, b_vector, flags=_CONTRACT)
                builder.store(builder.fadd(builder.load(each), term, flags=_CONTRACT), each)
    for start, sums_of_row in zip(product_starts, sums, strict=True):
        for each, at in zip(sums_of_row, columns, strict=True):
            store(builder, builder.load(each), start, at)


_plain_tile = _tile_of(PLAIN, 1)
_transposed_tile, _wide_transposed_tile = _tile_of(TRANSPOSED, 1), _tile_of(TRANSPOSED, 2)
_adding_tile, _wide_adding_tile = _tile_of(ADDING, 1), _tile_of(ADDING, 2)


@jit_inline
def transpose(matrix: NDArray[Any], result: NDArray[Any]) -> None:
    """Compute result = matrix.T.

    Parameters
    ----------
    matrix
        float32 (SIMD_WIDTH, n_columns), a multiple of SIMD_WIDTH.
    result
        float32 (n_columns, SIMD_WIDTH), written.
    """
    for column in range(0, matrix.shape[1], SIMD_WIDTH):
        _transpose_square(matrix, result, column)


@intrinsic
def _transpose_square(
    typing_context: Any, matrix: Any, result: Any, column: Any
) -> tuple[Any, Any]:
    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        matrix, result = (
            context.make_array(signature.args[i])(context, builder, arguments[i]) for i in (0, 1)
        )
        width = cgutils.unpack_tuple(builder, matrix.shape)[1]
        column = arguments[2]
        rows = [
            load(builder, matrix.data, builder.add(builder.mul(INDEX(i), width), column))
            for i in range(SIMD_WIDTH)
        ]
        start = builder.mul(column, INDEX(SIMD_WIDTH))
        for i, vector in enumerate(transposed(builder, rows)):
            offset = builder.add(start, INDEX(i * SIMD_WIDTH))
            store(builder, vector, result.data, offset)
        return context.get_dummy_value()

    return types.void(matrix, result, types.int64), generate
