"""Lock a file for one process; the system releases the lock when the process ends."""

import os
import sys

LOCKED_BYTE = 2**30
"""The byte that Windows locks: behind the contents, since nobody else can read a locked byte."""


def lock_file(descriptor: int) -> None:
    """Lock an open file for this process alone, until it is closed.

    Raises
    ------
    BlockingIOError
        If another process has locked it.
    """
    if sys.platform == "win32":
        import msvcrt

        os.lseek(descriptor, LOCKED_BYTE, os.SEEK_SET)
        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except PermissionError as error:
            raise BlockingIOError(*error.args) from None
        finally:
            os.lseek(descriptor, 0, os.SEEK_SET)
    else:
        import fcntl

        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
