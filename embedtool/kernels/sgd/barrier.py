"""A barrier: threads of a compiled function wait for each other."""

import sys
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic
from numpy.typing import NDArray

from embedtool.kernels.jit import jit

SPINS = 2_000
"""How often a thread looks at the counter before it yields its core: about as long as the operating
system takes to switch threads."""

_yield_cpu = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)


@jit
def barrier_wait(counters: NDArray[np.int64], index: int, n_threads: int) -> None:
    """Wait until `n_threads` threads have reached this counter.

    Parameters
    ----------
    counters
        int64, zeros at first, shared by the threads.
    index
        The counter of this barrier; each is used once.
    n_threads
        Threads to wait for.
    """
    _add_one(counters, index)
    spins = 0
    while _current(counters, index) < n_threads:
        spins += 1
        if spins > SPINS:
            _yield_cpu()


@intrinsic
def _add_one(typing_context: Any, counters: Any, index: Any) -> tuple[Any, Any]:
    """Add 1 to a counter atomically; return its value before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element_pointer(context, builder, signature, arguments)
        return builder.atomic_rmw("add", pointer, ir.IntType(64)(1), "seq_cst")

    return types.int64(counters, types.int64), generate


@intrinsic
def _current(typing_context: Any, counters: Any, index: Any) -> tuple[Any, Any]:
    """Return a counter as other threads have left it by now."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _element_pointer(context, builder, signature, arguments)
        return builder.load_atomic(pointer, "seq_cst", align=8)

    return types.int64(counters, types.int64), generate


def _element_pointer(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind = signature.args[0]
    array = context.make_array(kind)(context, builder, arguments[0])
    return cgutils.get_item_pointer(context, builder, kind, array, [arguments[1]], wraparound=False)
