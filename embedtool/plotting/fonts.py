"""Fonts for words of every script."""

import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.ft2font import FT2Font

CJK = ("CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC", "KANGXI", "HALFWIDTH",
       "FULLWIDTH")  # fmt: skip
"""Prefixes of the Unicode names of Chinese, Japanese and Korean characters."""
PACKAGES = {"cjk": "fonts-noto-cjk", "symbols": "fonts-symbola", "other": "fonts-noto-core"}
"""Debian's packages of fonts. Matplotlib cannot draw colour fonts (fonts-noto-color-emoji)."""

DEFAULT_FAMILY = "DejaVu Sans"
"""Font of matplotlib, always available, with Latin, Greek, Cyrillic and much more."""


def families(text: str) -> tuple[list[str], str]:
    """Return font families that together have the characters of a text, and missing characters.

    Fonts of the system are searched only if DEFAULT_FAMILY does not suffice; regular sans-serif
    fonts come first.

    Returns
    -------
    families : list of str
    missing : str
        The characters that no installed font has.
    """
    from matplotlib.font_manager import findfont, findSystemFonts, fontManager
    from matplotlib.ft2font import FT2Font

    names = [DEFAULT_FAMILY]
    missing = {c for c in text if _is_visible(c)}
    missing -= _characters(FT2Font(findfont(DEFAULT_FAMILY)))
    if not missing:
        return names, ""
    for path in sorted(findSystemFonts(), key=_rank):
        try:
            font = FT2Font(path)
        except (RuntimeError, OSError):
            continue  # not a font, despite its name
        has = missing & _characters(font) if font.scalable else set()
        if has:
            fontManager.addfont(path)
            names.append(font.family_name)
            missing -= has
    return names, "".join(sorted(missing))


def packages(characters: str) -> list[str]:
    """Return the packages with fonts for characters; none for private-use characters."""
    return sorted({PACKAGES[kind] for kind in map(_kind, characters) if kind in PACKAGES})


def _kind(character: str) -> str:
    category = unicodedata.category(character)
    if category in ("Co", "Cn", "Cs"):
        return ""
    if unicodedata.name(character, "").startswith(CJK):
        return "cjk"
    return "symbols" if category[0] == "S" else "other"


def _is_visible(character: str) -> bool:
    """Return whether a character has a glyph: not a space, joiner or variation selector."""
    is_selector = unicodedata.name(character, "").startswith("VARIATION SELECTOR")
    return not (character.isspace() or is_selector or unicodedata.category(character) == "Cf")


def _characters(font: "FT2Font") -> set[str]:
    return set(map(chr, font.get_charmap()))


def _rank(path: str) -> tuple[bool, bool, str]:
    name = Path(path).stem
    return "Serif" in name, "Regular" not in name, name
