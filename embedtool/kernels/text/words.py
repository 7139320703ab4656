"""Separating the words of a text in any script."""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit

LINE_END, SPACE = ord("\n"), ord(" ")
OTHER, LETTER, MARK = range(3)
"""Kinds of characters: a word is a letter, then letters and marks."""
TWO_BYTES, THREE_BYTES, FOUR_BYTES = 0xC0, 0xE0, 0xF0
"""The lowest first byte of a character of so many bytes in UTF-8."""


@jit
def space_words(
    text: NDArray[np.uint8], kinds: NDArray[np.uint8], spaced: NDArray[np.uint8]
) -> None:
    """Copy a text with spaces instead of the characters outside words, except line ends.

    Parameters
    ----------
    text : ndarray of uint8, shape (n_bytes,)
        Valid UTF-8, read-only.
    kinds : ndarray of uint8, shape (0x110000,)
        The kind of each character.
    spaced : ndarray of uint8, shape (n_bytes,)
        Output: the text with a space for each byte of such a character.
    """
    in_word = False
    start = 0
    while start < len(text):
        first = text[start]
        n_bytes, code = 1, np.int64(first)
        if first >= TWO_BYTES:
            n_bytes = 2 + (first >= THREE_BYTES) + (first >= FOUR_BYTES)
            code &= 0x7F >> n_bytes
            for i in range(start + 1, start + n_bytes):
                code = code << 6 | text[i] & 0x3F
        kind = kinds[code]
        in_word = kind == LETTER or (in_word and kind == MARK)
        is_kept = in_word or first == LINE_END
        for i in range(start, start + n_bytes):
            spaced[i] = text[i] if is_kept else SPACE
        start += n_bytes
