"""Files and folders that are written atomically: whole or not at all.

They are written under a temporary name beside the target, which is renamed when everything has
been written and synced to the disk.
"""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from embedtool.errors import OutputError
from embedtool.io.deletion import delete

RENAME_EXCHANGE = 2
"""Flag of Linux's renameat2: both names exist already and are exchanged."""
TEMPORARY_PREFIX = ".embedtool-"
"""Prefix of temporary names, beside the target in the same file system."""

STANDARD_INPUT, STANDARD_OUTPUT = Path("/dev/stdin"), Path("/dev/stdout")

MAX_EXPANSION = 200
"""Maximum plausible compression ratio: vectors hardly compress, text up to 20 times, padded words
some dozens of times; a file made to fill the memory 1000 times."""


def text_bytes(text: str) -> bytes:
    r"""Encode a text in UTF-8, with escapes for the bytes of file names that are not: `\udcff`."""
    return text.encode("utf-8", "backslashreplace")


def is_decompression_bomb(packed: int, n_bytes: int, safe_bytes: int) -> bool:
    """Return whether compressed data expands suspiciously.

    Parameters
    ----------
    packed, n_bytes : int
        Bytes of the data, compressed and not.
    safe_bytes : int
        A harmless size, regardless of compression.
    """
    return n_bytes > max(safe_bytes, MAX_EXPANSION * packed)


@contextmanager
def atomic_write(path: Path) -> Iterator[BinaryIO]:
    """Write a file that gets the name `path`, replacing one that exists, when the block ends.

    If the block fails, nothing is left behind and the old file is kept. A link is followed, and the
    permissions of a replaced file are kept. Standard output, a pipe or a device is written to
    directly.

    Raises
    ------
    OutputError
        If the file cannot be written.
    BrokenPipeError
        If the reader of the pipe has closed it.
    """
    temporary = ""
    try:
        if path == STANDARD_OUTPUT:
            yield sys.stdout.buffer
            sys.stdout.buffer.flush()
            return
        if is_special(path):
            with path.open("wb") as file:
                yield file
            return
        path = path.resolve()
        mode = path.stat().st_mode if path.exists() else 0o666 & ~_umask()
        descriptor, temporary = tempfile.mkstemp(prefix=TEMPORARY_PREFIX, dir=path.parent)
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            Path(temporary).chmod(mode)
            os.fsync(descriptor)
        Path(temporary).replace(path)
        sync(path.parent)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        if temporary:
            Path(temporary).unlink(missing_ok=True)


@contextmanager
def atomic_directory(path: Path, *, replace: bool = True) -> Iterator[Path]:
    """Fill a folder that gets the name `path`, replacing one that exists, when the block ends.

    If the block fails, nothing is left behind and the old folder is kept.

    Parameters
    ----------
    path : Path
        The folder.
    replace : bool
        Replace a folder that is not empty.

    Raises
    ------
    OutputError
        If the folder cannot be written, or exists and may not be replaced.
    """
    if not replace:
        _check_free(path)
    temporary = None
    try:
        temporary = Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=path.parent))
        fresh = temporary / path.name
        fresh.mkdir()
        yield fresh
        for each in fresh.rglob("*"):
            if each.is_file():
                each.chmod(0o666 & ~_umask())
            sync(each)
        sync(fresh)
        if replace:
            _swap(fresh, path, temporary / "old")
        else:
            fresh.rename(path)
        sync(path.parent)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written: {error.strerror or error}") from None
    finally:
        if temporary is not None:
            with suppress(OSError):
                delete(temporary)


def _check_free(path: Path) -> None:
    if path.name in ("", ".."):
        raise OutputError(f"{path}: name the folder that is to be made")
    is_empty = path.is_dir() and not path.is_symlink() and not any(path.iterdir())
    if os.path.lexists(path) and not is_empty:
        raise OutputError(f"{path}: is there already; name a new folder, or an empty one")


def _swap(fresh: Path, path: Path, old: Path) -> None:
    """Rename `fresh` to `path`, and the folder of that name to `old`.

    If the system can exchange two names, there is no moment without a folder of that name.
    Otherwise the old one is moved to `old`, and back on failure.
    """
    if path.exists() and _exchange(fresh, path):
        return
    try:
        if path.exists():
            path.rename(old)
        fresh.rename(path)
    except BaseException:
        if old.exists() and not path.exists():
            old.rename(path)
        raise


def _exchange(first: Path, second: Path) -> bool:
    """Exchange two names atomically (Linux's renameat2); return whether that worked."""
    if sys.platform != "linux":
        return False
    import ctypes

    try:
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
    except (AttributeError, OSError):
        return False
    here = -100  # AT_FDCWD: paths are relative to the working folder
    names = os.fsencode(first), os.fsencode(second)
    return not renameat2(here, names[0], here, names[1], RENAME_EXCHANGE)


def check_output_file(path: Path) -> None:
    """Raise OutputError unless a file can be written at `path`, before the work begins."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; name a file")
    if path == STANDARD_OUTPUT or is_special(path):
        return
    check_writable(path)


def check_writable(path: Path) -> None:
    """Raise OutputError unless something new can be created at `path`, before the work begins."""
    folder = path.parent
    if not folder.is_dir():
        raise OutputError(f"{path}: the folder {folder} does not exist; make it first")
    try:
        Path(tempfile.mkdtemp(prefix=TEMPORARY_PREFIX, dir=folder)).rmdir()
    except OSError as error:
        raise OutputError(
            f"{path}: the folder {folder} cannot be written: {error.strerror}"
        ) from None


def is_special(path: Path) -> bool:
    """Return whether `path` is a pipe or a device."""
    if sys.platform == "win32" and path == STANDARD_INPUT:  # which has no name there
        return True
    return path.exists() and not path.is_file() and not path.is_dir()


def sync(path: Path) -> None:
    """Flush a file or folder to the disk; Windows flushes only files, open for writing."""
    is_windows = sys.platform == "win32"
    if is_windows and path.is_dir():
        return
    descriptor = os.open(path, os.O_RDWR if is_windows else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
