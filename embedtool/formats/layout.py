"""The layout of a text of vectors: a header or none, then one row a line, a word and its numbers.

Reading and checking share these rules. A line is split at the ASCII space only: other white space
may be part of a word. The size of a vector is what most rows have, and the vector is the last
fields of a line, so that a word may hold spaces.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Literal

import numpy as np
from numpy.typing import NDArray

HEADER = re.compile(rb"(\d{1,18}) (\d{1,9}) ?\r?")
WHOLE = re.compile(rb"(?=.*[1-9])\d+(?: \d+)+ ?\r?")
WHOLE_NUMBERS = re.compile(rb".*?(?: [-+]?\d+)+ ?\r?", re.DOTALL)
"""A row whose numbers are whole; WHOLE is a line of whole numbers, not all of them 0."""
NUMBER_BYTES = b"-+0123456789.eEnaifNIFtyTY "
"""The bytes of numbers, `nan` and `infinity`."""
NUMBER = re.compile(rb"[-+]?(?:(?:\d+\.?\d*|\.\d+)(?:e[-+]?\d+)?|nan|inf(?:inity)?)", re.IGNORECASE)
LONG_NUMBER = re.compile(rb"[-+]?(?:\d*\.\d{3,}(?:[eE][-+]?\d+)?|\d+\.?\d*[eE][-+]?\d+)")
"""A number of a vector, hardly one of a name: `0.1256` or `1e-05`, not the `2.0` of a version."""
CONTROL = re.compile(rb"[\0-\x1f\x7f]")
BLANKS = b" \t\r"
SEPARATOR = re.compile(rb"[ \t]+")
PARTS = re.compile(rb"[ \t,;|]+")
"""Between the parts of a word that may be fields of a row."""
SAMPLE_LINES, SAMPLE_BYTES = 100, 2**20
"""Maximum lines and bytes that determine the number of dimensions."""

Doubt = Literal["none", "possible", "certain"]


@dataclass(frozen=True)
class Layout:
    """What the first lines of a file say of the others.

    Attributes
    ----------
    header : (int, int) or None
        Rows and dimensions in the first line, if it is a header.
    vector_size : int
        Numbers that most rows have; 0 if no row has a word and numbers.
    is_mixed : bool
        Whether most words hold a number that is a field of its own, such as the index of a table.
    is_doubtful : bool
        Whether the first line holds whole numbers only, unlike the others, as a header of another
        kind would.
    """

    header: tuple[int, int] | None
    vector_size: int
    is_mixed: bool = False
    is_doubtful: bool = False

    def doubt(self, word: bytes, numbers: bytes) -> Doubt:
        """Return whether a word may hold a number that belongs to the vector of its row.

        Among the parts of a word, as in `windows 95`, there may be a number. It belongs to the
        vector if it is as long as the vector's numbers, or if those are as short as it.
        """
        if b"\r" in word:
            return "certain"
        inner = word.strip(BLANKS)
        if inner and inner != word:
            return "certain"
        found = numbers_in(word)
        if not found or not (self.is_mixed or SEPARATOR.search(word)):
            return "none"
        if self.is_mixed or b"\t" in word or any(map(LONG_NUMBER.fullmatch, found)):
            return "certain"
        fields = numbers.split(b" ")
        return "possible" if any(map(LONG_NUMBER.fullmatch, fields)) else "certain"


def layout_of(lines: Sequence[bytes], *, needs_header: bool) -> Layout:
    """Return the layout of a file by its first lines.

    Parameters
    ----------
    lines : sequence of bytes
        The lines, beginning with the first.
    needs_header : bool
        If False, the first line is a header only if most rows have as many numbers as it says.
    """
    rows = [line for line in lines[1:] if line.strip(BLANKS)]
    header = header_of(lines[0]) if lines else None
    if header is not None:
        size = size_of(rows, header[1])
        if needs_header or size == header[1] in map(n_numbers, rows):
            return Layout(header, size, _is_mixed(rows, size))
    first = lines[0] if lines else b""
    is_unlike = WHOLE.fullmatch(first) and not any(map(WHOLE_NUMBERS.fullmatch, rows))
    size = size_of([first, *rows])
    is_doubtful = bool(is_unlike) and len(rows) > 0 and 1 < size == n_numbers(first)
    return Layout(None, size, _is_mixed([first, *rows], size), is_doubtful)


def header_of(line: bytes) -> tuple[int, int] | None:
    """Return the two numbers of a header line, rows and dimensions, or None if it is not one."""
    match = HEADER.fullmatch(line)
    return (int(match[1]), int(match[2])) if match and int(match[2]) else None


def size_of(rows: Sequence[bytes], said: int = 0) -> int:
    """Return the number of dimensions: the header's if half of the rows agree, or the majority's.

    0 if there is no header and no row has any.
    """
    sizes = Counter(filter(None, map(n_numbers, rows)))
    if not sizes or (said and 2 * sizes[said] >= sizes.total()):
        return said
    return sizes.most_common(1)[0][0]


def n_numbers(line: bytes) -> int:
    """Return how many fields at the end of a line, except the first, are numbers."""
    fields = SEPARATOR.split(line.strip(BLANKS))[:0:-1]
    return sum(1 for _ in takewhile(NUMBER.fullmatch, fields))


def _is_mixed(rows: Sequence[bytes], vector_size: int) -> bool:
    """Return whether most words hold a number between spaces, or one with a point after a comma."""
    words = [fields[0] for row in rows if (fields := fields_of(row, vector_size))]
    mixed = [
        word for word in words
        if any(SEPARATOR.search(word) or b"." in number for number in numbers_in(word))
    ]  # fmt: skip
    return 2 * len(mixed) > len(rows)


def numbers_in(word: bytes) -> list[bytes]:
    """Return the parts of a word of several parts that are numbers."""
    parts = PARTS.split(word)
    return list(filter(NUMBER.fullmatch, parts)) if len(parts) > 1 else []


def fields_of(line: bytes, vector_size: int) -> tuple[bytes, bytes] | None:
    """Return the word and the numbers of a line, or None if there are too few spaces."""
    line = line.rstrip(b" \r")
    fields = line.rsplit(b" ", vector_size)
    if len(fields) != vector_size + 1:
        return None
    return fields[0], line[len(fields[0]) + 1 :]


def numbers_of(text: bytes) -> NDArray[np.float32] | None:
    """Parse numbers between single spaces as float32; return None if there is anything else.

    A caller turns DeprecationWarning into an error: so NumPy reports what is not a number.
    """
    if not text or text.translate(None, NUMBER_BYTES) or b"  " in text or text.startswith(b" "):
        return None
    try:
        wide = np.fromstring(text.decode("ascii"), dtype=np.float64, sep=" ")
    except (ValueError, DeprecationWarning):
        return None
    with np.errstate(over="ignore"):
        return wide.astype(np.float32)


def row_of(line: bytes, vector_size: int) -> tuple[bytes, bytes, NDArray[np.float32]] | None:
    """Return word, text of the numbers, and numbers of a line, or None if it is not a row."""
    fields = fields_of(line, vector_size)
    values = numbers_of(fields[1]) if fields else None
    if fields is None or values is None or len(values) != vector_size:
        return None
    return *fields, values


def is_row(line: bytes, vector_size: int) -> bool:
    """Return whether a line is a valid row of text: a printable word and its numbers."""
    fields = fields_of(line, vector_size)
    if fields is None or CONTROL.search(line.removesuffix(b"\r")):
        return False
    layout = Layout(None, vector_size)
    is_sound = all(map(NUMBER.fullmatch, fields[1].split(b" ")))
    return is_sound and layout.doubt(*fields) == "none"


def is_text(line: bytes) -> bool:
    """Return whether a row, valid or not, is text: half of the fields after the word are numbers.

    Binary numbers cut at their spaces do not look like that.
    """
    fields = SEPARATOR.split(line.strip(BLANKS))[1:]
    return 0 < len(fields) <= 2 * sum(1 for field in fields if NUMBER.fullmatch(field))
