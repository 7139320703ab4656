"""The user's cache folder, for what can be made or fetched again."""

import os
from pathlib import Path


def user_cache(name: str) -> Path:
    """The folder for one kind of cached files (XDG Base Directory Specification). Not made here.

    Raises RuntimeError where the system knows no home folder of the user.
    """
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "embedtool", name)
