"""What compiles kernels: `compiler`, or plain numba.njit with a numba that `compiler` does not fit.

`compiler` builds on parts of numba that are not public. Plain numba.njit gives the same results and
takes four times as long to compile: it compiles every function by itself, and all branches.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import numba

log = logging.getLogger(__name__)

TESTED_NUMBA = (0, 68)
"""The newest version that `compiler` is tested with. With a later one a small kernel is tried."""

_FAULTS = (
    AssertionError, AttributeError, LookupError, NotImplementedError, RuntimeError, TypeError,
    ValueError, numba.core.errors.NumbaError,
)  # fmt: skip
"""What the compiler raises where a function or a class of numba is not as expected."""


class _Flags(NamedTuple):
    negative: bool


def _no_constant_flags(*names: str) -> Callable[[type], type]:
    return lambda named_tuple: named_tuple


def _njit(function: Callable[..., Any], options: dict[str, Any]) -> Any:
    return numba.njit(**options)(function)


def _works(inline: Any, kernel: Any, constant_flags: Any) -> bool:
    """Return whether a kernel is right that calls a function and has a version for each flag."""
    constant_flags("negative")(_Flags)
    opposite = inline(lambda x: -x, {"forceinline": True})
    signed = kernel(lambda flags, x: opposite(x) if flags.negative else x, {})
    try:
        return [signed(_Flags(each), 1) for each in (True, False, True)] == [-1, 1, -1]
    except _FAULTS:
        return False


def _chosen() -> tuple[Any, Any, Any]:
    """Return `InlineDispatcher`, `Kernel` and `constant_flags`."""
    try:
        from embedtool.kernels.compiler import InlineDispatcher, Kernel, constant_flags
    except (ImportError, *_FAULTS):
        pass
    else:
        found = InlineDispatcher, Kernel, constant_flags
        if numba.version_info.short <= TESTED_NUMBA or _works(*found):
            return found
    log.warning(
        "numba %s differs from those that embedtool was tested with: compiling takes about a "
        "minute instead of 10 seconds; numba %d.%d avoids that", numba.__version__, *TESTED_NUMBA,
    )  # fmt: skip
    return _njit, _njit, _no_constant_flags


InlineDispatcher, Kernel, constant_flags = _chosen()
