"""What the classes share when they save and load."""

import logging
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from embedtool.formats.foreign import check_is_not_foreign
from embedtool.gensim.errors import UnsupportedError

log = logging.getLogger(__name__)

COMPRESSED = (".gz", ".bz2", ".xz", ".zst")
"""Suffixes of the files that gensim decompresses and compresses."""


def check_no_pickle(path: str | Path) -> None:
    """Raise FormatError if a file is a pickle, as gensim's are; these are never opened."""
    if Path(path).is_file():
        check_is_not_foreign(Path(path), None)


@contextmanager
def decompressed(path: str | Path) -> Iterator[Path]:
    """Yield a file, or a temporary copy of it that is not compressed."""
    path = Path(path)
    if path.suffix not in COMPRESSED or not path.is_file():
        yield path
        return
    from smart_open import open as open_any

    with TemporaryDirectory(prefix="embedtool-") as folder:
        copy = Path(folder) / path.stem
        with open_any(path, "rb") as source, copy.open("wb") as target:
            shutil.copyfileobj(source, target)
        yield copy


def check_not_compressed(path: str | Path) -> None:
    """Raise UnsupportedError if the name of a file to write promises compression."""
    if Path(path).suffix in COMPRESSED:
        raise UnsupportedError(
            f"{path}: files are written uncompressed; leave out {Path(path).suffix}, and compress "
            "it afterwards",
            parameters=("fname",),
        )


def warn_ignored(where: str, arguments: Mapping[str, Any]) -> None:
    """Log a warning about arguments that make no difference."""
    if arguments:
        log.warning("%s: ignored, as it makes no difference: %s", where, ", ".join(arguments))
