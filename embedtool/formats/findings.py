"""The findings of a check of a vector file, by kind, and the good rows."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from embedtool.formats.layout import CONTROL
from embedtool.messages import brief
from embedtool.model.linalg import row_norms
from embedtool.model.vectors import VectorTable

ERRORS = {
    "unreadable": "the file cannot be read",
    "bom": "a byte order mark, which other tools take as part of the first line",
    "header": "a header that is missing or wrong",
    "cut": "a file that is cut short",
    "fields": "too few or too many numbers",
    "number": "something that is not a number",
    "separator": "tabs or several spaces between word and numbers",
    "blank": "blank lines",
    "long": "lines too long for a row",
    "stray": "bytes that belong to no row",
    "unpaired": "words without numbers, or numbers without words",
    "encoding": "words that are not UTF-8",
    "missing": "missing words",
    "nonfinite": "numbers that are not finite",
    "duplicate": "duplicate words",
}
"""Kinds of faults that make a file invalid: reading fails, or leaves a row out."""
WARNINGS = {
    "zero": "rows of zeros",
    "endless": "vectors whose length is beyond float32, which answer no query",
    "whitespace": "words with white space, which other tools may cut",
    "control": "words with control characters",
    "numeric": "words with a number between spaces, as where a row has a number too many",
    "whole": "a first row of whole numbers only, unlike the others, as in a header of another kind",
    "crlf": "lines that end in CR LF",
    "blank_end": "blank lines at the end",
    "unended": "no line end after the last row, whose last number may be cut short",
}
"""Kinds of remarks: the file is read as it is."""
LARGE = 1e30
"""Largest number: a row of up to 10^16 smaller ones has a norm within float32."""
EXAMPLES = 5
"""Number of examples recorded for each kind."""
LONGEST_SHOWN = 40
"""Bytes of a word or a line."""


class Example(NamedTuple):
    """A location, such as {"line": 3}, and details."""

    location: Mapping[str, int]
    detail: str


@dataclass
class Finding:
    """The number of findings of a kind, and the first ones."""

    count: int = 0
    examples: list[Example] = field(default_factory=list)


class Span(NamedTuple):
    """Adjacent good rows: bytes [start, end) of the file.

    Attributes
    ----------
    is_repaired : bool
        Whether tabs or several spaces between fields become single ones.
    """

    start: int
    end: int
    is_repaired: bool


@dataclass
class Findings:
    """The findings in a file, and its good rows.

    Attributes
    ----------
    with_header : bool
        Whether the rows come after a line that counts them.
    n_rows : int
        Rows found, good and bad.
    n_kept : int
        Good rows, n_repaired of which need their spaces repaired.
    kinds : dict of str to Finding
        The findings by their kind, a key of ERRORS or WARNINGS.
    spans : list of Span
        The good rows, for formats that are checked row by row.
    vectors : VectorTable or None
        The good rows, for the others.
    options : dict
        Options of the training, if the format holds them.
    """

    __repr__ = brief

    path: Path
    format: str
    with_header: bool = False
    vector_size: int = 0
    n_rows: int = 0
    n_kept: int = 0
    n_repaired: int = 0
    kinds: dict[str, Finding] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    vectors: VectorTable | None = None
    options: dict[str, Any] = field(default_factory=dict)
    _words: set[bytes] = field(default_factory=set)

    @property
    def errors(self) -> dict[str, Finding]:
        """The faults that make the file invalid, by kind, in the order of ERRORS."""
        return {kind: self.kinds[kind] for kind in ERRORS if kind in self.kinds}

    @property
    def warnings(self) -> dict[str, Finding]:
        """The remarks, by kind."""
        return {kind: self.kinds[kind] for kind in WARNINGS if kind in self.kinds}

    def add(self, kind: str, location: Mapping[str, int], detail: str = "") -> None:
        """Count a finding; the first few are recorded with their location."""
        finding = self.kinds.setdefault(kind, Finding())
        finding.count += 1
        if len(finding.examples) < EXAMPLES:
            finding.examples.append(Example(location, detail))

    def validate_row(
        self, location: Mapping[str, int], raw: bytes, values: NDArray[np.float32]
    ) -> bool:
        """Return whether a row is good: a new word in UTF-8, and finite numbers."""
        try:
            word = raw.decode()
        except UnicodeDecodeError:
            self.add("encoding", location, quoted(raw))
            return False
        if not word:
            self.add("missing", location)
            return False
        if not np.isfinite(values).all():
            self.add("nonfinite", location, quoted(raw))
            return False
        if raw in self._words:
            self.add("duplicate", location, quoted(raw))
            return False
        self._words.add(raw)
        largest = np.abs(values).max()
        if not largest:
            self.add("zero", location, quoted(raw))
        if largest > LARGE and np.isinf(row_norms(values[None])[0]):
            self.add("endless", location, quoted(raw))
        if len(word.split()) != 1:
            self.add("whitespace", location, quoted(raw))
        if CONTROL.search(raw):
            self.add("control", location, quoted(raw))
        self.n_kept += 1
        return True

    def add_span(self, start: int, end: int, *, is_repaired: bool = False) -> None:
        """Record the position of a good row."""
        self.n_repaired += is_repaired
        if self.spans and self.spans[-1][1:] == (start, is_repaired):
            start = self.spans.pop().start
        self.spans.append(Span(start, end, is_repaired))


def quoted(raw: bytes) -> str:
    """Return a word or a line for display: not too long, with bytes that are not UTF-8 escaped."""
    text = raw[:LONGEST_SHOWN].decode("utf-8", "backslashreplace")
    return f"'{text}'" if len(raw) <= LONGEST_SHOWN else f"'{text}'..."
