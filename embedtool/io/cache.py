"""The user's cache folder, for files that can be computed or fetched again."""

import os
from pathlib import Path


def user_cache(name: str) -> Path:
    """Return the folder for one kind of cached files (XDG Base Directory Specification).

    It is not created.

    Raises
    ------
    RuntimeError
        If the user has no home folder.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "embedtool", name)
