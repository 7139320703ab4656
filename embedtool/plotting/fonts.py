"""Fonts for words of every script.

In: a text. Out: the families that together have its letters, and the letters that none here has.
"""

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "KANGXI", "HALFWIDTH",
       "FULLWIDTH")  # fmt: skip
"""What the names of their characters begin with, in Unicode."""
PACKAGES = {"cjk": "fonts-noto-cjk", "symbols": "fonts-symbola", "other": "fonts-noto-core"}
"""Debian's packages of fonts. Those with colours (fonts-noto-color-emoji) cannot be drawn."""

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
    wanted = {c for c in text if _is_drawn(c)}
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


def packages(letters: str) -> list[str]:
    """The packages that together have fonts for some letters; none for those of private use."""
    return sorted({PACKAGES[kind] for kind in map(_kind, letters) if kind in PACKAGES})


def _kind(letter: str) -> str:
    category = unicodedata.category(letter)
    if category in ("Co", "Cn", "Cs"):
        return ""
    if unicodedata.name(letter, "").startswith(CJK):
        return "cjk"
    return "symbols" if category[0] == "S" else "other"


def _is_drawn(letter: str) -> bool:
    """Whether a character leaves a mark: no space, joiner or selector of a variant."""
    is_selector = unicodedata.name(letter, "").startswith("VARIATION SELECTOR")
    return not (letter.isspace() or is_selector or unicodedata.category(letter) == "Cf")


def _letters(font: "FT2Font") -> set[str]:
    return set(map(chr, font.get_charmap()))


def _rank(path: str) -> tuple[bool, bool, str]:
    name = Path(path).stem
    return "Serif" in name, "Regular" not in name, name
