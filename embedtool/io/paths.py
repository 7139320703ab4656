"""Names of files: addresses on the web, and names that the system refuses."""

from pathlib import Path

from embedtool.errors import EmbedtoolError

WEB = ("http://", "https://")
"""How the address of a file on the web begins, in lower case."""


def is_web(name: str | Path) -> bool:
    """Return whether an input is the address of a file on the web."""
    return isinstance(name, str) and name.lower().startswith(WEB)


def exists(path: Path, error: type[EmbedtoolError]) -> bool:
    """Return whether something has this name; raise `error` if nothing can have it."""
    try:
        return path.exists()
    except (OSError, ValueError) as fault:
        reason = getattr(fault, "strerror", None) or fault
        raise error(f"{path}: cannot be read: {reason}") from None
