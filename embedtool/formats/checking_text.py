"""Check and repair of text with a row a line, a word and numbers between single spaces.

A line is parsed as the readers do (`layout`). If that fails, it is split at any run of spaces and
tabs, to say why, and to repair it if all numbers are there.
"""

import warnings
from collections.abc import Iterator
from itertools import islice, takewhile
from pathlib import Path
from typing import BinaryIO, NamedTuple

from embedtool.formats.findings import Findings, quoted
from embedtool.formats.layout import (
    BLANKS,
    SAMPLE_LINES,
    SEPARATOR,
    Layout,
    header_of,
    layout_of,
    numbers_of,
    row_of,
)
from embedtool.formats.registry import FORMATS
from embedtool.formats.text_rows import UNKNOWN
from embedtool.io.atomic import atomic_write
from embedtool.io.progress import Progress, Report
from embedtool.messages import counted

BOM = b"\xef\xbb\xbf"
LONGEST_LINE = 2**22
"""Bytes: some 300,000 numbers. The rest of such a line is skipped."""
SAMPLE_BYTES = 2**24
"""Bytes of the file that are sampled for the layout."""
PROGRESS_LINES = 2**13
COPY_BYTES = 2**22


class Line(NamedTuple):
    """Line `number`, bytes [start, end) of the file including its line end.

    Attributes
    ----------
    number, start, end : int
        Its number and bytes.
    text : bytes or None
        Without the line end; None if the line is too long.
    is_ended : bool
        Whether it has a line end.
    """

    number: int
    start: int
    end: int
    text: bytes | None
    is_ended: bool


def check_text(findings: Findings, report: Report) -> None:
    """Check a file of word2vec's, fastText's or GloVe's text, line by line."""
    with findings.path.open("rb") as file, warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        sample = sample_of(findings, file)
        layout = _start(findings, sample)
        if not layout.vector_size:
            findings.add("unreadable", {"line": 1}, "no line has a word and numbers")
            return
        total, last, blank = findings.path.stat().st_size, b"", 0
        for line in islice(lines_of(file), int(findings.with_header), None):
            if line.text is not None and not line.text.strip(BLANKS):
                blank = blank or line.number
                continue
            if blank:
                for number in range(blank, line.number):
                    findings.add("blank", {"line": number})
                blank = 0
            last = _check_line(findings, layout, line) or last
            if line.number % PROGRESS_LINES == 0:
                report(Progress("checking", line.end, total, "bytes"))
        if blank:
            findings.add("blank_end", {"line": blank})
    n_rows = layout.header[0] if layout.header else None
    last_is_extra = (
        n_rows is not None and findings.n_rows == n_rows + 1 and last == UNKNOWN.encode()
    )
    if n_rows is not None and n_rows != findings.n_rows and not last_is_extra:
        findings.add(
            "header",
            {"line": 1},
            f"it says {counted(n_rows, 'row')}, but there are {findings.n_rows:,}",
        )


def lines_of(file: BinaryIO) -> Iterator[Line]:
    """Yield the lines of a file, without a byte order mark at its start."""
    file.seek(0)
    start = len(BOM) if file.read(len(BOM)) == BOM else 0
    file.seek(start)
    number = 0
    while piece := file.readline(LONGEST_LINE):
        number += 1
        end = start + len(piece)
        is_too_long = len(piece) == LONGEST_LINE and not piece.endswith(b"\n")
        text = None if is_too_long else piece.removesuffix(b"\n")
        while len(piece) == LONGEST_LINE and not piece.endswith(b"\n"):
            piece = file.readline(LONGEST_LINE)
            end += len(piece)
        yield Line(number, start, end, text, piece.endswith(b"\n"))
        start = end


def sample_of(findings: Findings, file: BinaryIO) -> list[Line]:
    """Return the first lines of a file; a byte order mark before them is a fault."""
    lines = islice(lines_of(file), SAMPLE_LINES)
    sample = list(takewhile(lambda line: line.start < SAMPLE_BYTES, lines))
    if sample and sample[0].start:
        findings.add("bom", {"line": 1})
    return sample


def _start(findings: Findings, sample: list[Line]) -> Layout:
    """Find the layout; a header that is missing or wrong is a fault."""
    texts = [line.text or b"" for line in sample]
    first = texts[0] if texts else b""
    spaced = b" ".join(SEPARATOR.split(first.strip(BLANKS)))
    if header_of(spaced):
        texts[0] = spaced
    needs_header = FORMATS[findings.format].arguments["header"]
    layout = layout_of(texts, needs_header=needs_header)
    findings.with_header, findings.vector_size = layout.header is not None, layout.vector_size
    if not layout.vector_size:
        return layout
    if layout.header is None:
        if needs_header:
            findings.add("header", {"line": 1}, f"no two whole numbers, but {quoted(first)}")
        elif layout.is_doubtful:
            findings.add("whole", {"line": 1}, quoted(first))
    elif layout.header[1] != layout.vector_size:
        said = (
            f"it says {counted(layout.header[1], 'number')} a row, but most have "
            f"{layout.vector_size:,}"
        )
        findings.add("header", {"line": 1}, said)
    elif header_of(first) is None:
        said = f"not two numbers with a space between: {quoted(first)}"
        findings.add("header", {"line": 1}, said)
    return layout


def repaired(text: bytes, vector_size: int) -> bytes | None:
    """Return the line with single spaces between its fields, or None if their number is wrong."""
    fields = SEPARATOR.split(text.strip(BLANKS))
    return b" ".join(fields) if len(fields) == vector_size + 1 else None


def _check_line(findings: Findings, layout: Layout, line: Line) -> bytes | None:
    """Validate a line that is not blank; return its word, if it has one."""
    location, text, size = {"line": line.number}, line.text, findings.vector_size
    if text is None:
        findings.add("long", location, f"{counted(line.end - line.start, 'byte')}")
        return None
    findings.n_rows += 1
    row = row_of(text, size)
    doubt = layout.doubt(row[0], row[1]) if row else "certain"
    is_repaired = (
        doubt == "certain" and (fixed := row_of(repaired(text, size) or b"", size)) is not None
    )
    if is_repaired:
        row, doubt = fixed, "none"
    if row is None or doubt == "certain":
        kind, why = _why(text, size)
        findings.add(kind if line.is_ended else "cut", location, why)
        return None
    if is_repaired:
        findings.add("separator", location, quoted(text))
    if findings.validate_row(location, row[0], row[2]):
        findings.add_span(line.start, line.end, is_repaired=is_repaired)
        if doubt == "possible":
            findings.add("numeric", location, quoted(row[0]))
        if text.endswith(b"\r"):
            findings.add("crlf", location)
        if not line.is_ended:
            findings.add("unended", location)
    return row[0]


def _why(text: bytes, vector_size: int) -> tuple[str, str]:
    """Return the kind of fault that keeps a line from being a row, and what it is."""
    word, *fields = SEPARATOR.split(text.strip(BLANKS))
    wrong = [field for field in fields[-vector_size:] if numbers_of(field) is None]
    if len(fields) != vector_size:
        return "fields", f"{quoted(word)} with {len(fields):,} instead of {vector_size:,}"
    return "number", f"{quoted(word)}: {quoted(wrong[0] if wrong else text)}"


def write_text(findings: Findings, path: Path) -> None:
    """Write the good rows, byte by byte, under a header that counts them.

    GloVe's text gets no header unless it had one, or its first row looks like one.
    """
    with findings.path.open("rb") as source, atomic_write(path) as file:
        source.seek(findings.spans[0].start)
        first = source.readline().removesuffix(b"\n")
        if findings.spans[0].is_repaired:
            first = repaired(first, findings.vector_size) or first
        if FORMATS[findings.format].arguments["header"] or findings.with_header or header_of(first):
            file.write(b"%d %d\n" % (findings.n_kept, findings.vector_size))
        for start, end, is_repaired in findings.spans:
            source.seek(start)
            while start < end:
                if is_repaired:
                    line = source.readline()
                    start += len(line)
                    piece = (
                        repaired(line.removesuffix(b"\n"), findings.vector_size) or b""
                    ) + b"\n"
                else:
                    piece = source.read(min(COPY_BYTES, end - start))
                    start += len(piece)
                file.write(piece)
            if not piece.endswith(b"\n"):
                file.write(b"\n")
