"""Vectors of numbers as LLVM has them, for the few loops that it does not find by itself.

In: places in memory, while a kernel is compiled. Out: instructions over SIMD_WIDTH numbers at once.
"""

from typing import Any

from llvmlite import ir

SIMD_WIDTH = 16
"""Numbers taken at once: one register of AVX-512, two of AVX2."""

FLOAT = ir.FloatType()
FLOAT_BYTES = 4
VECTOR = ir.VectorType(FLOAT, SIMD_WIDTH)
ZEROS = ir.Constant(VECTOR, [0.0] * SIMD_WIDTH)
INT = ir.IntType(32)
INDEX = ir.IntType(64)


def load(builder: Any, start: Any, offset: Any) -> Any:
    """The vector that stands `offset` numbers after the one that `start` points to."""
    place = builder.bitcast(builder.gep(start, [offset]), VECTOR.as_pointer())
    return builder.load(place, align=FLOAT_BYTES)


def store(builder: Any, vector: Any, start: Any, offset: Any) -> None:
    """Write a vector `offset` numbers after the one that `start` points to."""
    place = builder.bitcast(builder.gep(start, [offset]), VECTOR.as_pointer())
    builder.store(vector, place, align=FLOAT_BYTES)


def broadcast(builder: Any, number: Any) -> Any:
    """A vector with the number in every place."""
    empty = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(empty, number, INT(0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(INT, SIMD_WIDTH), [0] * SIMD_WIDTH)
    )


def reduce_add(builder: Any, vector: Any) -> Any:
    """The sum of a vector's numbers: its halves are added until one number is left."""
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
    """The sums of the numbers of 1, 2, 4 or more vectors, as one vector."""
    if len(vectors) == 1:
        sums = ir.Constant(ir.VectorType(FLOAT, 1), ir.Undefined)
        return builder.insert_element(sums, reduce_add(builder, vectors[0]), INT(0))
    chunk = SIMD_WIDTH
    while chunk > 1:
        chunk //= 2
        if len(vectors) > 1:
            vectors = [
                _halved(builder, vectors[i], vectors[i + 1], chunk)
                for i in range(0, len(vectors), 2)
            ]
        else:
            vectors = [_halved(builder, vectors[0], None, chunk)]
    return vectors[0]


def _halved(builder: Any, first: Any, second: Any, chunk: int) -> Any:
    """The chunks of two vectors, each half as long: the sum of its halves of `chunk` numbers."""
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
    """SIMD_WIDTH vectors as columns: vector i of the result has number i of each.

    Four times, numbers of two vectors are laid together like a pack of cards.
    """
    half = SIMD_WIDTH // 2
    masks = [
        ir.Constant(
            ir.VectorType(INT, SIMD_WIDTH),
            [at + i + turn * SIMD_WIDTH for i in range(half) for turn in (0, 1)],
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
