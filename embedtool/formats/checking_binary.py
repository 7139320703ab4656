"""Check and repair of word2vec's binary.

This format has no marks at the start of rows. If the number of rows in the header does not end at
the end of the file, bytes are missing or extra. Then, if a word is implausible, the next offset is
searched from which several rows have plausible words.
"""

import mmap
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from embedtool.formats.findings import Findings, quoted
from embedtool.formats.layout import CONTROL, header_of
from embedtool.formats.word2vec_binary import (
    LONGEST_WORD,
    NO_LINE_END,
    after_line_end,
    end_of_rows,
    holds_text,
    next_row,
)
from embedtool.io.atomic import atomic_write
from embedtool.io.progress import Progress, Report
from embedtool.messages import counted

LONGEST_HEADER = 64
LONGEST_LIKELY = 1000
"""Maximum bytes of a plausible word."""
ROWS_IN_LINE = 4
"""Number of plausible words, each one row after the last, that are not a coincidence."""
PROGRESS_ROWS = 2**14
COPY_BYTES = 2**22


def check_binary(findings: Findings, report: Report) -> None:
    """Check a file of word2vec's binary, row by row."""
    with (
        findings.path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data,
    ):
        end_of_header = data.find(b"\n", 0, LONGEST_HEADER)
        header = header_of(data[: max(end_of_header, 0)])
        offset = end_of_header + 1
        if header is None:
            findings.add("unreadable", {"byte": 0}, "no header line of two numbers")
            return
        n_rows, findings.vector_size = header
        if holds_text(data, offset, *header):
            findings.add("unreadable", {"byte": offset}, "is text, not binary")
            return
        findings.with_header = True
        rows = _Rows(data, 4 * findings.vector_size)
        for start, end in rows.ranges(findings, offset, n_rows):
            _check_row(findings, rows, start, end)
            if findings.n_rows % PROGRESS_ROWS == 0:
                report(Progress("checking", end, len(data), "bytes"))
    if n_rows != findings.n_rows:
        findings.add(
            "header",
            {"byte": 0},
            f"it says {counted(n_rows, 'row')}, but there are {findings.n_rows:,}",
        )


class _Rows:
    """The positions of rows in `data`; the numbers of each take `row_bytes`."""

    def __init__(self, data: mmap.mmap, row_bytes: int) -> None:
        self.data = data
        self.row_bytes = row_bytes

    def ranges(self, findings: Findings, offset: int, n_rows: int) -> Iterator[tuple[int, int]]:
        """Yield the bytes [start, end) of each row; bytes that belong to none are recorded.

        Parameters
        ----------
        findings : Findings
            Where faults are recorded.
        offset : int
            The byte after the header.
        n_rows : int
            The number in the header; bytes after these rows are not a truncated row.
        """
        in_step_until = end_of_rows(self.data, offset, n_rows, self.row_bytes)
        while (start := after_line_end(self.data, offset)) < len(self.data):
            space = self.data.find(b" ", start, start + LONGEST_WORD)
            end = space + 1 + self.row_bytes
            if start >= in_step_until:
                is_likely = self._is_likely(start, space)
                found = end if is_likely and end <= len(self.data) else None
                if not is_likely:
                    found = self._resumed(start)
                if found is None:
                    self._note_rest(findings, start, n_rows)
                    return
                if not is_likely and not self._is_in_step(start, found):
                    location = {"row": findings.n_rows + 1, "byte": start}
                    findings.add("stray", location, f"{counted(found - start, 'byte')}")
                    offset = found
                    continue
                in_step_until = found
            yield start, end
            offset = end

    def _is_likely(self, start: int, space: int) -> bool:
        """Return whether the bytes before a space are a plausible word."""
        if not start < space <= start + LONGEST_LIKELY:
            return False
        raw = self.data[start:space]
        try:
            raw.decode()
        except UnicodeDecodeError:
            return False
        return CONTROL.search(raw) is None

    def _resumed(self, start: int) -> int | None:
        """Return the first offset after `start` that ends a row and from which rows continue."""
        space = self.data.find(b" ", start)
        while space >= 0 and (end := space + 1 + self.row_bytes) <= len(self.data):
            if all(islice(self._ahead(end), ROWS_IN_LINE)):
                return end
            space = self.data.find(b" ", space + 1)
        return None

    def _is_in_step(self, offset: int, found: int) -> bool:
        """Return whether rows, even with bad words, lead from an offset to where rows continue."""
        while 0 < offset < found:
            offset = next_row(self.data, offset, self.row_bytes)
        return offset == found

    def _ahead(self, offset: int) -> Iterator[bool]:
        """Yield for the rows that would follow from an offset whether their words are plausible."""
        n_bytes = len(self.data)
        while offset <= n_bytes and (start := after_line_end(self.data, offset)) < n_bytes:
            space = self.data.find(b" ", start, start + LONGEST_LIKELY)
            if space < 0 and n_bytes - start < LONGEST_LIKELY:
                return  # the file is cut in a word
            yield self._is_likely(start, space)
            if space < 0:
                return
            offset = space + 1 + self.row_bytes

    def _note_rest(self, findings: Findings, start: int, n_rows: int) -> None:
        """Record the rest of the file without further rows: a truncated row, or extra bytes."""
        n_left = len(self.data) - start
        location = {"row": findings.n_rows + 1, "byte": start}
        if n_left < self.row_bytes + LONGEST_LIKELY and findings.n_rows < n_rows:
            findings.add("cut", location, f"the row ends after {counted(n_left, 'byte')}")
        elif NO_LINE_END.search(self.data, start):
            findings.add("stray", location, f"{counted(n_left, 'byte')} to the end of the file")


def _check_row(findings: Findings, rows: _Rows, start: int, end: int) -> None:
    findings.n_rows += 1
    location = {"row": findings.n_rows, "byte": start}
    first = end - rows.row_bytes
    word = rows.data[start : first - 1]
    if b"\n" in word:
        findings.add("missing", location, f"{quoted(word)} holds a line end")
        return
    if findings.validate_row(location, word, np.frombuffer(rows.data[first:end], dtype="<f4")):
        findings.add_span(start, after_line_end(rows.data, end))


def write_binary(findings: Findings, path: Path) -> None:
    """Write the good rows, byte by byte, under a header that counts them."""
    with findings.path.open("rb") as source, atomic_write(path) as file:
        file.write(b"%d %d\n" % (findings.n_kept, findings.vector_size))
        for start, end, _ in findings.spans:
            source.seek(start)
            while start < end:
                piece = source.read(min(COPY_BYTES, end - start))
                start += len(piece)
                file.write(piece)
