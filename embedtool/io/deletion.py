"""Deletion of files that may be mapped, and temporary folders of such files."""

import atexit
import gc
import shutil
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

DELETES_OPEN_FILES = sys.platform != "win32"
"""Whether the system deletes a file that is open or mapped; Windows refuses, and refuses to rename
or replace it."""


def delete(path: Path) -> None:
    """Delete a file, or a folder with all that it holds; on Windows, what nothing uses of it."""
    if not DELETES_OPEN_FILES:
        _close_files()
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=not DELETES_OPEN_FILES)
        return
    with suppress(*([] if DELETES_OPEN_FILES else [PermissionError])):
        path.unlink(missing_ok=True)


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """Yield a folder that is deleted at the end, or at exit if something uses it on Windows."""
    folder = Path(mkdtemp(prefix="embedtool-"))
    try:
        yield folder
    finally:
        delete(folder)
        if folder.exists():
            atexit.register(shutil.rmtree, folder, ignore_errors=True)


def _close_files() -> None:
    """Drop the arrays that only garbage, or the calls that an exception has left, still refer to.

    A mapped file is closed with the last array over it.
    """
    error = sys.exception()
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__context__
    gc.collect()
