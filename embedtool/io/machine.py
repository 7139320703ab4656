"""The machine: its cores, and the unit of memory."""

import os

MiB = 2**20


def n_cores() -> int:
    """Return the processor cores available to this process, or all if that is unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
