"""How functions are compiled that kernels call, and flags that are part of a kernel's type."""

from typing import Any, NamedTuple

import numpy as np
import pytest
from numpy.typing import NDArray

from embedtool.kernels.compiler import InlineDispatcher, Kernel, constant_flags


@constant_flags("first", "second")
class Flags(NamedTuple):
    first: bool
    n: int
    second: bool


class Arguments(NamedTuple):
    numbers: NDArray[np.int64]
    flags: Flags


def inlined(function: Any) -> Any:
    return InlineDispatcher(function, {"forceinline": True})


def kernel(function: Any) -> Any:
    return Kernel(function, {})


@pytest.mark.parametrize("first", [False, True])
@pytest.mark.parametrize("second", [False, True])
def test_a_branch_that_a_flag_does_not_take_is_not_compiled(first: bool, second: bool) -> None:
    @inlined
    def double(arguments: Arguments) -> int:
        return 2 * arguments.numbers[0]

    @inlined
    def increased(arguments: Arguments) -> int:
        n, numbers, flags, _ = arguments.flags.n, arguments.numbers, arguments.flags, 0
        return numbers[0] + (n if flags.second else double(arguments))

    @kernel
    def chosen(arguments: Arguments) -> int:
        if arguments.flags.first:
            return increased(arguments)
        return double(arguments) if not arguments.flags.second else -1

    arguments = Arguments(np.array([5]), Flags(first, 7, second))
    assert chosen(arguments) == chosen.py_func(arguments)
    assert len(increased.overloads) == first
    assert len(double.overloads) == (not second)


def test_each_value_of_the_flags_is_a_kernel_of_its_own() -> None:
    @kernel
    def sign(arguments: Arguments) -> int:
        return 1 if arguments.flags.first else -1

    @kernel
    def negative(flags: Flags) -> bool:
        return not flags.first

    numbers = np.zeros(1, np.int64)
    for first in (True, False, True):
        flags = Flags(first, 1, True)
        assert sign(Arguments(numbers, flags)) == (1 if first else -1)
        assert negative(flags) == (not first)
    assert len(sign.overloads) == len(negative.overloads) == 2


def test_calls_with_constants_and_with_variables_inline_one_version() -> None:
    @inlined
    def power(base: int, exponent: int) -> int:
        return int(base**exponent)

    @kernel
    def powers(n: int) -> int:
        return power(n, 2) + power(3, n) + power(2, exponent=2) + power(n, n)

    assert powers(3) == 9 + 27 + 4 + 27
    assert len(power.overloads) == 1


def test_a_kernel_can_be_called_from_python_and_by_another_kernel() -> None:
    @kernel
    def square(x: float) -> float:
        return x * x

    @kernel
    def fourth_power(x: float) -> float:
        return square(square(x))

    assert fourth_power(3.0) == 81
    assert not square.overloads  # no machine code but the caller's
    assert square(3.0) == 9


def test_an_inlined_function_runs_as_python_when_python_calls_it() -> None:
    @inlined
    def half(x: int) -> float:
        return x / 2

    assert half(3) == 1.5
    assert half(4) == 2
