"""Hard-wrapped text: how it is told, and how its lines are put together again.

In: text in pieces, or some of its lines. Out: the text, a paragraph a line; the width at which its
lines are wrapped.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

SPACES = " \t\r\v\f\0"
SOFT_HYPHEN = "\u00ad"
HYPHENS = f"-\u2010{SOFT_HYPHEN}"
LINE_ENDS = re.compile(rf"([{HYPHENS}]?)[{SPACES}]*\n([{SPACES}\n]*)")
"""A line end, or several with nothing between them, and a hyphen before."""

AFTER_WORD = re.compile(rf"[{SPACES}\n](?=[^{SPACES}\n{HYPHENS}])")
"""In reversed text: white space after a word that no hyphen ends."""
LONGEST_WORD = 2**20

WIDTHS = range(55, 101)
"""Where lines are wrapped that are: at 65 to 76 characters in mail and by Project Gutenberg, at 72
to 80 by editors. Most verses are shorter."""
WIDTH_SHARE = 0.98
"""The share of lines that are no longer than the width: an address or a table may be."""
FULL_SHARE = 0.65
"""Lines into which the next word would not have fitted, among those that another follows: .69 to 1
of licences and manuals that are wrapped, less than half of verses of 55 to 70 characters."""
SLACK = 3
"""Characters by which a line may be shorter than that: people who wrap by hand do not count."""
ENDED_SHARE = 0.5
"""Sentences a line end in full stops, wrapped lines do so where a sentence happens to end."""
LEAST_LINES, LEAST_DISTINCT = 20, 5
"""Lines that say something about all; one and the same line, again and again, says nothing."""
LEAST_WORDS = 4
"""Words a line on average: a line of few is a record, or of a script without spaces."""
SENTENCE_ENDS = tuple(".!?…。।؟")
CLOSING = "\"'”’»)]"


def paragraphs(pieces: Iterable[str], *, mend_hyphens: bool = True) -> Iterator[str]:
    """The text of some pieces, whose lines are joined up to an empty one.

    mend_hyphens : a hyphen that divides a word at the end of a line goes, and the word is one: it
        stands between two letters, the second one no capital. Between other letters and digits it
        stays, and no space comes behind it. False: all stay, with a space behind them
    Empty lines become one line end. A piece may end anywhere; what comes out ends between words,
    but for words of more than LONGEST_WORD characters.
    """
    pending = ""
    for piece in pieces:
        text = pending + piece
        end = _end_of_known(text)
        yield _joined(text[:end], mend_hyphens)
        pending = text[end:]
        if pending.count("\n") > 1 and not pending.strip(f"{SPACES}\n"):
            pending = "\n\n"  # more empty lines say no more
    yield _joined(pending, mend_hyphens)


def _end_of_known(text: str) -> int:
    """Where a text can be cut: between words, neither of which what comes later can change."""
    found = AFTER_WORD.search(text[::-1])
    if found:
        return len(text) - found.end()
    return len(text) - 1 if len(text) > LONGEST_WORD else 0


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
    """The width at which the lines of a text seem to be wrapped, or None.

    Whoever wraps lines ends each where the next word does not fit. A line that is a sentence, a
    verse or a headline ends anywhere.
    """
    bare = [line.rstrip() for line in lines]
    followed = [pair for pair in pairwise(bare) if all(pair)]
    pairs = set(followed)
    if len(followed) < LEAST_LINES or len(pairs) < LEAST_DISTINCT:
        return None
    if sum(len(line.split()) for line, _ in pairs) < LEAST_WORDS * len(pairs):
        return None
    lengths = sorted(map(len, filter(None, bare)))
    width = lengths[int(WIDTH_SHARE * (len(lengths) - 1))]
    if width not in WIDTHS:
        return None
    n_full = sum(
        len(line) + 1 + len(after.split(None, 1)[0]) > width - SLACK for line, after in pairs
    )
    n_ended = sum(line.rstrip(CLOSING).endswith(SENTENCE_ENDS) for line, _ in pairs)
    is_wrapped = n_full >= FULL_SHARE * len(pairs) and n_ended < ENDED_SHARE * len(pairs)
    return width if is_wrapped else None
