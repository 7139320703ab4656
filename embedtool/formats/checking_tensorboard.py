"""Check of TensorBoard's two files, numbers and words."""

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from embedtool.errors import FormatError
from embedtool.formats.checking_text import Line, lines_of, sample_of
from embedtool.formats.findings import Findings, quoted
from embedtool.formats.options import ReadOptions
from embedtool.formats.tensorboard import numbers_of, size_of, without_blanks, word_lines
from embedtool.io.progress import Report
from embedtool.messages import counted
from embedtool.model.vectors import VectorTable


def check_tensorboard(findings: Findings, report: Report) -> None:
    """Check the rows of numbers, each with the word of its line."""
    try:
        words: Sequence[tuple[int, bytes]] = word_lines(findings.path, ReadOptions())
    except FormatError as error:
        findings.add("unreadable", {}, str(error))
        return
    good, rows = [], []
    with findings.path.open("rb") as file:
        sample = sample_of(findings, file)
        findings.vector_size = size_of([line.text or b"" for line in sample])
        lines = _rows_of(lines_of(file))
        for (_, word), line in zip(words, lines, strict=False):
            findings.n_rows += 1
            values = _values(findings, line)
            if values is not None and findings.validate_row({"line": line.number}, word, values):
                good.append(word.decode())
                rows.append(values)
        n_lines = findings.n_rows + sum(1 for _ in lines)
    if n_lines < len(words):
        words = without_blanks(words)
    if n_lines != len(words):
        findings.add(
            "unpaired",
            {},
            f"{counted(len(words), 'word')}, but {counted(n_lines, 'row')} of numbers",
        )
    if good:
        findings.vectors = VectorTable(good, np.array(rows))


def _rows_of(lines: Iterable[Line]) -> Iterator[Line]:
    """Yield the lines, without blank ones at the end."""
    blank: list[Line] = []
    for line in lines:
        blank.append(line)
        if line.text is None or line.text.strip():
            yield from blank
            blank.clear()


def _values(findings: Findings, line: Line) -> NDArray[np.float32] | None:
    """Return the numbers of a line; None if they are too few, too many, or not numbers."""
    location, text, size = {"line": line.number}, line.text or b"", findings.vector_size
    numbers = numbers_of(text)
    if numbers is None:
        findings.add("number", location, quoted(text))
        return None
    if len(numbers) != size:
        findings.add("fields", location, f"{len(numbers):,} instead of {size:,}")
        return None
    with np.errstate(over="ignore"):
        return np.array(numbers, dtype=np.float32)
