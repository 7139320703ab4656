"""Rows of text, a word and decimal numbers between spaces, converted to float32 and back.

A decimal of at most 19 digits whose digits are an integer below 2**53, times a power of ten of at
most 22, is the correctly rounded product or quotient of two numbers that float64 holds exactly
(Clinger 1990). That is nearly every number of nearly every file; other rows are left to a slower
parser.
"""

import numpy as np
from numpy.typing import NDArray

from embedtool.kernels.jit import jit_strict

SPACE, LINE_END, RETURN = ord(" "), ord("\n"), ord("\r")
PLUS, MINUS, POINT, ZERO, NINE = ord("+"), ord("-"), ord("."), ord("0"), ord("9")
SMALL_E, LARGE_E = ord("e"), ord("E")

MAX_EXACT_INTEGER = np.uint64(2**53)
"""Up to here float64 holds every integer."""
MAX_DIGITS = 19
"""Digits that always fit in 64 bits."""
POWERS = 10.0 ** np.arange(23)
"""Powers of ten that float64 holds exactly."""
MAX_EXPONENT_DIGITS = 4

N_DIGITS = 9
"""Significant digits that distinguish any two float32 numbers."""
MIN_FIXED, MAX_FIXED = -5, 9
"""Between these exponents numbers are written without one, as C's %.9g does."""
MAX_NUMBER_BYTES = 16
"""Bytes of a number with its separator: sign, point, nine digits, e-45."""
SCALES = 10.0 ** np.arange(-40.0, 60.0)
ZERO_SCALE = 40


@jit_strict
def parse_lines(
    text: NDArray[np.uint8],
    matrix: NDArray[np.float32],
    spans: NDArray[np.int64],
) -> None:
    """Parse the lines of a text, each of which ends with a line end.

    Parameters
    ----------
    text : ndarray of uint8, shape (n_bytes,)
        The lines.
    matrix : ndarray of float32, shape (n_lines, vector_size)
        Output: the last numbers of each line.
    spans : ndarray of int64, shape (n_lines, 3)
        Output: where a line begins, where its word ends, or -1 if the line needs another parser;
        input: where it ends.
    """
    start = 0
    for line in range(len(matrix)):
        stop = spans[line, 2]
        end = stop
        while end > start and (text[end - 1] == SPACE or text[end - 1] == RETURN):
            end -= 1
        offset = start
        while offset < end and text[offset] != SPACE:
            offset += 1
        if not _numbers(text, offset, end, matrix, line):
            offset = _last_spaces(text, start, end, matrix.shape[1])
            if not _numbers(text, offset, end, matrix, line):
                offset = start
        spans[line, 0], spans[line, 1] = start, offset if offset > start else -1
        start = stop + 1


@jit_strict
def _last_spaces(text: NDArray[np.uint8], start: int, end: int, n_spaces: int) -> int:
    """Return where the last `n_spaces` spaces of a line begin, or its start if there are fewer."""
    offset = end
    while offset > start and n_spaces > 0:
        offset -= 1
        n_spaces -= text[offset] == SPACE
    return offset if n_spaces == 0 else start


@jit_strict
def _numbers(
    text: NDArray[np.uint8], at: int, end: int, matrix: NDArray[np.float32], line: int
) -> bool:
    """Parse the numbers of a row, each after a space, up to the end; return whether that worked."""
    for column in range(matrix.shape[1]):
        if at < 0 or at >= end:
            return False
        at = _number(text, at + 1, end, matrix, line, column)
    return at == end


@jit_strict
def _number(
    text: NDArray[np.uint8],
    at: int,
    end: int,
    matrix: NDArray[np.float32],
    line: int,
    column: int,
) -> int:
    """Parse the number that begins at a byte; return where it ends, or -1 if it is unusual."""
    negative = at < end and text[at] == MINUS
    if at < end and (text[at] == MINUS or text[at] == PLUS):
        at += 1
    digits, n_digits, exponent, first = np.uint64(0), 0, 0, at
    while at < end and ZERO <= text[at] <= NINE:
        digits = digits * np.uint64(10) + np.uint64(text[at] - ZERO)
        at += 1
    n_digits = at - first
    if at < end and text[at] == POINT:
        at += 1
        first = at
        while at < end and ZERO <= text[at] <= NINE:
            digits = digits * np.uint64(10) + np.uint64(text[at] - ZERO)
            at += 1
        exponent = first - at
        n_digits += at - first
    if n_digits == 0 or n_digits > MAX_DIGITS or digits > MAX_EXACT_INTEGER:
        return -1
    if at < end and (text[at] == SMALL_E or text[at] == LARGE_E):
        at += 1
        below = at < end and text[at] == MINUS
        if at < end and (text[at] == MINUS or text[at] == PLUS):
            at += 1
        first, power = at, 0
        while at < end and ZERO <= text[at] <= NINE and at - first < MAX_EXPONENT_DIGITS:
            power = power * 10 + int(text[at] - ZERO)
            at += 1
        if at == first:
            return -1
        exponent += -power if below else power
    if (at < end and text[at] != SPACE) or abs(exponent) >= len(POWERS):
        return -1
    value = np.float64(digits)
    value = value * POWERS[exponent] if exponent >= 0 else value / POWERS[-exponent]
    matrix[line, column] = np.float32(-value if negative else value)
    return at


@jit_strict
def format_rows(
    matrix: NDArray[np.float32],
    separator: int,
    text: NDArray[np.uint8],
    ends: NDArray[np.int64],
) -> None:
    """Write finite numbers with nine significant digits, which distinguish any two of them.

    Parameters
    ----------
    matrix : ndarray of float32, shape (n_rows, vector_size)
        The numbers.
    separator : int
        The byte between two numbers of a row; after the last comes a line end.
    text : ndarray of uint8, shape (MAX_NUMBER_BYTES * n_rows * vector_size,)
        Output: the rows.
    ends : ndarray of int64, shape (n_rows,)
        Output: where in `text` each row ends.
    """
    at = 0
    for row in range(matrix.shape[0]):
        for column in range(matrix.shape[1]):
            if column:
                text[at] = separator
                at += 1
            at = _write_number(np.float64(matrix[row, column]), text, at)
        text[at] = LINE_END
        at += 1
        ends[row] = at


@jit_strict
def _write_number(value: float, text: NDArray[np.uint8], at: int) -> int:
    """Write a number at a byte; return where it ends.

    The range of numbers with the same nine digits is some thirty times as wide as the rounding
    error of the product here, so that the digits lead back to the same float32.
    """
    if value < 0 or (value == 0 and 1 / value < 0):
        text[at] = MINUS
        at += 1
        value = -value
    if value == 0:
        text[at] = ZERO
        return at + 1
    exponent = int(np.floor(np.log10(value)))
    digits = int(np.rint(value * SCALES[ZERO_SCALE + N_DIGITS - 1 - exponent]))
    if digits < 10 ** (N_DIGITS - 1):
        exponent -= 1
        digits = int(np.rint(value * SCALES[ZERO_SCALE + N_DIGITS - 1 - exponent]))
    if digits >= 10**N_DIGITS:
        exponent += 1
        digits = int(np.rint(value * SCALES[ZERO_SCALE + N_DIGITS - 1 - exponent]))
    n_digits = N_DIGITS
    while digits % 10 == 0 and n_digits > 1:
        digits //= 10
        n_digits -= 1
    fixed = MIN_FIXED < exponent < MAX_FIXED
    n_before = exponent + 1 if fixed else 1
    if n_before <= 0:
        text[at], text[at + 1] = ZERO, POINT
        at += 2
        for _ in range(-n_before):
            text[at] = ZERO
            at += 1
    n_shown = max(n_digits, n_before)
    with_point = 0 < n_before < n_shown
    last = at + n_shown + with_point
    offset = last
    for k in range(n_shown - 1, -1, -1):
        if with_point and k == n_before - 1:
            offset -= 1
            text[offset] = POINT
        offset -= 1
        if k < n_digits:
            text[offset] = ZERO + digits % 10
            digits //= 10
        else:
            text[offset] = ZERO
    at = last
    if not fixed:
        text[at] = SMALL_E
        text[at + 1] = MINUS if exponent < 0 else PLUS
        text[at + 2] = ZERO + abs(exponent) // 10
        text[at + 3] = ZERO + abs(exponent) % 10
        at += 4
    return at
