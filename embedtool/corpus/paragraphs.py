"""Hard-wrapped text: how it is recognised, and joined into paragraphs."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

SPACES = " \t\r\v\f\0"
SOFT_HYPHEN = "\u00ad"
HYPHENS = f"-\u2010{SOFT_HYPHEN}"
LINE_ENDS = re.compile(rf"([{HYPHENS}]?)[{SPACES}]*\n([{SPACES}\n]*)")
"""One line end or several, with a hyphen before."""

AFTER_WORD = re.compile(rf"[{SPACES}\n](?=[^{SPACES}\n{HYPHENS}])")
"""In reversed text: white space after a word that does not end in a hyphen."""
MAX_WORD_LENGTH = 2**20

WIDTHS = range(55, 101)
"""Widths of wrapped lines: 65 to 76 characters in mail and Project Gutenberg, 72 to 80 in editors.
Most verses are shorter."""
WIDTH_QUANTILE = 0.98
"""Minimum fraction of lines that fit the width; an address or a table may be longer."""
MIN_FULL_FRACTION = 0.65
"""Minimum fraction of full lines (the next word does not fit) among those followed by another line:
.69 to 1 in wrapped licences and manuals, below .5 in verses of 55 to 70 characters."""
SLACK = 3
"""Characters by which a full line may be shorter: people who wrap by hand are not exact."""
MAX_ENDED_FRACTION = 0.5
"""Maximum fraction of lines that end a sentence; with one sentence per line, all do."""
MIN_LINES, MIN_DISTINCT = 20, 5
"""Minimum numbers of lines, and of distinct lines."""
MIN_WORDS_PER_LINE = 4
"""Minimum mean number of words per line: shorter lines are records, or in a script without
spaces."""
SENTENCE_ENDS = tuple(".!?…。।؟")
CLOSING = "\"'”’»)]"


def paragraphs(pieces: Iterable[str], *, mend_hyphens: bool = True) -> Iterator[str]:
    """Join the lines of each paragraph of a text, up to an empty line.

    Empty lines become one line end.

    Parameters
    ----------
    pieces : iterable of str
        The text in arbitrary pieces.
    mend_hyphens : bool
        Remove the hyphen of a word that is divided at the end of a line: one between two letters,
        the second not a capital. Between other letters and digits it stays, without a space after
        it. If false, all hyphens stay, with a space after them.

    Yields
    ------
    str
        The text in pieces that end between words, except for words of more than MAX_WORD_LENGTH
        characters.
    """
    pending = ""
    for piece in pieces:
        text = pending + piece
        end = _end_of_known(text)
        yield _joined(text[:end], mend_hyphens)
        pending = text[end:]
        if pending.count("\n") > 1 and not pending.strip(f"{SPACES}\n"):
            pending = "\n\n"  # more empty lines add nothing
    yield _joined(pending, mend_hyphens)


def _end_of_known(text: str) -> int:
    """Return a position where a text can be cut: between words that later text cannot change."""
    found = AFTER_WORD.search(text[::-1])
    if found:
        return len(text) - found.end()
    return len(text) - 1 if len(text) > MAX_WORD_LENGTH else 0


def _joined(text: str, mend_hyphens: bool) -> str:
    def between(match: re.Match[str]) -> str:
        hyphen, rest = match.groups()
        if "\n" in rest:
            return f"{hyphen}\n"
        if not (hyphen and mend_hyphens):
            return f"{hyphen} "
        before, after = text[match.start() - 1 : match.start()], text[match.end() : match.end() + 1]
        if not (before.isalnum() and after.isalnum()):
            return f"{hyphen} "
        divides = hyphen == SOFT_HYPHEN or (
            before.isalpha() and after.isalpha() and not after.isupper()
        )
        return "" if divides else hyphen

    return LINE_ENDS.sub(between, text)


def wrapped_at(lines: Sequence[str]) -> int | None:
    """Return the width at which the lines of a text seem to be wrapped, or None.

    Wrapped lines end where the next word does not fit. A line that is a sentence, a verse or a
    headline ends anywhere.
    """
    bare = [line.rstrip() for line in lines]
    followed = [pair for pair in pairwise(bare) if all(pair)]
    pairs = set(followed)
    if len(followed) < MIN_LINES or len(pairs) < MIN_DISTINCT:
        return None
    if sum(len(line.split()) for line, _ in pairs) < MIN_WORDS_PER_LINE * len(pairs):
        return None
    lengths = sorted(map(len, filter(None, bare)))
    width = lengths[int(WIDTH_QUANTILE * (len(lengths) - 1))]
    if width not in WIDTHS:
        return None
    n_full = sum(
        len(line) + 1 + len(after.split(None, 1)[0]) > width - SLACK for line, after in pairs
    )
    n_ended = sum(line.rstrip(CLOSING).endswith(SENTENCE_ENDS) for line, _ in pairs)
    is_wrapped = n_full >= MIN_FULL_FRACTION * len(pairs) and n_ended < MAX_ENDED_FRACTION * len(
        pairs
    )
    return width if is_wrapped else None
