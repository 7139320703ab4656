"""A barrier: threads of a compiled function wait for each other.

Threads arrive in groups: the last of a group arrives at the root, and the last at the root releases
all. Each counter has a cache line to itself, so that a thread that arrives takes the line from the
few of its group only, and the line that all threads watch is written once.
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
"""How often a thread looks at the counter before it yields its core: about as long as the operating
system takes to switch threads."""
GROUP_THREADS = 8
"""Threads of a group: 64 threads then arrive by 8 additions to a line, twice, instead of 64."""
LINE = 8
"""Counters in a cache line of 64 bytes."""
RELEASED, ROOT, FIRST_GROUP = 0, LINE, 2 * LINE
"""The counters: barriers that all have reached, groups that have arrived, threads of each group."""

_yield_cpu = types.ExternalFunction(
    "SwitchToThread" if sys.platform == "win32" else "sched_yield", types.int32()
)


def new_counters(n_threads: int) -> NDArray[np.int64]:
    """Return the counters for `barrier_wait` of so many threads."""
    return np.zeros(FIRST_GROUP + LINE * -(-n_threads // GROUP_THREADS), np.int64)


def release_all(counters: NDArray[np.int64]) -> None:
    """Let every thread pass this barrier and all later ones."""
    counters[RELEASED] = np.iinfo(np.int64).max // 2


@jit
def barrier_wait(counters: NDArray[np.int64], n_before: int, thread: int, n_threads: int) -> None:
    """Wait until all threads have come here.

    Parameters
    ----------
    counters
        Of `new_counters`, shared by the threads.
    n_before
        The number of barriers that each thread has passed.
    thread
        Index of this thread.
    n_threads
        Threads to wait for.
    """
    group = thread // GROUP_THREADS
    n_groups = (n_threads + GROUP_THREADS - 1) // GROUP_THREADS
    n_in_group = min(GROUP_THREADS, n_threads - group * GROUP_THREADS)
    is_last = _add_one(counters, FIRST_GROUP + LINE * group) + 1 == (n_before + 1) * n_in_group
    if is_last and _add_one(counters, ROOT) + 1 == (n_before + 1) * n_groups:
        _add_one(counters, RELEASED)
    spins = 0
    while _current(counters, RELEASED) <= n_before:
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
