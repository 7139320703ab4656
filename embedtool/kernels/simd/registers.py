"""Generators of LLVM vector instructions, for the loops that it does not vectorize by itself."""

from typing import Any

from llvmlite import ir
from numba.core import cgutils

SIMD_WIDTH = 16
"""Floats of a vector: one register of AVX-512, two of AVX2."""

FLOAT = ir.FloatType()
FLOAT_BYTES = 4
VECTOR = ir.VectorType(FLOAT, SIMD_WIDTH)
ZEROS = ir.Constant(VECTOR, [0.0] * SIMD_WIDTH)
ONES = ir.Constant(VECTOR, [1.0] * SIMD_WIDTH)
INT = ir.IntType(32)
INDEX = ir.IntType(64)


def load(builder: Any, start: Any, offset: Any) -> Any:
    """Return the vector that begins `offset` floats after the pointer `start`."""
    pointer = builder.bitcast(builder.gep(start, [offset]), VECTOR.as_pointer())
    return builder.load(pointer, align=FLOAT_BYTES)


def store(builder: Any, vector: Any, start: Any, offset: Any) -> None:
    """Write a vector `offset` floats after the pointer `start`."""
    pointer = builder.bitcast(builder.gep(start, [offset]), VECTOR.as_pointer())
    builder.store(vector, pointer, align=FLOAT_BYTES)


def row_at(builder: Any, addresses: Any, slots: Any, k: Any) -> Any:
    """Return a pointer to the row of floats whose address is addresses[slots[k]]."""
    slot = builder.sext(builder.load(builder.gep(slots.data, [k])), INDEX)
    address = builder.load(builder.gep(addresses.data, [slot]))
    return builder.inttoptr(address, FLOAT.as_pointer())


def numbered_row(builder: Any, table: Any, numbers: Any, k: Any) -> Any:
    """Return a pointer to row numbers[k] of a table."""
    number = builder.sext(builder.load(builder.gep(numbers.data, [k])), INDEX)
    width = cgutils.unpack_tuple(builder, table.shape)[1]
    return builder.gep(table.data, [builder.mul(number, width)])


def broadcast(builder: Any, number: Any) -> Any:
    """Return a vector with the number, a float or an int, in every lane."""
    empty = ir.Constant(ir.VectorType(number.type, SIMD_WIDTH), ir.Undefined)
    first = builder.insert_element(empty, number, INT(0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(INT, SIMD_WIDTH), [0] * SIMD_WIDTH)
    )


def reduce_add(builder: Any, vector: Any) -> Any:
    """Return the sum of a vector's lanes: its halves are added until one number is left."""
    width = SIMD_WIDTH
    while width > 1:
        width //= 2
        halves = [
            builder.shuffle_vector(
                vector, vector, ir.Constant(ir.VectorType(INT, width), list(range(at, at + width)))
            )
            for at in (0, width)
        ]
        vector = builder.fadd(*halves)
    return builder.extract_element(vector, INT(0))


def reduce_add_each(builder: Any, vectors: list[Any]) -> Any:
    """Return the sums of the lanes of 1, 2, 4 or more vectors, as one vector."""
    if len(vectors) == 1:
        sums = ir.Constant(ir.VectorType(FLOAT, 1), ir.Undefined)
        return builder.insert_element(sums, reduce_add(builder, vectors[0]), INT(0))
    chunk = SIMD_WIDTH
    while chunk > 1:
        chunk //= 2
        if len(vectors) > 1:
            vectors = [
                _add_halves(builder, vectors[i], vectors[i + 1], chunk)
                for i in range(0, len(vectors), 2)
            ]
        else:
            vectors = [_add_halves(builder, vectors[0], None, chunk)]
    return vectors[0]


def _add_halves(builder: Any, first: Any, second: Any, chunk: int) -> Any:
    """Return the chunks of two vectors, each replaced by the sum of its halves of `chunk` lanes."""
    width = first.type.count * (1 if second is None else 2)
    masks = [
        ir.Constant(
            ir.VectorType(INT, width // 2),
            [at + i for at in range(half * chunk, width, 2 * chunk) for i in range(chunk)],
        )
        for half in (0, 1)
    ]
    second = first if second is None else second
    return builder.fadd(*(builder.shuffle_vector(first, second, mask) for mask in masks))


def transposed(builder: Any, vectors: list[Any]) -> list[Any]:
    """Return the transpose of SIMD_WIDTH vectors: vector i of the result has lane i of each.

    The lanes of pairs of vectors are interleaved, log2(SIMD_WIDTH) times.
    """
    half = SIMD_WIDTH // 2
    masks = [
        ir.Constant(
            ir.VectorType(INT, SIMD_WIDTH),
            [at + i + which * SIMD_WIDTH for i in range(half) for which in (0, 1)],
        )
        for at in (0, half)
    ]
    for _ in range(SIMD_WIDTH.bit_length() - 1):
        vectors = [
            builder.shuffle_vector(vectors[i], vectors[i + half], mask)
            for i in range(half)
            for mask in masks
        ]
    return vectors
