"""Words that a format cannot represent, and duplicate words in a file."""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING

from embedtool.errors import FormatError
from embedtool.io.encodings import BYTE_ORDER_MARK
from embedtool.messages import counted

if TYPE_CHECKING:
    from embedtool.formats.options import ReadOptions
    from embedtool.model.vectors import VectorTable

log = logging.getLogger(__name__)

SURROGATES = "\ud800-\udfff"
"""Halves of surrogate pairs, which UTF-8 cannot encode."""


class WordFilter:
    """The words of a file that are kept, while it is read.

    Parameters
    ----------
    options : ReadOptions
        The limit, and the prefix that words must have.

    Attributes
    ----------
    taken : dict
        The words that are kept, in order, without the prefix.
    """

    def __init__(self, options: "ReadOptions") -> None:
        self.taken: dict[str, None] = {}
        self._prefix, self._limit = options.word_prefix or "", options.limit
        self._n_duplicates = self._n_empty = 0

    @property
    def is_full(self) -> bool:
        """Whether as many words are kept as are asked for."""
        return self._limit is not None and len(self.taken) >= self._limit

    def takes(self, word: str) -> bool:
        """Return whether the next word of the file is kept."""
        if self._prefix:
            if not word.startswith(self._prefix):
                return False
            word = word[len(self._prefix) :]
        if not word or word in self.taken or self.is_full:
            self._n_empty += not word
            self._n_duplicates += bool(word) and word in self.taken
            return False
        self.taken[word] = None
        return True

    def warn(self, name: str) -> None:
        """Warn of the words that were left out.

        Raises
        ------
        FormatError
            If none is left.
        """
        warn_duplicates(name, self._n_duplicates)
        warn_empty(name, self._n_empty)
        if not self.taken:
            begin = f" that begins with {self._prefix!r}" if self._prefix else ""
            raise FormatError(f"{name}: holds no word{begin}")


def warn_empty(name: str | Path, n_empty: int) -> None:
    """Warn about the number of empty words in a file."""
    if n_empty:
        empty = counted(n_empty, "word is empty and is", "words are empty and are")
        log.warning("%s: %s left out", name, empty)


def warn_duplicates(path: str | Path, n_duplicates: int) -> None:
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
