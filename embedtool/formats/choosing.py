"""Which of the arrays or columns of a file are its words and its vectors.

In: their names, and which of them could be. Out: a name for each, as a person or this project names
it, else by a name that others use, else the only one that could be.
"""

from collections.abc import Collection, Sequence
from pathlib import Path

from embedtool.errors import FormatError

WORD_NAMES = ("word", "words", "token", "tokens", "vocab", "vocabulary", "term", "terms", "labels")
VECTOR_NAMES = ("vector", "vectors", "embedding", "embeddings", "matrix", "weights")


def check_named(path: Path, wanted: str, names: Collection[str], kind: str) -> None:
    """Raise FormatError where a file has no array or column of the name that a person gave."""
    if wanted not in names:
        raise FormatError(f"{path}: has no {kind} {wanted!r}; found {', '.join(names) or 'none'}")


def known_or_only(
    own: str, known: Sequence[str], names: Collection[str], possible: Sequence[str]
) -> str | None:
    """The name under which words or vectors stand, or None where that cannot be told.

    own      : as this project writes it, whatever stands there
    known    : as others do
    possible : the names of what could be words, or vectors, by its kind
    """
    if own in names:
        return own
    candidates = [name for name in known if name in possible] or possible
    return candidates[0] if len(candidates) == 1 else None


def no_choice(path: Path, kind: str, own: tuple[str, str], names: Collection[str]) -> FormatError:
    """What to say where words or vectors cannot be told.

    own : the names of words and of vectors, as this project writes them
    """
    words, vectors = own
    found = ", ".join(names) or "none"
    return FormatError(
        f"{path}: expected the {kind}s '{words}' and '{vectors}'; found {found}; names such as "
        f"{WORD_NAMES[2]}, {WORD_NAMES[4]} and {VECTOR_NAMES[3]} are known too, others are given "
        "with --word-column and --vector-column"
    )
