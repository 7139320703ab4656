"""Size and SHA-256 of files: computed while writing, and compared when reading."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from embedtool.messages import counted

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


Checksum = Mapping[str, int | str | None]
"""Size and SHA-256 of a file, under "bytes" and "sha256"; None if unknown."""

SHOWN_DIGITS = 16
"""Hexadecimal digits of a SHA-256 in messages."""


class HashingWriter:
    """A file that is being written, with the SHA-256 of the bytes written so far.

    Attributes
    ----------
    n_bytes : int
        Number of bytes written.
    digest : hashlib._Hash
        SHA-256 of them.
    """

    def __init__(self, file: BinaryIO) -> None:
        from hashlib import sha256  # loads OpenSSL: 2 % of a query's time

        self.file = file
        self.digest = sha256()
        self.n_bytes = 0

    def write(self, data: "ReadableBuffer") -> int:
        """Write bytes, or those of an array; return their number."""
        self.digest.update(data)
        written = self.file.write(data)
        self.n_bytes += written
        return written

    def checksum(self) -> dict[str, int | str]:
        """Return the checksum of the bytes written so far."""
        return {"bytes": self.n_bytes, "sha256": self.digest.hexdigest()}


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal digits."""
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def checksum_of(path: Path) -> dict[str, int | str]:
    """Return the checksum of a file."""
    return {"bytes": path.stat().st_size, "sha256": sha256_of(path)}


def mismatch(path: Path, expected: Checksum) -> str | None:
    """Return how a file differs from its checksum, or None if it does not.

    Parameters
    ----------
    expected : Checksum
        The expected checksum.

    Returns
    -------
    str or None
        A predicate, such as "is missing", for a message that begins with the file's name.
    """
    size, sha256 = expected["bytes"], expected["sha256"]
    try:
        found_size = path.stat().st_size
        if size is not None and found_size != size:
            return f"has {counted(found_size, 'byte')}, not {size:,}"
        found = sha256_of(path) if sha256 is not None else None
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    if found == sha256:
        return None
    return f"has the SHA-256 {str(found)[:SHOWN_DIGITS]}..., not {str(sha256)[:SHOWN_DIGITS]}..."
