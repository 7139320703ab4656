"""Lock a file for one process; the system releases the lock when the process ends."""

import errno
import logging

from filelock import lock_descriptor

log = logging.getLogger(__name__)

NO_LOCKS = {errno.ENOSYS, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOLCK}
"""Errors of a file system without locks, as Lustre and NFS may be mounted."""


def lock_file(descriptor: int) -> None:
    """Lock an open file for this process alone, until it is closed.

    Where the file system has no locks, a warning is logged. Windows lets no other process read the
    first byte of a locked file.

    Raises
    ------
    BlockingIOError
        If another process has locked it.
    """
    try:
        locked = lock_descriptor(descriptor, blocking=False)
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
        log.warning(
            "this file system has no locks: do not write the same file from two processes at once"
        )
        return
    if not locked:
        raise BlockingIOError(errno.EAGAIN, "locked by another process")
