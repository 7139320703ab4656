"""Tokenization: text is normalized and split into tokens without ASCII white space.

NUL counts as white space, as in fastText: no vector file can contain it.
"""

import re
import sys
from collections.abc import Callable
from functools import cache
from unicodedata import category, combining, normalize

import numpy as np
from numpy.typing import NDArray

from embedtool.config.text import TextConfig
from embedtool.corpus.string_table import StringTable
from embedtool.errors import MissingExtraError
from embedtool.io.encodings import SURROGATE_ERRORS

Tokenizer = Callable[[str], list[str]]

WORD = re.compile(r"\w+")
JOINERS = "\u200c\u200d"
"""Joiners, which control within a word how its letters join (Persian, Hindi, Bengali)."""
BETWEEN_SPACES = re.compile(r"[^\s\0]+", re.ASCII)
ASCII_SPACE = re.compile(r"\s", re.ASCII)
NOT_ASCII_SPACE = re.compile(
    r"[\0\x1c-\x1f\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]"
)
"""Characters that are white space for str.split but not in ASCII; and NUL, the reverse."""
OTHERS_TO_SPACES = bytes(
    code if chr(code).isascii() and (chr(code).isalnum() or chr(code) in "_\n") else ord(" ")
    for code in range(256)
)
"""For bytes.translate: ASCII other than letters, digits, underscores and line ends to spaces."""


INNER_WHITESPACE = b" \t\v\f\r"
ESCAPED = b"\xff\xfe\xfd\xfc\xfb"
"""White space within a token of a list, and its escapes: bytes that are invalid in UTF-8."""
ESCAPE, UNESCAPE = (
    bytes.maketrans(INNER_WHITESPACE, ESCAPED),
    bytes.maketrans(ESCAPED, INNER_WHITESPACE),
)


def encode_token(token: str) -> bytes:
    """Encode a token in UTF-8, with escapes for ASCII white space within it."""
    return token.encode("utf-8", SURROGATE_ERRORS).translate(ESCAPE)


def decode_token(encoded: bytes) -> str:
    """Decode what `encode_token` wrote."""
    return encoded.translate(UNESCAPE).decode("utf-8", SURROGATE_ERRORS)


def decode_token_lines(text: NDArray[np.uint8]) -> StringTable:
    """Decode tokens that `encode_token` wrote, each followed by a line end."""
    words = StringTable.from_lines(text)
    if len(words.text) and words.text.max() >= min(ESCAPED):
        return StringTable(
            np.frombuffer(words.text.tobytes().translate(UNESCAPE), np.uint8), words.ends
        )
    return words


def split_spaces(text: str) -> list[str]:
    """Split at ASCII white space and nowhere else: a no-break space is part of its word."""
    if NOT_ASCII_SPACE.search(text):
        return BETWEEN_SPACES.findall(text)
    return text.split()


def find_words(text: str) -> list[str]:
    """Find runs of letters, digits and underscores of any script, with their combining marks."""
    return (WORD if text.isascii() else _marked_word()).findall(text)


@cache
def _marked_word() -> re.Pattern[str]:
    r"""Compile `\w+` with combining marks, without which words of Hindi or Tamil are split."""
    return re.compile(rf"\w[\w{_marks()}]*")


@cache
def _marks() -> str:
    """Return the combining marks of all scripts, and JOINERS."""
    characters = map(chr, range(sys.maxunicode + 1))
    return "".join(c for c in characters if category(c).startswith("M")) + JOINERS


@cache
def _character_kinds() -> NDArray[np.uint8]:
    """Return the kind of each character, for `space_words`."""
    from embedtool.kernels.text.words import LETTER, MARK

    kinds = np.zeros(sys.maxunicode + 1, np.uint8)
    kinds[[*map(ord, _marks())]] = MARK
    for letters in WORD.finditer("".join(map(chr, range(len(kinds))))):
        kinds[letters.start() : letters.end()] = LETTER
    return kinds


def _icu() -> Tokenizer:
    try:
        from icu4py.breakers import WordBreaker
    except ImportError:
        raise MissingExtraError("tokenizer='icu'", "icu", parameters=("tokenizer",)) from None

    def find_icu_words(text: str) -> list[str]:
        """Find words by Unicode's rules, and by ICU's dictionaries in scripts without spaces."""
        return [
            word
            for segment in WordBreaker(text, "root")
            if WORD.search(segment)
            for word in split_spaces(segment)
        ]

    return find_icu_words


TOKENIZERS: dict[str, Callable[[], Tokenizer]] = {
    "whitespace": lambda: split_spaces,
    "words": lambda: find_words,
    "icu": _icu,
}


def normalizer(config: TextConfig) -> Callable[[str], str]:
    """Return the function for text before tokenization: Unicode normalization, then lower case."""
    form = config.normalize.upper()
    lower = LOWER[config.lowercase]

    def normalize_text(text: str) -> str:
        if form != "NONE":
            text = normalize(form, text)  # type: ignore[arg-type]
        return lower(text)

    return normalize_text


def lower_turkic(text: str) -> str:
    """Lower-case by the rules of Turkish and Azerbaijani, where i and dotless ı are two letters.

    By Unicode's SpecialCasing.txt: I becomes ı, and İ, or I with a dot above, becomes i.
    """
    return text.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı").lower()


def lower_lithuanian(text: str) -> str:
    """Lower-case by the rules of Lithuanian, where i, j and į keep their dot below an accent.

    By Unicode's SpecialCasing.txt: a dot above comes between such a letter and an accent above.
    """
    for letter, dotted in LITHUANIAN_ACCENTED.items():
        text = text.replace(letter, dotted)
    return UNDER_ACCENT.sub("\\1\u0307", text).lower()


LITHUANIAN_ACCENTED = {"Ì": "i\u0307\u0300", "Í": "i\u0307\u0301", "Ĩ": "i\u0307\u0303"}
ABOVE = "".join(c for c in map(chr, range(0x300, 0x370)) if combining(c) == 230)
BELOW = "".join(c for c in map(chr, range(0x300, 0x370)) if combining(c) not in (0, 230))
UNDER_ACCENT = re.compile(rf"([IJĮ])(?=[{BELOW}]*[{ABOVE}])")
"""A capital below an accent (More_Above), with other marks in between or not."""

LOWER: dict[bool | str, Callable[[str], str]] = {
    False: str,
    True: str.lower,
    "tr": lower_turkic,
    "az": lower_turkic,
    "lt": lower_lithuanian,
}
"""How text is lower-cased, for each value of `lowercase`."""


def text_tokenizer(config: TextConfig) -> Callable[[bytes], bytes]:
    """Return a function that normalizes UTF-8 and leaves ASCII white space between tokens only.

    Line ends are kept.
    """
    normalize_text = normalizer(config)
    unchanged = config.normalize == "none" and not config.lowercase

    def normalized(text: bytes) -> bytes:
        return text if unchanged else normalize_text(text.decode()).encode()

    if config.tokenizer == "whitespace":
        return normalized
    if config.tokenizer == "words":
        return lambda text: _space_words(normalized(text))
    tokenize = TOKENIZERS[config.tokenizer]()

    def space(text: bytes) -> bytes:
        lines = normalize_text(text.decode()).split("\n")
        return "\n".join(" ".join(tokenize(line)) for line in lines).encode()

    return space


def _space_words(text: bytes) -> bytes:
    """Separate words as `find_words`, with a shortcut for ASCII."""
    if text.isascii():
        return text.translate(OTHERS_TO_SPACES)
    from embedtool.kernels.text.words import space_words  # loads the compiler

    spaced = np.empty(len(text), np.uint8)
    space_words(np.frombuffer(text, np.uint8), _character_kinds(), spaced)
    return spaced.tobytes()


UNSEGMENTED_SCRIPTS = {
    "Chinese or Japanese": (re.compile(r"[\u3040-\u30ff\u3400-\u9fff\U00020000-\U000323af]"), 3),
    "Thai, Lao, Khmer or Burmese": (re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff]"), 8),
}
"""Scripts written without spaces between words, and an upper bound of the mean length of tokens, in
characters, in text that is segmented into words."""

UNSEGMENTED_FRACTION = 0.05
"""Minimum fraction of the tokens in such a script for a warning."""


def unsegmented_script(words: StringTable, counts: NDArray[np.int64]) -> str | None:
    """Return the script of a text that seems to have no spaces between words, or None."""
    n_tokens = int(counts.sum())
    ids = words.non_ascii_ids()
    candidates = list(words.take(ids))
    for script, (letters, longest) in UNSEGMENTED_SCRIPTS.items():
        if not letters.search("\n".join(candidates)):
            continue
        rows = [i for i, word in zip(ids.tolist(), candidates, strict=True) if letters.search(word)]
        n_script = int(counts[rows].sum())
        if n_script <= UNSEGMENTED_FRACTION * n_tokens:
            continue
        n_letters = sum(len(words[i]) * int(counts[i]) for i in rows)
        if n_letters > longest * n_script:
            return script
    return None
