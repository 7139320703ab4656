"""What the classes share when they save and load."""

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedtool.formats.foreign import check_is_not_foreign

log = logging.getLogger(__name__)


def check_no_pickle(path: str | Path) -> None:
    """Raise FormatError if a file is a pickle, as gensim's are; these are never opened."""
    if Path(path).is_file():
        check_is_not_foreign(Path(path), None)


def warn_ignored(where: str, arguments: Mapping[str, Any], reason: str = "") -> None:
    """Log a warning about arguments that make no difference."""
    if arguments:
        names = ", ".join(sorted(arguments))
        log.warning("%s: ignored, as it makes no difference: %s%s", where, names, reason)
