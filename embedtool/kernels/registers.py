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


def spread(builder: Any, number: Any) -> Any:
    """A vector with the number in every place."""
    empty = ir.Constant(VECTOR, ir.Undefined)
    first = builder.insert_element(empty, number, INT(0))
    return builder.shuffle_vector(
        first, empty, ir.Constant(ir.VectorType(INT, SIMD_WIDTH), [0] * SIMD_WIDTH)
    )
