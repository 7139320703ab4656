"""Vector operations on text: the white space among 64 bytes, and eight bytes as one integer.

Integers are little-endian: the first byte is the lowest.
"""

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

N_LANES = 64
"""Bytes that are compared at once: one bit each of an integer, one register of AVX-512."""
FIRST_SPACE, N_SPACES = ord("\t"), 5
"""ASCII characters from tab to carriage return are white space."""

_BYTE, _WORD = ir.IntType(8), ir.IntType(64)
_BYTES = ir.VectorType(_BYTE, N_LANES)
_LONG, _BITS = types.int64, types.uint64


@intrinsic
def find_spaces(typing_context: Any, chars: Any, offset: Any) -> tuple[Any, Any]:
    """Return which of the N_LANES bytes from an offset are white space or NUL, and line ends.

    Two uint64; their lowest bit is that of the first byte.
    """

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        text = builder.load(builder.bitcast(pointer, _BYTES.as_pointer()), align=1)
        from_first = builder.sub(text, _each(FIRST_SPACE))
        spaces = builder.icmp_unsigned("<", from_first, _each(N_SPACES))
        for space in b" \0":
            spaces = builder.or_(spaces, builder.icmp_unsigned("==", text, _each(space)))
        line_ends = builder.icmp_unsigned("==", text, _each(ord("\n")))
        bits = [builder.bitcast(lanes, _WORD) for lanes in (spaces, line_ends)]
        return context.make_tuple(builder, signature.return_type, bits)

    return types.UniTuple(_BITS, 2)(chars, _LONG), generate


@intrinsic
def load_word(typing_context: Any, chars: Any, offset: Any) -> tuple[Any, Any]:
    """Return the eight bytes from an offset as a uint64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments)
        return builder.load(builder.bitcast(pointer, _WORD.as_pointer()), align=1)

    return _BITS(chars, _LONG), generate


@intrinsic
def store_word(typing_context: Any, chars: Any, offset: Any, word: Any) -> tuple[Any, Any]:
    """Write a uint64 as the eight bytes from an offset."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _pointer(context, builder, signature.args[0], *arguments[:2])
        builder.store(arguments[2], builder.bitcast(pointer, _WORD.as_pointer()), align=1)
        return context.get_dummy_value()

    return types.void(chars, _LONG, _BITS), generate


@intrinsic
def lowest_bit(typing_context: Any, bits: Any) -> tuple[Any, Any]:
    """Return the index of the lowest bit that is set; there must be one."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.cttz(arguments[0], cgutils.true_bit)

    return _LONG(_BITS), generate


def _pointer(context: Any, builder: Any, kind: Any, chars: Any, offset: Any) -> Any:
    """Return a pointer to a byte of an array of uint8."""
    array = context.make_array(kind)(context, builder, chars)
    return builder.gep(array.data, [offset])


def _each(byte: int) -> ir.Constant:
    return ir.Constant(_BYTES, [byte] * N_LANES)
