"""How threads wait for each other.

In: counters that start at 0. Out: nobody ahead of the others.
"""

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
"""How often a thread looks before it lets another have the core: about as long as it takes the
system to change threads."""

_yield_cpu = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)


@jit
def barrier_wait(counters: NDArray[np.int64], index: int, n_threads: int) -> None:
    """Wait until `n_threads` threads have come to this counter."""
    _add_one(counters, index)
    spins = 0
    while _current(counters, index) < n_threads:
        spins += 1
        if spins > SPINS:
            _yield_cpu()


@intrinsic
def _add_one(typing_context: Any, counters: Any, index: Any) -> tuple[Any, Any]:
    """Add 1 to a counter, in one indivisible step; returns what stood there before."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        slot = _place(context, builder, signature, arguments)
        return builder.atomic_rmw("add", slot, ir.IntType(64)(1), "seq_cst")

    return types.int64(counters, types.int64), generate


@intrinsic
def _current(typing_context: Any, counters: Any, index: Any) -> tuple[Any, Any]:
    """A counter as other threads have left it by now."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        slot = _place(context, builder, signature, arguments)
        return builder.load_atomic(slot, "seq_cst", align=8)

    return types.int64(counters, types.int64), generate


def _place(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    kind = signature.args[0]
    array = context.make_array(kind)(context, builder, arguments[0])
    return cgutils.get_item_pointer(context, builder, kind, array, [arguments[1]], wraparound=False)
