"""Names of files that the system refuses, such as one of 300 characters."""

from pathlib import Path

from embedtool.errors import EmbedtoolError


def exists(path: Path, error: type[EmbedtoolError]) -> bool:
    """Return whether something has this name; raise `error` if nothing can have it."""
    try:
        return path.exists()
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise error(f"{path}: cannot be read: {reason}") from None
