"""What the machine and its operating system give to this process: cores, memory, open files."""

import os
from pathlib import Path

MiB = 2**20
CGROUP = Path("/sys/fs/cgroup")
"""Linux's control group of this process, as a container sees it."""


def n_cores() -> int:
    """Return the processor cores available to this process, or all if that is unknown."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def available_memory() -> int:
    """Return the bytes of memory available to this process.

    The minimum of the free memory, the remainder of its control group's limit, and that of its
    address-space limit.
    """
    import psutil

    free: int = psutil.virtual_memory().available
    if (left := _left_by_cgroup()) is not None:
        free = min(free, left)
    if (limit := address_space_limit()) is not None:
        free = min(free, max(0, limit - psutil.Process().memory_info().vms))
    return free


def address_space_limit() -> int | None:
    """Return the bytes of addresses that this process may have (`ulimit -v`), or None."""
    import psutil

    if not hasattr(psutil, "RLIMIT_AS"):  # Windows has no such limit, and macOS does not heed it
        return None
    limit, _ = psutil.Process().rlimit(psutil.RLIMIT_AS)
    return None if limit == psutil.RLIM_INFINITY else int(limit)


def max_open_files() -> int | None:
    """Return how many files this process may have open (`ulimit -n`), or None if any number."""
    limit = os.sysconf("SC_OPEN_MAX") if hasattr(os, "sysconf") else -1
    return None if limit < 0 else limit


def _left_by_cgroup() -> int | None:
    """Return the memory that a control group of version 2 leaves, or None without a limit."""
    try:
        limit = int((CGROUP / "memory.max").read_bytes())
        used = int((CGROUP / "memory.current").read_bytes())
        about = dict(line.split() for line in (CGROUP / "memory.stat").read_bytes().splitlines())
    except (OSError, ValueError):
        return None
    return limit - used + int(about.get(b"inactive_file", 0))
