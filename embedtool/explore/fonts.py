"""Fonts for words of every script.

In: a text. Out: the families that together have its letters, and the letters that none here has.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

FIRST = "DejaVu Sans"
"""What comes with matplotlib, and so is always there: Latin, Greek, Cyrillic and much more."""


def families(text: str) -> tuple[list[str], str]:
    """Names of font families for `drawing`, and the letters of the text that none of them has.

    Fonts of the system are looked through only where the first does not do; among those that have a
    letter, upright ones without serifs come first.
    """
    from matplotlib.font_manager import findfont, findSystemFonts, fontManager
    from matplotlib.ft2font import FT2Font

    found = [FIRST]
    wanted = {c for c in text if not c.isspace()}
    wanted -= _letters(FT2Font(findfont(FIRST)))
    if not wanted:
        return found, ""
    for path in sorted(findSystemFonts(), key=_rank):
        try:
            font = FT2Font(path)
        except (RuntimeError, OSError):
            continue  # no font, though it is called one
        has = wanted & _letters(font) if font.scalable else set()
        if has:
            fontManager.addfont(path)
            found.append(font.family_name)
            wanted -= has
    return found, "".join(sorted(wanted))


def _letters(font: "FT2Font") -> set[str]:
    return set(map(chr, font.get_charmap()))


def _rank(path: str) -> tuple[bool, bool, str]:
    name = Path(path).stem
    return "Serif" in name, "Regular" not in name, name
