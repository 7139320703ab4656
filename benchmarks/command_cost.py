"""Run a command to its end, then print what it took as a line of JSON.

    python command_cost.py COMMAND [ARGUMENT ...]

The line has seconds, cpu_seconds, peak_bytes and the exit code; what the command itself prints goes
to standard error. This is a small process of its own because Linux counts into a command's peak
memory that of the process which started it. The peak is that of the largest process of the command.
"""

import json
import os
import sys
import time

RSS_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes per unit of `ru_maxrss`."""


def main() -> None:
    """Start the command, wait for it and print."""
    began = time.perf_counter()
    process = os.posix_spawnp(
        sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)]
    )
    _, status, usage = os.wait4(process, 0)
    cost = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": usage.ru_utime + usage.ru_stime,
        "peak_bytes": usage.ru_maxrss * RSS_UNIT,
        "code": os.waitstatus_to_exitcode(status),
    }
    print(json.dumps(cost))


if __name__ == "__main__":
    main()
