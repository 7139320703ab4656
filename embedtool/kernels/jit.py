"""How kernels are compiled: without the interpreter's lock, and kept on disk for the next run.

In: a Python function over arrays. Out: the same function, compiled at its first call.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

F = TypeVar("F", bound=Callable[..., Any])

REORDER = {"reassoc", "contract", "nsz", "arcp"}
"""Floating-point liberties that let sums and products run in vectors. Infinities and NaN keep
their meaning, for a loss that is not finite must be seen."""


def jit(function: F) -> F:
    """Compile a kernel. Where no folder can be written, it is compiled anew in each run."""
    try:
        return cast(F, numba.njit(nogil=True, fastmath=REORDER, cache=True)(function))
    except RuntimeError:
        return cast(F, numba.njit(nogil=True, fastmath=REORDER)(function))
