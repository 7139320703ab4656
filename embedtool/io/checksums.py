"""Size and SHA-256 of files: computed while writing, and compared when reading."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from embedtool.messages import counted

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


Checksum = Mapping[str, int | str | None]
"""Size and digests of a file, under "bytes", "sha256" and "md5"; missing or None if unknown."""
DIGESTS = {"sha256": "SHA-256", "md5": "MD5"}
"""Algorithms of digests by hashlib's names, and their names in messages."""

SHOWN_DIGITS = 16
"""Hexadecimal digits of a digest in messages."""


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
    return _digest_of(path, "sha256")


def _digest_of(path: Path, algorithm: str) -> str:
    from hashlib import file_digest

    with path.open("rb") as file:
        return file_digest(file, algorithm).hexdigest()


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
    size = expected.get("bytes")
    try:
        found_size = path.stat().st_size
        if size is not None and found_size != size:
            return f"has {counted(found_size, 'byte')}, not {size:,}"
        for algorithm, name in DIGESTS.items():
            digest = expected.get(algorithm)
            found = None if digest is None else _digest_of(path, algorithm)
            if found != digest:
                return (
                    f"has the {name} {str(found)[:SHOWN_DIGITS]}..., not "
                    f"{str(digest)[:SHOWN_DIGITS]}..."
                )
    except FileNotFoundError:
        return "is missing"
    except OSError as error:
        return f"cannot be read: {error.strerror}"
    return None
