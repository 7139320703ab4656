"""Words that a format cannot represent, and duplicate words in a file."""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from embedtool.errors import FormatError
from embedtool.io.encodings import BYTE_ORDER_MARK
from embedtool.messages import counted

if TYPE_CHECKING:
    from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

SURROGATES = "\ud800-\udfff"
"""Halves of surrogate pairs, which UTF-8 cannot encode."""


def warn_duplicates(path: Path, n_duplicates: int) -> None:
    """Warn about the number of duplicate words in a file."""
    if n_duplicates:
        duplicates = counted(n_duplicates, "word occurs", "words occur")
        log.warning("%s: %s twice; the first is kept", path, duplicates)


def check_first_word(vectors: "VectorTable", path: Path) -> None:
    """Raise FormatError if the first word of a file would be taken for a byte order mark."""
    word = next(iter(vectors.words), "")
    if word.startswith(BYTE_ORDER_MARK):
        raise FormatError(
            f"{path}: the format cannot hold the word {word!r} first, as it begins with a byte "
            "order mark; choose another format, such as safetensors"
        )


def check_words(vectors: "VectorTable", path: Path, forbidden: str) -> None:
    """Raise FormatError with the first word that a format cannot hold."""
    pattern = re.compile(f"[{SURROGATES}{re.escape(forbidden)}]")
    for word in vectors.words:
        if not word or pattern.search(word):
            raise FormatError(
                f"{path}: the format cannot hold the word {word!r}; leave it out, or choose "
                "another format, such as safetensors"
            )
