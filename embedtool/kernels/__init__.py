"""Compiled functions over arrays; `reference` holds the slow, plain version of each."""

import resource

from embedtool.errors import ResourceError

ADDRESSES = 640 * 2**20
"""Bytes of addresses that the compiler of kernels and its libraries take, measured. With fewer one
of them, OpenBLAS, asks for memory again and again and never ends."""


def _check_addresses() -> None:
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < ADDRESSES:
        raise ResourceError(
            f"the limit of {limit >> 20} MiB of address space (ulimit -v) is below the "
            f"{ADDRESSES >> 20} MiB that embedtool takes by itself; raise it"
        )


_check_addresses()
