"""The machine that the program runs on: its cores, and the unit in which memory is given."""

import os

MiB = 2**20


def n_cores() -> int:
    """Return the processor cores that this process may use, or all where the system cannot tell."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
